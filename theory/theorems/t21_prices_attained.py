r"""T21, both prices are attained: the family ``F(K, v)`` of one noisy goal among ``K`` sure ones.

Statement
---------
``F(K, v)``: one step, ``K`` actions that reach goals ``1..K`` surely, one that reaches goal 0 with
probability ``v`` and else one of the ``K``, uniformly. ``Reg* = K + v - 1``; ``Reg(q_1) = v (1 + (K
e^{h(v)})^{1/v}) - 1``; for ``a > 1`` ``Reg(q_a) = v (1 + ((K^{a-1} - (1-v)^a) / v^a)^{1/(a-1)}) - 1``. At
``v = 1/2``: ``2 K^2 - 1/2`` against ``K - 1/2``.

So mutual information may pay exponentially in ``1 / v``, and a finite order ``a`` pays ``v^(-1/(a-1))`` up
to a factor that tends to one as ``K`` grows (T20).

Dropped: with ``v = 1`` all orders explore uniformly and pay nothing (T06).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.claims.oracles.power_moments import best, family, mixed, table
from metaregret.theory.information import channel_redundancy
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks


def _order_one(count: Any, luck: Any, power: Any = lambda base, exponent: base**exponent) -> Any:
    # e^{h(v) / v} = 1 / (v (1-v)^{(1-v)/v}), rational where 1/v is a whole number.
    return luck * (1 + power(count, 1 / luck) / (luck * power(1 - luck, (1 - luck) / luck))) - 1


def _order(count: Any, luck: Any, order: Any, power: Any = lambda base, exponent: base**exponent) -> Any:
    inner = (power(count, order - 1) - power(1 - luck, order)) / power(luck, order)
    return luck * (1 + power(inner, 1 / (order - 1))) - 1


@dataclass(frozen=True)
class Claim:
    """The three regrets: ``minimax(K, v)``, ``one(K, v)`` and ``order(K, v, a)``, the last two given how to
    take powers."""

    minimax: Any = lambda count, luck: count + luck - 1
    one: Any = _order_one
    order: Any = _order


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """By symmetry of the sure goals ``q = (x, (1-x)/K, ..)``; the farthest of the two kinds of action is
    least where both are equally far, for one gets nearer and the other farther as ``x`` grows.

    With ``r = (1-x)/x`` that is ``v^a r^(a-1) = K^(a-1) - (1-v)^a``, at order 1 ``log r = (log K + h(v)) /
    v``, and the regret of the noisy goal is ``v (1 + r) - 1``.
    """
    count, luck, a, r = sympy.symbols("K v a r", positive=True)
    power = sympy.Pow
    found = (claim.order(count, luck, a, power) + 1) / luck - 1
    # exp((a-1) D) of both kinds of action, times (1-x)^(a-1).
    noisy = luck**a * r ** (a - 1) + (1 - luck) ** a
    inner = sympy.symbols("c", positive=True)
    found = found.subs(power(count, a - 1) - power(1 - luck, a), inner)
    solved = sympy.expand_log(sympy.log(found), force=True)
    right = (sympy.log(inner) - a * sympy.log(luck)) / (a - 1)
    yield vanishes("order a: equally far", sympy.expand_log(solved - right, force=True))
    value = noisy.subs(r ** (a - 1), (count ** (a - 1) - (1 - luck) ** a) / luck**a)
    yield vanishes("order a: both moments", value - count ** (a - 1))
    one = sympy.expand_log(sympy.log((claim.one(count, luck, power) + 1) / luck - 1), force=True)
    solution = _equally_far(count, luck, r)
    yield Trial("order 1: one solution", 0.0 if len(solution) == 1 else -1.0, str(solution))
    if len(solution) == 1:
        difference = sympy.expand_log(solution[0] - one, force=True)
        yield vanishes("order 1: equally far", difference)
    yield vanishes("order infinity: goals equally rare", claim.minimax(count, luck) + 1 - (count + luck))


@cache
def _equally_far(count: Any, luck: Any, r: Any) -> list[Any]:
    """Where both kinds of action are equally far at order 1: all values of ``log r``."""
    far = luck * sympy.log(luck * (1 + r)) + (1 - luck) * sympy.log((1 - luck) * (1 + 1 / r))
    near = sympy.log(count) + sympy.log(1 + 1 / r)
    gap = sympy.expand_log(sympy.log(1 + 1 / r), force=True)
    difference = sympy.expand_log(far - near, force=True).subs(sympy.log(r + 1), gap + sympy.log(r))
    difference = sympy.expand(difference.subs(sympy.log(1 + 1 / r), sympy.log(1 + r) - sympy.log(r)))
    level = sympy.Symbol("l")
    return list(sympy.solve(difference.subs(sympy.log(r), level), level))


_FAMILIES = st.tuples(st.integers(1, 12), st.integers(2, 6))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational members: at ``v = 1 / m`` order 1 is rational, and orders 2 always; the claimed mixture is
    in ``M``, and both kinds of action are equally far from it, which no other mixture of these improves for
    both."""

    def check(drawn: tuple[int, int]) -> Trial:
        count, parts = drawn
        luck = Fraction(1, parts)
        rows = family(count, luck)

        def whole(base: Any, exponent: Any) -> Fraction:
            # A power that is not whole has no place in a rational claim; zero fails below.
            return Fraction(base) ** int(exponent) if Fraction(exponent).denominator == 1 else Fraction(0)

        conditions = {}
        for name, regret in (
            ("one", claim.one(count, luck, whole)),
            ("two", claim.order(count, luck, Fraction(2), whole)),
            ("most", claim.minimax(count, luck)),
        ):
            x = luck / (regret + 1)
            noisy = x / luck
            conditions[f"{name}_in_polytope"] = 0 < noisy < 1
            if not 0 < noisy < 1:
                continue
            q = mixed(rows, [noisy, *[(1 - noisy) / count] * count])
            conditions[f"{name}_worst"] = max(v / s for v, s in zip(best(rows), q, strict=True)) == regret + 1
            if name == "one":
                # m log(v/x) + .. as a product: (v/x) ((1-v)/(K y))^(m-1) = y^(-m), with y the share of a
                # sure goal.
                y = (1 - x) / count
                far = luck / x * ((1 - luck) / (count * y)) ** (parts - 1)
                conditions["one_equally_far"] = far == y**-parts
            elif name == "two":
                y = (1 - x) / count
                conditions["two_equally_far"] = luck**2 / x + (1 - luck) ** 2 / (1 - x) == 1 / y
            else:
                conditions["most_equally_rare"] = luck / x == count / (1 - x)
        return all_hold(f"F({count}, {luck})", **conditions)

    return context.examples(_FAMILIES, check, name="T21 exact")


def processes(claim: Claim, context: Context) -> Iterable[Trial]:
    """The environment itself: the minimax regret by the linear program, sharpened to a rational number."""
    for count, luck in ((1, "1/2"), (4, "1/2"), (3, "2/3"), (16, "1/8")):
        process = make(f"noisy-goal:K={count},v={luck}")
        found = solve_without_memory(GoalTasks.reachable(process), exact=True).value.exact
        expected = claim.minimax(count, Fraction(luck))
        yield Trial(process.name, 0.0 if found == expected else -1.0, f"{found}, claimed {expected}")


def optimised(claim: Claim, context: Context) -> Iterable[Trial]:
    """Orders 1, 3/2, 2, 3 and 6 from convex programs, certified, against the closed forms."""

    def check(drawn: tuple[int, int]) -> Trial:
        count, parts = drawn
        luck = Fraction(1, parts)
        rows = table(family(count, luck))
        values, margin, notes = rows.max(axis=0), np.inf, []
        for order in (1, Fraction(3, 2), 2, 3, 6):
            found = channel_redundancy(rows, order)
            regret = float((values / found.reference).max()) - 1
            real = float(luck)
            claimed = claim.one(count, real) if order == 1 else claim.order(count, real, float(order))
            margin = min(margin, 1e-5 - abs(regret - claimed) / (1 + abs(claimed)))
            notes.append(f"order {order}: {regret}, claimed {claimed}")
        return Trial(f"F({count}, {luck})", float(margin), "; ".join(notes))

    return context.examples(_FAMILIES, check, name="T21 programs", share=0.2, most=200)


THEOREM = theorem(
    uid="T21",
    title="Both prices are attained",
    statement=(
        r"F(K,v):\ \mathrm{Reg}^*=K+v-1,\quad \mathrm{Reg}(q_1)=v\left(1+(Ke^{h(v)})^{1/v}\right)-1,\quad "
        r"\mathrm{Reg}(q_a)=v\left(1+\left(\frac{K^{a-1}-(1-v)^a}{v^a}\right)^{1/(a-1)}\right)-1"
    ),
    kind="extension",
    source="extension by this project",
    claim=Claim(),
    methods=(
        method(
            "two kinds of action equally far",
            "symbolic",
            symbolic,
            general="all K, all v, all orders",
            prose="the minimiser is symmetric in the sure goals, since the divergence is convex in q; as the "
            "share of the noisy goal grows its action gets nearer and the others farther",
        ),
        method("rational members", "exact", exact),
        method("minimax regret of the environment", "enumeration", processes, "HiGHS"),
        method("explorations from convex programs", "optimisation", optimised, "Clarabel"),
    ),
    planted={
        "exponent 1 / a": Claim(order=lambda k, v, a, power=pow: _order(k, v, a + 1, power)),
        "dropped h(v)": Claim(one=lambda k, v, power=pow: v * (1 + power(k, 1 / v)) - 1),
        "K for K + v - 1": Claim(minimax=lambda k, v: k),
        "K - 1 for K + v - 1": Claim(minimax=lambda k, v: k - 1),
    },
    uses=("T04", "T19", "T20"),
    expected="proved",
)
