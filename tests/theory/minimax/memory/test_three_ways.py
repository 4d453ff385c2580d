"""The decomposition, the program over hyperstates and the full history tree agree on random small instances.

``METAREGRET_DEEP=1`` runs the 500 instances of the specification; the default is a sample of them.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from history_tree import goal_tree, known_payoffs, reward_tree, value
from memory_instances import random_process, random_tables

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks

DEEP = os.environ.get("METAREGRET_DEEP") == "1"
SHAPES = ((1, 2), (2, 2), (1, 3), (2, 1), (3, 1), (1, 4))
"""(steps, episodes)."""
SEEDS = range(25)
PER_SEED = 10 if DEEP else 2


def small(rng: np.random.Generator) -> tuple[ControlledMarkovProcess, int]:
    """A process of two or three states and a number of episodes."""
    steps, episodes = SHAPES[rng.integers(len(SHAPES))]
    process = random_process(
        rng, states=int(rng.integers(2, 4)), actions=2, horizon=steps, noise=bool(rng.integers(2))
    )
    return process, episodes


@pytest.mark.parametrize("seed", SEEDS)
def test_reward_tables(seed: int) -> None:
    rng = np.random.default_rng([seed, 0])
    for _ in range(PER_SEED):
        process, episodes = small(rng)
        tables = random_tables(rng, process, int(rng.integers(1, 5)))
        expected = value(reward_tree(process, tables.values, episodes), costs=False)
        solution = solve_memory(RewardTasks(process, tables), episodes)
        assert solution.value.midpoint == pytest.approx(expected, abs=1e-8)
        assert solution.value.gap <= 1e-8


@pytest.mark.parametrize("seed", SEEDS)
def test_goals(seed: int) -> None:
    rng = np.random.default_rng([seed, 1])
    for _ in range(PER_SEED):
        process, episodes = small(rng)
        detect = (Detection.END, Detection.VISIT)[rng.integers(2)]
        criterion = tuple(Criterion)[rng.integers(3)]
        goals = GoalTasks.reachable(process, detect).goals
        costs, visit = criterion is not Criterion.REGRET, detect is Detection.VISIT
        if criterion is Criterion.RATIO:  # a goal of no cost has no ratio, and its solver leaves it out
            goals = goals[known_payoffs(goal_tree(process, goals, episodes, visit=visit, costs=True)) < -1e-9]
            if not len(goals):
                continue
        tree = goal_tree(process, goals, episodes, visit=visit, costs=costs)
        expected = value(tree, costs=costs, ratio=criterion is Criterion.RATIO)
        solution = solve_memory(GoalTasks(process, goals, detect), episodes, criterion=criterion)
        assert solution.value.midpoint == pytest.approx(expected, abs=1e-8)
        assert solution.value.gap <= 1e-8
