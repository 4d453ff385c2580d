"""An adversary who may move the task distribution within a ball of growing size (T16).

The dual program ``max_{p in ball} sum_g sqrt(p_g)`` is solved as it stands; the value is bracketed by the
returned ``p`` from below and by the worst case of the exploration ``rho ∝ sqrt(p)`` from above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

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
    import numpy as np

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
    import cvxpy as cp

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


STUDY = Study(
    "adversary_budget", "value against the budget of an adversary around a distribution", points, measure
)
