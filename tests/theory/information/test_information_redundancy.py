"""Divergences and redundancies of every order against 60-digit arithmetic on the stored numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.information import (
    as_order,
    channel_redundancy,
)
from metaregret.theory.information.channel import Vector
from metaregret.theory.information.orders import FLOOR, Order, divergences
from metaregret.theory.information.redundancy import _evaluated, tangent
from tests.theory.information.channels import channels, distributions

FINITE = ("1.001", "3/2", "2", "5", "64")
DIGITS = 60


def power_sum(order: Order, weights: list[Decimal], reference: list[Decimal]) -> Decimal:
    """Return ``sum c q^(1-a)`` for ``weights = c``."""
    less = Decimal(1) - decimal(order)
    pairs = [(c, q) for c, q in zip(weights, reference, strict=True) if c]
    return sum((c * (less * q.ln()).exp() for c, q in pairs), Decimal(0))


def powers(order: Order, row: list[Decimal]) -> list[Decimal]:
    return [(decimal(order) * x.ln()).exp() if x else Decimal(0) for x in row]


def decimal(order: Order) -> Decimal:
    assert order.exact is not None
    return Decimal(order.exact.numerator) / Decimal(order.exact.denominator)


def decimals(row: Vector) -> list[Decimal]:
    return [Decimal(float(x)) for x in row]


def exact_divergence(order: Order, row: list[Decimal], reference: list[Decimal]) -> Decimal:
    """``D_a(row || q)`` of non-negative numbers, as they are."""
    if any(x and not q for x, q in zip(row, reference, strict=True)):
        return Decimal("Infinity")
    if order.is_infinite:
        return max((x / q).ln() for x, q in zip(row, reference, strict=True) if x)
    return power_sum(order, powers(order, row), reference).ln() / (decimal(order) - 1)


def dot(one: Iterable[Decimal], other: Iterable[Decimal]) -> Decimal:
    return sum((x * y for x, y in zip(one, other, strict=True)), Decimal(0))


@pytest.mark.parametrize("name", [*FINITE, "inf"])
@settings(max_examples=15)
@given(data=st.data())
def test_divergences_are_upper_bounds_and_near(name: str, data: st.DataObject) -> None:
    rows = data.draw(channels())
    q = data.draw(distributions(rows.shape[1]))
    error = data.draw(st.sampled_from([0.0, 1e-9]))
    found = divergences(as_order(name), rows, q, error=np.where(rows > 0, error, 0.0))
    with localcontext(prec=DIGITS):
        for row, bound in zip(rows, found, strict=True):
            moved = [x + Decimal(error) if x else x for x in decimals(row)]
            exact = exact_divergence(as_order(name), moved, decimals(q))
            assert Decimal(float(bound)) >= exact
            assert exact.is_infinite() or Decimal(float(bound)) - exact <= Decimal("2e-10")


def test_rows_and_references_may_be_fractions() -> None:
    rows, q = [[Fraction(1, 4), Fraction(3, 4)]], [Fraction(1, 2), Fraction(1, 2)]
    found = divergences(as_order(2), np.array(rows), np.array(q))
    assert found == pytest.approx([math.log(5 / 4)], abs=1e-12)


def test_divergences_of_extreme_ratios() -> None:
    """Powers would overflow; rows and references of a single state, and of a rare one."""
    rows, q = np.array([[1.0, 0.0], [0.0, 1.0], [1e-300, 1.0]]), np.array([1e-280, 1.0])
    for name in (*FINITE, "inf"):
        order = as_order(name)
        found = divergences(order, rows, q)
        with localcontext(prec=DIGITS):
            for row, bound in zip(rows, found, strict=True):
                exact = exact_divergence(order, decimals(row), decimals(q))
                assert exact <= Decimal(float(bound)) <= exact + Decimal("1e-9")


@given(st.integers(1, 300), st.floats(0.25, 0.99))
def test_the_largest_ratio_may_be_that_of_a_rare_state(exponent: int, ratio: float) -> None:
    """Its logarithm is small and rounds little; those of its two probabilities do not."""
    rare = 10.0**-exponent
    rows, q = np.array([[rare, 1.0]]), np.array([rare * ratio, 1.0])
    found = float(divergences(as_order("inf"), rows, q)[0])
    with localcontext(prec=DIGITS):
        exact = exact_divergence(as_order("inf"), decimals(rows[0]), decimals(q))
        assert exact <= Decimal(found) <= exact + Decimal("1e-13")


@pytest.mark.parametrize("name", FINITE)
@settings(max_examples=15)
@given(data=st.data())
def test_a_tangent_is_a_lower_bound_and_near(name: str, data: st.DataObject) -> None:
    """``(a ln F(q') - (a-1) ln U) / (a-1)``, of weights that need not sum to one."""
    order, rows = as_order(name), data.draw(channels())
    weights = data.draw(distributions(len(rows)))
    reference = weights @ rows
    line = tangent(order, rows, 3.0 * weights, reference)
    best = float((rows @ line.reward).max()) * (1 + 1e-14)
    with localcontext(prec=DIGITS):
        a, q = decimal(order), decimals(reference)
        shares = [w / sum(decimals(weights)) for w in decimals(weights)]
        powered = [powers(order, decimals(row)) for row in rows]
        c = [sum(w * row[s] for w, row in zip(shares, powered, strict=True)) for s in range(len(q))]
        steep = [x * (-a * y.ln()).exp() if x else Decimal(0) for x, y in zip(c, q, strict=True)]
        most = max(sum(x * y for x, y in zip(decimals(row), steep, strict=True)) for row in rows)
        exact = (a * power_sum(order, c, q).ln() - (a - 1) * most.ln()) / (a - 1)
        bound = Decimal(line.bound(best))
        assert bound <= max(exact, Decimal(0))
        assert bound >= exact - Decimal("1e-9")


def test_a_tangent_that_proves_nothing() -> None:
    line = tangent(as_order(2), np.eye(2), np.ones(2), np.array([0.5, 0.5]))
    assert line.bound(0.0) == 0.0
    assert line.bound(1e9) == 0.0  # no divergence is negative
    assert replace(line, level=0.0).bound(1.0) == 0.0


def test_a_tangent_knows_only_of_states_that_weighted_rows_and_the_reference_have() -> None:
    unused = tangent(as_order(2), np.eye(2), np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    assert unused.reward.tolist() == [1.0, 0.0]
    assert (unused.level, unused.log_scale) == (0.5, pytest.approx(math.log(4), abs=1e-15))
    missed = tangent(as_order(2), np.eye(2), np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    assert missed.reward.tolist() == [1.0, 0.0]
    assert (missed.level, missed.log_scale) == (1.0, pytest.approx(-math.log(2), abs=1e-15))
    rare = tangent(as_order(64), np.array([[1.0, 1e-30]]), np.ones(1), np.array([1.0, 1e-30]))
    assert rare.reward == pytest.approx([1.0, 1.0], rel=1e-10)


@pytest.mark.parametrize("name", ["1", "3/2", "2", "inf"])
@settings(max_examples=15)
@given(data=st.data())
def test_both_bounds_of_any_candidate_hold(name: str, data: st.DataObject) -> None:
    """Whatever a solver returned: above by the mixture, below by weights that are quite another matter."""
    order, rows = as_order(name), data.draw(channels())
    mixture = data.draw(distributions(len(rows)))
    weights = data.draw(distributions(rows.shape[1] if order.is_infinite else len(rows)))
    found = _evaluated(order, rows, mixture, weights)
    value = channel_redundancy(rows, order).value
    assert found.lower <= value.upper
    assert found.upper >= value.lower
    if not order.is_one:
        with localcontext(prec=DIGITS):
            shares, exactly = decimals(mixture), [decimals(row) for row in rows]
            columns = list(zip(*exactly, strict=True))
            q = [dot(shares, column) for column in columns]
            exact = max(exact_divergence(order, row, q) for row in exactly)
            assert Decimal(found.upper) >= exact
            assert exact.is_infinite() or Decimal(found.upper) - exact <= Decimal("1e-9")
            if order.is_infinite:
                multipliers = decimals(weights)
                gained = dot([max(column) for column in columns], multipliers)
                most = max(dot(row, multipliers) for row in exactly)
                least = (gained / most).ln()
                assert least - Decimal("1e-12") <= Decimal(found.lower) <= least


# Rows (1, 0) and (1/2, 1/2). Order 2 has 1/q_0 = (1/q_0 + 1/q_1)/4, so q = (3/4, 1/4); order
# infinity has v = (1, 1/2), so q = v/(3/2); order 1 is the Z channel, log 5/4 (Cover & Thomas, problem 7.8).
HAND = {"1": ("5/4", "1/5"), "2": ("4/3", "1/4"), "inf": ("3/2", "1/3")}


@pytest.mark.parametrize("method", ["auto", "program"])
@pytest.mark.parametrize(("name", "answer"), HAND.items())
def test_two_rows_by_hand(name: str, answer: tuple[str, str], method: str) -> None:
    rows = np.array([[1.0, 0.0], [0.5, 0.5]])
    found = channel_redundancy(rows, name, method=method)
    value, rare = (float(Fraction(x)) for x in answer)
    assert found.value.lower <= math.log(value) <= found.value.upper
    assert found.value.gap < 1e-7
    assert found.reference == pytest.approx([1 - rare, rare], abs=1e-4)
    assert found.mixture @ rows == pytest.approx(found.reference, abs=1e-12)
    assert str(found.order) == name
    again = _evaluated(found.order, rows, found.mixture, found.weights)
    assert (again.lower, again.upper) == pytest.approx((found.value.lower, found.value.upper), abs=1e-7)


@pytest.mark.parametrize("rows", [[[0.999999, 1e-6], [1, 0]], [[0, 1], [3e-6, 0.999997]]])
@pytest.mark.parametrize("name", ["2", "16", "64"])
def test_ends_that_only_some_rows_have_and_rarely(rows: list[list[float]], name: str) -> None:
    """Their powers underflow at large orders: the bracket was (0, infinity), taken for a closed one."""
    fast, slow = (channel_redundancy(rows, name, method=method).value for method in ("auto", "program"))
    assert 0 < fast.gap < 1e-9
    assert fast.lower <= slow.upper
    assert slow.lower <= fast.upper


@pytest.mark.parametrize("name", ["3/2", "inf"])
def test_a_redundancy_says_where_its_bounds_are_from(name: str) -> None:
    value = channel_redundancy(np.eye(2), name).value
    assert value.lower_from == "tangent at the multipliers of the rows"
    assert value.upper_from == "largest divergence of a row from the returned mixture"


@pytest.mark.parametrize("name", ["1", "1.001", "2", "64", "inf"])
def test_every_order_of_point_masses_is_the_logarithm_of_their_number(name: str) -> None:
    """An output that no row has stays without mass, at every order."""
    found = channel_redundancy(np.eye(3, 4), name)
    assert found.value.lower <= math.log(3) <= found.value.upper
    assert found.value.gap < 1e-6
    assert found.reference == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.0], abs=1e-6)
    assert len(found.weights) == (4 if name == "inf" else 3)


@pytest.mark.parametrize("value", [1, "1", 1.001, "1001/1000", 2.0, "3/2", 64, Fraction(7, 3)])
def test_orders_are_read_exactly(value: object) -> None:
    order = as_order(value)
    assert order.exact == Fraction(str(value))
    assert (order.alpha, order.power) == (float(order.exact), float(order.exact - 1))
    assert order.is_one == (order.exact == 1)
    assert not order.is_infinite
    assert as_order(order) is order


@pytest.mark.parametrize("value", ["inf", " Infinity ", "INF", math.inf])
def test_the_infinite_order(value: object) -> None:
    order = as_order(value)
    assert (order.is_infinite, order.is_one, str(order), order.exact) == (True, False, "inf", None)
    assert (order.alpha, order.power) == (math.inf, math.inf)


@pytest.mark.parametrize("value", ["1000999/1000000", 0, -1, "6401/100", math.nan, "two", None, [2]])
def test_other_orders_are_refused_by_the_name_they_have(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match=r"Expected alpha to be 1, a number from 1\.001 to 64,"):
        as_order(value)
    with pytest.raises(InvalidArgumentError, match="Expected order"):
        channel_redundancy(np.eye(2), value)


def test_rewards_and_terms_of_an_order() -> None:
    """Order 2: ``b(x) = x - 1``; order 1: the logarithm; no mass, no term, and a floor inside the reward."""
    rho, q = np.array([0.5, 0.0]), np.array([0.25, 0.75])
    assert as_order(2).terms(rho, q) == pytest.approx([0.5, 0.0], abs=1e-15)
    assert as_order(3).terms(rho, q) == pytest.approx([0.75, 0.0], abs=1e-15)
    assert as_order(1).terms(rho, q) == pytest.approx([0.5 * math.log(2), 0.0], abs=1e-15)
    assert as_order(2).reward(rho, q) == pytest.approx([1.0, FLOOR / 0.75 - 1], abs=1e-15)
    assert as_order(1).reward(rho, q) == pytest.approx([math.log(2), math.log(FLOOR / 0.75)], abs=1e-12)
    assert as_order(3).divergence(np.array([4.0, -0.4])) == pytest.approx(
        [math.log(9) / 2, math.log(0.2) / 2]
    )
    assert as_order(1).divergence(np.array([0.3])) == pytest.approx([0.3], abs=0)
