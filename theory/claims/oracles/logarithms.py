"""Logarithms of rational numbers between rational bounds, so that statements about information can be
decided exactly.

``log x = 2 artanh((x - 1) / (x + 1))``, and for ``0 <= y < 1`` the series ``artanh y = y + y**3 / 3 + ...``
has a tail below its next term over ``1 - y**2``. Numbers are first brought near one by powers of two.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from tabular.errors import ConvergenceError, InvalidArgumentError

__all__ = ["logarithm_bounds", "sign_of_log_sum"]


def logarithm_bounds(x: Fraction, terms: int = 20) -> tuple[Fraction, Fraction]:
    """Return rational numbers with ``lower <= log x <= upper``; more terms bring them closer.

    Raises
    ------
    InvalidArgumentError
        If `x` is not positive.
    """
    if x <= 0:
        raise InvalidArgumentError(f"Expected a positive number to take the logarithm of, but got {x}.")
    exponent = 0
    while x > Fraction(3, 2):
        x, exponent = x / 2, exponent + 1
    while x < Fraction(3, 4):
        x, exponent = x * 2, exponent - 1
    low, high = _artanh((x - 1) / (x + 1), terms)
    two_low, two_high = _artanh(Fraction(1, 3), terms)
    if exponent < 0:
        two_low, two_high = two_high, two_low
    return 2 * (low + exponent * two_low), 2 * (high + exponent * two_high)


def _artanh(y: Fraction, terms: int) -> tuple[Fraction, Fraction]:
    if y < 0:
        low, high = _artanh(-y, terms)
        return -high, -low
    total, power = Fraction(0), y
    for n in range(terms):
        total += power / (2 * n + 1)
        power *= y * y
    return total, total + power / (2 * terms + 1) / (1 - y * y)


def sign_of_log_sum(parts: Iterable[tuple[Fraction, Fraction]], most_terms: int = 160) -> int:
    """Return the sign of ``sum_i c_i log x_i`` for rational ``c_i`` and positive rational ``x_i``.

    Raises
    ------
    ConvergenceError
        If the sum is too close to zero to tell (it may be zero).
    """
    pairs = [(Fraction(c), Fraction(x)) for c, x in parts if c]
    terms = 10
    while terms <= most_terms:
        low = high = Fraction(0)
        for c, x in pairs:
            bounds = logarithm_bounds(x, terms)
            low += c * bounds[0 if c > 0 else 1]
            high += c * bounds[1 if c > 0 else 0]
        if low > 0 or high < 0:
            return 1 if low > 0 else -1
        terms *= 2
    raise ConvergenceError(
        "The sum of logarithms is too close to zero to tell its sign.", lower=float(low), upper=float(high)
    )
