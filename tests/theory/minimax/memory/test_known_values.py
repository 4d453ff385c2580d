"""Values known in closed form or from the specification: T12, T13 and the instances of the issue."""

from __future__ import annotations

import os
from fractions import Fraction

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.tabular.environments.line import line
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.tasks import Detection, GoalTasks

DEEP = os.environ.get("METAREGRET_DEEP") == "1"
SIZES = [(5, 3), (5, 5), (7, 4), (7, 7), (9, 9), (11, 11), (13, 13)] + ([(15, 15)] if DEEP else [])


def search_without_replacement(goals: int, episodes: int) -> Fraction:
    """T12: ``(K - 1) / 2`` for N >= K and ``N - N (N + 1) / (2 K)`` for N <= K."""
    if episodes >= goals:
        return Fraction(goals - 1, 2)
    return episodes - Fraction(episodes * (episodes + 1), 2 * goals)


@pytest.mark.parametrize(("states", "episodes"), SIZES)
def test_line_from_the_middle(states: int, episodes: int) -> None:
    process = line(states, start=states // 2, horizon=states - 1)
    solution = solve_memory(GoalTasks.reachable(process), episodes)
    expected = float(search_without_replacement(states, episodes))
    assert solution.value.lower - 1e-9 <= expected <= solution.value.upper + 1e-9
    assert solution.value.gap < 1e-9
    np.testing.assert_allclose(solution.least_favourable, 1.0 / states, atol=1e-9)
    np.testing.assert_allclose(solution.per_task, expected, atol=1e-9)


@pytest.mark.parametrize("detect", Detection)
@pytest.mark.parametrize(("states", "episodes"), [(4, 2), (4, 4), (4, 6), (5, 7)])
def test_star(states: int, episodes: int, detect: Detection) -> None:
    """T12 where one step reaches any goal, so that both detections are the same search."""
    from metaregret.tabular.process import ControlledMarkovProcess

    rows = [(0, a, a + 1, 1) for a in range(states)] + [(s, 0, s, 1) for s in range(1, states + 1)]
    star = ControlledMarkovProcess.from_transitions(
        rows, states=states + 1, actions=states, initial=0, horizon=1
    )
    solution = solve_memory(GoalTasks(star, np.arange(1, states + 1), detect), episodes, exact=True)
    assert solution.value.exact == search_without_replacement(states, episodes)


VISITS = [
    ("line:5,start=2", 4, 5, Fraction(1, 2)),
    ("grid:3x3", 4, 5, Fraction(1, 2)),
    ("grid:4x3", 5, 5, Fraction(4, 5)),
]


@pytest.mark.parametrize(("name", "steps", "episodes", "expected"), VISITS)
def test_goals_detected_on_the_way(name: str, steps: int, episodes: int, expected: Fraction) -> None:
    tasks = GoalTasks.reachable(make(name).replaced(horizon=steps), Detection.VISIT)
    assert solve_memory(tasks, episodes, exact=True).value.exact == expected


def test_grid_from_the_centre() -> None:
    process = make("grid:3x3").replaced(horizon=4, initial=4)
    assert solve_memory(GoalTasks.reachable(process), 5, exact=True).value.exact == Fraction(10, 3)


def test_uniform_is_not_least_favourable_on_the_way() -> None:
    """T13: on the line of 5 only (1/2, 0, -, 0, 1/2) is least favourable; the start is never missed."""
    tasks = GoalTasks.reachable(make("line:5,start=2").replaced(horizon=4), Detection.VISIT)
    solution = solve_memory(tasks, 5, exact=True)
    half = Fraction(1, 2)
    assert solution.proof.exact.prior == (half, 0, 0, 0, half)
    assert solution.per_task[2] == 0.0
    game = solution.proof.game
    rng = np.random.default_rng(0)
    others = [np.full(5, 0.2), *np.eye(5), *rng.dirichlet(np.full(5, 0.3), size=50)]
    for p in others:
        bayes_loss = p @ game.respond(p).loss
        distance = np.abs(p - [0.5, 0, 0, 0, 0.5]).sum()
        assert (
            bayes_loss <= 0.5 - 0.2 * distance
        )  # the peak is sharp: strictly worse for the adversary elsewhere


def test_costs_by_hand() -> None:
    """Two goals one step left and right of the start, one step per episode, three episodes.

    Detected at the end: the first is tried with probability 1/2, so 3/2 episodes. On the way: the same in
    steps.
    """
    process = line(3, start=1, horizon=1)
    for detect in Detection:
        tasks = GoalTasks(process, np.array([0, 2]), detect)
        for criterion in (Criterion.HITTING_TIME, Criterion.RATIO):
            solution = solve_memory(tasks, 3, criterion=criterion, exact=True)
            assert solution.value.exact == Fraction(3, 2)


def test_a_goal_never_found_costs_the_whole_budget() -> None:
    process = line(4, start=0, horizon=1)
    end = solve_memory(GoalTasks(process, np.array([3])), 5, criterion=Criterion.HITTING_TIME, exact=True)
    assert end.value.exact == 5
    process = line(4, start=0, horizon=2)
    visit = GoalTasks(process, np.array([3]), Detection.VISIT)
    assert solve_memory(visit, 5, criterion=Criterion.HITTING_TIME, exact=True).value.exact == 10


def test_a_goal_at_the_start_costs_nothing_and_has_no_ratio() -> None:
    tasks = GoalTasks(line(3, start=1, horizon=1), np.arange(3), Detection.VISIT)
    hitting = solve_memory(tasks, 2, criterion=Criterion.HITTING_TIME)
    assert hitting.per_task[1] == 0.0
    ratio = solve_memory(tasks, 2, criterion=Criterion.RATIO)
    assert ratio.tasks == ("0", "2")
