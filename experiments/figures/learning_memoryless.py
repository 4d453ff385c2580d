r"""Episodes until the first success of memoryless learners: what a proposal is worth before anything
learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures._learning import TRAININGS, WORLDS, leading
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel for each world."""
    import numpy as np

    data = results["learning_memoryless"]
    measures = ["mean_hitting", "worst_hitting", "never_found", "regret_25", "regret_100", "worst_regret_100"]
    limits = ["minimax_hitting", "bayes_regret_25", "minimax_regret_25", "smallest_optimum"]
    groups = data.groupby(["world", "training"], sort=False)
    # A mean over seeds in one of which a goal is never found is infinite: left empty.
    table = groups[measures].agg(_mean).join(groups[limits].first()).reset_index()
    worlds = [world for world in WORLDS if world in set(table["world"])]
    columns = min(2, len(worlds))
    figure = style.canvas("line", ratio=0.32 * -(-len(worlds) // columns))
    numbers: dict[str, float | str] = {}
    grid = figure.subplots(-(-len(worlds) // columns), columns, squeeze=False).ravel()
    for axes in grid[len(worlds) :]:
        axes.set_visible(False)
    for axes, world in zip(grid, worlds, strict=False):
        rows = table[table["world"] == world].reset_index(drop=True)
        height = [-float(place) for place in range(len(rows))]
        for index, column in enumerate(("mean_hitting", "worst_hitting")):
            axes.plot(rows[column], height, **style.points(index), label=("mean", "worst goal")[index])
        for place, missing in zip(height, rows["mean_hitting"].isna(), strict=True):
            if missing:
                axes.annotate(
                    "never", (0.98, place), xycoords=("axes fraction", "data"), ha="right", va="center"
                )
        axes.axvline(rows["minimax_hitting"].iloc[0], color="0.35", linewidth=0.8)
        names = ["from scratch", *(TRAININGS[leading(name)] for name in rows["training"][1:])]
        axes.set_yticks(height, names)
        axes.set(xscale="log", xlabel="episodes to success", title=WORLDS[world])
        axes.set_ylim(0.6 - len(rows), 0.6)
        axes.xaxis.set_minor_formatter("")
        axes.grid(axis="y", visible=False)
        numbers |= {f"{world}Scratch": rows["mean_hitting"][0], f"{world}Diayn": rows["mean_hitting"][1]}
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return Drawing(
        figure,
        table,
        {name: value for name, value in numbers.items() if not np.isnan(float(value))},
        "Expected number of episodes until the first success of learners that explore by playing an optimal "
        "policy of a random proposed task, or uniform actions (from scratch): mean over goals and worst "
        "goal, computed exactly. Never: some goal is not found in some seed. Line: the minimax memoryless "
        "learner.",
    )


def _mean(column: pd.Series[float]) -> float:
    """The mean over seeds, empty where a value is."""
    return float(column.mean(skipna=False))


FIGURE = Figure(
    name="learning_memoryless",
    title="Episodes until the first success of memoryless learners on proposals",
    studies=("learning_memoryless",),
    theorems=("T01", "T04", "T06", "T20"),
    draw=draw,
    long=True,
)
