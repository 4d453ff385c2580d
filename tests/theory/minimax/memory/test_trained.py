"""Learners with memory trained on a distribution: ties broken well, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from benchmarks.hyperstate_program import hyperstate_program
from metaregret.tabular.environments import make
from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError
from metaregret.tabular.hyperstate import HyperstateGraph
from metaregret.theory.minimax.memory import (
    MemoryGame,
    bayes_optimal,
    memory_game,
    solve_memory,
    trained_with_memory,
)
from metaregret.theory.minimax.memory.trained import STRICTNESS
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.tasks import GoalTasks


def game_on(name: str, episodes: int, **changes: int) -> MemoryGame:
    game = solve_memory(GoalTasks.reachable(make(name).replaced(**changes)), episodes).proof.game
    assert isinstance(game, MemoryGame)
    return game


LINE = game_on("line:5,start=2", 5, horizon=4)


def searched_in_order(prior: np.ndarray) -> float:
    """Bayes-optimal search without replacement visits goals by falling probability, equal ones in random
    order: the worst are the ``m`` rarest, found after ``K - m`` others and ``(m - 1) / 2`` of their own."""
    rarest = int(np.count_nonzero(np.isclose(prior, prior.min())))
    return len(prior) - rarest + (rarest - 1) / 2


@given(st.lists(st.integers(0, 4), min_size=5, max_size=5).filter(any))
@settings(max_examples=40, deadline=None)
def test_search_without_replacement(weights: list[int]) -> None:
    prior = np.array(weights) / sum(weights)
    found = trained_with_memory(LINE, prior)
    expected = searched_in_order(prior)
    # Learners are Bayes-optimal to a relative 1e-6, and different probabilities are at least 1/20 apart.
    assert found.worst_case.lower <= expected + 1e-9
    assert found.worst_case.upper >= expected - 1e-3
    assert found.worst_case.gap <= 1e-4
    order = np.sort(prior)[::-1]
    assert found.expected.contains(float(order @ np.arange(5)))


def test_ties_broken_at_random_are_minimax_and_in_order_are_not() -> None:
    """T12: uniform goals; every fixed order is Bayes-optimal too, and loses twice as much."""
    found = trained_with_memory(LINE, np.full(5, 0.2))
    assert found.worst_case.contains(2.0)
    assert found.as_planned == pytest.approx(4.0)


def test_a_perturbed_prior_has_no_ties_left() -> None:
    """The planted error of the one above: probabilities that differ fix the order."""
    found = trained_with_memory(LINE, np.array([0.24, 0.22, 0.2, 0.18, 0.16]))
    assert found.worst_case.lower > 3.99


@pytest.mark.parametrize("episodes", [2, 4])
def test_between_minimax_and_what_planning_returns(episodes: int) -> None:
    process = make("grid:3x3,slip=1/10").replaced(horizon=4)
    tasks = GoalTasks.reachable(process)
    solution = solve_memory(tasks, episodes)
    game = solution.proof.game
    assert isinstance(game, MemoryGame)
    rng = np.random.default_rng(episodes)
    for prior in (np.full(9, 1 / 9), rng.dirichlet(np.ones(9)), solution.least_favourable):
        found = trained_with_memory(game, prior)
        planned = bayes_optimal(tasks, prior, episodes)
        assert found.worst_case.upper >= solution.value.lower
        assert found.worst_case.lower <= planned.worst_case().upper
        assert found.as_planned == pytest.approx(planned.worst_case().midpoint)
        assert found.expected.lower <= planned.value.upper
        assert planned.value.lower <= found.expected.upper
    # Trained on the least-favourable distribution, and with ties broken well, a learner is minimax.
    assert found.worst_case.lower <= solution.value.upper + 1e-4
    assert found.as_planned > solution.value.upper + 0.1


def by_linear_programs(game: MemoryGame, prior: np.ndarray, strictness: float) -> tuple[float, float]:
    """``V`` and ``W`` by linear programs over realisation weights: no decomposition, no value iteration."""
    assert isinstance(game.graph, HyperstateGraph)
    program = hyperstate_program(game.graph)
    rows, columns = program.flow.shape
    root = np.eye(rows)[0]
    # loss = scale (offset - payoff x)
    payoff = sp.csr_array(sp.diags_array(game.scale) @ program.payoff[game.task_class])
    offset = game.scale * game.offset
    least = linprog(-(prior @ payoff), A_eq=program.flow, b_eq=root)
    value = float(prior @ offset + least.fun)
    charge = -strictness * (prior @ payoff)
    left = sp.vstack([-payoff, sp.csr_array(charge[None, :])])
    left = sp.hstack([left, -np.ones((len(offset) + 1, 1))])
    right = np.append(-offset, strictness * (value - float(prior @ offset)))
    flow = sp.hstack([program.flow, sp.csr_array((rows, 1))])
    bounds = [(0, None)] * columns + [(None, None)]
    worst = linprog(np.eye(columns + 1)[-1], A_ub=left, b_ub=right, A_eq=flow, b_eq=root, bounds=bounds)
    return value, float(worst.fun)


@pytest.mark.parametrize(("name", "horizon"), [("grid:2x2,slip=1/5", 2), ("garnet:S=4,A=2,b=2,seed=2", 2)])
def test_linear_programs_agree(name: str, horizon: int) -> None:
    tasks = GoalTasks.reachable(make(name).replaced(horizon=horizon))
    game = memory_game(tasks, 3, Criterion.REGRET, 10**6, collapse=False)
    count = len(game.names)
    rng = np.random.default_rng(0)
    apart = []
    for prior in (np.full(count, 1 / count), *rng.dirichlet(np.full(count, 0.7), size=3)):
        found = trained_with_memory(game, prior)
        value, worst = by_linear_programs(game, prior, STRICTNESS)
        assert found.expected.lower - 1e-8 <= value <= found.expected.upper + 1e-8
        # The charge multiplies the solver's own error in V by the strictness.
        assert found.worst_case.lower - 1e-5 <= worst <= found.worst_case.upper + 1e-5
        _, lenient = by_linear_programs(game, prior, 1.0)
        apart.append(worst - lenient)
    # The planted error: charging a millionth as much gives another number.
    assert max(apart) > 0.05


def test_limits_and_bad_priors() -> None:
    with pytest.raises(InvalidArgumentError, match="prior"):
        trained_with_memory(LINE, np.full(4, 0.25))
    with pytest.raises(ConvergenceError, match="max_rounds") as caught:
        trained_with_memory(LINE, np.full(5, 0.2), max_rounds=1)
    assert caught.value.lower <= 2.0 <= caught.value.upper
