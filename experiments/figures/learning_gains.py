r"""Learners trained through their adaptation against learning from scratch, knob by knob."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures._learning import (
    KNOBS,
    TRAININGS,
    WORLDS,
    draw_intervals,
    gains,
    leading,
    records,
)
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

RULES = {"own": "step sizes tuned on own tasks", "tests": "best step sizes on the tests"}


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel for each world; a line for each distribution, then for each other knob."""
    table = gains(results["learning_adaptation"])
    worlds = [world for world in WORLDS if world in set(table["world"])]
    figure = style.canvas("line", ratio=0.28 * (1 + (len(worlds) > 3)))
    grid = figure.subplots(1 + (len(worlds) - 1) // 3, min(3, len(worlds)), squeeze=False).ravel()
    for axes in grid[len(worlds) :]:
        axes.set_visible(False)
    for axes, world in zip(grid, worlds, strict=False):
        for index, (rule, label) in enumerate(RULES.items()):
            rows = table[(table["world"] == world) & (table["rule"] == rule)].reset_index(drop=True)
            height = [-place - 0.22 * (index - 0.5) for place in range(len(rows))]
            draw_intervals(axes, rows, height, index, label)
        names = [TRAININGS[leading(row.training)] + _suffix(row.knob) for row in records(rows)]
        axes.set_yticks([-place for place in range(len(rows))], names)
        axes.axvline(0.0, color="0.35", linewidth=0.8)
        axes.set(title=WORLDS[world], xlabel="gain over scratch")
        axes.grid(axis="y", visible=False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    credit = table[(table["knob"] == "initialisation") & (table["rule"] == "own")]
    credit = credit[[leading(name) == "diayn" for name in credit["training"]]].set_index("world")
    numbers = {f"{world}Gain": float(credit["gain"][world]) for world in worlds if world in credit.index}
    return Drawing(
        figure,
        table,
        numbers | {"seeds": float(table["seeds"].max())},
        "Gain over learning from scratch in the mean return of 100 episodes on unseen tasks, for learners "
        "meta-trained through sampled adaptation on each proposal; lines after a semicolon train another "
        "knob or train otherwise. Bars: 95 % bootstrap intervals over seeds. One rule for the step sizes "
        "of all, scratch included.",
    )


def _suffix(knob: str) -> str:
    """What is trained, where that is not the initialisation with credit."""
    return "" if knob == "initialisation" else f"; {KNOBS[knob].rpartition(', ')[2]}"


FIGURE = Figure(
    name="learning_gains",
    title="Learners trained through their adaptation against learning from scratch",
    studies=("learning_adaptation",),
    theorems=("T05", "T06"),
    draw=draw,
    long=True,
)
