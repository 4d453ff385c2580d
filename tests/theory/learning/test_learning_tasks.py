"""Test tasks, training distributions, worlds, exact memoryless learners and the limits of all."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from learning_instances import goals_on, random_tasks

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning import StepTasks, hitting_times, merged, training, unrolled, world
from metaregret.theory.learning.distributions import goal_frequencies, stacked
from metaregret.theory.learning.explorer import exploration, regret, uniform_actions
from metaregret.theory.learning.limits import bayes_regret, memoryless_regret, minimax_regret
from metaregret.theory.learning.worlds import goals_of, ledge, shaped_goals, sparse_goals
from metaregret.theory.minimax.memory import bayes_optimal
from metaregret.theory.tasks import GoalTasks


def test_shaped_goals_pay_by_distance() -> None:
    """On a line of 3, two steps, from the left to the right end: the best loses 1 + 0, the worst 2 + 2."""
    tasks = shaped_goals(make("line:3").replaced(horizon=2), np.array([2]))
    assert np.abs(tasks.rewards[0] - np.array([[0, 1, 2]]) / 3).max() < 1e-12
    assert goals_of(tasks) is None


def test_normalisation_adds_nothing_to_steps_that_pay_nothing() -> None:
    tasks = random_tasks(make("grid:3x2,slip=1/5"), 3, 5, 11)
    late = StepTasks(tasks.process, tasks.names, tasks.rewards * np.array([0, 1, 1])[None, :, None])
    for given in (tasks, late):
        scaled = given.normalised()
        assert np.abs(scaled.optimum - 1).max() < 1e-10
        assert np.abs(scaled.worst).max() < 1e-10
    assert not late.normalised().rewards[:, 0].any()
    flat = StepTasks(tasks.process, ("nothing",), np.full((1, 3, 6), 0.5)).normalised()
    assert not flat.rewards.any()


@pytest.mark.parametrize("family", [sparse_goals, shaped_goals])
def test_goals_that_are_no_states_are_refused(
    family: Callable[[ControlledMarkovProcess, np.ndarray], StepTasks],
) -> None:
    """A negative index would silently name a state from the end."""
    process = make("line:5").replaced(horizon=4)
    for wrong in (5, -1):
        with pytest.raises(InvalidArgumentError, match=rf"goals\[1\] = {wrong} is not a state; .* 0\.\.4"):
            family(process, np.array([0, wrong]))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        family(process.replaced(horizon=GeometricHorizon(Fraction(1, 2))), np.array([0]))


def test_the_ledge_is_reached_by_luck() -> None:
    """Without slips: one jump, at the last step; a jump that fails ends in each of nine cells."""
    tasks = sparse_goals(ledge(Fraction(1, 4), Fraction(0)))
    assert tasks.optimum == pytest.approx([1.0] * 9 + [0.25])
    jumpers = exploration(training("handmade", StepTasks(tasks.process, ("ledge",), tasks.rewards[-1:]), 0))
    assert jumpers == pytest.approx([1 / 12] * 9 + [1 / 4])


def test_every_task_of_every_distribution_is_on_one_scale() -> None:
    for name in ("grid", "ledge", "shaped"):
        tests = world(name)
        for source in ("diayn", "diayn-2", "diayn-held-out", "diayn-16", "random", "uniform", "handmade"):
            given = training(source, tests, 0)
            assert given.tasks.process is tests.process
            assert given.weights.sum() == pytest.approx(1.0)
            assert np.abs(given.tasks.optimum - 1).max() < 1e-7
            assert np.abs(given.tasks.worst).max() < 1e-7
    with pytest.raises(InvalidArgumentError, match=r"name to be one of 'diayn', .*, but got 'none'"):
        training("none", world("grid"), 0)
    with pytest.raises(InvalidArgumentError, match=r"world to be one of 'grid', .*, but got 'moon'"):
        world("moon")


def test_identical_distributions_are_one() -> None:
    """T6: where every goal is reached with certainty, DIAYN at the end, capacity and uniform goals propose
    the test tasks; on the ledge they differ. A third held out is not the same, nor another seed of one."""
    names = ("diayn", "uniform", "order-1", "random", "handmade", "diayn-held-out")
    found = merged([training(name, world("grid"), seed) for seed in (0, 1)] for name in names)
    assert list(found) == ["random", "diayn = uniform = order-1 = handmade", "diayn-held-out"]
    assert len(found["diayn-held-out"][0].tasks) == 11
    first, again, other = (training("random", world("grid"), seed).tasks.rewards for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    noisy = merged([training(name, world("ledge"), 0)] for name in ("diayn", "uniform", "order-inf"))
    assert list(noisy) == ["diayn", "uniform", "order-inf"]
    rewards, weights = stacked(found["diayn-held-out"], 13)
    assert weights.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert not rewards[:, 11:].any()


def test_orders_ask_for_the_ledge_more_and_more() -> None:
    """The exploration of order infinity is the minimax one (T19), mutual information all but leaves the ledge
    out (T20)."""
    tests = world("ledge")
    goals = goals_of(tests)
    assert goals is not None
    often = [goal_frequencies(tests.process, order)[-1] for order in ("1", "inf")]
    assert often[0] < 0.01
    assert often[1] > 0.1
    rho = exploration(training("order-inf", tests, 0))[goals]
    assert regret(rho, tests.optimum, 10**7).max() == pytest.approx(memoryless_regret(tests).upper, rel=0.05)
    mutual = exploration(training("order-1", tests, 0))[goals]
    assert regret(mutual, tests.optimum, 10**7).max() > 20 * memoryless_regret(tests).upper


def test_hitting_times_by_hand() -> None:
    """Two uniform steps on a line of three from its end, where left stays: 4, 3 and 2 of 9 ways end in the
    cells (left, right, stay); uniform goals are found in three episodes each."""
    tasks = goals_on("line:3", 2)
    goals = goals_of(tasks)
    assert goals is not None
    ways = dict.fromkeys(range(3), 0)
    for moves in [(a, b) for a in (1, -1, 0) for b in (1, -1, 0)]:
        cell = 0
        for move in moves:
            cell = min(max(cell + move, 0), 2)
        ways[cell] += 1
    assert hitting_times(uniform_actions(tasks), goals) == pytest.approx(
        [9 / ways[cell] for cell in range(3)]
    )
    rho = exploration(training("uniform", tasks, 0))
    assert hitting_times(rho, goals) == pytest.approx([3, 3, 3])
    assert regret(rho[goals], tasks.optimum, 2) == pytest.approx([2 / 3 + 4 / 9] * 3)
    assert regret(np.array([0.0, 1.0]), np.array([0.5, 1.0]), 7).tolist() == [3.5, 0.0]
    assert np.isinf(hitting_times(np.array([0.0, 1.0]), np.array([0]))).all()


@pytest.mark.parametrize("episodes", [1, 3, 5])
def test_the_closed_form_is_what_the_solvers_say(episodes: int) -> None:
    """T12 on a line of four, episodes fewer and more than goals, against the Bayes-optimal and minimax
    learners of the general solvers."""
    tasks = goals_on("line:4", 3)
    family = GoalTasks.reachable(tasks.process)
    bayes = bayes_optimal(family, np.full(4, 0.25), episodes).value
    assert bayes.contains(bayes_regret(tasks, episodes).lower)
    assert minimax_regret(tasks, episodes).lower == bayes_regret(tasks, episodes).lower
    timed = bayes_optimal(unrolled(tasks), np.full(4, 0.25), episodes).value
    assert max(bayes.lower, timed.lower) <= min(bayes.upper, timed.upper)


def test_limits_without_a_closed_form() -> None:
    """On the ledge the minimax value is above the Bayes value of uniform tasks, and both below memoryless."""
    tests = world("ledge")
    bayes, minimax = bayes_regret(tests, 4), minimax_regret(tests, 4)
    assert 0 < bayes.lower <= minimax.upper
    assert minimax.upper < memoryless_regret(tests).lower
    assert 0 < bayes_regret(shaped_goals(make("grid:2x2")), 2).lower < 2
