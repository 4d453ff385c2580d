"""With memory, is one proposal brittle and a random one not (T27), for trained recurrent learners too?

Five goals on a star, one step each, five episodes. Each learner trains on a proposal of its own: goals in
random order, each ``ratio`` times as likely as the one before. A learner that knew its proposal by heart
would search in that order, and lose ``K - 1`` on the last goal; one drawn at random among all loses ``(K -
1) / 2`` on every goal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.experiments.topics._learning import draw_intervals, needs, over_seeds
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

STAR, GOALS = "tree:0,0,0,0", 5
RATIOS = (1.0, 0.9, 0.7, 0.5)
FULL = {"learners": 20, "iterations": 400}
SHORT = {"learners": 2, "iterations": 20}
TRIALS = 256


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point for each ratio; in short, one."""
    if scale is Scale.SHORT:
        return [{"ratio": RATIOS[2], "first": seed, **SHORT}]
    return [{"ratio": ratio, "first": seed, **FULL} for ratio in RATIOS]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train; one row for each learner and goal. `generator` is not used: the point names the first seed."""
    import numpy as np

    from metaregret.tabular.environments import make
    from metaregret.theory.learning import RecurrentSettings, dynamics, play, train_recurrent
    from metaregret.theory.learning.worlds import sparse_goals

    tests = sparse_goals(make(STAR).replaced(horizon=1))
    world, count = dynamics(tests.process), point["learners"]
    rng = np.random.default_rng([point["first"], GOALS])
    q = np.stack([rng.permutation(point["ratio"] ** np.arange(GOALS)) for _ in range(count)])
    q /= q.sum(axis=1, keepdims=True)
    settings = RecurrentSettings(iterations=point["iterations"])
    rewards = np.repeat(tests.rewards[None], count, axis=0)
    learners = train_recurrent(world, rewards, q, GOALS, settings, point["first"] + np.arange(count))
    rows = []
    for index in range(count):
        mine = {name: value[index] for name, value in learners.parameters.items()}
        paid = play(world, mine, tests.rewards, GOALS, trials=TRIALS, seed=1_000_000 + index)
        lost = (1.0 - paid).sum(axis=1)
        rows += [
            {"seed_of_run": index, "goal": goal, "weight": q[index, goal], "regret": lost[goal]}
            for goal in range(GOALS)
        ]
    return rows


STUDY = Study(
    "learning_mixture", "One proposal or a random one, for recurrent learners", points, measure, needs=needs
)


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
    axes.axvline(goals - 1.0, color="0.35", linewidth=0.8, label="one, by T27")
    axes.axvline((goals - 1) / 2, color="0.35", linewidth=0.8, linestyle="--", label="random, by T27")
    axes.set_yticks(height, [f"{ratio:g}" for ratio in table["ratio"]])
    axes.set(xlabel="worst-goal regret (episodes)", ylabel="ratio of successive goals")
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
