"""An adversary who may move the task distribution within a ball of growing size (T16).

The dual program ``max_{p in ball} sum_g sqrt(p_g)`` is solved as it stands; the value is bracketed by the
returned ``p`` from below and by the worst case of the exploration ``rho ∝ sqrt(p)`` from above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NOMINAL = (0.55, 0.25, 0.15, 0.05)
BUDGETS = {
    Scale.FULL: (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0),
    Scale.SHORT: (0.0, 0.1, 0.3),
}
BALLS = ("total variation", "Kullback-Leibler", "tail")


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return each ball at each budget."""
    return [{"ball": ball, "budget": budget} for ball in BALLS for budget in BUDGETS[scale]]


@dataclass(frozen=True)
class Saddle:
    """An adversary's choice and what it certifies."""

    lower: float
    upper: float
    p: np.ndarray


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Solve one ball; return the bracket, the adversary's distribution and the exploration."""
    from metaregret.theory.optimise import CONVEX_SOLVERS, solve_certified

    nominal = np.array(NOMINAL)
    problem, variable, adversary = _program(point["ball"], nominal, point["budget"])

    def certify() -> Saddle | None:
        if variable.value is None or not np.all(np.isfinite(variable.value)):
            return None
        raw = np.maximum(variable.value, 1e-14)
        p = adversary.inside(raw / raw.sum())
        roots = np.sqrt(p)
        return Saddle(float(roots.sum() ** 2 - 1), adversary.worst(roots.sum() / roots - 1), p)

    best = solve_certified(problem, certify, tolerance=1e-5, attempts=CONVEX_SOLVERS)
    p = best.lowest.p
    roots = np.sqrt(p)
    return {
        "value_lower": best.lower,
        "value_upper": best.upper,
        **{f"adversary_{goal}": p[goal] for goal in range(len(p))},
        **{f"exploration_{goal}": roots[goal] / roots.sum() for goal in range(len(p))},
    }


def _program(ball: str, nominal: np.ndarray, budget: float) -> tuple[Any, Any, Any]:
    """The dual program in cvxpy, its variable, and the ball as an adversary."""
    from metaregret.tabular.modelling import cvxpy as cp
    from metaregret.theory.minimax.memory import (
        ConditionalValueAtRisk,
        KullbackLeiblerBall,
        TotalVariationBall,
    )

    p = cp.Variable(len(nominal), nonneg=True)
    balls: dict[str, tuple[Any, Callable[[], Any]]] = {
        "total variation": (cp.norm1(p - nominal) <= 2 * budget, lambda: TotalVariationBall(nominal, budget)),
        "Kullback-Leibler": (
            cp.sum(cp.rel_entr(p, nominal)) <= budget,
            lambda: KullbackLeiblerBall(nominal, budget),
        ),
        "tail": (p <= (1 + budget) * nominal, lambda: ConditionalValueAtRisk(nominal, 1 / (1 + budget))),
    }
    constraint, adversary = balls[ball]
    return cp.Problem(cp.Maximize(cp.sum(cp.sqrt(p))), [cp.sum(p) == 1, constraint]), p, adversary()


UNITS = {"total variation": "TV distance", "Kullback-Leibler": "KL, nats", "tail": "tail, $1/\\alpha-1$"}


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the value for three balls, and the exploration for the total-variation ball."""
    data = results["adversary_budget"]
    figure, (left, right) = style.panels(2, ratio=0.40)
    _values(left, data, style)
    _explorations(right, data[data["ball"] == "total variation"], style)
    nominal = np.array(NOMINAL)
    return Drawing(
        figure,
        data,
        {
            "sqrtLaw": float(np.sqrt(nominal).sum() ** 2 - 1),
            "minimax": float(len(nominal) - 1),
            "gap": float((data["value_upper"] - data["value_lower"]).max()),
        },
        "Left: the minimax value against an adversary who moves the task distribution by at most the budget "
        "$\\varepsilon$ around $p_0=(0.55,0.25,0.15,0.05)$. Markers: certified convex programs for three "
        "kinds "
        "of balls; lines: water-filling closed forms (total variation, tail; the Kullback-Leibler markers "
        "are "
        "joined). Dotted: the square-root law $(\\sum_g\\sqrt{p_0(g)})^2-1$ at budget 0 and $K-1=3$, the "
        "minimax value. Right: the exploration of each goal moves from $\\propto\\sqrt{p_0}$ to uniform.",
    )


def levelled(nominal: np.ndarray, floor_mass: float, ceiling_mass: float) -> np.ndarray:
    """Return `nominal` with its lowest entries filled up by `floor_mass` and its highest cut by
    `ceiling_mass`."""
    from scipy.optimize import brentq

    if floor_mass <= 0:
        return nominal
    even = 1.0 / len(nominal)
    if np.maximum(even - nominal, 0.0).sum() <= floor_mass:
        return np.full(len(nominal), even)
    low = brentq(lambda c: np.maximum(c - nominal, 0.0).sum() - floor_mass, 0.0, even)
    high = brentq(lambda c: np.maximum(nominal - c, 0.0).sum() - ceiling_mass, even, 1.0)
    return np.clip(nominal, low, high)


def capped(nominal: np.ndarray, budget: float) -> np.ndarray:
    """Return the most even distribution below ``(1 + budget) * nominal``: ``min(c, cap)``."""
    from scipy.optimize import brentq

    cap = (1 + budget) * nominal
    if budget <= 0:
        return nominal
    level = brentq(lambda c: np.minimum(c, cap).sum() - 1.0, 0.0, 1.0)
    return np.minimum(level, cap)


def _values(axes: Axes, data: pd.DataFrame, style: Style) -> None:
    nominal = np.array(NOMINAL)
    data = data[data["budget"] > 0]
    budgets = np.geomspace(0.8 * data["budget"].min(), data["budget"].max(), 600)
    curves = {
        "total variation": [np.sqrt(levelled(nominal, e, e)).sum() ** 2 - 1 for e in budgets],
        "tail": [np.sqrt(capped(nominal, e)).sum() ** 2 - 1 for e in budgets],
    }
    for index, ball in enumerate(BALLS):
        rows = data[data["ball"] == ball]
        computed = rows["budget"], rows["value_upper"]
        line = (budgets, curves[ball]) if ball in curves else computed
        style.curve(axes, index, line, computed, UNITS[ball])
    where = axes.get_yaxis_transform()
    levels = {"square-root law": np.sqrt(nominal).sum() ** 2 - 1, "minimax value": len(nominal) - 1}
    for (name, level), x, side in zip(levels.items(), (0.98, 0.02), ("right", "left"), strict=True):
        axes.axhline(level, color="0.5", linewidth=0.8, linestyle=(0, (1, 2)))
        size = style.fonts["legend.fontsize"]
        axes.text(x, level, name, transform=where, ha=side, va="bottom", fontsize=size)
    axes.margins(y=0.09)
    axes.set(
        xscale="log", xlabel="budget $\\varepsilon$ (in the unit of the ball)", ylabel="value (episodes)"
    )
    axes.legend(loc="center right")


def _explorations(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    nominal = np.array(NOMINAL)
    budgets = np.linspace(0.0, 0.5, 300)
    explored = np.array([np.sqrt(levelled(nominal, e, e)) for e in budgets])
    explored /= explored.sum(axis=1, keepdims=True)
    shown = rows[rows["budget"] <= 0.5]
    for goal, share in enumerate(nominal):
        computed = shown["budget"], shown[f"exploration_{goal}"]
        style.curve(axes, goal, (budgets, explored[:, goal]), computed, f"$p_0(g)={share:g}$")
    axes.axhline(0.25, color="0.5", linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set(xlabel="budget $\\varepsilon$ (total variation)", ylabel="exploration $\\rho_g$ (probability)")
    axes.legend(loc="lower right")


STUDY = Study(
    "adversary_budget", "value against the budget of an adversary around a distribution", points, measure
)
FIGURE = Figure(
    name="adversary_budget",
    title="A stronger adversary moves the best exploration from the square-root law to uniform",
    studies=("adversary_budget",),
    theorems=("T03", "T04", "T16"),
    draw=draw,
)
