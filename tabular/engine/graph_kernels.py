"""Compiled graph searches on the choices of a process: predecessors, levels, orders, sure avoidance."""

from __future__ import annotations

import numpy as np

from metaregret.tabular.jit import njit

__all__ = ["avoiding", "backward_search", "levels_to_see", "nearest_first", "predecessors"]


@njit(cache=True, nogil=True)
def predecessors(n_states: int, offsets: np.ndarray, successors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the choices that can lead to each state, as offsets, shape (S + 1,), and choices, shape (M,)."""
    starts = np.zeros(n_states + 1, dtype=np.int64)
    for item in range(len(successors)):
        starts[successors[item] + 1] += 1
    for state in range(n_states):
        starts[state + 1] += starts[state]
    place = starts[:-1].copy()
    choices = np.empty(len(successors), dtype=np.int32)
    for choice in range(len(offsets) - 1):
        for item in range(offsets[choice], offsets[choice + 1]):
            state = successors[item]
            choices[place[state]] = choice
            place[state] += 1
    return starts, choices


@njit(cache=True, nogil=True)
def backward_search(
    starts: np.ndarray,
    choices: np.ndarray,
    choice_state: np.ndarray,
    sources: np.ndarray,
    allowed: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Breadth-first search against the transitions, from `sources`, through `allowed` choices.

    Parameters
    ----------
    starts, choices : ndarray
        From `predecessors`.
    choice_state : ndarray, shape (C,)
    sources : ndarray of bool, shape (S,)
    allowed : ndarray of bool, shape (C,)

    Returns
    -------
    tuple of ndarray
        The states found, nearest first, and for every state the choice by which it was found: one that leads
        with positive probability to a nearer state; -1 for sources, -2 for states that were not found.
    """
    n_states = len(starts) - 1
    order = np.empty(n_states, dtype=np.int64)
    through = np.full(n_states, -2, dtype=np.int64)
    tail = 0
    for state in range(n_states):
        if sources[state]:
            order[tail] = state
            tail += 1
            through[state] = -1
    head = 0
    while head < tail:
        target = order[head]
        head += 1
        for item in range(starts[target], starts[target + 1]):
            choice = choices[item]
            state = choice_state[choice]
            if allowed[choice] and through[state] == -2:
                through[state] = choice
                order[tail] = state
                tail += 1
    return order[:tail], through


@njit(cache=True, nogil=True)
def _predecessor_states(
    choice_offsets: np.ndarray, offsets: np.ndarray, successors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the states that can lead to each state, once for each transition: offsets, shape (S + 1,), and
    states, shape (M,)."""
    n_states = len(choice_offsets) - 1
    starts = np.zeros(n_states + 2, dtype=np.int64)
    for item in range(len(successors)):
        starts[successors[item] + 2] += 1
    for state in range(n_states):
        starts[state + 2] += starts[state + 1]
    states = np.empty(len(successors), dtype=np.int32)
    for state in range(n_states):
        for item in range(offsets[choice_offsets[state]], offsets[choice_offsets[state + 1]]):
            place = successors[item] + 1  # the offset of a list is one too far right until the list is full
            states[starts[place]] = state
            starts[place] += 1
    return starts[:-1], states


@njit(cache=True, nogil=True)
def nearest_first(
    choice_offsets: np.ndarray, offsets: np.ndarray, successors: np.ndarray, rewards: np.ndarray
) -> np.ndarray:
    """Order all states, shape (S,): those that can earn the largest of the `rewards`, shape (C,), those that
    can reach them, nearest first, and the rest."""
    starts, states = _predecessor_states(choice_offsets, offsets, successors)
    n_states = len(starts) - 1
    order = np.empty(n_states, dtype=np.int64)
    seen = np.zeros(n_states, dtype=np.bool_)
    largest, tail, head = rewards.max(), 0, 0
    for state in range(n_states):
        for choice in range(choice_offsets[state], choice_offsets[state + 1]):
            if rewards[choice] == largest and not seen[state]:
                seen[state] = True
                order[tail] = state
                tail += 1
    while head < tail:
        target = order[head]
        head += 1
        for item in range(starts[target], starts[target + 1]):
            state = states[item]
            if not seen[state]:
                seen[state] = True
                order[tail] = state
                tail += 1
    for state in range(n_states):
        if not seen[state]:
            order[tail] = state
            tail += 1
    return order


@njit(cache=True, nogil=True)
def avoiding(
    choice_offsets: np.ndarray,
    starts: np.ndarray,
    choices: np.ndarray,
    choice_state: np.ndarray,
    forbidden: np.ndarray,
) -> np.ndarray:
    """Return a mask of the states from which some policy surely never enters `forbidden` (a safety game)."""
    n_states = len(starts) - 1
    safe = ~forbidden
    alive = np.ones(len(choice_state), dtype=np.bool_)
    left = np.diff(choice_offsets)
    queue = np.empty(n_states, dtype=np.int64)
    tail = 0
    for state in range(n_states):
        if forbidden[state]:
            queue[tail] = state
            tail += 1
    head = 0
    while head < tail:
        target = queue[head]
        head += 1
        for item in range(starts[target], starts[target + 1]):
            choice = choices[item]
            if not alive[choice]:
                continue
            alive[choice] = False
            state = choice_state[choice]
            left[state] -= 1
            if left[state] == 0 and safe[state]:
                safe[state] = False
                queue[tail] = state
                tail += 1
    return safe


@njit(cache=True, nogil=True)
def levels_to_see(
    choice_offsets: np.ndarray, offsets: np.ndarray, successors: np.ndarray, start: int, wanted: int
) -> tuple[int, int]:
    """Search breadth-first from `start` until `wanted` states are seen; return states seen and levels
    used."""
    seen = np.zeros(len(choice_offsets) - 1, dtype=np.bool_)
    queue = np.empty(len(seen), dtype=np.int64)
    queue[0], tail, head, levels = start, 1, 0, 0
    seen[start] = True
    while tail < wanted and head < tail:
        levels += 1
        last = tail
        while head < last:
            state = queue[head]
            head += 1
            for item in range(offsets[choice_offsets[state]], offsets[choice_offsets[state + 1]]):
                successor = successors[item]
                if not seen[successor]:
                    seen[successor] = True
                    queue[tail] = successor
                    tail += 1
    return tail, levels
