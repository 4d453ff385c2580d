r"""What exploring as order a says costs in the worst case, from mutual information to minimax (T19, T20).

At every order the redundancy of the process and its exploration ``q_a`` are computed with a certified
bracket; measured are the worst-case regret of ``q_a`` beside the minimax regret, and the bound of T20.
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

PROCESSES = {
    "noisy-goal:K=4,v=1/2": 1,
    "noisy-goal:K=16,v=1/4": 1,
    "grid:2x2,slip=1/5": 2,
    "grid:3x3,slip=1/10": 4,
    "garnet:S=8,A=3,b=3,seed=1": 4,
}
"""Processes and their horizons, on which every order is known to its tolerance."""

ORDERS = ("1", "5/4", "3/2", "2", "3", "4", "6", "8", "16", "inf")


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return every process at every order, or two processes at three orders."""
    full = scale is Scale.FULL
    names = list(PROCESSES) if full else list(PROCESSES)[:3:2]
    orders = ORDERS if full else ("1", "2", "inf")
    return [
        {"process": name, "horizon": PROCESSES[name], "order": order} for name in names for order in orders
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the redundancy, the regret of its exploration and the bound; nothing is random."""
    from metaregret.tabular import make
    from metaregret.tabular.goals import goal_values
    from metaregret.theory.proposals.regrets import worst_case_regret
    from metaregret.theory.skills import process_redundancy

    process = make(point["process"]).replaced(horizon=point["horizon"])
    found = process_redundancy(process, point["order"])
    least = process_redundancy(process, "inf").value
    values = goal_values(process).values
    v = values[values > 0]
    regret = worst_case_regret(process, found.reference).upper
    top = float(np.exp(found.value.upper))
    if found.order.is_one:
        entropy = -v * np.log(v) - np.where(v < 1, (1 - v) * np.log(np.where(v < 1, 1 - v, 1.0)), 0.0)
        bound = float((v * np.exp((found.value.upper + entropy) / v)).max())
    elif found.order.is_infinite:
        bound = top
    else:
        bound = top * float(v.min()) ** (-1 / found.order.power)
    return {
        "alpha": None if found.order.is_infinite else found.order.alpha,
        "goals": len(v),
        "smallest_reach": float(v.min()),
        "redundancy_lower": found.value.lower,
        "redundancy_upper": found.value.upper,
        "known": found.known,
        "one_plus_regret": 1 + regret,
        "one_plus_minimax": float(np.exp(least.upper)),
        "bound": bound,
    }


FAR = 32.0
"""Where order infinity is drawn."""

CHEAP = 1.6
"""Processes whose prices are all below have a panel of their own, in which they can be told apart."""

BOUND: Mapping[str, Any] = {"linestyle": (0, (1, 2)), "linewidth": 0.7}


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one line per process and, faint, the bound of T20."""
    data = results["order_prices"].assign(
        shown=lambda rows: rows["alpha"].astype(float).fillna(FAR),
        price=lambda rows: rows["one_plus_regret"] / rows["one_plus_minimax"],
        price_bound=lambda rows: rows["bound"] / rows["one_plus_minimax"],
    )
    figure, panels = style.panels(2, ratio=0.40)
    cheap = data.groupby("process")["price"].max() < CHEAP
    for index, (name, rows) in enumerate(data.groupby("process", sort=False)):
        axes, look = panels[int(cheap[name])], style.series(index)
        axes.plot(rows["shown"], rows["price"], **look, label=process_in_words(str(name)))
        axes.plot(rows["shown"], rows["price_bound"], color=look["color"], **BOUND)
    for axes in panels:
        axes.plot([], [], color="0.3", **BOUND, label="bounds of T20")
        axes.set(xscale="log", xlabel="order $a$")
        axes.set_xticks([1, 2, 4, 8, 16, FAR], ["1", "2", "4", "8", "16", "$\\infty$"], minor=False)
        axes.set_xticks([], minor=True)
        axes.legend(loc="upper right")
    panels[0].set(yscale="log", ylabel="price $(1+\\mathrm{Reg}(q_a))/(1+\\mathrm{Reg}^*)$")
    panels[1].set_ylim(0.97, CHEAP)
    first, second = (data[data["order"] == order] for order in ("1", "2"))
    return Drawing(
        figure,
        data.drop(columns=["shown"]),
        {
            "largestAtOne": float(first["price"].max()),
            "largestAtTwo": float(second["price"].max()),
            "processes": float(data["process"].nunique()),
        },
        "Price of an order: one plus the worst-case regret of exploring with $q_a$, over one plus the "
        "minimax regret, on five processes with noise. Order 1 is what mutual information proposes, order "
        "infinity is minimax (T19). Dotted: the bound of T20, exponential in $1/v_{\\min}$ at order 1 only; "
        "beside small prices some of it is above the panel. A price need not fall with the order. "
        "All redundancies are certified to their tolerance.",
    )


STUDY = Study("order_prices", "what exploring as order a says costs, by order", points, measure)
FIGURE = Figure(
    name="order_prices",
    title="From mutual information to minimax: what an order costs",
    studies=("order_prices",),
    theorems=("T19", "T20"),
    draw=draw,
)
