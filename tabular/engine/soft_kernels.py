"""Compiled passes of soft planning, ``V_t = tau_t log sum_a nu_t(a) exp(P_a V_{t+1} / tau_t)``.

Temperatures ``tau``, shape (T, S), may differ from step to step and from state to state, and so may the
reference policy ``nu``, shape (T, C). States of temperature zero are never reached: they count as worth
nothing.
"""

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
    temperature: np.ndarray,
    reference: np.ndarray,
    policy: np.ndarray,
) -> np.ndarray:
    """Return ``V_0`` for terminal rewards, shape (S,); write the soft policy, shape (T, C)."""
    values, backed = terminal.copy(), np.empty(len(terminal))
    for step in range(len(policy) - 1, -1, -1):
        for state in range(len(terminal)):
            first, last = choice_offsets[state], choice_offsets[state + 1]
            scale, top = temperature[step, state], -np.inf
            if scale == 0.0:
                policy[step, first:last] = 1.0 / (last - first)
                backed[state] = 0.0
                continue
            for choice in range(first, last):
                q = 0.0
                for item in range(offsets[choice], offsets[choice + 1]):
                    q += probabilities[item] * values[successors[item]]
                policy[step, choice] = q / scale
                if reference[step, choice] > 0.0:
                    top = max(top, q / scale)
            total = 0.0
            for choice in range(first, last):
                share = reference[step, choice]
                share = share * np.exp(policy[step, choice] - top) if share > 0.0 else 0.0
                policy[step, choice] = share
                total += share
            for choice in range(first, last):
                policy[step, choice] /= total
            backed[state] = scale * (top + np.log(total))
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
    temperature: np.ndarray,
    policy: np.ndarray,
    mass: np.ndarray,
    direction: np.ndarray,
    moved: np.ndarray,
) -> np.ndarray:
    """Return the derivative of the terminal distribution along a direction of terminal rewards, shape (S,).

    With ``dQ = P dV``, ``dV = sum_a pi_a dQ_a`` and ``dpi_a = pi_a (dQ_a - dV) / tau`` the change of the mass
    is ``dm_{t+1} = P^T (dm_t pi_t + m_t dpi_t)``. Writes ``dpi`` to `moved`, shape (T, C).
    """
    n_states = len(direction)
    values, backed = direction.copy(), np.empty(n_states)
    for step in range(len(policy) - 1, -1, -1):
        for state in range(n_states):
            first, last = choice_offsets[state], choice_offsets[state + 1]
            scale, mean = temperature[step, state], 0.0
            if scale == 0.0:
                moved[step, first:last] = 0.0
                backed[state] = 0.0
                continue
            for choice in range(first, last):
                q = 0.0
                for item in range(offsets[choice], offsets[choice + 1]):
                    q += probabilities[item] * values[successors[item]]
                moved[step, choice] = q
                mean += policy[step, choice] * q
            for choice in range(first, last):
                moved[step, choice] = policy[step, choice] * (moved[step, choice] - mean) / scale
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
                if through != 0.0:
                    for item in range(offsets[choice], offsets[choice + 1]):
                        following[successors[item]] += probabilities[item] * through
        change, following = following, change
    return change
