"""Compiled passes of the soft Bellman recursion ``V_t = log sum_a exp(P_a V_{t+1})`` and its derivatives."""

from __future__ import annotations

import numpy as np

from metaregret.tabular.jit import njit

__all__ = ["soft_backward", "soft_change", "soft_forward"]


@njit(cache=True, nogil=True)
def soft_backward(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    terminal: np.ndarray,
    policy: np.ndarray,
) -> np.ndarray:
    """Return ``V_0`` for terminal rewards, shape (S,); write the soft policy, shape (T, C)."""
    values, backed = terminal.copy(), np.empty(len(terminal))
    for step in range(len(policy) - 1, -1, -1):
        for state in range(len(terminal)):
            first, last = choice_offsets[state], choice_offsets[state + 1]
            top = -np.inf
            for choice in range(first, last):
                q = 0.0
                for item in range(offsets[choice], offsets[choice + 1]):
                    q += probabilities[item] * values[successors[item]]
                policy[step, choice] = q
                top = max(top, q)
            total = 0.0
            for choice in range(first, last):
                policy[step, choice] = np.exp(policy[step, choice] - top)
                total += policy[step, choice]
            for choice in range(first, last):
                policy[step, choice] /= total
            backed[state] = top + np.log(total)
        values, backed = backed, values
    return values


@njit(cache=True, nogil=True)
def soft_forward(
    choice_state: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    initial: np.ndarray,
    policy: np.ndarray,
    mass: np.ndarray,
) -> None:
    """Write the distributions of the states at all steps, shape (T + 1, S)."""
    mass[:] = 0.0
    mass[0] = initial
    for step in range(len(policy)):
        for choice in range(len(choice_state)):
            through = mass[step, choice_state[choice]] * policy[step, choice]
            if through > 0.0:
                for item in range(offsets[choice], offsets[choice + 1]):
                    mass[step + 1, successors[item]] += probabilities[item] * through


@njit(cache=True, nogil=True)
def soft_change(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    policy: np.ndarray,
    mass: np.ndarray,
    direction: np.ndarray,
    moved: np.ndarray,
) -> np.ndarray:
    """Return the derivative of the terminal distribution along a direction of terminal rewards, shape (S,).

    With ``dQ = P dV``, ``dV = sum_a pi_a dQ_a`` and ``dpi_a = pi_a (dQ_a - dV)`` the change of the mass is
    ``dm_{t+1} = P^T (dm_t pi_t + m_t dpi_t)``. `moved`, shape (T, C), is scratch for ``dpi``.
    """
    n_states = len(direction)
    values, backed = direction.copy(), np.empty(n_states)
    for step in range(len(policy) - 1, -1, -1):
        for state in range(n_states):
            mean = 0.0
            for choice in range(choice_offsets[state], choice_offsets[state + 1]):
                q = 0.0
                for item in range(offsets[choice], offsets[choice + 1]):
                    q += probabilities[item] * values[successors[item]]
                moved[step, choice] = q
                mean += policy[step, choice] * q
            for choice in range(choice_offsets[state], choice_offsets[state + 1]):
                moved[step, choice] = policy[step, choice] * (moved[step, choice] - mean)
            backed[state] = mean
        values, backed = backed, values
    change, following = np.zeros(n_states), np.empty(n_states)
    for step in range(len(policy)):
        following[:] = 0.0
        for state in range(n_states):
            here, less = mass[step, state], change[state]
            if here == 0.0 and less == 0.0:
                continue
            for choice in range(choice_offsets[state], choice_offsets[state + 1]):
                through = less * policy[step, choice] + here * moved[step, choice]
                for item in range(offsets[choice], offsets[choice + 1]):
                    following[successors[item]] += probabilities[item] * through
        change, following = following, change
    return change
