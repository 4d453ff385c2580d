"""The decomposition against the monolithic program: same brackets, everywhere both apply."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import make
from metaregret.tabular.backup.rational import to_flint
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.minimax import decomposition
from metaregret.theory.minimax.central import CentralPoint, central_point
from metaregret.theory.minimax.closed_form import ClosedForm
from metaregret.theory.minimax.decomposition import Decomposition
from metaregret.theory.minimax.exact import solve_game
from metaregret.theory.minimax.flow_program import SaddlePoint
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.regret import bracketed_loss
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks
from tests.theory.minimax.losses import LOSSES


@settings(max_examples=20, deadline=None)
@given(processes(min_states=2), st.sampled_from(LOSSES))
def test_brackets_of_both_methods_agree(
    process: ControlledMarkovProcess, loss: tuple[Learner, Criterion, int | None]
) -> None:
    learner, criterion, episodes = loss
    tasks = GoalTasks.reachable(process)
    values = [
        solve_without_memory(
            tasks, learner=learner, criterion=criterion, episodes=episodes, tolerance=1e-8, method=method
        ).value
        for method in ("program", "decomposition")
    ]
    assert max(v.lower for v in values) <= min(v.upper for v in values)
    assert all(v.relative_gap <= 1e-8 for v in values)


@pytest.mark.parametrize(
    ("cmp", "horizon", "detect"),
    [
        ("grid:4x4,slip=3/10", 6, Detection.END),
        ("grid:3x3", 4, Detection.VISIT),
        ("garnet:S=30,A=3,b=4,seed=5", 8, Detection.END),
    ],
)
def test_named_processes(cmp: str, horizon: int, detect: Detection) -> None:
    tasks = GoalTasks.reachable(make(cmp).replaced(horizon=horizon), detect)
    program = solve_without_memory(tasks, method="program").value
    decomposed = solve_without_memory(tasks, method="decomposition")
    assert decomposed.value.relative_gap <= 1e-9
    assert max(program.lower, decomposed.value.lower) <= min(program.upper, decomposed.value.upper)
    assert "decomposition" in decomposed.method


def test_large_processes_are_decomposed(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = GoalTasks.reachable(make("grid:6x6,slip=1/10").replaced(horizon=12))
    small = solve_without_memory(tasks)
    monkeypatch.setattr("metaregret.theory.minimax.without_memory.MAX_MONOLITHIC", 100)
    monkeypatch.setattr(ClosedForm, "_guessed", lambda *_: None)
    large = solve_without_memory(tasks)
    assert ("closed form" in small.method, "decomposition" in large.method) == (True, True)
    assert max(small.value.lower, large.value.lower) <= min(small.value.upper, large.value.upper)


def test_geometric_horizons_are_decomposed_too() -> None:
    tasks = GoalTasks.reachable(make("grid:4x4,slip=1/5").replaced(horizon=GeometricHorizon(Fraction(4, 5))))
    program = solve_without_memory(tasks, method="program", tolerance=1e-8).value
    decomposed = solve_without_memory(tasks, method="decomposition", tolerance=1e-8).value
    assert max(program.lower, decomposed.lower) <= min(program.upper, decomposed.upper)
    assert decomposed.relative_gap <= 1e-8


# ---------------------------------------------------------------- the master


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_central_points_bracket_the_value_of_a_game(tasks: int, size: int, seed: int, warm: bool) -> None:
    """Against the exact value; ties, repeated columns and negative payoffs included."""
    random = np.random.default_rng(seed)
    payoff = random.integers(-3, 6, size=(tasks, size)).astype(float)
    prior, shares = np.full(tasks, 1 / tasks), np.full(size, 1 / size)
    if warm:
        prior, shares = random.dirichlet(np.ones(tasks)), np.eye(size)[0]
    point = central_point(payoff, 1e-9, prior, shares, 1e-3 if warm else 1.0)
    value = float(Fraction(str(solve_game(to_flint(payoff.astype(int).astype(object))).value)))
    assert point.lower - 1e-12 <= value <= point.upper + 1e-12
    assert point.upper - point.lower <= 1e-9
    for strategy in (point.prior, point.shares):
        assert strategy.min() >= 0
        assert strategy.sum() == pytest.approx(1)
    assert point.lower == (payoff @ point.shares).min()
    assert point.upper == (point.prior @ payoff).max()


# ---------------------------------------------------------------- rounds

TASKS = success_tasks(GoalTasks.reachable(make("garnet:S=9,A=2,b=3,seed=5").replaced(horizon=3)))
COUNT = len(TASKS.names)
REGRET = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, TASKS.optimum, None)
ASKED = 3 + COUNT + (COUNT + 1) // 2
"""Three points, one for each task, half as many disturbed as a whole."""
NEVER = -1.0
"""A tolerance that no bracket meets."""


def solved(program: Decomposition, tolerance: float) -> SaddlePoint:
    return program.solve(REGRET, np.zeros(COUNT), TASKS.optimum.values, tolerance=tolerance).lowest


def test_rounds_end_where_the_gap_no_longer_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be learnt from the planner the gap stays what it was in the first round."""
    asked, program = list[int](), Decomposition(TASKS)
    program.keep(np.arange(COUNT - 1))

    def ask(weights: np.ndarray) -> np.ndarray:
        asked.append(len(weights))
        found = honest(weights)
        program.successes[-len(found) :] = 0.0
        return found

    honest = program.ask
    monkeypatch.setattr(program, "ask", ask)
    solved(program, NEVER)
    assert len(asked) == decomposition.PATIENCE + 1
    assert set(asked) == {ASKED}
    for limit in (1, 3):
        asked.clear()
        monkeypatch.setattr(decomposition, "MAX_ROUNDS", limit)
        solved(program, NEVER)
        assert len(asked) == limit


def test_a_failing_master_is_asked_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[np.ndarray]()

    def failing(payoff: np.ndarray, tolerance: float, *start: Any) -> CentralPoint:
        calls.append(start[0])
        point = central_point(payoff, tolerance, *start)
        worst = dataclasses.replace(point, lower=-9.0, shares=np.eye(payoff.shape[1])[0])
        return worst if len(calls) == 2 else point

    monkeypatch.setattr(decomposition, "central_point", failing)
    point = solved(Decomposition(TASKS), 1e-7)
    assert point.upper - point.lower <= 1e-7 * point.upper
    assert len(calls) > 3
    np.testing.assert_array_equal(calls[2], calls[0])  # the second round: from its last point, then afresh


def test_few_policies_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decomposition, "MAX_ROUNDS", 30)
    program = Decomposition(TASKS)
    solved(program, NEVER)
    assert program.size == {"policies": decomposition.KEPT * COUNT + ASKED}
    assert sum(map(len, program.policies)) == len(program.successes)


def test_copies_do_not_take_the_place_of_policies_that_are_needed() -> None:
    """Few policies, asked again and again: of the three that the optimum mixes, one is rarely the answer."""
    rows = [(0, 0, 1, "3/5"), (0, 0, 3, "2/5"), (0, 1, 0, "1/2"), (0, 1, 3, "1/2"), (1, 0, 1, "2/3")]
    rows += [(1, 0, 2, "1/6"), (1, 0, 3, "1/6"), (2, 0, 3, "2/5"), (2, 0, 0, "3/10"), (2, 0, 1, "3/10")]
    rows += [(3, 0, 2, "2/7"), (3, 0, 3, "1/7"), (3, 0, 0, "4/7"), (3, 1, 1, "1")]
    process = ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial=3, horizon=2)
    solution = solve_without_memory(GoalTasks(process, np.arange(3)), episodes=5, method="decomposition")
    assert solution.value.relative_gap <= 1e-9


def test_an_interrupt_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for rounds in (0, 2):
        program = Decomposition(TASKS)
        assert program.interrupted is False
        answers = [program.ask] * rounds

        def ask(rewards: np.ndarray, answers: list[Any] = answers) -> Any:
            if not answers:
                raise KeyboardInterrupt
            return answers.pop(0)(rewards)

        monkeypatch.setattr(program, "ask", ask)
        if rounds == 0:
            with pytest.raises(KeyboardInterrupt):
                solved(program, NEVER)
        else:
            point = solved(program, NEVER)
            assert program.interrupted is True
            assert point.upper - point.lower < point.upper / 2


@settings(max_examples=15, deadline=None)
@given(processes(min_states=2), st.integers(0, 2**32 - 1))
def test_the_behaviour_of_a_mixture_succeeds_as_the_mixture(
    process: ControlledMarkovProcess, seed: int
) -> None:
    """Also of policies that are left after others were forgotten."""
    tasks, random = success_tasks(GoalTasks.reachable(process)), np.random.default_rng(seed)
    program = Decomposition(tasks)
    for _ in range(2):
        program.ask(random.dirichlet(np.ones(len(tasks.names)), size=3))
    known = len(program.successes)
    program.keep(np.sort(random.permutation(known)[: known // 2 + 1]))
    shares = random.dirichlet(np.ones(len(program.successes)))
    for mixture in (shares, np.eye(len(shares))[0], np.where(np.arange(len(shares)) == 0, 1.0, 1e-14)):
        policy = program.behaviour(mixture)
        reached = tasks.success.T @ terminal_distribution(process, policy).probabilities
        np.testing.assert_allclose(reached, mixture @ program.successes, atol=1e-12)
    # Where the mixture never comes, the first choice is as good as any.
    assert set(np.unique(program.behaviour(np.eye(len(shares))[0]))) <= {0.0, 1.0}


def test_many_first_states_and_rare_goals_are_solved() -> None:
    """20 first states with a choice of their own each, and goals of probability 1e-10 and less."""
    rows = [(s, a, 20 + (s * a) % 7, 1) for s in range(20) for a in range(3)]
    rows += [(s, 0, s, 1) for s in range(20, 27)]
    many = ControlledMarkovProcess.from_transitions(
        rows, states=27, actions=3, initial=dict.fromkeys(range(20), Fraction(1, 20)), horizon=1
    )
    slippery = make("line:14,slip=9/10").replaced(horizon=12)
    for process in (many, slippery):
        tasks = GoalTasks.reachable(process)
        methods = ("program", "decomposition")
        found = [solve_without_memory(tasks, method=m, tolerance=1e-7).value for m in methods]
        assert max(v.lower for v in found) <= min(v.upper for v in found)
