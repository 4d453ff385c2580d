"""Without sure reachability the second half of T13 fails: a goal on the way can carry mass that stays."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from metaregret.tabular.goals import goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims.oracles import bayes_regret_at
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.tasks import Detection, GoalTasks

X, H, G = 1, 2, 3


@pytest.fixture
def process() -> ControlledMarkovProcess:
    """From the start A leads to x and B to h, which leads on to g with probability 1/4; two steps."""
    moves = [(0, 0, X, 1), (0, 1, H, 1), (X, 0, X, 1), (G, 0, G, 1)]
    onward = [(H, 0, G, Fraction(1, 4)), (H, 0, H, Fraction(3, 4))]
    return ControlledMarkovProcess.from_transitions(
        moves + onward, states=4, actions=2, initial=0, horizon=2, name="onward by chance"
    )


def test_every_path_to_g_visits_h_but_g_is_not_sure(process: ControlledMarkovProcess):
    assert goal_values(process, np.array([G]), representation="rational").exact.tolist() == [Fraction(1, 4)]


@pytest.mark.parametrize("episodes", [1, 2])
def test_moving_the_mass_lowers_the_regret_it_forces(process: ControlledMarkovProcess, episodes: int):
    prior = [Fraction(1, 2), Fraction(1, 2), Fraction(0)]
    moved = [Fraction(1, 2), Fraction(0), Fraction(1, 2)]
    goals = [X, H, G]
    forced, after = (bayes_regret_at(process, goals, p, episodes, Detection.VISIT) for p in (prior, moved))
    assert forced == Fraction(1, 2)
    assert after < forced
    solution = solve_memory(GoalTasks(process, np.array(goals), Detection.VISIT), episodes, exact=True)
    assert solution.value.exact == Fraction(1, 2)
    np.testing.assert_allclose(solution.least_favourable, [0.5, 0.5, 0.0], atol=1e-9)
