"""The Bellman backup on compressed sparse rows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from metaregret.tabular.backup.base import Backup
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["SparseBackup"]


class SparseBackup(Backup):
    """Floating-point backup; costs one multiplication per transition and column."""

    def __init__(self, process: ControlledMarkovProcess) -> None:
        super().__init__(process)
        self._matrix = process.matrix
        # A row of n terms: n products, n - 1 sums, and the rounding of each stored probability.
        self.roundings = int(np.diff(process.offsets).max()) + 3

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
