"""Two-sided (interval) value iteration without a discount: bounds from below and above until they meet.

On the reduced problem (`metaregret.tabular.engine.reduction`) a backup of a bound is a bound, because ``V* =
T V*`` and ``T`` is monotone; each is widened by its rounding allowance, so the bounds stay true. What is
needed is a pair to start from:

* *below*: the values of a policy that ends with probability one, or 0 for probabilities;
* *above*: 1 for probabilities; 0 where no choice earns anything; and where no policy can go on for ever (no
  end component is left), ``r+ k / (1 - q)``: if no policy is still under way after ``k`` steps with a
  probability above ``q < 1``, from no state, then none takes more than ``k (1 + q + q^2 + ...)`` steps in
  expectation, and ``r+`` is the most that a step earns.

Both sequences converge to ``V*`` where every policy that never ends loses without limit, which the reduction
makes so. Rewards of both signs around loops have no upper bound of this kind and are refused by name.

Sources: Haddad & Monmege, *Interval iteration algorithm for MDPs and IMDPs* (2018); Baier et al., *Ensuring
the reliability of your model checker: interval iteration for Markov decision processes* (2017).
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.engine.certificate import ITERATIONS, ROUNDING, Certified
from metaregret.tabular.engine.problem import Problem
from metaregret.tabular.engine.reduction import settle
from metaregret.tabular.engine.solution import Objective
from metaregret.tabular.engine.undiscounted import (
    Reduced,
    expand_bounds,
    lower_bound_of_policy,
    reduce_problem,
    reduced_allowance,
    settled_by_graph,
)
from metaregret.tabular.errors import ConvergenceError, UnsupportedError

__all__ = ["interval_iteration"]


def interval_iteration(problem: Problem) -> Certified:
    """Iterate both bounds; stops at the tolerance, at ``max_iterations`` or when stuck.

    Raises
    ------
    UnsupportedError
        If the value at the start is infinite, or no upper bound to start from is known.
    ConvergenceError
        If ``max_iterations`` is reached before such a bound is found.
    """
    settled = settle(problem)
    if settled.mask.all():
        return settled_by_graph(settled)
    reduced = reduce_problem(problem, settled, "policy-iteration")
    reach = problem.objective is Objective.REACH
    lower, upper = _probabilities(reduced) if reach else _totals(reduced)
    floor, ceiling = lower.copy(), upper.copy()
    slack = reduced_allowance(reduced, 2.0 * np.maximum(np.abs(lower), np.abs(upper)))
    operator, least, rested, limit = reduced.operator, np.inf, 0, ITERATIONS
    while reduced.iterations < problem.max_iterations:
        # Both the old bound and its backup hold, so the better one does.
        operator.backup(upper)
        np.minimum(upper, np.maximum(upper + operator.residual + slack, floor), out=upper)
        operator.backup(lower)
        np.maximum(lower, np.minimum(lower + operator.residual - slack, ceiling), out=lower)
        reduced.iterations += 1
        gap = float((upper - lower).max())
        scale = max(1.0, float(np.minimum(np.abs(lower), np.abs(upper)).max()))
        # A gap may rest for as many backups as a period or a path is long, and then fall again: iteration is
        # stuck only where it has not fallen for longer than that.
        if gap < least:
            least, rested = gap, 0
        else:
            rested += 1
        if rested > 3 * reduced.rows.n_states:
            limit = ROUNDING
        if gap <= problem.tolerance * scale or limit == ROUNDING:
            break
    reduced.policy = np.where(operator.policy >= 0, operator.policy, reduced.policy)
    reduced.method = "two-sided"
    found = expand_bounds(reduced, lower, upper)
    return found._replace(detail="backups of a bound from each side", limited_by=limit)


def _probabilities(reduced: Reduced) -> tuple[np.ndarray, np.ndarray]:
    """Zero and one; negated where the probability is minimised."""
    low, high = (0.0, 1.0) if reduced.problem.sign > 0 else (-1.0, 0.0)
    lower, upper = np.full(reduced.rows.n_states, low), np.full(reduced.rows.n_states, high)
    lower[-1] = upper[-1] = 0.0
    return lower, upper


def _totals(reduced: Reduced) -> tuple[np.ndarray, np.ndarray]:
    """Start from the total of a policy that ends, and from the most that can be earned."""
    lower = lower_bound_of_policy(reduced)
    if not np.all(np.isfinite(lower)):
        raise ConvergenceError(
            "Double precision cannot certify the total of any policy that ends; use exact=True."
        )
    upper = np.zeros(len(lower))
    most = float(reduced.quotient.rewards.max())
    if most > 0.0:
        upper[:-1] = most * _longest_time(reduced) * (1.0 + 1e-12)
    return lower, upper


def _longest_time(reduced: Reduced) -> float:
    """Return a bound on the expected number of steps to the sink under every policy.

    Raises
    ------
    UnsupportedError
        If some policy can go on for ever.
    ConvergenceError
        If ``max_iterations`` backups do not bring the probability of being under way below one half.
    """
    graph = reduced.quotient.graph
    staying = np.ones(graph.n_choices, dtype=bool)
    staying[-1] = False
    if (graph.end_components(staying) >= 0).any():
        raise UnsupportedError(
            "Two-sided iteration knows no upper bound to start from: some rewards are positive, and some "
            "policy never ends. Use method='policy-iteration'."
        )
    allowance = reduced_allowance(reduced, np.ones(1))
    under_way = np.ones(graph.n_states)
    for steps in range(1, reduced.problem.max_iterations + 1):
        by_choice = reduced.matrix @ under_way
        under_way = np.maximum.reduceat(by_choice, graph.choice_offsets[:-1]) + allowance
        under_way[-1] = 0.0
        left = float(under_way.max())
        if left <= 0.5:
            return steps / (1.0 - left)
    raise ConvergenceError(
        f"After {reduced.problem.max_iterations} steps some policy is still under way with probability up to "
        f"{left:.3g}; raise max_iterations, or use method='policy-iteration'."
    )
