"""Environments of set systems and attempts: states that count as other goals, or as none."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from metaregret.tabular import make
from metaregret.tabular.environments.attempts import attempts
from metaregret.tabular.environments.cover import cover
from metaregret.tabular.errors import (
    EnvironmentSpecError,
    InvalidProcessError,
    MetaregretError,
    UnsupportedError,
)
from metaregret.tabular.files import read_process, write_process
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import attempt_chances, set_systems
from metaregret.theory.certificates.write_minimax import minimax_certificate
from metaregret.theory.claims.oracles import path_sets
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import Detection, GoalTasks


@given(set_systems())
def test_a_set_is_a_path_and_nothing_else_is(sets: list[list[int]]) -> None:
    process = cover(sets)
    tasks = GoalTasks.reachable(process, Detection.VISIT)
    assert tasks.names == tuple(str(goal) for goal in range(1 + max(map(max, sets))))
    listed = {tuple(one) for one in path_sets(process, tasks.goals.tolist())}
    assert listed == {tuple(sorted(one)) for one in sets}
    assert make(process.name).name == process.name


@given(attempt_chances())
def test_attempts_reach_goals_as_stated_and_the_start_is_no_goal(chances: list[Fraction]) -> None:
    process = attempts(chances)
    tasks = GoalTasks.reachable(process)
    assert tasks.goals.tolist() == list(range(1, len(chances) + 1))
    exact = goal_values(process, tasks.goals, representation="rational").exact
    assert exact is not None
    assert list(exact) == chances


def test_spread_avoids_one_goal() -> None:
    process = make("spread:4")
    rows = process.exact_probabilities[: 4 * 3].reshape(4, 3)
    assert set(rows.ravel()) == {Fraction(1, 3)}
    left_out = [set(range(1, 5)) - set(row) for row in process.successors[:12].reshape(4, 3).tolist()]
    assert left_out == [{1}, {2}, {3}, {4}]
    assert goal_support(process).tolist() == [False, True, True, True, True]


@pytest.mark.parametrize("specification", ["cover:0.1;1.2;2.0", "attempts:1,1/3"])
def test_files_keep_what_states_count_as(specification: str, tmp_path: Path) -> None:
    process = make(specification)
    write_process(process, tmp_path / "process.json")
    again = read_process(tmp_path / "process.json")
    assert again.goal_of.tolist() == process.goal_of.tolist()


@pytest.mark.parametrize(
    ("specification", "words"),
    [
        ("cover:", "at least one set"),
        ("cover:0..1", "a goal of set 0"),
        ("cover:0.1;x", "a goal of set 1"),
        ("cover:0.1;1.1", "Set 1 holds goal 1 twice"),
        ("cover:0.1;3", "No set holds goal 2"),
        ("cover:0.1;-1", "a goal of set 1"),
        ("attempts:", "Expected a chance"),
        ("attempts:1,0", "goal 2"),
        ("attempts:1,3/2", "goal 2"),
        ("attempts:1,half", "goal 2"),
        ("spread:1", "from 2"),
        ("spread:", "number of goals"),
        ("spread:3,slip=1/2", "no option 'slip'"),
    ],
)
def test_bad_specifications_are_refused_by_name(specification: str, words: str) -> None:
    with pytest.raises(EnvironmentSpecError, match=words):
        make(specification)


@pytest.mark.parametrize("counts_as", [[0], [1, 2, 2, 3], [0, 1, 2, 9], [0, -2, 2, 3]])
def test_what_states_count_as_is_checked(counts_as: list[int]) -> None:
    process = make("spread:3")
    with pytest.raises(InvalidProcessError, match="count"):
        dataclasses.replace(process, counts_as=np.array(counts_as))


def test_goals_on_several_paths_are_noticed_on_the_way_only() -> None:
    process = make("cover:0.1;1.2;2.0")
    with pytest.raises(UnsupportedError, match="visit"):
        GoalTasks.reachable(process)
    tasks = GoalTasks.reachable(process, Detection.VISIT)
    with pytest.raises(UnsupportedError, match="several states"):
        minimax_certificate(tasks, solve_without_memory(tasks, exact=True))


def test_a_process_whose_goals_are_single_states_splices_paths() -> None:
    """Why copies are needed: with one state a goal, two lines through a point can be joined there."""
    joined = ControlledMarkovProcess.from_transitions(
        [
            (0, 0, 1, 1),
            (0, 1, 2, 1),
            (1, 0, 3, 1),
            (2, 0, 3, 1),
            (3, 0, 4, 1),
            (3, 1, 5, 1),
            (4, 0, 4, 1),
            (5, 0, 5, 1),
        ],
        states=6,
        actions=2,
        initial=0,
        horizon=3,
    )
    assert [0, 2, 4] in path_sets(joined, [1, 2, 3, 4, 5])  # neither {1, 3, 4} nor {2, 3, 5}


def test_too_many_transitions_are_refused_before_work() -> None:
    with pytest.raises(MetaregretError):
        make("spread:999999")
