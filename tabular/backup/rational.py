"""The Bellman backup in exact rational arithmetic (FLINT rationals inside, `Fraction` outside)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from metaregret.tabular.backup import Backup, stacked
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


def _denominator(values: np.ndarray) -> int:
    """A common denominator of fmpq."""
    return math.lcm(*{int(value.q) for value in values.ravel().tolist()})


def _scaled(values: np.ndarray, unit: int) -> np.ndarray:
    """Python integers: fmpq times a common denominator."""
    whole = np.empty(values.size, dtype=object)
    whole[:] = [int(value.p) * (unit // int(value.q)) for value in values.ravel().tolist()]
    return whole.reshape(values.shape)


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
        self._chances = to_flint(process.exact_probabilities)
        self.roundings = 0

    def expected(self, values: np.ndarray) -> np.ndarray:
        return self.averaged(values[self.process.successors])

    def push(self, weights: np.ndarray) -> np.ndarray:
        result = np.full(self.process.n_states, flint.fmpq(0), dtype=object)
        np.add.at(result, self.process.successors, self._chances * weights[self.process.transition_choice])
        return result

    def induct(
        self, terminal: np.ndarray, steps: int, paid: np.ndarray | None = None, *, policies: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """See `Backup.induct`; in integers over common denominators, which need no reduction of fractions:
        ``V_t = X_t / (unit common**(T - t))``."""
        common, unit = _denominator(self._chances), _denominator(terminal)
        unit = unit if paid is None else math.lcm(unit, _denominator(paid))
        weights, values = _scaled(self._chances, common)[:, None], _scaled(terminal, unit)
        pays, scale, kept = None if paid is None else _scaled(paid, unit), 1, []
        for step in reversed(range(steps)):
            q = np.add.reduceat(weights * values[self.process.successors], self.process.offsets[:-1], axis=0)
            scale *= common
            if pays is not None:
                q = q + pays[step % len(pays)] * scale
            values = self.best(q)
            if policies:
                kept.append(self.greedy(q))
        found = np.empty(values.size, dtype=object)
        found[:] = [flint.fmpq(value, unit * scale) for value in values.ravel().tolist()]
        return found.reshape(values.shape), stacked(kept, values.shape) if policies else None

    def number(self, value: Fraction) -> Any:
        return flint.fmpq(value.numerator, value.denominator)

    def array(self, values: np.ndarray) -> np.ndarray:
        return to_flint(values)

    def initial(self) -> np.ndarray:
        assert self.process.exact_initial is not None
        return to_flint(self.process.exact_initial)
