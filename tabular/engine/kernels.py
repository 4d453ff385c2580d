"""Compiled backups of the Bellman operator over sparse rows.

Two layouts share every kernel. *Fixed-width rows* (ELL): the transitions of choice ``c`` stand at
``c * width : (c + 1) * width``, padded with probability zero; no offsets are read, and the compiler sees one
trip count. *Ragged rows* (``width = 0``): they stand at ``offsets[c] : offsets[c + 1]``. What is called once
a round takes them as one tuple, ``rows = (choice_offsets, offsets, width, successors, probabilities)``, see
`metaregret.tabular.engine.layout.Rows`; what is called once a sweep, or from Python, takes them one by one,
because a tuple among the arguments costs as much as a sweep of a small model.

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
    "chosen_rows_times",
    "extremes",
    "gap_and_scale",
    "midpoints",
    "reduce_choices",
    "row_sum",
]

CHUNK = 8192
"""States in one piece of parallel work."""

# Sums keep their order (rows are too short for vectors), multiplications and additions may fuse.
MATH = {"contract", "nsz"}


@njit(inline="always")
def row_sum(
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


@njit(cache=True, nogil=True, fastmath=MATH)
def backup_range(
    first: int,
    last: int,
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    rewards: np.ndarray,
    gamma: float,
    values: np.ndarray,
    base: np.ndarray | None,
    residual: np.ndarray,
    policy: np.ndarray,
) -> tuple[float, float, int]:
    """Back up the states ``first:last``; see `backup`."""
    least, greatest, changed = np.inf, -np.inf, 0
    discount = values.dtype.type(gamma)
    for state in range(first, last):
        best, decision = -np.inf, choice_offsets[state]
        for choice in range(choice_offsets[state], choice_offsets[state + 1]):
            if width > 0:
                start = choice * width
                total = row_sum(start, start + width, width, successors, probabilities, values)
            else:
                start, stop = offsets[choice], offsets[choice + 1]
                total = 0.0
                if stop > start:
                    total = row_sum(start, stop, stop - start, successors, probabilities, values)
            total = rewards[choice] + (total if base is None else discount * total)
            if total > best:
                best, decision = total, choice
        if base is None:  # known to the compiler
            residual[state], policy[state] = best, decision
            continue
        if policy[state] != decision:
            policy[state] = decision
            changed += 1
        difference = best - base[state]
        residual[state] = difference
        least = difference if difference < least else least
        greatest = difference if difference > greatest else greatest
    return least, greatest, changed


@njit(cache=True, nogil=True, parallel=True)
def _backup_parallel(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    rewards: np.ndarray,
    gamma: float,
    values: np.ndarray,
    base: np.ndarray | None,
    residual: np.ndarray,
    policy: np.ndarray,
) -> tuple[float, float, int]:
    count = len(values)
    chunks = (count + CHUNK - 1) // CHUNK
    least, greatest = np.empty(chunks), np.empty(chunks)
    changed = np.empty(chunks, dtype=np.int64)
    for chunk in prange(chunks):
        first = chunk * CHUNK
        least[chunk], greatest[chunk], changed[chunk] = backup_range(
            first, min(count, first + CHUNK), choice_offsets, offsets, width, successors, probabilities,
            rewards, gamma, values, base, residual, policy,
        )  # fmt: skip
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
    base: np.ndarray | None,
    residual: np.ndarray,
    policy: np.ndarray,
    threads: bool,
) -> tuple[float, float, int]:
    """Compute ``T values - base`` (the residual where `base` is `values`) and a greedy policy.

    Parameters
    ----------
    choice_offsets, offsets, width, successors, probabilities
        The rows.
    rewards : ndarray, shape (C,)
        Expected reward of each choice.
    values : ndarray, shape (S,)
    base : ndarray, shape (S,), or None
        None for ``T values``, which is all that is computed then.
    residual, policy : ndarray, shape (S,)
        Written: the difference, and the first maximising choice of every state.

    Returns
    -------
    tuple
        Least and greatest difference, and the number of decisions that changed.
    """
    if threads:
        return _backup_parallel(
            choice_offsets, offsets, width, successors, probabilities, rewards, gamma, values, base, residual,
            policy,
        )  # fmt: skip
    return backup_range(
        0, len(values), choice_offsets, offsets, width, successors, probabilities, rewards, gamma, values,
        base, residual, policy,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def reduce_choices(
    choice_offsets: np.ndarray,
    action_values: np.ndarray,
    base: np.ndarray,
    residual: np.ndarray,
    policy: np.ndarray,
) -> tuple[float, float, int]:
    """Maximise `action_values`, shape (C,), within each state; see `backup` for what is written and
    returned."""
    least, greatest, changed = np.inf, -np.inf, 0
    for state in range(len(base)):
        decision = choice_offsets[state]
        best = action_values[decision]
        for choice in range(decision + 1, choice_offsets[state + 1]):
            if action_values[choice] > best:
                best, decision = action_values[choice], choice
        if policy[state] != decision:
            policy[state] = decision
            changed += 1
        difference = best - base[state]
        residual[state] = difference
        least = difference if difference < least else least
        greatest = difference if difference > greatest else greatest
    return least, greatest, changed


@njit(cache=True, nogil=True, parallel=True, fastmath={"contract", "nsz", "reassoc"})
def chosen_rows_times(matrix: np.ndarray, chosen: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``matrix[chosen] @ values`` without a copy of the rows, shape (len(chosen),)."""
    found = np.empty(len(chosen))
    for place in prange(len(chosen)):
        row, total = matrix[chosen[place]], 0.0
        for item in range(len(values)):
            total += row[item] * values[item]
        found[place] = total
    return found


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
