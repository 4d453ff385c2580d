"""The discount factor: exact, as the nearest float, and as floats on both sides for certified bounds."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.rationals import parse_fraction

__all__ = ["Discount", "read_discount"]


class Discount(NamedTuple):
    """A discount factor in ``[0, 1)``.

    Attributes
    ----------
    exact : Fraction
    nearest : float
    below, above : float
        ``below <= exact <= above``, neighbours of `nearest`.
    """

    exact: Fraction
    nearest: float
    below: float
    above: float


def read_discount(gamma: object) -> Discount:
    """Read a number or its spelling; repeated factors are read once.

    Raises
    ------
    InvalidArgumentError
        If it is not a number in ``[0, 1)``.
    """
    try:
        return _read(gamma)
    except TypeError:  # not hashable, so no number: the reader says so by name
        parse_fraction(gamma, "gamma")
        raise


@lru_cache(maxsize=64, typed=True)  # a float is read as the decimal it prints, an equal Fraction as itself
def _read(gamma: object) -> Discount:
    value = parse_fraction(gamma, "gamma")
    if not 0 <= value < 1:
        raise InvalidArgumentError(
            f"Expected 0 <= gamma < 1, but got gamma={gamma}; use objective='total' where nothing is "
            "discounted."
        )
    nearest = float(value)
    return Discount(value, nearest, max(0.0, math.nextafter(nearest, -1.0)), math.nextafter(nearest, 2.0))
