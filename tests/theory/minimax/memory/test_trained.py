"""Learners with memory trained on a distribution: ties broken well, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular.environments import make
from tabular.errors import ConvergenceError, InvalidArgumentError
from theory.minimax.memory import MemoryGame, bayes_optimal, solve_memory, trained_with_memory
from theory.tasks import GoalTasks


def game_on(name: str, episodes: int, **changes: int) -> MemoryGame:
    game = solve_memory(GoalTasks.reachable(make(name).replaced(**changes)), episodes).details["game"]
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
    game = solution.details["game"]
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


def test_limits_and_bad_priors() -> None:
    with pytest.raises(InvalidArgumentError, match="prior"):
        trained_with_memory(LINE, np.full(4, 0.25))
    with pytest.raises(ConvergenceError, match="max_rounds") as caught:
        trained_with_memory(LINE, np.full(5, 0.2), max_rounds=1)
    assert caught.value.lower <= 2.0 <= caught.value.upper
