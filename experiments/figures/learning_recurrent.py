r"""Recurrent learners trained by PPO on proposals, between random search and the Bayes-optimal learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures._learning import TRAININGS, draw_intervals, over_seeds
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

LIMITS = {
    "bayes": "Bayes-optimal",
    "memoryless_uniform": "memoryless, uniform",
    "memoryless_scratch": "memoryless, scratch",
}
MEASURES = ("mean_return", "worst_return", "held_out_return", "last_return", "trained_to")


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel for each process and length of test trials."""
    import pandas as pd

    data = results["learning_recurrent"]
    keys = ["process", "length", "training"]
    table = pd.concat(
        [over_seeds(data, keys, column).assign(measure=column) for column in MEASURES], ignore_index=True
    ).merge(data.groupby(["process", "length"], as_index=False)[list(LIMITS)].first())
    panels: list[Any] = list(data.groupby(["process", "length"], sort=False).groups)
    figure = style.canvas("line", ratio=0.34)
    for axes, (process, length) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        here = table[(table["process"] == process) & (table["length"] == length)]
        for index, measure in enumerate(("mean_return", "worst_return")):
            rows = here[here["measure"] == measure].reset_index(drop=True)
            draw_intervals(axes, rows, [-p - 0.2 * (index - 0.5) for p in range(len(rows))], index,
                           ("all goals", "worst goal")[index])  # fmt: skip
        for index, (column, label) in enumerate(LIMITS.items()):
            axes.axvline(
                here[column].iloc[0],
                color="0.35",
                linewidth=0.9,
                linestyle=("-", "--", ":")[index],
                label=label,
            )
        axes.set_yticks([-p for p in range(len(rows))], [TRAININGS[name] for name in rows["training"]])
        axes.set(title=f"{process}, {length} episodes", xlabel="mean return per episode", xlim=(-0.02, None))
        axes.grid(axis="y", visible=False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    mean = table[table["measure"] == "mean_return"]
    return Drawing(
        figure,
        table,
        {
            "best": float(mean["mean"].max()),
            "bayes": float(mean["bayes"].iloc[0]),
            "aboveBayes": float((mean["mean"] - mean["bayes"]).max()),
            "seeds": float(mean["seeds"].max()),
        },
        "Mean return per episode of recurrent learners on equally likely goals, after training by proximal "
        "policy optimisation on each proposal in trials with one episode a goal; tests in trials of that "
        "length and twice that. Bars: 95 % bootstrap intervals over seeds. Lines: the Bayes-optimal "
        "learner, and memoryless ones that explore uniformly or by uniform actions and know the goal once "
        "they found it.",
    )


FIGURE = Figure(
    name="learning_recurrent",
    title="Recurrent learners on proposals, below the Bayes-optimal one",
    studies=("learning_recurrent",),
    theorems=("T06", "T12"),
    draw=draw,
    long=True,
)
