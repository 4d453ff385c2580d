"""Test tasks, training distributions, worlds and the limits of all learners."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning import StepTasks, policy_gradient
from metaregret.theory.learning.distributions import DISTRIBUTIONS, HANDMADE, training
from metaregret.theory.learning.families import (
    distances,
    path_tasks,
    shaped_goals,
    sparse_goals,
    target_levels,
)
from metaregret.theory.learning.limits import bayes_learner, best_mean_return, goals_of
from metaregret.theory.learning.worlds import WORLDS, world


def test_shaped_goals_pay_by_distance() -> None:
    """On a line of 3, two steps, from the left to the right end: the best loses 1 + 0, the worst 2 + 2."""
    tasks = shaped_goals(make("line:3").replaced(horizon=2), np.array([2]))
    assert np.abs(tasks.rewards[0] - np.array([[0, 1, 2]]) / 3).max() < 1e-12


def test_distances_count_steps() -> None:
    found = distances(make("grid:4x3"))
    cells = np.arange(12)
    x, y = cells % 4, cells // 4
    assert np.array_equal(found, np.abs(x[:, None] - x) + np.abs(y[:, None] - y))


def test_paths_are_walked_in_time() -> None:
    """The optimum walks the path and waits; one step late loses one share of five."""
    process = make("line:5").replaced(horizon=5)
    tasks = path_tasks(process, np.array([3]))
    assert np.argmax(tasks.rewards[0], axis=1).tolist() == [1, 2, 3, 3, 3]
    theta = np.zeros((5, 5, 3))
    right, stay = process.actions.position("right"), process.actions.position("stay")
    for step in range(5):
        theta[step, :, right if step < 3 else stay] = 50.0
    assert policy_gradient(tasks, theta).returns[0] == pytest.approx(1.0, abs=1e-12)
    late = np.roll(theta, 1, axis=0)
    assert policy_gradient(tasks, late).returns[0] == pytest.approx(2 / 5, abs=1e-12)


def test_target_speeds_pay_by_difference() -> None:
    process = make("line:3,start=1").replaced(horizon=1)
    tasks = target_levels(process, np.array([-1, 0, 1]), np.array([1]))
    assert tasks.names == ("speed +1",)
    assert np.abs(tasks.rewards[0, 0] - np.array([0, 0.5, 1])).max() < 1e-12


def test_goals_out_of_reach_are_refused() -> None:
    tree = make("tree:0,0").replaced(horizon=1)
    with pytest.raises(InvalidArgumentError, match="'4' is 4 steps away, but an episode has 2"):
        path_tasks(make("line:5").replaced(horizon=2), np.array([4]))
    with pytest.raises(InvalidArgumentError, match="one initial state"):
        path_tasks(tree.replaced(initial={0: Fraction(1, 2), 1: Fraction(1, 2)}), np.array([0]))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        sparse_goals(tree.replaced(horizon=GeometricHorizon(Fraction(1, 2))), np.array([0]))


@pytest.mark.parametrize("family", [sparse_goals, shaped_goals, path_tasks])
def test_goals_that_are_no_states_are_refused(
    family: Callable[[ControlledMarkovProcess, np.ndarray], StepTasks],
) -> None:
    """A negative index would silently name a state from the end."""
    process = make("line:5").replaced(horizon=4)
    for wrong in (5, -1):
        with pytest.raises(InvalidArgumentError, match=rf"goals\[1\] = {wrong} is not a state; .* 0\.\.4"):
            family(process, np.array([0, wrong]))


def test_levels_and_worlds_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"shape \(3,\), but got \(2,\)"):
        target_levels(make("line:3").replaced(horizon=1), np.array([0, 1]), np.array([1]))
    with pytest.raises(InvalidArgumentError, match="sparse, shaped, speed, paths, but got 'moon'"):
        world("moon")


@pytest.mark.parametrize("name", list(WORLDS))
def test_every_task_of_every_distribution_is_on_one_scale(name: str) -> None:
    tests = world(name)
    assert 9 <= tests.process.n_states <= 45
    for source in [*DISTRIBUTIONS, HANDMADE]:
        given = training(source, tests, 0)
        assert given.tasks.process is tests.process
        assert given.weights.sum() == pytest.approx(1.0)
        assert np.abs(given.tasks.optimum - 1).max() < 1e-9
        assert np.abs(given.tasks.worst).max() < 1e-9


@pytest.mark.parametrize("name", ["shaped", "speed", "paths"])
def test_proposals_do_not_see_the_test_tasks(name: str) -> None:
    """No proposed task is a test task, and a proposal is the same whatever the test tasks are."""
    tests = world(name)
    other = StepTasks(tests.process, ("one",), tests.rewards[:1] * 0.5)
    for source in DISTRIBUTIONS:
        proposed = training(source, tests, 1)
        gap = np.abs(proposed.tasks.rewards[:, None] - tests.rewards[None]).max(axis=(2, 3))
        assert gap.min() > 1e-3
        assert np.array_equal(proposed.tasks.rewards, training(source, other, 1).tasks.rewards)
    assert np.array_equal(training(HANDMADE, tests, 1).tasks.rewards, tests.rewards)


def test_random_proposals_change_with_the_seed() -> None:
    tests = world("sparse")
    for source in ("diayn", "random", "carml"):
        first, again, other = (training(source, tests, seed).tasks.rewards for seed in (0, 0, 1))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
    with pytest.raises(InvalidArgumentError, match="diayn, random, carml, capacity, uniform, handmade"):
        training("none", tests, 0)


@pytest.mark.parametrize("episodes", [1, 4, 12])
def test_the_limit_on_goals_is_search_without_replacement(episodes: int) -> None:
    """T12: with K goals equally likely, n <= K episodes give n (n + 1) / (2 K) at best."""
    bracket = best_mean_return(world("sparse"), episodes)
    assert bracket.contains((episodes + 1) / 32)
    assert bracket.gap < 1e-9


def test_the_limit_falls_as_the_tasks_get_harder_to_tell_apart() -> None:
    """On three paths known after one step the loss is that of the first steps, so V_n is V_1 + (n - 1)."""
    tests = world("speed")
    once, thrice = best_mean_return(tests, 1), best_mean_return(tests, 3)
    assert thrice.contains((once.midpoint + 2) / 3)
    skewed = np.eye(len(tests))[0]
    assert bayes_learner(tests, 2, skewed).value.contains(0.0)


def test_only_plain_goals_are_goals() -> None:
    process = make("line:3").replaced(horizon=2)
    assert goals_of(sparse_goals(process, np.array([0, 2]))) is not None
    assert goals_of(shaped_goals(process, np.array([0, 2]))) is None
    assert goals_of(sparse_goals(process, np.array([2, 0]))) is None
