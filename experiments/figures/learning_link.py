r"""Distance of a proposal to uniform against the worst-case regret of learners trained on it (T5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures._learning import shared_legend
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

KINDS = {
    "explorer": "memoryless explorer",
    "maml-exact": "MAML, exact gradients",
    "maml-episodes": "MAML, sampled episodes",
    "recurrent": "recurrent learner",
}


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel for each kind of learner, with its rank correlation."""
    from scipy.stats import spearmanr

    data = results["learning_link"]
    kinds = [kind for kind in KINDS if kind in set(data["kind"])]
    figure = style.canvas("line", ratio=0.34)
    line = figure.subplots(1, len(kinds), squeeze=False)[0]
    numbers: dict[str, float | str] = {"proposals": float(len(data[data["kind"] == kinds[0]]))}
    for axes, kind in zip(line, kinds, strict=True):
        rows = data[data["kind"] == kind]
        name = "".join(part.capitalize() for part in kind.split("-"))
        numbers[f"rank{name}"] = float(spearmanr(rows["distance"], rows["trained"]).statistic)
        numbers[f"theory{name}"] = float(spearmanr(rows["theory"], rows["trained"]).statistic)
        axes.set_title(f"{KINDS[kind]}\nrank correlation {numbers[f'rank{name}']:.2f}")
        _scatter(axes, rows, style)
        axes.set_xlim(left=-0.02)
        axes.set_xlabel("distance to uniform")
        if kind == "explorer":
            axes.set_yscale("log")
    line[0].set_ylabel("worst-case regret (episodes)")
    shared_legend(figure, line[0])
    columns = ["kind", "concentration", "distance", "theory", "ideal", "trained"]
    return Drawing(
        figure,
        data[columns],
        numbers,
        "Worst-case regret over all goals of learners trained on proposals from uniform to peaked, against "
        "the proposal's total-variation distance to uniform. Crosses: ideal learners for the same proposal, "
        "$W(q)$ of T5 for the explorer and the Bayes-optimal learner with memory for the recurrent one. MAML "
        "learners adapt for 20 steps, the recurrent learner for as many episodes as there are goals.",
    )


def _scatter(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    axes.plot(rows["distance"], rows["trained"], **style.points(1), label="trained")
    if rows["ideal"].notna().all():
        cross: dict[str, Any] = {"color": "0.35", "linestyle": "none", "marker": "x", "markersize": 2.6}
        axes.plot(rows["distance"], rows["ideal"], **cross, label="ideal")


FIGURE = Figure(
    name="learning_link",
    title="Does distance to uniform predict the regret of trained learners?",
    studies=("learning_link",),
    theorems=("T05",),
    draw=draw,
    long=True,
)
