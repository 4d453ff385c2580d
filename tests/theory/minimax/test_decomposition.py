"""The decomposition against the monolithic program: same brackets, everywhere both apply."""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import make
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.minimax.closed_form import ClosedForm
from metaregret.theory.minimax.decomposition import Decomposition
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.regret import bracketed_loss
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks

LOSSES = [
    (Learner.MEMORYLESS, Criterion.REGRET, None),
    (Learner.MEMORYLESS, Criterion.REGRET, 3),
    (Learner.BLIND, Criterion.REGRET, 2),
    (Learner.MEMORYLESS, Criterion.RATIO, None),
    (Learner.MEMORYLESS, Criterion.HITTING_TIME, None),
]


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


# ---------------------------------------------------------------- rounds

NEVER = -1.0
"""A tolerance that no bracket meets."""
UNITS = np.array([2.0, 2.0])
"""A direction in which the losses of two tasks at base zero are minus their success probabilities."""


class Master:
    """A matrix game that answers as it was told; `Rounds` says what."""

    def __init__(self, rounds: Rounds) -> None:
        self.rounds, self.added = rounds, list[list[float]]()
        self.losses = np.zeros((1, 2))

    def add(self, row: np.ndarray) -> None:
        self.added.append(row.tolist())

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        self.losses = np.full((1, 2), self.rounds.bounds[self.rounds.played][0])
        return np.array([0.75, 0.25]), np.array([1.0])


class Rounds:
    """Play the decomposition with an upper and a lower bound that are given for every round.

    The responses have the lower bound as their loss on both tasks, that to the halfway point one less.
    """

    def __init__(self, bounds: list[tuple[float, float]], tolerance: float) -> None:
        rows = [(0, 0, 0, 1), (0, 1, 1, 1), (1, 0, 1, 1)]
        process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=2, initial=0, horizon=1)
        self.bounds, self.played, self.points = bounds, 0, list[list[list[float]]]()
        self.program = Decomposition(success_tasks(GoalTasks.reachable(process)))
        self.master = Master(self)
        with (
            mock.patch.object(self.program, "_ask", self.ask),
            mock.patch.object(self.program, "_behaviour", side_effect=lambda mixture: mixture),
            mock.patch("metaregret.theory.minimax.decomposition.MatrixGame", return_value=self.master),
            mock.patch("metaregret.theory.minimax.decomposition.certified_saddle_point") as self.certified,
        ):
            self.best = self.program.solve(None, np.zeros(2), UNITS, tolerance=tolerance)

    def ask(self, rewards: np.ndarray) -> np.ndarray:
        self.points.append(rewards.tolist())  # the goals are the states, and the scale is one
        lower = self.bounds[self.played][1]
        self.played += 1
        if self.played == len(self.bounds):
            self.bounds.append(self.bounds[-1])
        return np.array([[-lower, -lower], [1 - lower, 1 - lower]])


def test_rounds_end_where_the_bracket_is_a_tenth_of_the_tolerance() -> None:
    """0.1 * 1.25 = 1 / 8, relative to the lower bound but to one at least."""
    for bounds, played in (
        ([(2.0, 0.0), (0.625, 0.5)], 2),
        ([(2.0, 0.0), (0.75, 0.5), (0.5, 0.5)], 3),
        ([(9.0, 8.0)], 1),
        ([(9.0, 7.875), (8.0, 8.0)], 2),
        ([(-7.0, -8.0)], 1),
    ):
        assert Rounds(bounds, 1.25).played == played


def test_the_best_mixture_and_the_best_weights_are_certified() -> None:
    rounds = Rounds([(4.0, 1.0), (3.0, 0.5), (3.5, 2.0), (2.5, 2.5)], 1e-9)
    (tasks, loss, mixture, weights), _ = rounds.certified.call_args
    assert tasks is rounds.program.tasks
    assert loss is None
    assert mixture.tolist() == [1.0]
    np.testing.assert_array_equal(weights, np.array([0.75, 0.25]) / UNITS)
    assert rounds.best.lowest is rounds.best.highest is rounds.certified.return_value
    assert rounds.best.method == rounds.program.method
    # At first the best weights are uniform; halfway to them is asked as well.
    assert rounds.points[0] == [[0.75, 0.25], [0.625, 0.375]]
    assert rounds.points[1] == [[0.75, 0.25], [0.75, 0.25]]
    # The two policies known from the start, then two rows a round.
    assert rounds.master.added[:4] == [[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0], [0.0, 0.0]]
    assert len(rounds.master.added) == 2 + 2 * 4


@pytest.mark.parametrize(
    "better", [(4.0, 1.0), (3.0, 0.0), (4.0, 0.5)], ids=["lower", "upper", "lower again"]
)
def test_rounds_without_progress_are_limited(better: tuple[float, float]) -> None:
    assert Rounds([(4.0, 0.0)], 1e-9).played == 11  # the first round is progress
    assert Rounds([(4.0, 0.0), (4.0, 0.0), better], 1e-9).played == 13


def test_policies_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = success_tasks(GoalTasks.reachable(make("line:3").replaced(horizon=2)))
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    for limit, policies in ((3, 3), (4, 5), (5, 5), (6, 7)):  # two are added to those that were there
        monkeypatch.setattr("metaregret.theory.minimax.decomposition.MAX_POLICIES", limit)
        program = Decomposition(tasks)
        point = program.solve(loss, np.zeros(3), tasks.optimum.values, tolerance=NEVER)
        assert program.size == {"policies": policies}
        assert point.lower <= 2 <= point.upper


def test_an_interrupt_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = success_tasks(GoalTasks.reachable(make("line:3").replaced(horizon=2)))
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    for rounds in (0, 1):
        program = Decomposition(tasks)
        assert program.interrupted is False
        honest = program._ask
        answers = [honest] * rounds

        def ask(rewards: np.ndarray, answers: list[Any] = answers) -> Any:
            if not answers:
                raise KeyboardInterrupt
            return answers.pop(0)(rewards)

        monkeypatch.setattr(program, "_ask", ask)
        if rounds == 0:
            with pytest.raises(KeyboardInterrupt):
                program.solve(loss, np.zeros(3), tasks.optimum.values, tolerance=NEVER)
        else:
            point = program.solve(loss, np.zeros(3), tasks.optimum.values, tolerance=NEVER)
            assert program.interrupted is True
            assert point.lower <= 2 <= point.upper


@settings(max_examples=15, deadline=None)
@given(processes(geometric=False, min_states=2), st.integers(0, 2**32 - 1))
def test_the_behaviour_of_a_mixture_succeeds_as_the_mixture(
    process: ControlledMarkovProcess, seed: int
) -> None:
    tasks = success_tasks(GoalTasks.reachable(process))
    program = Decomposition(tasks)
    shares = np.random.default_rng(seed).dirichlet(np.ones(len(tasks.names)))
    for mixture in (shares, np.eye(len(shares))[0], np.where(np.arange(len(shares)) == 0, 1.0, 1e-14)):
        policy = program._behaviour(mixture)
        reached = tasks.success.T @ terminal_distribution(process, policy).probabilities
        np.testing.assert_allclose(reached, mixture @ np.stack(program._successes), atol=1e-12)
    # Where the mixture never comes, the first choice is as good as any.
    assert set(np.unique(program._behaviour(np.eye(len(shares))[0]))) <= {0.0, 1.0}
