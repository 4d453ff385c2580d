"""Hitting times in steps on the way: values by hand, all policies by plain fractions, what is refused."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from steps_oracle import achieved, line, random_process
from vertex_enumeration import game_value

from metaregret.tabular.bounds import Status
from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax import Criterion, Learner, MinimaxSolution, solve
from metaregret.theory.tasks import Detection, GoalTasks

STEP_CRITERIA = (Criterion.HITTING_TIME, Criterion.RATIO)


def on_the_way(process: ControlledMarkovProcess, criterion: Criterion) -> MinimaxSolution:
    return solve(GoalTasks.reachable(process, Detection.VISIT), criterion=criterion)


def contains(solution: MinimaxSolution, value: float) -> None:
    assert solution.value.lower <= value * (1 + 1e-12)
    assert solution.value.upper >= value * (1 - 1e-12)
    assert solution.value.gap <= 1e-8


@pytest.mark.parametrize("half", [1, 2, 3])
def test_line_from_the_middle_with_one_walk_per_episode(half: int) -> None:
    # The ends are found with probability 1/2 each, in h steps, or 2h are lost: (h + 2h) / 2 / (1/2) = 3h.
    solution = on_the_way(line(2 * half + 1, half, 2 * half), Criterion.HITTING_TIME)
    contains(solution, 3.0 * half)
    assert solution.least_favourable[[0, -1]] == pytest.approx([0.5, 0.5], abs=1e-6)


def test_ratio_on_a_line_is_a_quadratic_irrational() -> None:
    # Walk straight to an end with probability r, else visit both neighbours and then go on as far as one can.
    contains(on_the_way(line(5, 2, 4), Criterion.RATIO), (1 + math.sqrt(33)) / 2)


def test_goals_at_the_start_cost_nothing() -> None:
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1)], states=1, actions=1, initial=0, horizon=3
    )
    solution = on_the_way(process, Criterion.HITTING_TIME)
    assert solution.value.exact == 0
    assert solution.status is Status.EXACT
    with pytest.raises(UnsupportedError, match="at the start"):
        on_the_way(process, Criterion.RATIO)


def test_one_walk_that_meets_everything_costs_its_length() -> None:
    contains(on_the_way(line(5, 0, 4), Criterion.HITTING_TIME), 4.0)
    contains(on_the_way(line(5, 0, 4), Criterion.RATIO), 1.0)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("criterion", STEP_CRITERIA)
def test_random_processes_against_all_policies(seed: int, criterion: Criterion) -> None:
    process = random_process(seed)
    pairs = achieved(process)
    goals = [g for g in range(1, process.n_states) if any(found[g] for _, found in pairs)]
    least = {g: min(cost[g] / found[g] for cost, found in pairs if found[g]) for g in goals}
    scale = least if criterion is Criterion.RATIO else dict.fromkeys(goals, Fraction(1))

    def reachable_level(theta: Fraction) -> bool:
        """Whether some mixture has ``c_g <= theta b_g rho_g`` for every goal."""
        shift = 1 + 2 * theta + max(c for cost, _ in pairs for c in cost)
        return (
            game_value({tuple(shift + theta * scale[g] * f[g] - c[g] for g in goals) for c, f in pairs})
            >= shift
        )

    solution = on_the_way(process, criterion)
    assert solution.status is not Status.BRACKETED
    assert reachable_level(Fraction(solution.value.upper) * (1 + Fraction(1, 10**12)))
    assert not reachable_level(Fraction(solution.value.lower) * (1 - Fraction(1, 10**12)))


def test_blind_and_memoryless_do_the_same_before_the_first_success() -> None:
    tasks = GoalTasks.reachable(line(5, 2, 4), Detection.VISIT)
    one, two = (
        solve(tasks, learner=k, criterion=Criterion.RATIO) for k in (Learner.BLIND, Learner.MEMORYLESS)
    )
    assert one.value.lower == two.value.lower
    assert one.value.upper == two.value.upper


def test_what_is_not_solved_is_refused_by_name() -> None:
    tasks = GoalTasks.reachable(line(3, 1, 2), Detection.VISIT)
    with pytest.raises(UnsupportedError, match="not convex"):
        solve(tasks, criterion=Criterion.HITTING_TIME, episodes=3)
    with pytest.raises(UnsupportedError, match="irrational"):
        solve(tasks, criterion=Criterion.RATIO, exact=True)
    geometric = tasks.process.replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        on_the_way(geometric, Criterion.HITTING_TIME)
