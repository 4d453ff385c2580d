"""Best responses: for many terminal rewards at once, an optimal policy's terminal distribution.

For every row ``w`` of terminal rewards: backward induction finds a deterministic Markov policy that maximises
``E[w(s_T)]`` (ties go to the first choice), then a forward pass gives its terminal distribution. Compiled;
rows are spread over threads. Cost: ``2 T M`` multiplications a row, for ``M`` transitions. These are working
values: what is reported is evaluated afresh, with certified bounds.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.jit import njit, prange
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["best_responses", "mixed_flow"]

PARTS = 4
"""Shares of a mixture that are followed in parallel; fixed, so that sums do not depend on the machine."""


@njit(cache=True)
def _plan(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    terminal: np.ndarray,
    policy: np.ndarray,
) -> None:
    """Fill `policy`, shape (T, S), with optimal choices by backward induction."""
    states = len(terminal)
    values, backed = terminal.copy(), np.empty(states)
    for step in range(len(policy) - 1, -1, -1):
        for state in range(states):
            best, arg = -np.inf, 0
            for choice in range(choice_offsets[state], choice_offsets[state + 1]):
                q = 0.0
                for m in range(offsets[choice], offsets[choice + 1]):
                    q += probabilities[m] * values[successors[m]]
                if q > best:
                    best, arg = q, choice
            backed[state] = best
            policy[step, state] = arg
        values[:] = backed


@njit(cache=True)
def _follow(
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    initial: np.ndarray,
    policy: np.ndarray,
    reached: np.ndarray,
) -> None:
    """Fill `reached`, shape (S,), with the terminal distribution of a deterministic policy."""
    now, following = initial.copy(), np.empty(len(initial))
    for step in range(len(policy)):
        following[:] = 0.0
        for state in range(len(now)):
            if now[state] > 0.0:
                choice = policy[step, state]
                for m in range(offsets[choice], offsets[choice + 1]):
                    following[successors[m]] += probabilities[m] * now[state]
        now[:] = following
    reached[:] = now


@njit(cache=True, parallel=True)
def _respond_all(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    initial: np.ndarray,
    rewards: np.ndarray,
    steps: int,
) -> np.ndarray:
    reached = np.empty(rewards.shape)
    for row in prange(len(rewards)):
        policy = np.empty((steps, rewards.shape[1]), dtype=np.int64)
        _plan(choice_offsets, offsets, successors, probabilities, rewards[row], policy)
        _follow(offsets, successors, probabilities, initial, policy, reached[row])
    return reached


@njit(cache=True, parallel=True)
def _mix(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    initial: np.ndarray,
    rewards: np.ndarray,
    shares: np.ndarray,
    steps: int,
    parts: int,
) -> np.ndarray:
    """Return the flow of every `parts`-th policy, scaled by its share, shape (parts, T, C)."""
    states = rewards.shape[1]
    flows = np.zeros((parts, steps, len(offsets) - 1))
    for part in prange(parts):
        policy = np.empty((steps, states), dtype=np.int64)
        now, following = np.empty(states), np.empty(states)
        for row in range(part, len(rewards), parts):
            _plan(choice_offsets, offsets, successors, probabilities, rewards[row], policy)
            now[:] = shares[row] * initial
            for step in range(steps):
                following[:] = 0.0
                for state in range(states):
                    if now[state] > 0.0:
                        choice = policy[step, state]
                        flows[part, step, choice] += now[state]
                        for m in range(offsets[choice], offsets[choice + 1]):
                            following[successors[m]] += probabilities[m] * now[state]
                now[:] = following
    return flows


def _steps(process: ControlledMarkovProcess) -> int:
    if not isinstance(process.horizon, FiniteHorizon):
        raise UnsupportedError("Best responses are computed for finite horizons; give --horizon T.")
    return process.horizon.steps


def best_responses(process: ControlledMarkovProcess, rewards: np.ndarray) -> np.ndarray:
    """Return terminal distributions of optimal policies, one for each row of terminal rewards.

    Parameters
    ----------
    rewards : ndarray of float64, shape (n, S)

    Returns
    -------
    ndarray, shape (n, S)

    Raises
    ------
    UnsupportedError
        At a geometric horizon.
    """
    steps = _steps(process)
    arrays = (process.choice_offsets, process.offsets, process.successors, process.probabilities)
    return np.asarray(_respond_all(*arrays, process.initial, np.ascontiguousarray(rewards), steps))


def mixed_flow(process: ControlledMarkovProcess, rewards: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the occupancy of a mixture of the policies that `best_responses` found.

    Parameters
    ----------
    rewards : ndarray of float64, shape (n, S)
        The rewards that the policies are best responses to.
    shares : ndarray of float64, shape (n,)
        Probability of each policy.

    Returns
    -------
    ndarray, shape (T, C)
        Probability of each state-action pair at each step.

    Raises
    ------
    UnsupportedError
        At a geometric horizon.
    """
    steps = _steps(process)
    arrays = (process.choice_offsets, process.offsets, process.successors, process.probabilities)
    flows = _mix(*arrays, process.initial, np.ascontiguousarray(rewards), shares, steps, PARTS)
    return np.asarray(flows.sum(axis=0))
