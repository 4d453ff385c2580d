"""The best achievable terminal rewards, for many tasks at once: ``v*_g`` of every goal in one pass.

For a finite horizon, backward induction from the terminal rewards ``h``:

    V_T = h,    V_t = max_a P_a V_{t+1},    v* = mu0 . V_0                         (Puterman 1994, sec. 4.5)

For a geometric horizon, the fixed point ``V = (1 - gamma) h + gamma max_a P_a V``, by value iteration with the
contraction bound: for every column, with ``d = T V - V``,

    V + min(d) / (1 - gamma) <= V* <= V + max(d) / (1 - gamma)                     (MacQueen 1966; Puterman, sec. 6.6).

With ``h`` the indicator of goal ``g`` this is ``v*_g = max_pi rho_pi(g)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy.sparse as sp

from tabular.backup import Backup, backup
from tabular.bounds import relative_error
from tabular.errors import ConvergenceError, InvalidArgumentError
from tabular.horizon import FiniteHorizon, GeometricHorizon
from tabular.process import ControlledMarkovProcess, Representation

__all__ = ["TerminalValues", "goal_support", "goal_values", "optimal_terminal_values"]

BLOCK_ENTRIES = 2**22
"""Columns are processed in blocks of at most this many value entries, to stay in cache and memory."""


@dataclass(frozen=True, eq=False)
class TerminalValues:
    """Optimal expected terminal rewards of ``K`` tasks.

    Attributes
    ----------
    values : ndarray of float64, shape (K,)
        ``v*`` at the initial distribution.
    lower, upper : ndarray of float64, shape (K,)
        Certified bounds on it (rounding and convergence error included).
    exact : ndarray of Fraction (object), shape (K,), or None
    policies : ndarray of int64, shape (T, S, K) or (S, K), or None
        Optimal choice of each state (and step), where asked for.
    """

    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    exact: np.ndarray | None
    policies: np.ndarray | None


def goal_values(
    process: ControlledMarkovProcess,
    goals: np.ndarray | None = None,
    *,
    representation: Representation | None = None,
    policies: bool = False,
) -> TerminalValues:
    """Return ``v*_g``, the best probability of ending the episode in ``g``, for all goals at once.

    Parameters
    ----------
    goals : ndarray of int, shape (K,), optional
        State indices; all states by default.
    representation : {"dense", "sparse", "rational"}, optional
        ``"rational"`` gives exact values.
    policies : bool
        Whether to keep the goal-conditioned policies, ``T * S * K`` integers.
    """
    chosen = np.arange(process.n_states) if goals is None else np.asarray(goals, dtype=np.int64)
    indicator = sp.csc_array(
        (np.ones(len(chosen)), (chosen, np.arange(len(chosen)))), shape=(process.n_states, len(chosen))
    )
    return optimal_terminal_values(process, indicator, representation=representation, policies=policies)


def optimal_terminal_values(
    process: ControlledMarkovProcess,
    terminal: np.ndarray | sp.sparray,
    *,
    representation: Representation | None = None,
    policies: bool = False,
    tolerance: float = 1e-12,
    max_iterations: int = 1_000_000,
) -> TerminalValues:
    """Return ``max_pi E_pi[h(s_end)]`` for every column ``h`` of `terminal`.

    Parameters
    ----------
    terminal : ndarray or sparse array, shape (S, K)
        Non-negative terminal rewards, one column a task; object arrays of `Fraction` for the rational
        representation.
    tolerance : float
        Width asked of the bracket at a geometric horizon.
    max_iterations : int
        Limit of value-iteration sweeps at a geometric horizon.

    Raises
    ------
    InvalidArgumentError
        If the shape does not match or a reward is negative.
    ConvergenceError
        If the limit is reached first.
    """
    if terminal.ndim != 2 or terminal.shape[0] != process.n_states:
        raise InvalidArgumentError(
            f"Expected terminal rewards of shape ({process.n_states}, K), but got {terminal.shape}."
        )
    operator = backup(process, representation)
    width = max(1, BLOCK_ENTRIES // process.n_choices)
    columns = terminal.shape[1]
    parts = []
    for start in range(0, columns, width):
        block = terminal[:, start : start + width]
        rewards = operator.array(block.toarray() if sp.issparse(block) else np.asarray(block))
        if np.any(rewards < 0):
            raise InvalidArgumentError("Expected non-negative terminal rewards; shift them by a constant.")
        if isinstance(process.horizon, FiniteHorizon):
            parts.append(_finite(operator, rewards, process.horizon, policies))
        elif representation == "rational":
            parts.append(_geometric_exact(operator, rewards, process.horizon))
        else:
            parts.append(_geometric(operator, rewards, process.horizon, tolerance, max_iterations))
    return _joined(parts, policies)


def _joined(parts: list[TerminalValues], policies: bool) -> TerminalValues:
    exact = None if parts[0].exact is None else np.concatenate([part.exact for part in parts])
    kept = [part.policies for part in parts if part.policies is not None]
    return TerminalValues(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.lower for part in parts]),
        np.concatenate([part.upper for part in parts]),
        exact,
        np.concatenate(kept, axis=-1) if policies and kept else None,
    )


def _finite(
    operator: Backup, rewards: np.ndarray, horizon: FiniteHorizon, policies: bool
) -> TerminalValues:
    values = rewards
    kept = []
    for _ in range(horizon.steps):
        q = operator.expected(values)
        values = operator.best(q)
        if policies:
            kept.append(operator.greedy(q))
    stacked = np.stack(kept[::-1]) if policies else None
    if operator.dtype is object:
        return _exact_result(operator.initial() @ values, stacked)
    at_start = operator.initial() @ values
    error = relative_error(horizon.steps * operator.roundings + operator.process.n_states + 3)
    return TerminalValues(at_start, at_start * (1 - error), at_start * (1 + error), None, stacked)


def _exact_result(at_start: np.ndarray, policies: np.ndarray | None) -> TerminalValues:
    from tabular.backup.rational import from_flint

    exact = from_flint(at_start)
    floats = exact.astype(float)
    return TerminalValues(
        floats, np.nextafter(floats, -np.inf), np.nextafter(floats, np.inf), exact, policies
    )


def _geometric(
    operator: Backup, rewards: np.ndarray, horizon: GeometricHorizon, tolerance: float, max_iterations: int
) -> TerminalValues:
    gamma, stop = float(horizon.gamma), float(1 - horizon.gamma)
    paid = stop * rewards
    values = np.zeros_like(rewards)
    error = relative_error(operator.roundings + 6)
    for _ in range(max_iterations):
        q = operator.expected(values)
        backed = paid + gamma * operator.best(q)
        change = backed - values
        slack = error * np.maximum(np.abs(backed).max(axis=0), np.abs(values).max(axis=0))
        low = (change.min(axis=0) - slack) / stop
        high = (change.max(axis=0) + slack) / stop
        if np.all(high - low <= tolerance + 4 * slack / stop):
            break
        values = backed
    else:
        raise ConvergenceError(
            f"Value iteration did not close the bracket to {tolerance} in {max_iterations} sweeps; raise "
            "max_iterations or use a smaller gamma.",
            lower=float(low.min()),
            upper=float(high.max()),
        )
    start = operator.initial()
    at_start = start @ values
    allowance = relative_error(len(start) + 3) * np.maximum(np.abs(at_start), 1.0)
    lower, upper = at_start + low - allowance, at_start + high + allowance
    return TerminalValues(0.5 * (lower + upper), np.maximum(lower, 0.0), upper, None, operator.greedy(q))


def _geometric_exact(operator: Backup, rewards: np.ndarray, horizon: GeometricHorizon) -> TerminalValues:
    """Exact policy iteration, one column at a time, started from the floating-point greedy policy."""
    from tabular.policy import solve_discounted_exactly

    process = operator.process
    gamma = operator.number(horizon.gamma)
    floats = np.array([[float(Fraction(int(v.p), int(v.q))) for v in row] for row in rewards])
    guess = _geometric(backup(process), floats, horizon, 1e-9, 1_000_000).policies
    assert guess is not None
    columns, policies = [], []
    for column in range(rewards.shape[1]):
        paid = (operator.number(Fraction(1)) - gamma) * rewards[:, column]
        policy = guess[:, column].copy()
        while True:
            values = solve_discounted_exactly(process, policy, paid, horizon.gamma)
            q = operator.expected(values)
            better = operator.best(q) > q[policy]
            if not np.any(better):
                break
            policy = np.where(better, operator.greedy(q), policy)
        columns.append(operator.initial() @ values)
        policies.append(policy)
    at_start = np.empty(len(columns), dtype=object)
    at_start[:] = columns
    return _exact_result(at_start, np.stack(policies, axis=-1))


def goal_support(process: ControlledMarkovProcess, *, visit: bool = False) -> np.ndarray:
    """Which states can be the terminal state (or, with `visit`, be visited) with positive probability.

    Computed on the graph alone, without arithmetic, so that ``v*_g > 0`` is decided exactly; shape (S,).
    """
    edges = (process.matrix > 0).astype(np.int32)
    owner = sp.csr_array(
        (np.ones(process.n_choices, dtype=np.int32), (process.choice_state, np.arange(process.n_choices))),
        shape=(process.n_states, process.n_choices),
    )
    graph = sp.csr_array(owner @ edges)
    now = process.initial > 0
    if isinstance(process.horizon, GeometricHorizon):
        return process.reachable if process.horizon.gamma > 0 else now
    ever = now.copy()
    for _ in range(process.horizon.steps):
        following = np.zeros_like(now)
        following[graph[np.flatnonzero(now)].indices] = True
        ever |= following
        if np.array_equal(following, now):
            break
        now = following
    return ever if visit else now
