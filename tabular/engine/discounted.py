"""Discounted problems: value iteration, modified policy iteration and policy iteration with MacQueen bounds.

All methods share one stopping rule: the span of the Bellman residual at the returned values certifies the
bounds (`metaregret.tabular.engine.certificate`), so a method only has to bring the span down, by any
arithmetic.

Sources: Puterman, *Markov Decision Processes* (1994), ch. 6; Puterman & Shin (1978).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from metaregret.tabular.engine.certificate import ROUNDING, Certified, contraction, discounted_bounds
from metaregret.tabular.engine.compiled import compiled
from metaregret.tabular.engine.layout import dense_rows
from metaregret.tabular.engine.linear import DirectSolver
from metaregret.tabular.engine.operator import Operator
from metaregret.tabular.engine.problem import Problem, backup_roundoff, row_mass

__all__ = [
    "DIRECT_STATES",
    "ELIMINATED_STATES",
    "linear_programming",
    "modified_policy_iteration",
    "policy_iteration",
    "small_policy_iteration",
    "value_iteration",
]

ELIMINATED_STATES = 32
"""Up to this size elimination beats sweeps, however fast the model mixes."""

DIRECT_STATES = 20_000
"""Largest number of states for which a sparse factorisation is tried without looking at the structure."""

DETAIL = "MacQueen bounds of one backup"

SINGLE_PRECISION_STATES = 20_000
"""States from which modified policy iteration starts in single precision (below, the model fits the cache
anyway)."""

ROUNDING_SPAN = 4e-15
"""Relative residual span that rounding leaves behind: no iteration gets below it, so none tries."""

FACTORISATION_SPEED = 40.0
"""Flops of a dense factorisation in the time of one flop of a matrix-vector product."""


def new_operator(problem: Problem, *, dense: bool = True) -> Operator:
    """Return the operator of a discounted problem."""
    assert problem.discount is not None
    matrix = dense_rows(problem.process) if dense else None
    return Operator(problem.rows, matrix, problem.rewards, problem.discount.nearest)


def span_goal(problem: Problem) -> float:
    """Residual span that certifies half the tolerance at values of magnitude 1 (the rest is for rounding)."""
    assert problem.discount is not None
    gamma = problem.discount.nearest
    return max(ROUNDING_SPAN, 0.5 * problem.tolerance * (1.0 - gamma) / gamma) if gamma > 0 else math.inf


def certified(
    problem: Problem,
    operator: Operator,
    values: np.ndarray,
    least: float,
    greatest: float,
    method: str,
    count: int,
) -> Certified:
    """Certify the last backup of `operator`, which must have been at `values`; both vectors become the
    bounds."""
    residual = operator.residual
    gap, scale = discounted_bounds(problem, values, residual, least, greatest, operator.longest_sum())
    limit = "max_iterations" if count >= problem.max_iterations else ROUNDING
    return Certified(values, residual, operator.policy, method, count, DETAIL, gap, scale, limit)


def value_iteration(problem: Problem) -> Certified:
    """Value iteration, stopped by the MacQueen bounds; the level is corrected in closed form."""
    return _sweeps(problem, new_operator(problem), "value-iteration", fall_back=False)


def policy_iteration(problem: Problem, start: np.ndarray | None = None, spent: int = 0) -> Certified:
    """Policy iteration by direct solves, each a correction of the Bellman residual (so that errors do not
    pile up).

    Parameters
    ----------
    start : ndarray, shape (S,), optional
        First values; zero by default.
    spent : int
        Iterations already used by the caller.
    """
    operator = new_operator(problem)
    values = np.zeros(problem.process.n_states) if start is None else start
    goal = span_goal(problem)
    rows = problem.process.matrix if operator.matrix is None else operator.matrix
    solver = DirectSolver(rows, operator.gamma)
    best, stalled, count = math.inf, 0, spent
    while True:
        least, greatest, changed = operator.backup(values)
        count += 1
        reach = max(abs(least), abs(greatest))
        magnitude = max(1.0, float(values.max()), -float(values.min()))
        stalled = 0 if reach < 0.5 * best or changed else stalled + 1
        best = min(best, reach)
        done = greatest - least <= goal * magnitude
        if done or stalled >= 3 or count >= problem.max_iterations:
            return certified(problem, operator, values, least, greatest, "policy-iteration", count)
        values += solver.solve(operator.policy, operator.residual)


def linear_programming(problem: Problem) -> Certified:
    """One linear program, certified by one backup at its answer."""
    from metaregret.tabular.engine.linear_program import least_majorant

    operator, process = new_operator(problem), problem.process
    values = np.array(least_majorant(process.choice_state, operator.gamma * process.matrix, problem.rewards))
    least, greatest, _ = operator.backup(values)
    return certified(problem, operator, values, least, greatest, "linear-programming", 1)


def modified_policy_iteration(problem: Problem, *, fall_back: bool) -> Certified:
    """Modified policy iteration; where it mixes too slowly and `fall_back` is set, policy iteration finishes.

    Dense rows go through BLAS, where sweeps are value iteration, sparse rows through the compiled sweeps.
    """
    if dense_rows(problem.process) is not None:
        return _sweeps(problem, new_operator(problem), "modified-policy-iteration", fall_back=fall_back)
    n_states = problem.process.n_states
    direct = fall_back and n_states <= DIRECT_STATES
    kernels = compiled("chain_kernels")
    plan = kernels.plan_roughly_first if n_states >= SINGLE_PRECISION_STATES else kernels.plan
    most = min(problem.max_iterations, MIXING_SWEEPS) if direct else problem.max_iterations
    patience = 4 if direct else 2**62
    found = _in_one_call(problem, plan, "modified-policy-iteration", most, patience, problem.rows.threaded)
    if direct and not found.is_narrow(problem):
        return policy_iteration(problem, 0.5 * (found.lower + found.upper), found.iterations)
    return found


def small_policy_iteration(problem: Problem) -> Certified:
    """Policy iteration by elimination, from the data to the bounds in one compiled call: on small models the
    calls between the steps would cost more than the steps."""
    plan = compiled("elimination_kernels").plan_small
    return _in_one_call(problem, plan, "policy-iteration", problem.max_iterations)


def _in_one_call(
    problem: Problem, plan: Callable[..., tuple[float, ...]], method: str, *limits: int
) -> Certified:
    """Call a compiled method that also turns its last residual into bounds; it returns the largest gap, the
    scale, and the numbers of backups and of what else counts as an iteration."""
    assert problem.discount is not None
    rows, (low, high) = problem.rows, contraction(problem)
    lower, upper = np.empty(rows.n_states), np.empty(rows.n_states)
    policy = np.empty(rows.n_states, dtype=np.int64)
    gap, scale, *counts = plan(
        *rows.arrays,
        problem.rewards,
        problem.reward_scale,
        problem.discount.nearest,
        low,
        high,
        backup_roundoff(rows.longest),
        lower,
        upper,
        policy,
        span_goal(problem),
        *limits,
    )
    limit = "max_iterations" if sum(counts) >= problem.max_iterations else ROUNDING
    return Certified(lower, upper, policy, method, int(counts[0]), DETAIL, gap, scale, limit)


MIXING_SWEEPS = 400
"""Sweeps after which a small model is handed to policy iteration."""


def _sweeps(problem: Problem, operator: Operator, method: str, *, fall_back: bool) -> Certified:
    """Sweep; with `fall_back` only while the span falls fast, as on well-mixing dense models, else
    factorise."""
    values = np.zeros(problem.process.n_states)
    goal, magnitude, previous, count = span_goal(problem), 1.0, math.inf, 0
    n_states, n_choices = problem.process.n_states, problem.process.n_choices
    worth = 4.0 + 3.0 * n_states * n_states / (FACTORISATION_SPEED * n_choices)
    while True:
        least, greatest, _ = operator.backup(values)
        count += 1
        span = greatest - least
        if span <= goal * magnitude or count >= problem.max_iterations:
            return certified(problem, operator, values, least, greatest, method, count)
        left = _sweeps_left(span, previous, goal * magnitude)
        if fall_back and count > 2 and left > worth:
            return policy_iteration(problem, values, count)
        previous = span
        if operator.matrix is not None and len(operator.kept) > n_states:
            _leave_out(problem, operator, values, least, greatest)
        values += operator.residual
        values += operator.gamma * 0.5 * (least + greatest) / (1.0 - operator.gamma)
        magnitude = max(1.0, float(values.max()), -float(values.min()))


def _leave_out(
    problem: Problem, operator: Operator, values: np.ndarray, least: float, greatest: float
) -> None:
    """Leave out the dense rows that the bounds of the last backup prove not to be optimal."""
    lower, upper = values.copy(), operator.residual.copy()
    discounted_bounds(problem, lower, upper, least, greatest, operator.longest_sum())
    magnitude = float(max(np.abs(values).max(), np.abs(upper).max(), np.abs(lower).max()))
    above = 2 * abs(row_mass(problem.process)[1] - 1.0) * magnitude
    operator.leave_out(values, lower, upper, 4 * problem.allowance(magnitude, operator.longest_sum()) + above)


def _sweeps_left(span: float, previous: float, goal: float) -> float:
    """Predict the number of sweeps from the last contraction."""
    if not span < previous:
        return math.inf
    return math.log(span / goal) / math.log(previous / span) if previous < math.inf else 1.0
