r"""Return against exact gradient steps on unseen tasks: MAML trained on proposals, and from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures._learning import WORLDS, curves, draw_curves, panels, shared_legend
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel for each world."""
    data = results["learning_curves"]
    worlds = [world for world in WORLDS if world in set(data["world"])]
    table = curves(data, "maml", "exact", running=False)
    figure = style.canvas("line", ratio=0.40)
    (line,) = panels(figure, worlds)
    for axes, world in zip(line, worlds, strict=True):
        draw_curves(axes, table[table["world"] == world], "step", style)
        axes.axhline(1.0, color="0.35", linewidth=0.8, linestyle=(0, (1, 1)), label="optimum")
        axes.set(xlabel="exact gradient steps", ylim=(None, 1.04))
    line[0].set_ylabel("return (optimum 1, worst 0)")
    shared_legend(figure, line[0])
    last = table[table["step"] == table["step"].max()].set_index(["world", "training"])["mean"]
    numbers = {
        f"{world}{training.capitalize()}": float(last[world, training])
        for world in worlds
        for training in ("scratch", "diayn", "random")
    }
    return Drawing(
        figure,
        table,
        numbers,
        "Expected return of learners that adapt to unseen tasks by exact gradient steps, after MAML on the "
        "tasks of each proposal. Lines are means over all test tasks and "
        f"{data['seed_of_run'].nunique()} seeds, bands 95 % intervals over both (pigeonhole bootstrap). The "
        "exact gradient of a new task tells a learner where its reward is: exploration plays no part here.",
    )


FIGURE = Figure(
    name="learning_steps",
    title="Meta-learners on self-proposed tasks: return against exact gradient steps",
    studies=("learning_curves",),
    theorems=("T05", "T06"),
    draw=draw,
    long=True,
)
