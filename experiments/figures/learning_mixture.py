r"""One proposal or a random one for recurrent learners: the worst case of a learner and of their mixture
(T27)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures._learning import draw_intervals, over_seeds
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw both worst cases for each ratio, between those of T27."""
    import pandas as pd

    data = results["learning_mixture"]
    goals = data["goal"].nunique()
    each = data.groupby(["ratio", "seed_of_run"], sort=False)["regret"].max().reset_index()
    table = over_seeds(each, ["ratio"], "regret").rename(columns={"mean": "one_worst"})
    by_goal = data.groupby(["ratio", "goal"], sort=False, as_index=False)["regret"].mean()
    mixture = by_goal.groupby("ratio", sort=False)["regret"].max().rename("mixture_worst")
    average = data.groupby("ratio", sort=False)["regret"].mean().rename("mean_regret")
    table = table.merge(mixture, on="ratio").merge(average, on="ratio")
    table = table.assign(theory_one=goals - 1.0, theory_mixture=(goals - 1) / 2)
    figure = style.canvas("column")
    axes = figure.subplots()
    height = [-float(place) for place in range(len(table))]
    draw_intervals(axes, table.rename(columns={"one_worst": "mean"}), height, 0, "one learner")
    axes.plot(table["mixture_worst"], height, **style.points(1), label="one of them at random")
    axes.axvline(goals - 1.0, color="0.35", linewidth=0.8)
    axes.axvline((goals - 1) / 2, color="0.35", linewidth=0.8, linestyle="--")
    axes.set_yticks(height, [f"{ratio:g}" for ratio in table["ratio"]])
    axes.set(xlabel="worst-goal regret (episodes)", ylabel="each goal as likely as the last, times")
    axes.legend(loc="best")
    axes.grid(axis="y", visible=False)
    numbers = {
        f"{name}{word}": float(table.set_index("ratio").loc[ratio, column])
        for ratio, word in zip(table["ratio"], ("A", "B", "C", "D"), strict=False)
        for name, column in (("one", "one_worst"), ("mixture", "mixture_worst"))
    }
    return Drawing(
        figure,
        pd.DataFrame(table),
        numbers | {"learners": float(table["seeds"].max())},
        "Recurrent learners on a star of five goals in trials of five episodes, each trained on a "
        "proposal of its own: goals in random order, each less likely than the one before by the factor "
        "on the axis. Regret on the worst goal of one learner (mean over learners, 95 % interval) and of "
        "a learner drawn at random among them. Lines: $K-1$ and $(K-1)/2$ (T27).",
    )


FIGURE = Figure(
    name="learning_mixture",
    title="One proposal is brittle for recurrent learners, a random one is not",
    studies=("learning_mixture",),
    theorems=("T12", "T27"),
    draw=draw,
    long=True,
)
