"""Sets of task distributions without interior: tasks that are never posed, equations as rows."""

import numpy as np
import pytest

import metaregret as mr
from metaregret.theory.adversaries import Adversary

SURE = mr.Polytope(np.array([[1.0, 0.0]]), np.array([0.0]))
"""The second task only."""

ONLY_SECOND = [
    SURE,
    mr.ConditionalValueAtRisk(np.array([0.0, 1.0]), alpha=0.5),
    mr.TotalVariationBall(np.array([0.0, 1.0]), radius=0.0),
    mr.KullbackLeiblerBall(np.array([0.0, 1.0]), radius=0.0),
    mr.KullbackLeiblerBall(np.array([0.0, 1.0]), radius=0.5),
]
PLAYERS = [("blind", 2), ("memoryless", 1), ("memoryless", None), ("memory", 2)]


@pytest.mark.parametrize("adversary", ONLY_SECOND, ids=str)
@pytest.mark.parametrize(("learner", "episodes"), PLAYERS)
def test_a_task_that_is_never_posed_costs_nothing(adversary: Adversary, learner: str, episodes: int | None):
    """The learner goes to the posed goal at once, and owes nothing for what it loses at the other."""
    tasks = mr.goals(mr.make("attempts:1,1"))
    solution = mr.solve(tasks, learner=learner, episodes=episodes, adversary=adversary)
    assert solution.value.lower <= 0.0 <= solution.value.upper <= 1e-12
    assert solution.least_favourable["1"] == 0.0


@pytest.mark.parametrize(
    ("learner", "episodes", "value"),
    [
        ("memoryless", None, (0.5 + 0.75**0.5) ** 2 - 1.0),  # the square-root law of T3
        ("memoryless", 2, 0.5),
        ("blind", 2, 0.5),  # N times the smaller probability
        ("memory", 2, 0.25),  # a wrong first episode with the smaller probability
    ],
)
@pytest.mark.parametrize("extra", [[], [([1.0, 0.0], 0.3), ([1.0, 1.0], 1.0)]])
def test_an_equation_stands_as_two_rows(learner: str, episodes: int | None, value: float, extra: list):
    """``p_1 = 1/4``: the set is one point, whatever rows that are implied go with it."""
    rows = [([1.0, 0.0], 0.25), ([-1.0, 0.0], -0.25), *extra]
    adversary = mr.Polytope(np.array([row for row, _ in rows]), np.array([limit for _, limit in rows]))
    tasks = mr.goals(mr.make("attempts:1,1"))
    solution = mr.solve(tasks, learner=learner, episodes=episodes, adversary=adversary)
    assert solution.value.lower <= value + 1e-12
    assert value - 1e-12 <= solution.value.upper
    assert solution.value.relative_gap <= 1e-9


def test_an_equation_leaves_the_other_directions_free():
    """``p_1 + p_2 = p_3`` among three sure goals: the worst ``sum sqrt(p)`` is at (1/4, 1/4, 1/2)."""
    rows, limits = np.array([[1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]), np.zeros(2)
    solution = mr.solve(mr.goals(mr.make("attempts:1,1,1")), adversary=mr.Polytope(rows, limits))
    value = (1.0 + 0.5**0.5) ** 2 - 1.0
    assert solution.value.lower - 1e-12 <= value <= solution.value.upper + 1e-12
    assert solution.least_favourable.array == pytest.approx([0.25, 0.25, 0.5], abs=1e-4)


def test_decimals_that_miss_each_other_by_a_rounding():
    """0.1 + 0.2 > 0.3 in binary, so that these rows hold for no distribution of floats."""
    rows = np.array([[1.0, 0, 0], [0, 1.0, 0], [-1.0, -1.0, 0], [0, 0, 1.0]])
    adversary = mr.Polytope(rows, np.array([0.1, 0.2, -0.30000000000000004 - 1e-16, 0.7]))
    solution = mr.solve(mr.goals(mr.make("attempts:1,1,1")), learner="blind", episodes=1, adversary=adversary)
    assert solution.value.midpoint == pytest.approx(0.3, abs=1e-9)


@pytest.mark.parametrize("nominal", [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
def test_values_at_risk_with_an_impossible_task(nominal: list[float]):
    """Half of tasks of nominal mass 1/2 each: any mixture of the two, as if there were no third."""
    process = mr.make("noisy-goal:K=2,v=1/2")
    kept = [i for i, p in enumerate(nominal) if p]
    few = mr.solve(mr.goals(process, kept), learner="blind", criterion="ratio", episodes=3)
    found = mr.solve(
        mr.goals(process, [0, 1, 2]),
        learner="blind",
        criterion="ratio",
        episodes=3,
        adversary=mr.ConditionalValueAtRisk(np.array(nominal), alpha=0.5),
    )
    assert found.value.midpoint == pytest.approx(few.value.midpoint, abs=1e-8)
    assert few.value.lower > 1.01


@pytest.mark.parametrize("criterion", ["hitting-time", "ratio"])
@pytest.mark.parametrize("learner", ["blind", "memoryless"])
def test_a_loss_that_nothing_changes_is_certified(learner: str, criterion: str):
    """One episode costs one, whatever the learner does: also a learner whose policies leave no choice."""
    process = mr.make([[[0, 0, 1], [0, 0, 1], [0, 1, 0]]], horizon=2)
    solution = mr.solve(
        mr.goals(process), learner=learner, criterion=criterion, episodes=1, adversary="cvar:1/2"
    )
    assert solution.value.lower <= 1.0 <= solution.value.upper
    assert solution.value.upper - solution.value.lower < 1e-12
