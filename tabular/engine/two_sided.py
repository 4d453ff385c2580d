"""Two-sided (interval) value iteration for reachability: bounds from below and above until they meet.

After end components are collapsed (`tabular.engine.reduction`), iteration from 0 and from 1 converges to the
same values; both sequences are bounds at every step, because a Bellman backup is monotone. Each backup is
widened by its rounding allowance, so the bounds stay true.

Source: Haddad & Monmege, *Interval iteration algorithm for MDPs and IMDPs* (2018).
"""

from __future__ import annotations

import numpy as np

from tabular.engine.certificate import Certified
from tabular.engine.problem import Problem
from tabular.engine.reduction import settle
from tabular.engine.undiscounted import expand_bounds, reduce_problem

__all__ = ["interval_iteration"]


def interval_iteration(problem: Problem) -> Certified:
    """Iterate both bounds of a reachability problem; stops at the tolerance, at ``max_iterations`` or when
    stuck."""
    settled = settle(problem)
    if settled.mask.all():
        values = settled.values
        return Certified(
            values.copy(), values.copy(), settled.policy, "two-sided", 1, "settled by the graph alone"
        )
    reduced = reduce_problem(problem, settled, "policy-iteration")
    low, high = (0.0, 1.0) if problem.sign > 0 else (-1.0, 0.0)
    lower, upper = np.full(reduced.rows.n_states, low), np.full(reduced.rows.n_states, high)
    lower[-1] = upper[-1] = 0.0
    slack = problem.allowance(2.0, 2 * problem.rows.longest)
    operator, count, gap = reduced.operator, 0, np.inf
    while count < problem.max_iterations:
        # Plain backups may be raised to the running maximum: both bounds hold, so the better one does.
        operator.backup(upper)
        np.minimum(upper, np.maximum(upper + operator.residual + slack, low), out=upper)
        operator.backup(lower)
        np.maximum(lower, np.minimum(lower + operator.residual - slack, high), out=lower)
        lower[-1] = upper[-1] = 0.0
        count += 1
        previous, gap = gap, float((upper - lower).max())
        if gap <= problem.tolerance or (gap >= previous and count > 3 * reduced.rows.n_states):
            break
    reduced.policy = np.where(operator.policy >= 0, operator.policy, reduced.policy)
    reduced.method, reduced.iterations = "two-sided", count
    return expand_bounds(reduced, lower, upper)
