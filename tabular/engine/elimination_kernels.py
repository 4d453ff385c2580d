"""Compiled policy iteration for small models, bounds included: one call from the data to the certificate.

The chain of a policy is solved by elimination. ``I - gamma P`` is strictly diagonally dominant, so no rows
have to be exchanged (Golub & Van Loan, *Matrix Computations*, 4th ed., sec. 4.1). Each solve corrects the
Bellman residual, so that errors do not pile up.

Source: Puterman, *Markov Decision Processes* (1994), sec. 6.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from metaregret.tabular.engine.bound_kernels import macqueen
from metaregret.tabular.engine.kernels import MATH, backup_range
from metaregret.tabular.jit import njit

__all__ = ["plan_small"]

PATIENCE = 3
"""Rounds in a row without a smaller residual or another policy: rounding has the last word."""


@njit(cache=True, nogil=True)
def _fill(rows: Any, gamma: float, policy: np.ndarray, system: np.ndarray) -> None:
    """Write ``I - gamma P_policy``."""
    _, offsets, width, successors, probabilities = rows
    system[:] = 0.0
    for state in range(len(policy)):
        choice = policy[state]
        system[state, state] = 1.0
        first = choice * width if width > 0 else offsets[choice]
        last = first + width if width > 0 else offsets[choice + 1]
        for item in range(first, last):
            system[state, successors[item]] -= gamma * probabilities[item]


@njit(cache=True, nogil=True, fastmath=MATH)
def _eliminate(system: np.ndarray, right: np.ndarray) -> None:
    """Overwrite `right` with the solution of ``system x = right``, and `system` with its factors."""
    size = len(right)
    for pivot in range(size):
        scale = 1.0 / system[pivot, pivot]
        for row in range(pivot + 1, size):
            factor = system[row, pivot] * scale
            if factor != 0.0:
                right[row] -= factor * right[pivot]
                for column in range(pivot + 1, size):
                    system[row, column] -= factor * system[pivot, column]
    for row in range(size - 1, -1, -1):
        total = right[row]
        for column in range(row + 1, size):
            total -= system[row, column] * right[column]
        right[row] = total / system[row, row]


@njit(cache=True, nogil=True)
def plan_small(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    rewards: np.ndarray,
    reward_scale: float,
    gamma: float,
    low: float,
    high: float,
    roundoff: float,
    lower: np.ndarray,
    upper: np.ndarray,
    policy: np.ndarray,
    unit_goal: float,
    max_rounds: int,
) -> tuple[float, float, int]:
    """Policy iteration from zero, and the MacQueen bounds of its last backup.

    Parameters
    ----------
    choice_offsets, offsets, width, successors, probabilities
        The rows, see `metaregret.tabular.engine.kernels.backup`.
    rewards : ndarray, shape (C,)
    reward_scale, low, high, roundoff : float
        See `metaregret.tabular.engine.bound_kernels.macqueen`.
    lower, upper, policy : ndarray, shape (S,)
        Written.
    unit_goal : float
        Residual span, relative to the largest value, at which it stops.

    Returns
    -------
    tuple
        The largest gap, the scale of the tolerance, and the number of backups.
    """
    size, rows = len(lower), (choice_offsets, offsets, width, successors, probabilities)
    system = np.empty((size, size))
    lower[:] = 0.0
    policy[:] = -1
    best, stalled, backups, magnitude = np.inf, 0, 0, 1.0
    while True:
        least, greatest, changed = backup_range(
            0, size, choice_offsets, offsets, width, successors, probabilities, rewards, gamma, lower, lower,
            upper, policy,
        )  # fmt: skip
        backups += 1
        reach = max(abs(least), abs(greatest))
        stalled = 0 if changed > 0 or reach < 0.5 * best else stalled + 1
        best = min(best, reach)
        if greatest - least <= unit_goal * magnitude or stalled >= PATIENCE or backups >= max_rounds:
            gap, scale = macqueen(lower, upper, least, greatest, low, high, roundoff, reward_scale)
            return gap, scale, backups
        _fill(rows, gamma, policy, system)
        _eliminate(system, upper)
        magnitude = 1.0
        for state in range(size):
            lower[state] += upper[state]
            magnitude = max(magnitude, abs(lower[state]))
