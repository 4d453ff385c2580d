"""Reachability and total reward: policy iteration on the reduced problem, certified by inductive bounds.

On the reduced problem (`metaregret.tabular.engine.reduction`) with an optimal proper policy, values ``V``
and expected times to the end ``w = 1 + P_policy w``:

* *below*: ``L = V - c w`` with ``L <= T_policy L`` proves ``L <= V_policy <= V*``, because the policy is
  proper;
* *above*: ``U = V + c w`` with ``U > T U`` strictly in every state proves ``V* <= U``: along any policy the
  rewards plus the slack of every step sum to at most ``U(s) - U(s_n)``, so a policy that never ends earns
  minus infinity, and one that ends earns at most ``U``. No assumption on end components is left to trust.

Both inequalities are checked with one backup and its rounding allowance. Where the second fails, the policy
takes the violating choices, which is policy iteration for the problem with a bonus ``c`` on every step, and
``U`` is its value.

Sources: Hartmanns & Kaminski, *Optimistic value iteration* (2020); Bertsekas & Tsitsiklis (1991).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.bounds import UNIT_ROUNDOFF
from metaregret.tabular.engine.certificate import ROUNDING, Certified
from metaregret.tabular.engine.layout import Rows, lay_out
from metaregret.tabular.engine.linear import ChainSolver, DirectSolver, SweepSolver
from metaregret.tabular.engine.operator import Operator
from metaregret.tabular.engine.problem import Problem
from metaregret.tabular.engine.reduction import Quotient, Settled, quotient, settle
from metaregret.tabular.errors import UnsupportedError

__all__ = [
    "DIRECT_STATES",
    "expand_bounds",
    "expand_policy",
    "lower_bound_of_policy",
    "reduce_problem",
    "reduced_allowance",
    "refuse_cancelling",
    "settled_by_graph",
    "solve_undiscounted",
    "warm_policy",
]

DIRECT_STATES = 20_000
"""Reduced states up to which chains are factorised; beyond, Gauss-Seidel sweeps in the order of distance to
the end."""

CERTIFY_ROUNDS = 40
"""Attempts to prove the upper bound, each with a larger slack or a better policy."""


@dataclass(eq=False)
class Reduced:
    """The reduced problem with everything policy iteration needs."""

    problem: Problem
    settled: Settled
    quotient: Quotient
    rows: Rows
    matrix: sp.csr_array
    operator: Operator
    solver: ChainSolver
    order: np.ndarray
    iterations: int = 0
    method: str = "policy-iteration"
    policy: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def sink(self) -> int:
        """Index of the sink."""
        return self.rows.n_states - 1


def solve_undiscounted(problem: Problem, method: str) -> Certified:
    """Solve a reachability or total-reward problem by ``"policy-iteration"`` or ``"gauss-seidel"``, or
    ``"auto"``.

    Raises
    ------
    UnsupportedError
        If the value at the start is infinite, or rewards cancel in a loop so that the total does not
        converge.
    """
    settled = settle(problem)
    if settled.mask.all():
        return settled_by_graph(settled)
    reduced = reduce_problem(problem, settled, method)
    values = _by_program(reduced) if method == "linear-programming" else _iterate(reduced)
    lower, upper = _certify(reduced, values)
    return expand_bounds(reduced, lower, upper)


def settled_by_graph(settled: Settled) -> Certified:
    """The result where no state is left to solve."""
    lower, upper = settled.lower.copy(), settled.upper.copy()
    return Certified.of(
        lower, upper, settled.policy, "graph", 1, "settled by the graph alone", without=settled.undefined
    )


def reduce_problem(problem: Problem, settled: Settled, method: str) -> Reduced:
    """Build the reduced problem and choose its linear solver."""
    small = quotient(problem, settled)
    graph = small.graph
    rows = lay_out(graph.choice_offsets, graph.offsets, graph.successors, small.probabilities)
    sources = np.zeros(graph.n_states, dtype=bool)
    sources[-1] = True
    proper, through = graph.almost_surely(sources)
    if not proper.all():  # settle() has removed every such state
        raise AssertionError("a reduced state has no proper policy")
    through[-1] = graph.n_choices - 1
    order, _ = graph.search_back(sources)
    matrix = sp.csr_array(
        (small.probabilities, graph.successors, graph.offsets), shape=(graph.n_choices, graph.n_states)
    )
    # A deterministic policy's chain is a forest: one sweep in order solves it, however large it is.
    small_enough = graph.n_states <= DIRECT_STATES and not problem.process.is_deterministic
    direct = method in ("policy-iteration", "linear-programming") or (method == "auto" and small_enough)
    solver: ChainSolver = (
        DirectSolver(matrix, 1.0) if direct else SweepSolver(rows, 1.0, order, 1e-15, problem.max_iterations)
    )
    operator = Operator(rows, None, small.rewards, 1.0)
    return Reduced(
        problem,
        settled,
        small,
        rows,
        matrix,
        operator,
        solver,
        order,
        method="policy-iteration" if direct else "gauss-seidel",
        policy=through,
    )


def warm_policy(reduced: Reduced) -> np.ndarray:
    """Return the policy that floating-point policy iteration ends with (a good start for exact iteration)."""
    _iterate(reduced)
    return reduced.policy


def reduced_allowance(reduced: Reduced, values: np.ndarray) -> float:
    """Rounding allowance of one reduced backup: rows may have merged successors and folded settled values."""
    magnitude = (
        max(1.0, float(np.max(np.abs(values))))
        if reduced.problem.objective.name == "REACH"
        else float(np.max(np.abs(values)))
    )
    return reduced.problem.allowance(magnitude, 2 * reduced.problem.rows.longest)


def _policy_residual(reduced: Reduced, values: np.ndarray, bonus: float = 0.0) -> np.ndarray:
    """``r_policy + bonus + P_policy V - V``; zero at the sink."""
    policy = reduced.policy
    result = reduced.quotient.rewards[policy] + (reduced.matrix @ values)[policy] - values
    result[:-1] += bonus
    result[-1] = 0.0
    return np.asarray(result)


def _iterate(reduced: Reduced) -> np.ndarray:
    """Policy iteration from a proper policy; decisions change only for gains beyond rounding, so it stays
    proper."""
    values = reduced.solver.solve(reduced.policy, reduced.quotient.rewards[reduced.policy])
    if reduced.method == "gauss-seidel":
        values = _improve_by_sweeps(reduced, values)
    values = _refined(reduced, values)
    for _ in range(min(reduced.problem.max_iterations, 10_000)):
        reduced.operator.backup(values)
        reduced.iterations += 1
        threshold = 8.0 * reduced_allowance(reduced, values) + 1e-14 * float(np.max(np.abs(values)))
        better = reduced.operator.residual > threshold
        better[-1] = False
        if not better.any():
            break
        if not _switch(reduced, better):
            break
        values = _refined(
            reduced, values + reduced.solver.solve(reduced.policy, _policy_residual(reduced, values))
        )
    return values


def _by_program(reduced: Reduced) -> np.ndarray:
    """Values of the linear program; the bounds around them are narrow only where it agrees with policy
    iteration."""
    from metaregret.tabular.engine.linear_program import least_majorant

    _iterate(reduced)
    inner = slice(0, -1)  # without the sink, which is worth 0, and its loop
    reduced.method = "linear-programming"
    values = least_majorant(
        reduced.quotient.graph.choice_state[inner],
        sp.csr_array(reduced.matrix[inner, inner]),
        reduced.quotient.rewards[inner],
    )
    return np.append(values, 0.0)


def _improve_by_sweeps(reduced: Reduced, values: np.ndarray) -> np.ndarray:
    """Gauss-Seidel improvement in the order of distance to the end, until decisions settle.

    A loop that gains can draw the sweeps into a policy that never ends. Its values mean nothing: the proper
    policy from before is kept, and policy iteration, which checks every step, finds and names the loop.
    """
    from metaregret.tabular.engine.sweep_kernels import improve_in_order

    rows, inner = reduced.rows, reduced.order[reduced.order != reduced.sink]
    improved, policy = values.copy(), reduced.policy.copy()
    for sweep in range(min(100, reduced.problem.max_iterations)):
        threshold = 8.0 * reduced_allowance(reduced, improved)
        order = inner if sweep % 2 == 0 else inner[::-1]
        largest, changed = improve_in_order(
            np.ascontiguousarray(order),
            *rows.arrays,
            reduced.quotient.rewards,
            1.0,
            threshold,
            improved,
            policy,
        )
        reduced.iterations += 1
        if not changed or largest <= threshold:
            break
    if _never_ending(reduced, policy).any():
        return values
    reduced.policy = policy
    return improved


def _never_ending(reduced: Reduced, policy: np.ndarray) -> np.ndarray:
    """Mask of the reduced states from which `policy` does not reach the sink; empty for a proper policy."""
    graph = reduced.quotient.graph
    sources = np.zeros(graph.n_states, dtype=bool)
    sources[-1] = True
    allowed = np.zeros(graph.n_choices, dtype=bool)
    allowed[policy] = True
    return ~graph.can_reach(sources, allowed)


def _switch(reduced: Reduced, better: np.ndarray) -> bool:
    """Take the greedy choices where they are better, as long as the policy stays proper; whether any was
    taken.

    An improvement that makes a proper policy improper is a loop of gain zero or more (Bertsekas & Tsitsiklis
    1991) or rounding: it is taken back, state by state, until the policy is proper again. A loop that may be
    of the first kind, because its gain could not be decided, is refused.
    """
    old = reduced.policy
    new = np.where(better, reduced.operator.policy, old)
    while True:
        stuck = _never_ending(reduced, new)
        if not stuck.any():
            break
        taken = stuck & (new != old)
        gain = float(np.max(reduced.operator.residual[taken], initial=0.0))
        if reduced.settled.undecided and gain > 1e-7 * max(1.0, reduced.problem.reward_scale):
            refuse_cancelling(reduced, stuck)
        if not taken.any():
            raise AssertionError("a proper policy has a state that never ends")
        new = np.where(taken, old, new)
    changed = not np.array_equal(new, old)
    if not changed and reduced.settled.undecided:
        refuse_cancelling(reduced, better)
    reduced.policy = new
    return changed


def refuse_cancelling(reduced: Reduced, stuck: np.ndarray) -> None:
    """Raise the error for a loop of reduced states `stuck` whose rewards do not lose a round."""
    process = reduced.problem.process
    state = int(np.flatnonzero(stuck[reduced.quotient.state_class])[0])
    raise UnsupportedError(
        f"The total reward is infinite or does not converge: around state {process.states[state]!r} (index "
        f"{state}) some policy "
        "stays for ever in a loop whose rewards do not sum to less than zero a round (in the direction of "
        "optimisation). Use a finite horizon or gamma < 1, or name target states where the episode ends."
    )


def _refined(reduced: Reduced, values: np.ndarray) -> np.ndarray:
    """Iterative refinement of the policy's values: two corrections reach the limit of double precision."""
    values[-1] = 0.0
    for _ in range(2):
        residual = _policy_residual(reduced, values)
        if float(np.max(np.abs(residual))) <= UNIT_ROUNDOFF * float(np.max(np.abs(values))):
            break
        values = values + reduced.solver.solve(reduced.policy, residual)
        values[-1] = 0.0
    return values


def _ones(reduced: Reduced) -> np.ndarray:
    ones = np.ones(reduced.rows.n_states)
    ones[-1] = 0.0
    return ones


def _certify(reduced: Reduced, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return certified bounds of the reduced values, infinite where no proof was found."""
    times = _times(reduced)
    return _certify_below(reduced, values, times), _certify_above(reduced, values, times)


def _times(reduced: Reduced) -> np.ndarray:
    """Expected steps to the sink under the policy."""
    return np.maximum(reduced.solver.solve(reduced.policy, _ones(reduced)), 0.0)


def lower_bound_of_policy(reduced: Reduced) -> np.ndarray:
    """Return certified lower bounds on the values of the current policy, which must be proper."""
    values = reduced.solver.solve(reduced.policy, reduced.quotient.rewards[reduced.policy])
    return _certify_below(reduced, _refined(reduced, values), _times(reduced))


def _certify_below(reduced: Reduced, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    residual = _policy_residual(reduced, values)
    slack = 2.0 * reduced_allowance(reduced, values) + 2.0 * max(0.0, -float(residual.min()))
    for _ in range(CERTIFY_ROUNDS):
        trial = values - slack * times
        if not np.all(np.isfinite(trial)):
            break
        if float(np.min(_policy_residual(reduced, trial)[:-1])) >= reduced_allowance(reduced, trial):
            return trial
        slack *= 4.0
    return np.full(len(values), -math.inf)


def _certify_above(reduced: Reduced, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    reduced.operator.backup(values)
    slack = 2.0 * reduced_allowance(reduced, values) + 2.0 * max(0.0, float(reduced.operator.residual.max()))
    kept = reduced.policy
    trial = values + slack * times
    for _ in range(CERTIFY_ROUNDS):
        if not np.all(np.isfinite(trial)):
            break
        reduced.operator.backup(trial)
        reduced.iterations += 1
        allowance = reduced_allowance(reduced, trial)
        violating = reduced.operator.residual > -allowance
        violating[-1] = False
        if not violating.any():
            reduced.policy = kept
            return trial
        switching = violating & (reduced.operator.policy != reduced.policy)
        if switching.any():
            if not _switch(reduced, switching):
                slack *= 0.25
                if slack < allowance:
                    break
                reduced.policy = kept
        else:
            slack *= 4.0
        times = _times(reduced)
        trial = values + slack * times
        correction = _policy_residual(reduced, trial, slack)
        trial = trial + reduced.solver.solve(reduced.policy, correction)
        trial[-1] = 0.0
    reduced.policy = kept
    return np.full(len(values), math.inf)


def expand_bounds(reduced: Reduced, lower: np.ndarray, upper: np.ndarray) -> Certified:
    """Carry bounds and policy back to the states of the process."""
    settled, small = reduced.settled, reduced.quotient
    full_lower = np.where(settled.mask, settled.lower, lower[small.state_class])
    full_upper = np.where(settled.mask, settled.upper, upper[small.state_class])
    if reduced.problem.objective.name == "REACH":
        limits = (0.0, 1.0) if reduced.problem.sign > 0 else (-1.0, 0.0)
        full_lower, full_upper = np.clip(full_lower, *limits), np.clip(full_upper, *limits)
    return Certified.of(
        full_lower,
        full_upper,
        expand_policy(reduced),
        reduced.method,
        max(1, reduced.iterations),
        "inductive bounds checked by one backup each",
        ROUNDING if reduced.method == "policy-iteration" else "the accuracy of its values",
        settled.undefined,
    )


def expand_policy(reduced: Reduced) -> np.ndarray:
    """Inside a collapsed component, walk to the state that owns the chosen exit, or stay for ever."""
    settled, small = reduced.settled, reduced.quotient
    graph, policy = settled.graph, settled.policy.copy()
    chosen = small.origin[reduced.policy]
    leaving = chosen[chosen >= 0]
    owner = np.zeros(graph.n_states, dtype=bool)
    owner[graph.choice_state[leaving]] = True
    inner = np.flatnonzero(small.inner)
    policy[graph.choice_state[inner]] = inner  # staying for ever: any inner choice
    _, through = graph.search_back(owner, small.inner)
    walking = (through >= 0) & ~settled.mask
    policy[walking] = through[walking]
    policy[graph.choice_state[leaving]] = leaving
    return policy
