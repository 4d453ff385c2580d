r"""T26, the price of a wrong proposal: the square of a hyperbolic cosine of Hilbert's distance.

Statement
---------
Any process, memoryless learners, infinitely many episodes. Let ``rho_q`` be optimal for the task
distribution ``q`` (T03), and let the tasks come from ``p``. With ``d_H(p, q) = log(max_g p_g/q_g / min_g
p_g/q_g)``, Hilbert's projective metric, both positive on the same goals,

    (1 + E_p Reg(rho_q)) / (1 + min_rho E_p Reg(rho))  <=  cosh(d_H(p, q) / 4)**2 .

The reachabilities ``v*`` do not enter, and on the simplex of all ``rho`` the bound is attained.

Why: with ``a_g`` proportional to ``q_g v_g / rho_q(g)``, optimality of ``rho_q`` says ``sum_g a_g rho_g /
rho_q(g) <= 1`` for every achievable ``rho``. Cauchy and Schwarz bound the optimum for ``p`` below by a
square of ``sum_g a_g sqrt(p_g/q_g)``; Kantorovich's inequality bounds ``sum_g a_g p_g/q_g`` by that
square times the factor.

Contrast T27: with memory a proposal however near to uniform is twice as dear as the best.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.strategies import distributions
from metaregret.theory.certificates.worked import proposed
from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.proposals import trained_learner

Vector = Sequence[Fraction]
DIGITS = 10**40


@dataclass(frozen=True)
class Claim:
    """The factor, as a function of ``k = exp(d_H / 2)``."""

    factor: Any = lambda k: (1 + k) ** 2 / (4 * k)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The factor is the squared cosine; Kantorovich's inequality in two steps, each a square or a product."""
    d, k, m, big, r, a, b = sympy.symbols("d k m M r A B", positive=True)
    cosine = sympy.cosh(d / 4) ** 2
    yield vanishes("squared cosine", (cosine - claim.factor(sympy.exp(d / 2))).rewrite(sympy.exp))
    yield vanishes("r + m M / r at most m + M", m + big - r - m * big / r - (big - r) * (r - m) / r)
    yield vanishes("the two means", (a + m * big * b) ** 2 - 4 * m * big * a * b - (a - m * big * b) ** 2)
    yield vanishes(
        "Kantorovich's factor", claim.factor(k) - ((m + big) ** 2 / (4 * m * big)).subs(big, k * m)
    )


def _price(p: Vector, v: Vector, trained: Vector, best: Vector) -> Fraction:
    """``(1 + E_p Reg)`` of one exploration over that of another."""
    losses = [sum(x * y / z for x, y, z in zip(p, v, rho, strict=True)) for rho in (trained, best)]
    return Fraction(losses[0]) / losses[1]


def _spread(p: Vector, q: Vector) -> Fraction:
    """``exp(d_H(p, q))``."""
    ratios = [x / y for x, y in zip(p, q, strict=True)]
    return max(ratios) / min(ratios)


def _root_above(x: Fraction) -> Fraction:
    """A rational number above the square root, by at most 1e-40."""
    return Fraction(isqrt(x.numerator * DIGITS**2 // x.denominator) + 1, DIGITS)


def _positive(size: int) -> st.SearchStrategy[list[Fraction]]:
    return distributions(size, positive=True, largest=9)


_ROOTS = st.integers(2, 5).flatmap(lambda n: st.tuples(_positive(n), _positive(n), _positive(n)))


def simplices(claim: Claim, context: Context) -> Iterable[Trial]:
    """All explorations: rational square roots, so that both optima and the distance are rational (T03)."""

    def check(vectors: tuple[list[Fraction], list[Fraction], list[Fraction]]) -> Trial:
        x, y, v = vectors  # square roots of p v and q v, which are the optimal explorations
        p, q = ([root**2 / reach for root, reach in zip(roots, v, strict=True)] for roots in (x, y))
        ratios = [a / b for a, b in zip(x, y, strict=True)]
        k = max(ratios) / min(ratios)
        price, bound = _price(p, v, y, x), claim.factor(k)
        return all_hold(
            f"sqrt(p v) {[str(a) for a in x]}, sqrt(q v) {[str(b) for b in y]}",
            f"price {price}, claimed at most {bound}",
            distance=_spread(p, q) == k**2,
            bounded=1 <= price <= bound,
        )

    yield from context.examples(_ROOTS, check, name="T26 simplices", share=3)
    for k in (Fraction(1), Fraction(2), Fraction(7, 2), Fraction(100)):
        one = [Fraction(1), Fraction(1)]
        price = _price(one, one, [1 / (1 + k), k / (1 + k)], [Fraction(1, 2)] * 2)
        yield all_hold(
            f"attained at k = {k}", f"{price}, {claim.factor(k)}", attained=price == claim.factor(k)
        )


@once
@st.composite
def _channels(draw: st.DrawFn) -> tuple[list[list[Fraction]], list[list[Fraction]], list[list[Fraction]]]:
    """Rows of a one-step channel, two price vectors, and a mixture of the rows that are dearest under each.

    A mixture of the dearest rows under prices ``c`` is optimal for ``p_g v_g`` proportional to ``c_g
    rho_g**2``: so the optimal explorations are rational on a polytope that is no simplex.
    """
    goals, count = draw(st.integers(2, 4)), draw(st.integers(2, 5))
    rows = [draw(_positive(goals)) for _ in range(count)]
    first, second = draw(_positive(goals)), draw(_positive(goals))
    values = [
        [sum((c * w for c, w in zip(prices, row, strict=True)), Fraction(0)) for row in rows]
        for prices in (first, second)
    ]
    pivot = draw(st.integers(0, count - 1))
    scale = values[0][pivot] / values[1][pivot]
    second, values[1] = [c * scale for c in second], [x * scale for x in values[1]]
    top = [max(a, b) for a, b in zip(*values, strict=True)]
    least = min(top)
    rows = [[w * (least / t) for w in row] for row, t in zip(rows, top, strict=True)]
    mixtures: list[list[Fraction]] = []
    for value in values:
        dearest = [i for i, (x, t) in enumerate(zip(value, top, strict=True)) if x == t]
        weights = draw(_positive(len(dearest)))
        mixtures.append(
            [
                sum((w * rows[i][g] for w, i in zip(weights, dearest, strict=True)), Fraction(0))
                for g in range(goals)
            ]
        )
    return rows, [first, second], mixtures


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Channels with noise: explorations optimal by construction, checked to be so; tolerance zero."""

    def check(drawn: tuple[list[list[Fraction]], list[list[Fraction]], list[list[Fraction]]]) -> Trial:
        rows, prices, mixtures = drawn
        v = [max(column) for column in zip(*rows, strict=True)]
        p, q = (
            [c * rho**2 / reach for c, rho, reach in zip(price, mixture, v, strict=True)]
            for price, mixture in zip(prices, mixtures, strict=True)
        )
        worth = [
            max(sum(c * w for c, w in zip(price, row, strict=True)) for row in rows)
            - sum(c * rho for c, rho in zip(price, mixture, strict=True))
            for price, mixture in zip(prices, mixtures, strict=True)
        ]
        price, bound = _price(p, v, mixtures[1], mixtures[0]), claim.factor(_root_above(_spread(p, q)))
        return all_hold(
            f"channel {[[str(w) for w in row] for row in rows]}",
            f"price {float(price)}, claimed at most {float(bound)}",
            both_optimal=worth == [0, 0],
            bounded=1 <= price <= bound,
        )

    return context.examples(_channels(), check, name="T26 channels", share=2)


def optimisation(claim: Claim, context: Context) -> Iterable[Trial]:
    """Noisy processes: the learner that a convex program trains on q meets p, a little and a lot away."""
    for specification, steps in (
        ("line:4,slip=1/5", 3),
        ("grid:2x2,slip=1/10", 2),
        ("garnet:S=6,A=3,b=3,seed=1", 3),
    ):
        process = make(specification).replaced(horizon=steps)
        goals = np.flatnonzero(goal_support(process))
        v = goal_values(process, goals).values
        random = context.generator(f"T26 {specification}")
        for width in (0.5, 3.0):
            p, q = (np.zeros(process.n_states) for _ in range(2))
            q[goals] = random.dirichlet(np.full(len(goals), 5.0))
            p[goals] = q[goals] * np.exp(width * random.uniform(-1, 1, len(goals)))
            p /= p.sum()
            trained, best = trained_learner(process, q), trained_learner(process, p)
            loss = float((p[goals] * v / trained.exploration[goals]).sum())
            ratios = p[goals] / q[goals]
            bound = float(claim.factor(np.sqrt(ratios.max() / ratios.min())))
            price = loss / (1 + best.hitting_loss.lower)
            margin = min(bound - price, price - 1 + 1e-9)
            yield Trial(
                f"{specification} T={steps}, width {width}", margin, f"price {price}, claimed at most {bound}"
            )


THEOREM = theorem(
    uid="T26",
    title="The price of a wrong proposal",
    statement=(
        r"\frac{1+\mathbb E_p\mathrm{Reg}(\rho_q)}{1+\min_\rho\mathbb E_p\mathrm{Reg}(\rho)}\le"
        r"\cosh^2\!\bigl(\tfrac14 d_H(p,q)\bigr),\qquad d_H(p,q)=\log\frac{\max_g p_g/q_g}{\min_g p_g/q_g}"
    ),
    kind="extension",
    source="extension by this project; Kantorovich's inequality, Hilbert's projective metric (Bushell 1973)",
    claim=Claim(),
    methods=(
        method(
            "Kantorovich's inequality",
            "symbolic",
            symbolic,
            general="all p and q",
            prose="that optimality for q gives sum a rho / rho_q <= 1; the sums over goals in the "
            "inequalities of Cauchy and Schwarz and of Kantorovich",
        ),
        method("simplices, rational", "exact", simplices),
        method("channels, rational", "exact", exact),
        method("learners trained by a convex program", "optimisation", optimisation, "Clarabel"),
    ),
    planted={
        "cosine without the square": Claim(factor=lambda k: (k**2 + 1) / (2 * k)),
        "exp(d_H / 2)": Claim(factor=lambda k: k),
        "exp(d_H)": Claim(factor=lambda k: k**2),
        "no price": Claim(factor=lambda k: k / k),
        "inverse": Claim(factor=lambda k: 4 * k / (1 + k) ** 2),
        "half the distance": Claim(factor=lambda k: (1 + (1 + k) / 2) ** 2 / (2 * (1 + k))),
    },
    uses=("T03",),
    expected="proved",
    certificate=lambda: proposed("grid:2x2", 2, "uniform"),
)
