"""Compiled passes over many nodes of a branch and bound, each of which fixes some decisions (step, state).

Sums are in the order of the states, whatever else is in the batch.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.engine.kernels import MATH
from metaregret.tabular.jit import njit

__all__ = ["best_values", "visits_of"]


@njit(cache=True, nogil=True)
def first_that_differs(fixed: np.ndarray, node: int) -> int:
    """Return after how many steps a node takes the same decisions as the one before it."""
    for level in range(fixed.shape[1] - 1, -1, -1):
        for state in range(fixed.shape[2]):
            if fixed[node, level, state] != fixed[node - 1, level, state]:
                return level + 1
    return 0


@njit(inline="always")
def back_up(
    level: int,
    state: int,
    only: int,
    count: int,
    choice_of: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    values: np.ndarray,
    q: np.ndarray,
) -> int:
    """Write the best values of one state, shape (m,), over its actions or `only` one (if it is none of them,
    -1); return the best action for the last column."""
    begin, end = (only, only + 1) if only >= 0 else (0, count)
    chosen, columns = begin, len(q)
    for action in range(begin, end):
        for k in range(columns):
            q[k] = 0.0
        choice = choice_of[state, action]
        for item in range(offsets[choice], offsets[choice + 1]):
            p, after = probabilities[item], successors[item]
            for k in range(columns):
                q[k] += p * values[level + 1, after, k]
        if action == begin:
            for k in range(columns):
                values[level, state, k] = q[k]
            continue
        if q[-1] > values[level, state, columns - 1]:
            chosen = action
        for k in range(columns):
            values[level, state, k] = max(values[level, state, k], q[k])
    return chosen


@njit(cache=True, nogil=True, fastmath=MATH)
def best_values(
    rewards: np.ndarray,
    fixed: np.ndarray,
    first: np.ndarray,
    met: np.ndarray,
    counts: np.ndarray,
    choice_of: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    actions: np.ndarray,
) -> np.ndarray:
    """Return the best values of the states met first, shape (n, K_0, m), by backward induction.

    Parameters
    ----------
    rewards : ndarray, shape (n or 1, K_L, m)
        At the states met last; the same for all nodes, or one each.
    fixed : ndarray of int, shape (n, L, S)
        The action, -1 where it is free.
    first, met : ndarray of int, shapes (L + 2,) and (sum K_l,)
        ``met[first[l] : first[l + 1]]`` are the states that can be met after ``l`` steps.
    counts, choice_of : ndarray of int, shapes (S,) and (S, A)
        The number of actions of a state, and their choices.
    offsets, successors, probabilities : ndarray
        The rows of the choices.
    actions : ndarray of int, shape (n, L, S)
        Where the best actions for the last column are written; left as it is if it is empty.
    """
    nodes, levels, states = fixed.shape
    columns, shared = rewards.shape[2], len(rewards) == 1
    values = np.zeros((levels + 1, states, columns))
    q = np.empty(columns)
    result = np.empty((nodes, first[1], columns))
    for node in range(nodes):
        top = levels
        if node and shared and not len(actions):
            # Values after the last decision in which it differs from the node before are the same.
            top = first_that_differs(fixed, node)
        else:
            for place in range(first[levels], first[levels + 1]):
                values[levels, met[place]] = rewards[0 if shared else node, place - first[levels]]
        for level in range(top - 1, -1, -1):
            for place in range(first[level], first[level + 1]):
                state, only = met[place], fixed[node, level, met[place]]
                chosen = back_up(
                    level, state, only, counts[state], choice_of, offsets, successors, probabilities,
                    values, q,
                )  # fmt: skip
                if len(actions):
                    actions[node, level, state] = chosen
        for place in range(first[1]):
            result[node, place] = values[0, met[place]]
    return result


@njit(cache=True, nogil=True)
def visits_of(
    initial: np.ndarray,
    actions: np.ndarray,
    first: np.ndarray,
    met: np.ndarray,
    choice_of: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
) -> np.ndarray:
    """Return how often every (step, state) is met, and where episodes end, shape (n, L + 1, S); see
    `best_values`."""
    nodes, levels, states = actions.shape
    visits = np.zeros((nodes, levels + 1, states))
    for node in range(nodes):
        visits[node, 0] = initial
        for level in range(levels):
            for state in met[first[level] : first[level + 1]]:
                mass = visits[node, level, state]
                choice = choice_of[state, actions[node, level, state]]
                for item in range(offsets[choice], offsets[choice + 1]):
                    visits[node, level + 1, successors[item]] += mass * probabilities[item]
    return visits
