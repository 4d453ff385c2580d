"""The blind learner on reward tables: vertex enumeration, goals as rewards, shifts, refusals."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from vertex_enumeration import Vector, discounted, game_value, push, rows_of

from metaregret.tabular import policy as policies
from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.bounds import Status
from metaregret.tabular.engine import solve as planner
from metaregret.tabular.errors import NotExactError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.minimax import Criterion, Learner, earned_rewards, flow_program, solve
from metaregret.theory.minimax.earned_rewards import TRIFLE, EarnedRewards
from metaregret.theory.minimax.exact import AchievableRewards, sharpen
from metaregret.theory.minimax.flow_program import SaddlePoint, certified_saddle_point, support_value
from metaregret.theory.optimise import solve_certified
from metaregret.theory.regret import bracketed_loss
from metaregret.theory.tasks import GoalTasks, RewardTasks


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


def refusal(tasks: RewardTasks, kind: type[Exception], **options: Any) -> str:
    with pytest.raises(kind) as caught:
        solve(tasks, **options)
    return str(caught.value)


def test_what_has_no_meaning_is_refused() -> None:
    tasks = random_tasks(0, geometric=False)
    blind = Learner.BLIND
    assert refusal(tasks, UnsupportedError, learner=blind) == (
        "The blind learner's regret over infinitely many episodes is infinite or zero; give a number "
        "of episodes."
    )
    assert refusal(tasks, UnsupportedError, learner=blind, episodes=2, criterion=Criterion.HITTING_TIME) == (
        "Criterion 'hitting-time' counts the cost until the first success, which general rewards do not "
        "define (they have no first success); use criterion 'regret', or goals."
    )
    assert "first success" in refusal(tasks, UnsupportedError, learner=Learner.MEMORYLESS, episodes=2)
    floats = RewardTasks(tasks.process, RewardTables(tasks.process, tasks.tables.tasks, tasks.tables.values))
    assert "rationals" in refusal(floats, NotExactError, learner=blind, episodes=2, exact=True)


# ---------------------------------------------------------------- the parts


def thirds(horizon: Horizon) -> ControlledMarkovProcess:
    """Probabilities that floating point rounds; a state with one choice and one with three."""
    rows = [(0, 0, 0, "1/3"), (0, 0, 1, "2/3"), (0, 1, 1, 1), (0, 2, 0, "5/7"), (0, 2, 1, "2/7")]
    rows += [(1, 0, 0, "1/7"), (1, 0, 1, "6/7")]
    return ControlledMarkovProcess.from_transitions(
        rows, states=2, actions=3, initial={0: "1/3", 1: "2/3"}, horizon=horizon
    )


HORIZONS: dict[str, Horizon] = {"finite": FiniteHorizon(3), "geometric": GeometricHorizon(Fraction(2, 3))}
THIRD = Fraction(1, 3)
TABLES = [[Fraction(r, 3) for r in row] for row in ((-1, 4, 0, 2, 5, 1, 1), (7, 2, 3, 3, 4, 5, 2))]


def tables(kind: str, copies: int = 1) -> RewardTasks:
    process, rewards = thirds(HORIZONS[kind]), TABLES * copies
    return RewardTasks(process, RewardTables.from_exact(process, Labels(len(rewards)), rewards))


def shifted(tasks: RewardTasks) -> AchievableRewards:
    """In exact arithmetic, the tables whose smallest entry is zero."""
    assert tasks.tables.exact is not None
    rows = [[r - min(row) for r in row] for row in tasks.tables.exact.tolist()]
    return AchievableRewards(
        RewardTasks(tasks.process, RewardTables.from_exact(tasks.process, tasks.tables.tasks, rows))
    )


def eighths(kind: str, seed: int) -> np.ndarray:
    """A policy whose weights are exact in floating point."""
    rng = np.random.default_rng(seed)
    drawn = np.diff(np.sort(rng.integers(0, 9, (3, 2)), axis=1), axis=1, prepend=0, append=8) / 8
    policy = np.hstack([drawn, np.ones((3, 1))])
    return policy if kind == "finite" else policy[0]


@pytest.mark.parametrize("kind", HORIZONS)
def test_tables_are_shifted_to_start_above_zero(kind: str) -> None:
    game = EarnedRewards(tables(kind), 1e-9)
    assert game.rewards.shape == (2, 7)
    assert game.rewards.min(axis=1).tolist() == [TRIFLE, TRIFLE]
    np.testing.assert_allclose(np.diff(game.rewards), np.diff(np.array(TABLES).astype(float)), atol=1e-15)


@pytest.mark.parametrize("large", [10**6, 10**9, -(10**15)])
def test_rationals_that_differ_by_little_keep_their_difference(large: int) -> None:
    """A third more, or not, of two tables that have it at either choice: 1/6 is lost."""
    rows = [[large + THIRD, Fraction(large)], [Fraction(large), large + THIRD]]
    found = solve(one_step(rows), learner=Learner.BLIND, episodes=1).value
    assert found.lower <= Fraction(1, 6) <= found.upper
    assert found.gap < 1e-14


@pytest.mark.parametrize("kind", HORIZONS)
def test_tables_of_floats_are_shifted_as_they_are(kind: str) -> None:
    process = thirds(HORIZONS[kind])
    values = np.array([[1e9 + 1 / 3, 1e9, *[2e9] * 5], [-0.5, 0.25, 1.0, 0.0, 0.0, 0.0, 0.0]])
    game = EarnedRewards(RewardTasks(process, RewardTables(process, Labels(2), values)), 1e-9)
    assert game.rewards.tolist() == (values - [[1e9], [-0.5]] + TRIFLE).tolist()


@pytest.mark.parametrize("kind", HORIZONS)
def test_bounds_on_what_is_earned_and_on_the_best(kind: str) -> None:
    """Below the exact rewards of a policy, and by rounding only; around the exact optimum."""
    tasks = tables(kind)
    game, exact = EarnedRewards(tasks, 1e-12), shifted(tasks)
    for seed in range(10):
        policy = eighths(kind, seed)
        truth = from_flint(exact.achieved(policy)).tolist()
        for value, bound in zip(truth, game.evaluate(policy).lower.tolist(), strict=True):
            assert value * (1 - Fraction(1, 10**13)) < Fraction(bound) < value
    best, _ = exact.optimum()
    for value, lower, upper in zip(best, game.optimum.lower, game.optimum.upper, strict=True):
        assert value * (1 - Fraction(1, 10**11)) < Fraction(lower) < value < Fraction(upper)
        assert Fraction(upper) < value * (1 + Fraction(1, 10**11))


@pytest.mark.parametrize("kind", HORIZONS)
@pytest.mark.parametrize("steps", [1, 3])
def test_every_term_that_is_added_has_its_rounding(
    kind: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One state and twelve choices to stay, in an arithmetic of nine digits: as many inflows and weights a
    step, its sum, and in the end one successor and the choices; then what underflows is taken off."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, action, 0, 1) for action in range(12)],
        states=1,
        actions=12,
        initial=0,
        horizon=FiniteHorizon(steps) if kind == "finite" else HORIZONS[kind],
    )
    rewards = [[Fraction(action, 3) for action in range(12)]]
    game = EarnedRewards(RewardTasks(process, RewardTables.from_exact(process, Labels(1), rewards)), 1e-9)
    policy = np.full((steps, 12) if kind == "finite" else 12, 1 / 12)
    exactly = game.evaluate(policy)
    monkeypatch.setattr(earned_rewards, "relative_error", lambda roundings: roundings * 2.0**-30)
    if kind == "finite":
        monkeypatch.setattr(policies, "relative_error", lambda roundings: roundings * 2.0**-30)
    found, terms = game.evaluate(policy), 1 + 12 + 8
    terms += steps * (12 + 12 + 5 + 1) if kind == "finite" else 0
    assert found.nominal.tolist() == exactly.nominal.tolist()
    assert found.lower == pytest.approx(exactly.nominal * (1 - terms * 2.0**-30), rel=1e-15)
    module = policies if kind == "finite" else earned_rewards
    monkeypatch.setattr(module, "underflow_allowance", lambda operations: operations * 2.0**-30)
    lost = (2 * steps**2 * 12 if kind == "finite" else 12 * 3) * (1 + sum(range(12)) / 3)
    assert game.evaluate(policy).lower == pytest.approx(found.lower - lost * 2.0**-30, rel=1e-15)


def test_what_underflows_earns_no_more_than_it_does() -> None:
    """1e-162 times 3e-162 rounds to the smallest number there is, 4.9e-324, as does three quarters of that: a
    reward of 1e300 makes a difference of them."""
    rare, smallest, large = Fraction(1, 10**162), 2.0**-1074, Fraction(10**300)
    rows = [(0, 0, 1, rare), (0, 0, 3, 1 - rare), (1, 0, 2, 3 * rare), (1, 0, 3, 1 - 3 * rare)]
    rows += [(2, 0, 3, 1), (3, 0, 3, 1)]
    finite = ControlledMarkovProcess.from_transitions(rows, states=4, actions=1, initial=0, horizon=3)
    geometric = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (1, 0, 1, 1), (1, 1, 1, 1)],
        states=2,
        actions=2,
        initial={0: Fraction(1, 4), 1: Fraction(3, 4)},
        horizon=HORIZONS["geometric"],
    )
    weights = np.array([1.0, 1.0, smallest])
    for process, policy, best in ((finite, np.ones((3, 4)), 4), (geometric, weights, 2)):
        paid = [[large * (m == best) for m in range(process.n_transitions)]]
        game = EarnedRewards(RewardTasks(process, RewardTables.from_exact(process, Labels(1), paid)), 1e-9)
        assert game.evaluate(policy).nominal > 1e-24
        assert game.evaluate(policy).lower.tolist() == [0.0]


@pytest.mark.parametrize("kind", HORIZONS)
def test_sums_over_many_states_are_bounded_from_below(kind: str) -> None:
    """Staying earns exactly one; 256 states are added up, of which 255 are never entered."""
    process = ControlledMarkovProcess.from_transitions(
        [(s, 0, s, 1) for s in range(256)], states=256, actions=1, initial=0, horizon=HORIZONS[kind]
    )
    rewards = [[THIRD, *[Fraction(0)] * 255]]
    game = EarnedRewards(RewardTasks(process, RewardTables.from_exact(process, Labels(1), rewards)), 1e-9)
    (earned,) = game.evaluate(np.ones((3, 256) if kind == "finite" else 256)).lower
    assert 1 - 1e-12 < earned < 1 - 256 * 2.0**-53


def proved(game: EarnedRewards, policy: np.ndarray, weights: np.ndarray) -> SaddlePoint:
    """The bounds on the regret of one episode."""
    loss = bracketed_loss(Learner.BLIND, Criterion.REGRET, game.optimum, 1)
    return certified_saddle_point(game, loss, policy, weights)


@pytest.mark.parametrize("kind", HORIZONS)
@pytest.mark.parametrize("copies", [1, 10])
def test_certified_bounds_contain_what_they_bound(kind: str, copies: int) -> None:
    """``E_p v - U(p r)`` from below (no regret is negative) and the policy's regrets from above, exactly."""
    tasks = tables(kind, copies)
    game, exact = EarnedRewards(tasks, 1e-12), shifted(tasks)
    best, count = exact.optimum()[0], 2 * copies
    for seed in range(5):
        policy = eighths(kind, seed)
        drawn = 1 * (np.arange(count) == 0) + np.random.default_rng(seed).integers(0, 9, count)
        point = proved(game, policy, drawn.astype(float) - 3.0 * (drawn == 4))
        weights = [Fraction(max(w - 3 * (w == 4), 0)) for w in drawn.tolist()]
        prior = [w / sum(weights) for w in weights]
        shares = point.weights / point.weights.sum()
        np.testing.assert_allclose(shares, np.array(prior).astype(float), rtol=1e-15)
        support, _ = exact.support(to_flint(prior))
        mean = sum(p * v for p, v in zip(prior, best, strict=True))
        truth = mean - Fraction(int(support.p), int(support.q))
        assert point.lower >= 0
        assert truth - Fraction(1, 10**11) < Fraction(point.lower) <= max(truth, 0)
        regrets = [v - r for v, r in zip(best, from_flint(exact.achieved(policy)).tolist(), strict=True)]
        assert max(regrets) <= Fraction(point.upper) < max(regrets) + Fraction(1, 10**11)
        assert point.policy is policy


@pytest.mark.parametrize("kind", HORIZONS)
def test_the_support_is_bounded_from_above(kind: str) -> None:
    tasks = tables(kind, 100)
    game, exact = EarnedRewards(tasks, 1e-12), shifted(tasks)
    weights = np.random.default_rng(0).integers(0, 9, 200) / 8
    support, _ = exact.support(to_flint(weights.tolist()))
    truth, bound = Fraction(int(support.p), int(support.q)), Fraction(support_value(game, weights))
    assert truth < bound < truth * (1 + Fraction(1, 10**11))


def test_a_task_on_which_nothing_can_be_lost() -> None:
    """Nothing to choose: the regret is zero, its bounds are not negative."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, "1/3"), (0, 0, 1, "2/3"), (1, 0, 1, 1)], states=2, actions=1, initial=0, horizon=4
    )
    rewards = [[Fraction(1, 3), Fraction(2, 7), Fraction(5, 11)], [Fraction(0)] * 3]
    tasks = RewardTasks(process, RewardTables.from_exact(process, Labels(2), rewards))
    point = proved(EarnedRewards(tasks, 1e-9), np.ones((4, 2)), np.array([1.0, 1.0]))
    assert point.lower == 0.0
    assert 0.0 <= point.upper < 1e-13
    found = solve(tasks, learner=Learner.BLIND, episodes=3)
    assert found.value.lower == 0.0
    assert found.value.upper < 1e-12
    assert solve(tasks, learner=Learner.BLIND, episodes=3, exact=True).value.exact == 0
    nothing = RewardTasks(process, RewardTables.from_exact(process, Labels(1), [[Fraction(0)] * 3]))
    assert solve(nothing, learner=Learner.BLIND, episodes=3).value.upper < 1e-300


@pytest.mark.parametrize("kind", HORIZONS)
def test_tolerances_of_the_parts(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning asks for a hundredth (1e-13 at least)."""
    asked: list[float] = []

    def planning(*arguments: Any, **options: Any) -> Any:
        asked.append(options["tolerance"])
        return planner(*arguments, **options)

    monkeypatch.setattr(earned_rewards, "solve", planning)
    solve(tables(kind), learner=Learner.BLIND, episodes=16, tolerance=1e-8)
    assert set(asked) == {1e-10}
    asked.clear()
    EarnedRewards(tables(kind), 1e-12).plan(np.ones(7))
    assert asked == [1e-13]


@pytest.mark.parametrize("kind", HORIZONS)
def test_what_a_solution_says(kind: str) -> None:
    calls: list[tuple[float, float]] = []
    tasks = tables(kind)
    found = solve(
        tasks, learner=Learner.BLIND, episodes=5, progress=lambda low, high: calls.append((low, high))
    )
    ((low, high),) = calls
    assert (found.value.lower, found.value.upper) == (low, high)
    assert found.value.upper - found.value.lower < 1e-9
    assert found.value.lower_from == "dual weights, evaluated by value iteration"
    assert found.value.upper_from == "rewards of the returned policy, evaluated afresh"
    assert found.method == "linear program over occupancy measures (HiGHS)"
    assert found.status is Status.CERTIFIED
    assert (found.learner, found.criterion, found.episodes) == (Learner.BLIND, Criterion.REGRET, 5)
    assert found.tasks == tasks.names
    assert found.exploration is None
    assert high == pytest.approx(found.per_task.max(), rel=1e-12)
    variables, rows = (12, 6) if kind == "finite" else (4, 2)
    assert found.size == {"states": 2, "tasks": 2, "variables": variables, "rows": rows}
    details = found.proof
    assert found.family is tasks
    shares = details.weights / details.weights.sum()
    np.testing.assert_allclose(shares, found.least_favourable.array, rtol=1e-15)
    game = EarnedRewards(tasks, 1e-9)
    losses = 5 * (game.optimum.values - game.evaluate(details.policy).nominal)
    np.testing.assert_allclose(found.per_task, losses, rtol=1e-12)
    assert details.exact is None


@pytest.mark.parametrize("kind", HORIZONS)
def test_what_an_exact_solution_says(kind: str) -> None:
    tasks = tables(kind)
    floats = solve(tasks, learner=Learner.BLIND, episodes=5)
    found = solve(tasks, learner=Learner.BLIND, episodes=5, exact=True)
    value, details = found.value.exact, found.proof
    assert value == details.exact.lower == details.exact.upper
    assert found.status is Status.EXACT
    assert re.fullmatch(
        r"linear program over occupancy measures \(HiGHS\), then exact column generation, "
        r"1 restricted games, \d vertices",
        found.method,
    )
    exact = AchievableRewards(tasks)
    best, _ = exact.optimum()
    assert details.exact.optimum.tolist() == best
    assert details.exact.success.tolist() == from_flint(exact.achieved(details.exact.policy)).tolist()
    losses = [5 * (v - r) for v, r in zip(best, details.exact.success, strict=True)]
    assert max(losses) == value
    assert found.per_task.tolist() == [float(loss) for loss in losses]
    assert details.exact.prior.tolist() == details.exact.weights.tolist()
    support, _ = exact.support(to_flint(details.exact.prior))
    mean = sum(p * v for p, v in zip(details.exact.prior, best, strict=True))
    assert 5 * (mean - Fraction(int(support.p), int(support.q))) == value
    assert found.least_favourable.tolist() == details.exact.prior.astype(float).tolist()
    assert details.weights.tolist() == found.least_favourable.tolist()
    assert details.policy.tolist() == details.exact.policy.astype(float).tolist()
    for array in (found.least_favourable.array, found.per_task.array, details.policy, details.weights):
        assert array.dtype == np.float64
    for field in ("tasks", "learner", "criterion", "episodes", "size", "exploration"):
        assert getattr(found, field) == getattr(floats, field)


def one_step(rewards: list[list[Fraction]]) -> RewardTasks:
    """One state, one step, and a choice for each column."""
    count = len(rewards[0])
    process = ControlledMarkovProcess.from_transitions(
        [(0, action, 0, 1) for action in range(count)], states=1, actions=count, initial=0, horizon=1
    )
    return RewardTasks(process, RewardTables.from_exact(process, Labels(len(rewards)), rewards))


def test_a_compromise_that_is_best_for_no_task_is_a_starting_point() -> None:
    """It loses 1/10 on both tasks; the solver's policy names it, so that one game is enough."""
    tenths = [[Fraction(r, 10) for r in row] for row in ((10, 0, 9), (0, 10, 9))]
    found = solve(one_step(tenths), learner=Learner.BLIND, episodes=5, exact=True)
    assert found.value.exact == Fraction(1, 2)
    assert found.proof.exact.policy.tolist() == [[0, 0, 1]]
    assert found.method.endswith(", then exact column generation, 1 restricted games, 3 vertices")


def test_a_prior_of_the_solver_is_kept_where_it_proves_the_value() -> None:
    """Nothing can be chosen and nothing lost: every prior does."""
    tasks = one_step([[THIRD], [Fraction(2)]])
    floats = solve(tasks, learner=Learner.BLIND, episodes=5)
    guessed = dataclasses.replace(floats, least_favourable=np.array([0.3, 0.7]))
    found = sharpen(AchievableRewards(tasks), guessed, 1e-9)
    assert found.proof.exact.prior.tolist() == [Fraction(3, 10), Fraction(7, 10)]


@pytest.mark.parametrize("what", ["variables", "multipliers"])
def test_half_an_answer_is_none(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without variables or without multipliers nothing is certified; the next solver is asked."""
    answers: list[bool] = []

    def solving(problem: cp.Problem, certify: Callable[[], Any], **options: Any) -> Any:
        problem.solve(solver="HIGHS")
        missing = problem.variables() if what == "variables" else problem.constraints[0].dual_variables
        for variable in missing:
            variable.save_value(None)
        answers.append(certify() is None)
        return solve_certified(problem, certify, **options)

    monkeypatch.setattr(flow_program, "solve_certified", solving)
    assert solve(tables("finite"), learner=Learner.BLIND, episodes=2).status is Status.CERTIFIED
    assert answers == [True]
