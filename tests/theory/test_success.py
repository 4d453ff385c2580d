"""Task families as marks on terminal states: goals, visits, trajectories."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular.augment import remember_trajectory, remember_visits
from metaregret.tabular.environments import make
from metaregret.tabular.errors import (
    InstanceTooLargeError,
    InvalidArgumentError,
    UnreachableGoalError,
    UnsupportedError,
)
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.tabular.strategies import processes
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

FINITE = processes(max_states=3, max_actions=2, max_steps=3, geometric=False)


def uniform(process: ControlledMarkovProcess) -> np.ndarray:
    """The uniform policy in rationals, one row."""
    counts = np.diff(process.choice_offsets).tolist()
    return np.array([Fraction(1, n) for n in counts for _ in range(n)], dtype=object)


def visit_probabilities(process: ControlledMarkovProcess) -> list[Fraction]:
    """Probability that the uniform policy visits each state, by following every history."""
    assert isinstance(process.horizon, FiniteHorizon)
    assert process.exact_initial is not None
    policy = uniform(process)
    histories = {(frozenset([s]), s): p for s, p in enumerate(process.exact_initial) if p}
    for _ in range(process.horizon.steps):
        following: dict[tuple[frozenset[int], int], Fraction] = {}
        for (seen, state), weight in histories.items():
            for c in process.choices(state):
                for m in range(process.offsets[c], process.offsets[c + 1]):
                    to = int(process.successors[m])
                    key = (seen | {to}, to)
                    step = weight * policy[c] * process.exact_probabilities[m]
                    following[key] = following.get(key, Fraction(0)) + step
        histories = following
    return [
        sum((p for (seen, _), p in histories.items() if g in seen), Fraction(0))
        for g in range(process.n_states)
    ]


@given(process=FINITE)
def test_visits_are_counted_as_by_hand(process: ControlledMarkovProcess) -> None:
    goals = np.arange(process.n_states)
    augmented, visited = remember_visits(process, goals)
    lifted = uniform(augmented.process)
    assert isinstance(process.horizon, FiniteHorizon)
    policy = np.empty((process.horizon.steps, len(lifted)), dtype=object)
    policy[:] = lifted
    exact = terminal_distribution(augmented.process, policy, representation="rational").exact
    assert exact is not None
    marks = visited.toarray().astype(int)
    assert [sum(exact * marks[:, g]) for g in goals] == visit_probabilities(process)


@given(process=FINITE)
def test_visits_are_at_least_endings(process: ControlledMarkovProcess) -> None:
    ends = success_tasks(GoalTasks.reachable(process)).optimum
    goals = GoalTasks.reachable(process).goals
    visits = success_tasks(GoalTasks(process, goals, Detection.VISIT)).optimum
    assert np.all(visits.upper >= ends.lower)


@given(process=FINITE)
@settings(max_examples=25)
def test_trajectories_have_their_own_probabilities(process: ControlledMarkovProcess) -> None:
    """``v*_tau`` is the product of the transition probabilities along the trajectory: actions are free."""
    assert process.exact_initial is not None
    tree = remember_trajectory(process)
    tasks = success_tasks(TrajectoryTasks(process))
    assert len(set(tasks.names)) == len(tasks.names)
    p = process.exact_probabilities
    for column in range(len(tasks.names)):
        leaf = int(tasks.success[:, [column]].indices[0])
        memory: Any = tree.memory[leaf]
        expected = process.exact_initial[memory[0]]
        for choice, state in zip(memory[1::2], memory[2::2], strict=True):
            row = slice(int(process.offsets[choice]), int(process.offsets[choice + 1]))
            expected *= p[row][process.successors[row].tolist().index(state)]
        assert tasks.optimum.lower[column] <= expected <= tasks.optimum.upper[column]


def test_names_of_trajectories() -> None:
    tasks = success_tasks(TrajectoryTasks(make("line:2").replaced(horizon=1)))
    assert tasks.names == ("0 -left-> 0", "0 -right-> 1", "0 -stay-> 0")


def test_goals_are_sorted_named_and_frozen() -> None:
    tasks = GoalTasks(make("line:5"), np.array([3, 1]))
    assert tasks.goals.tolist() == [1, 3]
    assert tasks.names == ("1", "3")
    assert not tasks.goals.flags.writeable


@pytest.mark.parametrize("goals", [[], [1, 1], [-1], [5]])
def test_goals_that_make_no_sense(goals: list[int]) -> None:
    with pytest.raises(InvalidArgumentError):
        GoalTasks(make("line:5"), np.array(goals, dtype=int))


def test_a_goal_out_of_reach_is_named() -> None:
    process = make("line:5").replaced(horizon=2)
    with pytest.raises(UnreachableGoalError, match=r"Goal '3' \(index 3\).*raise the horizon"):
        success_tasks(GoalTasks(process, np.array([1, 3])))
    assert GoalTasks.reachable(process).goals.tolist() == [0, 1, 2]


def test_parity_decides_what_can_be_the_end() -> None:
    """On a walk that cannot stay, half of the states are out of reach at the end, but not on the way."""
    rows = [(s, a, (s + (1, -1)[a]) % 4, 1) for s in range(4) for a in range(2)]
    process = ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial=0, horizon=3)
    assert GoalTasks.reachable(process).goals.tolist() == [1, 3]
    assert GoalTasks.reachable(process, Detection.VISIT).goals.tolist() == [0, 1, 2, 3]


def test_geometric_horizons_have_no_trajectories() -> None:
    process = make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        success_tasks(TrajectoryTasks(process))


def test_general_rewards_have_no_success() -> None:
    process = make("line:2")
    tables = RewardTables.from_exact(process, Labels(["t"], "task"), [[Fraction(0)] * process.n_transitions])
    with pytest.raises(UnsupportedError, match="no first success"):
        success_tasks(RewardTasks(process, tables))


def test_too_much_to_remember_is_refused() -> None:
    process = make("grid:5x5").replaced(horizon=10)
    with pytest.raises(InstanceTooLargeError, match="more than 1000 augmented states"):
        remember_trajectory(process, max_states=1000)
    with pytest.raises(InstanceTooLargeError, match="more than 1000 augmented states"):
        remember_visits(process, np.arange(25), max_states=1000)
