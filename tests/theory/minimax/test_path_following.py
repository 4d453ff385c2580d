"""The central path in policies: against the decomposition, and where that has stalled."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import make
from metaregret.tabular.errors import ConvergenceError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.soft_planning import SoftPlanner
from metaregret.tabular.strategies import processes
from metaregret.theory.minimax import decomposition, path_following
from metaregret.theory.minimax.decomposition import Decomposition
from metaregret.theory.minimax.flow_program import certified_saddle_point
from metaregret.theory.minimax.path_following import central_path
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.minimax.without_memory import newton, solve_without_memory
from metaregret.theory.regret import bracketed_loss
from metaregret.theory.success import SuccessTasks, success_tasks
from metaregret.theory.tasks import Detection, GoalTasks
from tests.theory.minimax.losses import LOSSES

SLIPPERY = success_tasks(GoalTasks.reachable(make("garnet:S=12,A=3,b=3,seed=3").replaced(horizon=4)))


def followed(tasks: SuccessTasks, gap: float) -> tuple[float, float, int]:
    """Return ``1 + Reg*`` in a bracket, and the steps."""
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    along = loss.nominal.direction / loss.nominal.direction.max()
    policy, weights, steps = central_path(tasks, np.zeros_like(along), along, gap=gap)
    point = certified_saddle_point(tasks, loss, policy, weights)
    return 1 + point.lower, 1 + point.upper, steps


def only_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the decomposition give up after one round."""
    monkeypatch.setattr(decomposition, "MAX_ROUNDS", 1)


@settings(max_examples=40, deadline=None)
@given(processes(geometric=False, min_states=2), st.sampled_from(LOSSES), st.sampled_from(list(Detection)))
def test_the_path_leads_to_the_optimum(
    process: ControlledMarkovProcess, loss: tuple[Learner, Criterion, int | None], detect: Detection
) -> None:
    """For every loss, Newton's method on its level included, where a base is given."""
    learner, criterion, episodes = loss
    tasks = success_tasks(GoalTasks.reachable(process, detect))
    form = bracketed_loss(learner, criterion, tasks.optimum, episodes)
    other = newton(Decomposition(tasks), form, 1e-8).best
    with pytest.MonkeyPatch.context() as patch:
        only_followed(patch)
        found = newton(Decomposition(tasks), form, 1e-6)
    assert found.closed
    primal, dual = found.best
    assert max(dual.lower, other[1].lower) <= min(primal.upper, other[0].upper)


def test_where_rounds_stall_the_path_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    only_followed(monkeypatch)
    tasks = GoalTasks.reachable(make("garnet:S=12,A=3,b=3,seed=3").replaced(horizon=4))
    found = solve_without_memory(tasks, method="decomposition", tolerance=1e-6)
    assert "then the central path" in found.method
    assert found.size["newton_steps"] > 3
    exact = solve_without_memory(tasks, method="program")
    assert max(exact.value.lower, found.value.lower) <= min(exact.value.upper, found.value.upper)


@pytest.mark.parametrize("criterion", list(Criterion))
@pytest.mark.parametrize("rare", [Fraction(1, 10**3), Fraction(1, 10**9), Fraction(1, 10**30)])
def test_goals_that_are_hardly_ever_reached_are_followed_to_the_end(
    rare: Fraction, criterion: Criterion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain of four states, three of them rare events ahead: by rounds alone, and by the path alone."""
    rows: list[Any] = [row for s in range(3) for row in ((s, 0, s + 1, rare), (s, 0, s, 1 - rare))]
    rows += [(3, 0, 3, 1), *((s, 1, max(s - 1, 0), 1) for s in range(4))]
    process = ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial=0, horizon=5)
    tasks = GoalTasks.reachable(process)
    exact = solve_without_memory(tasks, criterion=criterion, exact=True, method="program").value
    words: dict[str, Any] = {"criterion": criterion, "method": "decomposition", "tolerance": 1e-6}
    for _ in range(2):
        found = solve_without_memory(tasks, **words).value
        assert max(exact.lower, found.lower) <= min(exact.upper, found.upper)
        assert found.relative_gap <= 1e-6
        only_followed(monkeypatch)


def test_an_interrupt_on_the_path_keeps_what_the_rounds_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only_followed(monkeypatch)
    whole = Decomposition(SLIPPERY)
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, SLIPPERY.optimum, None)
    newton(whole, loss, 1e-6)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(decomposition, "central_path", interrupted)
    program = Decomposition(SLIPPERY)
    primal, dual = newton(program, loss, 1e-6).best
    assert program.interrupted
    assert not whole.interrupted
    assert 1e-6 < primal.upper - dual.lower < 10.0
    assert "newton_steps" not in program.size


def test_after_an_interrupt_the_path_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Decomposition.ask

    def second(program: Decomposition, weights: np.ndarray) -> np.ndarray:
        if len(program.policies) > 1:
            raise KeyboardInterrupt
        return ask(program, weights)

    monkeypatch.setattr(Decomposition, "ask", second)
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, SLIPPERY.optimum, None)
    program = Decomposition(SLIPPERY)
    newton(program, loss, 1e-6)
    assert program.interrupted
    assert "newton_steps" not in program.size


def test_geometric_horizons_have_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    only_followed(monkeypatch)
    process = make("grid:3x3,slip=1/10").replaced(horizon=GeometricHorizon(Fraction(4, 5)))
    with pytest.raises(ConvergenceError) as error:
        solve_without_memory(GoalTasks.reachable(process), method="decomposition", tolerance=1e-6)
    exact = solve_without_memory(GoalTasks.reachable(process), method="program").value
    assert error.value.lower <= exact.upper
    assert exact.lower <= error.value.upper


def test_the_path_is_not_followed_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where rounds closed the gap, nor for too many tasks, nor for weights whose products overflow."""
    tasks = GoalTasks.reachable(make("garnet:S=12,A=3,b=3,seed=3").replaced(horizon=4))
    closed = solve_without_memory(tasks, method="decomposition", tolerance=1e-6)
    assert "newton_steps" not in closed.size
    only_followed(monkeypatch)
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, SLIPPERY.optimum, None)
    rarest = float(SLIPPERY.optimum.values.min())
    for limit, value in (("MOST_FOLLOWED", len(SLIPPERY.names) - 1), ("RAREST_FOLLOWED", 1.01 * rarest)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decomposition, limit, value)
            program = Decomposition(SLIPPERY)
            newton(program, loss, 1e-6)
            assert "newton_steps" not in program.size
    program = Decomposition(SLIPPERY)
    newton(program, loss, 1e-6)
    assert program.size["newton_steps"] > 0


def test_one_task_and_no_choice_at_all() -> None:
    """The path is a point: nothing a policy does changes anything."""
    rows: list[Any] = [(0, 0, 1, "1/3"), (0, 0, 2, "2/3"), (1, 0, 1, 1), (2, 0, 2, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=1, initial=0, horizon=2)
    lower, upper, _ = followed(success_tasks(GoalTasks.reachable(process)), 1e-7)
    assert lower <= 1.0 <= upper
    lower, upper, _ = followed(success_tasks(GoalTasks(process, np.array([2]))), 1e-7)
    assert (lower, upper) == (pytest.approx(1.0), pytest.approx(1.0))


def test_weights_and_policies_are_kept_where_they_are_best() -> None:
    """Every step's bounds are at least as good as those before."""
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, SLIPPERY.optimum, None)
    along = loss.nominal.direction / loss.nominal.direction.max()
    path = path_following._Path(SLIPPERY, np.zeros_like(along), along)
    while path.wide(1e-7):
        before = path.lower, path.upper
        path.step(1e-7)
        assert path.lower >= before[0]
        assert path.upper <= before[1]
        assert path.lower <= path.upper * (1 + 1e-12)


@pytest.mark.parametrize(("wrong", "factor"), [("change", 1.5), ("change", -1.0), ("respond", -1e6)])
def test_a_planner_that_lies_costs_the_gap_only(
    wrong: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong derivatives, or values that get worse with every step: what is certified is true all the same."""
    true: Callable[..., Any] = getattr(SoftPlanner, wrong)
    lower, upper, steps = followed(SLIPPERY, 1e-7)
    monkeypatch.setattr(SoftPlanner, wrong, lambda planner, rewards: factor * true(planner, rewards))
    wrong_lower, wrong_upper, wrong_steps = followed(SLIPPERY, 1e-7)
    assert max(lower, wrong_lower) <= min(upper, wrong_upper)
    assert upper - lower <= 1e-6
    assert (wrong_upper - wrong_lower, wrong_steps) != (upper - lower, steps)
