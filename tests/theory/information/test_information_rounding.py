"""The rounding allowance of the certificate, checked in 60-digit arithmetic on the stored numbers."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.theory.information import capacity_bracket, channel_capacity
from metaregret.theory.information.channel import Vector
from tests.theory.information.channels import channels, distributions


def exact_bounds(channel: Vector, p: Vector) -> tuple[Decimal, Decimal]:
    """Return ``I(p)`` and ``max_x KL(W_x || p W)``, rows and ``p`` divided by their exact sums."""
    rows = [[Fraction(float(w)) for w in row] for row in channel]
    rows = [[w / sum(row) for w in row] for row in rows]
    inputs = [Fraction(float(weight)) for weight in p]
    inputs = [weight / sum(inputs) for weight in inputs]
    columns = zip(*rows, strict=True)
    outputs = [sum((a * w for a, w in zip(inputs, column, strict=True)), Fraction(0)) for column in columns]
    with localcontext() as context:
        context.prec = 60
        divergences = [_divergence(row, outputs) for row in rows]
        information = sum(
            (_decimal(a) * d for a, d in zip(inputs, divergences, strict=True) if a), Decimal(0)
        )
        return information, max(divergences)


def _divergence(row: list[Fraction], reference: list[Fraction]) -> Decimal:
    pairs = [(w, q) for w, q in zip(row, reference, strict=True) if w]
    if not all(q for _, q in pairs):
        return Decimal("Infinity")
    return sum((_decimal(w) * _decimal(w / q).ln() for w, q in pairs), Decimal(0))


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


@given(st.data())
def test_any_input_distribution_certifies_bounds_that_contain_the_exact_ones(data: st.DataObject) -> None:
    channel = data.draw(channels())
    p = data.draw(distributions(channel.shape[0]))
    information, largest = exact_bounds(channel, p)
    bracket = capacity_bracket(channel, p)
    assert Decimal(bracket.lower) <= information
    # Where p misses an output altogether the bound uses another q: finite, and still above the capacity.
    assert Decimal(bracket.upper) >= min(largest, Decimal(channel_capacity(channel).capacity.lower))
    if largest.is_finite():
        assert Decimal(bracket.upper) >= largest
        assert float(information) - bracket.lower <= 1e-12
        assert bracket.upper - float(largest) <= 1e-12


@pytest.mark.parametrize(("inputs", "outputs"), [(30, 40), (5, 300)])
def test_the_allowance_covers_long_sums(inputs: int, outputs: int) -> None:
    generator = np.random.default_rng(1)
    channel = generator.exponential(size=(inputs, outputs)) ** 3
    channel /= channel.sum(axis=1, keepdims=True)
    solved = channel_capacity(channel)
    information, largest = exact_bounds(channel, solved.input_distribution)
    assert Decimal(solved.capacity.lower) <= information <= largest <= Decimal(solved.capacity.upper)


def test_rows_are_divided_by_their_sums() -> None:
    """Sums within the accepted 1e-9 of one, but far from it in units of rounding."""
    channel = np.array([[0.9, 0.1], [0.2, 0.8]]) * np.array([[1 + 9e-10], [1 - 9e-10]])
    information, largest = exact_bounds(channel, np.array([0.5, 0.5]))
    bracket = capacity_bracket(channel, [0.5, 0.5])
    assert Decimal(bracket.lower) <= information <= largest <= Decimal(bracket.upper)
    assert bracket.upper - float(largest) <= 1e-13


def test_rare_outputs_need_the_allowance_of_their_logarithms() -> None:
    """Divergences of some hundred nats carry errors of many units in the last place of one; no slack hides
    them, as there are two outputs only."""
    for exponent in range(20, 285, 7):  # above the floor of outputs
        rare = 10.0**-exponent * (1 + exponent / 300)
        channel, p = np.array([[1.0, 0.0], [0.25, 0.75]]), np.array([1.0 - rare, rare])
        _, largest = exact_bounds(channel, p)
        bracket = capacity_bracket(channel, p)
        assert Decimal(bracket.upper) >= largest
        assert bracket.upper - float(largest) <= 1e-11
