r"""T20, the price of an order: what exploring with ``q_a`` costs in the worst case, against the minimax
exploration.

Statement
---------
All states where an episode can end are goals, ``v_g > 0``. ``C_a`` is non-decreasing in ``a``. For ``1 < a
< inf`` ``1 + Reg(q_a) <= exp(C_a) v_min^(-1/(a-1))``, hence ``(1 + Reg(q_a)) / (1 + Reg*) <=
v_min^(-1/(a-1))``. For ``a = 1`` ``1 + Reg(q_1) <= max_g v_g exp((C_1 + h(v_g)) / v_g)``, ``h`` the binary
entropy in nats, hence ``<= e (1 + Reg*)^(1 / v_min)``. ``Reg(q_a)`` itself need not fall as ``a`` grows.

The inequalities hold for every ``q in M``, with the largest divergence from ``q`` in place of ``C_a``, by
data processing to the event "ends at g" of the policy that is best for ``g``; they are checked there too.

Dropped: where only some of the states are goals and the others are lumped into one symbol, both "hence"
fail (C12).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.claims.oracles import sign_of_log_sum
from metaregret.theory.claims.oracles.power_moments import Rows, best, family, mixed, mixtures, moment, table
from metaregret.theory.information import channel_redundancy

ORDERS = (1, Fraction(3, 2), 2, 4, "inf")
RISING = ((Fraction(1, 6), Fraction(5, 6), Fraction(0)), (Fraction(0), Fraction(2, 3), Fraction(1, 3)))
"""Rows on which the regret of order 2 is minimax, and that of order 4 is not."""


@dataclass(frozen=True)
class Claim:
    """What is claimed of the price.

    ``exponent(a)``: the price of a finite order above 1 is ``worst(v)`` to the power of minus this;
    ``worst``: which ``v`` counts; ``entropy(x)``: what data processing to an event loses at order 1;
    ``falls``: whether the regret falls as the order grows.
    """

    exponent: Any = lambda order: 1 / (order - 1)
    worst: Any = min
    entropy: Any = lambda x, logarithm: -x * logarithm(x) - (1 - x) * logarithm(1 - x)
    falls: bool = False


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """One goal and one policy that reaches it with probability ``v``: the rest of the divergence only adds.

    Above order 1 keep the term ``v^a q^(1-a)`` of the event and solve for ``v / q``; at order 1 the
    divergence of the event is ``-h(v) - v log q - (1-v) log(1-q)``, whose last term only adds.
    """
    v, q, a = sympy.symbols("v q a", positive=True)
    kept = sympy.log(v**a * q ** (1 - a)) / (a - 1)
    price = -claim.exponent(a) * sympy.log(claim.worst([v]))
    yield vanishes("order above 1", sympy.expand_log(sympy.log(v / q) - kept - price, force=True))
    event = v * sympy.log(v / q) + (1 - v) * sympy.log((1 - v) / (1 - q))
    lost = -v * sympy.log(q) - claim.entropy(v, sympy.log) - (1 - v) * sympy.log(1 - q)
    yield vanishes("order 1", sympy.expand_log(event - lost, force=True))
    # v exp(h(v) / v) <= e: with x = 1 - v this is (1 - x) + x log x >= 0, whose slope log x is negative up
    # to x = 1.
    x = sympy.symbols("x", positive=True)
    slack = sympy.expand_log(1 - sympy.log(1 - x) - claim.entropy(1 - x, sympy.log) / (1 - x), force=True)
    yield vanishes("the factor e", slack * (1 - x) - (1 - x + x * sympy.log(x)))
    yield vanishes("slope of what is left", sympy.diff(1 - x + x * sympy.log(x), x) - sympy.log(x))


_ANY = st.tuples(mixtures(), st.integers(2, 4)).map(lambda pair: (*pair[0], pair[1]))
# Uniform on the goals of F(K, v), the price is nearly attained.
_HARD = st.builds(
    lambda count, parts, order: _nearly(count, Fraction(1, parts), order),
    st.integers(4, 16),
    st.integers(2, 8),
    st.integers(2, 4),
)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Integer orders, any rational mixture: every inequality raised to the power that makes it rational."""

    def check(drawn: tuple[Rows, Sequence[Fraction], int]) -> Trial:
        rows, q, order = drawn
        values = best(rows)
        far = {a: max(moment(row, q, a) for row in rows) for a in (order, order + 1)}
        regret = max(v / s for v, s in zip(values, q, strict=True))
        power = claim.exponent(Fraction(order)) * (order - 1)
        # regret <= far^(1/(a-1)) worst^(-exponent), to the power (a-1) times the exponent's denominator
        root = power.denominator
        right = far[order] ** root / claim.worst(values) ** int(power * root)
        return all_hold(
            f"{len(rows)} rows, {len(q)} goals, order {order}",
            f"1 + regret {regret}, exp((a-1) D) {far[order]}",
            price=regret ** ((order - 1) * root) <= right,
            orders_rise=far[order] ** order <= far[order + 1] ** (order - 1),
        )

    yield from context.examples(_HARD, check, name="T20 family", share=0.3)
    yield from context.examples(_ANY, check, name="T20 exact")


def _nearly(count: int, luck: Fraction, order: int) -> tuple[Rows, list[Fraction], int]:
    """A rational mixture of ``F(K, v)`` near the one of order a: weight ``p`` on the noisy action."""
    rows = family(count, luck)
    inner = float((count ** (order - 1) - (1 - luck) ** order) / luck**order) ** (1 / (order - 1))
    noisy = Fraction(1 / (1 + inner) / float(luck)).limit_denominator(10**4)
    return rows, mixed(rows, [noisy, *[(1 - noisy) / count] * count]), order


def order_one(claim: Claim, context: Context) -> Iterable[Trial]:
    """Order 1 at any rational mixture, decided with rational bounds of logarithms: for the policy best for
    ``g``, ``v log(1/q) - h(v) <= KL(rho || q)``."""

    def check(drawn: tuple[Rows, list[Fraction]]) -> Trial:
        rows, q = drawn
        parts = {}
        for goal, value in enumerate(best(rows)):
            row = next(row for row in rows if row[goal] == value)
            far = [(r, r / s) for r, s in zip(row, q, strict=True) if r]
            entropy = claim.entropy(value, lambda x: _Sum([(Fraction(1), Fraction(x))])) if value < 1 else 0
            terms = entropy.terms if isinstance(entropy, _Sum) else []
            parts[f"goal_{goal}"] = sign_of_log_sum([*far, (value, q[goal]), *terms]) >= 0
        return all_hold(f"{len(rows)} rows, {len(q)} goals", f"q {[str(x) for x in q]}", **parts)

    return context.examples(mixtures(), check, name="T20 order 1", share=0.5, most=1000)


@dataclass(frozen=True)
class _Sum:
    """A sum of rational multiples of logarithms of rationals."""

    terms: list[tuple[Fraction, Fraction]]

    def __add__(self, other: Any) -> _Sum:
        return _Sum(self.terms + (other.terms if isinstance(other, _Sum) else []))

    def __sub__(self, other: _Sum) -> _Sum:
        return self + -1 * other

    def __rmul__(self, factor: Fraction | int) -> _Sum:
        return _Sum([(factor * weight, x) for weight, x in self.terms])


_ROWS = mixtures().map(lambda drawn: drawn[0])


def optimised(claim: Claim, context: Context) -> Iterable[Trial]:
    """The explorations themselves, from convex programs with certified brackets."""

    def check(rows: Rows) -> Trial:
        values = best(rows)
        v = np.array([float(x) for x in values])
        found = [channel_redundancy(table(rows), order) for order in ORDERS]
        regrets = [float((v / each.reference).max()) for each in found]
        margin = min(later.value.upper - sooner.value.lower for sooner, later in pairwise(found))
        worst = float(claim.worst(values))
        for each, regret in zip(found, regrets, strict=True):
            if each.order.is_one:
                lost = [float(claim.entropy(x, math.log)) if x < 1 else 0.0 for x in v.tolist()]
                bound = float((v * np.exp((each.value.upper + np.array(lost)) / v)).max())
                margin = min(
                    margin, math.e * math.exp(found[-1].value.upper) ** (1 / worst) / regret - 1 + 1e-6
                )
            elif each.order.is_infinite:
                bound = math.exp(each.value.upper)
            else:
                price = worst ** -claim.exponent(each.order.alpha)
                bound = math.exp(each.value.upper) * price
                margin = min(margin, price * math.exp(found[-1].value.upper) / regret - 1 + 1e-6)
            margin = min(margin, bound / regret - 1 + 1e-6)
        if claim.falls:
            margin = min(margin, *(1 + 1e-4 - later / sooner for sooner, later in pairwise(regrets)))
        return Trial(f"{len(rows)} rows, {len(v)} goals", margin, f"1 + regrets {regrets}")

    for rows in (RISING, family(4, Fraction(1, 2)), family(8, Fraction(1, 4))):
        yield check(rows)
    yield from context.examples(_ROWS, check, name="T20 orders", share=0.15, most=300)


THEOREM = theorem(
    uid="T20",
    title="The price of an order",
    statement=(
        r"1<a<\infty:\ \frac{1+\mathrm{Reg}(q_a)}{1+\mathrm{Reg}^*}\le v_{\min}^{-1/(a-1)};\qquad "
        r"1+\mathrm{Reg}(q_1)\le\max_g v_g\,e^{(C_1+h(v_g))/v_g}\le e\,(1+\mathrm{Reg}^*)^{1/v_{\min}};"
        r"\qquad C_a\ \text{non-decreasing}"
    ),
    kind="extension",
    source="extension by this project; data processing and monotonicity: van Erven & Harremoes 2014",
    claim=Claim(),
    methods=(
        method(
            "data processing to one event",
            "symbolic",
            symbolic,
            general="all terminal polytopes and finite orders",
            prose="terms of a divergence that are left out are non-negative; the divergence of an order "
            "rises with the order (Jensen)",
        ),
        method("integer orders in rationals", "exact", exact),
        method("order 1 by bounds of logarithms", "enumeration", order_one),
        method("explorations from convex programs", "optimisation", optimised, "Clarabel", "HiGHS"),
    ),
    planted={
        "exponent 1 / a": Claim(exponent=lambda order: 1 / order),
        "v_max for v_min": Claim(worst=max),
        "dropped h(v)": Claim(entropy=lambda x, logarithm: 0 * x),
        "half of h(v)": Claim(entropy=lambda x, logarithm: -x * logarithm(x)),
        "regret falls with the order": Claim(falls=True),
    },
    uses=("T04", "T19"),
    expected="proved",
)
