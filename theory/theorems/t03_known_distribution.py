r"""T03, known task distribution: explore in proportion to the square root of ``p v``.

Statement
---------
On the full simplex the exploration that minimises the expected hitting loss ``sum_g p_g v_g / rho_g - 1``
for a known task distribution ``p`` is ``rho(g) ∝ sqrt(p_g v_g)``, with loss ``(sum_g sqrt(p_g v_g))**2 - 1``.

On a smaller polytope ``M`` of achievable ``rho`` the optimum is the convex program ``min_{rho in M} sum_g
p_g v_g / rho_g``; the closed form bounds it from below and is its value where ``M`` contains the claimed
``rho``. A task of probability zero is not explored and costs nothing.

Dropped: with
exploration ``∝ p`` instead of the square root the loss is strictly larger unless ``p`` is uniform (C06).
(Here ``E_p`` of the loss is ``sum_g p_g (v_g / rho_g - 1)``, so the constant is ``sum_g p_g = 1``.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.strategies import distributions
from metaregret.theory.claims import Context, Trial, method, theorem, vanishes
from metaregret.theory.optimise import CONVEX_SOLVERS, solve_certified


@dataclass(frozen=True)
class Claim:
    """The claimed optimum as functions of ``roots = sqrt(p v)``, which keeps rational instances rational."""

    exploration: Any
    loss: Any


def _exploration(roots: Any) -> Any:
    return [root / sum(roots) for root in roots]


def _loss(roots: Any) -> Any:
    return sum(roots) ** 2 - 1


def symbolic(claim: Any, context: Context) -> Iterable[Trial]:
    """Lagrange's identity behind Cauchy-Schwarz, as a sum of squares over pairs of goals.

    ``(sum a_g**2 / rho_g) (sum rho_g) - (sum a_g)**2 = sum_{g<h} (a_g rho_h - a_h rho_g)**2 / (rho_g rho_h)``
    with ``a = sqrt(p v)``. Both sides are sums over pairs, so the identity for one pair proves it for every
    K.
    """
    a, b, x, y = sympy.symbols("a_g a_h rho_g rho_h", positive=True)
    # Off-diagonal pair of the left side: a_g^2 rho_h / rho_g + a_h^2 rho_g / rho_h - 2 a_g a_h; the
    # diagonal cancels.
    pair = a**2 * y / x + b**2 * x / y - 2 * a * b - (a * y - b * x) ** 2 / (x * y)
    yield vanishes("identity for one pair", pair)
    explored = claim.exploration([a, b])
    yield vanishes("the square vanishes at the claimed rho", a * explored[1] - b * explored[0])
    yield vanishes("the claimed rho sums to one", sum(explored) - 1)
    attained = a**2 / explored[0] + b**2 / explored[1] - 1
    yield vanishes("the claimed loss is attained", attained - claim.loss([a, b]))


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[list[Fraction], list[Fraction]]:
    size = draw(st.integers(2, 5))
    scale = draw(st.integers(1, 4))
    roots = [weight / scale for weight in draw(distributions(size))]
    return roots, draw(distributions(size, positive=True))


def exact(claim: Any, context: Context) -> Iterable[Trial]:
    """Rational ``sqrt(p v)``: the loss at the claimed rho is the claimed one, and no rational competitor
    beats it."""

    def loss(roots: list[Fraction], rho: list[Fraction]) -> Fraction:
        terms = (r * r / x if x else Fraction(0 if not r else 10**9) for r, x in zip(roots, rho, strict=True))
        return sum(terms, Fraction(0)) - 1

    def check(situation: tuple[list[Fraction], list[Fraction]]) -> Trial:
        roots, competitor = situation
        rho = claim.exploration(roots)
        attained, claimed = loss(roots, rho), claim.loss(roots)
        excess = loss(roots, competitor) - claimed
        wrong = attained != claimed or sum(rho) != 1 or excess < 0
        return Trial(
            f"sqrt(p v) = {[str(r) for r in roots]}",
            -1.0 if wrong else float(excess),
            f"claimed {claimed}, attained {attained}, a competitor exceeds it by {excess}",
        )

    return context.examples(_situations(), check, name="T03 exact", share=5)


@dataclass(frozen=True)
class _Bounds:
    lower: float
    upper: float


def optimisation(claim: Any, context: Context) -> Iterable[Trial]:
    """The convex program in cvxpy, scaled by ``rho = sqrt(p v) u``, bracketed from its variables.

    The lower bound is the linearisation at the returned point minimised over the simplex (Frank-Wolfe gap).
    """
    from metaregret.tabular.modelling import cvxpy as cp

    for size in (3, 10, 40):
        random = context.generator(f"T03 {size}")
        roots = np.sqrt(random.dirichlet(np.full(size, 0.3)) * random.uniform(0.2, 1.0, size) + 1e-12)
        u = cp.Variable(size, pos=True)
        problem = cp.Problem(cp.Minimize(roots @ cp.inv_pos(u)), [roots @ u == 1])

        def certify(u: Any = u, roots: np.ndarray = roots) -> _Bounds | None:
            if u.value is None or not np.all(u.value > 0):
                return None
            rho = roots * u.value / (roots @ u.value)
            upper = float((roots**2 / rho).sum())
            return _Bounds(2 * upper - float(np.max(roots**2 / rho**2)) - 1, upper - 1)

        best = solve_certified(problem, certify, tolerance=1e-6, attempts=CONVEX_SOLVERS)
        claimed = float(claim.loss(list(roots)))
        slack = 1e-6 * max(1.0, abs(claimed))
        inside = min(claimed - best.lower, best.upper - claimed)
        wide = slack - (best.upper - best.lower)
        yield Trial(
            f"{size} goals",
            min(inside + slack, wide),
            f"claimed {claimed}, bracket [{best.lower}, {best.upper}]",
        )


def achievable(claim: Any, context: Context) -> Iterable[Trial]:
    """One-step processes, whose ``M`` is the hull of any rows: the program's value is no less than the closed
    form, and equal to it once ``M`` contains the claimed ``rho``."""
    for size in (2, 3, 6):
        random = context.generator(f"T03 M {size}")
        rows = random.dirichlet(np.full(size, 2.0), size + 1)
        roots = np.sqrt(random.dirichlet(np.full(size, 2.0)) * random.uniform(0.3, 1.0, size))
        claimed, explored = float(claim.loss(list(roots))), np.array(claim.exploration(list(roots)))
        around = random.normal(size=(size, size)) * 0.1 * explored.min()
        around -= around.mean(axis=1, keepdims=True)
        inside = np.vstack([rows, explored + around, explored - around])
        for name, vertices in (("any rows", rows), ("rows around the claimed rho", inside)):
            found = _over_rows(vertices, roots)
            slack = 1e-5 * max(1.0, abs(claimed))
            margin = min(found.upper - claimed + 1e-9, slack - (found.upper - found.lower))
            if name != "any rows":
                margin = min(margin, claimed - found.lower + slack, slack - abs(found.upper - claimed))
            yield Trial(
                f"{size} goals, {name}",
                margin,
                f"closed form {claimed}, program [{found.lower}, {found.upper}]",
            )


def _over_rows(rows: np.ndarray, roots: np.ndarray) -> _Bounds:
    """Solve the program over the hull of `rows` in cvxpy and bracket it as `optimisation` does."""
    from metaregret.tabular.modelling import cvxpy as cp

    weights = cp.Variable(len(rows), nonneg=True)
    loss = cp.sum(cp.multiply(roots**2, cp.inv_pos(weights @ rows)))
    problem = cp.Problem(cp.Minimize(loss), [cp.sum(weights) == 1])

    def certify() -> _Bounds | None:
        if weights.value is None or not np.all(np.isfinite(weights.value)):
            return None
        mixed = np.maximum(weights.value, 0.0)
        rho = mixed @ rows / mixed.sum()
        upper = float((roots**2 / rho).sum())
        return _Bounds(2 * upper - float((rows @ (roots**2 / rho**2)).max()) - 1, upper - 1)

    best = solve_certified(problem, certify, tolerance=1e-6, attempts=CONVEX_SOLVERS)
    return _Bounds(best.lower, best.upper)


THEOREM = theorem(
    uid="T03",
    title="Known task distribution: the square-root law",
    statement=(
        r"\arg\min_{\rho\in\Delta}\ \sum_g p_g\frac{v_g}{\rho_g} \;\propto\; \sqrt{p_g v_g}, \qquad "
        r"\min_{\rho\in\Delta}\ \sum_g p_g\frac{v_g}{\rho_g}-1=\Bigl(\sum_g\sqrt{p_g v_g}\Bigr)^{2}-1"
    ),
    kind="source",
    source="arXiv 1806.04640, goal-reaching case (v = 1); unequal v is an extension by this project",
    claim=Claim(_exploration, _loss),
    methods=(
        method(
            "sum of squares",
            "symbolic",
            symbolic,
            general="all K (the identity is a sum over pairs)",
            prose="the sum over pairs of goals; that a sum of squares vanishes only where all of them do",
        ),
        method("rational square roots and competitors", "exact", exact),
        method("convex program, bracketed", "optimisation", optimisation, "Clarabel"),
        method("program over a smaller M, bracketed", "optimisation", achievable, "Clarabel"),
    ),
    planted={
        "exponent one: rho ∝ p": Claim(lambda a: [r * r / sum(x * x for x in a) for r in a], _loss),
        "uniform exploration": Claim(lambda a: [Fraction(1, len(a))] * len(a), _loss),
        "dropped square": Claim(_exploration, lambda a: sum(a) - 1),
        "sum of squares instead of square of sum": Claim(_exploration, lambda a: sum(x * x for x in a) - 1),
    },
    uses=("T01", "T02"),
    expected="proved",
)
