r"""What exploring as order a says costs in the worst case, by order (T19, T20)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.report.spelling import process_in_words
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

FAR = 32.0
"""Where order infinity is drawn."""


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one line per process and, faint, the bound of T20."""
    data = results["order_prices"].assign(
        shown=lambda rows: rows["alpha"].astype(float).fillna(FAR),
        price=lambda rows: rows["one_plus_regret"] / rows["one_plus_minimax"],
        price_bound=lambda rows: rows["bound"] / rows["one_plus_minimax"],
    )
    figure = style.canvas("line", ratio=0.40)
    axes = figure.subplots()
    for index, (name, rows) in enumerate(data.groupby("process", sort=False)):
        look = style.series(index)
        axes.plot(rows["shown"], rows["price"], **look, label=process_in_words(str(name)))
        axes.plot(
            rows["shown"], rows["price_bound"], color=look["color"], linestyle=(0, (1, 2)), linewidth=0.7
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="order $a$",
        ylabel="price $(1+\\mathrm{Reg}(q_a))/(1+\\mathrm{Reg}^*)$",
    )
    axes.set_xticks([1, 2, 4, 8, 16, FAR], ["1", "2", "4", "8", "16", "$\\infty$"], minor=False)
    axes.set_xticks([], minor=True)
    axes.legend(loc="upper right")
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
        "infinity is minimax (T19). Dotted: the bound of T20, exponential in $1/v_{\\min}$ at order 1 only. "
        "All redundancies are certified to their tolerance.",
    )


FIGURE = Figure(
    name="order_prices",
    title="From mutual information to minimax: what an order costs",
    studies=("order_prices",),
    theorems=("T19", "T20"),
    draw=draw,
)
