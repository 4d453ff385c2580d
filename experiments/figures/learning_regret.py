r"""Worst-case regret over all test tasks while adapting, exact, by meta-method and training distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures._learning import (
    ADAPTATIONS,
    METHODS,
    TRAININGS,
    WORLDS,
    adaptation_panels,
    areas,
    panels,
    shared_legend,
)
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the worst task's share of lost return, mean and range over seeds."""
    data = results["learning_curves"]
    worlds = [world for world in WORLDS if world in set(data["world"])]
    table = worst_cases(data)
    figure = style.canvas("line", ratio=0.62)
    grid = panels(figure, worlds, rows=2)
    for axes, rows, first in adaptation_panels(grid, table, worlds):
        _dots(axes, rows, style, names=first)
        axes.set(xlabel="worst-case regret", xlim=(0, 1.04))
    shared_legend(figure, grid[0][0], columns=len(METHODS) + 1)
    mean = table.set_index(["adaptation", "world", "method", "training"])["mean"]
    numbers = {
        f"{adaptation}{world.capitalize()}{training.capitalize()}": float(
            mean[adaptation, world, "scratch" if training == "scratch" else "maml", training]
        )
        for adaptation in ADAPTATIONS
        for world in worlds
        for training in ("scratch", "diayn", "random", "uniform")
    }
    return Drawing(
        figure,
        table,
        numbers,
        "Regret of the worst test task while adapting, as a share of what knowing the task would pay (0: as "
        "good as the optimum in every episode, 1: nothing is ever gained), exact. Markers: mean over seeds, "
        "bars: smallest and largest. Vertical line: learning from scratch.",
    )


def worst_cases(data: pd.DataFrame) -> pd.DataFrame:
    """Return the largest regret over tasks, a share of the optimum's reward: mean and range over seeds."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    keys = ["world", "adaptation", "method", "training"]
    for key, found in data.groupby(keys, sort=False):
        worst = (1.0 - areas(found.dropna(axis=1, how="all"))).max(axis=1)
        named = dict(zip(keys, key, strict=True))
        rows.append(named | {"mean": worst.mean(), "smallest": worst.min(), "largest": worst.max()})
    return pd.DataFrame(rows)


def _dots(axes: Axes, table: pd.DataFrame, style: Style, *, names: bool) -> None:
    trainings = [name for name in TRAININGS if name in set(table["training"]) and name != "scratch"]
    methods = [name for name in METHODS if name in set(table["method"])]
    for index, method in enumerate(methods):
        rows = table[table["method"] == method].set_index("training").loc[trainings]
        height = [-place + 0.18 * (0.5 * (len(methods) - 1) - index) for place in range(len(trainings))]
        reach = [rows["mean"] - rows["smallest"], rows["largest"] - rows["mean"]]
        axes.errorbar(
            rows["mean"], height, xerr=[side.clip(lower=0.0) for side in reach], elinewidth=0.7, capsize=0.0,
            label=METHODS[method], **style.points(index),
        )  # fmt: skip
    scratch = table.loc[table["training"] == "scratch", "mean"]
    axes.axvline(float(scratch.iloc[0]), color="0.35", linewidth=1.0, label="from scratch")
    labels = [TRAININGS[name].partition(" (")[0] for name in trainings] if names else [""] * len(trainings)
    axes.set_yticks([-place for place in range(len(trainings))], labels)
    axes.grid(axis="y", visible=False)


FIGURE = Figure(
    name="learning_regret",
    title="Worst-case regret of meta-learners over all test tasks",
    studies=("learning_curves",),
    theorems=("T05", "T14"),
    draw=draw,
    long=True,
)
