r"""Where goals are not equally easy to reach: proposals of order 1, 2 and infinity, for trained learners
too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.topics._learning import TRAINING_WORDS, draw_intervals, leading, over_seeds
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

ORDERS = ("order-1", "order-2", "order-inf", "uniform", "diayn", "diayn-2")
LEARNERS = {"memoryless": "memoryless, exact", "initialisation": "trained through adaptation"}


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the worst-goal regret and the mean return of both kinds of learner on the ledge."""
    import pandas as pd

    trained = results["learning_adaptation"]
    trained = trained[(trained["world"] == "ledge") & (trained["rule"] == "own")]
    exact = results["learning_memoryless"]
    exact = exact[exact["world"] == "ledge"].assign(knob="memoryless")
    both = pd.concat([exact, trained[trained["knob"] == "initialisation"]], ignore_index=True)
    worst = over_seeds(both, ["knob", "training"], "worst_regret_100").assign(measure="worst_regret_100")
    mean = over_seeds(both, ["knob", "training"], "regret_100").assign(measure="regret_100")
    table = pd.concat([worst, mean], ignore_index=True)
    table = table[[leading(name) in ORDERS for name in table["training"]]]
    figure = style.canvas("line", ratio=0.36)
    titles = {"worst_regret_100": "regret on the worst goal", "regret_100": "mean regret"}
    numbers: dict[str, float | str] = {}
    for axes, (measure, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        for index, (knob, label) in enumerate(LEARNERS.items()):
            rows = table[(table["measure"] == measure) & (table["knob"] == knob)]
            if not len(rows):  # not trained in short
                continue
            place = [ORDERS.index(leading(name)) for name in rows["training"]]
            draw_intervals(axes, rows, [-at - 0.22 * (index - 0.5) for at in place], index, label)
            for name, value in zip(rows["training"], rows["mean"], strict=True):
                key = leading(name).title().replace("-", "").replace("1", "One").replace("2", "Two")
                numbers[f"{knob}{key}{'Worst' if measure.startswith('worst') else 'Mean'}"] = float(value)
        axes.set_yticks([-at for at in range(len(ORDERS))], [TRAINING_WORDS[name] for name in ORDERS])
        axes.set(xlabel=f"{title} (100 episodes)")
        axes.grid(axis="y", visible=False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return Drawing(
        figure,
        table,
        numbers,
        "Regret over 100 episodes on a slipping grid with one goal that is reached by luck only, for "
        "learners that practise on goals as often as the exploration of order 1 (mutual information), 2 "
        "and infinity asks for, on uniform goals, and on DIAYN's tasks. Exact for memoryless learners; "
        "trained learners with 95 % bootstrap intervals over seeds.",
    )


FIGURE = Figure(
    name="learning_orders",
    title="Orders of information where goals are not equally easy, for trained learners",
    studies=("learning_memoryless", "learning_adaptation"),
    theorems=("T19", "T20"),
    draw=draw,
    long=True,
)
