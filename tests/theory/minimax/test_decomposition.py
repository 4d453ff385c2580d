"""The decomposition against the monolithic program: same brackets, everywhere both apply."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular import make
from tabular.errors import UnsupportedError
from tabular.goals import goal_values
from tabular.horizon import GeometricHorizon
from tabular.process import ControlledMarkovProcess
from tabular.rationals import parse_fraction
from tabular.response import best_responses, mixed_flow
from tabular.strategies import processes
from theory.minimax.solution import Criterion, Learner
from theory.minimax.without_memory import solve_without_memory
from theory.tasks import Detection, GoalTasks

LOSSES = [
    (Learner.MEMORYLESS, Criterion.REGRET, None),
    (Learner.MEMORYLESS, Criterion.REGRET, 3),
    (Learner.BLIND, Criterion.REGRET, 2),
    (Learner.MEMORYLESS, Criterion.RATIO, None),
    (Learner.MEMORYLESS, Criterion.HITTING_TIME, None),
]


@settings(max_examples=20, deadline=None)
@given(processes(geometric=False, min_states=2), st.sampled_from(LOSSES))
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


@settings(max_examples=20, deadline=None)
@given(processes(geometric=False), st.integers(0, 2**32 - 1))
def test_a_best_response_attains_the_planned_value(process: ControlledMarkovProcess, seed: int) -> None:
    rewards = np.random.default_rng(seed).random((3, process.n_states))
    reached = best_responses(process, rewards)
    np.testing.assert_allclose(reached.sum(axis=1), 1.0, rtol=1e-12)
    for state in range(process.n_states):
        indicator = np.eye(process.n_states)[[state]]
        best = goal_values(process, np.array([state])).values[0]
        assert best_responses(process, indicator)[0, state] == pytest.approx(best, abs=1e-12)
        assert np.all(reached[:, state] <= best + 1e-12)


def test_ties_go_to_the_first_choice() -> None:
    process = make("line:3").replaced(horizon=2)
    played = mixed_flow(process, np.zeros((1, 3)), np.ones(1)) > 0
    assert set(np.flatnonzero(played.any(axis=0))) <= set(process.choice_offsets[:-1])


@settings(max_examples=20, deadline=None)
@given(processes(geometric=False), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_the_flow_of_a_mixture_ends_where_its_policies_end(
    process: ControlledMarkovProcess, count: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    rewards, shares = random.random((count, process.n_states)), random.dirichlet(np.ones(count))
    flow = mixed_flow(process, rewards, shares)
    np.testing.assert_allclose(flow.sum(axis=1), 1.0, rtol=1e-12)
    end = flow[-1] @ process.matrix
    np.testing.assert_allclose(end, shares @ best_responses(process, rewards), atol=1e-12)


def test_a_flow_with_the_shares_swapped_ends_elsewhere() -> None:
    """The planted error for the property above."""
    process = make("line:3").replaced(horizon=2)
    rewards, shares = np.eye(3)[[0, 2]], np.array([0.9, 0.1])
    expected = shares @ best_responses(process, rewards)
    right, wrong = (mixed_flow(process, rewards, s)[-1] @ process.matrix for s in (shares, shares[::-1]))
    np.testing.assert_allclose(right, expected, atol=1e-12)
    assert np.abs(wrong - expected).max() > 0.7


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
    monkeypatch.setattr("theory.minimax.without_memory.MAX_MONOLITHIC", 100)
    large = solve_without_memory(tasks)
    assert ("linear program" in small.method, "decomposition" in large.method) == (True, True)
    assert max(small.value.lower, large.value.lower) <= min(small.value.upper, large.value.upper)


def test_geometric_horizons_are_refused_by_name() -> None:
    process = make("line:3")
    geometric = process.replaced(horizon=GeometricHorizon(parse_fraction("9/10")))
    with pytest.raises(UnsupportedError, match="horizon"):
        solve_without_memory(GoalTasks.reachable(geometric), method="decomposition")
