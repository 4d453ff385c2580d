r"""The price of a wrong proposal against Hilbert's distance (T26)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the worst price within each distance, and the bound."""
    import numpy as np

    data = results["wrong_proposal"]
    figure = style.canvas("column")
    axes = figure.subplots()
    distance = np.linspace(0.0, float(data["distance"].max()), 200)
    axes.plot(
        distance, np.cosh(distance / 4) ** 2, **style.series(0, marker=False), label="$\\cosh^2(d_H/4)$"
    )
    for index, (name, rows) in enumerate(data.groupby("process", sort=False), start=1):
        look = {**style.series(index), "linestyle": "-", "linewidth": 0.7}
        axes.plot(rows["distance"], rows["price"], **look, label=str(name).replace(",slip=", ", slip "))
        hollow = {**style.points(index), "linestyle": (0, (4, 2)), "linewidth": 0.7, "markersize": 2.2}
        axes.plot(rows["distance"], rows["price_at_uniform"], **hollow)
    axes.set(xlabel="Hilbert's distance $d_H(p,q)$ (nats)", ylabel="price (ratio of $1+$ regret)")
    axes.legend(loc="upper left")
    largest = data[["price", "price_at_uniform"]].max(axis=1)
    share = (largest - 1) / (data["bound"] - 1).where(data["bound"] > 1)
    return Drawing(
        figure,
        data,
        {
            "largestShareOfTheBound": float(share.max()),
            "largestPrice": float(largest.max()),
        },
        "Filled: a memoryless learner trained on uniform goals meets $p$; the largest price ($1+$ expected "
        "regret "
        "over the optimum for $p$) over all $p$ within a distance $d_H(p,q)=\\log\\bigl(\\max_g "
        "p_g/q_g\\,/\\,"
        "\\min_g p_g/q_g\\bigr)$. Hollow, dashed: learners trained on distributions at that distance meet "
        "uniform "
        "goals. Line: the bound of T26, which the latter attain where the four goals of a grid can be "
        "reached "
        "surely. Every point is the largest of certified convex programs.",
    )


FIGURE = Figure(
    name="wrong_proposal",
    title="The price of a wrong proposal grows with Hilbert's distance",
    studies=("wrong_proposal",),
    theorems=("T26",),
    draw=draw,
)
