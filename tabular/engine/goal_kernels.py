"""Compiled backward induction and forward passes for many terminal rewards: a tile of them is one SIMD lane
each, states are swept once for all of them.

The lanes of a tile are tuples, which the compiler keeps in vector registers over the whole sum of a choice.
That takes the vectoriser of straight-line code (SLP), which numba leaves off; it is switched on while these
functions compile.

Three things are left out because they are known to be zero or the same:

* what all choices of a state have in common (where the agent slips to, whatever it does) is summed once;
* states that cannot have been reached by a step are not planned for at it (states are numbered in the order
  in which they can first be reached, so these are the last ones);
* states from which no reward of the tile can be reached in the steps that are left have value zero.

Where policies are followed, equally good choices take turns: the search for the best one begins at a rank
that grows by one per step. What has lost its goal then stays about where it is, and paths of equal worth are
spread over the process. With ties to the first choice all lost mass of a slipping grid ends in one corner,
more than any mixture of goals' policies may bring there (70 x 70 cells, 140 steps).

Deterministic processes need no arithmetic: whether goal ``g`` can be reached in exactly ``k`` steps is one
bit, and 64 goals make one machine word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from metaregret.tabular.jit import njit, prange

__all__ = ["LANES", "induct", "reach_bits"]

LANES = 16
"""Terminal rewards in one tile: four vector registers of sums, and two cache lines of values per state."""

# Values are finite, so that comparisons need no care for NaN; sums keep their order.
MATH = {"contract", "nnan", "nsz"}
NEGLIGIBLE = 1e-290
"""States that no lane enters with more than this probability are not followed further."""


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
def _load(v: np.ndarray, s: Any) -> Any:
    """Return the lanes of state `s`."""
    return (
        v[s, 0], v[s, 1], v[s, 2], v[s, 3], v[s, 4], v[s, 5], v[s, 6], v[s, 7],
        v[s, 8], v[s, 9], v[s, 10], v[s, 11], v[s, 12], v[s, 13], v[s, 14], v[s, 15],
    )  # fmt: skip


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
    """Lane by lane, the element of `t` where that of `c` is greater than that of `d`, else that of `b`."""
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
def _chosen(m: Any, r: np.ndarray, s: Any, k: Any) -> Any:
    """Lane by lane, the mass where the rank stored for state `s` is `k`, else zero."""
    return (
        m[0] if r[s, 0] == k else 0.0, m[1] if r[s, 1] == k else 0.0,
        m[2] if r[s, 2] == k else 0.0, m[3] if r[s, 3] == k else 0.0,
        m[4] if r[s, 4] == k else 0.0, m[5] if r[s, 5] == k else 0.0,
        m[6] if r[s, 6] == k else 0.0, m[7] if r[s, 7] == k else 0.0,
        m[8] if r[s, 8] == k else 0.0, m[9] if r[s, 9] == k else 0.0,
        m[10] if r[s, 10] == k else 0.0, m[11] if r[s, 11] == k else 0.0,
        m[12] if r[s, 12] == k else 0.0, m[13] if r[s, 13] == k else 0.0,
        m[14] if r[s, 14] == k else 0.0, m[15] if r[s, 15] == k else 0.0,
    )  # fmt: skip


@njit(inline="always")
def _all(x: float) -> Any:
    return (x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x)


@njit(inline="always")
def _total(t: Any) -> Any:
    return (
        ((t[0] + t[1]) + (t[2] + t[3])) + ((t[4] + t[5]) + (t[6] + t[7]))
        + (((t[8] + t[9]) + (t[10] + t[11])) + ((t[12] + t[13]) + (t[14] + t[15])))
    )  # fmt: skip


@njit(inline="always")
def _store(v: np.ndarray, s: Any, t: Any) -> None:
    v[s, 0], v[s, 1], v[s, 2], v[s, 3] = t[0], t[1], t[2], t[3]
    v[s, 4], v[s, 5], v[s, 6], v[s, 7] = t[4], t[5], t[6], t[7]
    v[s, 8], v[s, 9], v[s, 10], v[s, 11] = t[8], t[9], t[10], t[11]
    v[s, 12], v[s, 13], v[s, 14], v[s, 15] = t[12], t[13], t[14], t[15]


@njit(inline="always")
def _times(w: Any, t: Any) -> Any:
    """Return the products of two tuples, lane by lane."""
    return (
        w[0] * t[0], w[1] * t[1], w[2] * t[2], w[3] * t[3],
        w[4] * t[4], w[5] * t[5], w[6] * t[6], w[7] * t[7],
        w[8] * t[8], w[9] * t[9], w[10] * t[10], w[11] * t[11],
        w[12] * t[12], w[13] * t[13], w[14] * t[14], w[15] * t[15],
    )  # fmt: skip


@njit(inline="always")
def _add(t: Any, w: float, u: Any) -> Any:
    """Return ``t + w u``, lane by lane."""
    return (
        t[0] + w * u[0], t[1] + w * u[1], t[2] + w * u[2], t[3] + w * u[3],
        t[4] + w * u[4], t[5] + w * u[5], t[6] + w * u[6], t[7] + w * u[7],
        t[8] + w * u[8], t[9] + w * u[9], t[10] + w * u[10], t[11] + w * u[11],
        t[12] + w * u[12], t[13] + w * u[13], t[14] + w * u[14], t[15] + w * u[15],
    )  # fmt: skip


@njit(inline="always")
def _weighed(w: Any, t: Any) -> Any:
    return _total(_times(w, t))


# The arrays of a layout are read-only, which is part of their compiled type.
_ints = numba.types.Array(numba.int64, 1, "C", readonly=True)
_floats = numba.types.Array(numba.float64, 1, "C", readonly=True)
_table = numba.float64[:, ::1]
_ranks = numba.uint16[:, ::1]
_layout = (_ints, _ints, _ints, _floats, _ints, _ints, _floats)


@_straight_line(*_layout, numba.int64, _ints, numba.int64, numba.int64, _table, _table, _ranks)
def _sweep(
    choice_offsets: np.ndarray,
    common_offsets: np.ndarray,
    common_successors: np.ndarray,
    common_probabilities: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    count: int,
    distance: np.ndarray,
    left: int,
    turn: int,
    values: np.ndarray,
    following: np.ndarray,
    ranks: np.ndarray,
) -> None:
    """Write ``following = max_c P_c values`` for all lanes, both of shape (S, LANES), and the rank of the
    first maximising choice from rank `turn` on, cyclically, for the first `count` states; values only where
    `distance` is at most `left`."""
    for state in range(count):
        first = choice_offsets[state]
        several = choice_offsets[state + 1] - first
        if distance[state] > left:
            _store(ranks, np.uintp(state), _all(float(turn % several)))
            continue
        best, rank = _all(-1.0), _all(0.0)
        for place in range(turn, turn + several):
            choice = first + place % several
            total = _all(0.0)
            for item in range(offsets[choice], offsets[choice + 1]):
                total = _plus(total, probabilities[item], values, np.uintp(successors[item]))
            rank = _where(total, best, _all(float(choice - first)), rank)
            best = _where(total, best, total, best)
        for item in range(common_offsets[state], common_offsets[state + 1]):
            best = _plus(best, common_probabilities[item], values, np.uintp(common_successors[item]))
        _store(following, np.uintp(state), best)
        _store(ranks, np.uintp(state), rank)


@_straight_line(*_layout, numba.int64, _ranks, _table, _table, numba.float64[::1], numba.float64[::1])
def _spread(
    choice_offsets: np.ndarray,
    common_offsets: np.ndarray,
    common_successors: np.ndarray,
    common_probabilities: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    count: int,
    ranks: np.ndarray,
    mass: np.ndarray,
    following: np.ndarray,
    flow: np.ndarray,
    share: np.ndarray,
) -> None:
    """Move the mass of all lanes, shape (S, LANES), one step on: from `mass`, which is emptied, to
    `following`, which was empty. The flow through every choice, weighted by the lanes' shares, is added to
    `flow` where that has entries."""
    weights = (
        share[0], share[1], share[2], share[3], share[4], share[5], share[6], share[7],
        share[8], share[9], share[10], share[11], share[12], share[13], share[14], share[15],
    )  # fmt: skip
    for state in range(count):
        here = _load(mass, np.uintp(state))
        if _total(here) <= NEGLIGIBLE:
            continue
        _store(mass, np.uintp(state), _all(0.0))
        for item in range(common_offsets[state], common_offsets[state + 1]):
            to = np.uintp(common_successors[item])
            _store(following, to, _add(_load(following, to), common_probabilities[item], here))
        for choice in range(choice_offsets[state], choice_offsets[state + 1]):
            chosen = _chosen(here, ranks, np.uintp(state), choice - choice_offsets[state])
            if _total(chosen) <= 0.0:
                continue
            for item in range(offsets[choice], offsets[choice + 1]):
                to = np.uintp(successors[item])
                _store(following, to, _add(_load(following, to), probabilities[item], chosen))
            if len(flow):
                flow[choice] += _weighed(weights, chosen)


@njit(cache=True, nogil=True)
def _distances(
    backward_offsets: np.ndarray, predecessors: np.ndarray, distance: np.ndarray, queue: np.ndarray, tail: int
) -> None:
    """Write the number of steps to the nearest of the first `tail` states of `queue`, breadth first."""
    head = 0
    while head < tail:
        state = queue[head]
        head += 1
        for item in range(backward_offsets[state], backward_offsets[state + 1]):
            before = predecessors[item]
            if distance[before] > distance[state] + 1:
                distance[before] = distance[state] + 1
                queue[tail] = before
                tail += 1


@njit(cache=True, nogil=True)
def _open(
    reward_offsets: np.ndarray,
    reward_states: np.ndarray,
    rewards: np.ndarray,
    first: int,
    lanes: int,
    values: np.ndarray,
    distance: np.ndarray,
    queue: np.ndarray,
) -> int:
    """Write the terminal rewards of a tile; return how many states pay in it, which are now in `queue`."""
    tail = 0
    for lane in range(lanes):
        for item in range(reward_offsets[first + lane], reward_offsets[first + lane + 1]):
            state = reward_states[item]
            values[state, lane] = rewards[item]
            if distance[state] > 0:
                distance[state] = 0
                queue[tail] = state
                tail += 1
    return tail


@njit(cache=True, nogil=True)
def _copy(tile: np.ndarray, lanes: int, table: np.ndarray, first: int) -> None:
    """Write the lanes of a tile to the columns of a table, if it has rows. Element by element: what numba
    makes of slices takes longer to compile than what calls this."""
    for row in range(len(table)):
        for lane in range(lanes):
            table[row, first + lane] = tile[row, lane]


@njit(cache=True, nogil=True, parallel=True)
def induct(
    layout: tuple[np.ndarray, ...],
    backward_offsets: np.ndarray,
    predecessors: np.ndarray,
    counts: np.ndarray,
    initial: np.ndarray,
    reward_offsets: np.ndarray,
    reward_states: np.ndarray,
    rewards: np.ndarray,
    parts: int,
    shares: np.ndarray,
    at_start: np.ndarray,
    everywhere: np.ndarray,
    reached: np.ndarray,
    flows: np.ndarray,
    policies: np.ndarray,
) -> None:
    """Plan for every column of terminal rewards and follow the policies that were found.

    Parameters
    ----------
    layout : tuple
        As `_sweep` takes it.
    backward_offsets, predecessors : ndarray of int64
        The states from which each state can be entered.
    counts : ndarray of int64, shape (T + 1,)
        How many states (the first ones) may be occupied at each step.
    reward_offsets, reward_states, rewards : ndarray
        Column ``k`` pays ``rewards[i]`` in ``reward_states[i]``, ``reward_offsets[k] <= i <
        reward_offsets[k + 1]``; not negative.
    parts : int
        Tiles ``part, part + parts, ...`` are one job, and add to one flow.
    shares : ndarray of float64, shape (K,)
        Weights of the columns' policies in the flows.
    at_start : ndarray, shape (K,)
        Written: the best expected reward from the initial distribution.
    everywhere : ndarray, shape (S, K) or (0, 0)
        Written: the best expected reward after all steps from every state.
    reached : ndarray, shape (K, S) or (0, 0)
        Written: terminal distributions of the policies.
    flows : ndarray, shape (parts, T, C) or (parts, 0, 0)
        Added to: the shares' mixture of the probabilities of choices at steps.
    policies : ndarray of uint16, shape (T, S, K) or (0, 0, 0)
        Written: the rank of the chosen choice among those of the state, first index the steps taken.
    """
    columns, steps, n_states = len(reward_offsets) - 1, len(counts) - 1, len(initial)
    follow = len(reached) > 0 or flows.shape[1] > 0
    keep = follow or len(policies) > 0
    for part in prange(parts):
        ranks = np.empty((steps if keep else 1, n_states, LANES), dtype=np.uint16)
        distance, queue = np.empty(n_states, dtype=np.int64), np.empty(n_states, dtype=np.int64)
        share = np.zeros(LANES)
        for tile in range(part, (columns + LANES - 1) // LANES, parts):
            first = tile * LANES
            lanes = min(LANES, columns - first)
            values, following = np.zeros((n_states, LANES)), np.zeros((n_states, LANES))
            distance[:] = steps + 1
            tail = _open(reward_offsets, reward_states, rewards, first, lanes, values, distance, queue)
            _distances(backward_offsets, predecessors, distance, queue, tail)
            for step in range(steps - 1, -1, -1):
                left, row = steps - step, step if keep else 0
                turn = step if follow else 0
                _sweep(*layout, counts[step], distance, left, turn, values, following, ranks[row])
                values, following = following, values
            best = initial @ np.ascontiguousarray(values[:, :lanes])
            for lane in range(lanes):
                at_start[first + lane] = best[lane]
            _copy(values, lanes, everywhere, first)
            for step in range(len(policies)):
                _copy(ranks[step], lanes, policies[step], first)
            if not follow:
                continue
            values[:], following[:], share[:] = 0.0, 0.0, 0.0
            for lane in range(lanes):
                if flows.shape[1]:
                    share[lane] = shares[first + lane]
                for state in range(n_states):
                    values[state, lane] = initial[state]
            for step in range(steps):
                flow = flows[part, step] if flows.shape[1] else share[:0]
                _spread(*layout, counts[step], ranks[step], values, following, flow, share)
                values, following = following, values
            _copy(values, lanes, reached.T, first)


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
        Written as in `induct`: the first choice that keeps the goal in reach, or rank 0.

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
            bits = following[state]
            bits[:] = values[successors[first]]
            for choice in range(first + 1, last):
                more = values[successors[choice]]
                if keep:
                    for word in range(width):
                        fresh, goal = more[word] & ~bits[word], word * 64
                        while fresh:
                            if fresh & one:
                                policies[step, state, goal] = choice - first
                            fresh >>= one
                            goal += 1
                for word in range(width):
                    bits[word] |= more[word]
        values, following = following, values
    return values
