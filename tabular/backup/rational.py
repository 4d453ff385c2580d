"""The Bellman backup in exact rational arithmetic (FLINT rationals inside, `Fraction` outside)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from metaregret.tabular.backup import Backup
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["RationalBackup", "from_flint", "to_flint"]


def to_flint(values: np.ndarray | Sequence[Fraction]) -> np.ndarray:
    """Return an object array of FLINT rationals, same shape.

    Finite floats are taken at their exact binary value.
    """
    array = np.asarray(values, dtype=object)
    flat = [Fraction(v) if not isinstance(v, flint.fmpq) else v for v in array.ravel().tolist()]
    result = np.empty(len(flat), dtype=object)
    result[:] = [v if isinstance(v, flint.fmpq) else flint.fmpq(v.numerator, v.denominator) for v in flat]
    return result.reshape(array.shape)


def from_flint(values: np.ndarray) -> np.ndarray:
    """Return an object array of `Fraction`, same shape."""
    flat = [Fraction(int(v.p), int(v.q)) for v in values.ravel().tolist()]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(values.shape)


class RationalBackup(Backup):
    """Exact backup on object arrays of FLINT rationals; tolerance zero.

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    """

    dtype = object

    def __init__(self, process: ControlledMarkovProcess) -> None:
        super().__init__(process)
        self._probabilities = to_flint(process.exact_probabilities)
        self._transition_starts = process.offsets[:-1]
        self.roundings = 0

    def expected(self, values: np.ndarray) -> np.ndarray:
        probabilities = self._probabilities if values.ndim == 1 else self._probabilities[:, None]
        return np.add.reduceat(
            probabilities * values[self.process.successors], self._transition_starts, axis=0
        )

    def push(self, weights: np.ndarray) -> np.ndarray:
        result = np.full(self.process.n_states, flint.fmpq(0), dtype=object)
        np.add.at(
            result, self.process.successors, self._probabilities * weights[self.process.transition_choice]
        )
        return result

    def number(self, value: Fraction) -> Any:
        return flint.fmpq(value.numerator, value.denominator)

    def array(self, values: np.ndarray) -> np.ndarray:
        return to_flint(values)

    def initial(self) -> np.ndarray:
        assert self.process.exact_initial is not None
        return to_flint(self.process.exact_initial)
