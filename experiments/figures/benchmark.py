r"""The planner against its peers: seconds of each over ours, from the saved benchmark table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

OURS = "metaregret"


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one row a model, one marker a contestant."""
    import numpy as np

    data = results["planning_benchmark"].drop(columns=["table", "digest"], errors="ignore")
    if data.empty:
        raise InvalidArgumentError(
            "There is no saved table; run python -m benchmarks.planning in a checkout of the project first."
        )
    models = list(dict.fromkeys(data["model"]))
    figure = style.canvas("line", ratio=0.16 + 0.034 * len(models))
    axes = figure.subplots()
    peers = data[data["contestant"] != OURS]
    right = peers[peers["right"].astype(bool)]
    fastest = right.loc[right.groupby("model")["ratio"].idxmin()]
    height = {model: -index for index, model in enumerate(models)}
    for rows, look, label in (
        (right, style.points(1), "peer, right answer"),
        (fastest, {**style.points(2), "markerfacecolor": "#d55e00"}, "fastest right peer"),
        (peers[~peers["right"].astype(bool)], {**style.points(0), "marker": "x"}, "peer, wrong answer"),
    ):
        if len(rows):
            axes.plot(rows["ratio"], [height[model] for model in rows["model"]], **look, label=label)
    asked = data[data["contestant"] == OURS].dropna(subset=["required"])
    axes.plot(
        asked["required"], [height[m] for m in asked["model"]], "|", color="0.3", markersize=8, label="asked"
    )
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks([height[model] for model in models], models)
    axes.set(
        xscale="log", xlabel="seconds of the peer over seconds of metaregret (above 1: slower than ours)"
    )
    axes.set(ylim=(0.7 - len(models), 0.7), ylabel="model (task and number of states)")
    axes.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.45, 1.0))
    ahead = float((fastest["ratio"] > 1).mean())
    return Drawing(
        figure,
        data,
        {
            "models": float(len(models)),
            "aheadPercent": 100 * ahead,
            "medianRatio": float(np.median(fastest["ratio"])),
        },
        f"Time to solution of planning peers relative to this project on {len(models)} models, from the "
        "saved "
        "benchmark table (interleaved medians on one machine; answers are checked against a common value). "
        "The "
        f"fastest right peer is slower on {100 * ahead:.0f} % of the models.",
    )


FIGURE = Figure(
    name="benchmark",
    title="The planner against its peers",
    studies=("planning_benchmark",),
    theorems=(),
    draw=draw,
)
