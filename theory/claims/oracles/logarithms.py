"""Logarithms of rational numbers between rational bounds, so that statements about information can be
decided exactly.

``log x = 2 artanh((x - 1) / (x + 1))``, and for ``0 <= y < 1`` the series ``artanh y = y + y**3 / 3 + ...``
has a tail below its next term over ``1 - y**2``. Numbers are first brought near one by powers of two.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import lcm, prod

from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError

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
    """Return the sign of ``sum_i c_i log x_i`` for rational ``c_i`` and positive rational ``x_i``: -1, 0 or
    1.

    Raises
    ------
    ConvergenceError
        If the sum is too close to zero to tell, and too long to decide whether ``prod_i x_i**c_i`` is one.
    """
    merged: dict[Fraction, Fraction] = {}
    for c, x in parts:
        merged[Fraction(x)] = merged.get(Fraction(x), Fraction(0)) + c
    pairs = [(c, x) for x, c in merged.items() if c and x != 1]
    terms = 10
    while terms <= most_terms:
        low = high = Fraction(0)
        for c, x in pairs:
            bounds = logarithm_bounds(x, terms)
            low += c * bounds[0 if c > 0 else 1]
            high += c * bounds[1 if c > 0 else 0]
        if low > 0 or high < 0:
            return 1 if low > 0 else -1
        if terms == 10 and _product_is_one(pairs):
            return 0
        terms *= 2
    raise ConvergenceError(
        "The sum of logarithms is too close to zero to tell its sign.", lower=float(low), upper=float(high)
    )


def _product_is_one(pairs: list[tuple[Fraction, Fraction]], longest: int = 5000) -> bool:
    """Whether ``prod x**c`` is exactly one, where the exponents are small enough to multiply it out."""
    scale = lcm(*(c.denominator for c, _ in pairs))
    exponents = [int(c * scale) for c, _ in pairs]
    if sum(map(abs, exponents)) > longest:
        return False
    return prod((x**n for n, (_, x) in zip(exponents, pairs, strict=True)), start=Fraction(1)) == 1
