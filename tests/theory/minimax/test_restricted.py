"""Learners without memory against restricted adversaries: brute force on two goals, the closed form of T16 on
simplices, T3 at radius 0, T4 at full radius, and planted errors."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, SolverError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.adversaries import (
    Adversary,
    ConditionalValueAtRisk,
    KullbackLeiblerBall,
    Polytope,
    Simplex,
    TotalVariationBall,
)
from metaregret.theory.minimax import Criterion, Learner, MinimaxSolution, restricted, solve
from metaregret.theory.minimax.restricted import RestrictedGame
from metaregret.theory.regret import bracketed_loss, loss_of
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

SLACK = 1e-12


def one_step(rows: list[list[Fraction]]) -> ControlledMarkovProcess:
    """From state 0 action ``a`` ends in ``1 + g`` with probability ``rows[a][g]``, else in the last state."""
    last = len(rows[0]) + 1
    moves: list[tuple[int, int, int, Any]] = []
    for action, row in enumerate(rows):
        ends = [(g + 1, p) for g, p in enumerate(row)] + [(last, 1 - sum(row))]
        moves += [(0, action, end, p) for end, p in ends if p]
    moves += [(end, 0, end, 1) for end in range(1, last + 1)]
    return ControlledMarkovProcess.from_transitions(
        moves, states=last + 1, actions=len(rows), initial=0, horizon=FiniteHorizon(1)
    )


def interval(kind: str, q: np.ndarray, size: float) -> tuple[float, float]:
    """The smallest and the largest probability of the first of two tasks, by bisection on its definition."""
    if kind == "polytope":
        return q[0], min(1.0, q[0] + size)

    def inside(p: float) -> bool:
        if kind == "tv":
            return abs(p - q[0]) <= size
        if kind == "cvar":
            return p <= q[0] * (1 + 3 * size) and 1 - p <= q[1] * (1 + 3 * size)
        terms = [x * np.log(x / y) for x, y in ((p, q[0]), (1 - p, q[1])) if x > 0]
        return float(sum(terms)) <= size

    ends = []
    for farthest in (0.0, 1.0):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if inside(q[0] + middle * (farthest - q[0])) else (low, middle)
        ends.append(q[0] + low * (farthest - q[0]) if low < 1 - 1e-12 else farthest)
    return (ends[0], ends[1]) if size else (q[0], q[0])


def worst_of_two(losses: np.ndarray, ends: tuple[float, float]) -> float:
    return max(p * losses[0] + (1 - p) * losses[1] if p < 1 else losses[0] for p in ends)


def scanned(value: Callable[[float], float]) -> float:
    """The minimum of a convex function on [0, 1] by ternary search."""
    low, high = 1e-12, 1 - 1e-12
    for _ in range(200):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if value(left) < value(right):
            high = right
        else:
            low = left
    return min(value(low), value(1e-12), value(1 - 1e-12))


SETS: dict[str, Callable[[np.ndarray, float], Adversary]] = {
    "tv": TotalVariationBall,
    "kl": KullbackLeiblerBall,
    "cvar": lambda q, size: ConditionalValueAtRisk(q, 1.0 / (1.0 + 3.0 * size)),
    "polytope": lambda q, size: Polytope(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([q[0] + size, -q[0]])),
}


@pytest.mark.parametrize("kind", list(SETS))
@settings(max_examples=10)
@given(
    first=st.tuples(st.integers(1, 8), st.integers(0, 4)),
    second=st.tuples(st.integers(0, 4), st.integers(1, 8)),
    share=st.integers(1, 9),
    size=st.sampled_from([0.0, 0.05, 0.3]),
    episodes=st.sampled_from([None, 1, 2, 7]),
    case=st.sampled_from([("memoryless", "regret"), ("blind", "regret"), ("memoryless", "ratio")]),
)
def test_two_goals_by_brute_force(
    kind: str,
    first: tuple[int, int],
    second: tuple[int, int],
    share: int,
    size: float,
    episodes: int | None,
    case: tuple[str, str],
) -> None:
    """Two actions, two goals: a line search over the mixture, the worst end of an interval."""
    learner, criterion = case
    size = max(size, 0.05) if kind == "polytope" else size  # without interior its limits are read wider
    if learner == "blind" and episodes is None:
        episodes = 3
    rows = [[Fraction(x, 12) for x in first], [Fraction(x, 12) for x in second]]
    q = np.array([share / 10, 1 - share / 10])
    adversary = SETS[kind](q, size)
    tasks = GoalTasks(one_step(rows), np.array([1, 2]))
    solution = solve(tasks, learner=learner, criterion=criterion, episodes=episodes, adversary=adversary)
    best = np.array([float(max(row[g] for row in rows)) for g in range(2)])
    kinds = {item.value: item for item in (*Learner, *Criterion)}
    loss = loss_of(kinds[learner], kinds[criterion], best, episodes)
    ends, table = interval(kind, q, size), np.array(rows, dtype=float)

    def value(x: float) -> float:
        return worst_of_two(loss.value(np.minimum(x * table[0] + (1 - x) * table[1], best)), ends)

    expected = scanned(value)
    scale = max(1.0, expected)
    assert solution.value.lower <= expected + 1e-9 * scale
    assert solution.value.upper >= expected - 1e-9 * scale
    assert solution.value.relative_gap <= 1e-9


def simplex_tasks(tasks: int) -> GoalTasks:
    return GoalTasks(
        one_step([[Fraction(int(a == g)) for g in range(tasks)] for a in range(tasks)]),
        np.arange(1, tasks + 1),
    )


@pytest.mark.parametrize("kind", ["tv", "kl", "cvar"])
@pytest.mark.parametrize("size", [0.0, 1e-6, 0.1, 0.5])
def test_the_closed_form_on_simplices(kind: str, size: float) -> None:
    """T16: ``max_{p in U} (sum sqrt p)**2 - 1``: no distribution gives more, the returned one gives it."""
    q = np.array([0.5, 0.3, 0.15, 0.05])
    adversary = SETS[kind](q, size)
    solution = solve(simplex_tasks(4), adversary=adversary)
    p = np.asarray(solution.least_favourable)
    assert adversary.inside(p) == pytest.approx(p, abs=1e-12)
    assert np.sqrt(p).sum() ** 2 - 1 == pytest.approx(solution.value.midpoint, rel=2e-9)
    rng = np.random.default_rng(3)
    for other in rng.dirichlet(np.ones(4), 200):
        assert np.sqrt(adversary.inside(other)).sum() ** 2 - 1 <= solution.value.upper + SLACK
    assert np.asarray(solution.exploration)[1:5] == pytest.approx(np.sqrt(p) / np.sqrt(p).sum(), abs=1e-4)


CASES = [
    ("memoryless", "regret", None),
    ("memoryless", "regret", 4),
    ("blind", "regret", 2),
    ("memoryless", "hitting-time", None),
    ("blind", "ratio", 3),
]
PROCESSES = ["garnet:S=5,A=2,b=3,seed=5"]


@pytest.mark.parametrize(("learner", "criterion", "episodes"), CASES)
@pytest.mark.parametrize("name", PROCESSES)
def test_from_the_bayes_problem_to_the_minimax_value(
    name: str, learner: str, criterion: str, episodes: int | None
) -> None:
    """At radius 0 the Bayes problem (T3), the same for all balls; at full radius T4; it never falls."""
    tasks = GoalTasks.reachable(make(name).replaced(horizon=3))
    words: dict[str, Any] = {"learner": learner, "criterion": criterion, "episodes": episodes}
    count = len(tasks.goals)
    q = np.random.default_rng(count).dirichlet(np.full(count, 2.0))
    minimax = solve(tasks, **words).value
    bayes = [solve(tasks, adversary=SETS[kind](q, 0.0), **words).value for kind in ("tv", "kl", "cvar")]
    assert max(b.lower for b in bayes) <= min(b.upper for b in bayes)
    for kind, full in (("tv", 1.0), ("kl", 60.0), ("cvar", 1e4)):
        before = bayes[0].lower
        for size in (0.1, full):
            found = solve(tasks, adversary=SETS[kind](q, size), **words).value
            assert found.upper >= before
            before = found.lower
        assert found.lower <= minimax.upper
        assert found.upper >= minimax.lower * (1 - 1e-12)


def test_the_bayes_problem_has_no_gradient() -> None:
    """T3 on a noisy grid: at the optimum no policy improves the linearised loss (variational inequality)."""
    tasks = GoalTasks.reachable(make("grid:3x3,slip=1/10").replaced(horizon=4))
    marked = success_tasks(tasks)
    q = np.random.default_rng(1).dirichlet(np.ones(9))
    solution = solve(tasks, adversary=TotalVariationBall(q, 0.0))
    rho, v = np.asarray(solution.exploration), marked.optimum.values
    slope = q * v / rho**2
    best = marked.process.n_states * [0.0]
    best = np.array(best) + slope
    from metaregret.tabular.goals import optimal_terminal_values

    support = float(optimal_terminal_values(marked.process, best[:, None]).values[0])
    assert support - slope @ rho <= 1e-4 * (slope @ rho)
    assert q @ (v / rho - 1) == pytest.approx(solution.value.upper, rel=1e-9)
    np.testing.assert_allclose(solution.least_favourable, q, atol=1e-15)


def test_both_ways_of_solving_agree() -> None:
    tasks = GoalTasks.reachable(make("grid:3x2,slip=1/10").replaced(horizon=4))
    q = np.random.default_rng(2).dirichlet(np.ones(6))
    for adversary in (TotalVariationBall(q, 0.2), KullbackLeiblerBall(q, 0.05)):
        whole, decomposed = (
            solve(tasks, adversary=adversary, method=method) for method in ("program", "decomposition")
        )
        assert "occupancy" in whole.method
        assert "decomposition" in decomposed.method
        assert max(whole.value.lower, decomposed.value.lower) <= min(
            whole.value.upper, decomposed.value.upper
        )


def test_other_horizons_and_families() -> None:
    geometric = make("line:4").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    line, tree = make("line:5,start=2").replaced(horizon=4), make("grid:2x2").replaced(horizon=2)
    cases: list[tuple[Any, int]] = [
        (GoalTasks.reachable(geometric), 4),
        (GoalTasks.reachable(line, Detection.VISIT), 5),
        (TrajectoryTasks(tree), 25),
    ]
    for tasks, count in cases:
        ball = TotalVariationBall(np.full(count, 1.0 / count), 0.1)
        found, full = solve(tasks, adversary=ball, tolerance=1e-8), solve(tasks, tolerance=1e-8)
        assert found.value.relative_gap <= 1e-8
        assert found.value.lower <= full.value.upper
    # T9: the uniform distribution is least favourable on a tree, so that a ball around it changes nothing.
    assert found.value.contains(24)


def test_tasks_that_are_never_posed_cost_nothing() -> None:
    """Their losses are infinite over infinitely many episodes, and nobody explores for them."""
    q = np.array([0.5, 0.5, 0.0])
    for ball in (ConditionalValueAtRisk(q, 0.5), KullbackLeiblerBall(q, 1.0)):
        solution = solve(simplex_tasks(3), adversary=ball)
        assert solution.value.midpoint == pytest.approx(1.0, rel=1e-9)
        assert solution.least_favourable["3"] == 0.0


# ---------------------------------------------------------------- rewards


def reward_tasks(seed: int) -> RewardTasks:
    process = one_step(
        [[Fraction(1, 2), Fraction(1, 4)], [Fraction(0), Fraction(1)], [Fraction(3, 4), Fraction(0)]]
    )
    rng = np.random.default_rng(seed)
    from metaregret.tabular.labels import Labels

    table = [[Fraction(int(x), 4) for x in row] for row in rng.integers(0, 5, (2, process.n_transitions))]
    return RewardTasks(process, RewardTables.from_exact(process, Labels(2, "task"), table))


@pytest.mark.parametrize("kind", ["tv", "kl", "cvar", "polytope"])
@pytest.mark.parametrize("size", [0.0, 0.1])
def test_blind_learners_of_rewards_by_their_vertices(kind: str, size: float) -> None:
    """Regrets are affine in the mixture of three actions: a small convex program, scanned."""
    tasks = reward_tasks(3)
    adversary = SETS[kind](np.array([0.3, 0.7]), size)
    solution = solve(tasks, learner="blind", episodes=2, adversary=adversary)
    process = tasks.process
    expected = np.add.reduceat(tasks.tables.values * process.probabilities, process.offsets[:-1], axis=1)[
        :, :3
    ]
    regrets, ends = 2 * (expected.max(axis=1)[:, None] - expected), interval(kind, np.array([0.3, 0.7]), size)
    grid = [(i / 300, j / 300) for i in range(301) for j in range(301 - i)]
    mixtures = np.array([(a, b, 1 - a - b) for a, b in grid])
    losses = mixtures @ regrets.T
    worst = np.maximum(*(losses @ np.array([p, 1 - p]) for p in ends)).min()
    assert solution.value.lower <= worst + 1e-12
    assert worst - solution.value.upper <= 0.02  # as fine as the grid
    assert solution.value.relative_gap <= 1e-9
    # the returned policy does it
    p = np.asarray(solution.least_favourable)
    assert p @ np.asarray(solution.per_task) <= solution.value.upper + 1e-12


# ---------------------------------------------------------------- what proves it


GAME_TASKS = success_tasks(GoalTasks.reachable(make("grid:2x2,slip=1/5").replaced(horizon=2)))
NUMBERS = st.lists(st.integers(0, 12), min_size=4, max_size=4)


@pytest.mark.parametrize("episodes", [None, 1, 5])
@settings(max_examples=40)
@given(prior=NUMBERS.filter(any), weights=NUMBERS, policy=st.integers(0, 2**32 - 1))
def test_lower_bounds_are_lower_bounds_whatever_the_weights(
    episodes: int | None, prior: list[int], weights: list[int], policy: int
) -> None:
    """No policy has a smaller expected loss under the distribution, for any weights."""
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, GAME_TASKS.optimum, episodes)
    game = RestrictedGame(GAME_TASKS, loss, Simplex())
    p = np.array(prior) / sum(prior)
    bound = game.lower_bound(p, np.array(weights, dtype=float))
    rng = np.random.default_rng(policy)
    process = GAME_TASKS.process
    draws = rng.exponential(size=(2, process.n_choices))
    totals = np.add.reduceat(draws, process.choice_offsets[:-1], axis=1)
    shares = draws / np.repeat(totals, np.diff(process.choice_offsets), axis=1)
    rho = np.asarray(GAME_TASKS.success.T @ terminal_distribution(process, shares).probabilities)
    losses = loss.nominal.value(np.minimum(rho, loss.nominal.optimum))
    assert bound <= float(np.where(p > 0, p * losses, 0.0).sum()) * (1 + 1e-12)


def answered() -> MinimaxSolution:
    tasks = GoalTasks.reachable(make("grid:2x2,slip=1/5").replaced(horizon=2))
    return solve(tasks, adversary=TotalVariationBall(np.array([0.1, 0.2, 0.3, 0.4]), 0.1))


def test_planted_errors_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planner that promises too little, or an adversary that claims too little, contradicts the other."""
    honest = answered().value
    with monkeypatch.context() as patch:
        patch.setattr(restricted, "support_value", lambda tasks, w: 0.1 * float(w @ tasks.optimum.values))
        with pytest.raises(SolverError, match="contradict each other"):
            answered()
    with monkeypatch.context() as patch:
        patch.setattr(TotalVariationBall, "worst", lambda self, loss: 0.9 * float(self.nominal @ loss))
        with pytest.raises(SolverError, match="contradict each other"):
            answered()
    assert answered().value.lower == honest.lower


def test_solvers_that_lie_move_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever variables come back, the brackets contain the honest value."""
    honest = answered().value
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, GAME_TASKS.optimum, None)
    adversary = TotalVariationBall(np.array([0.1, 0.2, 0.3, 0.4]), 0.1)
    game = RestrictedGame(GAME_TASKS, loss, adversary)
    rng = np.random.default_rng(0)
    process = GAME_TASKS.process
    for _ in range(30):
        draws = rng.exponential(size=(2, process.n_choices))
        totals = np.add.reduceat(draws, process.choice_offsets[:-1], axis=1)
        policy = draws / np.repeat(totals, np.diff(process.choice_offsets), axis=1)
        point = game.certify(policy, adversary.inside(rng.dirichlet(np.ones(4))), rng.exponential(size=4))
        assert point.lower <= honest.upper
        assert point.upper >= honest.lower


def test_what_is_refused() -> None:
    line = make("line:5,start=2").replaced(horizon=4)
    visits, ends = GoalTasks.reachable(line, Detection.VISIT), GoalTasks.reachable(line)
    ball = TotalVariationBall(np.full(5, 0.2), 0.1)
    with pytest.raises(UnsupportedError, match="ratios of linear functions"):
        solve(visits, criterion="hitting-time", adversary=ball)
    with pytest.raises(UnsupportedError, match="in general irrational"):
        solve(ends, adversary=ball, exact=True)
    with pytest.raises(InvalidArgumentError, match=r"shape \(5,\)"):
        solve(ends, adversary=TotalVariationBall(np.full(4, 0.25), 0.1))
    with pytest.raises(UnsupportedError, match="unrestricted adversary"):
        solve(ends, adversary=ball).certificate()
    with pytest.raises(UnsupportedError, match="pass a set of task distributions as an object"):
        solve(TrajectoryTasks(line), adversary="tv:1/10")
