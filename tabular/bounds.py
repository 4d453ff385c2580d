"""Brackets ``lower <= value <= upper`` and the rounding allowances that keep them true in floating point.

A number is a result only together with the bracket that certifies it. Sums and products of non-negative
floating-point numbers have a *relative* error of at most ``n u / (1 - n u)`` after ``n`` roundings, with
``u = 2**-53`` (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., sec. 3.1); `relative_error`
gives that factor, and every certified bound of the project is widened by it.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.rationals import decimal_text, fraction_text, nearest_float

__all__ = ["SMALLEST", "UNIT_ROUNDOFF", "Bracket", "Status", "relative_error", "underflow_allowance"]

UNIT_ROUNDOFF = 2.0**-53
SMALLEST = 2.0**-1074

LONGEST_FRACTION = 120
"""Characters of a rational number that a line of text still shows."""


class Status(Enum):
    """How a returned number is backed. The value is the sentence shown to the user.

    Examples
    --------
    >>> import metaregret as mr
    >>> mr.solve(mr.goals(mr.make("line:3", horizon=2)), exact=True).status is mr.Status.EXACT
    True
    """

    EXACT = "exact: lower and upper are the same rational number"
    CERTIFIED = "certified: both bounds were recomputed from the returned variables, to the asked tolerance"
    BRACKETED = "bracketed: both bounds hold, but their gap is wider than the asked tolerance"

    @property
    def label(self) -> str:
        """The word used in JSON documents."""
        return "certified" if self is not Status.BRACKETED else "bracketed"


def relative_error(roundings: int) -> float:
    """Return ``n u / (1 - 2 n u)``, a bound on the relative error of `roundings` operations and on its
    inverse.

    With ``gamma_n = n u / (1 - n u)`` a true value lies between ``computed / (1 + gamma_n)`` and
    ``computed / (1 - gamma_n) = computed (1 + n u / (1 - 2 n u))``; four roundings are added for applying
    the factor.

    Parameters
    ----------
    roundings : int
        Number of floating-point roundings on non-negative operands along any path of the computation.

    Returns
    -------
    float
        The factor; multiply or divide a computed non-negative number by ``1 + gamma_n`` to bound it.

    Raises
    ------
    InvalidArgumentError
        If so many roundings accumulate that no relative accuracy is left.
    """
    accumulated = (roundings + 4) * UNIT_ROUNDOFF
    if accumulated >= 0.25:
        raise InvalidArgumentError(
            f"Expected fewer than 2**51 roundings, but got roundings={roundings}; use exact arithmetic."
        )
    return accumulated / (1.0 - 2.0 * accumulated)


def underflow_allowance(operations: int) -> float:
    """Return a bound on the absolute error of `operations` products that fall below the normal range.

    The relative model of `relative_error` fails below ``2**-1022``, where a product is off by up to half
    of the smallest positive number; sums are exact there. With all further factors at most one the errors
    add up.
    """
    return 2.0 * (operations + 4) * SMALLEST


@dataclass(frozen=True)
class Bracket:
    """A certified interval ``lower <= value <= upper``; as a float, or formatted, it is its midpoint.

    Attributes
    ----------
    lower, upper : float
        The bounds; ``upper`` may be infinite.
    exact : Fraction or None
        The value as a rational number where it is known with tolerance zero.
    lower_from, upper_from : str
        How each bound was obtained, as a phrase.

    Examples
    --------
    >>> import metaregret as mr
    >>> value = mr.solve(mr.goals(mr.make("grid:3x3,slip=1/10", horizon=4))).value
    >>> value.lower <= 2279601 / 320000 <= value.upper, f"{value:.4f}", round(float(value), 4)
    (True, '7.1238', 7.1238)
    """

    lower: float
    upper: float
    exact: Fraction | None = None
    lower_from: str = field(default="", repr=False)
    upper_from: str = field(default="", repr=False)

    def __repr__(self) -> str:
        exact = None if self.exact is None else fraction_text(self.exact)
        return f"Bracket(lower={self.lower!r}, upper={self.upper!r}, exact={exact})"

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise InvalidArgumentError(
                f"Expected lower <= upper, but got lower={self.lower!r} and upper={self.upper!r}."
            )

    @classmethod
    def of(cls, value: Fraction | int, how: str = "exact arithmetic") -> Bracket:
        """Return the exact bracket of a rational number, rounded outward in its float bounds."""
        nearest = nearest_float(Fraction(value))
        if math.isinf(nearest):
            largest = math.copysign(sys.float_info.max, nearest)
            beyond = (largest, nearest) if nearest > 0 else (nearest, largest)
            return cls(*beyond, Fraction(value), how, how)
        lower = nearest if Fraction(nearest) <= value else math.nextafter(nearest, -math.inf)
        upper = nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)
        return cls(lower, upper, Fraction(value), how, how)

    @property
    def gap(self) -> float:
        """``upper - lower`` (0 where both are infinite)."""
        return 0.0 if self.lower == self.upper else self.upper - self.lower

    @property
    def relative_gap(self) -> float:
        """``(upper - lower) / max(1, |lower|)``."""
        return self.gap / max(1.0, abs(self.lower)) if math.isfinite(self.lower) else self.gap

    @property
    def midpoint(self) -> float:
        """The middle of the bracket, the value to print."""
        if self.exact is not None:
            return nearest_float(self.exact)
        return self.upper if self.lower == self.upper else 0.5 * (self.lower + self.upper)

    def __float__(self) -> float:
        return self.midpoint

    def __format__(self, specification: str) -> str:
        return format(self.midpoint, specification) if specification else str(self)

    def __str__(self) -> str:
        if self.exact is None:
            bounds = f"lower {self.lower:.12g}, upper {self.upper:.12g}, gap {self.gap:.1e}"
            return f"{self.midpoint:.10g}  ({bounds})"
        text, nearest = fraction_text(self.exact), decimal_text(self.exact)
        if len(text) > LONGEST_FRACTION:
            return f"{nearest}  (a rational number of {len(text)} characters)"
        return text if self.exact.denominator == 1 else f"{text} = {nearest}"

    def contains(self, value: float | Fraction) -> bool:
        """Whether `value` lies in the bracket; exact where `value` is a rational number."""
        if math.isinf(self.upper):
            return self.lower <= value
        return Fraction(self.lower) <= Fraction(value) <= Fraction(self.upper)

    def status(self, tolerance: float) -> Status:
        """Classify the bracket against a relative tolerance."""
        if self.exact is not None:
            return Status.EXACT
        return Status.CERTIFIED if self.relative_gap <= tolerance else Status.BRACKETED

    def to_json(self) -> dict[str, float | str | None]:
        """Return the JSON form used by every command; where `exact` is known, both bounds are its nearest
        float."""
        if self.exact is not None:
            nearest = nearest_float(self.exact)
            return {"lower": nearest, "upper": nearest, "exact": fraction_text(self.exact)}
        return {"lower": self.lower, "upper": self.upper, "exact": None}
