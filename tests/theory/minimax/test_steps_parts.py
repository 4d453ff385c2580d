"""The parts of hitting times in steps, each against fractions: evaluation, planning, bounds, rounds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from steps_oracle import achieved, line, random_process

from metaregret.tabular.bounds import Status
from metaregret.tabular.errors import ConvergenceError, SolverError, UnsupportedError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.policy import deterministic_policy, uniform_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax import Criterion, Learner, solve, steps_on_the_way
from metaregret.theory.minimax.steps_on_the_way import (
    FAR,
    StepGame,
    StepPoint,
    StepProgram,
)
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.optimise import LINEAR_SOLVERS, Best
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks

UNIT = Fraction(1, 2**53)


def game_on(process: ControlledMarkovProcess) -> StepGame:
    tasks = GoalTasks.reachable(process, Detection.VISIT)
    return StepGame(success_tasks(tasks), tasks.process.horizon.steps)


def thirds() -> ControlledMarkovProcess:
    """Three actions, one of them of three outcomes, and a goal that is met once in a thousand steps."""
    rows: list[Any] = [(0, 0, s, "1/3") for s in range(3)]
    rows += [(0, 1, 0, "999/1000"), (0, 1, 3, "1/1000"), (0, 2, 1, "2/7"), (0, 2, 2, "5/7")]
    rows += [(s, a, t, p) for s in (1, 2) for a, t, p in ((0, 0, "1/5"), (0, s, "4/5"), (1, 3 - s, 1))]
    rows += [(3, 0, 0, "1/2"), (3, 0, 3, "1/2")]
    return ControlledMarkovProcess.from_transitions(
        rows, states=4, actions=3, initial={0: "2/3", 1: "1/3"}, horizon=3
    )


# ---------------------------------------------------------------- evaluation


def by_fractions(game: StepGame, policy: Sequence[Sequence[Fraction]]) -> tuple[list[Fraction], ...]:
    """``c_g`` as the sum over times 0..T-1 of the chance that ``g`` is still to be seen, and ``rho_g``."""
    process, marks = game.process, game.marked.success.toarray() > 0
    assert process.exact_initial is not None
    current = list(process.exact_initial)
    costs = [Fraction(0)] * marks.shape[1]
    for row in policy:
        for g, column in enumerate(marks.T):
            costs[g] += sum((m for m, seen in zip(current, column, strict=True) if not seen), Fraction(0))
        following = [Fraction(0)] * len(current)
        for c, weight in enumerate(row):
            for m in range(process.offsets[c], process.offsets[c + 1]):
                moved = current[process.choice_state[c]] * weight * process.exact_probabilities[m]
                following[process.successors[m]] += moved
        current = following
    return costs, [
        sum((m for m, seen in zip(current, column, strict=True) if seen), Fraction(0)) for column in marks.T
    ]


@pytest.mark.parametrize("process", [thirds(), random_process(3), line(3, 0, 3)], ids=["thirds", "3", "line"])
def test_costs_are_bounded_from_above_and_visits_from_below(process: ControlledMarkovProcess) -> None:
    game = game_on(process)
    counts = np.diff(game.process.choice_offsets)
    uniform = [Fraction(1, int(n)) for n in counts for _ in range(n)]
    first = np.broadcast_to(game.process.choice_offsets[:-1], (game.steps, len(counts)))
    pure = deterministic_policy(game.process, first)
    for policy, exact in (
        (uniform_policy(game.process), [uniform] * game.steps),
        (pure, [[Fraction(int(w)) for w in row] for row in pure.tolist()]),
    ):
        costs, found = by_fractions(game, exact)
        above, below = game.evaluate(policy)
        for g, at_start in enumerate(game.at_start.tolist()):
            assert (above[g] == 0) if at_start else Fraction(above[g]) >= costs[g]
            assert costs[g] == 0 or not at_start
            assert above[g] == pytest.approx(float(costs[g]), rel=1e-12)
            assert Fraction(below[g]) <= found[g]
            assert below[g] == pytest.approx(float(found[g]), rel=1e-12)


def test_only_goals_where_every_episode_begins_are_at_the_start() -> None:
    assert game_on(line(3, 1, 2)).at_start.tolist() == [False, True, False]
    assert game_on(thirds()).at_start.tolist() == [False] * 4


@pytest.mark.parametrize(("exponent", "counted"), [(153, True), (154, True), (155, True), (161, False)])
def test_visits_too_rare_for_floating_point_are_not_counted(exponent: int, counted: bool) -> None:
    """At ``1e-322`` products are no longer accurate to a part of themselves: the lower bound is zero."""
    rare = Fraction(1, 10**exponent)
    rows = [(s, 0, s, 1 - rare) for s in (0, 1)] + [(s, 0, s + 1, rare) for s in (0, 1)] + [(2, 0, 2, 1)]
    game = game_on(ControlledMarkovProcess.from_transitions(rows, states=3, actions=1, initial=0, horizon=2))
    losses, found = game.losses(uniform_policy(game.process))
    assert bool(found[2] > 0) is counted
    assert Fraction(found[2]) <= rare**2
    assert bool(losses[2] < np.inf) is (exponent == 153)
    assert found[1] == pytest.approx(2 * float(rare), rel=1e-12)


POSITIVE = st.floats(1e-6, 1e6)


@given(st.lists(st.tuples(POSITIVE, POSITIVE, POSITIVE), min_size=2, max_size=2))
def test_losses_are_rounded_up(drawn: list[tuple[float, float, float]]) -> None:
    """``c / (b rho)`` of the bounds on the safe side: the lower of ``b``, and never below the quotient."""
    game = game_on(line(3, 1, 2))
    (c, b, r), (d, e, s) = drawn
    least = np.array([b, 1.0, e])
    game.least = (least, 2 * least)
    with mock.patch.object(game, "evaluate", return_value=(np.array([c, 0.0, d]), np.array([r, 1.0, s]))):
        losses, found = game.losses(uniform_policy(game.process))
    assert losses[1] == 0
    assert found.tolist() == [r, 1.0, s]
    for loss, cost, best, visit in ((losses[0], c, b, r), (losses[2], d, e, s)):
        exact = Fraction(cost) / (Fraction(best) * Fraction(visit))
        assert exact <= Fraction(loss) <= exact * (1 + 40 * UNIT)


# ---------------------------------------------------------------- planning at one level


@cache
def played(seed: int) -> tuple[StepGame, list[tuple[tuple[Fraction, ...], tuple[Fraction, ...]]]]:
    """A random game whose goals count for different ``b``, and what all its policies achieve."""
    process = random_process(seed)
    game = game_on(process)
    goals = [int(name) for name in game.marked.names]
    pairs = [
        (tuple(cost[g] for g in goals), tuple(found[g] for g in goals)) for cost, found in achieved(process)
    ]
    factors = np.arange(2.0, 2.0 + len(goals))
    game.least = (factors / 2, factors)
    return game, pairs


WEIGHTS = [(1.0, 0.0, 0.0), (0.0, 0.25, 0.0), (0.0, 0.5, 1.0), (0.5, 1.0, 0.25)]


def weighted(seed: int, weights: Sequence[float]) -> tuple[StepGame, np.ndarray, list[tuple[Fraction, ...]]]:
    """``sum w c`` and ``sum w b rho`` of all policies."""
    game, pairs = played(seed)
    w = [Fraction(x) for x in weights[: len(game.at_start)]]
    b = [Fraction(x) for x in game.least[1].tolist()]
    sums = [
        (
            sum((x * c for x, c in zip(w, cost, strict=True)), Fraction(0)),
            sum((x * y * f for x, y, f in zip(w, b, found, strict=True)), Fraction(0)),
        )
        for cost, found in pairs
    ]
    return game, np.array(w, dtype=float), sums


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("theta", [0.0, 0.75, 3.0])
def test_plans_minimise_costs_less_level_times_visits(
    seed: int, weights: tuple[float, ...], theta: float
) -> None:
    game, w, sums = weighted(seed, weights)
    best = min(cost - Fraction(theta) * visits for cost, visits in sums)
    plan = game.plan(w, theta)
    assert Fraction(plan.value.lower) <= best <= Fraction(plan.value.upper)
    assert plan.value.upper - plan.value.lower <= 1e-12


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weights", WEIGHTS[1:])
@pytest.mark.parametrize("start", [None, 50.0, 1e6])
def test_lower_bounds_of_weights_are_the_best_ratio_of_sums(
    seed: int, weights: tuple[float, ...], start: float | None
) -> None:
    """The smallest ``sum w c / sum w b rho`` of all policies, from below, in a few plans."""
    game, w, sums = weighted(seed, weights)
    best = min((cost / visits for cost, visits in sums if visits), default=None)
    if best is None:
        return
    plans: list[float] = []
    original = game.plan

    def plan(weights: np.ndarray, theta: float) -> Any:
        plans.append(theta)
        return original(weights, theta)

    with mock.patch.object(game, "plan", plan):
        lower, policy = game.lower_bound(w, float(best) * (1 + 1e-9) if start is None else start)
    assert best * (1 - Fraction(1, 10**12)) <= Fraction(lower) <= best
    assert len(plans) <= 12
    cost, found = game.evaluate(policy)
    assert float(w @ cost) / float(w @ (game.least[1] * found)) == pytest.approx(float(best), rel=1e-12)


def test_a_start_below_every_ratio_is_proved_as_it_is() -> None:
    game, w, sums = weighted(1, WEIGHTS[3])
    start = float(min(cost / visits for cost, visits in sums if visits)) / 2
    assert game.lower_bound(w, start)[0] == pytest.approx(start, rel=1e-12)


def test_what_no_margin_proves_is_no_bound() -> None:
    game, w, _ = weighted(1, WEIGHTS[3])
    with mock.patch.object(game, "proves", return_value=False):
        assert game.lower_bound(w, 50.0)[0] == 0.0


def test_weights_on_nothing_that_is_ever_found_prove_nothing() -> None:
    """No division by a visit probability of zero: the level does not fall."""
    game, w, _ = weighted(1, WEIGHTS[3])
    none = np.zeros(len(w))
    with mock.patch.object(game, "evaluate", return_value=(none + 2.0, none)):
        assert game.lower_bound(w, 50.0)[0] == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_levels_just_above_the_best_ratio_are_not_proved(seed: int) -> None:
    game, w, sums = weighted(seed, WEIGHTS[2])
    best = min((cost / visits for cost, visits in sums if visits), default=None)
    if best is None:
        return
    assert game.proves(w, float(best) * (1 - 1e-12))
    for excess in range(1, 200, 7):
        assert not game.proves(w, float(best) * (1 + excess * 2.0**-52))


def test_plans_within_the_roundings_of_their_data_prove_nothing() -> None:
    """At least ``2 K + 3`` roundings of ``sum w (T + theta b)``: sums over goals twice and products."""
    game = game_on(line(5, 2, 4))
    factors = np.array([1.0, 2.0, 1.0, 3.0, 1.0])
    game.least = (factors / 2, factors)
    weights, theta = np.array([0.5, 0.25, 1.0, 0.25, 0.5]), 50.0
    scale = (4 + 50 * 3) * 2.5
    for roundings, enough in ((0, False), (13, False), (200, True)):
        value = SimpleNamespace(lower=float(roundings * UNIT) * scale)
        with mock.patch.object(game, "plan", lambda w, t, value=value: SimpleNamespace(value=value)):
            assert game.proves(weights, theta) is enough


@pytest.mark.parametrize("seed", range(8))
def test_the_smallest_possible_costs_are_bracketed(seed: int) -> None:
    process = random_process(seed)
    game, pairs = game_on(process), achieved(process)
    game.relative_to_best()
    lower, upper = game.least
    for position, name in enumerate(game.marked.names):
        ratios = [cost[int(name)] / found[int(name)] for cost, found in pairs if found[int(name)]]
        if game.at_start[position]:
            assert (lower[position], upper[position]) == (1.0, 1.0)
        else:
            assert Fraction(lower[position]) <= min(ratios) <= Fraction(upper[position])
            assert upper[position] - lower[position] <= 1e-11


# ---------------------------------------------------------------- points


def test_points_are_what_a_policy_and_weights_prove() -> None:
    """Line of 3 from the middle, T = 2: uniform play finds an end with 4 / 9, weights are cleaned first."""
    game = game_on(line(3, 1, 2))
    policy = uniform_policy(game.process)
    losses, found = game.losses(policy)
    for weights, clean in (
        ([1.0, 0.0, 1.0], [1.0, 0.0, 1.0]),
        ([0.25, 3.0, 0.5], [0.5, 0.0, 1.0]),
        ([np.nan, 1.0, 2.0], [0.0, 0.0, 1.0]),
        ([-1.0, 0.0, 0.125], [0.0, 0.0, 1.0]),
        ([0.0, 5.0, -2.0], [1.0, 0.0, 1.0]),
        ([0.0, 0.0, 0.0], [1.0, 0.0, 1.0]),
    ):
        point = game.certify(policy, np.array(weights))
        assert point.policy is policy
        np.testing.assert_array_equal(point.losses, losses)
        np.testing.assert_array_equal(point.found, found)
        np.testing.assert_array_equal(point.weights, clean)
        assert point.upper == losses.max()
        # One end alone is found in one step; a third of the way to both at once costs the value, 3.
        truth = 3.0 if clean[0] == clean[2] else 2.0 if clean[0] else 1.0
        assert point.lower <= truth
        assert point.lower == pytest.approx(truth, rel=1e-12)


def test_lower_bounds_are_not_above_upper_bounds() -> None:
    game = game_on(line(3, 1, 2))
    with mock.patch.object(game, "lower_bound", lambda weights, start: (start * (1 + 1e-12), None)):
        point = game.certify(uniform_policy(game.process), np.ones(3))
    assert point.lower == point.upper


def test_a_policy_that_misses_a_goal_still_has_a_lower_bound() -> None:
    """To the left for ever: the right end is never found, and the weights are as good as with any policy."""
    game = game_on(line(3, 1, 2))
    left = np.broadcast_to(game.process.choice_offsets[:-1], (2, game.process.n_states))
    point = game.certify(deterministic_policy(game.process, left), np.ones(3))
    assert point.upper == np.inf
    assert point.lower == pytest.approx(3.0, rel=1e-12)
    assert sorted(point.losses.tolist()) == [0.0, pytest.approx(1.0), np.inf]


# ---------------------------------------------------------------- the linear program


def test_the_program_minimises_the_worst_scaled_excess() -> None:
    """Line of 3, both ends share: ``min max (c - theta rho) / scale`` with ``c = 3 / 2``, ``rho = 1 / 2``."""
    program = StepProgram(game_on(line(3, 1, 2)))
    scale = np.array([0.5, 7.0, 0.5])
    for theta, level in ((3.0, 0.0), (2.0, 1.0), (4.0, -1.0)):
        best = program.solve(theta, scale, 1e-9, LINEAR_SOLVERS)
        assert program._level.value == pytest.approx(level, abs=1e-8)
        assert best.upper == pytest.approx(3.0, rel=1e-9)
        assert best.lower == pytest.approx(3.0, rel=1e-9)
    assert program.solve(3.0, scale, 1e-9, LINEAR_SOLVERS[3:]).method == "Clarabel"


def test_scales_of_goals_are_those_of_their_own_rows() -> None:
    """Only the far end of a line of 2 counts: ``(c - theta b rho) / scale`` of walking there at once."""
    game = game_on(line(2, 0, 2))
    game.least = (np.array([1.0, 1.0]), np.array([1.0, 5.0]))
    program = StepProgram(game)
    program.solve(0.5, np.array([3.0, 4.0]), 1e-9, LINEAR_SOLVERS)
    assert program._level.value == pytest.approx((1 - 0.5 * 5) / 4, abs=1e-8)


@pytest.mark.parametrize(("flow", "duals"), [(False, True), (True, False), (False, False)])
def test_answers_without_variables_or_multipliers_are_no_points(flow: bool, duals: bool) -> None:
    program = StepProgram(game_on(line(3, 1, 2)))
    honest = cp.Problem.solve

    def part(problem: cp.Problem, *arguments: Any, **options: Any) -> Any:
        result = honest(problem, *arguments, **options)
        if not flow:
            for variable in problem.variables():
                variable.save_value(None)
        if not duals:
            for constraint in problem.constraints:
                for dual in constraint.dual_variables:
                    dual.save_value(None)
        return result

    with (
        mock.patch(
            "metaregret.theory.optimise.run", lambda problem, attempt: part(problem, solver=attempt.solver)
        ),
        pytest.raises(SolverError, match="HiGHS simplex"),
    ):
        program.solve(3.0, np.ones(3), 1e-9, LINEAR_SOLVERS[:1])


# ---------------------------------------------------------------- rounds


class Scripted:
    """A program that answers as it was told, and remembers what it was asked."""

    def __init__(self, game: Any, answers: Sequence[tuple[float, float] | None]) -> None:
        self.game, self.answers = game, list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def solve(self, theta: float, scale: np.ndarray, tolerance: float, attempts: Any) -> Best[StepPoint]:
        self.asked.append((theta, scale, tolerance, attempts))
        answer = self.answers.pop(0)
        if answer is None:
            raise SolverError("nobody answered")
        return Best(point(-1.0, answer[1]), point(answer[0], np.inf), "scripted")


def point(lower: float, upper: float, found: Sequence[float] = (0.5, 1.0, 1e-12)) -> StepPoint:
    return StepPoint(lower, upper, np.zeros(0), np.zeros(3), np.array(found), np.ones(3))


def rounds(
    answers: Sequence[tuple[float, float] | None], first: tuple[float, float] = (1.0, 9.0)
) -> tuple[Scripted, tuple[StepPoint, StepPoint], list[tuple[float, float]]]:
    """Dinkelbach's rounds at tolerance 1/8 on a game with scripted answers."""
    inner = game_on(line(3, 1, 2))
    game = SimpleNamespace(
        process=inner.process,
        at_start=inner.at_start,
        steps=2,
        least=(np.ones(3), np.array([1.0, 2.0, 4.0])),
        certify=mock.Mock(return_value=point(*first)),
    )
    program, told = Scripted(game, answers), list[tuple[float, float]]()
    found = steps_on_the_way._dinkelbach(program, 0.125, lambda low, high: told.append((low, high))).best
    (policy, weights), _ = game.certify.call_args
    np.testing.assert_array_equal(policy, uniform_policy(inner.process))
    np.testing.assert_array_equal(weights, np.ones(3))
    return program, found, told


def bounds(found: tuple[StepPoint, StepPoint]) -> tuple[float, float]:
    return found[1].lower, found[0].upper


def test_rounds_end_where_the_bracket_is_narrow() -> None:
    program, found, told = rounds([(1.5, 3.0), (2.0, 2.25)])
    assert told == [(1.5, 3.0), (2.0, 2.25)]
    assert bounds(found) == (2.0, 2.25)
    assert [asked[0] for asked in program.asked] == [9.0, 3.0]
    for _, scale, tolerance, attempts in program.asked:
        np.testing.assert_array_equal(scale, [0.5, 2.0, 4e-9])
        assert tolerance == 0.125
        assert attempts == LINEAR_SOLVERS[:1]


def test_the_gap_is_relative_to_the_lower_bound_but_to_one_at_least() -> None:
    assert len(rounds([(0.5, 0.625), (9, 9)], first=(0.0, 9.0))[0].asked) == 1
    assert len(rounds([(0.5, 0.75), (0.6, 0.75), (0.7, 0.7)], first=(0.0, 1.0))[0].asked) == 3
    assert len(rounds([(8.0, 9.0), (9, 9)])[0].asked) == 1
    assert len(rounds([(7.75, 9.0), (9, 9)])[0].asked) == 2


def test_better_bounds_are_kept_from_whichever_round() -> None:
    assert rounds([(1.5, 3.0), (1.2, 2.5), (2.0, 4.0), (2.25, 2.5)])[2] == [
        (1.5, 3.0),
        (1.5, 2.5),
        (2.0, 2.5),
        (2.25, 2.5),
    ]


def test_other_solvers_are_asked_where_neither_bound_moves() -> None:
    program, found, _ = rounds([(1.0, 3.0), (1.0, 3.0), (1.0, 3.0), (2.0, 2.0)])
    assert [asked[3] for asked in program.asked] == [LINEAR_SOLVERS[:1], LINEAR_SOLVERS[:1], LINEAR_SOLVERS]
    assert bounds(found) == (1.0, 3.0)
    program, found, _ = rounds([(1.0, 9.0), (1.5, 9.0), (1.5, 3.0), (0.5, 4.0), (2.0, 2.0)])
    assert [asked[3] is LINEAR_SOLVERS for asked in program.asked] == [False, True, True, True]
    assert bounds(found) == (1.5, 3.0)


def test_other_solvers_are_asked_where_the_first_one_fails() -> None:
    program, found, told = rounds([None, (2.0, 2.0)])
    assert [asked[3] is LINEAR_SOLVERS for asked in program.asked] == [False, True]
    assert bounds(found) == (2.0, 2.0)
    program, found, told = rounds([None, None, (2.0, 2.0)])
    assert [asked[3] is LINEAR_SOLVERS for asked in program.asked] == [False, True]
    assert bounds(found) == (1.0, 9.0)
    assert told == []


def test_without_any_policy_that_finds_all_goals_there_is_no_value() -> None:
    program, found, _ = rounds([(1.5, 3.0), (3.0, 3.0)], first=(0.0, np.inf))
    assert [asked[0] for asked in program.asked] == [2 * FAR, 3.0]
    assert bounds(found) == (3.0, 3.0)
    message = r"^No policy was found that visits every goal with certified probability; raise the horizon\.$"
    with pytest.raises(ConvergenceError, match=message) as caught:
        rounds([None, None], first=(1.25, np.inf))
    assert caught.value.lower == 1.25
    assert caught.value.upper == np.inf


# ---------------------------------------------------------------- what is reported


@pytest.mark.parametrize("criterion", [Criterion.HITTING_TIME, Criterion.RATIO])
@pytest.mark.parametrize("learner", [Learner.BLIND, Learner.MEMORYLESS])
def test_what_is_reported(criterion: Criterion, learner: Learner) -> None:
    """Line of 3 from the middle, T = 2: each end is found at once in half of the episodes."""
    began, told = time.perf_counter(), list[tuple[float, float]]()
    tasks = GoalTasks.reachable(line(3, 1, 2), Detection.VISIT)
    found = solve(
        tasks, criterion=criterion, learner=learner, progress=lambda low, high: told.append((low, high))
    )
    assert 0 < found.seconds < time.perf_counter() - began
    kept = [0, 2] if criterion is Criterion.RATIO else [0, 1, 2]
    assert found.tasks == tuple(tasks.names[g] for g in kept)
    half = np.array([0.5, 0.0, 0.5])[kept]
    np.testing.assert_allclose(found.least_favourable, half, atol=1e-9)
    np.testing.assert_allclose(found.per_task, 6 * half, rtol=1e-9)
    np.testing.assert_allclose(found.exploration, np.array([0.5, 1.0, 0.5])[kept], rtol=1e-9)
    assert (found.learner, found.criterion, found.episodes) == (learner, criterion, None)
    assert found.method == "linear-fractional program over occupancy measures (Dinkelbach, HiGHS)"
    assert found.status is Status.CERTIFIED
    assert found.value.lower_from == "dual weights, evaluated by planning at one level"
    assert found.value.upper_from == (
        "first-visit times and visit probabilities of the returned policy, evaluated afresh"
    )
    assert found.value.exact is None
    marked = found.proof.marked
    assert found.size["states"] == marked.process.n_states
    assert found.size["tasks"] == len(kept)
    assert found.size["variables"] == 3 + 3 * 3  # three actions in the middle, then in either of three states
    game = StepGame(marked, 2)
    if criterion is Criterion.RATIO:
        game.relative_to_best()
    np.testing.assert_array_equal(game.losses(found.proof.policy)[0][kept], found.per_task)
    assert game.lower_bound(found.proof.weights, 9.0)[0] == pytest.approx(found.value.lower, rel=1e-12)
    assert told[-1] == (found.value.lower, found.value.upper)


@pytest.mark.parametrize("criterion", [Criterion.HITTING_TIME, Criterion.RATIO])
def test_the_policy_is_stationary_against_the_reported_distribution(criterion: Criterion) -> None:
    """Towards whatever else can be played, the mean of ``c / (b rho)`` does not fall: quotient rule."""
    process = line(4, 1, 3)
    found = solve(GoalTasks.reachable(process, Detection.VISIT), criterion=criterion)
    assert found.exploration is not None
    goals, pairs = [int(name) for name in found.tasks], achieved(process, start=1)
    best = [min(cost[g] / visit[g] for cost, visit in pairs if visit[g]) for g in goals]
    b = np.array(best, dtype=float) if criterion is Criterion.RATIO else np.ones(len(goals))
    inside = found.least_favourable / (b * found.exploration)
    slopes = [
        inside
        @ [
            float(cost[g] - Fraction(loss) * Fraction(x) * visit[g])
            for g, x, loss in zip(goals, b, found.per_task.array, strict=True)
        ]
        for cost, visit in pairs
    ]
    assert min(slopes) == pytest.approx(0.0, abs=1e-6)
    assert np.count_nonzero(found.least_favourable > 1e-3) > 1


def test_what_is_reported_where_every_goal_is_at_the_start() -> None:
    rows = [(s, a, t, 1) for s in (0, 1) for a, t in ((0, 0), (1, 1))]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=2, initial=0, horizon=3)
    tasks = GoalTasks(process, np.array([0]), Detection.VISIT)
    found = solve(tasks, criterion=Criterion.HITTING_TIME, learner=Learner.BLIND)
    assert found.value.exact == 0
    assert found.value.lower_from == found.value.upper_from == "every goal is at the start"
    assert found.status is Status.EXACT
    assert found.least_favourable.tolist() == [1.0]
    assert found.per_task.tolist() == [0.0]
    np.testing.assert_allclose(found.exploration, [1.0], rtol=1e-12)
    assert found.size == {"states": success_tasks(tasks).process.n_states, "tasks": 1, "variables": 0}
    assert found.learner is Learner.BLIND
    assert found.criterion is Criterion.HITTING_TIME
    np.testing.assert_array_equal(found.proof.policy, uniform_policy(success_tasks(tasks).process))
    assert found.proof.weights.tolist() == [1.0]
    assert 0 < found.seconds < 60


def test_a_tolerance_that_is_not_reached_is_said() -> None:
    tasks = GoalTasks.reachable(line(5, 2, 4), Detection.VISIT)
    wide = solve_without_memory(tasks, learner=Learner.BLIND, criterion=Criterion.HITTING_TIME, tolerance=0.9)
    assert wide.status is Status.CERTIFIED
    assert 0.1 < wide.value.relative_gap <= 0.9
    usual = solve_without_memory(tasks, learner=Learner.BLIND, criterion=Criterion.HITTING_TIME)
    assert usual.value.relative_gap <= 1e-9
    with mock.patch.object(steps_on_the_way, "MAX_ROUNDS", 1):
        short = solve_without_memory(tasks, learner=Learner.BLIND, criterion=Criterion.HITTING_TIME)
    assert short.status is Status.BRACKETED
    assert short.value.lower <= usual.value.upper
    assert usual.value.lower <= short.value.upper


def rare(exponent: int) -> ControlledMarkovProcess:
    """A goal that is found with ``10**-exponent`` an episode."""
    p = Fraction(1, 10 ** (exponent // 2))
    rows = [(0, 0, 0, 1), (0, 1, 1, p), (0, 1, 0, 1 - p), (1, 0, 2, p), (1, 0, 1, 1 - p), (2, 0, 2, 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=2)


@pytest.mark.parametrize(("exponent", "close"), [(4, 1 + 1e-9), (200, 2 + 1e-9)])
def test_rare_goals_have_wide_but_true_bounds(exponent: int, close: float) -> None:
    """The far goal is met at the end of an episode of two steps, or not at all: ``2 / p``."""
    process = rare(exponent)
    tasks = GoalTasks(process, np.array([2]), Detection.VISIT)
    value = solve(tasks, criterion=Criterion.HITTING_TIME).value
    truth = 2 * 10**exponent
    assert Fraction(value.lower) <= truth <= Fraction(value.upper)
    assert value.upper <= truth * close  # uniform play, which is all that is known in the end, takes twice


@pytest.mark.parametrize("exponent", [4, 12])
def test_ratios_of_one_rare_goal_are_near_one(exponent: int) -> None:
    value = solve(GoalTasks(rare(exponent), np.array([2]), Detection.VISIT), criterion=Criterion.RATIO).value
    assert value.lower <= 1 <= value.upper <= value.lower + 0.1


@pytest.mark.parametrize("criterion", [Criterion.HITTING_TIME, Criterion.RATIO])
@pytest.mark.parametrize("exponent", [300, 320, 322])
def test_goals_too_rare_for_floating_point_are_refused(criterion: Criterion, exponent: int) -> None:
    tasks = GoalTasks.reachable(rare(exponent), Detection.VISIT)
    with pytest.raises(UnsupportedError, match="task 2 is positive but below what floating point certifies"):
        solve(tasks, criterion=criterion)


@pytest.mark.parametrize(
    ("tasks", "options", "message"),
    [
        (
            lambda: GoalTasks.reachable(line(3, 1, 2), Detection.VISIT),
            {"episodes": 3},
            "With finitely many episodes the hitting time in steps has level sets that are not convex; ask "
            "for infinitely many, goals detected at the end, or learner 'memory'.",
        ),
        (
            lambda: GoalTasks.reachable(line(3, 1, 2), Detection.VISIT),
            {"exact": True},
            "The best hitting time in steps is in general irrational; ask for a bracket instead of an exact "
            "value.",
        ),
        (
            lambda: GoalTasks.reachable(
                line(3, 1, 2).replaced(horizon=GeometricHorizon(Fraction(1, 2))), Detection.VISIT
            ),
            {},
            "Hitting times in steps need a finite horizon, but 'line:3,start=1' has gamma=1/2; give it a "
            "number of steps.",
        ),
        (
            lambda: GoalTasks(line(3, 1, 2), np.array([1]), Detection.VISIT),
            {"criterion": Criterion.RATIO},
            "Every goal is at the start and costs nothing; name a goal to be found.",
        ),
    ],
    ids=["finitely many episodes", "exact", "geometric", "nothing to find"],
)
def test_refusals_in_full(tasks: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        solve(tasks(), **{"criterion": Criterion.HITTING_TIME, **options})
    assert str(caught.value) == message
