"""Hitting times in steps on the way: values by hand, all policies by plain fractions, what is refused."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from vertex_enumeration import Vector, game_value, rows_of

from tabular.bounds import Status
from tabular.environments import make
from tabular.errors import UnsupportedError
from tabular.horizon import FiniteHorizon, GeometricHorizon
from tabular.process import ControlledMarkovProcess
from theory.minimax import Criterion, Learner, MinimaxSolution, solve
from theory.tasks import Detection, GoalTasks

STEP_CRITERIA = (Criterion.HITTING_TIME, Criterion.RATIO)


def on_the_way(process: ControlledMarkovProcess, criterion: Criterion) -> MinimaxSolution:
    return solve(GoalTasks.reachable(process, Detection.VISIT), criterion=criterion)


def line(states: int, start: int, steps: int) -> ControlledMarkovProcess:
    return make(f"line:{states},start={start}").replaced(horizon=FiniteHorizon(steps))


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


def random_process(seed: int) -> ControlledMarkovProcess:
    rng = np.random.default_rng(seed)
    states = int(rng.integers(2, 4))
    rows = []
    for state in range(states):
        for action in range(2):
            weights = rng.integers(0, 3, states)
            # Something other than the start can always be found.
            weights[1 if (state, action) == (0, 0) else rng.integers(states)] += 1
            total = int(weights.sum())
            rows += [(state, action, s, Fraction(int(w), total)) for s, w in enumerate(weights) if w]
    return ControlledMarkovProcess.from_transitions(rows, states=states, actions=2, initial=0, horizon=2)


def mean(parts: list[tuple[Fraction, Vector]]) -> Vector:
    columns = zip(*[[p * x for x in vector] for p, vector in parts], strict=True)
    return tuple(sum(column, Fraction(0)) for column in columns)


def achieved(process: ControlledMarkovProcess) -> set[tuple[Vector, Vector]]:
    """Costs and visit probabilities of all deterministic policies that remember what they have visited."""
    rows, size = rows_of(process), process.n_states
    assert isinstance(process.horizon, FiniteHorizon)
    steps = process.horizon.steps

    def mixed(row: dict[int, Fraction], step: int, seen: frozenset[int]) -> set[tuple[Vector, Vector]]:
        parts = [[(p, pair) for pair in onward(step, s, seen | {s})] for s, p in row.items()]
        return {
            (mean([(p, cost) for p, (cost, _) in chosen]), mean([(p, found) for p, (_, found) in chosen]))
            for chosen in itertools.product(*parts)
        }

    def onward(step: int, state: int, seen: frozenset[int]) -> set[tuple[Vector, Vector]]:
        unseen = tuple(Fraction(int(g not in seen)) for g in range(size))
        if step == steps:
            return {(tuple(Fraction(0) for _ in unseen), tuple(1 - u for u in unseen))}
        return {
            (tuple(u + c for u, c in zip(unseen, cost, strict=True)), found)
            for row in rows[state]
            for cost, found in mixed(row, step + 1, seen)
        }

    return onward(0, 0, frozenset({0}))


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
