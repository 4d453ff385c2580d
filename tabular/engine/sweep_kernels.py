"""Compiled Gauss-Seidel sweeps in a given order, with self-loop elimination.

A choice that stays with probability ``p`` is replaced by its exact resolvent, ``(r + gamma sum_{s' != s} P V)
/ (1 - gamma p)``; in the order of distance to a goal, one sweep then carries the goal's value over a whole
deterministic model.

Source: Puterman (1994), sec. 6.3.3; Bertsekas, *Dynamic Programming and Optimal Control*, vol. II (2012),
sec. 2.2.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.engine.kernels import MATH
from metaregret.tabular.jit import njit

__all__ = ["evaluate_in_order", "improve_in_order"]


@njit(cache=True, nogil=True, fastmath=MATH, inline="always")
def _resolved(
    state: int,
    choice: int,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    reward: float,
    gamma: float,
    values: np.ndarray,
) -> float:
    """Value of `choice` with its self-loop resolved; minus infinity where it never leaves."""
    total, stay = 0.0, 0.0
    start = choice * width if width > 0 else offsets[choice]
    stop = start + width if width > 0 else offsets[choice + 1]
    for place in range(start, stop):
        item = np.uintp(place)  # unsigned: no test for a negative index
        successor = np.uintp(successors[item])
        if successor == np.uintp(state):
            stay += probabilities[item]
        else:
            total += probabilities[item] * values[successor]
    if stay == 0.0:  # spares a division
        return reward + gamma * total
    leave = 1.0 - gamma * stay
    if leave < 1e-12:
        return -np.inf
    return (reward + gamma * total) / leave


@njit(cache=True, nogil=True)
def improve_in_order(
    order: np.ndarray,
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    rewards: np.ndarray,
    gamma: float,
    threshold: float,
    values: np.ndarray,
    policy: np.ndarray,
) -> tuple[float, int]:
    """One sweep of ``V(s) <- max_c`` in `order`, in place; return the largest change and the changed
    decisions.

    A decision changes only for a gain above `threshold`, so that rounding does not make a proper policy
    improper.
    """
    largest, changed = 0.0, 0
    for place in range(len(order)):
        state = order[place]
        decision = policy[state]
        best = -np.inf
        if decision >= 0:
            best = _resolved(
                state, decision, offsets, width, successors, probabilities, rewards[decision], gamma, values
            )
        bar = best + threshold
        for choice in range(choice_offsets[state], choice_offsets[state + 1]):
            value = _resolved(
                state, choice, offsets, width, successors, probabilities, rewards[choice], gamma, values
            )
            if value > bar:
                best, decision = value, choice
                bar = value
        if decision != policy[state]:
            policy[state] = decision
            changed += 1
        largest = max(largest, abs(best - values[state]))
        values[state] = best
    return largest, changed


@njit(cache=True, nogil=True)
def evaluate_in_order(
    order: np.ndarray,
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    constant: np.ndarray,
    gamma: float,
    policy: np.ndarray,
    values: np.ndarray,
    goal: float,
    max_sweeps: int,
) -> tuple[float, int]:
    """Sweep ``V(s) <- constant(s) + gamma P_policy V`` in `order`, forth and back, until the change is below
    `goal`.

    Returns
    -------
    tuple
        Largest relative change of the last sweep, and the number of sweeps.
    """
    largest, sweeps = np.inf, 0
    count = len(order)
    while sweeps < max_sweeps:
        largest = 0.0
        top = 1e-300
        for place in range(count):
            state = order[place] if sweeps % 2 == 0 else order[count - 1 - place]
            choice = policy[state]
            value = _resolved(
                state, choice, offsets, width, successors, probabilities, constant[state], gamma, values
            )
            largest = max(largest, abs(value - values[state]))
            top = max(top, abs(value))
            values[state] = value
        sweeps += 1
        largest = largest / top
        if largest <= goal:
            break
    return largest, sweeps
