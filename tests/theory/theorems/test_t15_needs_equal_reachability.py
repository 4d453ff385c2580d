"""Without equal reachability T15 fails: weakly symmetric is not enough for the minimax marginal to be
uniform."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.information import channel_capacity
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks
from metaregret.theory.theorems.t15_symmetric_channels import EQUALLY_REACHABLE, WEAKLY_SYMMETRIC

ROWS = ((3, 4, 1, 2), (3, 1, 2, 4), (3, 1, 4, 2), (1, 4, 3, 2))


@pytest.fixture
def process() -> ControlledMarkovProcess:
    moves = [(0, a, s, Fraction(w, 10)) for a, row in enumerate(ROWS) for s, w in enumerate(row)]
    stay = [(s, 0, s, 1) for s in (1, 2, 3)]
    return ControlledMarkovProcess.from_transitions(
        moves + stay, states=4, actions=4, initial=0, horizon=1, name="weakly symmetric"
    )


def test_the_assumptions_tell_the_difference(process: ControlledMarkovProcess):
    assert WEAKLY_SYMMETRIC.holds(process)
    assert not EQUALLY_REACHABLE.holds(process)


def test_mutual_information_is_uniform_but_minimax_is_not(process: ControlledMarkovProcess):
    outcomes = np.array(deterministic_outcomes(process), dtype=float)
    output = channel_capacity(outcomes, tolerance=1e-10).output_distribution
    np.testing.assert_allclose(output, 0.25, atol=2e-5)
    solution = solve_without_memory(GoalTasks.reachable(process))
    assert solution.value.contains(0.5) or solution.value.midpoint == pytest.approx(0.5, abs=1e-9)
    np.testing.assert_allclose(solution.exploration, np.array([3, 4, 4, 4]) / 15, atol=1e-8)
    assert max(0.3, 0.4) / 0.25 - 1 == pytest.approx(0.6)  # what the uniform marginal costs


def test_exactly(process: ControlledMarkovProcess):
    """Rationally: a mixture of the rows is proportional to ``v*``, and its regret beats that of uniform."""
    rows = [[Fraction(w, 10) for w in row] for row in ROWS]
    target = [Fraction(w, 15) for w in (3, 4, 4, 4)]
    solved = np.linalg.solve(np.array(rows, dtype=float).T, np.array(target, dtype=float))
    weights = [Fraction(float(w)).limit_denominator(1000) for w in solved]
    assert min(weights) >= 0
    assert sum(weights) == 1
    mixed = [sum(w * row[s] for w, row in zip(weights, rows, strict=True)) for s in range(4)]
    assert mixed == target
    optimum = [max(column) for column in zip(*rows, strict=True)]
    assert max(v / r - 1 for v, r in zip(optimum, mixed, strict=True)) == Fraction(1, 2)
    assert max(v * 4 - 1 for v in optimum) == Fraction(3, 5)
