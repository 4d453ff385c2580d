r"""Each meta-learner against learning from scratch: areas under the curve, paired by task, and Holm."""

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
from metaregret.experiments.statistics import holm, interval, paired_p_value
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LEVEL = 0.05


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw differences to the learner from scratch, filled where significant."""
    data = results["learning_curves"]
    worlds = [world for world in WORLDS if world in set(data["world"])]
    table = comparisons(data)
    figure = style.canvas("line", ratio=0.62)
    grid = panels(figure, worlds, rows=2)
    for axes, rows, first in adaptation_panels(grid, table, worlds):
        _differences(axes, rows, style, names=first)
        axes.set_xlabel("gain over scratch")
    shared_legend(figure, grid[0][0], columns=len(METHODS))
    maml = table[table["method"] == "maml"].set_index(["adaptation", "world", "training"])
    numbers: dict[str, float | str] = {"comparisons": float(len(table))}
    for adaptation in ADAPTATIONS:
        for training in ("diayn", "random", "handmade"):
            chosen = maml.xs(adaptation).xs(training, level="training")
            key = f"{adaptation}{training.capitalize()}"
            numbers[f"{key}Above"] = float(((chosen["holm"] < LEVEL) & (chosen["gain"] > 0)).sum())
            numbers[f"{key}Below"] = float(((chosen["holm"] < LEVEL) & (chosen["gain"] < 0)).sum())
    return Drawing(
        figure,
        table,
        numbers,
        "Gain of meta-trained learners over learning from scratch in the area under the learning curve (mean "
        "return while adapting), on unseen tasks. Bars: 95 % intervals over tasks and seeds (pigeonhole "
        "bootstrap). Filled: significant at 5 % by Wilcoxon's signed-rank test on tasks (seeds averaged), "
        "corrected by Holm over the training distributions of each method, world and kind of adaptation.",
    )


def comparisons(data: pd.DataFrame) -> pd.DataFrame:
    """Return the gain over scratch with interval and p-values, by world, adaptation, method and training."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for (world, adaptation), here in data.groupby(["world", "adaptation"], sort=False):
        scratch = areas(here[here["method"] == "scratch"].dropna(axis=1, how="all"))
        for method, learners in here[here["method"] != "scratch"].groupby("method", sort=False):
            family: list[dict[str, Any]] = []
            for training, found in learners.groupby("training", sort=False):
                area = areas(found.dropna(axis=1, how="all"))
                lower, upper = interval(area - scratch)
                family.append(
                    {
                        "world": world,
                        "adaptation": adaptation,
                        "method": method,
                        "training": training,
                        "rate": found["rate"].iloc[0],
                        "area": area.mean(),
                        "scratch": scratch.mean(),
                        "gain": (area - scratch).mean(),
                        "lower": float(lower),
                        "upper": float(upper),
                        "p": paired_p_value(area.mean(axis=0), scratch.mean(axis=0)),
                    }
                )
            corrected = holm([row["p"] for row in family])
            rows += [row | {"holm": float(p)} for row, p in zip(family, corrected, strict=True)]
    return pd.DataFrame(rows)


def _differences(axes: Axes, table: pd.DataFrame, style: Style, *, names: bool) -> None:
    trainings = [name for name in TRAININGS if name in set(table["training"])]
    methods = [name for name in METHODS if name in set(table["method"])]
    for index, method in enumerate(methods):
        rows = table[table["method"] == method].set_index("training").loc[trainings]
        height = [-place + 0.18 * (0.5 * (len(methods) - 1) - index) for place in range(len(trainings))]
        look = style.points(index)
        bars = {"color": look["color"], "linestyle": "none", "elinewidth": 0.7, "capsize": 0.0}
        reach = [rows["gain"] - rows["lower"], rows["upper"] - rows["gain"]]
        axes.errorbar(rows["gain"], height, xerr=[side.clip(lower=0.0) for side in reach], **bars)
        axes.plot(rows["gain"], height, **look)
        sure = (rows["holm"] < LEVEL).tolist()
        where = [(g, h) for g, h, yes in zip(rows["gain"], height, sure, strict=True) if yes]
        if where:
            filled = look | {"markerfacecolor": look["color"]}
            axes.plot(*zip(*where, strict=True), **filled)
        axes.plot([], [], **look, label=METHODS[method])
    axes.axvline(0.0, color="0.35", linewidth=0.8)
    labels = [TRAININGS[name].partition(" (")[0] for name in trainings] if names else []
    axes.set_yticks([-place for place in range(len(trainings))], labels or [""] * len(trainings))
    axes.grid(axis="y", visible=False)


FIGURE = Figure(
    name="learning_comparison",
    title="Meta-learners on self-proposed tasks against learning from scratch",
    studies=("learning_curves",),
    theorems=("T05", "T06"),
    draw=draw,
    long=True,
)
