"""The Bellman operator of a problem behind one interface, for dense and sparse rows.

Dense rows of choices that cannot be optimal are left out of further backups (`Operator.leave_out`): on models
that mix well one row per state is left after a few of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.engine.layout import Rows, frozen

__all__ = ["Operator"]

FEW = 0.6
"""Share of the dense rows that are left from which on they are gone through one by one."""


@dataclass(eq=False)
class Operator:
    """``T V = max_c (r_c + gamma P_c V)`` with the arrays it writes.

    Attributes
    ----------
    rows : Rows
    matrix : ndarray of float64, shape (C, S), or None
        Dense rows, where BLAS is the better kernel.
    rewards : ndarray of float64, shape (C,)
    gamma : float
    residual : ndarray of float64, shape (S,)
        ``T V - V`` of the last backup.
    policy : ndarray of int64, shape (S,)
        A greedy choice of every state at the last backup (-1 before the first).
    kept : ndarray of int64
        The choices that backups of dense rows go through, in order.
    """

    rows: Rows
    matrix: np.ndarray | None
    rewards: np.ndarray
    gamma: float

    def __post_init__(self) -> None:
        self.residual = np.empty(self.rows.n_states)
        self.policy = np.full(self.rows.n_states, -1)
        self.kept = np.arange(len(self.rewards))
        self._starts, self._decisions = self.rows.choice_offsets, self.policy
        self._returns = np.empty(0)

    def backup(self, values: np.ndarray) -> tuple[float, float, int]:
        """Write residual and policy; return least and greatest residual and the number of changed
        decisions."""
        from metaregret.tabular.engine import kernels

        rows = self.rows
        if self.matrix is None:
            return kernels.backup(
                *rows.arrays,
                self.rewards,
                self.gamma,
                values,
                values,
                self.residual,
                self.policy,
                rows.threaded,
            )
        self._returns = self._dense_returns(values)
        found = kernels.reduce_choices(self._starts, self._returns, values, self.residual, self._decisions)
        if self._decisions is not self.policy:
            self.policy[:] = self.kept[self._decisions]
        return found

    def _dense_returns(self, values: np.ndarray) -> np.ndarray:
        """Return ``r_c + gamma P_c V`` of the choices that are kept."""
        from metaregret.tabular.engine import kernels

        assert self.matrix is not None
        if not values.any():
            return self.rewards[self.kept]
        if len(self.kept) < FEW * len(self.matrix):
            returns = kernels.chosen_rows_times(self.matrix, self.kept, values)
            returns *= self.gamma
            return returns + self.rewards[self.kept]
        returns = self.matrix @ values
        returns *= self.gamma
        returns += self.rewards
        return returns if len(self.kept) == len(returns) else returns[self.kept]

    def leave_out(self, values: np.ndarray, lower: np.ndarray, upper: np.ndarray, spare: float) -> None:
        """Leave out dense rows of choices that bounds on the optimal values prove not to be optimal.

        With ``V* <= V + b`` a choice is worth at most ``r_c + gamma P_c V + max(b, 0)``; it is out where that
        is below the lower bound of its state (MacQueen, *A test for suboptimal actions in Markovian decision
        problems*, 1967).

        Parameters
        ----------
        values : ndarray, shape (S,)
            At which the last backup was made.
        lower, upper : ndarray, shape (S,)
            Certified bounds on the optimal values.
        spare : float
            Rounding error of the backup, and what row sums may be above one, in units of value.
        """
        most = self._returns + (max(float((upper - values).max()), 0.0) + spare)
        counts = np.diff(self._starts)
        good = most >= np.repeat(lower, counts)
        left = np.add.reduceat(good, self._starts[:-1], dtype=np.int64)
        if good.all() or not left.all():
            return
        self.kept = self.kept[good]
        self._starts = frozen(np.concatenate([[0], np.cumsum(left)]))
        self._decisions = np.full(len(left), -1)

    def longest_sum(self) -> int:
        """Terms of the longest sum in a backup, for rounding allowances."""
        return self.rows.n_states if self.matrix is not None else self.rows.longest
