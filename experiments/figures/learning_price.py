r"""Do trained learners pay the price of a wrong proposal that theory says (T26), and in its order (T5)?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

LEARNERS = {"explorer": "memoryless explorer", "initialisation": "trained through adaptation"}


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the price against Hilbert's distance, and the worst regret against T5's."""
    import numpy as np
    from scipy.stats import spearmanr

    data = results["learning_price"]
    figure = style.canvas("line", ratio=0.40)
    left, right = figure.subplots(1, 2)
    line = np.linspace(0.0, float(data["hilbert"].max()), 100)
    left.plot(line, np.cosh(line / 4) ** 2, **style.series(0, marker=False), label="$\\cosh^2(d_H/4)$")
    numbers: dict[str, float | str] = {"proposals": float((data["learner"] == "explorer").sum())}
    for index, (learner, label) in enumerate(LEARNERS.items(), start=1):
        rows = data[data["learner"] == learner]
        left.plot(rows["hilbert"], rows["price"], **style.points(index), label=label)
        right.plot(rows["theory"], rows["worst_regret"], **style.points(index), label=label)
        away = rows[rows["bound"] > 1.0001]
        numbers[f"{learner}LargestShare"] = float(((away["price"] - 1) / (away["bound"] - 1)).max())
        for column, name in (("hilbert", "Hilbert"), ("distance", "Distance"), ("theory", "Theory")):
            against = "price" if column == "hilbert" else "worst_regret"
            numbers[f"{learner}{name}"] = float(spearmanr(rows[column], rows[against]).statistic)
    left.set(xlabel="Hilbert's distance $d_H$ to uniform (nats)", ylabel="price (ratio of $1+$ mean regret)")
    right.plot(*[[data["theory"].min(), data["theory"].max()]] * 2, color="0.35", linewidth=0.8)
    right.set(xscale="log", yscale="log", xlabel="$W(q)$ of T5", ylabel="worst-goal regret")
    left.legend(loc="upper left")
    names = ("learner", "kind", "hilbert", "distance", "theory", "bound", "price", "mean_regret")
    return Drawing(
        figure,
        data[[*names, "worst_regret"]],
        numbers,
        "Learners trained on proposals at a distance from uniform, which then meet all goals equally often. "
        "Left: what the wrong proposal costs, and the bound for memoryless learners, which is attained by "
        "proposals of two levels. Right: regret on the worst goal against that of an ideal memoryless "
        "learner.",
    )


FIGURE = Figure(
    name="learning_price",
    title="The price of a wrong proposal for trained learners",
    studies=("learning_price",),
    theorems=("T05", "T26"),
    draw=draw,
    long=True,
)
