"""Policies as weights on choices, and the terminal-state distributions that they induce.

A Markov policy is an array of choice probabilities: shape (T, C) for a finite horizon, (C,) for a
stationary policy at a geometric one. Randomised history-dependent policies reach no terminal-state
distribution that Markov policies do not (Puterman 1994, thm 5.5.1), so nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.backup import Backup, backup
from metaregret.tabular.bounds import relative_error, underflow_allowance
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess, Representation, check_representation

__all__ = [
    "TerminalDistribution",
    "check_policy",
    "deterministic_policy",
    "exact_terminal",
    "forward_error",
    "solve_discounted",
    "solve_discounted_exactly",
    "terminal_distribution",
    "uniform_policy",
]


@dataclass(frozen=True, eq=False)
class TerminalDistribution:
    """``rho_pi``, the distribution of the terminal state.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (S,)
    lower, upper : ndarray of float64, shape (S,)
        Certified bounds (rounding, and the residual of the linear solve at a geometric horizon).
    exact : ndarray of Fraction (object), shape (S,), or None
    """

    probabilities: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    exact: np.ndarray | None = None


def policy_shape(process: ControlledMarkovProcess) -> tuple[int, ...]:
    """The shape of a policy of `process`: (T, C) or (C,)."""
    if isinstance(process.horizon, FiniteHorizon):
        return (process.horizon.steps, process.n_choices)
    return (process.n_choices,)


def check_policy(process: ControlledMarkovProcess, policy: np.ndarray) -> None:
    """Raise `InvalidArgumentError` unless `policy` is a distribution on every state's choices.

    Floating-point rows may differ from one by 1e-9; rational rows must sum to one exactly.
    """
    if policy.shape != policy_shape(process):
        raise InvalidArgumentError(
            f"Expected a policy of shape {policy_shape(process)}, but got {policy.shape}."
        )
    exact = policy.dtype == object
    bad = np.argwhere(policy < 0) if exact else np.argwhere(~(np.isfinite(policy) & (policy >= 0)))
    if len(bad):
        index = tuple(map(int, bad[0]))
        raise InvalidArgumentError(f"policy{list(index)} = {policy[index]}; probabilities are not negative.")
    sums = np.add.reduceat(policy, process.choice_offsets[:-1], axis=-1)
    wrong = np.argwhere(sums != 1) if exact else np.argwhere(np.abs(sums - 1.0) > 1e-9)
    if len(wrong):
        index = tuple(map(int, wrong[0]))
        raise InvalidArgumentError(
            f"The policy's probabilities at (step, state) index {list(index)} sum to {sums[index]}, not 1."
        )


def uniform_policy(process: ControlledMarkovProcess) -> np.ndarray:
    """Return the policy that plays every available action with equal probability."""
    counts = np.diff(process.choice_offsets)
    return np.broadcast_to(1.0 / np.repeat(counts, counts), policy_shape(process)).copy()


def deterministic_policy(process: ControlledMarkovProcess, choices: np.ndarray) -> np.ndarray:
    """Return the weights of a deterministic policy given by choice indices, shape (T, S) or (S,)."""
    policy = np.zeros(policy_shape(process))
    if policy.ndim == 1:
        policy[choices] = 1.0
    else:
        np.put_along_axis(policy, choices, 1.0, axis=1)
    return policy


def terminal_distribution(
    process: ControlledMarkovProcess,
    policy: np.ndarray,
    *,
    representation: Representation | None = None,
) -> TerminalDistribution:
    """Return the terminal-state distribution of `policy`.

    Finite horizon: ``mu_{t+1} = P^T (mu_t * pi_t)``, ``rho = mu_T``. Geometric: the solution of
    ``rho = (1 - gamma) mu0 + gamma P_pi^T rho``, with the l1 residual over ``1 - gamma`` as error bound.

    Parameters
    ----------
    policy : ndarray, shape (T, C) or (C,)
        Choice probabilities; rational (object) entries with ``representation="rational"``.

    Raises
    ------
    InvalidArgumentError
        If `policy` is not a distribution on every state's choices.
    """
    check_representation(representation)
    check_policy(process, policy)
    operator = backup(process, representation)
    weights = operator.array(policy)
    if isinstance(process.horizon, FiniteHorizon):
        return _finite(operator, weights, process.horizon)
    if operator.dtype is object:
        return _geometric_exact(operator, weights, process.horizon.gamma)
    return _geometric(operator, weights, float(process.horizon.gamma), float(1 - process.horizon.gamma))


def exact_terminal(process: ControlledMarkovProcess, policy: np.ndarray) -> np.ndarray:
    """Return the terminal-state distribution of `policy` in fractions, shape (S,).

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    """
    found = terminal_distribution(process, policy, representation="rational").exact
    assert found is not None
    return found


def _finite(operator: Backup, weights: np.ndarray, horizon: FiniteHorizon) -> TerminalDistribution:
    state = operator.process.choice_state
    distribution = operator.initial()
    for step in range(horizon.steps):
        distribution = operator.push(distribution[state] * weights[step])
    if operator.dtype is object:
        return _exact_result(distribution)
    error, tiny = forward_error(operator.process, horizon.steps)
    lower = np.maximum(distribution * (1 - error) - tiny, 0.0)
    return TerminalDistribution(distribution, lower, distribution * (1 + error) + tiny)


def forward_error(process: ControlledMarkovProcess, steps: int, *, more: int = 0) -> tuple[float, float]:
    """Return the relative and the absolute error of ``mu_{t+1} = P^T (mu_t * pi_t)`` after some steps.

    Parameters
    ----------
    steps : int
    more : int
        Roundings that follow, of sums and products with non-negative numbers.

    Returns
    -------
    tuple of float
        The absolute error, of products that underflow, is for each state.
    """
    # Per step: a state's inflow, the policy row (its floats sum to one only after normalising) and the
    # products.
    in_degree = int(np.bincount(process.successors).max())
    widest = int(np.diff(process.choice_offsets).max())
    error = relative_error(steps * (in_degree + widest + 5) + more)
    return error, underflow_allowance(2 * steps * process.n_transitions)


def _exact_result(distribution: np.ndarray) -> TerminalDistribution:
    from metaregret.tabular.backup.rational import from_flint

    exact = from_flint(distribution)
    floats = exact.astype(float)
    return TerminalDistribution(
        floats, np.maximum(np.nextafter(floats, -np.inf), 0.0), np.nextafter(floats, np.inf), exact
    )


def _policy_matrix(process: ControlledMarkovProcess, weights: np.ndarray) -> sp.csr_array:
    """``P_pi``, shape (S, S)."""
    mix = sp.csr_array(
        (weights, (process.choice_state, np.arange(process.n_choices))),
        shape=(process.n_states, process.n_choices),
    )
    return sp.csr_array(mix @ process.matrix)


def _geometric(operator: Backup, weights: np.ndarray, gamma: float, stop: float) -> TerminalDistribution:
    process = operator.process
    assert isinstance(process.horizon, GeometricHorizon)
    process.horizon.require_floats()
    transposed = _policy_matrix(process, weights).T
    start = stop * process.initial
    solution = solve_discounted(transposed, gamma, start)
    # The residual is evaluated afresh; its own rounding is bounded by the l1 mass that went into it.
    residual = np.abs(start + gamma * (transposed @ solution) - solution).sum()
    widest = int(np.bincount(process.successors).max()) + int(np.diff(process.choice_offsets).max()) + 8
    # Floating-point rows may sum to a little more than one, which slows the contraction.
    contraction = (
        stop if process.is_exact else stop - gamma * float(np.abs(process.matrix.sum(axis=1) - 1.0).max())
    )
    error = (
        (residual + relative_error(widest) * (solution.sum() + 1.0)) / contraction
        if contraction > 0
        else np.inf
    )
    return TerminalDistribution(solution, np.maximum(solution - error, 0.0), solution + error)


def _geometric_exact(operator: Backup, weights: np.ndarray, gamma: Fraction) -> TerminalDistribution:
    start = operator.number(1 - gamma) * operator.initial()
    return _exact_result(_solved(_system(operator.process, weights, gamma).transpose(), start))


def _system(process: ControlledMarkovProcess, weights: np.ndarray, gamma: Fraction) -> Any:
    """``I - gamma P_pi`` as a matrix of FLINT rationals, for weights on choices, shape (C,)."""
    import flint

    size = process.n_states
    matrix = flint.fmpq_mat(size, size)
    for state in range(size):
        matrix[state, state] = flint.fmpq(1)
    factor, chances = flint.fmpq(gamma.numerator, gamma.denominator), process.exact_probabilities
    for choice in np.flatnonzero(weights).tolist():
        state = int(process.choice_state[choice])
        for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1])):
            p = flint.fmpq(chances[m].numerator, chances[m].denominator)
            matrix[state, int(process.successors[m])] -= factor * weights[choice] * p
    return matrix


def _solved(matrix: Any, right: np.ndarray) -> np.ndarray:
    import flint

    solution = np.empty(len(right), dtype=object)
    solution[:] = matrix.solve(flint.fmpq_mat(len(right), 1, right.tolist())).entries()
    return solution


def solve_discounted(matrix: sp.csr_array | sp.csc_array, gamma: float, right: np.ndarray) -> np.ndarray:
    """Return ``(I - gamma M)^{-1} right`` of numbers ``>= 0``, shape (S,), not certified."""
    import scipy.sparse.linalg as spla  # a fifth of the time the package takes to load

    system = sp.csc_array(sp.eye_array(len(right)) - gamma * matrix)
    return np.maximum(spla.spsolve(system, right), 0.0)


def solve_discounted_exactly(
    process: ControlledMarkovProcess, choices: np.ndarray, paid: np.ndarray, gamma: Fraction
) -> np.ndarray:
    """Return the exact value ``(I - gamma P_pi)^{-1} r`` of a deterministic stationary policy.

    Parameters
    ----------
    choices : ndarray of int, shape (S,)
        The policy's choice in every state.
    paid : ndarray of FLINT rationals, shape (S,)
        Reward of every state.

    Returns
    -------
    ndarray of FLINT rationals, shape (S,)
    """
    weights = np.zeros(process.n_choices, dtype=object)
    weights[choices] = 1
    return _solved(_system(process, weights, gamma), paid)
