"""From training distributions to curves on test tasks: step sizes come from training tasks alone."""

from __future__ import annotations

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.learning import MetaMethod, Schedule, StepTasks, adapt, dynamics
from metaregret.theory.learning.distributions import HANDMADE, training
from metaregret.theory.learning.families import sparse_goals
from metaregret.theory.learning.limits import best_mean_return
from metaregret.theory.learning.pipeline import Adaptation, learn, learn_from_scratch, mean_while_adapting

RATES = (1.0, 30.0)
SCHEDULE = Schedule(iterations=5, batch=2, inner=1)


def goals_on_a_line() -> StepTasks:
    process = make("line:3,start=1").replaced(horizon=2)
    return sparse_goals(process, np.arange(3))


def test_step_sizes_come_from_the_training_tasks() -> None:
    """With test tasks on which every step is wrong the same step sizes are chosen."""
    tests = goals_on_a_line()
    trainings = [[training(name, tests, 0)] for name in ("random", HANDMADE)]
    upside_down = StepTasks(tests.process, tests.names, -tests.rewards)
    first, second = (
        learn(tasks, trainings, MetaMethod.POOLED, SCHEDULE, [Adaptation(4)], rates=RATES)
        for tasks in (tests, upside_down)
    )
    assert [one.rate for one in first] == [one.rate for one in second]
    assert [(one.training, one.adaptation.name) for one in first] == [
        ("random", "exact"),
        (HANDMADE, "exact"),
    ]
    assert first[0].curves.shape == (1, 3, 5)
    assert np.abs(first[0].curves + second[0].curves).max() > 1e-3


def test_scratch_gets_the_best_step_size_of_the_grid() -> None:
    tests = goals_on_a_line()
    world = dynamics(tests.process)
    schedule = Schedule(noise=1e-9)
    (found,) = learn_from_scratch(tests, 2, schedule, [Adaptation(4)], rates=RATES)
    start = np.zeros((3, *world.shape))
    areas = [mean_while_adapting(adapt(world, start, tests.rewards, rate, 4)).mean() for rate in RATES]
    assert found.rate == RATES[int(np.argmax(areas))]
    assert mean_while_adapting(found.curves).mean() == pytest.approx(max(areas), abs=1e-6)


def test_learners_from_episodes_stay_below_the_bayes_optimal_one() -> None:
    """In expectation: the mean over 40 seeds may be above by chance, by less than 3 standard errors; exact
    gradients, which are told where the goal is, break the bound."""
    tests = goals_on_a_line()
    sampled, exact = (
        learn_from_scratch(tests, 40, Schedule(), [adaptation], rates=(100.0,))[0].curves
        for adaptation in (Adaptation(2, 2), Adaptation(2))
    )
    bound = best_mean_return(tests, 4).upper
    by_seed = mean_while_adapting(sampled).mean(axis=1)
    assert by_seed.mean() <= bound + 3 * by_seed.std() / np.sqrt(40)
    assert mean_while_adapting(exact[..., 1:]).mean() > best_mean_return(tests, 1).upper


def test_unequal_numbers_of_seeds_are_refused() -> None:
    tests = goals_on_a_line()
    one = training(HANDMADE, tests, 0)
    with pytest.raises(InvalidArgumentError, match="same number of seeds"):
        learn(tests, [[one], [one, one]], MetaMethod.MAML, SCHEDULE, [Adaptation(4)])


def test_what_cannot_be_trained_is_refused_before_training() -> None:
    tests = goals_on_a_line()
    with pytest.raises(InvalidArgumentError, match="at least one training distribution"):
        learn(tests, [], MetaMethod.MAML, SCHEDULE, [Adaptation(4)])
    with pytest.raises(InvalidArgumentError, match="'handmade' are on 'line:3,start=1'"):
        learn(tests, [[training(HANDMADE, goals_on_a_line(), 0)]], MetaMethod.MAML, SCHEDULE, [Adaptation(4)])
    with pytest.raises(InvalidArgumentError, match="steps=0"):
        Adaptation(0)
    with pytest.raises(InvalidArgumentError, match="at least 2 episodes"):
        Adaptation(4, 1)
