r"""The price of training on the wrong proposal: its worst case within a distance, against the bound of T26.

A memoryless learner is trained on uniform goals ``q`` and meets ``p``. Within Hilbert's distance ``d``
the price ``sum p v / rho_q`` over ``min_rho sum p v / rho`` is quasi-convex in ``p`` (a linear function
over a concave one), so that its largest value is at a corner of the set: ``p_g`` proportional to ``q_g
e^d`` on some goals and to ``q_g`` on the others. All corners are tried, each with a certified convex
program. The other way round, learners trained on the same corners meet uniform goals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.report.spelling import process_in_words
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

PROCESSES = {"grid:2x2": 2, "grid:2x2,slip=1/5": 2, "line:3,slip=1/5": 2, "tree:0,0,0,slip=2/5": 2}
DISTANCES = {Scale.FULL: tuple(0.5 * k for k in range(13)), Scale.SHORT: (0.0, 2.0, 5.0)}


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the points: four processes at thirteen distances, or two at three."""
    names = list(PROCESSES) if scale is Scale.FULL else list(PROCESSES)[1:3]
    return [
        {"process": name, "horizon": PROCESSES[name], "distance": distance}
        for name in names
        for distance in DISTANCES[scale]
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the largest prices within the distance, its bound, and the goals on which it falls; nothing is
    random."""
    from metaregret.tabular import make
    from metaregret.tabular.goals import goal_support, goal_values
    from metaregret.theory.proposals import trained_learner

    process = make(point["process"]).replaced(horizon=point["horizon"])
    goals = np.flatnonzero(goal_support(process))
    reach, count = goal_values(process, goals).values, len(goals)
    q = np.zeros(process.n_states)
    q[goals] = 1 / count
    trained = trained_learner(process, q).exploration[goals]
    uniform = trained_learner(process, q).hitting_loss.lower
    worst, where, other = 1.0, 0, 1.0
    for members in range(1, (1 << count) - 1):
        p = np.zeros(process.n_states)
        p[goals] = [np.exp(point["distance"] * (members >> g & 1)) for g in range(count)]
        p /= p.sum()
        best = trained_learner(process, p)
        price = float((p[goals] * reach / trained).sum() / (1 + best.hitting_loss.upper))
        other = max(other, float((reach / best.exploration[goals]).sum() / count / (1 + uniform)))
        if price > worst:
            worst, where = price, members
    return {
        "goals": count,
        "price": worst,
        "price_at_uniform": other,
        "bound": float(np.cosh(point["distance"] / 4) ** 2),
        "likely": " ".join(process.states[int(s)] for g, s in enumerate(goals) if where >> g & 1),
    }


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the worst price within each distance, and the bound."""
    data = results["wrong_proposal"]
    figure = style.canvas("column")
    axes = figure.subplots()
    distance = np.linspace(0.0, float(data["distance"].max()), 200)
    wide: dict[str, Any] = {"color": "0.75", "linewidth": 3.5}
    axes.plot(distance, np.cosh(distance / 4) ** 2, **wide, label="bound $\\cosh^2(d_H/4)$")
    dashed: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 0.7}
    for index, (name, rows) in enumerate(data.groupby("process", sort=False)):
        look = {**style.series(index), "linestyle": "-", "linewidth": 0.7}
        axes.plot(rows["distance"], rows["price"], **look, label=process_in_words(str(name)))
        axes.plot(rows["distance"], rows["price_at_uniform"], **{**style.points(index), **dashed})
    axes.plot([], [], **{**style.points(0), **dashed, "color": "0.4"}, label="met by uniform goals")
    axes.set(xlabel="Hilbert's distance $d_H(p,q)$ (nats)", ylabel="price (ratio of $1+$ regret)")
    axes.legend(loc="upper left")
    largest = data[["price", "price_at_uniform"]].max(axis=1)
    share = (largest - 1) / (data["bound"] - 1).where(data["bound"] > 1)
    return Drawing(
        figure,
        data,
        {"largestShareOfTheBound": float(share.max()), "largestPrice": float(largest.max())},
        "Filled: a memoryless learner trained on uniform goals meets $p$; the largest price ($1+$ expected "
        "regret over the optimum for $p$) over all $p$ within a distance $d_H(p,q)=\\log\\bigl(\\max_g "
        "p_g/q_g\\,/\\,\\min_g p_g/q_g\\bigr)$. Hollow, dashed: learners trained on distributions at that "
        "distance meet uniform goals. Wide: the bound of T26, which the latter attain where the four goals "
        "of a grid can be reached surely. Every point is the largest of certified convex programs.",
    )


STUDY = Study("wrong_proposal", "The price of training on the wrong proposal", points, measure)
FIGURE = Figure(
    name="wrong_proposal",
    title="The price of a wrong proposal grows with Hilbert's distance",
    studies=("wrong_proposal",),
    theorems=("T26",),
    draw=draw,
)
