"""Reading rational numbers, and arrays of them.

Every number that a person writes is read as the rational it spells: ``"1/3"``, ``0.1`` in a JSON file and the
Python float ``0.1`` all mean what they print, so a file of decimals is exact data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from numbers import Rational
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError, NotExactError

__all__ = [
    "MAX_DIGITS",
    "decimal_text",
    "fraction_text",
    "fractions_array",
    "nearest_float",
    "parse_fraction",
    "spelled_distribution",
    "split_fractions",
]

MAX_DIGITS = 400
"""Longest accepted spelling of a number; longer ones are refused before they are converted."""

_NUMBER = re.compile(r"[+-]?(\d+/\d+|\d+|(\d+\.\d*|\.\d+)([eE][+-]?\d{1,3})?|\d+[eE][+-]?\d{1,3})")


def parse_fraction(value: object, what: str = "number") -> Fraction:
    """Read `value` as a rational number.

    Parameters
    ----------
    value : int, float, Fraction, Decimal, other rational or str
        Floats are read by their shortest decimal spelling (``0.1`` is one tenth); strings as ``"p/q"`` or a
        decimal literal.
    what : str
        The name of the item for error messages.

    Raises
    ------
    InvalidArgumentError
        If the value is not a finite number, or is spelled with more than `MAX_DIGITS` characters.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, (bool, np.bool_)):
        raise InvalidArgumentError(f"Expected {what} to be a number, but got {value!r}.")
    if isinstance(value, (int, np.integer)):
        if abs(int(value)).bit_length() > 4 * MAX_DIGITS:
            raise InvalidArgumentError(f"Expected {what} of at most {MAX_DIGITS} digits, but it is longer.")
        return Fraction(int(value))
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise InvalidArgumentError(f"Expected {what} to be finite, but got {float(value)!r}.")
        narrow = isinstance(value, np.floating) and not isinstance(value, np.float64)
        return _spelled(str(value) if narrow else repr(float(value)))
    if isinstance(value, (str, Decimal)):
        return _parse_text(str(value).strip(), what)
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    raise InvalidArgumentError(
        f'Expected {what} to be a number or a string "p/q", but got {value!r} of type {type(value).__name__}.'
    )


@lru_cache(4096)
def _spelled(decimal: str) -> Fraction:
    """The number that a decimal spells; tables of transitions repeat few of them very often."""
    return Fraction(decimal)


def _parse_text(text: str, what: str) -> Fraction:
    if len(text) > MAX_DIGITS:
        raise InvalidArgumentError(
            f"Expected {what} of at most {MAX_DIGITS} characters, but got {len(text)}; shorten it."
        )
    if not _NUMBER.fullmatch(text):
        raise InvalidArgumentError(
            f'Expected {what} to be a number or "p/q", but got {text!r}; write for example "1/3" or 0.5.'
        )
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise InvalidArgumentError(
            f"Expected {what} with a non-zero denominator, but got {text!r}."
        ) from None


def spelled_distribution(floats: Sequence[float], max_denominator: int | None, what: str) -> list[Fraction]:
    """Return the exact distribution that floats spell: decimals, else small fractions.

    Parameters
    ----------
    floats : sequence of float
        Probabilities.
    max_denominator : int or None
        Fractions up to this denominator count where a float is their nearest; None: decimals only.
    what : str
        The name of the distribution for error messages.

    Raises
    ------
    NotExactError
        If the floats spell no distribution.
    """
    decimals = [parse_fraction(value, what) for value in floats]
    total = sum(decimals, Fraction(0))
    if total == 1:
        return decimals
    refusal = f"The decimals of {what} sum to {float(total)!r} (off by {float(total - 1):.1e}), not 1"
    if max_denominator is None:
        raise NotExactError(f'{refusal}; write the probabilities as "p/q".')
    small = [Fraction(value).limit_denominator(max_denominator) for value in floats]
    for value, near in zip(floats, small, strict=True):
        if float(near) != value:
            raise NotExactError(
                f"{refusal}, and {value!r} is not the float of a fraction with denominators up to "
                f'{max_denominator}; write the probabilities as "p/q".'
            )
    if sum(small, Fraction(0)) != 1:
        raise NotExactError(
            f"{refusal}, and their nearest fractions sum to {sum(small, Fraction(0))}; write the "
            'probabilities as "p/q".'
        )
    return small


def fraction_text(value: Fraction) -> str:
    """Return ``"p/q"`` (``"p"`` for an integer), however long: Python's own conversion stops at 4300
    digits."""
    import flint

    numerator, denominator = (str(flint.fmpz(part)) for part in (value.numerator, value.denominator))
    return numerator if value.denominator == 1 else f"{numerator}/{denominator}"


def nearest_float(value: Fraction) -> float:
    """Return the nearest float, which is infinite above 1.8e308."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def decimal_text(value: Fraction, digits: int = 10) -> str:
    """Return `value` in decimals, rounded to `digits`; also where no float is near."""
    rounded = nearest_float(value)
    if math.isfinite(rounded) and (rounded != 0 or not value):
        return f"{rounded:.{digits}g}"
    with localcontext(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN):
        return f"{(Decimal(value.numerator) / Decimal(value.denominator)).normalize():.{digits}g}"


def split_fractions(values: Iterable[Fraction]) -> tuple[np.ndarray, np.ndarray]:
    """Split rationals into arrays of numerators and denominators, int64 where they fit."""
    items = list(values)
    numerators = [item.numerator for item in items]
    denominators = [item.denominator for item in items]
    limit = 2**62
    small = all(abs(n) < limit and d < limit for n, d in zip(numerators, denominators, strict=True))
    dtype: Any = np.int64 if small else object
    return np.array(numerators, dtype=dtype), np.array(denominators, dtype=dtype)


def fractions_array(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """Return the object array of `Fraction` with these numerators and denominators, same shape."""
    flat = [Fraction(int(n), int(d)) for n, d in zip(numerators.ravel(), denominators.ravel(), strict=True)]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(numerators.shape)
