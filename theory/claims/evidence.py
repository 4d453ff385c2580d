"""Evidence: what one method found about one claim, and the trials it is made of.

A *trial* measures the claim on one instance by its margin: how far the claim is from failing there. A
negative margin is a failure; exact trials have margin zero or more without any tolerance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import Any

from metaregret.tabular.choices import choice

__all__ = [
    "Evidence",
    "Group",
    "Trial",
    "agreement",
    "all_hold",
    "exact_agreement",
    "gather",
    "simplified",
    "summed",
    "vanishes",
]


class Group(Enum):
    """Independent ways to know something; the value is shown in reports."""

    SYMBOLIC = "symbolic"
    EXACT = "exact"
    OPTIMISATION = "optimisation"
    ENUMERATION = "enumeration"
    SIMULATION = "simulation"
    PROPERTY = "property"


@dataclass(frozen=True)
class Trial:
    """The outcome on one instance.

    Attributes
    ----------
    instance : str
        What it was measured on, for a reader.
    margin : float
        Distance to failure; negative means that the claim fails here.
    note : str
        What was compared, if it failed.
    witness : mapping or None
        The instance as a document that can be stored and replayed, where there is one.
    """

    instance: str
    margin: float
    note: str = ""
    witness: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Evidence:
    """What one method found.

    Attributes
    ----------
    name : str
    group : Group
    solvers : frozenset of str
        Numerical solvers it rests on; two methods are independent only if they share none.
    instances : int
        Number of trials.
    margin : float
        Smallest margin (infinite without trials).
    seconds : float
    failure : Trial or None
        The first failing trial.
    general : str or None
        For which sizes a symbolic derivation is general; None for evidence on instances.
    """

    name: str
    group: Group
    solvers: frozenset[str]
    instances: int
    margin: float
    seconds: float
    failure: Trial | None = None
    general: str | None = None


def agreement(instance: str, computed: float, expected: float, tolerance: float) -> Trial:
    """Compare two numbers; the margin is the tolerance (relative to ``max(1, |expected|)``) less the
    error."""
    if math.isinf(expected) or math.isinf(computed):
        error = 0.0 if computed == expected else math.inf
    else:
        error = abs(computed - expected) / max(1.0, abs(expected))
    margin = tolerance - error if not math.isnan(error) else -math.inf
    return Trial(instance, margin, f"computed {computed!r}, expected {expected!r}")


def exact_agreement(instance: str, computed: Fraction | int, expected: Fraction | int) -> Trial:
    """Compare two rational numbers with tolerance zero."""
    return Trial(instance, 0.0 - float(abs(computed - expected)), f"computed {computed}, expected {expected}")


def all_hold(instance: str, note: str = "", **conditions: bool) -> Trial:
    """Return a trial of yes-or-no conditions: margin 0 if all hold, -1 and their names otherwise."""
    broken = [name.replace("_", " ") for name, holds in conditions.items() if not holds]
    return Trial(
        instance, -1.0 if broken else 0.0, ("broken: " + ", ".join(broken) + "; " if broken else "") + note
    )


@lru_cache(maxsize=1000)
def simplified(expression: Any) -> Any:
    """Return what SymPy makes of an expression; a planted error leaves most of a theorem's as they are.

    Nearly all that vanishes does so over a common denominator, which takes a tenth of the time.
    """
    import sympy

    if sympy.expand(expression) == 0 or sympy.expand(sympy.fraction(sympy.together(expression))[0]) == 0:
        return sympy.Integer(0)
    return sympy.simplify(expression)


@lru_cache(maxsize=1000)
def summed(term: Any, limits: tuple[Any, Any, Any]) -> Any:
    """Return the sum of a term over ``(index, first, last)`` by SymPy, which no planted error changes."""
    import sympy

    return sympy.summation(term, limits)


def vanishes(instance: str, expression: Any) -> Trial:
    """Return a trial of a symbolic identity: is `expression` zero, whatever its symbols stand for?

    A value that is not zero refutes it; without one, SymPy has to simplify it to zero.
    """
    if (value := _value_somewhere(expression)) is not None:
        return Trial(instance, -1.0, f"difference {value}")
    rest = simplified(expression)
    return Trial(instance, 0.0 if rest == 0 else -1.0, f"difference {rest}")


@lru_cache(maxsize=1000)
def _value_somewhere(expression: Any) -> str | None:
    """Return a value other than zero that an expression takes, and where; None if one choice of rational
    numbers that meet the assumptions of its symbols gives none whose digits are certain."""
    import sympy
    from sympy.core.evalf import PrecisionExhausted

    numbers = [*(sympy.Rational(k, 2 * k + 1) for k in range(1, 20)), *map(sympy.Integer, range(2, 20))]
    place = {}
    for symbol in sorted(sympy.sympify(expression).free_symbols, key=str):
        known = symbol.assumptions0.items()
        fits = [n for n in numbers if all(getattr(n, f"is_{name}") is held for name, held in known)]
        if not fits:
            return None
        place[symbol] = fits[0]
        numbers.remove(fits[0])
    value = sympy.sympify(expression).subs(place)
    if not value.is_Rational:
        try:
            value = value.evalf(6, strict=True)
        except PrecisionExhausted:
            return None
    if not (value.is_number and value.is_finite) or value == 0:
        return None
    where = ", ".join(f"{symbol} = {number}" for symbol, number in place.items())
    return f"{value} at {where}" if where else str(value)


def gather(
    name: str,
    group: Group | str,
    run: Callable[[], Iterable[Trial]],
    *,
    solvers: frozenset[str] = frozenset(),
    general: str | None = None,
) -> Evidence:
    """Run the trials of `run`, stopping at the first failure, and return the evidence."""
    group = choice(Group, group, "group")
    began = time.perf_counter()
    count, margin, failure = 0, math.inf, None
    for trial in run():
        count += 1
        margin = min(margin, -math.inf if math.isnan(trial.margin) else trial.margin)
        if not trial.margin >= 0:  # a NaN margin is a failure
            failure = trial
            break
    return Evidence(name, group, solvers, count, margin, time.perf_counter() - began, failure, general)
