"""The blind learner on reward tables: vertex enumeration, goals as rewards, shifts, refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from vertex_enumeration import Vector, discounted, game_value, push, rows_of

from tabular.errors import NotExactError, UnsupportedError
from tabular.horizon import FiniteHorizon, GeometricHorizon
from tabular.labels import Labels
from tabular.process import ControlledMarkovProcess
from tabular.rewards import RewardTables
from theory.minimax import Criterion, Learner, solve
from theory.tasks import GoalTasks, RewardTasks


def random_tasks(seed: int, *, geometric: bool) -> RewardTasks:
    rng = np.random.default_rng(seed)
    rows = []
    for state in range(2):
        for action in range(2):
            weight = int(rng.integers(0, 5))
            rows += [(state, action, s, Fraction(w, 4)) for s, w in enumerate((weight, 4 - weight)) if w]
    horizon = GeometricHorizon(Fraction(2, 3)) if geometric else FiniteHorizon(2)
    process = ControlledMarkovProcess.from_transitions(
        rows, states=2, actions=2, initial={0: "1/3", 1: "2/3"}, horizon=horizon
    )
    table = rng.integers(-3, 4, (int(rng.integers(1, 4)), process.n_transitions)).tolist()
    rewards = [[Fraction(r, 2) for r in row] for row in table]
    return RewardTasks(process, RewardTables.from_exact(process, Labels(len(rewards)), rewards))


def earned_by_all_policies(tasks: RewardTasks) -> set[Vector]:
    """Expected rewards of every deterministic policy, by plain fractions."""
    process, rewards = tasks.process, tasks.tables.exact
    assert rewards is not None
    assert process.exact_initial is not None
    rows, start = rows_of(process), tuple(process.exact_initial)
    index = {
        (int(process.choice_state[c]), int(process.choice_action[c]), int(process.successors[m])): m
        for m, c in enumerate(process.transition_choice.tolist())
    }

    def paid(current: Vector, chosen: tuple[int, int]) -> Vector:
        return tuple(
            sum(
                (
                    mass * p * row[index[state, chosen[state], s]]
                    for state, mass in enumerate(current)
                    for s, p in rows[state][chosen[state]].items()
                ),
                Fraction(0),
            )
            for row in rewards
        )

    maps = [(a, b) for a in range(2) for b in range(2)]
    if isinstance(process.horizon, GeometricHorizon):
        gamma = process.horizon.gamma
        return {
            tuple(r / (1 - gamma) for r in paid(discounted(rows, start, chosen, gamma), chosen))
            for chosen in maps
        }
    return {
        tuple(a + b for a, b in zip(paid(start, first), paid(push(rows, start, first), second), strict=True))
        for first in maps
        for second in maps
    }


@pytest.mark.parametrize("seed", range(40))
def test_random_tables_equal_the_enumeration_of_policies(seed: int) -> None:
    tasks = random_tasks(seed, geometric=seed % 2 == 1)
    vectors = earned_by_all_policies(tasks)
    best = [max(column) for column in zip(*vectors, strict=True)]
    # A constant keeps the value of the oracle's game positive.
    shift = 1 + max(v - r for x in vectors for r, v in zip(x, best, strict=True))
    game = {tuple(shift + r - v for r, v in zip(x, best, strict=True)) for x in vectors}
    expected = 3 * (shift - game_value(game))
    solution = solve(tasks, learner=Learner.BLIND, episodes=3, exact=True)
    assert solution.value.exact == expected
    floats = solve(tasks, learner=Learner.BLIND, episodes=3)
    assert Fraction(floats.value.lower) <= expected <= Fraction(floats.value.upper)
    assert floats.value.gap <= 1e-9
    assert floats.per_task.max() == pytest.approx(float(expected), abs=1e-8)


@pytest.mark.parametrize("seed", range(10))
def test_shifting_a_table_changes_nothing(seed: int) -> None:
    tasks = random_tasks(seed, geometric=False)
    assert tasks.tables.exact is not None
    moved = [[r + 100 * z for r in row] for z, row in enumerate(tasks.tables.exact.tolist())]
    shifted = RewardTasks(tasks.process, RewardTables.from_exact(tasks.process, tasks.tables.tasks, moved))
    one, two = (solve(t, learner=Learner.BLIND, episodes=3, exact=True).value.exact for t in (tasks, shifted))
    assert one == two


def test_goals_as_rewards_have_the_regret_of_goals() -> None:
    # T = 1: ending in g is one reward on the transition into g.
    rows = [(0, 0, 0, 1), (0, 1, 1, "1/2"), (0, 1, 0, "1/2"), (1, 0, 1, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=2, initial=0, horizon=1)
    rewards = [[Fraction(int(s == g)) for s in process.successors.tolist()] for g in range(2)]
    tables = RewardTables.from_exact(process, Labels(2), rewards)
    found = solve(RewardTasks(process, tables), learner=Learner.BLIND, episodes=6, exact=True)
    goals = solve(GoalTasks(process, np.array([0, 1])), learner=Learner.BLIND, episodes=6, exact=True)
    # q = Pr(second action): max(q / 2, 1/2 - q / 2) is least, 1/4, at q = 1/2; times 6 episodes.
    assert found.value.exact == goals.value.exact == Fraction(3, 2)


def test_what_has_no_meaning_is_refused() -> None:
    tasks = random_tasks(0, geometric=False)
    with pytest.raises(UnsupportedError, match="episodes"):
        solve(tasks, learner=Learner.BLIND)
    with pytest.raises(UnsupportedError, match="criterion"):
        solve(tasks, learner=Learner.BLIND, episodes=2, criterion=Criterion.HITTING_TIME)
    with pytest.raises(UnsupportedError, match="first success"):
        solve(tasks, learner=Learner.MEMORYLESS, episodes=2)
    floats = RewardTasks(tasks.process, RewardTables(tasks.process, tasks.tables.tasks, tasks.tables.values))
    with pytest.raises(NotExactError, match="rationals"):
        solve(floats, learner=Learner.BLIND, episodes=2, exact=True)
