"""The rounding allowances of the bounds are what their proofs ask for: no term is missing or counted twice.

No instance uses a worst case up, as errors of long sums cancel: so a bound that holds on every instance may
still lack a term. Each allowance is computed here a second time, from the statement of its proof.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from metaregret.tabular.bounds import relative_error
from metaregret.theory.information import as_order, capacity_bracket, redundancy
from metaregret.theory.information.certificate import _divergence_allowance, _information_allowance, evaluate
from metaregret.theory.information.channel import as_channel
from metaregret.theory.information.orders import divergences
from metaregret.theory.information.redundancy import Tangent, _evaluated

SHAPES = [(1, 1), (2, 1), (1, 7), (3, 2), (40, 5), (4, 900)]


def drawn(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Random rows, half of their entries zero."""
    generator = np.random.default_rng([*shape, seed])
    rows = generator.exponential(size=shape) ** 3 * (generator.random(shape) < 0.5)
    rows[:, 0] += 1e-3
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_divergences(shape: tuple[int, int]) -> None:
    """``g(2 n + 32) (H_x + c_x + 1) + g(Y)``."""
    rows = drawn(shape)
    channel = as_channel(rows)
    q = channel.output(np.full(shape[0], 1 / shape[0]))
    found = _divergence_allowance(channel, channel.divergences(q))
    n = int((rows > 0).sum(axis=1).max())
    for row, allowance in zip(rows[:, channel.reachable], found, strict=True):
        entropy = -math.fsum(x * math.log(x) for x in row if x)
        cross = -math.fsum(x * math.log(y) for x, y in zip(row, q, strict=True) if x)
        size = entropy + cross + 1
        assert allowance == pytest.approx(
            relative_error(2 * n + 32) * size + relative_error(len(q)), rel=1e-9, abs=0
        )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("columns", [3, 10**9])
def test_information(shape: tuple[int, int], columns: int) -> None:
    """The mean of the allowances of the rows, the roundings of the mean, and ``2 e^2`` for an error ``e`` of
    the outputs, which shows where columns are long."""
    generator = np.random.default_rng(shape)
    channel = replace(as_channel(drawn(shape)), column_terms=columns)
    p = 3.0 * generator.exponential(size=shape[0]) * (np.arange(shape[0]) % 3 != 1)
    divergences, allowance = generator.exponential(size=(2, shape[0])) * np.array([[0.1], [1e-15]])
    share = p / p.sum()
    mean = math.fsum(share * allowance) * (1 + 1e-6)
    weighing = relative_error(2 * int((p > 0).sum()) + 8) * math.fsum(share * divergences)
    error = relative_error(2 * columns + 2 * channel.row_terms + 32)
    found = _information_allowance(channel, p, divergences, allowance)
    assert found == pytest.approx(mean + weighing + 2 * error**2, rel=1e-12, abs=0)


@pytest.mark.parametrize("surplus", [9e-10, -9e-10])
def test_weights_of_inputs_are_divided_by_their_sum(surplus: float) -> None:
    """A sum within the accepted 1e-9 of one is far from it in units of rounding."""
    rows, p = drawn((5, 4)), np.array([0.1, 0.2, 0.3, 0.25, 0.15])
    exactly, found = evaluate(as_channel(rows), p), evaluate(as_channel(rows), p * (1 + surplus))
    assert found.information == pytest.approx(exactly.information, rel=1e-13, abs=0)
    assert (found.lower, found.upper) == pytest.approx((exactly.lower, exactly.upper), rel=1e-13, abs=0)


def test_a_bracket_says_where_its_bounds_are_from() -> None:
    found = capacity_bracket(np.eye(2), [0.5, 0.5])
    assert found.lower_from == "mutual information at the returned input distribution"
    assert found.upper_from == "largest divergence of a row from the returned output distribution"


@pytest.mark.parametrize("name", ["3/2", "2", "3", "64", "inf"])
@pytest.mark.parametrize("size", [1, 2, 500])
@pytest.mark.parametrize("exponent", [0, 3, 60])
def test_divergences_of_order_a(name: str, size: int, exponent: int) -> None:
    """A point mass of a state of weight ``2^-k``: ``g(S + 64) (2 + k ln 2 + (k ln 2 + 1) / (a - 1))``."""
    order = as_order(name)
    rows, q = np.eye(1, size), np.full(size, 2.0**-exponent)
    ratio = exponent * math.log(2)
    slack = 2 + ratio if order.is_infinite else 2 + 2 * ratio + 1 / order.power
    found = float(divergences(order, rows, q)[0])
    allowance = relative_error(size + 64) * slack
    assert found - ratio == pytest.approx(allowance, rel=1e-9, abs=2 * math.ulp(ratio))


@pytest.mark.parametrize("order", [2, 3])
def test_the_logarithm_of_a_small_sum_rounds_too(order: int) -> None:
    """The largest ratio, ``2^20``, is that of a state of probability ``2^-10``, which is most of the sum."""
    rows, q = np.array([[2.0**-10, 1 - 2.0**-10]]), np.array([2.0**-30, 1 - 2.0**-30])
    exact = sum(Fraction(x) ** order / Fraction(y) ** (order - 1) for x, y in zip(rows[0], q, strict=True))
    largest, power = 20 * math.log(2), order - 1
    slack = 2 + 2 * largest + (1 + abs(math.log(exact) - power * largest)) / power
    found = float(divergences(as_order(order), rows, q)[0])
    allowance = relative_error(2 + 64) * slack
    assert found - math.log(exact) / power == pytest.approx(allowance, rel=5e-2, abs=0)


def test_a_ratio_that_overflows_is_infinitely_far() -> None:
    found = divergences(as_order(2), np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([1e-320, 1.0]))
    assert found[0] == np.inf
    assert 0 <= found[1] < 1e-13


@pytest.mark.parametrize("name", ["2", "inf"])
@pytest.mark.parametrize(("count", "size"), [(8192, 2), (2, 8192)])
def test_long_mixtures_and_long_rows(name: str, count: int, size: int) -> None:
    """Equal rows have no redundancy: what is left above is the rounding of the mixture's entries, downward,
    of the rows', upward, and of the logarithms; the bound below is zero."""
    order = as_order(name)
    rows = np.full((count, size), 1 / size)
    found = _evaluated(order, rows, np.full(count, 1 / count), np.ones(size if order.is_infinite else count))
    power = 1.0 if order.is_infinite else order.alpha / order.power
    rounding = relative_error(2 * count + 8) + power * relative_error(size + 4)
    logarithms = relative_error(size + 64) * (2.0 if order.is_infinite else 3.0)
    assert found.upper == pytest.approx(rounding + logarithms, rel=1e-2, abs=0)
    assert found.lower == 0.0


def test_the_allowance_of_a_row_is_its_own() -> None:
    """However far another row is; and a row without mass has no divergence to speak of."""
    rows, q = np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]), np.array([2.0**-900, 0.5])
    far, _, _ = divergences(as_order(2), rows, q)
    near = divergences(as_order(2), np.array([[0.0, 0.5], [1.0, 0.0]]), q)
    assert near[0] < math.log(0.5) + 1e-12 < 600 < far < near[1]
    assert divergences(as_order("inf"), rows, q)[2] < 1e-12
    assert near[0] - math.log(0.5) == pytest.approx(relative_error(66) * (3 + math.log(2)), rel=1e-2)


def coarse(roundings: int) -> float:
    """The error of so many roundings of an arithmetic of nine digits, in which every term shows."""
    return roundings * 2.0**-30


@pytest.mark.parametrize("name", ["3/2", "2", "5", "inf"])
@pytest.mark.parametrize("size", [2, 5])
def test_roundings_of_a_candidate(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point masses: entries of the mixture lie ``g(2 n + 8)`` below, those of the rows ``g(S + 4)`` off, and
    sums of products of them ``g(2 S + 8)``."""
    monkeypatch.setattr(redundancy, "relative_error", coarse)
    order, rows = as_order(name), np.vstack([np.eye(size)] * 3)
    count, best, off = len(rows), coarse(2 * size + 8), coarse(size + 4)
    weights = np.ones(size if order.is_infinite else count)
    found = _evaluated(order, rows, np.full(count, 1 / count), weights)
    power = 1.0 if order.is_infinite else order.alpha / order.power
    upper = math.log(size) + power * math.log1p(off) - math.log1p(-coarse(2 * count + 8))
    assert found.upper == pytest.approx(upper, rel=1e-12)
    if order.is_infinite:
        lower = (math.log(size) + math.log1p(-best) - math.log1p(best)) * (1 - coarse(5))
    else:
        scale = order.alpha * math.log1p(-off) + order.power * math.log(size)
        size_of_all = order.alpha + order.power * (1 + math.log1p(best)) + abs(scale)
        slack = coarse(size + 64) * (2 + order.alpha) * size_of_all / order.power
        lower = scale / order.power - math.log1p(best) - slack
    assert found.lower == pytest.approx(lower, rel=1e-12)
    assert found.mixture.tolist() == [1 / count] * count
    assert found.weights.tolist() == weights.tolist()


@pytest.mark.parametrize("order", [Fraction(3, 2), Fraction(7)])
@pytest.mark.parametrize("level", [0.25, 3.0])
@pytest.mark.parametrize("best", [0.5, 4.0])
@pytest.mark.parametrize("scale", [90.0, 70.0])
def test_roundings_of_a_tangent(
    order: Fraction, level: float, best: float, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redundancy, "relative_error", coarse)
    a, high, low = float(order), math.log(level), math.log(best)
    value = (a * high - (a - 1) * low + scale) / (a - 1)
    size = (a * (1 + abs(high)) + (a - 1) * (1 + abs(low)) + scale) / (a - 1)
    found = Tangent(as_order(order), np.ones(3), level, scale).bound(best)
    assert found == pytest.approx(value - coarse(3 + 64) * (2 + a) * size, rel=1e-13)
    less = Tangent(as_order(order), np.ones(3), level, -scale).bound(best)
    assert less == 0.0


def test_at_order_one_the_better_of_two_distributions_counts_on_either_side() -> None:
    rows, even, odd = np.eye(2), np.array([0.5, 0.5]), np.array([0.9, 0.1])
    for mixture, weights in ((even, 3 * odd), (odd, 3 * even), (even, 3 * even)):
        found = _evaluated(as_order(1), rows, mixture, weights)
        exact = capacity_bracket(rows, even)
        assert (found.lower, found.upper) == (exact.lower, exact.upper)
        assert found.mixture is mixture
        assert found.weights == pytest.approx(weights / 3, rel=1e-15)
