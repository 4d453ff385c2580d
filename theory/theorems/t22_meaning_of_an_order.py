r"""T22, what an order means: a moment of the learner's hitting time, in units of that of the policy that
poses the goal.

Statement
---------
A goal ``g ~ rho`` is posed by a policy with terminal distribution ``rho``; a learner explores with ``q``.
The learner hits it in ``1 / q_g`` episodes in the mean, the poser in ``1 / rho_g``, and
``exp((a-1) D_a(rho || q)) = E_g[(rho_g / q_g)^(a-1)]`` is the moment of order ``a - 1`` of their ratio.
Order 1 is its expected logarithm, order 2 its mean, order infinity its maximum. So log loss, which density
modelling minimises, is order 1, and learning to reach any goal is order infinity.

Dropped: nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.strategies import distributions
from metaregret.theory.claims import Context, Trial, all_hold, method, summed, theorem, vanishes
from metaregret.theory.claims.oracles.power_moments import moment
from metaregret.theory.information import as_order, divergences, kl_divergence


@dataclass(frozen=True)
class Claim:
    """What is claimed: ``exponent(a)`` of the ratio ``ratio(rho, q)``, and ``scale(a)``, which the
    divergence is multiplied by in the exponent."""

    ratio: Any = lambda rho, q: rho / q
    exponent: Any = lambda order: order - 1
    scale: Any = lambda order: order - 1


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """One goal: its term of the moment, hitting times as geometric sums, and the limits at orders 1 and 2."""
    rho, q, a, n = sympy.symbols("rho q a n", positive=True)
    term = rho * claim.ratio(rho, q) ** claim.exponent(a)
    rest = sympy.expand_log(sympy.log(term / (rho**a * q ** (1 - a))), force=True)
    yield vanishes("term of one goal", rest)
    third = sympy.Rational(1, 3)
    # The mean of a hitting time is p times the derivative of the geometric series at 1 - p, term by term.
    geometric = summed(q**n, (n, 0, sympy.oo))
    times = [p * sympy.diff(geometric, q).subs(q, 1 - p) for p in (third, third / 2)]
    yield vanishes("ratio of mean hitting times", times[1] / times[0] - claim.ratio(third, third / 2))
    slope = sympy.diff(claim.ratio(rho, q) ** claim.exponent(a), a) / sympy.diff(claim.scale(a), a)
    slope = slope.subs(a, 1)
    yield vanishes("order 1: the logarithm", sympy.expand_log(slope - sympy.log(rho / q), force=True))
    yield vanishes("order 2: the mean", claim.ratio(rho, q) ** claim.exponent(2) - rho / q)
    yield vanishes("scale at order 2", claim.scale(a) - (a - 1))


_PAIRS = st.integers(1, 4).flatmap(
    lambda size: st.tuples(distributions(size), distributions(size, positive=True), st.integers(2, 5))
)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Integer orders: the sum of ``rho^a q^(1-a)`` against the moment; the maximum is the limit."""

    def check(drawn: tuple[list[Fraction], list[Fraction], int]) -> Trial:
        rho, q, order = drawn
        pairs = [(r, s) for r, s in zip(rho, q, strict=True) if r]
        power = claim.exponent(Fraction(order))
        if power.denominator != 1:
            return all_hold("no whole power", whole=False)
        claimed = sum(r * claim.ratio(r, s) ** int(power) for r, s in pairs)
        most = max(claim.ratio(r, s) for r, s in pairs)
        direct = sum(r**order * s ** (1 - order) for r, s in pairs)
        return all_hold(
            f"{len(rho)} goals, order {order}",
            f"moment {claimed}, powers {direct}",
            moment=claimed == direct == moment(rho, q, order),
            below_the_maximum=direct <= most ** (order - 1),
            maximum_has_weight=direct >= min(r for r, _ in pairs) * most ** (order - 1),
        )

    return context.examples(_PAIRS, check, name="T22 exact")


def numerical(claim: Claim, context: Context) -> Iterable[Trial]:
    """The divergences of the toolkit, orders 1, 3/2, 2 and infinity, against moments of the ratio."""

    def check(drawn: tuple[list[Fraction], list[Fraction], int]) -> Trial:
        rho, q = (np.array(x, dtype=float) for x in drawn[:2])
        posed = rho > 0
        ratio = claim.ratio(rho[posed], q[posed])
        error = abs(kl_divergence(rho, q) - float(rho[posed] @ np.log(ratio)))
        for order in (Fraction(3, 2), 2, drawn[2] + 1):
            value = float(divergences(as_order(order), [rho], q)[0])
            mean = float(rho[posed] @ ratio ** float(claim.exponent(order)))
            error = max(error, abs(math.exp(float(claim.scale(order)) * value) / mean - 1))
        largest = float(divergences(as_order("inf"), [rho], q)[0])
        error = max(error, abs(largest - float(np.log(ratio).max())))
        return Trial(f"{len(rho)} goals", 1e-9 - error, f"rho {rho}, q {q}, error {error}")

    return context.examples(_PAIRS, check, name="T22 numerical")


THEOREM = theorem(
    uid="T22",
    title="What an order means",
    statement=(
        r"e^{(a-1)D_a(\rho\|q)}=\mathrm{E}_{g\sim\rho}\left[\left(\frac{1/q_g}{1/\rho_g}\right)^{a-1}\right]"
    ),
    kind="extension",
    source="extension by this project; the moment form of the divergence: van Erven & Harremoes 2014",
    claim=Claim(),
    methods=(
        method(
            "one goal, and the limit at order 1",
            "symbolic",
            symbolic,
            general="all orders",
            prose="the expectation is the sum of the goals' terms; moments of growing order tend to the "
            "maximum",
        ),
        method("integer orders in rationals", "exact", exact),
        method("divergences against moments", "property", numerical),
    ),
    planted={
        "exponent a": Claim(exponent=lambda order: order),
        "hitting time of the poser over that of the learner": Claim(ratio=lambda rho, q: q / rho),
        "exponent of the divergence a": Claim(scale=lambda order: order),
    },
    uses=("T01",),
    expected="proved",
)
