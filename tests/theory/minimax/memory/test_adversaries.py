"""Restricted adversaries and Bayes-optimal learners, against the history tree and against their limits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from history_tree import TIGHT, Tree, goal_tree, known_payoffs
from memory_instances import slippery_ring
from scipy.optimize import linprog

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.theory.minimax.memory import (
    Adversary,
    ConditionalValueAtRisk,
    KullbackLeiblerBall,
    Polytope,
    TotalVariationBall,
    bayes_optimal,
    solve_memory,
)
from metaregret.theory.tasks import Detection, GoalTasks

PROCESS = slippery_ring()
TASKS = GoalTasks.reachable(PROCESS)
EPISODES = 2
NOMINAL = np.array([0.1, 0.2, 0.3, 0.4])


@pytest.fixture(scope="module")
def tree() -> Tree:
    return goal_tree(PROCESS, TASKS.goals, EPISODES, visit=False, costs=False)


def robust_value(tree: Tree, matrix: np.ndarray, limits: np.ndarray) -> float:
    """``min_x max { p . loss(x) : A p <= b }`` on the history tree, the inner program dualised."""
    e, right, payoff = tree.matrices()
    tasks, rows, columns = tree.tasks, len(limits), tree.columns
    base = known_payoffs(tree) - tree.constant
    # variables: x, y >= 0 (limits), t free (simplex); t + A'y >= loss = base - payoff x
    inequality = np.hstack([-payoff.toarray(), -matrix.T, -np.ones((tasks, 1))])
    found = linprog(
        np.concatenate([np.zeros(columns), limits, [1.0]]),
        A_ub=inequality,
        b_ub=-base,
        A_eq=np.hstack([e.toarray(), np.zeros((len(right), rows + 1))]),
        b_eq=right,
        bounds=[(0, None)] * (columns + rows) + [(None, None)],
        options=TIGHT,
    )
    assert found.status == 0, found.message
    return float(found.fun)


def variation_rows(nominal: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Total variation without helper variables: ``p(S) - q(S) <= radius`` for every set of tasks."""
    tasks = range(len(nominal))
    sets = [np.isin(tasks, s) for size in range(1, len(nominal)) for s in combinations(tasks, size)]
    matrix = np.array(sets, dtype=float)
    return matrix, matrix @ nominal + radius


@pytest.mark.parametrize("radius", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_total_variation(tree: Tree, radius: float) -> None:
    solution = solve_memory(TASKS, EPISODES, adversary=TotalVariationBall(NOMINAL, radius))
    assert solution.value.midpoint == pytest.approx(
        robust_value(tree, *variation_rows(NOMINAL, radius)), abs=1e-8
    )
    assert 0.5 * np.abs(solution.least_favourable - NOMINAL).sum() <= radius + 1e-15


@pytest.mark.parametrize("alpha", [1.0, 0.7, 0.3, 0.05])
def test_conditional_value_at_risk(tree: Tree, alpha: float) -> None:
    solution = solve_memory(TASKS, EPISODES, adversary=ConditionalValueAtRisk(NOMINAL, alpha))
    assert solution.value.midpoint == pytest.approx(robust_value(tree, np.eye(4), NOMINAL / alpha), abs=1e-8)
    assert (solution.least_favourable <= NOMINAL / alpha + 1e-15).all()


def test_polytope(tree: Tree) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        matrix = rng.normal(size=(3, 4))
        limits = matrix @ NOMINAL + rng.uniform(0.02, 0.2, size=3)
        solution = solve_memory(TASKS, EPISODES, adversary=Polytope(matrix, limits))
        assert solution.value.midpoint == pytest.approx(robust_value(tree, matrix, limits), abs=1e-8)
        assert (matrix @ solution.least_favourable <= limits + 1e-12).all()


def test_polytope_of_one_distribution_is_bayes() -> None:
    matrix, limits = np.vstack([np.eye(4), -np.eye(4)]), np.concatenate([NOMINAL, -NOMINAL])
    solution = solve_memory(TASKS, EPISODES, adversary=Polytope(matrix, limits), tolerance=1e-8)
    bayes = bayes_optimal(TASKS, NOMINAL, EPISODES)
    assert solution.value.midpoint == pytest.approx(bayes.value.midpoint, abs=1e-7)


@pytest.mark.parametrize("radius", [0.01, 0.1, 0.5])
def test_divergence_ball_against_its_two_proofs(tree: Tree, radius: float) -> None:
    """The lower bound by the tree at the returned prior, the upper by a sample of the ball."""
    ball = KullbackLeiblerBall(NOMINAL, radius)
    solution = solve_memory(TASKS, EPISODES, adversary=ball, tolerance=1e-7)
    p = solution.least_favourable.array
    assert ball.excess(p) <= 1e-12
    proved = p @ known_payoffs(tree) - tree.best_payoff(p)
    assert proved == pytest.approx(solution.value.lower, abs=1e-8)
    rng = np.random.default_rng(1)
    for other in rng.dirichlet(20 * NOMINAL, size=300):
        inside = ball.inside(other)
        assert inside @ solution.per_task <= solution.value.upper + 1e-9
    assert ball.worst(solution.per_task) == pytest.approx(solution.value.midpoint, abs=1e-6)


@pytest.mark.parametrize("radius", [1e-12, 1e-16, 1e-20])
def test_a_tiny_divergence_ball_is_still_bounded_from_above(radius: float) -> None:
    """Small balls: the largest mean is ``mean + sqrt(2 radius) deviation`` but for a multiple of the radius.

    The logarithm of a mean of exponentials close to one must not be lost to rounding, times a temperature
    that grows as the radius shrinks: the bound would fall below the truth.
    """
    rng = np.random.default_rng(0)
    for _ in range(20):
        tasks = int(rng.integers(2, 6))
        nominal, loss = rng.dirichlet(np.ones(tasks)), rng.normal(size=tasks)
        ball = KullbackLeiblerBall(nominal, radius)
        mean = float(ball.nominal @ loss)
        deviation = float(np.sqrt(ball.nominal @ (loss - mean) ** 2))
        largest = mean + np.sqrt(2 * radius) * deviation
        assert largest - 5e-15 - 10 * radius <= ball.worst(loss) <= largest + 5e-15 + 10 * radius


@pytest.mark.parametrize("ball", [KullbackLeiblerBall, TotalVariationBall])
def test_from_bayes_to_minimax_as_the_ball_grows(ball: type) -> None:
    """T16: the value is non-decreasing in the radius, from the Bayes value to the minimax value."""
    radii = [0.0, 0.02, 0.1, 0.4, 3.0]
    values = [
        solve_memory(TASKS, EPISODES, adversary=ball(NOMINAL, radius), tolerance=1e-8).value
        for radius in radii
    ]
    assert values[0].midpoint == pytest.approx(
        bayes_optimal(TASKS, NOMINAL, EPISODES).value.midpoint, abs=1e-7
    )
    assert values[-1].midpoint == pytest.approx(solve_memory(TASKS, EPISODES).value.midpoint, abs=1e-7)
    for smaller, larger in pairwise(values):
        assert smaller.lower < larger.upper
    assert values[0].upper < values[2].lower < values[-1].lower


def test_bayes_optimal_learner(tree: Tree) -> None:
    rng = np.random.default_rng(2)
    best = known_payoffs(tree)
    for q in [NOMINAL, *rng.dirichlet(np.full(4, 0.5), size=5)]:
        learner = bayes_optimal(TASKS, q, EPISODES)
        assert learner.value.midpoint == pytest.approx(q @ best - tree.best_payoff(q), abs=1e-8)
        assert learner.excess_against(q).upper < 1e-9
        for p in rng.dirichlet(np.ones(4), size=5):
            own, optimum = learner.loss_against(p).midpoint, p @ best - tree.best_payoff(p)
            assert own == pytest.approx(p @ learner.per_task, abs=1e-12)
            excess = learner.excess_against(p)
            assert excess.lower - 1e-8 <= own - optimum <= excess.upper + 1e-8
        assert learner.worst_case().upper >= solve_memory(TASKS, EPISODES).value.lower
        narrow = learner.worst_case(TotalVariationBall(q, 0.1))
        assert learner.value.lower <= narrow.upper <= learner.worst_case().upper + 1e-12


def test_training_on_a_hole_is_punished() -> None:
    """A prior without mass on a goal: the Bayes-optimal learner never looks there and loses every episode."""
    line = make("line:3,start=1").replaced(horizon=1)
    tasks = GoalTasks.reachable(line, Detection.END)
    learner = bayes_optimal(tasks, np.array([0.5, 0.5, 0.0]), 2)
    assert learner.per_task[2] == 2.0
    assert learner.worst_case().midpoint == pytest.approx(2.0)


BAD: list[tuple[type[Adversary], tuple, str]] = [
    (TotalVariationBall, (NOMINAL, -0.1), r"radius=-0\.1"),
    (ConditionalValueAtRisk, (NOMINAL, 0.0), r"alpha=0\.0"),
    (KullbackLeiblerBall, (NOMINAL * 2, 0.1), "sum to one"),
    (Polytope, (np.eye(4), np.ones(3)), "one limit per row"),
]


@pytest.mark.parametrize(("kind", "arguments", "message"), BAD)
def test_malformed_adversaries(kind: type[Adversary], arguments: tuple, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        kind(*arguments)


def test_adversaries_of_another_size_and_empty_ones() -> None:
    with pytest.raises(InvalidArgumentError, match="shape"):
        solve_memory(TASKS, 1, adversary=TotalVariationBall(np.array([0.5, 0.5]), 0.1))
    with pytest.raises(InvalidArgumentError, match="relax"):
        solve_memory(TASKS, 1, adversary=Polytope(np.ones((1, 4)), np.array([0.5])))
    with pytest.raises(InvalidArgumentError, match="entry 0"):
        bayes_optimal(TASKS, np.array([-0.5, 0.5, 0.5, 0.5]), 1)
    with pytest.raises(UnsupportedError, match="unrestricted"):
        solve_memory(TASKS, 1, adversary=TotalVariationBall(NOMINAL, 0.1), exact=True)


SKEWED = np.array([1.7e-7, 0.5, 1.7e-7, 0.5])


@pytest.mark.parametrize("radius", [2.0, 0.5, 1e-5, 1e-9, 1e-12])
@pytest.mark.parametrize("spec", ["grid:2x2,slip=1/10", "line:4"])
def test_a_divergence_ball_around_a_skewed_distribution(spec: str, radius: float) -> None:
    """The bounds of this game once contradicted each other by 2e-12: the dual's sum lost its digits."""
    process = replace(make(spec), horizon=FiniteHorizon(3))
    solution = solve_memory(
        GoalTasks.reachable(process), 3, adversary=KullbackLeiblerBall(SKEWED / SKEWED.sum(), radius)
    )
    assert solution.value.relative_gap <= 1e-9
    assert sum(divergence_terms(solution.least_favourable, SKEWED / SKEWED.sum())) <= radius


def divergence_terms(p: np.ndarray, q: np.ndarray) -> list[Decimal]:
    """The terms of the divergence in 60 digits, `p` made to sum to one there."""
    with localcontext() as context:
        context.prec = 60
        total, nominal = sum(map(Decimal, p.tolist())), sum(map(Decimal, q.tolist()))
        pairs = [
            (Decimal(a) / total, Decimal(b) / nominal) for a, b in zip(p.tolist(), q.tolist(), strict=True)
        ]
        return [a * (a / b).ln() for a, b in pairs if a]


@pytest.mark.parametrize("radius", [1e-9, 1e-4, 0.3, 2.0, 15.0])
def test_the_dual_of_a_divergence_ball_is_above_every_member(radius: float) -> None:
    """In 60 digits: the tilted member is inside, its mean loss below the bound, and both nearly meet."""
    rng = np.random.default_rng(3)
    for _ in range(40):
        weights = 10.0 ** rng.uniform(-9, 0, 5)
        ball, loss = KullbackLeiblerBall(weights / weights.sum(), radius), rng.uniform(0, 1, 5)
        p = ball.response(loss)
        assert sum(divergence_terms(p, ball.nominal)) <= radius
        total = sum(map(Fraction, p.tolist()))
        mean = sum(
            (Fraction(a) * Fraction(b) for a, b in zip(p.tolist(), loss.tolist(), strict=True)), Fraction(0)
        )
        assert mean / total <= Fraction(ball.worst(loss))
        assert ball.worst(loss) - float(mean / total) <= 1e-7
