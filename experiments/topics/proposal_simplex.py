"""Learners trained on every proposal of a grid over three goals, and their worst case (T5).

On a line of three states, started in the middle, each goal is one sure step away. For a proposal ``q`` the
Bayes-optimal memoryless learner is found by a certified convex program over the process's policies, which
knows nothing of the square-root law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.tri import Triangulation

PARTS = {Scale.FULL: 18, Scale.SHORT: 6}


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return all proposals ``(i, j, k) / n`` that leave out no goal."""
    n = PARTS[scale]
    return [
        {"process": "line:3,start=1", "parts": n, "first": i, "second": j, "third": n - i - j}
        for i in range(1, n - 1)
        for j in range(1, n - i)
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Train a learner on the proposal and return its exploration and its certified worst-case regret."""
    from metaregret.tabular import make
    from metaregret.theory.proposals.regrets import trained_learner

    proposal = np.array([point["first"], point["second"], point["third"]]) / point["parts"]
    learner = trained_learner(make(point["process"]).replaced(horizon=1), proposal)
    roots = np.sqrt(proposal)
    return {
        **{f"exploration_{goal}": learner.exploration[goal] for goal in range(3)},
        "regret_lower": learner.worst_case.lower,
        "regret_upper": learner.worst_case.upper,
        "closed_form": float(roots.sum() / roots.min() - 1.0),
    }


LEVELS = (2.0, 2.2, 2.5, 3.0, 3.5, 4.5, 6.0, 9.0)
GOALS = ("first", "second", "third")


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the simplex with contours of the closed form, and a cut through its middle."""
    data = results["proposal_simplex"]
    figure, (left, right) = style.panels(2, ratio=0.42, widths=[1.1, 1.0])
    _simplex(left, data)
    draw_cut(right, data, style)
    best = data.iloc[int(data["regret_upper"].argmin())]
    error = (data["regret_upper"] - data["closed_form"]).abs() / data["closed_form"]
    at_uniform = all(best[goal] * 3 == best["parts"] for goal in GOALS)
    return Drawing(
        figure,
        data,
        {"smallest": float(best["regret_upper"]), "proposals": float(len(data)), "error": float(error.max())},
        "Worst-case regret $W(q)$ of a learner trained on proposal $q$ over three goals, which is smallest"
        + (" at uniform $q$, where it is $K-1=2$. " if at_uniform else ". ")
        + "Left: contours of the closed form $(\\sum_h\\sqrt{q_h})/\\min_g\\sqrt{q_g}-1$; dots: learners "
        "found by a convex program on a process, in the same shades. Right: the cut through the middle, "
        f"from neglecting the first goal to proposing it alone. The {len(data)} learners agree with the "
        f"closed form to {error.max():.0e} relatively.",
    )


def _place(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners: first goal on top, second left, third right."""
    return third + 0.5 * first, first * 3**0.5 / 2


@cache
def _lattice() -> tuple[Triangulation, np.ndarray]:
    """Return points of the simplex, triangulated, and the closed form there."""
    from matplotlib.tri import Triangulation

    side = np.linspace(1e-3, 1 - 2e-3, 220)
    q1, q2 = (grid.ravel() for grid in np.meshgrid(side, side))
    keep = q1 + q2 <= 1 - 1e-3
    q = np.stack([q1[keep], q2[keep], 1 - q1[keep] - q2[keep]])
    roots = np.sqrt(q)
    return Triangulation(*_place(*q)), roots.sum(axis=0) / roots.min(axis=0) - 1


def _simplex(axes: Axes, data: pd.DataFrame) -> None:
    from matplotlib.colors import BoundaryNorm

    norm = BoundaryNorm(LEVELS, 256, extend="max")
    lattice, closed = _lattice()
    shades = axes.tricontourf(lattice, closed, levels=LEVELS, cmap="cividis_r", norm=norm, extend="max")
    axes.tricontour(lattice, closed, levels=LEVELS[1:], colors="white", linewidths=0.5)
    computed = (data[goal].to_numpy() / data["parts"].to_numpy() for goal in GOALS)
    values = data["regret_upper"].to_numpy()
    axes.scatter(
        *_place(*computed), c=values, cmap="cividis_r", norm=norm, s=9, edgecolors="black", linewidths=0.4
    )
    middle = _place(*np.full((3, 1), 1 / 3))
    axes.plot(*middle, marker="*", markersize=8, color="white", markeredgecolor="black", linestyle="none")
    axes.annotate(
        "uniform",
        (middle[0][0], middle[1][0]),
        (0.98, 0.62),
        arrowprops={"arrowstyle": "-", "linewidth": 0.6},
    )
    axes.text(0.5, 0.90, "$q=(1,0,0)$", ha="center", va="bottom")
    axes.text(0.0, -0.03, "$(0,1,0)$", ha="center", va="top")
    axes.text(1.0, -0.03, "$(0,0,1)$", ha="center", va="top")
    axes.set(xlim=(-0.12, 1.2), ylim=(-0.12, 1.0), aspect="equal")
    axes.set_axis_off()
    bar = axes.figure.colorbar(shades, ax=axes, shrink=0.85, ticks=LEVELS)
    bar.set_label("worst-case regret $W(q)$ (episodes)")


def draw_cut(axes: Axes, data: pd.DataFrame, style: Style) -> None:
    """Draw the worst case along the line through the middle of the simplex."""
    share = np.linspace(0.01, 0.99, 400)
    roots = np.sqrt(np.stack([share, (1 - share) / 2]))
    closed = (roots[0] + 2 * roots[1]) / roots.min(axis=0) - 1
    axes.plot(share, closed, **style.series(0, marker=False), label="closed form")
    rows = data[data["second"] == data["third"]]
    axes.plot(rows["first"] / rows["parts"], rows["regret_upper"], **style.points(2), label="trained learner")
    axes.axhline(2.0, color="0.5", linewidth=0.8, linestyle=(0, (1, 2)))
    axes.text(0.99, 2.08, "$K-1$", ha="right", va="bottom", color="0.3")
    axes.set(xlim=(0, 1), ylim=(1.6, 12), xlabel="density of the first goal $q_1$; others $(1-q_1)/2$")
    axes.set_ylabel("worst-case regret $W(q)$ (episodes)")
    axes.legend(loc="upper center")


STUDY = Study(
    "proposal_simplex", "worst case of learners trained on proposals over three goals", points, measure
)
FIGURE = Figure(
    name="proposal_simplex",
    title="The uniform proposal has the smallest worst case",
    studies=("proposal_simplex",),
    theorems=("T05",),
    draw=draw,
)
