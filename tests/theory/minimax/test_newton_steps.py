"""The search for the value without memory: steps taken, solvers asked, bounds kept, what is reported."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
import pytest

from metaregret.tabular.bounds import Status
from metaregret.tabular.environments import make
from metaregret.tabular.errors import (
    ContradictionError,
    ConvergenceError,
    InstanceTooLargeError,
    InvalidArgumentError,
    SolverError,
    UnsupportedError,
)
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.minimax import Criterion, Learner, MinimaxSolution, solve, without_memory
from metaregret.theory.minimax.closed_form import ClosedForm
from metaregret.theory.minimax.decomposition import Decomposition
from metaregret.theory.minimax.flow_program import FlowProgram, SaddlePoint
from metaregret.theory.minimax.parametric import Brackets
from metaregret.theory.minimax.without_memory import least_favourable, newton, solve_without_memory
from metaregret.theory.optimise import LINEAR_SOLVERS, Best
from metaregret.theory.regret import BracketedLoss, Loss, loss_of
from metaregret.theory.success import SuccessTasks, success_tasks
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

REGRET, COST, RATIO = Criterion.REGRET, Criterion.HITTING_TIME, Criterion.RATIO
BLIND, MEMORYLESS = Learner.BLIND, Learner.MEMORYLESS


def point(lower: float, upper: float, weights: Sequence[float] = (1.0, 1.0)) -> SaddlePoint:
    nothing = np.zeros(0)
    return SaddlePoint(lower, upper, nothing, nothing, nothing, np.array(weights), 1.0)


def pair(lower: float, upper: float) -> Best[SaddlePoint]:
    """The lower bound of one point and the upper bound of another."""
    return Best(point(-1.0, upper), point(lower, math.inf), "scripted")


# ---------------------------------------------------------------- bounds that are kept


def test_the_better_bounds_are_kept_each_with_its_own_point() -> None:
    found = Brackets()
    assert not found.stalled(pair(1.0, 5.0))
    first = pair(1.0, 5.0)
    assert found.enter(first) == (1.0, 5.0)
    assert found.best == (first.lowest, first.highest)
    assert found.stalled(pair(1.0, 5.0))
    assert found.stalled(pair(0.5, 6.0))
    assert not found.stalled(pair(1.5, 6.0))
    assert not found.stalled(pair(0.5, 4.0))
    assert found.enter(pair(1.0, 5.0)) == (1.0, 5.0)
    assert found.best == (first.lowest, first.highest)  # those that are no better are not
    second = pair(0.5, 4.0)
    assert found.enter(second) == (1.0, 4.0)
    assert found.best == (second.lowest, first.highest)
    third = pair(2.0, 4.5)
    assert found.enter(third) == (2.0, 4.0)
    assert found.best == (second.lowest, third.highest)


def test_bounds_contradict_each_other_where_they_differ_by_more_than_roundings() -> None:
    for lower, wrong in ((1.0 + 1e-13, False), (1.0 + 1e-11, True)):
        found = Brackets()
        found.enter(pair(0.5, 1.0))
        with pytest.raises(ContradictionError) if wrong else nullcontext():
            found.enter(pair(lower, 2.0))


# ---------------------------------------------------------------- steps


class Scripted:
    """A program that answers as it was told, and remembers what it was asked."""

    method = "scripted"

    def __init__(self, answers: Sequence[tuple[float, float] | type[BaseException]]) -> None:
        self.answers, self.interrupted = list(answers), False
        self.asked: list[tuple[np.ndarray, np.ndarray, float, Any]] = []

    def solve(
        self, loss: BracketedLoss, base: np.ndarray, direction: np.ndarray, *, tolerance: float, attempts: Any
    ) -> Best[SaddlePoint]:
        self.asked.append((base, direction, tolerance, attempts))
        answer = self.answers.pop(0)
        if isinstance(answer, type):
            raise answer("scripted")
        return pair(*answer)

    @property
    def others(self) -> list[bool]:
        """Whether other solvers than the first were asked, too."""
        return [{1: False, len(LINEAR_SOLVERS): True}[len(attempts)] for _, _, _, attempts in self.asked]


OPTIMUM = np.array([1.0, 0.5])


def curved(episodes: int | None = 3) -> BracketedLoss:
    loss = loss_of(MEMORYLESS, REGRET, OPTIMUM, episodes)
    return BracketedLoss(loss, loss, loss)


def search(
    answers: Sequence[tuple[float, float] | type[BaseException]], episodes: int | None = 3, **options: Any
) -> tuple[Scripted, Brackets, list[tuple[float, float]]]:
    """A search to the tolerance 1/8 with scripted answers; a fourth question would be an error."""
    program, told = Scripted(answers), list[tuple[float, float]]()
    found = newton(program, curved(episodes), 0.125, lambda low, high: told.append((low, high)), **options)
    return program, found, told


def test_one_program_is_enough_where_losses_are_homogeneous() -> None:
    for answer, closed in (((2.0, 2.25), True), ((2.0, 2.5), False)):
        program, found, told = search([answer], None)
        assert told == [answer]
        assert (found.closed, found.interrupted) == (closed, False)
        ((base, direction, tolerance, attempts),) = program.asked
        np.testing.assert_array_equal(base, [0.0, 0.0])
        np.testing.assert_array_equal(direction, [1.0, 0.5])
        assert tolerance == 0.125
        assert attempts == LINEAR_SOLVERS
    with pytest.raises(SolverError):
        search([SolverError], None)


def test_every_step_starts_from_the_tangents_at_the_upper_bound() -> None:
    program, found, told = search([(0.25, 1.0), (0.5, 0.75), (0.625, 0.625)])
    assert told == [(0.25, 1.0), (0.5, 0.75), (0.625, 0.625)]
    assert found.closed
    assert program.others == [False, False, False]
    np.testing.assert_array_equal(program.asked[0][0], [0.0, 0.0])
    np.testing.assert_array_equal(program.asked[0][1], [1.0, 0.5])
    for (base, direction, _, _), (_, upper) in zip(program.asked[1:], told, strict=False):
        expected, slope = without_memory._tangent(curved().nominal, upper)
        np.testing.assert_array_equal(base, expected)
        np.testing.assert_array_equal(direction, slope / slope.max())


def test_the_first_step_starts_from_the_level_that_is_given() -> None:
    program, _, _ = search([(0.5, 0.5)], level=0.75)
    expected, slope = without_memory._tangent(curved().nominal, 0.75)
    np.testing.assert_array_equal(program.asked[0][0], expected)
    np.testing.assert_array_equal(program.asked[0][1], slope / slope.max())


def test_the_gap_is_relative_to_the_lower_bound_but_to_one_at_least() -> None:
    assert len(search([(0.5, 0.625), (9.0, 9.0)])[0].asked) == 1
    assert len(search([(0.5, 0.75), (0.7, 0.7)])[0].asked) == 2
    assert len(search([(8.0, 9.0), (9.0, 9.0)])[0].asked) == 1
    assert len(search([(7.75, 9.0), (9.0, 9.0)])[0].asked) == 2
    assert len(search([(-8.0, -7.0), (9.0, 9.0)])[0].asked) == 1


def test_other_solvers_are_asked_where_neither_bound_moves() -> None:
    program, found, _ = search([(0.5, 1.0), (0.5, 1.0), (0.25, 1.5)])
    assert program.others == [False, False, True]
    assert not found.closed
    assert found.best[1].lower == 0.5
    program, found, _ = search([(0.5, 2.0), (0.5, 2.0), (0.75, 2.0), (0.75, 1.5), (0.75, 1.5)])
    assert program.others == [False, False, True, True, True]
    program, _, _ = search([(0.5, 2.0), (0.75, 2.0), (0.75, 1.5), (1.5, 1.5)])
    assert program.others == [False] * 4


def test_other_solvers_are_asked_where_the_first_one_fails() -> None:
    program, found, told = search([SolverError, (0.5, 0.5)])
    assert program.others == [False, True]
    assert (found.closed, told) == (True, [(0.5, 0.5)])
    np.testing.assert_array_equal(program.asked[0][0], program.asked[1][0])
    with pytest.raises(SolverError):
        search([SolverError, SolverError])
    program, found, told = search([(0.5, 2.0), SolverError, SolverError])
    assert program.others == [False, False, True]
    assert (found.closed, told) == (False, [(0.5, 2.0)])


def test_the_number_of_steps_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(without_memory, "MAX_NEWTON_STEPS", 2)
    program, found, _ = search([(0.25, 2.0), (0.5, 1.5)])
    assert (len(program.asked), found.closed) == (2, False)


def test_an_interrupt_keeps_the_bounds_so_far() -> None:
    _, found, _ = search([(0.5, 2.0), KeyboardInterrupt])
    assert found.interrupted is True
    assert (found.closed, found.best[1].lower, found.best[0].upper) == (False, 0.5, 2.0)
    with pytest.raises(KeyboardInterrupt):
        search([KeyboardInterrupt])


@pytest.mark.parametrize(("answer", "interrupted"), [((0.5, 2.0), True), ((0.5, 0.5), False)])
def test_an_interrupt_within_the_decomposition_ends_the_search(
    answer: tuple[float, float], interrupted: bool
) -> None:
    program = Scripted([answer])
    program.interrupted = True
    found = newton(program, curved(), 0.125)
    assert (found.interrupted, found.closed) == (interrupted, not interrupted)
    assert len(program.asked) == 1


# ---------------------------------------------------------------- tangents and priors

LOSSES: list[tuple[Learner, Criterion, int | None]] = [
    (MEMORYLESS, REGRET, None),
    (MEMORYLESS, REGRET, 3),
    (BLIND, REGRET, 2),
    (MEMORYLESS, COST, 4),
    (MEMORYLESS, RATIO, 2),
]


@pytest.mark.parametrize(("learner", "criterion", "episodes"), LOSSES)
@pytest.mark.parametrize("excess", [0.125, 0.5, 1.0, 2.5])
def test_tangents_ask_for_no_more_than_the_curve(
    learner: Learner, criterion: Criterion, episodes: int | None, excess: float
) -> None:
    """Along the tangent at a level, as the level falls, the losses are met or too high, never undercut."""
    loss = loss_of(learner, criterion, np.array([1.0, 0.5, 0.125]), episodes)
    level = float(loss.value(loss.optimum).max()) + excess
    base, direction = without_memory._tangent(loss, level)
    assert direction.min() > 0
    for fall in (-0.5, 0.0, 2.0**-20, 0.01, 0.1):
        needed = loss.required(level - fall)
        assert np.all(base + fall * direction <= needed * (1 + 1e-12) + 1e-12)
    needed = loss.required(level)
    at_zero = loss.value(np.zeros(3))
    for g in range(3):
        if needed[g] > 0:
            assert base[g] == needed[g]
            step = 2.0**-20
            slope = (loss.required(level - step)[g] - loss.required(level + step)[g]) / (2 * step)
            assert direction[g] == pytest.approx(slope, rel=1e-6)
        else:  # the tangent at zero, which is met when the level has fallen to the loss at zero
            assert base[g] + (level - at_zero[g]) * direction[g] == pytest.approx(0.0, abs=1e-12)


def test_a_loss_that_does_not_fall_has_a_steep_tangent() -> None:
    """The hitting time of one episode is one whatever is played."""
    loss = loss_of(MEMORYLESS, COST, OPTIMUM, 1)
    base, direction = without_memory._tangent(loss, 1.5)
    np.testing.assert_allclose(direction, [1e300, 1e300], rtol=1e-12)
    np.testing.assert_allclose(base, [-5e299, -5e299], rtol=1e-12)
    base, _ = without_memory._tangent(loss, 3.0)
    np.testing.assert_array_equal(base, [-1e300, -1e300])


def prior(loss: Loss, lower: float, weights: Sequence[float]) -> list[float]:
    bracketed = BracketedLoss(loss, loss, loss)
    return least_favourable(bracketed, point(lower, math.inf, weights)).tolist()


def test_priors_are_weights_over_slopes() -> None:
    """``v / rho - 1`` falls by ``(1 + theta)**2 / v``; a hitting time by ``1 / rho**2`` with ``rho = v`` at
    most; the ratio of two episodes by ``1 / (2 - v)``; a hitting time of one episode not at all."""
    regret = loss_of(MEMORYLESS, REGRET, OPTIMUM, None)
    assert prior(regret, 4.0, (1.0, 0.5)) == pytest.approx([0.8, 0.2])
    assert prior(regret, 4.0, (0.25, 1.0)) == pytest.approx([1 / 3, 2 / 3])
    assert prior(regret, 4.0, (0.0, 1.0)) == [0.0, 1.0]
    time = loss_of(MEMORYLESS, COST, OPTIMUM, None)
    assert prior(time, 4.0, (1.0, 1.0)) == pytest.approx([0.5, 0.5])
    assert prior(time, 1.5, (1.0, 1.0)) == pytest.approx([16 / 25, 9 / 25])
    ratio = loss_of(MEMORYLESS, RATIO, OPTIMUM, 2)
    assert prior(ratio, 1.125, (1.0, 1.0)) == pytest.approx([2 / 5, 3 / 5])
    assert prior(loss_of(MEMORYLESS, COST, OPTIMUM, 1), 1.0, (1.0, 0.25)) == pytest.approx([0.8, 0.2])


def test_priors_where_all_slopes_overflow_are_the_weights() -> None:
    tiny = loss_of(MEMORYLESS, REGRET, np.array([1e-160, 1e-170]), None)
    assert prior(tiny, 1.0, (1.0, 0.25)) == [0.8, 0.2]


# ---------------------------------------------------------------- which program


@pytest.fixture
def marked() -> SuccessTasks:
    return success_tasks(GoalTasks.reachable(make("line:3,start=1").replaced(horizon=2)))


def test_the_work_is_tasks_times_steps_times_transitions(marked: SuccessTasks) -> None:
    assert without_memory._work(marked) == 3 * 2 * 9
    geometric = success_tasks(
        GoalTasks.reachable(make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2))))
    )
    assert without_memory._work(geometric) == 3 * without_memory.GEOMETRIC_SWEEPS * 9


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        (
            "MAX_STEPS",
            2,
            "A policy of 'line:3,start=1' has 2 steps of 9 choices, over the limit of 1 steps and 100000000 "
            "in all; reduce the horizon or the number of states.",
        ),
        (
            "MAX_SIZE",
            18,
            "A policy of 'line:3,start=1' has 2 steps of 9 choices, over the limit of 100000 steps and 17 in "
            "all; reduce the horizon or the number of states.",
        ),
        (
            "MAX_WORK",
            54,
            "Planning once for each of the 3 tasks of 'line:3,start=1' needs about 5.4e+01 multiplications "
            "(tasks x steps x transitions), over the limit of 5e+01; reduce the horizon or the number of "
            "states, or name fewer goals.",
        ),
    ],
)
def test_what_is_at_a_limit_is_solved_and_what_is_over_it_refused(
    marked: SuccessTasks, limit: str, value: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(without_memory, limit, value)
    assert isinstance(without_memory.choose_program(marked, "auto"), ClosedForm)
    monkeypatch.setattr(without_memory, limit, value - 1)
    with pytest.raises(InstanceTooLargeError) as caught:
        without_memory.choose_program(marked, "auto")
    assert str(caught.value) == message


def test_a_geometric_policy_has_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    process = make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    monkeypatch.setattr(without_memory, "MAX_SIZE", process.n_choices)
    monkeypatch.setattr(without_memory, "MAX_STEPS", 1)
    assert solve_without_memory(GoalTasks.reachable(process)).status is Status.CERTIFIED


def test_large_programs_are_decomposed_unless_asked_for(
    marked: SuccessTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit, method, kind in (
        (17, "program", FlowProgram),
        (18, "decomposition", Decomposition),
    ):
        monkeypatch.setattr(without_memory, "MAX_MONOLITHIC", limit)
        assert type(without_memory.choose_program(marked, method)) is kind
    for limit, kind in ((18, FlowProgram), (17, Decomposition)):
        monkeypatch.setattr(without_memory, "MAX_MONOLITHIC", limit)
        program = without_memory.choose_program(marked, "auto")
        assert isinstance(program, ClosedForm)
        assert type(program._program) is kind
    monkeypatch.setattr(without_memory, "MAX_RESPONSES", 8)  # three tasks on three states
    assert type(without_memory.choose_program(marked, "auto")) is Decomposition


# ---------------------------------------------------------------- what is reported


def z_channel() -> ControlledMarkovProcess:
    rows: list[Any] = [(0, 0, 1, 1), (0, 1, 2, "1/2"), (0, 1, 1, "1/2"), (1, 0, 1, 1), (2, 0, 2, 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)


DECOMPOSED = "decomposition: backward induction and matrix games over policies (interior point)"


@pytest.mark.parametrize(
    ("method", "words", "size"),
    [
        ("program", "linear program over occupancy measures (HiGHS)", {"variables": 2, "rows": 1}),
        (
            "decomposition",
            DECOMPOSED,
            None,
        ),
    ],
)
def test_what_is_reported(method: Any, words: str, size: dict[str, int] | None) -> None:
    """C01: two of three episodes at the noisy action, value 1/2."""
    began, tasks, told = time.perf_counter(), GoalTasks(z_channel(), np.array([1, 2])), list[Any]()
    found = solve_without_memory(tasks, method=method, progress=lambda *bounds: told.append(bounds))
    assert told == [(found.value.lower, found.value.upper)]
    assert 0 < found.seconds < time.perf_counter() - began
    assert found.value.lower <= 0.5 <= found.value.upper
    assert found.value.exact is None
    assert found.value.lower_from == "dual weights, evaluated by value iteration"
    assert found.value.upper_from == "success probabilities of the returned policy, evaluated afresh"
    assert (found.learner, found.criterion, found.episodes) == (MEMORYLESS, REGRET, None)
    assert found.status is Status.CERTIFIED
    assert found.tasks == ("1", "2")
    assert found.method == words
    assert {name: found.size[name] for name in ("states", "tasks")} == {"states": 3, "tasks": 2}
    if size is not None:
        assert found.size == {"states": 3, "tasks": 2, **size}
    np.testing.assert_allclose(found.per_task, [0.5, 0.5], rtol=1e-9)
    np.testing.assert_allclose(found.least_favourable, [2 / 3, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(found.exploration, [0.0, 2 / 3, 1 / 3], atol=1e-9)
    details = found.proof
    assert details.interrupted is False
    assert details.marked.names == found.tasks
    reached = terminal_distribution(tasks.process, details.policy).probabilities
    np.testing.assert_array_equal(reached, found.exploration)
    np.testing.assert_allclose(details.required, np.array([1.0, 0.5]) / (1 + found.value.upper), rtol=1e-12)
    np.testing.assert_allclose(details.weights / details.weights.sum(), [0.5, 0.5], rtol=1e-6)


def test_what_is_reported_of_visits_and_of_few_episodes() -> None:
    """Both ends of a line of 3 and its middle: the exploration is where one has been."""
    tasks = GoalTasks.reachable(make("line:3,start=1").replaced(horizon=2), Detection.VISIT)
    found = solve_without_memory(tasks, learner=BLIND, episodes=4)
    assert (found.learner, found.episodes) == (BLIND, 4)
    np.testing.assert_allclose(found.exploration, [0.5, 1.0, 0.5], atol=1e-9)
    np.testing.assert_allclose(found.per_task, [2.0, 0.0, 2.0], atol=1e-8)
    assert found.per_task.min() >= 0
    np.testing.assert_allclose(found.proof.required, [0.5, 0.5, 0.5], atol=1e-9)


def unclosed(*_: Any, **__: Any) -> Brackets:
    return Brackets(point(0.25, 2.0), point(0.5, math.inf))


def test_a_bracket_that_does_not_close_is_an_error_with_the_bounds(
    marked: SuccessTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(without_memory, "newton", unclosed)
    with pytest.raises(ConvergenceError) as caught:
        solve_without_memory(GoalTasks.reachable(marked.process), tolerance=0.125)
    assert str(caught.value) == ("The bracket [0.5, 2.0] did not close to 0.125; ask for a larger tolerance.")
    assert (caught.value.lower, caught.value.upper) == (0.5, 2.0)


@pytest.mark.parametrize("exact", [False, True])
def test_an_interrupted_search_returns_its_bounds(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = without_memory.newton

    def interrupted(*arguments: Any, **options: Any) -> Brackets:
        found = honest(*arguments, **options)
        wider = dataclasses.replace(found.best[1], lower=0.25)
        return dataclasses.replace(found, dual=wider, closed=False, interrupted=True)

    monkeypatch.setattr(without_memory, "newton", interrupted)
    tasks = GoalTasks(z_channel(), np.array([1, 2]))
    found = solve_without_memory(tasks, exact=exact, method="program")
    assert found.proof.interrupted is True
    assert found.value.lower == 0.25
    assert found.status is Status.BRACKETED
    assert found.value.exact is None


@pytest.mark.parametrize("tolerance", [0.0, 1.0])
def test_numbers_that_make_no_sense_are_refused_in_full(marked: SuccessTasks, tolerance: float) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        solve_without_memory(GoalTasks.reachable(marked.process), tolerance=tolerance)
    assert (
        str(caught.value)
        == f"Expected a tolerance between 0 and 1, but got tolerance={tolerance}; 1e-9 is usual."
    )
    with pytest.raises(InvalidArgumentError) as caught:  # before the tasks are looked at
        solve_without_memory(TrajectoryTasks(make("line:2")), episodes=0, tolerance=tolerance)
    assert str(caught.value) == (
        "Expected 1 <= episodes <= 2**53, but got 0; use None (inf) for infinitely many."
    )


def test_the_usual_tolerance_is_small() -> None:
    found = solve_without_memory(GoalTasks.reachable(make("grid:3x3").replaced(horizon=4)), episodes=3)
    assert found.value.relative_gap <= 1e-9
    wide = solve_without_memory(
        GoalTasks.reachable(make("grid:3x3,slip=1/10").replaced(horizon=4)), episodes=3, tolerance=0.5
    )
    assert wide.status is Status.CERTIFIED
    assert 1e-9 < wide.value.relative_gap <= 0.5


# ---------------------------------------------------------------- who solves what

SOLVED = object()


def tables() -> RewardTasks:
    process = make("line:2").replaced(horizon=1)
    rewards = [[Fraction(g)] * process.n_transitions for g in range(2)]
    return RewardTasks(process, RewardTables.from_exact(process, Labels(2, "task"), rewards))


def visits() -> GoalTasks:
    return GoalTasks.reachable(make("line:3,start=1").replaced(horizon=2), Detection.VISIT)


def progress(lower: float, upper: float) -> None:
    raise AssertionError("nothing is solved")


@pytest.mark.parametrize(
    ("solver", "tasks", "learner", "words"),
    [
        ("without_memory", tables, BLIND, {"episodes": 5, "exact": True}),
        ("steps_on_the_way", visits, BLIND, {"criterion": RATIO}),
        ("steps_on_the_way", visits, MEMORYLESS, {"criterion": "hitting-time"}),
        ("memory.solve", visits, Learner.MEMORY, {"episodes": 5, "max_edges": 10}),
        ("without_memory", visits, MEMORYLESS, {}),
    ],
)
def test_solvers_are_asked_the_question(
    solver: str, tasks: Callable[[], Any], learner: Learner, words: dict[str, Any]
) -> None:
    family = tasks()
    with mock.patch(f"metaregret.theory.minimax.{solver}.answer", return_value=SOLVED) as called:
        assert solve(family, learner=learner, tolerance=0.125, progress=progress, **words) is SOLVED
    ((question, told), _) = called.call_args
    assert told is progress
    assert (question.tasks, question.learner, question.tolerance) == (family, learner, 0.125)
    assert question.episodes == words.get("episodes")
    assert question.exact is words.get("exact", False)


def test_what_no_solver_takes_is_refused() -> None:
    process = make("line:2").replaced(horizon=1)
    with pytest.raises(UnsupportedError) as caught:
        solve(TrajectoryTasks(process), learner=Learner.MEMORY, episodes=2)
    assert str(caught.value) == "Learners with memory are solved for goals and rewards; choose one of those."
    with pytest.raises(UnsupportedError, match="no first success"):
        solve_without_memory(tables(), learner=MEMORYLESS, episodes=2)
    # Trajectories and goals at the end have hitting times in episodes, and blind learners, here.
    for family in (TrajectoryTasks(process), GoalTasks.reachable(process)):
        for learner in (BLIND, MEMORYLESS):
            found: MinimaxSolution = solve_without_memory(family, learner=learner, criterion=COST)
            assert found.value.contains(len(found.tasks))
    assert solve_without_memory(visits(), learner=BLIND, episodes=1).value.contains(Fraction(1, 2))


def test_rational_bounds_are_made_of_the_bracket(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = GoalTasks(z_channel(), np.array([1, 2]))
    found = solve_without_memory(tasks, exact=True, tolerance=0.25)
    assert found.value.exact == Fraction(1, 2)
    with (
        mock.patch("metaregret.theory.minimax.exact.AchievableSuccess") as prepared,
        mock.patch("metaregret.theory.minimax.exact.sharpen", return_value=SOLVED) as sharpened,
    ):
        assert solve_without_memory(tasks, exact=True, tolerance=0.25, method="program") is SOLVED
    ((given,), _), ((achievable, solution, tolerance), _) = prepared.call_args, sharpened.call_args
    assert given.names == ("1", "2")
    assert achievable is prepared.return_value
    assert solution.value.lower <= 0.5 <= solution.value.upper
    assert tolerance == 0.25
