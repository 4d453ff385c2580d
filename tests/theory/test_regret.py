"""The regret formulae against exact fractions; shape and inverse; the two baselines (T1, T2, T14, C5)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.goals import TerminalValues
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.regret import (
    Loss,
    bayes_regret,
    bracketed_loss,
    check_episodes,
    expected_episodes,
    loss_of,
    memoryless_regret,
    oracle_regret,
)


def memoryless_loss(optimum: np.ndarray, episodes: int | None) -> Loss:
    return loss_of(Learner.MEMORYLESS, Criterion.REGRET, optimum, episodes)


def blind_loss(optimum: np.ndarray, episodes: int | None) -> Loss:
    return loss_of(Learner.BLIND, Criterion.REGRET, optimum, episodes)


def hitting_time(optimum: np.ndarray, episodes: int | None) -> Loss:
    return loss_of(Learner.MEMORYLESS, Criterion.HITTING_TIME, optimum, episodes)


def cost_ratio(optimum: np.ndarray, episodes: int | None) -> Loss:
    return loss_of(Learner.MEMORYLESS, Criterion.RATIO, optimum, episodes)


EPISODES = st.one_of(st.none(), st.integers(1, 60))
PROBABILITY = st.one_of(
    st.fractions(0, 1, max_denominator=50).map(float),
    st.floats(1e-300, 1.0),
    st.sampled_from([1e-300, 1e-100, 1e-17, 1e-13, 1e-9, 1e-6, 1e-5, 0.5, 1.0 - 2**-53, 1.0]),
).filter(lambda p: p > 0)


def exact_episodes(rho: Fraction, episodes: int | None) -> Fraction:
    return 1 / rho if episodes is None else sum(((1 - rho) ** i for i in range(episodes)), Fraction(0))


def exact_slope(rho: Fraction, episodes: int | None) -> Fraction:
    """``-d/d rho`` of the above, term by term."""
    if episodes is None:
        return 1 / rho**2
    return sum((i * (1 - rho) ** (i - 1) for i in range(1, episodes)), Fraction(0))


def close(computed: float, exact: Fraction, tolerance: float) -> bool:
    """Relative closeness in rational arithmetic; beyond the range of floats, infinity is right."""
    if np.isinf(computed):
        return exact > Fraction(1e308)
    return abs(Fraction(float(computed)) - exact) <= Fraction(tolerance) * abs(exact)


@given(rho=PROBABILITY, episodes=EPISODES)
def test_expected_episodes(rho: float, episodes: int | None) -> None:
    computed = expected_episodes(np.array([rho]), episodes)[0]
    assert close(computed, exact_episodes(Fraction(rho), episodes), 1e-14)


@given(rho=PROBABILITY, v=PROBABILITY, episodes=EPISODES)
def test_memoryless_regret(rho: float, v: float, episodes: int | None) -> None:
    """``(1 - (1 - rho)**N) (v / rho - 1)``, as in the source."""
    rho, v = min(rho, v), max(rho, v)
    r = Fraction(rho)
    found = 1 if episodes is None else 1 - (1 - r) ** episodes
    computed = memoryless_regret(np.array([rho]), np.array([v]), episodes)[0]
    assert close(computed, found * (Fraction(v) / r - 1), 1e-14)


RARE_AND_COMMON = [1e-300, 1e-17, 1e-13, 3e-9, 1e-7, 4e-6, 1e-5, 2e-4, 0.01, 1 / 3, 0.5, 1 - 2**-53, 1.0]


@pytest.mark.parametrize("episodes", [None, 1, 2, 3, 7, 60])
def test_the_closed_forms_on_a_grid(episodes: int | None) -> None:
    """Episodes, regret and slope at rare and at common successes, an array at once, without a warning."""
    rho, v = np.array(RARE_AND_COMMON), np.ones(len(RARE_AND_COMMON))
    exact = [Fraction(x) for x in RARE_AND_COMMON]
    count, slope = ([f(x, episodes) for x in exact] for f in (exact_episodes, exact_slope))
    at_once = {
        "episodes": (expected_episodes(rho, episodes), count, 1e-14),
        "regret": (
            memoryless_regret(rho, v, episodes),
            [c * (1 - x) for c, x in zip(count, exact, strict=True)],
            1e-14,
        ),
        "slope": (hitting_time(v, episodes).slope(rho), slope, 1e-12),
        "slope of the regret": (
            memoryless_loss(v, episodes).slope(rho),
            [c + s * (1 - x) for c, s, x in zip(count, slope, exact, strict=True)],
            1e-12,
        ),
    }
    for name, (computed, expected, tolerance) in at_once.items():
        assert computed.shape == rho.shape
        for place, (x, y) in enumerate(zip(computed.tolist(), expected, strict=True)):
            assert close(x, y, tolerance), (name, rho[place], x, float(y))


@pytest.mark.parametrize("episodes", [1, 2, 3, 60])
def test_where_nothing_is_ever_found(episodes: int) -> None:
    """At ``rho = 0``: ``N`` episodes, ``N v`` lost, and the derivative ``N (N - 1) / 2`` of the episodes."""
    zero, v = np.zeros(2), np.array([0.25, 1.0])
    steepest = episodes * (episodes - 1) / 2
    np.testing.assert_array_equal(expected_episodes(zero, episodes), [episodes, episodes])
    np.testing.assert_array_equal(memoryless_regret(zero, v, episodes), episodes * v)
    np.testing.assert_array_equal(hitting_time(v, episodes).slope(zero), [steepest, steepest])
    np.testing.assert_array_equal(memoryless_loss(v, episodes).slope(zero), episodes + steepest * v)


def test_what_overflows_is_infinite_without_a_warning() -> None:
    tiny, v = np.array([0.0, 1e-310]), np.ones(2)
    for infinite in (
        expected_episodes(tiny, None),
        memoryless_regret(tiny, v, None),
        hitting_time(v, None).slope(tiny),
        hitting_time(v, None).slope(np.array([0.0, 1e-200])),
    ):
        np.testing.assert_array_equal(infinite, [np.inf, np.inf])


def test_rational_probabilities_are_read() -> None:
    half = np.array([Fraction(1, 2)], dtype=object)
    assert expected_episodes(half, 2)[0] == 1.5
    assert expected_episodes(half, None)[0] == 2.0
    assert hitting_time(half, 3).slope(half)[0] == 2.0
    assert hitting_time(half, 3).slope(half).dtype == np.float64
    assert hitting_time(half, 3).optimum.dtype == np.float64


def test_probabilities_above_one_by_a_rounding_are_one() -> None:
    assert expected_episodes(np.array([1 + 2**-52]), 5)[0] == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("episodes", [1, 7, 10**6, 2**53])
def test_limits_at_zero(episodes: int) -> None:
    """``N v`` at ``rho = 0``; infinite for infinitely many episodes (T1)."""
    assert memoryless_regret(np.array([0.0]), np.array([0.25]), episodes)[0] == episodes * 0.25
    assert memoryless_regret(np.array([0.0]), np.array([0.25]), None)[0] == np.inf


@pytest.mark.parametrize("rho", [1e-16, 1e-13, 1e-12, 1.0001e-12, 1e-9, 1e-3])
@pytest.mark.parametrize("episodes", [1, 2, 10**3, 10**6, 10**9])
def test_many_episodes_of_rare_success(rho: float, episodes: int) -> None:
    """The sum in closed form, the power expanded binomially where rounding would eat it."""
    r = Fraction(rho)
    # sum_i (1 - rho)**i = sum_k (-rho)**(k - 1) C(N, k), alternating: cut where a term is below 2**-80.
    if rho * episodes < 0.1:
        total, term, k = Fraction(0), Fraction(episodes), 1
        while abs(term) > Fraction(episodes) / 2**80:
            total += term
            term *= -r * Fraction(episodes - k, k + 1)
            k += 1
        assert close(expected_episodes(np.array([rho]), episodes)[0], total, 1e-14)
    else:
        value = expected_episodes(np.array([rho]), episodes)[0]
        assert value <= min(episodes, 1 / rho) * (1 + 1e-14)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda rho, v, n: (1 - (1 - rho) ** n) * (v / rho),  # dropped - 1
        lambda rho, v, n: (1 - (1 - rho) ** (n - 1)) * (v / rho - 1),  # one episode short
        lambda rho, v, n: (1 - (1 - rho) ** n) * (1 / rho - 1),  # dropped v
        lambda rho, v, n: 1 - (1 - rho) ** n * (v / rho - 1),  # a misplaced bracket
    ],
)
def test_planted_formulae_differ(wrong: object) -> None:
    """The comparison above tells each of these from the right one."""
    rho, v, n = Fraction(1, 3), Fraction(3, 4), 4
    computed = memoryless_regret(np.array([1 / 3]), np.array([0.75]), n)[0]
    assert close(computed, (1 - (1 - rho) ** n) * (v / rho - 1), 1e-14)
    assert callable(wrong)
    assert not close(computed, wrong(rho, v, n), 1e-3)


# ---------------------------------------------------------------- losses


def losses(v: float, episodes: int | None) -> list[Loss]:
    optimum = np.array([v])
    finite = [blind_loss(optimum, episodes)] if episodes is not None else []
    return [
        memoryless_loss(optimum, episodes),
        hitting_time(optimum, episodes),
        cost_ratio(optimum, episodes),
        *finite,
    ]


V = st.floats(1e-6, 1.0)


@given(v=V, share=st.floats(0, 1), other=st.floats(0, 1), episodes=EPISODES)
def test_losses_decrease_and_are_convex(v: float, share: float, other: float, episodes: int | None) -> None:
    low, high = sorted((share * v, other * v))
    middle = 0.5 * (low + high)
    for loss in losses(v, episodes):
        a, b, c = (float(loss.value(np.array([x]))[0]) for x in (low, middle, high))
        slack = 1e-12 * (1 + abs(a)) if np.isfinite(a) else 0.0
        assert a >= b - slack
        assert b >= c - slack
        assert a == np.inf or b <= 0.5 * (a + c) + slack


@given(v=V, share=st.floats(1e-4, 1), episodes=EPISODES)
def test_slopes_are_derivatives(v: float, share: float, episodes: int | None) -> None:
    rho = v * share
    r, w = Fraction(rho), Fraction(v)
    count, slope = exact_episodes(r, episodes), exact_slope(r, episodes)
    expected = [count + slope * (w - r), slope, slope / exact_episodes(w, episodes), Fraction(episodes or 0)]
    for loss, exact in zip(losses(v, episodes), expected, strict=False):
        assert close(float(loss.slope(np.array([rho]))[0]), exact, 1e-8)


@given(v=V, share=st.floats(1e-3, 1), episodes=EPISODES)
def test_required_inverts_value(v: float, share: float, episodes: int | None) -> None:
    """The smallest success probability that keeps the loss at theta: enough, and hardly less would not be."""
    for loss in losses(v, episodes):
        theta = float(loss.value(np.array([v * share]))[0])
        needed = float(loss.required(theta)[0])
        assert needed <= v * share * (1 + 1e-12) + 4e-16
        assert loss.value(np.array([min(needed, v)]))[0] <= theta * (1 + 1e-12) + 1e-15 * (episodes or 1)
        below = needed * (1 - 1e-6)
        if needed > 1e-12 and episodes != 1:
            assert loss.value(np.array([below]))[0] > theta * (1 - 1e-12) - 1e-15 * (episodes or 1)


@pytest.mark.parametrize("episodes", [None, 1, 5])
def test_what_no_policy_attains_is_infinite(episodes: int | None) -> None:
    """A hitting time below the least, and a ratio below one."""
    optimum = np.array([0.25])
    least = float(expected_episodes(optimum, episodes)[0])
    assert hitting_time(optimum, episodes).required(0.9 * least)[0] == np.inf
    assert cost_ratio(optimum, episodes).required(0.9)[0] == np.inf
    assert memoryless_loss(optimum, episodes).required(0.0)[0] == pytest.approx(0.25)


def test_required_is_zero_where_nothing_is_asked() -> None:
    assert memoryless_loss(np.array([0.25]), 4).required(1.0)[0] == 0.0
    assert blind_loss(np.array([0.25]), 4).required(1.0)[0] == 0.0
    assert hitting_time(np.array([0.25]), 4).required(4.0)[0] == 0.0


@pytest.mark.parametrize("episodes", [2, 3, 9])
@pytest.mark.parametrize("share", [1e-9, 0.1, 1 / 3, 0.7, 0.99])
def test_required_is_the_smallest_to_the_last_bit(episodes: int, share: float) -> None:
    """One float below the required probability the loss is above theta: for every loss that bisects."""
    v = np.array([0.8, 0.3])
    for loss in (memoryless_loss(v, episodes), hitting_time(v, episodes), cost_ratio(v, episodes)):
        theta = float(loss.value(v * share).max())
        needed = loss.required(theta)
        reached = np.isfinite(needed) & (needed > 0)
        assert reached.any()
        assert (loss.value(np.where(reached, needed, v))[reached] <= theta).all()
        assert (loss.value(np.nextafter(needed, 0.0, where=reached, out=v.copy()))[reached] > theta).all()


@pytest.mark.parametrize("theta", [0.0, 0.5, 1.0, 3.0, 1e9])
def test_infinitely_many_episodes_in_closed_form(theta: float) -> None:
    """``v / (1 + theta)``, ``1 / theta`` and ``v / theta``, infinite where even ``v`` is not enough."""
    v = np.array([1.0, 0.25])
    np.testing.assert_array_equal(memoryless_loss(v, None).required(theta), v / (1.0 + theta))
    hitting = [1 / theta if theta and 1 / theta <= x else np.inf for x in v]
    np.testing.assert_array_equal(hitting_time(v, None).required(theta), hitting)
    ratio = v / theta if theta >= 1 else np.full(2, np.inf)
    np.testing.assert_array_equal(cost_ratio(v, None).required(theta), ratio)


@pytest.mark.parametrize("episodes", [None, 1, 4])
def test_homogeneous_losses_ask_for_the_same_share_of_the_direction(episodes: int | None) -> None:
    """One linear program suffices where ``required`` is a multiple of one direction at every level."""
    v = np.array([0.9, 0.3])
    for loss in (memoryless_loss(v, episodes), hitting_time(v, episodes), cost_ratio(v, episodes)):
        shares = [loss.required(theta) / loss.direction for theta in (1.2, 2.5, 3.7)]
        finite = [share for share in shares if np.isfinite(share).all() and share.min() > 0]
        multiples = bool(finite) and all(np.ptp(share) < 1e-12 for share in finite)
        assert loss.homogeneous is (episodes is None)
        assert multiples or not loss.homogeneous


def test_required_reaches_the_smallest_numbers() -> None:
    """Relative accuracy also far below one: ``N v`` less a little needs a tiny ``rho``."""
    loss = memoryless_loss(np.array([1e-200]), 3)
    needed = float(loss.required(1.5e-200)[0])
    assert loss.value(np.array([needed]))[0] <= 1.5e-200
    assert loss.value(np.array([np.nextafter(needed, 0)]))[0] > 1.5e-200


@pytest.mark.parametrize(
    ("optimum", "place"), [([0.0], 0), ([0.5, -0.1], 1), ([np.nan], 0), ([0.2, 0.0, 0.0], 1)]
)
def test_losses_need_positive_optima(optimum: list[float], place: int) -> None:
    message = rf"v\* > 0 .* task {place} has v\* = .*; leave out unreachable goals\.$"
    with pytest.raises(InvalidArgumentError, match=message):
        memoryless_loss(np.array(optimum), None)


@pytest.mark.parametrize("episodes", [None, 1, 2, np.int64(7), 2**53])
def test_numbers_of_episodes(episodes: int | None) -> None:
    check_episodes(episodes)
    assert (
        loss_of(Learner.MEMORYLESS, Criterion.REGRET, np.array([0.5]), episodes).value(np.array([0.5]))[0]
        == 0
    )


@pytest.mark.parametrize(
    ("episodes", "message"),
    [
        (True, "whole number or None, but got True"),
        (2.0, "whole number or None, but got 2.0"),
        ("3", "whole number or None, but got '3'"),
        (0, "1 <= episodes <= 2\\*\\*53, but got 0; use None"),
        (-1, "but got -1;"),
        (2**53 + 1, "but got 9007199254740993;"),
        (10**20 - 1, f"but got {10**20 - 1};"),
        (10**20, "but got a number of more than 20 digits;"),
        (-(10**400), "but got a number of more than 20 digits;"),
    ],
)
def test_what_is_no_number_of_episodes(episodes: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        check_episodes(episodes)


def test_which_loss_is_which() -> None:
    v = np.array([0.5])
    with pytest.raises(UnsupportedError, match=r"^The blind .*; give a number of episodes.$"):
        loss_of(Learner.BLIND, Criterion.REGRET, v, None)
    with pytest.raises(UnsupportedError, match=r"^A learner with memory is not .*; solve its game.$"):
        loss_of(Learner.MEMORY, Criterion.REGRET, v, 3)
    with pytest.raises(InvalidArgumentError, match="but got 0"):
        loss_of(Learner.BLIND, Criterion.RATIO, v, 0)


def test_every_loss_is_that_of_its_number_of_episodes() -> None:
    """At ``rho = 1/4``, ``v = 1/2`` and three episodes ``C = 1 + 3/4 + 9/16 = 37/16`` and ``C(v) = 7/4``."""
    rho, v = np.array([0.25]), np.array([0.5])
    expected = {
        (Learner.MEMORYLESS, Criterion.REGRET): 37 / 64,
        (Learner.BLIND, Criterion.REGRET): 3 / 4,
        (Learner.MEMORYLESS, Criterion.HITTING_TIME): 37 / 16,
        (Learner.BLIND, Criterion.RATIO): 37 / 28,
    }
    for (learner, criterion), value in expected.items():
        assert loss_of(learner, criterion, v, 3).value(rho)[0] == pytest.approx(value, rel=1e-14)


@given(v=st.floats(0.01, 0.9), width=st.floats(0, 0.05), share=st.floats(0.01, 1), episodes=EPISODES)
def test_brackets_of_losses_bracket(v: float, width: float, share: float, episodes: int | None) -> None:
    """At any success probability the low and high loss lie on either side of the true one, caps included."""
    true, low, high = np.array([v]), np.array([v * (1 - width)]), np.array([v * (1 + width)])
    optimum = TerminalValues(true, low, high, None, None)
    rho = true * share
    for criterion in Criterion:
        bracket = bracketed_loss(Learner.MEMORYLESS, criterion, optimum, episodes)
        exact = loss_of(Learner.MEMORYLESS, criterion, true, episodes)
        slack = 1e-13 * (1 + abs(exact.value(rho)))
        np.testing.assert_array_equal(bracket.nominal.value(rho), exact.value(rho))
        assert bracket.low.value(rho) <= exact.value(rho) + slack
        assert bracket.high.value(rho) >= exact.value(rho) - slack
        # What the lower bound calls out of reach must be out of reach.
        theta = float(exact.value(true)[0]) * (1 + 1e-12)
        assert np.isfinite(bracket.low.required(theta)[0])


def test_optima_that_floating_point_cannot_tell_from_zero() -> None:
    optimum = TerminalValues(np.array([0.5, 1e-17]), np.array([0.5, 0.0]), np.array([0.5, 1e-16]), None, None)
    message = r"task 1 is positive but below .* 1e-16\).* or leave the task out\.$"
    with pytest.raises(UnsupportedError, match=message):
        bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, optimum, None)


# ---------------------------------------------------------------- the two baselines

SIZES = st.integers(1, 4)


@st.composite
def games(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Returns of a few learners on a few tasks, and the oracle's, which is at least the best of theirs."""
    tasks, count = draw(SIZES), draw(SIZES)
    entries = st.fractions(0, 1, max_denominator=6)
    table = draw(st.lists(st.lists(entries, min_size=tasks, max_size=tasks), min_size=count, max_size=count))
    learners = np.array(table, dtype=object).reshape(count, tasks)
    return learners, np.array([max(column) for column in learners.T], dtype=object)


@given(game=games(), weights=st.lists(st.integers(0, 5), min_size=4, max_size=4))
def test_the_bayes_baseline_is_below_the_oracle_and_they_agree_at_point_masses(
    game: tuple[np.ndarray, np.ndarray], weights: list[int]
) -> None:
    """T14, in exact arithmetic: hence the worst case over all distributions is the same."""
    learners, oracle = game
    tasks = len(oracle)
    kept = weights[:tasks]
    prior = np.array(
        [Fraction(w, sum(kept)) if any(kept) else Fraction(1, tasks) for w in kept], dtype=object
    )
    for returns in learners:
        assert bayes_regret(prior, returns, learners) <= oracle_regret(prior, returns, oracle)
        assert bayes_regret(prior, returns, learners) >= 0
        for task in range(tasks):
            point = np.array([Fraction(int(task == z)) for z in range(tasks)], dtype=object)
            assert bayes_regret(point, returns, learners) == oracle_regret(point, returns, oracle)
            assert oracle_regret(point, returns, oracle) == oracle[task] - returns[task]


@given(game=games(), data=st.data())
def test_oracle_regret_is_linear_and_bayes_regret_convex(
    game: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    learners, oracle = game
    first, second = (
        np.array([Fraction(w, sum(ws)) for w in ws], dtype=object)
        for ws in data.draw(
            st.tuples(*[st.lists(st.integers(1, 5), min_size=len(oracle), max_size=len(oracle))] * 2)
        )
    )
    middle = (first + second) * Fraction(1, 2)
    for returns in learners:
        ends = oracle_regret(first, returns, oracle) + oracle_regret(second, returns, oracle)
        assert oracle_regret(middle, returns, oracle) * 2 == ends
        bent = bayes_regret(first, returns, learners) + bayes_regret(second, returns, learners)
        assert bayes_regret(middle, returns, learners) * 2 <= bent


def test_the_bayes_baseline_has_no_saddle_point() -> None:
    """C5, two goals and one episode: ``max_p min_f = 0``, but ``min_f max_p = 1/2``."""
    learners = np.array([[1, 0], [0, 1]], dtype=object)
    shares = [Fraction(k, 12) for k in range(13)]
    mixtures = [np.array([a, 1 - a], dtype=object) for a in shares]

    def regret(share: Fraction, mixture: np.ndarray) -> Fraction:
        value = bayes_regret(np.array([share, 1 - share], dtype=object), mixture @ learners, learners)
        assert isinstance(value, Fraction)
        return value

    assert max(min(regret(p, f) for f in mixtures) for p in shares) == 0
    assert min(max(regret(p, f) for p in shares) for f in mixtures) == Fraction(1, 2)
    oracle = np.array([1, 1], dtype=object)
    value = [[oracle_regret(np.array([p, 1 - p]), f @ learners, oracle) for f in mixtures] for p in shares]
    assert (
        max(min(row) for row in value)
        == Fraction(1, 2)
        == min(max(column) for column in zip(*value, strict=True))
    )
