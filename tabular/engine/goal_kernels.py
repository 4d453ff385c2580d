"""Compiled all-goals backward induction: a tile of goals is one SIMD lane each, states are swept once for all
of them.

The lanes of a tile are tuples, which the compiler keeps in vector registers over the whole sum of a choice.
That takes the vectoriser of straight-line code (SLP), which numba leaves off; it is switched on while these
functions compile.

Deterministic processes need no arithmetic: whether goal ``g`` can be reached in exactly ``k`` steps is one
bit, and 64 goals make one machine word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from metaregret.tabular.jit import njit, prange

__all__ = ["LANES", "induct_goals", "reach_bits"]

LANES = 16
"""Goals in one tile: four vector registers of sums, and two cache lines of values a state."""

# Values are finite, so that comparisons need no care for NaN; sums keep their order.
MATH = {"contract", "nnan", "nsz"}


def _straight_line(*signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile at once for `signature`, with the vectoriser of straight-line code."""

    def compiled(function: Callable[..., Any]) -> Any:
        options: Any = numba.config  # numba sets its options dynamically
        before = options.SLP_VECTORIZE
        options.SLP_VECTORIZE = 1
        try:
            return njit(signature, cache=True, nogil=True, fastmath=MATH)(function)
        finally:
            options.SLP_VECTORIZE = before

    return compiled


@njit(inline="always")
def _plus(t: Any, w: float, v: np.ndarray, s: Any) -> Any:
    """Add the weighted values of state `s` to the sums of all lanes."""
    return (
        t[0] + w * v[s, 0], t[1] + w * v[s, 1], t[2] + w * v[s, 2], t[3] + w * v[s, 3],
        t[4] + w * v[s, 4], t[5] + w * v[s, 5], t[6] + w * v[s, 6], t[7] + w * v[s, 7],
        t[8] + w * v[s, 8], t[9] + w * v[s, 9], t[10] + w * v[s, 10], t[11] + w * v[s, 11],
        t[12] + w * v[s, 12], t[13] + w * v[s, 13], t[14] + w * v[s, 14], t[15] + w * v[s, 15],
    )  # fmt: skip


@njit(inline="always")
def _where(c: Any, d: Any, t: Any, b: Any) -> Any:
    """Lane by lane, the element of `t` where that of `c` is greater than that of `d`, else the element of
    `b`."""
    return (
        t[0] if c[0] > d[0] else b[0], t[1] if c[1] > d[1] else b[1],
        t[2] if c[2] > d[2] else b[2], t[3] if c[3] > d[3] else b[3],
        t[4] if c[4] > d[4] else b[4], t[5] if c[5] > d[5] else b[5],
        t[6] if c[6] > d[6] else b[6], t[7] if c[7] > d[7] else b[7],
        t[8] if c[8] > d[8] else b[8], t[9] if c[9] > d[9] else b[9],
        t[10] if c[10] > d[10] else b[10], t[11] if c[11] > d[11] else b[11],
        t[12] if c[12] > d[12] else b[12], t[13] if c[13] > d[13] else b[13],
        t[14] if c[14] > d[14] else b[14], t[15] if c[15] > d[15] else b[15],
    )  # fmt: skip


@njit(inline="always")
def _all(x: float) -> Any:
    return (x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x)


@njit(inline="always")
def _store(v: np.ndarray, s: Any, t: Any) -> None:
    v[s, 0], v[s, 1], v[s, 2], v[s, 3] = t[0], t[1], t[2], t[3]
    v[s, 4], v[s, 5], v[s, 6], v[s, 7] = t[4], t[5], t[6], t[7]
    v[s, 8], v[s, 9], v[s, 10], v[s, 11] = t[8], t[9], t[10], t[11]
    v[s, 12], v[s, 13], v[s, 14], v[s, 15] = t[12], t[13], t[14], t[15]


# The arrays of a process are read-only, which is part of their compiled type.
_ints = numba.types.Array(numba.int64, 1, "C", readonly=True)
_floats = numba.types.Array(numba.float64, 1, "C", readonly=True)
_table = numba.float64[:, ::1]


@_straight_line(_ints, _ints, _ints, _floats, _table, _table)
def _sweep(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    values: np.ndarray,
    following: np.ndarray,
) -> None:
    """Write ``following = max_c P_c values`` for all lanes, both of shape (S, LANES)."""
    for state in range(len(choice_offsets) - 1):
        best = _all(-1.0)
        for choice in range(choice_offsets[state], choice_offsets[state + 1]):
            total = _all(0.0)
            for item in range(offsets[choice], offsets[choice + 1]):
                total = _plus(total, probabilities[item], values, np.uintp(successors[item]))
            best = _where(total, best, total, best)
        _store(following, np.uintp(state), best)


@_straight_line(_ints, _ints, _ints, _floats, _table, _table, _table)
def _sweep_ranked(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    values: np.ndarray,
    following: np.ndarray,
    ranks: np.ndarray,
) -> None:
    """As `_sweep`, and write the rank of the first maximising choice of every state, shape (S, LANES)."""
    for state in range(len(choice_offsets) - 1):
        best, rank = _all(-1.0), _all(0.0)
        for choice in range(choice_offsets[state], choice_offsets[state + 1]):
            total = _all(0.0)
            for item in range(offsets[choice], offsets[choice + 1]):
                total = _plus(total, probabilities[item], values, np.uintp(successors[item]))
            rank = _where(total, best, _all(float(choice - choice_offsets[state])), rank)
            best = _where(total, best, total, best)
        _store(following, np.uintp(state), best)
        _store(ranks, np.uintp(state), rank)


@njit(cache=True, nogil=True, parallel=True)
def induct_goals(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    goals: np.ndarray,
    steps: int,
    result: np.ndarray,
    policies: np.ndarray,
) -> None:
    """Write ``result[s, k]``, the best probability of being at ``goals[k]`` after `steps` steps from ``s``.

    Parameters
    ----------
    result : ndarray of float64, shape (S, K)
    policies : ndarray of unsigned int, shape (T, S, K) or (0, 0, K)
        Written: the rank of the chosen choice among those of the state, first index the steps already taken.
    """
    n_states, keep = len(choice_offsets) - 1, policies.shape[0] > 0
    for tile in prange((len(goals) + LANES - 1) // LANES):
        first = tile * LANES
        count = min(LANES, len(goals) - first)
        values, following = np.zeros((n_states, LANES)), np.empty((n_states, LANES))
        ranks = np.empty((n_states if keep else 0, LANES))
        for lane in range(count):
            values[goals[first + lane], lane] = 1.0
        for step in range(steps - 1, -1, -1):
            if keep:
                _sweep_ranked(choice_offsets, offsets, successors, probabilities, values, following, ranks)
                for state in range(n_states):
                    for lane in range(count):
                        policies[step, state, first + lane] = ranks[state, lane]
            else:
                _sweep(choice_offsets, offsets, successors, probabilities, values, following)
            values, following = following, values
        for state in range(n_states):
            for lane in range(count):
                result[state, first + lane] = values[state, lane]


@njit(cache=True, nogil=True)
def reach_bits(
    choice_offsets: np.ndarray, successors: np.ndarray, words: np.ndarray, steps: int, policies: np.ndarray
) -> np.ndarray:
    """Deterministic dynamics: which goals can be the state after exactly `steps` steps.

    Parameters
    ----------
    successors : ndarray, shape (C,)
    words : ndarray of uint64, shape (S, W)
        Goals as bits: bit ``k`` of row ``s`` says that ``s`` is goal ``k``.
    policies : ndarray of unsigned int, shape (T, S, K) or (0, 0, K)
        Written as in `induct_goals`: the first choice that keeps the goal in reach, or rank 0.

    Returns
    -------
    ndarray of uint64, shape (S, W)
    """
    n_states, width = words.shape
    keep = policies.shape[0] > 0
    values, following = words.copy(), np.empty_like(words)
    one = np.uint64(1)
    for step in range(steps - 1, -1, -1):
        for state in range(n_states):
            first, last = choice_offsets[state], choice_offsets[state + 1]
            for word in range(width):
                bits = values[successors[first], word]
                for choice in range(first + 1, last):
                    fresh = values[successors[choice], word] & ~bits
                    bits |= fresh
                    if not keep:
                        continue
                    bit = 0
                    while fresh:
                        if fresh & one:
                            policies[step, state, word * 64 + bit] = choice - first
                        fresh >>= one
                        bit += 1
                following[state, word] = bits
        values, following = following, values
    return values
