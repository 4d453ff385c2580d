"""The arithmetic of certified bounds against rational numbers: no result is inside the exact bound, ever."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from metaregret.tabular.bounds import UNIT_ROUNDOFF
from metaregret.tabular.engine.bound_kernels import macqueen

U = Fraction(UNIT_ROUNDOFF)


def shift(excess: Fraction, low: Fraction, high: Fraction) -> Fraction:
    """``k c`` with ``c = excess / (1 - k)`` at the contraction ``k`` that makes it largest."""
    factor = high if excess >= 0 else low
    return factor * excess / (1 - factor)


@pytest.mark.parametrize(
    "contraction", [(0.0, 0.0), (0.3, 0.3), (0.7, 0.9), (0.5, 0.999), (0.999999, 1 - 2**-30)]
)
@pytest.mark.parametrize("roundoff", [0.0, 2.0**-50, 2.0**-20])
def test_macqueen_bounds_are_outside_the_exact_ones_and_near(
    contraction: tuple[float, float], roundoff: float
) -> None:
    """Residuals of one sign and of both, values of every size."""
    generator = np.random.default_rng(0)
    low, high = (Fraction(x) for x in contraction)
    for trial in range(60):
        size = int(generator.integers(1, 5))
        values = generator.normal(size=size) * 10.0 ** generator.integers(-3, 6)
        residual = (
            generator.normal(size=size) * 10.0 ** generator.integers(-9, 3) + (-1.0, 0.0, 1.0)[trial % 3]
        )
        least, greatest = float(residual.min()), float(residual.max())
        reward = float(generator.exponential() * 10.0 ** generator.integers(-3, 6))
        backed = [Fraction(v) + Fraction(r) for v, r in zip(values.tolist(), residual.tolist(), strict=True)]
        magnitude = max(abs(x) for x in backed) + max(abs(Fraction(least)), abs(Fraction(greatest)))
        slack = Fraction(roundoff) * (Fraction(reward) + magnitude)
        rise = shift(Fraction(greatest) + slack, low, high) + slack
        fall = -shift(slack - Fraction(least), low, high) - slack
        lower, upper = values.copy(), residual.copy()
        macqueen(lower, upper, least, greatest, *contraction, roundoff, reward)
        near = 30 * U * (magnitude + (abs(rise) + abs(fall)) / (1 - high))
        for below, middle, above in zip(lower.tolist(), backed, upper.tolist(), strict=True):
            assert middle + rise <= Fraction(above) <= middle + rise + near
            assert middle + fall - near <= Fraction(below) <= middle + fall


@pytest.mark.parametrize("high", [1.0, 1.5])
def test_no_contraction_no_bound(high: float) -> None:
    """A factor of one or more proves nothing above where the residual is positive, nothing below where it is
    negative."""
    lower, upper = np.array([1.0, 2.0]), np.array([0.5, -0.5])
    gap, _ = macqueen(lower, upper, -0.5, 0.5, 0.5, high, 0.0, 1.0)
    assert gap == np.inf
    assert list(lower) == [-np.inf, -np.inf]
    assert list(upper) == [np.inf, np.inf]


def test_a_residual_that_is_no_number_proves_nothing() -> None:
    lower, upper = np.array([1.0, np.nan, 2.0]), np.zeros(3)
    gap, _ = macqueen(lower, upper, 0.0, 0.0, 0.5, 0.5, 2.0**-50, 1.0)
    assert gap == np.inf
    assert not np.any(lower > 1.0)
    assert not np.any(upper < 2.0)
