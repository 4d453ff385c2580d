"""The parts of the minimax solvers one by one, each against its definition, in milliseconds.

Written for mutation testing (`docs/explanation/mutation.md`): every expected number is exact or follows by
hand.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from unittest import mock

import cvxpy as cp
import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.errors import (
    InstanceTooLargeError,
    InvalidArgumentError,
    SolverError,
    UnsupportedError,
)
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.adversaries import (
    ConditionalValueAtRisk,
    KullbackLeiblerBall,
    Polytope,
    Simplex,
    TotalVariationBall,
    check_distribution,
)
from metaregret.theory.minimax import Criterion, Learner
from metaregret.theory.minimax.exact import matrix_game
from metaregret.theory.minimax.exact.matrix_game import solve_game
from metaregret.theory.minimax.flow_program import (
    FlowProgram,
    certified_saddle_point,
    lower_bound,
    support_value,
)
from metaregret.theory.minimax.memory.master import MatrixGame
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt
from metaregret.theory.regret import MAX_POWER_BITS, BracketedLoss, ExactLoss, Loss, bracketed_loss, loss_of
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import GoalTasks

OPTIMUM = (Fraction(1, 2), Fraction(3, 4))
PROBABILITIES = [Fraction(0), Fraction(1, 7), Fraction(1, 3), Fraction(1, 2)]


def count(rho: Fraction, episodes: int) -> Fraction:
    return sum(((1 - rho) ** i for i in range(episodes)), Fraction(0))


def falls(rho: Fraction, episodes: int) -> Fraction:
    return sum((i * (1 - rho) ** (i - 1) for i in range(1, episodes)), Fraction(0))


# ---------------------------------------------------------------- losses in fractions


@pytest.mark.parametrize("episodes", [1, 2, 5])
@pytest.mark.parametrize("rho", PROBABILITIES)
def test_exact_losses_are_sums_over_episodes(episodes: int, rho: Fraction) -> None:
    """Values and slopes of every loss of finitely many episodes, term by term."""
    for task, v in enumerate(OPTIMUM):
        c, s = count(rho, episodes), falls(rho, episodes)
        for learner, criterion, value, slope in (
            (Learner.MEMORYLESS, Criterion.REGRET, c * (v - rho), c + s * (v - rho)),
            (Learner.BLIND, Criterion.REGRET, episodes * (v - rho), Fraction(episodes)),
            (Learner.BLIND, Criterion.HITTING_TIME, c, s),
            (Learner.MEMORYLESS, Criterion.HITTING_TIME, c, s),
            (Learner.MEMORYLESS, Criterion.RATIO, c / count(v, episodes), s / count(v, episodes)),
        ):
            loss = ExactLoss(criterion.form(learner), episodes, OPTIMUM)
            assert loss.value(task, rho) == value
            assert loss.slope(task, rho) == slope
            assert loss.is_constant is (episodes == 1 and criterion is not Criterion.REGRET)


@pytest.mark.parametrize("rho", PROBABILITIES[1:])
def test_exact_losses_of_infinitely_many_episodes(rho: Fraction) -> None:
    for task, v in enumerate(OPTIMUM):
        for criterion, value, slope in (
            (Criterion.REGRET, v / rho - 1, v / rho**2),
            (Criterion.HITTING_TIME, 1 / rho, 1 / rho**2),
            (Criterion.RATIO, v / rho, v / rho**2),
        ):
            loss = ExactLoss(criterion.form(Learner.MEMORYLESS), None, OPTIMUM)
            assert loss.value(task, rho) == value
            assert loss.slope(task, rho) == slope
            assert loss.value(task, Fraction(0)) == math.inf
            assert not loss.is_constant


def test_the_worst_exact_loss_is_the_largest() -> None:
    loss = ExactLoss(Criterion.REGRET.form(Learner.BLIND), 4, OPTIMUM)
    assert loss.worst([Fraction(1, 4), Fraction(1, 4)]) == 2
    assert loss.worst([Fraction(0), Fraction(3, 4)]) == 2
    assert loss.worst(OPTIMUM) == 0


@pytest.mark.parametrize(
    ("learner", "criterion", "episodes"),
    [
        (Learner.MEMORYLESS, Criterion.REGRET, None),
        (Learner.MEMORYLESS, Criterion.REGRET, 1),
        (Learner.BLIND, Criterion.REGRET, 1),
        (Learner.BLIND, Criterion.REGRET, 6),
        (Learner.MEMORYLESS, Criterion.HITTING_TIME, None),
        (Learner.BLIND, Criterion.RATIO, None),
    ],
)
def test_linear_forms_are_the_worst_loss(
    learner: Learner, criterion: Criterion, episodes: int | None
) -> None:
    """``value(min_g (rho_g - base_g) / direction_g)`` is the worst loss, wherever the form exists."""
    loss = ExactLoss(criterion.form(learner), episodes, OPTIMUM)
    form = loss.linear_form()
    assert form is not None
    for success in itertools.product(PROBABILITIES[1:], PROBABILITIES[1:]):
        terms = zip(success, form.base, form.direction, strict=True)
        assert form.value(min((rho - base) / direction for rho, base, direction in terms)) == loss.worst(
            success
        )


@pytest.mark.parametrize("criterion", list(Criterion))
@pytest.mark.parametrize("episodes", [1, 2, 9])
def test_where_there_is_no_linear_form(criterion: Criterion, episodes: int) -> None:
    found = ExactLoss(criterion.form(Learner.MEMORYLESS), episodes, OPTIMUM).linear_form()
    assert (found is not None) is (criterion is Criterion.REGRET and episodes == 1)


def test_powers_that_are_too_large_are_refused() -> None:
    loss = ExactLoss(Criterion.HITTING_TIME.form(Learner.MEMORYLESS), MAX_POWER_BITS // 2, OPTIMUM)
    assert loss.value(0, Fraction(1, 2)) > 1  # denominator 2 of two bits: exactly the limit
    one_more = ExactLoss(Criterion.HITTING_TIME.form(Learner.MEMORYLESS), MAX_POWER_BITS // 2 + 1, OPTIMUM)
    with pytest.raises(InstanceTooLargeError, match=rf"with {MAX_POWER_BITS // 2 + 1} episodes needs about"):
        one_more.value(0, Fraction(1, 2))


# ---------------------------------------------------------------- matrix games


def rational(matrix: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda x: flint.fmpq(int(x)), otypes=[object])(matrix)


@pytest.mark.parametrize("seed", range(60))
def test_matrix_games_have_a_saddle_point(seed: int) -> None:
    """Both strategies are distributions and prove the same value; payoffs of every sign, ties, zero rows."""
    rng = np.random.default_rng(seed)
    payoff = rational(rng.integers(-2, 3, size=(int(rng.integers(1, 5)), int(rng.integers(1, 6)))))
    found = solve_game(payoff)
    for strategy in (found.columns, found.rows):
        assert sum(strategy) == 1
        assert min(strategy) >= 0
    assert min(payoff @ found.columns) == found.value == max(found.rows @ payoff)


def test_a_game_by_hand() -> None:
    """Matching pennies with a third column that is worse than half and half of the others."""
    payoff = rational(np.array([[2, 0, 0], [0, 2, 1]]))
    found = solve_game(payoff)
    assert found.value == 1
    assert found.columns.tolist() == [flint.fmpq(1, 2), flint.fmpq(1, 2), flint.fmpq(0)]
    assert found.rows.tolist() == [flint.fmpq(1, 2), flint.fmpq(1, 2)]


@pytest.mark.parametrize("seed", range(30))
def test_both_ways_to_solve_a_game_find_a_saddle_point(seed: int) -> None:
    """The kernel that floating point points to, where it is optimal, and rational pivots alone."""
    rng = np.random.default_rng(seed)
    payoff = rational(rng.integers(1, 5, size=(int(rng.integers(1, 5)), int(rng.integers(1, 6)))))
    by_kernel, by_pivots = matrix_game._from_kernel(payoff), matrix_game._from_pivots(payoff)
    for found in (by_pivots, by_kernel):
        if found is not None:
            assert sum(found.columns) == 1 == sum(found.rows)
            assert min(*found.columns, *found.rows) >= 0
            assert min(payoff @ found.columns) == found.value == max(found.rows @ payoff)
    assert by_kernel is not None or seed > 5  # floating point is right on games of small integers


def test_a_kernel_that_floating_point_misses_is_not_believed() -> None:
    """Payoffs that differ by 1e-30 look equal to it: what it proposes is checked in fractions."""
    tiny = flint.fmpq(1, 10**30)
    payoff = np.array([[flint.fmpq(1), 1 + tiny], [1 + 2 * tiny, flint.fmpq(1)]], dtype=object)
    for found in (matrix_game._from_kernel(payoff), matrix_game._from_pivots(payoff), solve_game(payoff)):
        if found is not None:
            assert min(payoff @ found.columns) == found.value == max(found.rows @ payoff)
    assert solve_game(payoff).value == 1 + tiny * 2 / 3


def test_rows_that_never_pay() -> None:
    """A row of zeros makes the value zero; the game is lifted before it is solved."""
    found = solve_game(rational(np.array([[0, 0], [1, 2]])))
    assert found.value == 0
    assert found.rows.tolist() == [flint.fmpq(1), flint.fmpq(0)]


# ---------------------------------------------------------------- adversaries

NOMINAL = np.array([0.1, 0.2, 0.3, 0.4])
CUBE = np.vstack([np.eye(4), -np.eye(4)])
SETS = {
    "simplex": Simplex(),
    "total variation": TotalVariationBall(NOMINAL, 0.15),
    "total variation, all of it": TotalVariationBall(NOMINAL, 2.0),
    "tail": ConditionalValueAtRisk(NOMINAL, 0.6),
    "divergence": KullbackLeiblerBall(NOMINAL, 0.08),
    "divergence, all of it": KullbackLeiblerBall(NOMINAL, 5.0),
    "polytope": Polytope(np.eye(4)[:2], np.array([0.25, 0.35])),
}


def belongs(name: str, p: np.ndarray) -> bool:
    """Membership from the definitions."""
    simplex = p.min() >= 0 and abs(p.sum() - 1) < 1e-12
    slack = 1e-9
    if name.startswith("total"):
        return (
            simplex
            and 0.5 * np.abs(p - NOMINAL).sum() <= (0.15 if name == "total variation" else 2.0) + slack
        )
    if name == "tail":
        return simplex and bool((p <= NOMINAL / 0.6 + slack).all())
    if name.startswith("divergence"):
        positive = p > 0
        spent = float((p[positive] * np.log(p[positive] / NOMINAL[positive])).sum())
        return simplex and spent <= (0.08 if name == "divergence" else 5.0) + slack
    return simplex and (name == "simplex" or bool(p[0] <= 0.25 + slack and p[1] <= 0.35 + slack))


def best_of_vertices(name: str, loss: np.ndarray) -> float | None:
    """The largest mean loss over a polytope of distributions, by its vertices: all basic solutions."""
    rows = {
        "simplex": (np.zeros((0, 4)), np.zeros(0)),
        "total variation, all of it": (np.zeros((0, 4)), np.zeros(0)),
        "divergence, all of it": (np.zeros((0, 4)), np.zeros(0)),
        "tail": (np.eye(4), NOMINAL / 0.6),
        "polytope": (np.eye(4)[:2], np.array([0.25, 0.35])),
        "total variation": (
            np.array(list(itertools.product([0.0, 1.0], repeat=4))),
            np.array([np.array(s) @ NOMINAL + 0.15 for s in itertools.product([0.0, 1.0], repeat=4)]),
        ),
    }.get(name)
    if rows is None:
        return None
    matrix, limits = np.vstack([rows[0], -np.eye(4)]), np.append(rows[1], np.zeros(4))
    best = -math.inf
    for chosen in itertools.combinations(range(len(limits)), 3):
        system = np.vstack([matrix[list(chosen)], np.ones(4)])
        if abs(np.linalg.det(system)) > 1e-9:
            p = np.linalg.solve(system, np.append(limits[list(chosen)], 1.0))
            if (matrix @ p <= limits + 1e-9).all():
                best = max(best, float(p @ loss))
    return best


@pytest.mark.parametrize("name", SETS)
def test_adversaries_against_their_definitions(name: str) -> None:
    """The start and the response belong to the set; the worst case is that of the best vertex."""
    adversary, rng = SETS[name], np.random.default_rng(3)
    assert belongs(name, adversary.start(4))
    losses = [
        np.array([1.0, 2.0, 3.0, 4.0]),
        np.array([5.0, 0.0, 0.0, 1.0]),
        np.ones(4),
        *rng.normal(size=(3, 4)),
    ]
    for loss in losses:
        response = adversary.response(loss)
        assert belongs(name, response)
        worst, expected = adversary.worst(loss), best_of_vertices(name, loss)
        assert response @ loss <= worst + 1e-12
        assert response @ loss >= worst - 1e-5
        if expected is not None:
            assert worst == pytest.approx(expected, abs=1e-8)
    for other in rng.dirichlet(np.ones(4), size=10):
        inside = adversary.inside(other)
        assert belongs(name, inside)
        if belongs(name, other):
            np.testing.assert_allclose(inside, other, atol=1e-8)


@pytest.mark.parametrize("name", SETS)
def test_rows_and_cuts_describe_the_set(name: str) -> None:
    """Points of the set satisfy the rows with suitable helpers, and every cut; points outside violate one."""
    adversary, rng = SETS[name], np.random.default_rng(4)
    matrix, limits = adversary.rows(4)
    helpers = matrix.shape[1] - 4
    for p in rng.dirichlet(np.ones(4), size=20):
        full = np.concatenate([p, np.maximum(p - NOMINAL, 0.0)]) if helpers else p
        within = bool((matrix @ full <= limits + 1e-12).all())
        cut = adversary.cut(p)
        assert belongs(name, p) == (within and cut is None)
        if cut is not None:
            slope, limit = cut
            assert slope @ p > limit
            for other in rng.dirichlet(20 * NOMINAL, size=20):
                assert slope @ adversary.inside(other) <= limit + 1e-12


def test_the_worst_case_in_a_divergence_ball_is_that_of_the_tilted_distribution() -> None:
    """Two tasks: the largest ``p`` with ``KL(p, q) <= r`` by bisection on the definition."""
    q, radius = np.array([0.7, 0.3]), 0.05
    low, high = 0.3, 1.0
    for _ in range(80):
        p = 0.5 * (low + high)
        spent = p * math.log(p / 0.3) + (1 - p) * math.log((1 - p) / 0.7) if p < 1 else math.inf
        low, high = (p, high) if spent <= radius else (low, p)
    ball = KullbackLeiblerBall(q, radius)
    assert ball.worst(np.array([0.0, 1.0])) == pytest.approx(low, abs=1e-10)
    assert ball.worst(np.array([2.0, 5.0])) == pytest.approx(2 + 3 * low, abs=1e-9)
    assert KullbackLeiblerBall(q, 0.0).worst(np.array([2.0, 5.0])) == pytest.approx(0.7 * 2 + 0.3 * 5)


def test_a_divergence_ball_keeps_its_holes() -> None:
    ball = KullbackLeiblerBall(np.array([0.5, 0.5, 0.0]), 10.0)
    assert ball.worst(np.array([0.0, 1.0, 9.0])) == pytest.approx(1.0)
    assert ball.excess(np.array([0.4, 0.4, 0.2])) == math.inf
    assert ball.response(np.array([0.0, 1.0, 9.0]))[2] == 0.0
    matrix, limits = ball.rows(3)
    np.testing.assert_array_equal(matrix, [[0.0, 0.0, 1.0]])
    np.testing.assert_array_equal(limits, [0.0])


@pytest.mark.parametrize("name", ["total variation", "tail", "divergence", "polytope"])
def test_what_is_outside_is_moved_just_far_enough(name: str) -> None:
    """The point is where the segment to the centre (or the nominal distribution) leaves the set."""
    adversary, rng = SETS[name], np.random.default_rng(7)
    centre = adversary.start(4)
    for p in rng.dirichlet(np.full(4, 0.3), size=20):
        inside = adversary.inside(p)
        if not belongs(name, p):
            share = (inside - p) @ (centre - p) / ((centre - p) @ (centre - p))
            np.testing.assert_allclose(inside, p + share * (centre - p), atol=1e-12)
            assert not belongs(name, p + (share - 1e-6) * (centre - p))


@pytest.mark.parametrize("alpha", [0.0, -0.5, 1.0 + 1e-9, math.nan])
def test_shares_of_the_tail_that_make_no_sense(alpha: float) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^Expected 0 < alpha <= 1, but got alpha="):
        ConditionalValueAtRisk(NOMINAL, alpha)


def test_a_tail_of_everything_is_the_nominal_distribution() -> None:
    assert ConditionalValueAtRisk(NOMINAL, 1.0).worst(np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx(2.0)


@pytest.mark.parametrize("radius", [-1e-9, math.nan])
@pytest.mark.parametrize("ball", [TotalVariationBall, KullbackLeiblerBall])
def test_radii_that_make_no_sense(ball: type, radius: float) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^Expected radius >= 0, but got radius="):
        ball(NOMINAL, radius)


def test_what_is_given_is_kept_as_exact_distributions_and_floats() -> None:
    for adversary in (TotalVariationBall(NOMINAL * (1 + 4e-10), 0.1), ConditionalValueAtRisk([1, 0], 0.5)):
        assert adversary.nominal.dtype == np.float64
        assert adversary.nominal.sum() == pytest.approx(1.0, abs=1e-15)
    with pytest.raises(InvalidArgumentError, match=r"Expected nominal of shape \(3,\)"):
        TotalVariationBall(NOMINAL, 0.1).start(3)
    with pytest.raises(InvalidArgumentError, match=r"Expected nominal to sum to one"):
        TotalVariationBall(2 * NOMINAL, 0.1)
    polytope = Polytope([[1, 0], [0, 1]], [1, 1])
    assert polytope.matrix.dtype == polytope.limits.dtype == np.float64
    assert Polytope([1, 0], 1).matrix.shape == (1, 2)
    with pytest.raises(
        InvalidArgumentError, match=r"one limit per row, but got matrix.shape=\(2, 2\) and 3 limits"
    ):
        Polytope(np.eye(2), np.ones(3))


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0])
def test_large_divergence_balls(radius: float) -> None:
    """With ``q = (0.95, 0.05)``: p up to 0.05 e^... by bisection, or everything where the ball holds it."""
    low, high = 0.05, 1.0
    for _ in range(80):
        p = 0.5 * (low + high)
        spent = p * math.log(p / 0.05) + (1 - p) * math.log((1 - p) / 0.95) if p < 1 else -math.log(0.05)
        low, high = (p, high) if spent <= radius else (low, p)
    ball = KullbackLeiblerBall(np.array([0.95, 0.05]), radius)
    assert ball.worst(np.array([0.0, 1.0])) == pytest.approx(low, abs=1e-9)
    assert ball.response(np.array([0.0, 1.0]))[1] == pytest.approx(low, abs=1e-5)


def test_cuts_of_a_ball_with_a_hole() -> None:
    """The cut is the tangent where the segment leaves the ball, and says nothing about the hole."""
    ball = KullbackLeiblerBall(np.array([0.5, 0.5, 0.0]), 0.05)
    found = ball.cut(np.array([0.9, 0.1, 0.0]))
    assert found is not None
    slope, limit = found
    edge = ball.inside(np.array([0.9, 0.1, 0.0]))
    logs = np.array([math.log(edge[0] / 0.5), math.log(edge[1] / 0.5), 0.0])
    np.testing.assert_allclose(slope, logs / np.abs(logs).max(), atol=1e-12)
    assert limit == pytest.approx(0.05 / np.abs(logs).max(), abs=1e-12)
    assert slope @ edge == pytest.approx(limit, abs=1e-12)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, 0.5, 0.0], r"q of shape \(2,\), one entry per task, but got \(3,\)"),
        ([[1.0]], "of shape"),
        ([1.5, -0.5], "entry 1"),
        ([0.5, np.nan], "entry 1"),
        ([np.inf, 0.0], "entry 0"),
        ([0.5, 0.5 + 1e-8], "sum to one"),
    ],
)
def test_what_is_no_distribution(p: list[float], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        check_distribution(np.array(p), 2, "q")


def test_distributions_are_normalised() -> None:
    np.testing.assert_array_equal(check_distribution(np.array([0, 1]), 2, "q"), [0.0, 1.0])
    half = check_distribution(np.array([Fraction(1, 2)] * 2, dtype=object), 2, "q")
    assert half.dtype == np.float64
    assert check_distribution(np.array([0.3, 0.7 + 1e-10]), 2, "q").sum() == pytest.approx(1.0, abs=1e-15)


def test_the_centre_of_a_polytope_is_deepest() -> None:
    """``p_0 <= 0.2``, three tasks: the largest margin to all limits is 0.1, at (0.1, 0.45, 0.45)."""
    centre = Polytope(np.array([[1.0, 0.0, 0.0]]), np.array([0.2])).start(3)
    assert min(0.2 - centre[0], *centre) == pytest.approx(0.1, abs=1e-9)


@pytest.mark.parametrize(
    ("matrix", "limits", "message"),
    [
        (np.ones((1, 3)), np.array([0.5]), "relax its limits"),
        (np.vstack([np.eye(3)[0], -np.eye(3)[0]]), np.array([0.2, -0.3]), "relax its limits"),
        (np.eye(2), np.ones(2), r"one column per task \(3\), but got shape \(2, 2\)"),
    ],
)
def test_empty_and_misshapen_polytopes(matrix: np.ndarray, limits: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Polytope(matrix, limits).start(3)


def test_a_polytope_of_one_point() -> None:
    """Without an interior its limits are read as larger by 1e-9."""
    point = np.array([0.2, 0.3, 0.5])
    polytope = Polytope(np.vstack([np.eye(3), -np.eye(3)]), np.concatenate([point, -point]))
    np.testing.assert_allclose(polytope.start(3), point, atol=2e-9)
    np.testing.assert_allclose(polytope.inside(np.array([1.0, 0.0, 0.0])), point, atol=4e-9)
    loss = np.array([1.0, 5.0, 2.0])
    assert point @ loss <= polytope.worst(loss) <= point @ loss + 2e-8


def test_a_loss_that_cannot_happen_does_not_mislead_the_search_for_a_temperature() -> None:
    """Beyond the support of the nominal distribution losses may be of any size."""
    loss, ball = np.array([0.0, 1.0]), KullbackLeiblerBall(np.array([0.6, 0.4]), 0.1)
    hole = KullbackLeiblerBall(np.array([0.6, 0.4, 0.0]), 0.1)
    for size in (1e15, -1e15):
        assert hole.worst(np.append(loss, size)) == pytest.approx(ball.worst(loss), abs=1e-12)
        found = hole.response(np.append(loss, size))
        np.testing.assert_allclose(found, [*ball.response(loss), 0.0], atol=1e-6)


# ---------------------------------------------------------------- the master problem


@pytest.mark.parametrize("seed", range(8))
def test_the_master_problem_is_the_matrix_game(seed: int) -> None:
    """Against the exact solution of the same game; both strategies are optimal, learners added one by one."""
    rng = np.random.default_rng(seed)
    game, losses = MatrixGame(3, Simplex()), rng.integers(0, 5, size=(4, 3))
    for index, loss in enumerate(losses):
        game.add(loss.astype(float))
        prior, mixture = game.solve()
        exact = solve_game(-rational(losses[: index + 1].T))  # the learner maximises minus its loss
        value = -float(Fraction(int(exact.value.p), int(exact.value.q)))
        assert game.settled
        assert prior.min() >= 0
        assert mixture.min() >= 0
        assert prior.sum() == pytest.approx(1.0)
        assert mixture.sum() == pytest.approx(1.0)
        assert (losses[: index + 1] @ prior).min() == pytest.approx(value, abs=1e-8)
        assert (mixture @ losses[: index + 1]).max() == pytest.approx(value, abs=1e-8)
        np.testing.assert_array_equal(game.losses, losses[: index + 1])


@pytest.mark.parametrize("name", [name for name in SETS if name != "divergence"])
def test_the_master_problem_of_a_restricted_adversary(name: str) -> None:
    """Strong duality: the worst case of the mixture, by vertices, is the best response to the prior."""
    losses = np.array([[0.0, 3.0, 1.0, 2.0], [4.0, 0.0, 2.0, 1.0]])
    game = MatrixGame(4, SETS[name])
    for loss in losses:
        game.add(loss)
    prior, mixture = game.solve()
    assert belongs(name, prior)
    best = float((losses @ prior).min())
    assert best_of_vertices(name, mixture @ losses) == pytest.approx(best, abs=1e-7)
    assert SETS[name].worst(mixture @ losses) == pytest.approx(best, abs=1e-7)


def test_cuts_of_a_curved_set_close_in_on_its_value() -> None:
    losses = np.array([[0.0, 3.0, 1.0, 2.0], [4.0, 0.0, 2.0, 1.0]])
    ball = SETS["divergence"]
    game = MatrixGame(4, ball)
    for loss in losses:
        game.add(loss)
    gaps = []
    for _ in range(12):
        assert not game.settled  # a curved set is never described by finitely many cuts
        prior, mixture = game.solve()
        assert belongs("divergence", prior)
        gaps.append(ball.worst(mixture @ losses) - float((losses @ prior).min()))
        assert gaps[-1] >= -1e-9
    assert gaps[-1] < 1e-6 < gaps[0]


def test_a_game_without_learners_has_no_mixture() -> None:
    with pytest.raises(SolverError):
        MatrixGame(2, Simplex()).solve()


def test_what_a_solver_returns_is_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables and multipliers of any scale, with the rounding errors of a solver below zero."""
    game = MatrixGame(2, Simplex())
    rows = [game._add_row(np.zeros(3), -np.inf, 0.0)]  # rows of cuts have multipliers too
    for loss in ([1.0, 0.0], [0.0, 1.0], [3.0, 3.0]):
        game.add(np.array(loss))
    duals = np.zeros(rows[0] + 4)
    duals[rows[0]], duals[-3:] = -7.0, (-0.5, -1.5, 1e-12)
    monkeypatch.setattr(game._program, "solve", lambda: (np.array([2.0, 6.0, -1.0]), duals))
    prior, mixture = game.solve()
    np.testing.assert_allclose(prior, [0.25, 0.75], rtol=1e-15)
    np.testing.assert_allclose(mixture, [0.25, 0.75, 0.0], rtol=1e-15)
    monkeypatch.setattr(game._program, "solve", lambda: (np.array([2.0, 6.0, -1.0]), 0.0 * duals))
    message = r"^The solver returned no mixture of learners \(all duals are zero\)\.$"
    with pytest.raises(SolverError, match=message):
        game.solve()


# ---------------------------------------------------------------- the certificates of the linear program


def z_channel() -> GoalTasks:
    rows = [(0, 0, 1, 1), (0, 1, 2, "1/2"), (0, 1, 1, "1/2"), (1, 0, 1, 1), (2, 0, 2, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)
    return GoalTasks(process, np.array([1, 2]))


def exact_lower(weights: np.ndarray, criterion: Criterion, episodes: int | None) -> float:
    """The smallest ``max_g phi_g`` over all ``rho >= 0`` with ``w . rho <= U``, on the C1 process."""
    v = np.array([1.0, 0.5])
    support = max(weights @ np.array([1.0, 0.0]), weights @ np.array([0.5, 0.5]))
    loss = loss_of(Learner.MEMORYLESS, criterion, v, episodes)
    low, high = 0.0, 64.0
    for _ in range(60):
        theta = 0.5 * (low + high)
        needed = loss.required(theta)
        spent = (
            math.inf
            if np.isinf(needed[weights > 0]).any()
            else float(weights @ np.where(weights > 0, needed, 0))
        )
        low, high = (low, theta) if spent < support else (theta, high)
    return low


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 2.0), (2.0, 1.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1e-9)])
@pytest.mark.parametrize("criterion", list(Criterion))
@pytest.mark.parametrize("episodes", [None, 2, 5])
def test_lower_bounds_are_the_best_that_the_weights_prove(
    weights: tuple[float, float], criterion: Criterion, episodes: int | None
) -> None:
    tasks, w = success_tasks(z_channel()), np.array(weights)
    loss = bracketed_loss(Learner.MEMORYLESS, criterion, tasks.optimum, episodes).low
    support = support_value(tasks, w)
    assert support == pytest.approx(max(w[0], 0.5 * (w[0] + w[1])), rel=1e-13)
    # No success probability exceeds its optimum, so no learner loses less than the optimum does.
    expected = max(exact_lower(w, criterion, episodes), float(loss.value(loss.optimum).max()))
    found = lower_bound(loss, w, support)
    assert found <= expected * (1 + 1e-15)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.25, 1 / 3, 0.5, 1.0])
def test_certified_saddle_points_bracket_the_value(share: float) -> None:
    """C1: exploration ``(1 - a/2, a/2)`` with ``a`` the noisy action's share; the value is 1/2 at 2/3."""
    tasks = success_tasks(z_channel())
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    policy = np.zeros((1, tasks.process.n_choices))
    policy[0, :2], policy[0, 2:] = (1 - share, share), 1.0
    exact_share = Fraction(share)
    worst = max(1 / (1 - exact_share / 2) - 1, 1 / exact_share - 1) if share else None
    for scale in (1.0, 2.0, 0.25):
        point = certified_saddle_point(tasks, loss, policy, np.array([scale, scale]))
        assert Fraction(point.lower) <= Fraction(1, 2)
        assert worst is None or Fraction(point.upper) >= worst  # to the last bit: tolerance zero
        assert point.upper == pytest.approx(math.inf if worst is None else float(worst), rel=1e-12)
        assert point.lower == pytest.approx(0.5, rel=1e-12)
        np.testing.assert_array_equal(point.weights, [1.0, 1.0])
        assert point.support_value == pytest.approx(1.0, rel=1e-13)
        assert Fraction(point.support_value) >= 1
    np.testing.assert_allclose(point.success, [1 - share / 2, share / 2], atol=1e-15)
    np.testing.assert_allclose(point.terminal, [0.0, 1 - share / 2, share / 2], atol=1e-15)
    np.testing.assert_array_equal(point.policy, policy)
    for weights, cleaned in (
        ([np.nan, 1.0], [0.0, 1.0]),
        ([-1.0, 4.0], [0.0, 1.0]),
        ([0.0, 0.0], [1.0, 1.0]),
        ([np.inf, 3.0], [0.0, 1.0]),
        ([0.5, 0.25], [1.0, 0.5]),
    ):
        clean = certified_saddle_point(tasks, loss, policy, np.array(weights))
        assert Fraction(clean.lower) <= Fraction(1, 2)
        np.testing.assert_array_equal(clean.weights, cleaned)


def test_bounds_that_contradict_each_other_are_an_error() -> None:
    """Only a mistake in the program can do that: here the losses below are those of other optima."""
    tasks = success_tasks(z_channel())
    right = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    wrong = BracketedLoss(
        loss_of(Learner.MEMORYLESS, Criterion.REGRET, np.array([1.0, 1.0]), None), *right_two(right)
    )
    policy = np.zeros((1, tasks.process.n_choices))
    policy[0, :2], policy[0, 2:] = (1 / 3, 2 / 3), 1.0
    with pytest.raises(SolverError, match=r"^The certified bounds contradict .* with the instance\.$"):
        certified_saddle_point(tasks, wrong, policy, np.array([1.0, 2.0]))


def right_two(loss: BracketedLoss) -> tuple[Loss, Loss]:
    return loss.nominal, loss.high


def test_the_ball_of_a_line_of_goals_is_unreachable_for_memory() -> None:
    """An adversary of another size is refused before anything is solved."""
    with pytest.raises(InvalidArgumentError, match="shape"):
        TotalVariationBall(np.array([0.5, 0.5]), 0.1).start(3)
    with pytest.raises(UnsupportedError):
        loss_of(Learner.MEMORY, Criterion.REGRET, np.array([0.5]), 2)
    assert len(GoalTasks.reachable(make("line:3,start=1").replaced(horizon=1)).names) == 3


# ---------------------------------------------------------------- lower bounds to the last bit


SHARES = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4)


@given(SHARES, SHARES, st.floats(0.05, 1.0))
def test_lower_bounds_are_never_above_the_exact_ones(v: list[float], w: list[float], share: float) -> None:
    """``sum w v / U - 1``, ``N (sum w v - U) / sum w`` while every task asks for something, in fractions."""
    optimum, weights = np.array(v), np.array(w)
    total = sum((Fraction(x) * Fraction(y) for x, y in zip(v, w, strict=True)), Fraction(0))
    for support in (share * float(total), float(total) * (1 - 1e-3), float(total) * (1 - 1e-12)):
        ever = loss_of(Learner.MEMORYLESS, Criterion.REGRET, optimum, None)
        exact = max(total / Fraction(support) - 1, Fraction(0))
        found = lower_bound(ever, weights, support)
        assert Fraction(found) <= exact
        assert found == pytest.approx(float(exact), rel=1e-11, abs=1e-13)
        level = 3 * (total - Fraction(support)) / sum(map(Fraction, w))
        if 0 <= level < 3 * Fraction(min(v)):
            found = lower_bound(loss_of(Learner.BLIND, Criterion.REGRET, optimum, 3), weights, support)
            assert Fraction(found) <= level
            assert found == pytest.approx(float(level), rel=1e-11, abs=1e-13)


def test_lower_bounds_take_few_steps() -> None:
    """Also where some tasks ask for nothing at the level that is found: those do not slow it down."""
    optimum = np.array([1.0, *[0.01] * 50])
    for learner, criterion, support, truth in (
        (Learner.BLIND, Criterion.REGRET, 0.25, 3 * 0.75),
        (Learner.MEMORYLESS, Criterion.REGRET, 0.25, None),
        (Learner.MEMORYLESS, Criterion.HITTING_TIME, 1.0, None),
    ):
        loss = loss_of(learner, criterion, optimum, 3)
        with mock.patch.object(loss, "required", wraps=loss.required) as asked:
            found = lower_bound(loss, np.ones(51), support)
        assert asked.call_count < 100
        assert truth is None or found == pytest.approx(truth, rel=1e-12)
        needed = loss.required(found * (1 + 1e-9))
        assert not np.isfinite(needed).all() or needed.sum() < support


def test_weights_that_need_nothing_prove_what_the_optimum_does() -> None:
    loss = loss_of(Learner.BLIND, Criterion.REGRET, np.array([1.0, 0.5]), 2)
    assert lower_bound(loss, np.array([1.0, 0.0]), 1.0) == 0.0
    assert lower_bound(loss, np.array([1.0, 0.0]), 2.0) == 0.0
    one = loss_of(Learner.MEMORYLESS, Criterion.HITTING_TIME, np.array([1.0, 0.5]), 1)
    assert lower_bound(one, np.array([1.0, 1.0]), 1.0) == pytest.approx(1.0, rel=1e-12)


def test_programs_say_what_was_asked_of_whom() -> None:
    """Base and direction of rare and of sure goals: the solution meets ``rho = base + s direction``."""
    tasks = success_tasks(z_channel())
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    program = FlowProgram(tasks)
    assert program.size == {"variables": 2, "rows": 1}
    base, direction = np.array([0.25, 0.0]), np.array([0.5, 0.75])
    best = program.solve(loss, base, direction, tolerance=1e-9)
    # rho = (1 - a/2, a/2): 3/4 - a/2 = s/2 and a/2 = 3 s/4.
    np.testing.assert_allclose(best.lowest.success, [0.25 + 0.3, 0.45], atol=1e-9)
    np.testing.assert_allclose(best.lowest.weights / best.lowest.weights.sum(), [0.5, 0.5], atol=1e-9)
    assert (
        program.solve(loss, base, direction, tolerance=1e-9, attempts=LINEAR_SOLVERS[3:]).method == "Clarabel"
    )


@pytest.mark.parametrize(("flow", "duals"), [(False, True), (True, False)])
def test_answers_without_variables_or_multipliers_are_no_points(flow: bool, duals: bool) -> None:
    program = FlowProgram(success_tasks(z_channel()))
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, program.tasks.optimum, None)

    def answer(problem: cp.Problem, attempt: Attempt) -> str:
        problem.solve(solver=attempt.solver)
        for variable in problem.variables() if not flow else []:
            variable.save_value(None)
        for constraint in problem.constraints if not duals else []:
            constraint.dual_variables[0].save_value(None)
        return "optimal"

    with (
        mock.patch("metaregret.theory.optimise.run", answer),
        pytest.raises(SolverError, match="HiGHS simplex: optimal"),
    ):
        program.solve(loss, np.zeros(2), np.ones(2), tolerance=1e-9)
