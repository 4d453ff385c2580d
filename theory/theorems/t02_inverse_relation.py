r"""T02, inverse relation: the less often a goal is hit in exploration, the larger the regret, and convexly
so.

Statement
---------
``Reg_N`` is strictly decreasing and convex in ``rho`` on ``(0, v]``; at ``N = inf`` it diverges as
``rho -> 0``.

This is what makes the minimax problem of T04 a convex program. Nothing is assumed beyond T01.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes


def regret(rho: Any, optimum: Any, episodes: int | None) -> Any:
    """Return the claimed curve: ``sum_{i < N} (1 - rho)**i (v - rho)``, or ``v / rho - 1`` at ``N = inf``."""
    if episodes is None:
        return optimum / rho - 1
    return sum((1 - rho) ** i * (optimum - rho) for i in range(episodes))


def term(rho: Any, optimum: Any, i: Any) -> Any:
    """Return the loss of the episode after `i` failures, the summand of `regret`."""
    return (1 - rho) ** i * (optimum - rho)


def symbolic(claim: Any, context: Context) -> Iterable[Trial]:
    """Derivatives of the i-th summand for symbolic i, as sums of terms of one sign on
    ``0 < rho <= v <= 1``."""
    rho, v, q = sympy.symbols("rho v q", positive=True)  # q = 1 - rho
    i = sympy.symbols("i", integer=True, positive=True)
    # The curve under test must be the sum of the summands whose derivatives are taken; N = 1..4 pin its
    # shape.
    for episodes in range(1, 5):
        rest = claim(rho, v, episodes) - sum(term(rho, v, k) for k in range(episodes))
        yield vanishes(f"sum of {episodes} summands", sympy.expand(rest))
    summand = q**i * (v - 1 + q)  # the summand with rho = 1 - q; d/drho = -d/dq
    slope = -(q**i) - i * q ** (i - 1) * (v - 1 + q)
    bend = 2 * i * q ** (i - 1) + i * (i - 1) * q ** (i - 2) * (v - 1 + q)
    for name, expected, order in (("slope", slope, 1), ("bend", bend, 2)):
        yield vanishes(f"{name} of summand i", (-1) ** order * sympy.diff(summand, q, order) - expected)
    limit = sympy.limit(claim(rho, sympy.Integer(1), None), rho, 0, "+")
    yield all_hold("divergence at N = inf", f"limit {limit}", infinite=limit == sympy.oo)


_FRACTIONS = st.integers(1, 59).map(lambda k: Fraction(k, 60))
_CURVES = st.tuples(_FRACTIONS, _FRACTIONS, st.integers(1, 60), st.one_of(st.none(), st.integers(1, 12)))


def exact(claim: Any, context: Context) -> Iterable[Trial]:
    """Rational points: strictly decreasing between two of them and below the chord at their midpoint."""

    def check(drawn: tuple[Fraction, Fraction, int, int | None]) -> Trial | None:
        first, second, extra, episodes = drawn
        low, high = min(first, second), max(first, second)
        if low == high:
            return None
        v = high + (1 - high) * Fraction(extra, 60)
        ends = claim(low, v, episodes), claim(high, v, episodes)
        middle = claim((low + high) / 2, v, episodes)
        drop = ends[0] - ends[1]
        chord = (ends[0] + ends[1]) / 2 - middle
        margin = -1.0 if drop <= 0 else float(min(drop, chord))
        return Trial(
            f"rho in ({low}, {high}), v = {v}, N = {episodes}",
            margin,
            f"drop {drop}, below the chord by {chord}",
        )

    return context.examples(_CURVES, check, name="T02 exact", share=5)


def divergence(claim: Any, context: Context) -> Iterable[Trial]:
    """At ``N = inf`` halving ``rho`` doubles the hitting time ``regret + 1``, exactly: the curve has no
    bound."""
    for denominator in (2, 7, 10**6, 10**12):
        rho, v = Fraction(1, denominator), Fraction(1)
        doubled = (claim(rho / 2, v, None) + 1) - 2 * (claim(rho, v, None) + 1)
        yield Trial(f"rho = {rho}", 0.0 - float(abs(doubled)), f"difference {doubled}")


THEOREM = theorem(
    uid="T02",
    title="Inverse relation",
    statement=(
        r"\frac{\partial\,\mathrm{Reg}_N}{\partial\rho} < 0,\qquad "
        r"\frac{\partial^2\mathrm{Reg}_N}{\partial\rho^2}\ge 0 \ \text{ on } (0,v],\qquad "
        r"\lim_{\rho\to 0}\mathrm{Reg}_\infty=\infty"
    ),
    kind="source",
    source="arXiv 1806.04640, goal-reaching case",
    claim=regret,
    methods=(
        method(
            "signs of the derivatives",
            "symbolic",
            symbolic,
            general="every summand i, hence all N",
            prose="that every term of the two derivatives has the sign it shows on 0 < rho <= v <= 1, "
            "and that the regret of N episodes is the sum of the summands (checked for N = 1..4)",
        ),
        method("rational chords", "exact", exact),
        method("doubling at N = inf", "exact", divergence),
    ),
    planted={
        "linear in rho": lambda rho, v, n: v - rho if n else v / rho - 1,
        "wrong sign": lambda rho, v, n: -regret(rho, v, n),
        "bounded at N = inf": lambda rho, v, n: regret(rho, v, n or 50),
        "concave variant": lambda rho, v, n: (v - rho) * (1 + rho) if n else v / rho - 1,
    },
    uses=("T01",),
    expected="proved",
)
