r"""Recurrent learners approach the Bayes-optimal learner from below, where they train on the right tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures._learning import TRAININGS, shared_legend
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

TITLES = {"star": "star of five goals, three episodes", "line": "line of five goals, two episodes"}


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the mean return on the test tasks in the course of training."""
    data = results["learning_recurrent"]
    worlds = [world for world in TITLES if world in set(data["world"])]
    keys = ["world", "training", "iteration"]
    grouped = data.groupby(keys, sort=False)
    table = grouped["mean_return"].agg(["mean", "min", "max"]).reset_index()
    table["bayes_optimal"] = grouped["best_upper"].first().to_numpy()
    figure = style.canvas("line", ratio=0.42)
    line = figure.subplots(1, len(worlds), squeeze=False)[0]
    for axes, world in zip(line, worlds, strict=True):
        here = table[table["world"] == world]
        for index, (training, label) in enumerate(TRAININGS.items()):
            rows = here[here["training"] == training]
            if len(rows):
                look = style.series(index)
                axes.plot(rows["iteration"], rows["mean"], **look, markevery=8, label=label)
                axes.fill_between(
                    rows["iteration"], rows["min"], rows["max"], color=look["color"], alpha=0.12
                )
        best = float(here["bayes_optimal"].iloc[0])
        axes.axhline(best, color="0.35", linewidth=1.4, label="Bayes-optimal learner")
        axes.set(title=TITLES[world], xlabel="iterations of training", ylim=(0, 1.12 * best))
    line[0].set_ylabel("mean return on test tasks")
    shared_legend(figure, line[0])
    last = table[table["iteration"] == table["iteration"].max()].set_index(["world", "training"])["mean"]
    numbers = {f"{world}{name.capitalize()}": float(last[world, name]) for world, name in last.index}
    numbers |= {
        f"{world}Bayes": float(data[data["world"] == world]["best_upper"].iloc[0]) for world in worlds
    }
    numbers["aboveBayes"] = float((data["mean_return"] - data["best_upper"]).max())
    return Drawing(
        figure,
        table,
        numbers,
        "Exact mean return per episode of recurrent learners (RL$^2$) on equally likely goals, in the course "
        "of training on each distribution by exact policy gradients. Bands: smallest and largest of "
        f"{data['seed_of_run'].nunique()} seeds. No learner can be above the grey line.",
    )


FIGURE = Figure(
    name="learning_recurrent",
    title="Recurrent learners below the Bayes-optimal one",
    studies=("learning_recurrent",),
    theorems=("T12",),
    draw=draw,
    long=True,
)
