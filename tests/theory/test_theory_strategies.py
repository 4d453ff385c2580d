"""The public strategies generate what they say, and their documented example runs."""

from __future__ import annotations

import doctest
import re
import runpy
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import metaregret.tabular.strategies
import metaregret.theory.strategies
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import controllable_processes
from metaregret.theory.strategies import (
    GeneratedLearner,
    goal_tasks,
    learners,
    reward_tasks,
    symmetric_processes,
    task_distributions,
    trajectory_tasks,
)
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks
from metaregret.theory.theorems.t15_symmetric_channels import WEAKLY_SYMMETRIC


def test_the_documented_example_runs():
    result = doctest.testmod(metaregret.theory.strategies)
    assert result.attempted > 5
    assert not result.failed


@given(goal_tasks())
def test_goals_can_be_reached(tasks: GoalTasks):
    assert np.all(success_tasks(tasks).optimum.upper > 0)


@given(goal_tasks(controllable_processes(max_states=4), detect=Detection.END, all_goals=True))
def test_all_goals(tasks: GoalTasks):
    assert tasks.detect is Detection.END
    assert len(tasks.goals) == goal_support(tasks.process).sum() == tasks.process.n_states


@given(trajectory_tasks())
def test_trajectories(tasks: TrajectoryTasks):
    assert len(success_tasks(tasks).names) >= 1


@given(reward_tasks(max_tasks=2, levels=4))
def test_rewards_are_rational_and_bounded(tasks: RewardTasks):
    assert 1 <= len(tasks.names) <= 2
    assert tasks.tables.exact is not None
    assert all(0 <= r <= 1 and r.denominator in {1, 2, 4} for r in tasks.tables.exact.ravel())


@given(
    goal_tasks().flatmap(lambda tasks: st.tuples(st.just(tasks), task_distributions(tasks, positive=True)))
)
def test_task_distributions(situation: tuple[GoalTasks, list[Fraction]]):
    tasks, prior = situation
    assert len(prior) == len(tasks.goals)
    assert sum(prior) == 1
    assert min(prior) > 0


@given(goal_tasks().flatmap(lambda tasks: st.tuples(st.just(tasks), learners(tasks, episodes=3))))
def test_learners_are_evaluated_on_every_goal(situation: tuple[GoalTasks, GeneratedLearner]):
    tasks, learner = situation
    assert len(learner.regrets) == len(tasks.goals)
    assert all(0 <= regret <= 3 * v for regret, v in zip(learner.regrets, learner.optimum, strict=True))


@given(symmetric_processes())
def test_symmetric_processes_are_weakly_symmetric(process: ControlledMarkovProcess):
    assert WEAKLY_SYMMETRIC.holds(process)


PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "property-tests.md"


def test_the_page_can_be_pasted(tmp_path: Path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    pasted = runpy.run_path(str(_written(tmp_path / "pasted.py", code)))
    tests = [item for name, item in pasted.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_page_lists_every_public_strategy():
    text = PAGE.read_text()
    for name in {*metaregret.theory.strategies.__all__, *metaregret.tabular.strategies.__all__} - {
        "GeneratedLearner"
    }:
        assert f"{name}(" in text, name
