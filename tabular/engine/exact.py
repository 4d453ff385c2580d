"""Exact planning: rational arithmetic from the data to the answer, checked by a Bellman residual of zero.

Infinite horizons use policy iteration (Howard 1960), started from the policy that floating point found, so
that one or two rational solves suffice. A chain is solved component by component in topological order:
acyclic parts cost nothing, and each strong component is one `flint.fmpq_mat` system. Finite horizons use
integers over one common denominator, which need no reduction of fractions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import scipy.sparse as sp

from metaregret.tabular.backup.rational import RationalBackup, from_flint, to_flint
from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.engine.graph import ChoiceGraph
from metaregret.tabular.engine.problem import Problem
from metaregret.tabular.engine.reduction import Settled, settle
from metaregret.tabular.engine.solution import Objective, PlanningSolution
from metaregret.tabular.errors import ConvergenceError, InstanceTooLargeError, SolverError, UnsupportedError
from metaregret.tabular.rationals import parse_fraction

__all__ = ["LARGEST_COMPONENT", "ExactModel", "solve_exactly"]

LARGEST_COMPONENT = 1200
"""Largest strong component of a policy's chain that is solved over the rationals."""

LARGEST_WORK = 3e9
"""Largest estimated number of machine-word operations of an exact backward induction."""


@dataclass(frozen=True, eq=False)
class ExactModel:
    """Rational rows of a maximisation problem, with the discount folded into the probabilities.

    Attributes
    ----------
    graph : ChoiceGraph
    weights : ndarray of fmpq, shape (M,)
        ``gamma p`` of each transition.
    rewards : ndarray of fmpq, shape (C,)
    """

    graph: ChoiceGraph
    weights: np.ndarray
    rewards: np.ndarray

    def action_values(self, values: np.ndarray) -> np.ndarray:
        """Return ``r + gamma P V``, shape (C,)."""
        return self.rewards + row_sums(self.graph.offsets, self.weights * values[self.graph.successors])

    def residual(self, values: np.ndarray) -> np.ndarray:
        """Return ``max_c (r_c + gamma P_c V) - V``, exactly; shape (S,)."""
        best = np.maximum.reduceat(self.action_values(values), self.graph.choice_offsets[:-1])
        return np.asarray(best - values)


def solve_exactly(problem: Problem, *, keep_policy: bool) -> PlanningSolution:
    """Solve over the rationals; see `metaregret.tabular.engine.solve`.

    Raises
    ------
    NotExactError
        If the process carries no rational probabilities.
    InstanceTooLargeError
        If the estimated work is out of reach.
    SolverError
        If the final Bellman residual is not zero (which would be a defect).
    """
    problem.process.require_exact()
    if problem.objective is Objective.FINITE:
        totals, plan, steps = _induction(problem, keep_policy)
        return _solution(
            problem, totals, plan, "exact-backward-induction", steps, "rational backward induction"
        )
    values, policy, count, settled = (
        (*_discounted(problem), None) if problem.objective is Objective.DISCOUNTED else _undiscounted(problem)
    )
    detail = "policy iteration; the exact Bellman residual is zero"
    return _solution(problem, values, policy, "exact-policy-iteration", count, detail, settled)


# -------------------------------------------------------------------------------- data


def transition_fractions(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return numerators and denominators of the probabilities."""
    process = problem.process
    assert process.numerators is not None
    assert process.denominators is not None
    return process.numerators, process.denominators


def exact_rewards(problem: Problem) -> np.ndarray:
    """Return the rewards of all transitions as rationals in maximisation form, shape (M,)."""
    process, given = problem.process, problem.given
    if given is None:
        items = [Fraction(0)] * process.n_choices
        return np.asarray(_objects(items)[process.transition_choice])
    rational = _objects([problem.sign * parse_fraction(item, "rewards") for item in given.tolist()])
    if len(rational) == process.n_transitions:
        return np.asarray(rational)
    by_choice = rational if len(rational) == process.n_choices else rational[process.choice_state]
    return np.asarray(by_choice[process.transition_choice])


def _objects(items: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def row_sums(offsets: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Return the sums of the rows of `items`, fmpq; zero where a row is empty."""
    sums, filled = np.full(len(offsets) - 1, flint.fmpq(0)), np.flatnonzero(np.diff(offsets))
    if len(filled):
        sums[filled] = np.add.reduceat(items, offsets[filled])
    return sums


# -------------------------------------------------------------------------------- finite horizon


def _induction(problem: Problem, keep_policy: bool) -> tuple[list[Fraction], np.ndarray | None, int]:
    """Backward induction in rational arithmetic, refused where it would take too long."""
    process, steps = problem.process, problem.steps
    assert steps is not None
    common = math.lcm(*map(int, np.unique(transition_fractions(problem)[1])))
    words = 1.0 + steps * math.log2(common + 1) / 64.0
    if steps * process.n_transitions * words * 20 > LARGEST_WORK:
        raise InstanceTooLargeError(
            f"Exact backward induction over {process.n_transitions} transitions and {steps} steps would "
            f"take about {steps * process.n_transitions * words:.1e} word operations; use exact=False, "
            "which is certified too."
        )
    terminal = [Fraction(0)] * process.n_states
    if problem.terminal is not None:
        terminal = [problem.sign * parse_fraction(item, "terminal") for item in problem.terminal.tolist()]
    operator = RationalBackup(process)
    paid = operator.averaged(to_flint(exact_rewards(problem)))
    values, policies = operator.induct(
        to_flint(terminal)[:, None], steps, paid[None, :, None], policies=keep_policy
    )
    return from_flint(values[:, 0]).tolist(), None if policies is None else policies[..., 0], steps


# -------------------------------------------------------------------------------- infinite horizons


def _discounted(problem: Problem) -> tuple[list[Fraction], np.ndarray, int]:
    from metaregret.tabular.engine.discounted import modified_policy_iteration

    assert problem.discount is not None
    process = problem.process
    start = process.choice_offsets[:-1]
    if problem.fits_floats:
        warm = modified_policy_iteration(problem, fall_back=True).policy
        assert warm is not None
        start = warm
    chances, paid = to_flint(process.exact_probabilities), to_flint(exact_rewards(problem))
    graph = ChoiceGraph(process.choice_offsets, process.offsets, process.successors)
    gamma = flint.fmpq(problem.discount.exact.numerator, problem.discount.exact.denominator)
    model = ExactModel(graph, gamma * chances, row_sums(process.offsets, chances * paid))
    values, policy, count = policy_iteration(model, start.astype(np.int64), problem.max_iterations)
    return from_flint(values).tolist(), policy, count


def _undiscounted(
    problem: Problem,
) -> tuple[list[Fraction | None], np.ndarray, int, Settled]:
    """Policy iteration on the reduced problem; a loop of tight choices at the end would mean a gain of
    zero. States that no start leads to may have an infinite value, or none: no rational number."""
    from metaregret.tabular.engine.undiscounted import (
        expand_policy,
        reduce_problem,
        refuse_cancelling,
        warm_policy,
    )

    settled = settle(problem)
    known = [Fraction(value) if math.isfinite(value) else None for value in settled.lower.tolist()]
    if settled.mask.all():
        return known, settled.policy, 1, settled
    reduced = reduce_problem(problem, settled, "auto")
    small = reduced.quotient
    model = _reduced_model(problem, small.graph, small.transition, known)
    start = warm_policy(reduced) if problem.fits_floats else reduced.policy
    values, policy, count = policy_iteration(model, start, problem.max_iterations, proper_sink=True)
    tight = model.action_values(values) == values[small.graph.choice_state]
    tight[-1] = False
    if settled.undecided:
        trapped = small.graph.end_components(tight) >= 0
        if trapped.any():
            refuse_cancelling(reduced, trapped)
    reduced.policy = policy
    found = from_flint(values)[small.state_class]
    answer = [known[state] if done else found[state] for state, done in enumerate(settled.mask)]
    return answer, expand_policy(reduced), count, settled


def _reduced_model(
    problem: Problem, graph: ChoiceGraph, transition: np.ndarray, known: list[Fraction | None]
) -> ExactModel:
    numerators, denominators = transition_fractions(problem)
    rewards, successors, zero = exact_rewards(problem), problem.process.successors, flint.fmpq(0)
    weights, paid = [], []
    for item in transition.tolist():
        if item < 0:
            weights.append(zero)
            paid.append(zero)
            continue
        probability = flint.fmpq(int(numerators[item]), int(denominators[item]))
        earned = rewards[item] + (known[successors[item]] or 0)  # known is 0 where nothing is settled
        weights.append(probability)
        paid.append(probability * flint.fmpq(earned.numerator, earned.denominator))
    return ExactModel(graph, _objects(weights), row_sums(graph.offsets, _objects(paid)))


def policy_iteration(
    model: ExactModel, policy: np.ndarray, max_iterations: int, *, proper_sink: bool = False
) -> tuple[np.ndarray, np.ndarray, int]:
    """Exact policy iteration; decisions change only for a strict gain, so a proper policy stays proper.

    Raises
    ------
    UnsupportedError
        If an improved policy no longer reaches the sink: some loop has a non-negative gain.
    ConvergenceError
        After `max_iterations` rounds.
    SolverError
        If the final residual is not exactly zero.
    """
    graph, index = model.graph, np.arange(model.graph.n_choices)
    for count in range(1, max_iterations + 1):
        values = chain_values(model, policy)
        q, residual = model.action_values(values), model.residual(values)
        better = residual > 0
        if not better.any():
            if np.any(residual != 0):
                raise SolverError(
                    "The exact Bellman residual is not zero: the rational solve is wrong; report this."
                )
            return values, policy, count
        first = np.where(q == (values + residual)[graph.choice_state], index, graph.n_choices)
        policy = np.where(better, np.minimum.reduceat(first, graph.choice_offsets[:-1]), policy)
        if proper_sink:
            _require_proper(graph, policy)
    raise ConvergenceError(
        f"Exact policy iteration did not finish in max_iterations={max_iterations} rounds; raise it."
    )


def _require_proper(graph: ChoiceGraph, policy: np.ndarray) -> None:
    allowed = np.zeros(graph.n_choices, dtype=bool)
    allowed[policy] = True
    sources = np.zeros(graph.n_states, dtype=bool)
    sources[-1] = True
    if not graph.can_reach(sources, allowed).all():
        raise UnsupportedError(
            "The total reward is infinite or does not converge: some policy stays for ever in a loop whose "
            "rewards do not sum to less "
            "than zero a round. Use a finite horizon or gamma < 1, or name target states where the episode "
            "ends."
        )


def chain_values(model: ExactModel, policy: np.ndarray) -> np.ndarray:
    """Solve ``V = r_policy + gamma P_policy V`` component by component, successors first."""
    graph = model.graph
    values = np.empty(graph.n_states, dtype=object)
    for component in _components_in_order(graph, policy):
        if len(component) > LARGEST_COMPONENT:
            raise InstanceTooLargeError(
                f"The chain of a policy has a strong component of {len(component)} states, more than "
                f"{LARGEST_COMPONENT}; an exact solve would take too long. Use exact=False, which is "
                "certified too."
            )
        _solve_component(model, policy, component, values)
    return values


def _solve_component(model: ExactModel, policy: np.ndarray, component: list[int], values: np.ndarray) -> None:
    graph, size = model.graph, len(component)
    place = {state: index for index, state in enumerate(component)}
    system = [[flint.fmpq(0)] * size for _ in range(size)]
    right = []
    for row, state in enumerate(component):
        choice = int(policy[state])
        known = model.rewards[choice]
        system[row][row] = flint.fmpq(1)
        for item in range(int(graph.offsets[choice]), int(graph.offsets[choice + 1])):
            successor = int(graph.successors[item])
            if successor in place:
                system[row][place[successor]] -= model.weights[item]
            else:
                known = known + model.weights[item] * values[successor]
        right.append([known])
    if size == 1:
        values[component[0]] = right[0][0] / system[0][0]
        return
    solution = flint.fmpq_mat(system).solve(flint.fmpq_mat(right))
    for row, state in enumerate(component):
        values[state] = solution[row, 0]


def _components_in_order(graph: ChoiceGraph, policy: np.ndarray) -> list[list[int]]:
    """Strong components of the policy's chain, every one after those it leads to."""
    from graphlib import TopologicalSorter

    from scipy.sparse.csgraph import connected_components

    lengths = np.diff(graph.offsets)[policy]
    source = np.repeat(np.arange(graph.n_states), lengths)
    item = (
        np.arange(len(source))
        - np.repeat(np.cumsum(lengths) - lengths, lengths)
        + graph.offsets[policy][source]
    )
    target = graph.successors[item]
    chain = sp.csr_array((np.ones(len(source)), (source, target)), shape=(graph.n_states, graph.n_states))
    count, labels = connected_components(chain, connection="strong")
    members: list[list[int]] = [[] for _ in range(count)]
    for state, label in enumerate(labels.tolist()):
        members[label].append(state)
    crossing = labels[source] != labels[target]
    after: dict[int, set[int]] = {label: set() for label in range(count)}
    for a, b in np.column_stack((labels[source], labels[target]))[crossing].tolist():
        after[a].add(b)
    return [members[label] for label in TopologicalSorter(after).static_order()]


# -------------------------------------------------------------------------------- result


def _solution(
    problem: Problem,
    values: Sequence[Fraction | None],
    policy: np.ndarray | None,
    method: str,
    count: int,
    detail: str,
    settled: Settled | None = None,
) -> PlanningSolution:
    """Restore the sign; a state without a rational value keeps the bounds that the graph gave it."""
    exact = np.empty(len(values), dtype=object)
    exact[:] = [None if value is None else problem.sign * value for value in values]
    lower, upper = np.empty(len(values)), np.empty(len(values))
    for state, value in enumerate(exact.tolist()):
        if value is not None:
            bracket = Bracket.of(value)
            lower[state], upper[state] = bracket.lower, bracket.upper
        else:
            assert settled is not None
            bounds = problem.sign * settled.lower[state], problem.sign * settled.upper[state]
            lower[state], upper[state] = min(bounds), max(bounds)
    for array in (lower, upper, exact):
        array.setflags(write=False)
    return PlanningSolution(
        problem.process,
        problem.objective,
        lower,
        upper,
        policy,
        method,
        count,
        Status.EXACT,
        exact,
        detail,
    )
