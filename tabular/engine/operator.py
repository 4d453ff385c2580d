"""The Bellman operator of a problem behind one interface, for dense and sparse rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.engine.layout import Rows

__all__ = ["Operator"]


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
    """

    rows: Rows
    matrix: np.ndarray | None
    rewards: np.ndarray
    gamma: float

    def __post_init__(self) -> None:
        self.residual = np.empty(self.rows.n_states)
        self.policy = np.full(self.rows.n_states, -1)

    def backup(self, values: np.ndarray) -> tuple[float, float, int]:
        """Write residual and policy; return least and greatest residual and the number of changed
        decisions."""
        from metaregret.tabular.engine import kernels

        rows = self.rows
        if self.matrix is not None:
            action_values = self.matrix @ values
            action_values *= self.gamma
            action_values += self.rewards
            return kernels.reduce_choices(
                rows.choice_offsets, action_values, values, self.residual, self.policy
            )
        return kernels.backup(
            *rows.arrays, self.rewards, self.gamma, values, values, self.residual, self.policy, rows.threaded
        )

    def longest_sum(self) -> int:
        """Terms of the longest sum in a backup, for rounding allowances."""
        return self.rows.n_states if self.matrix is not None else self.rows.longest
