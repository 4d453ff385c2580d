r"""Mean return against episodes of an unseen task, below the line of the Bayes-optimal learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures._learning import WORLDS, curves, draw_curves, panels, shared_legend
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel for each world."""
    data, limits = results["learning_curves"], results["learning_limits"]
    worlds = [world for world in WORLDS if world in set(data["world"])]
    batch = int(data["episodes"].iloc[0])
    table = curves(data, "maml", "episodes", running=True)
    table["episode"] = table["step"] * batch
    table["bayes_optimal"] = 0.0
    figure = style.canvas("line", ratio=0.40)
    (line,) = panels(figure, worlds)
    for axes, world in zip(line, worlds, strict=True):
        here = table["world"] == world
        known = limits[limits["world"] == world].sort_values("episodes")
        table.loc[here, "bayes_optimal"] = bayes_line(known, table.loc[here, "episode"].to_numpy())
        draw_curves(axes, table[here], "episode", style)
        grid = range(1, int(table["episode"].max()) + 1)
        axes.plot(grid, bayes_line(known, grid), color="0.35", linewidth=1.4, label="Bayes-optimal learner")
        axes.axhline(1.0, color="0.35", linewidth=0.8, linestyle=(0, (1, 1)), label="optimum")
        axes.set(xscale="log", xlabel="episodes", ylim=(None, 1.04))
        axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    line[0].set_ylabel("mean return so far")
    shared_legend(figure, line[0])
    last = table[table["step"] == table["step"].max()].set_index(["world", "training"])
    numbers = {
        f"{world}{training.capitalize()}": float(last.loc[(world, training), "mean"])
        for world in worlds
        for training in ("scratch", "diayn", "random")
    }
    numbers |= {f"{world}Bayes": float(last.loc[(world, "scratch"), "bayes_optimal"]) for world in worlds}
    numbers["aboveBayes"] = float((table["mean"] - table["bayes_optimal"]).max())
    return Drawing(
        figure,
        table,
        numbers,
        "Mean return over the first $n$ episodes of an unseen task, for learners that adapt by policy "
        f"gradients from {batch} episodes a step, after MAML on the tasks of each proposal. Grey: the best "
        "that any learner can get on equally likely test tasks, certified up to 16 episodes and extended by "
        "$V_{n+1}\\leq V_n+v^*$. Bands: 95 % intervals over tasks and "
        f"{data['seed_of_run'].nunique()} seeds (pigeonhole bootstrap).",
    )


def bayes_line(known: pd.DataFrame, episodes: np.ndarray | range) -> np.ndarray:
    """Return an upper bound on the mean return over the first `episodes` episodes of any learner.

    Known sums ``V_n`` are exact; between and beyond them ``V_{n + k} <= V_n + k``, with returns at most 1.
    """
    import numpy as np

    counts, best = known["episodes"].to_numpy(), known["best_upper"].to_numpy()
    wanted = np.asarray(episodes)
    place = np.searchsorted(counts, wanted, side="right") - 1
    total = counts[place] * best[place] + (wanted - counts[place])
    return np.asarray(total / wanted)


FIGURE = Figure(
    name="learning_episodes",
    title="Meta-learners on self-proposed tasks: return against episodes, and the Bayes-optimal learner",
    studies=("learning_curves", "learning_limits"),
    theorems=("T05", "T06", "T12"),
    draw=draw,
    long=True,
)
