"""What a solution promises: a real learner, true bounds, honest endings; planted errors are noticed."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from history_tree import goal_tree, value
from memory_instances import random_process, random_tables, slippery_ring
from play import payoffs

from benchmarks.hyperstate_program import solve_program
from metaregret.tabular.bounds import Status
from metaregret.tabular.environments import make
from metaregret.tabular.environments.line import line
from metaregret.tabular.errors import (
    ConvergenceError,
    InstanceTooLargeError,
    InvalidArgumentError,
    NotExactError,
    SolverError,
    UnreachableGoalError,
    UnsupportedError,
)
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.adversaries import Simplex
from metaregret.theory.minimax.memory import estimate_size, memory_game, solve_memory
from metaregret.theory.minimax.memory.export import learner_rows
from metaregret.theory.minimax.memory.solve import Search, decompose
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

SLIPPERY = slippery_ring()
SMALL = GoalTasks.reachable(SLIPPERY, Detection.VISIT)


def families(seed: int) -> list[tuple[GoalTasks | RewardTasks, Criterion]]:
    rng = np.random.default_rng(seed)
    process = random_process(rng, states=4, actions=2, horizon=2, noise=True)
    tables = random_tables(rng, process, 4)
    goals = [(GoalTasks.reachable(process, detect), c) for detect in Detection for c in Criterion]
    return [(RewardTasks(process, tables), Criterion.REGRET), *goals]


@pytest.mark.parametrize("seed", range(6))
def test_the_behaviour_policy_is_a_learner_with_the_promised_losses(seed: int) -> None:
    for tasks, criterion in families(seed):
        solution = solve_memory(tasks, 3, criterion=criterion)
        game = solution.proof.game
        table = solution.proof.mixture.behaviour().table()
        for choices in table.values():
            assert sum(choices.values()) == pytest.approx(1.0, abs=1e-12)
        played = payoffs(game.graph.signals, 3, table)
        loss = game.scale * (game.offset - played[game.task_class])
        np.testing.assert_allclose(loss, solution.per_task, atol=1e-10)
        assert loss.max() <= solution.value.upper + 1e-12


def test_learners_that_were_not_kept_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learners of millions of hyperstates would fill the memory, one a round; a few are in the mixture."""
    kept = solve_memory(SMALL, 3)
    monkeypatch.setattr("metaregret.theory.minimax.memory.solve.LEARNER_BYTES", 0)
    search = Search()
    game = kept.proof.game
    decompose(game, Simplex(), np.full(4, 1 / 4), search, 1e-9, 100)
    assert not search.learners
    again = solve_memory(SMALL, 3)
    assert again.value == kept.value
    for first, second in zip(kept.proof.mixture.learners, again.proof.mixture.learners, strict=True):
        assert list(first.rows()) == list(second.rows())
        assert np.array_equal(first.reach, second.reach)
    search.losses[0] = search.losses[0] + 1.0  # the planted error: another learner than the one found before
    with pytest.raises(SolverError, match="round 0 could not be found again"):
        search.learner(game, 0)


@pytest.mark.parametrize("seed", range(6))
def test_program_over_hyperstates(seed: int) -> None:
    for tasks, criterion in families(seed):
        solution = solve_memory(tasks, 3, criterion=criterion)
        game = memory_game(tasks, 3, criterion, 10**6, collapse=False)
        program = solve_program(game)
        assert program.lower <= solution.value.upper
        assert program.upper >= solution.value.lower
        assert program.upper - program.lower < 1e-7


@pytest.mark.parametrize("seed", range(6))
def test_rational_value_lies_in_the_floating_point_bracket(seed: int) -> None:
    for tasks, criterion in families(seed):
        loose = solve_memory(tasks, 2, criterion=criterion)
        proved = solve_memory(tasks, 2, criterion=criterion, exact=True)
        assert proved.status is Status.EXACT
        assert loose.value.contains(proved.value.exact)
        prior, weights = proved.proof.exact.prior, proved.proof.exact.weights
        assert sum(prior) == 1
        assert min(prior) >= 0
        assert sum(weights) == 1
        losses = proved.proof.exact.losses
        mixed = [sum(w * row[z] for w, row in zip(weights, losses, strict=True)) for z in range(len(prior))]
        assert max(mixed) == proved.value.exact


def test_bracket_only_narrows() -> None:
    solution = solve_memory(GoalTasks.reachable(make("grid:3x3,slip=1/10").replaced(horizon=3)), 3)
    history = np.array(solution.proof.history)
    assert (np.diff(history[:, 0]) >= 0).all()
    assert (np.diff(history[:, 1]) <= 0).all()
    assert tuple(history[-1]) == (solution.value.lower, solution.value.upper)
    assert solution.size["rounds"] == len(history)


def test_round_limit_raises_with_true_bounds() -> None:
    expected = solve_memory(SMALL, 3).value
    with pytest.raises(ConvergenceError, match="max_rounds=2") as caught:
        solve_memory(SMALL, 3, max_rounds=2)
    assert caught.value.lower <= expected.lower
    assert expected.upper <= caught.value.upper


def test_tolerance_below_rounding_is_an_error_with_bounds() -> None:
    with pytest.raises(ConvergenceError, match="rounding") as caught:
        solve_memory(SMALL, 3, tolerance=1e-16)
    assert caught.value.upper - caught.value.lower < 1e-9


def test_interrupt_keeps_the_best_bracket() -> None:
    expected = solve_memory(SMALL, 3).value
    seen: list[tuple[float, float]] = []

    def stop(lower: float, upper: float) -> None:
        seen.append((lower, upper))
        if len(seen) == 2:
            raise KeyboardInterrupt

    solution = solve_memory(SMALL, 3, progress=stop)
    assert solution.proof.interrupted
    assert solution.status is Status.BRACKETED
    assert (solution.value.lower, solution.value.upper) == seen[-1]
    assert solution.value.lower <= expected.lower
    assert expected.upper <= solution.value.upper


def test_too_large_is_refused_and_estimated() -> None:
    tasks = GoalTasks.reachable(make("grid:6x6").replaced(horizon=10), Detection.VISIT)
    assert estimate_size(tasks, 12).edges > 10**12
    with pytest.raises(InstanceTooLargeError, match="max_edges"):
        solve_memory(tasks, 12, max_edges=10**5)


def test_infinitely_many_episodes() -> None:
    for detect in Detection:
        for criterion in Criterion:
            tasks = GoalTasks.reachable(make("grid:3x2").replaced(horizon=3), detect)
            endless = solve_memory(tasks, None, criterion=criterion)
            assert endless.episodes is None
            count = len(tasks.goals)
            for episodes in (count, count + 2):
                finite = solve_memory(tasks, episodes, criterion=criterion)
                assert finite.value.midpoint == pytest.approx(endless.value.midpoint, abs=1e-9)
            fewer = solve_memory(tasks, 1, criterion=criterion)
            assert fewer.value.upper <= endless.value.upper + 1e-9


def test_infinitely_many_episodes_refused_with_the_reason() -> None:
    with pytest.raises(UnsupportedError, match="random"):
        solve_memory(SMALL, None, adversary="tv:1/10")  # without a restriction it is solved exactly
    with pytest.raises(UnreachableGoalError, match="'3'"):
        solve_memory(GoalTasks(line(4, horizon=1), np.array([1, 3])), None)
    process = line(3, horizon=1)
    tables = random_tables(np.random.default_rng(0), process, 2)
    with pytest.raises(UnsupportedError, match="never reveal"):
        solve_memory(RewardTasks(process, tables), None)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(InvalidArgumentError, match=r"1 <= episodes .* but got 0;"):
        solve_memory(SMALL, 0)
    with pytest.raises(InvalidArgumentError, match=r"tolerance=-1\.0"):
        solve_memory(SMALL, 1, tolerance=-1.0)
    process = line(3, horizon=1)
    tables = random_tables(np.random.default_rng(0), process, 2)
    with pytest.raises(UnsupportedError, match="first success"):
        solve_memory(RewardTasks(process, tables), 2, criterion=Criterion.RATIO)
    with pytest.raises(UnsupportedError, match="goals and rewards"):
        solve_memory(TrajectoryTasks(process), 2)  # the wrong type is the point
    thirds = [(0, 0, 0, 0.3333333333), (0, 0, 1, 0.6666666666), (1, 0, 1, 1)]  # a remainder of 1e-10
    inexact = ControlledMarkovProcess.from_transitions(thirds, states=2, actions=1, initial=0, horizon=2)
    with pytest.raises(NotExactError):
        solve_memory(GoalTasks(inexact, np.arange(2)), 2, exact=True)


def test_memory_is_at_most_memoryless_is_at_most_blind() -> None:
    """T18."""
    from metaregret.theory.minimax.solution import Learner
    from metaregret.theory.minimax.without_memory import solve_without_memory

    for name in ("line:4,start=1", "grid:2x2,slip=1/10"):
        tasks = GoalTasks.reachable(make(name).replaced(horizon=2))
        memory = solve_memory(tasks, 3)
        memoryless = solve_without_memory(tasks, learner=Learner.MEMORYLESS, episodes=3)
        blind = solve_without_memory(tasks, learner=Learner.BLIND, episodes=3)
        assert memory.value.upper <= memoryless.value.lower
        assert memoryless.value.upper <= blind.value.upper


# ---------------------------------------------------------------- planted errors must be noticed


def test_a_wrong_continuation_is_caught_by_the_history_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known tasks believed to pay a little more than they do."""
    from metaregret.tabular.hyperstate.known import KnownTaskValues, known_task_values

    def wrong(*arguments: Any, **options: Any) -> KnownTaskValues:
        right = known_task_values(*arguments, **options)
        return KnownTaskValues(right.values + 0.05, right.start, right.after)

    three = GoalTasks(SLIPPERY, np.array([1, 2, 3]), Detection.VISIT)
    tree = value(goal_tree(SLIPPERY, three.goals, 2, visit=True, costs=False), costs=False)
    assert solve_memory(three, 2).value.midpoint == pytest.approx(tree, abs=1e-8)
    monkeypatch.setattr("metaregret.tabular.hyperstate.graph.known_task_values", wrong)
    assert abs(solve_memory(three, 2).value.midpoint - tree) > 1e-3


def test_a_forgotten_signal_is_caught_by_the_history_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Goals on the way that are noticed at the end only."""
    from metaregret.tabular.hyperstate import Signals, goal_signals

    def wrong(*arguments: Any, **options: Any) -> Signals:
        signals = goal_signals(*arguments, **options)
        return dataclasses.replace(signals, during=0 * signals.during)

    tree = value(goal_tree(SLIPPERY, SMALL.goals, 2, visit=True, costs=False), costs=False)
    assert solve_memory(SMALL, 2).value.midpoint == pytest.approx(tree, abs=1e-8)
    monkeypatch.setattr("metaregret.theory.minimax.memory.game.goal_signals", wrong)
    assert abs(solve_memory(SMALL, 2).value.midpoint - tree) > 1e-3


class Staying(dict):
    """A table that stays put in hyperstates it does not list."""

    def __missing__(self, key: tuple[int, int, int, frozenset[int]]) -> dict[int, float]:
        return {SLIPPERY.choices(key[2])[-1]: 1.0}


def test_a_changed_choice_raises_the_loss() -> None:
    solution = solve_memory(SMALL, 2)
    game = solution.proof.game
    table = solution.proof.mixture.behaviour().table()
    idle_at_first = Staying({key: choices for key, choices in table.items() if key[1] > 0})
    loss = game.offset - payoffs(game.graph.signals, 2, idle_at_first)[game.task_class]
    assert loss.max() > solution.value.upper + 1e-3


def test_a_wrong_prior_proves_less() -> None:
    solution = solve_memory(SMALL, 3)
    game = solution.proof.game
    assert game.respond(np.eye(4)[0]).lower < solution.value.lower - 1e-3


def test_rows_for_certificates_use_task_bits_and_names() -> None:
    solution = solve_memory(SMALL, 2)
    game, mixture = solution.proof.game, solution.proof.mixture
    rows = learner_rows(game, mixture.learners[0])
    assert len(rows) == len(mixture.learners[0])
    episode, step, state, mask, action = rows[0]
    assert (episode, step, state) == (0, 0, "0")
    assert mask == 0b1110  # the start was visited at once
    assert action in tuple(SLIPPERY.actions)


def test_rows_of_a_family_of_one_task() -> None:
    solution = solve_memory(GoalTasks(SLIPPERY, np.array([2])), 1)
    game, mixture = solution.proof.game, solution.proof.mixture
    rows = {(t, s): action for _, t, s, _, action in learner_rows(game, mixture.learners[0])}
    assert len(rows) == SLIPPERY.horizon.steps * SLIPPERY.n_states
    assert rows[1, "1"] == "0"  # one place onward, from 1 to 2


def test_rows_of_twin_tasks_include_what_they_do_when_nothing_more_can_be_learned() -> None:
    process = line(2, horizon=1)
    from metaregret.tabular.labels import Labels
    from metaregret.tabular.rewards import RewardTables

    rows = [[Fraction(m == 0) for m in range(process.n_transitions)] for _ in range(2)]
    tasks = RewardTasks(process, RewardTables.from_exact(process, Labels(2, "task"), rows))
    solution = solve_memory(tasks, 2)
    assert solution.value.upper < 1e-9
    game, mixture = solution.proof.game, solution.proof.mixture
    assert {row[3] for row in learner_rows(game, mixture.learners[0])} == {0b11}
