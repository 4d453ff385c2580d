r"""T16, adversary budget: from the square-root law to the minimax solution as the adversary gains freedom.

Statement
---------
Let ``U_eps(p0)`` be a closed convex ball of task distributions around a nominal one. On the full simplex
``min_rho max_{p in U} sum_g p_g (v_g / rho_g - 1) = max_{p in U} (sum_g sqrt(p_g v_g))**2 - 1``, attained by
``rho ∝ sqrt(p v)`` at the maximising ``p``: T03 against the least-favourable distribution of the ball. The
worst case is convex in ``rho``, the value does not decrease with the radius, it is T03 at radius 0 and T04
where the ball is the simplex. Balls: total variation, Kullback-Leibler, and ``{p <= p0 / alpha}``
(conditional value at risk). On a smaller set of achievable ``rho`` there is no closed form, but the program
is convex and the last three statements hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.environments import make
from metaregret.tabular.goals import optimal_terminal_values
from metaregret.tabular.occupancy import flow_polytope
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.strategies import distributions
from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.minimax.memory import (
    Adversary,
    ConditionalValueAtRisk,
    KullbackLeiblerBall,
    TotalVariationBall,
)
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.optimise import CONVEX_SOLVERS, solve_certified
from metaregret.theory.success import SuccessTasks, success_tasks
from metaregret.theory.tasks import GoalTasks

Vector = Sequence[Fraction]


@dataclass(frozen=True)
class Claim:
    """``value(roots)`` and ``exploration(roots)`` from ``roots = sqrt(p v)`` at the worst ``p``;
    ``order(small, large)``."""

    value: Any = lambda roots: sum(roots) ** 2 - 1
    exploration: Any = lambda roots: [root / sum(roots) for root in roots]
    order: Any = lambda small, large: large - small


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The dual function ``(sum sqrt(p v))**2 - 1`` is concave: for one pair its curvature is a negative
    square.

    Its gradient is the loss ``v_g / rho_g`` at ``rho ∝ sqrt(p v)``, so where ``p`` maximises it over a
    convex set, ``p`` is a worst case of that ``rho``: a saddle point. The square of the sum is a sum over
    pairs of ``2 sqrt(p_g v_g p_h v_h)`` and of linear terms, so two goals suffice.
    """
    p, q, v, w = sympy.symbols("p q v w", positive=True)
    roots = [sympy.sqrt(p * v), sympy.sqrt(q * w)]
    dual = claim.value(roots)
    rho = claim.exploration(roots)
    yield vanishes("gradient in p is the loss", sympy.diff(dual, p) - v / rho[0])
    yield vanishes("gradient in q is the loss", sympy.diff(dual, q) - w / rho[1])
    yield vanishes("value of the loss at p", p * v / rho[0] + q * w / rho[1] - 1 - dual)
    a, b = sympy.symbols("a b", real=True)
    curvature = sum(
        x * y * sympy.diff(dual, first, second)
        for first, x in ((p, a), (q, b))
        for second, y in ((p, a), (q, b))
    )
    square = -sympy.sqrt(v * w) * (a * q - b * p) ** 2 / (2 * (p * q) ** sympy.Rational(3, 2))
    yield vanishes("curvature is a negative square", sympy.expand(curvature - square))


def _worst_in_total_variation(loss: Vector, nominal: Vector, radius: Fraction) -> Fraction:
    """``max p . loss`` over the ball, exactly: move mass from the smallest losses to the largest."""
    left, result = radius, sum((p * x for p, x in zip(nominal, loss, strict=True)), Fraction(0))
    for x, p in sorted(zip(loss, nominal, strict=True)):
        moved = min(left, p)
        result, left = result + moved * (max(loss) - x), left - moved
    return result


def _worst_in_tail(loss: Vector, nominal: Vector, alpha: Fraction) -> Fraction:
    """``max p . loss`` over ``{p <= p0 / alpha}``, exactly: fill from the largest loss down."""
    left, result = Fraction(1), Fraction(0)
    for x, p in sorted(zip(loss, nominal, strict=True), reverse=True):
        taken = min(left, p / alpha)
        result, left = result + taken * x, left - taken
    return result


@once
@st.composite
def _saddles(draw: st.DrawFn) -> tuple[list[Fraction], list[Fraction], list[Fraction], Fraction]:
    """Roots of the worst distribution, its optima v, a nominal distribution and a radius that make it the
    worst."""
    size = draw(st.integers(2, 4))
    explored = draw(distributions(size, positive=True))
    optimum = [Fraction(draw(st.integers(1, 3)), 3) for _ in range(size)]
    # p ∝ roots**2 / v has sum one; losses are v / rho.
    unscaled = [r * r / v for r, v in zip(explored, optimum, strict=True)]
    worst = [u / sum(unscaled) for u in unscaled]
    loss = [v / r for r, v in zip(explored, optimum, strict=True)]
    high, low = loss.index(max(loss)), loss.index(min(loss))
    radius = worst[high] * Fraction(draw(st.integers(0, 3)), 4)
    nominal = list(worst)
    nominal[high] -= radius
    nominal[low] += radius
    return worst, optimum, nominal, radius


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational saddle points of total-variation and tail balls: both players' values meet; tolerance zero.

    The nominal distribution is built backwards from the worst one, so every number stays rational; with the
    factor ``c = sum roots**2 / v`` the square roots are ``roots / sqrt(c)`` and only their squares and
    ratios occur.
    """

    def check(drawn: tuple[list[Fraction], list[Fraction], list[Fraction], Fraction]) -> Trial:
        worst, optimum, nominal, radius = drawn
        squares = [p * v for p, v in zip(worst, optimum, strict=True)]
        scale = squares[0]
        roots = [_rational_root(s / scale) for s in squares]  # sqrt(p v) up to the factor sqrt(squares[0])
        rho = claim.exploration(roots)
        claimed = scale * (claim.value(roots) + 1) - 1
        loss = [v / r for r, v in zip(rho, optimum, strict=True)]
        met = _worst_in_total_variation(loss, nominal, radius) - 1
        larger = _worst_in_total_variation(loss, nominal, radius + Fraction(1, 10)) - 1
        high = loss.index(
            min(loss)
        )  # a tail ball with the same worst point: its limits bind except at the least loss
        alpha = 1 - radius
        tail = [alpha * p for p in worst]
        tail[high] += radius
        distance = sum((abs(p - q) for p, q in zip(worst, nominal, strict=True)), Fraction(0)) / 2
        return all_hold(
            f"worst p = {[str(p) for p in worst]}, radius {radius}",
            f"claimed {claimed}, met {met}, in the tail ball {_worst_in_tail(loss, tail, alpha) - 1}",
            explored_sums_to_one=sum(rho) == 1,
            in_the_ball=distance <= radius,
            saddle_point=met == claimed,
            tail_saddle_point=_worst_in_tail(loss, tail, alpha) - 1 == claimed,
            no_less_with_more_budget=claim.order(met, larger) >= 0,
        )

    return context.examples(_saddles(), check, name="T16 exact", share=3)


def _rational_root(x: Fraction) -> Fraction:
    root = Fraction(isqrt(x.numerator), isqrt(x.denominator))
    assert root * root == x
    return root


@once
@st.composite
def _chords(draw: st.DrawFn) -> tuple[list[Fraction], list[Fraction], list[Fraction], Fraction]:
    size = draw(st.integers(2, 4))
    first, second = draw(distributions(size, positive=True)), draw(distributions(size, positive=True))
    return first, second, draw(distributions(size)), Fraction(draw(st.integers(0, 8)), 8)


def convexity(claim: Claim, context: Context) -> Iterable[Trial]:
    """The worst case over the ball lies below its chords in ``rho``, and does not decrease with the
    radius."""

    def check(drawn: tuple[list[Fraction], list[Fraction], list[Fraction], Fraction]) -> Trial:
        first, second, nominal, radius = drawn
        middle = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
        a, b, m = (
            _worst_in_total_variation([1 / r for r in rho], nominal, radius)
            for rho in (first, second, middle)
        )
        smaller = _worst_in_total_variation([1 / r for r in middle], nominal, radius / 2)
        margin = min((a + b) / 2 - m, claim.order(smaller, m))
        return Trial(f"chord of {len(first)} goals, radius {radius}", float(margin), f"{a}, {b}, middle {m}")

    return context.examples(_chords(), check, name="T16 convexity", share=2)


@dataclass(frozen=True)
class _Bounds:
    lower: float
    upper: float


Ball = tuple[
    str, Callable[[np.ndarray, float], Adversary], Callable[[Any, Any, np.ndarray, float], list[Any]]
]
BALLS: tuple[Ball, ...] = (
    ("total variation", TotalVariationBall, lambda cp, p, q, eps: [cp.norm1(p - q) <= 2 * eps]),
    ("Kullback-Leibler", KullbackLeiblerBall, lambda cp, p, q, eps: [cp.sum(cp.rel_entr(p, q)) <= eps]),
    (
        "tail",
        lambda q, eps: ConditionalValueAtRisk(q, 1 / (1 + eps)),
        lambda _, p, q, eps: [p <= (1 + eps) * q],
    ),
)


def _bracket(claim: Claim, ball: Ball, optimum: np.ndarray, nominal: np.ndarray, radius: float) -> _Bounds:
    """Maximise the dual function in cvxpy; any ``p`` of the ball bounds the value from below, any ``rho``
    from above."""
    from metaregret.tabular.modelling import cvxpy as cp

    _, make, constraints = ball
    p = cp.Variable(len(optimum), nonneg=True)
    objective = cp.Maximize(np.sqrt(optimum) @ cp.sqrt(p))
    problem = cp.Problem(objective, [cp.sum(p) == 1, *constraints(cp, p, nominal, radius)])
    adversary = make(nominal, radius)

    def certify() -> _Bounds | None:
        if p.value is None or not np.all(np.isfinite(p.value)):
            return None
        inside = adversary.inside(np.maximum(p.value, 1e-14) / np.maximum(p.value, 1e-14).sum())
        roots = np.sqrt(inside * optimum)
        rho = np.array(claim.exploration(list(roots)))
        return _Bounds(float(claim.value(list(roots))), adversary.worst(optimum / rho - 1))

    best = solve_certified(problem, certify, tolerance=1e-5, attempts=CONVEX_SOLVERS)
    return _Bounds(best.lower, best.upper)


def optimisation(claim: Claim, context: Context) -> Iterable[Trial]:
    """Random balls of growing radius: the bracket closes, starts at T03, ends at T04 and never falls."""
    for ball in BALLS:
        random = context.generator(f"T16 {ball[0]}")
        optimum, nominal = random.uniform(0.3, 1.0, 4), random.dirichlet(np.full(4, 2.0))
        before = _Bounds(-1.0, float(np.sqrt(nominal * optimum).sum() ** 2 - 1))  # T03
        for radius in (0.0, 0.1, 0.4, 60.0):
            found = _bracket(claim, ball, optimum, nominal, radius)
            slack = 2e-5 * max(1.0, found.upper)
            margin = min(
                slack - abs(found.upper - found.lower), claim.order(before.lower, found.upper) + slack
            )
            if radius == 0.0:
                margin = min(margin, slack - abs(found.upper - before.upper))
            if radius == 60.0:
                margin = min(margin, slack - abs(found.lower - (optimum.sum() - 1)))  # T04 with rho ∝ v
            yield Trial(
                f"{ball[0]}, radius {radius}", float(margin), f"bracket [{found.lower}, {found.upper}]"
            )
            before = found


@dataclass(frozen=True)
class _OnProcess:
    """The program over occupancy measures for one ball of total variation, and what its variables certify."""

    tasks: SuccessTasks
    nominal: np.ndarray
    radius: float

    def solve(self) -> _Bounds:
        """Minimise ``eps max(l) + min_c ((1 - eps) c + q . (l - c)+)``, the worst case of the loss ``l >= v /
        rho``."""
        from metaregret.tabular.modelling import cvxpy as cp

        polytope = flow_polytope(self.tasks.process)
        flow, loss = cp.Variable(len(polytope.choice), nonneg=True), cp.Variable(len(self.nominal))
        threshold = cp.Variable()
        rho = (self.tasks.success.T @ polytope.terminal) @ flow
        tail = (1 - self.radius) * threshold + self.nominal @ cp.pos(loss - threshold)
        losses = loss >= cp.multiply(self.tasks.optimum.values, cp.inv_pos(rho))
        problem = cp.Problem(
            cp.Minimize(self.radius * cp.max(loss) + tail),
            [losses, polytope.balance @ flow == polytope.supply],
        )

        def certify() -> _Bounds | None:
            if flow.value is None or losses.dual_value is None:
                return None
            policy = polytope.policy(flow.value)
            found = self.tasks.success.T @ terminal_distribution(self.tasks.process, policy).probabilities
            return self.bounds(np.asarray(found), np.maximum(np.asarray(losses.dual_value), 0.0))

        best = solve_certified(problem, certify, tolerance=1e-5, attempts=CONVEX_SOLVERS)
        return _Bounds(best.lower, best.upper)

    def bounds(self, rho: np.ndarray, dual: np.ndarray) -> _Bounds | None:
        """Bound the value by any exploration from above, by any ``p`` of the ball and a tangent plane from
        below."""
        if not (np.all(rho > 0) and dual.sum() > 0):
            return None
        ball, optimum = TotalVariationBall(self.nominal, self.radius), self.tasks.optimum.values
        p = ball.inside(dual / dual.sum())
        slopes = p * optimum / rho**2
        column = np.asarray(self.tasks.success @ slopes).reshape(-1, 1)
        most = float(optimal_terminal_values(self.tasks.process, column).upper[0])
        return _Bounds(2 * float(p @ (optimum / rho)) - most - 1, ball.worst(optimum / rho - 1))


def processes(claim: Claim, context: Context) -> Iterable[Trial]:
    """Explorations of a process instead of the simplex: the bracket closes, never falls, and ends at T04's
    value."""
    for specification, steps in (("line:4", 3), ("grid:2x2,slip=1/5", 2), ("garnet:S=5,A=2,b=2,seed=4", 3)):
        family = GoalTasks.reachable(make(specification).replaced(horizon=steps))
        tasks = success_tasks(family)
        nominal = context.generator(f"T16 {specification}").dirichlet(np.full(len(tasks.names), 2.0))
        before = -1.0
        for radius in (0.0, 0.2, 1.0):
            found = _OnProcess(tasks, nominal, radius).solve()
            slack = 2e-5 * max(1.0, found.upper)
            margin = min(slack - abs(found.upper - found.lower), claim.order(before, found.upper) + slack)
            if radius == 1.0:
                minimax = solve_without_memory(family).value
                rounding = 1e-12 * max(1.0, found.upper)
                overlap = min(found.upper - minimax.lower, minimax.upper - found.lower)
                margin = min(margin, overlap + rounding)
            note = f"bracket [{found.lower}, {found.upper}], at the smaller radius {before}"
            yield Trial(f"{specification} T={steps}, radius {radius}", float(margin), note)
            before = found.lower


THEOREM = theorem(
    uid="T16",
    title="An adversary with a budget",
    statement=(
        r"\min_{\rho\in\Delta}\max_{p\in U_\varepsilon(p_0)}\sum_g p_g\Bigl(\frac{v_g}{\rho_g}-1\Bigr)"
        r"=\max_{p\in U_\varepsilon(p_0)}\Bigl(\sum_g\sqrt{p_g v_g}\Bigr)^2-1,"
        r"\quad \rho^*\propto\sqrt{p^* v},"
        r"\quad\text{non-decreasing in }\varepsilon"
    ),
    kind="extension",
    source="extension by this project; balls as in Ben-Tal et al., Management Science 59(2), 2013",
    claim=Claim(),
    methods=(
        method("concave dual, gradient and curvature", "symbolic", symbolic),
        method("rational saddle points", "exact", exact),
        method("chords and nested balls, rational", "exact", convexity),
        method("convex program over the ball, bracketed", "optimisation", optimisation, "Clarabel"),
        method("convex program over occupancy measures", "optimisation", processes, "Clarabel", "HiGHS"),
    ),
    planted={
        "exponent one: rho ∝ p v": Claim(exploration=lambda a: [x * x / sum(y * y for y in a) for x in a]),
        "dropped constant": Claim(value=lambda a: sum(a) ** 2),
        "sum of squares": Claim(value=lambda a: sum(x * x for x in a) - 1),
        "falling in the radius": Claim(order=lambda small, large: small - large),
    },
    uses=("T03", "T04"),
)
