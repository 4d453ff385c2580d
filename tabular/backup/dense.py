"""The Bellman backup on a dense matrix of choices by states, for BLAS."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from metaregret.tabular.backup.base import Backup
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["DenseBackup"]

MAX_ENTRIES = 2**28


class DenseBackup(Backup):
    """Floating-point backup; memory ``8 C S`` bytes.

    Raises
    ------
    InstanceTooLargeError
        Before a matrix of more than two gibibytes is allocated.
    """

    def __init__(self, process: ControlledMarkovProcess) -> None:
        super().__init__(process)
        entries = process.n_choices * process.n_states
        if entries > MAX_ENTRIES:
            raise InstanceTooLargeError(
                f"A dense matrix of {process.n_choices} choices by {process.n_states} states needs "
                f"{8 * entries / 2**30:.1f} GiB; use the sparse representation."
            )
        self._matrix = process.matrix.toarray()
        self.roundings = process.n_states + 3

    def expected(self, values: np.ndarray) -> np.ndarray:
        return self._matrix @ values

    def push(self, weights: np.ndarray) -> np.ndarray:
        return weights @ self._matrix

    def number(self, value: Fraction) -> float:
        return float(value)

    def array(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values, dtype=float)

    def initial(self) -> np.ndarray:
        return self.process.initial
