"""Compiled backups of the Bellman operator over sparse rows.

Two layouts share every kernel. *Fixed-width rows* (ELL): the transitions of choice ``c`` stand at
``c * width : (c + 1) * width``, padded with probability zero; no offsets are read, and the compiler sees one
trip count. *Ragged rows* (``width = 0``): they stand at ``offsets[c] : offsets[c + 1]``. Compiled code passes
them as one tuple, ``rows = (choice_offsets, offsets, width, successors, probabilities)``, see
`metaregret.tabular.engine.layout.Rows`; calls from Python spell it out, because a tuple among the arguments
costs as much as the backup of a small model.

A sweep is cut into chunks of consecutive states. Small models run them in one thread, because a parallel
region costs more than their sweep; large ones spread them over threads. The result does not depend on the
number of threads. Products and sums may be fused (`fastmath` without the flags that assume finite numbers):
the rounding allowance of `metaregret.tabular.bounds.relative_error` covers that and any order of summation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from metaregret.tabular.jit import njit, prange

__all__ = [
    "CHUNK",
    "MATH",
    "backup",
    "backup_range",
    "expected",
    "extremes",
    "gap_and_scale",
    "midpoints",
    "reduce_choices",
]

CHUNK = 8192
"""States in one piece of parallel work."""

# Sums keep their order (rows are too short for vectors), multiplications and additions may fuse.
MATH = {"contract", "nsz"}


@njit(inline="always")
def _row_sum(
    first: int, last: int, width: int, successors: np.ndarray, probabilities: np.ndarray, values: np.ndarray
) -> Any:
    """Return ``sum p V(s')`` over the transitions ``first:last`` of a row, without padding in between.

    The first terms are written out behind branches on the row width, which the processor predicts without
    fail; unsigned positions spare the test for a negative index that numba would make at every access.
    Together this is three to five times as fast as the plain loop on short rows.
    """
    at = np.uintp(first)
    total = probabilities[at] * values[np.uintp(successors[at])]
    if width > 1:
        item = at + np.uintp(1)
        total += probabilities[item] * values[np.uintp(successors[item])]
    if width > 2:
        item = at + np.uintp(2)
        total += probabilities[item] * values[np.uintp(successors[item])]
    if width > 3:
        item = at + np.uintp(3)
        total += probabilities[item] * values[np.uintp(successors[item])]
    if width > 4:
        item = at + np.uintp(4)
        total += probabilities[item] * values[np.uintp(successors[item])]
    if width > 5:
        for further in range(first + 5, last):
            item = np.uintp(further)
            total += probabilities[item] * values[np.uintp(successors[item])]
    return total


@njit(inline="always")
def expected(rows: Any, choice: int, values: np.ndarray) -> Any:
    """Return ``P_c V``; zero for an empty row."""
    _, offsets, width, successors, probabilities = rows
    total = values.dtype.type(0)
    if width > 0:
        first = choice * width
        total = values.dtype.type(_row_sum(first, first + width, width, successors, probabilities, values))
    else:
        first, last = offsets[choice], offsets[choice + 1]
        if last > first:
            total = values.dtype.type(_row_sum(first, last, last - first, successors, probabilities, values))
    return total


@njit(cache=True, nogil=True, fastmath=MATH)
def backup_range(
    first: int,
    last: int,
    rows: Any,
    rewards: np.ndarray,
    gamma: float,
    values: np.ndarray,
    following: np.ndarray,
    policy: np.ndarray,
    relative: bool,
) -> tuple[float, float, int]:
    """Back up the states ``first:last``; see `backup`."""
    choice_offsets, keep = rows[0], len(policy) > 0
    least, greatest, changed = np.inf, -np.inf, 0
    discount = values.dtype.type(gamma)
    for state in range(first, last):
        best, decision = -np.inf, choice_offsets[state]
        for choice in range(choice_offsets[state], choice_offsets[state + 1]):
            total = rewards[choice] + discount * expected(rows, choice, values)
            if total > best:
                best, decision = total, choice
        if keep and policy[state] != decision:
            policy[state] = decision
            changed += 1
        found = best - values[state] if relative else best
        following[state] = found
        least = found if found < least else least
        greatest = found if found > greatest else greatest
    return least, greatest, changed


@njit(cache=True, nogil=True, parallel=True)
def _backup_parallel(
    rows: Any,
    rewards: np.ndarray,
    gamma: float,
    values: np.ndarray,
    following: np.ndarray,
    policy: np.ndarray,
    relative: bool,
) -> tuple[float, float, int]:
    count = len(values)
    chunks = (count + CHUNK - 1) // CHUNK
    least, greatest = np.empty(chunks), np.empty(chunks)
    changed = np.empty(chunks, dtype=np.int64)
    for chunk in prange(chunks):
        first = chunk * CHUNK
        least[chunk], greatest[chunk], changed[chunk] = backup_range(
            first, min(count, first + CHUNK), rows, rewards, gamma, values, following, policy, relative
        )
    return least.min(), greatest.max(), changed.sum()


@njit(cache=True, nogil=True)
def backup(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    rewards: np.ndarray,
    gamma: float,
    values: np.ndarray,
    following: np.ndarray,
    policy: np.ndarray,
    relative: bool,
    threads: bool,
) -> tuple[float, float, int]:
    """Compute ``T values`` or, if `relative`, the residual ``T values - values``, and a greedy policy.

    Parameters
    ----------
    choice_offsets, offsets, width, successors, probabilities
        The rows.
    rewards : ndarray, shape (C,)
        Expected reward of each choice.
    values : ndarray, shape (S,)
    following, policy : ndarray, shape (S,)
        Written: the result, and the first maximising choice of every state (unless that is empty).

    Returns
    -------
    tuple
        Least and greatest element of the result, and the number of decisions that changed.
    """
    rows = (choice_offsets, offsets, width, successors, probabilities)
    if threads:
        return _backup_parallel(rows, rewards, gamma, values, following, policy, relative)
    return backup_range(0, len(values), rows, rewards, gamma, values, following, policy, relative)


@njit(cache=True, nogil=True)
def reduce_choices(
    choice_offsets: np.ndarray,
    action_values: np.ndarray,
    values: np.ndarray,
    following: np.ndarray,
    policy: np.ndarray,
    relative: bool,
) -> tuple[float, float, int]:
    """Maximise `action_values`, shape (C,), within each state; see `backup` for what is written and
    returned."""
    least, greatest, changed, keep = np.inf, -np.inf, 0, len(policy) > 0
    for state in range(len(values)):
        decision = choice_offsets[state]
        best = action_values[decision]
        for choice in range(decision + 1, choice_offsets[state + 1]):
            if action_values[choice] > best:
                best, decision = action_values[choice], choice
        if keep and policy[state] != decision:
            policy[state] = decision
            changed += 1
        found = best - values[state] if relative else best
        following[state] = found
        least = found if found < least else least
        greatest = found if found > greatest else greatest
    return least, greatest, changed


@njit(cache=True, nogil=True)
def extremes(array: np.ndarray) -> tuple[float, float]:
    """Return the least and greatest element; both are NaN where there is a NaN, and 0 for an empty array."""
    if len(array) == 0:
        return 0.0, 0.0
    least, greatest = array[0], array[0]
    for value in array:
        if math.isnan(value):
            return np.nan, np.nan
        least = value if value < least else least
        greatest = value if value > greatest else greatest
    return least, greatest


@njit(cache=True, nogil=True)
def gap_and_scale(lower: np.ndarray, upper: np.ndarray) -> tuple[float, float]:
    """Return the largest gap and ``max(1, largest absolute value)``; values that are surely infinite have gap
    0, a NaN makes the gap infinite."""
    gap, scale = 0.0, 1.0
    for state in range(len(lower)):
        low, high = lower[state], upper[state]
        if low == high:
            size = abs(low)
            if size < np.inf:
                scale = max(scale, size)
            continue
        width = high - low
        if not width < np.inf:
            return np.inf, scale
        gap = max(gap, width)
        scale = max(scale, min(abs(low), abs(high)))
    return gap, scale


@njit(cache=True, nogil=True)
def midpoints(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return the middle of every interval; halved before they are added, because the sum may overflow."""
    middle = np.empty(len(lower))
    for state in range(len(lower)):
        middle[state] = 0.5 * lower[state] + 0.5 * upper[state]
    return middle
