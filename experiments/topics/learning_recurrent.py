"""Recurrent learners (RL^2 by PPO) on proposals: trained on sampled trials, met with longer ones and with
goals that were never trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.experiments.topics._learning import TRAINING_WORDS, draw_intervals, groups, needs, over_seeds
from metaregret.theory.learning.settings import SEEDS, RecurrentSettings
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TRAININGS = ("diayn", "diayn-held-out", "diayn-16", "random")
GRIDS = {"grid:3x3": 9, "grid:4x4": 16}
"""Processes, and episodes of a trial: one for each goal. The larger one is long."""

TRIALS = 128
"""Sampled trials on each test task."""


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point for each distribution, on the smaller grid."""
    if scale is Scale.SHORT:
        return [{"process": "grid:3x3", "training": "diayn", "seeds": 2, "iterations": 20, "first": seed}]
    return _full("grid:3x3", seed)


def long(seed: int) -> Sequence[Point]:
    """Return the larger grid."""
    return _full("grid:4x4", seed)


def _full(grid: str, seed: int) -> list[Point]:
    settings = {"seeds": SEEDS, "iterations": RecurrentSettings().iterations, "first": seed}
    return [{"process": grid, "training": name, **settings} for name in TRAININGS]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train; one row for each seed and length of the test trials (as trained, and twice that)."""
    import numpy as np

    from metaregret.tabular.environments import make
    from metaregret.theory.learning import RecurrentSettings, dynamics, play, train_recurrent
    from metaregret.theory.learning.distributions import stacked
    from metaregret.theory.learning.explorer import uniform_actions
    from metaregret.theory.learning.limits import bayes_regret
    from metaregret.theory.learning.worlds import goals_of, sparse_goals

    tests = sparse_goals(make(point["process"]))
    episodes, world = GRIDS[point["process"]], dynamics(tests.process)
    ((_, group),) = groups(tests, (point["training"],), point["seeds"], point["first"]).items()
    rewards, weights = stacked(group, max(len(one.tasks) for one in group))
    seeds = point["first"] + np.arange(point["seeds"])
    settings = RecurrentSettings(iterations=point["iterations"])
    learners = train_recurrent(world, rewards, weights, episodes, settings, seeds)
    rows = []
    for seed, one in enumerate(group):
        goals = goals_of(one.tasks) if point["training"].startswith("diayn") else None
        asked = goals_of(tests)
        known = np.ones(len(tests), dtype=bool)
        if goals is not None and asked is not None:
            known = np.isin(asked, goals)
        mine = {name: value[seed] for name, value in learners.parameters.items()}
        for length in (episodes, 2 * episodes):
            paid = play(world, mine, tests.rewards, length, trials=TRIALS, seed=1_000_000 + seed)
            count = np.arange(1, length + 1)
            blind = 1.0 - (1.0 - uniform_actions(tests)[goals_of(tests), None]) ** count
            even = 1.0 - (1.0 - 1.0 / len(tests)) ** count
            rows.append(
                {
                    "seed_of_run": seed,
                    "length": length,
                    "mean_return": paid.mean(),
                    "worst_return": paid.mean(axis=1).min(),
                    "held_out_return": None if known.all() else paid[~known].mean(),
                    "last_return": paid[:, -1].mean(),
                    "trained_to": learners.curve[seed, -20:].mean() / episodes,
                    "bayes": 1.0 - bayes_regret(tests, length).lower / length,
                    "memoryless_uniform": even.mean(),
                    "memoryless_scratch": blind.mean(),
                }
            )
    return rows


STUDY = Study(
    "learning_recurrent", "Recurrent learners on proposals, by PPO", points, measure, needs=needs, long=long
)

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
    down = -(-len(panels) // 2)
    figure = style.canvas("line", ratio=0.34 * down)
    grid = figure.subplots(down, 2, squeeze=False).ravel()
    for axes, (process, length) in zip(grid, panels, strict=True):
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
        axes.set_yticks([-p for p in range(len(rows))], [TRAINING_WORDS[name] for name in rows["training"]])
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
