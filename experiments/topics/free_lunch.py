"""All learners that never repeat a trajectory, enumerated, with and without structure in the tasks (T11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

REWARDS = ((0, 0, 0, 1), (0, 0, 1, 1))
"""One reward a trajectory; the tasks are all their orders."""

ENDS = ((0, 1, 2, 3, 4, 5), (0, 0, 1, 1, 2, 3), (0, 0, 0, 1, 1, 2), (0, 0, 0, 0, 0, 1))
"""The state in which each trajectory ends; the tasks are "end in g"."""


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return permutation-closed sets of tasks, and goals under dynamics that merge more and more
    trajectories."""
    closed = [
        {"kind": "closed", "case": index, "tries": k}
        for index, rewards in enumerate(REWARDS)
        for k in range(1, len(rewards) + 1)
    ]
    merged = [
        {"kind": "dynamics", "case": index, "tries": k} for index in range(len(ENDS)) for k in range(1, 6)
    ]
    return closed + merged


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the chance of a success in so many tries: of the best learner, the worst, and on average."""
    from itertools import permutations

    from metaregret.theory.theorems.t11_no_free_lunch import extremes, learners

    tries = point["tries"]
    if point["kind"] == "closed":
        rewards = REWARDS[point["case"]]
        tasks = sorted(set(permutations(rewards)))
        scores = list(learners(tasks, tries, max))
        best, worst, count = max(scores), min(scores), len(scores)
        shared = 0
    else:
        ends = ENDS[point["case"]]
        tasks = [tuple(int(end == goal) for end in ends) for goal in sorted(set(ends))]
        best, worst = extremes(tasks, tries, max)
        count, shared = 0, len(ends) - len(set(ends))
    return {
        "trajectories": len(tasks[0]),
        "goals": len(tasks),
        "shared_ends": shared,
        "paying": sum(tasks[0]),
        "learners": count,
        "best": float(best),
        "worst": float(worst),
    }


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the spread between the best and the worst learner, without and with dynamics."""
    data = results["free_lunch"]
    figure, (left, right) = style.panels(2, ratio=0.38)
    closed, dynamics = (data[data["kind"] == kind] for kind in ("closed", "dynamics"))
    _closed(left, closed, style)
    draw_spread(right, dynamics, style)
    return Drawing(
        figure,
        data,
        {
            "learners": float(closed["learners"].max()),
            "spreadClosed": float((closed["best"] - closed["worst"]).max()),
            "spreadDynamics": float((dynamics["best"] - dynamics["worst"]).max()),
        },
        "Left: on a set of tasks closed under permutations every learner that never repeats a trajectory "
        f"(up to {int(closed['learners'].max())} of them, all enumerated) succeeds with the same "
        "probability; "
        "lines: $1-\\binom{m-j}{k}/\\binom{m}{k}$ for $j$ of $m=4$ trajectories that pay. Right: where "
        "dynamics make trajectories share their end state, tasks are goals and learners differ: the gap in "
        "success "
        "probability between the best and the worst learner, for six trajectories.",
    )


def _closed(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    from math import comb

    for index, (_, case) in enumerate(rows.groupby("case")):
        m, j = int(case["trajectories"].iloc[0]), int(case["paying"].iloc[0])
        formula = [1 - comb(m - j, k) / comb(m, k) for k in case["tries"]]
        style.curve(axes, index, (case["tries"], formula), (case["tries"], case["best"]), f"{j} of {m} pay")
        axes.plot(case["tries"], case["worst"], **{**style.points(index), "marker": "x", "markersize": 2.5})
    axes.plot([], [], color="0.3", marker="x", linestyle="none", markersize=2.5, label="worst learner")
    axes.set_xticks(sorted(set(rows["tries"])))
    axes.set(xlabel="number of tries $k$", ylabel="probability of a success", ylim=(0.2, 1.04))
    axes.legend(loc="lower right")


def draw_spread(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    """Draw by how much learners differ where trajectories share their end."""
    for index, (_, case) in enumerate(rows.groupby("case")):
        shared = int(case["shared_ends"].iloc[0])
        label = "no shared ends" if shared == 0 else f"{shared} shared ends"
        axes.plot(case["tries"], case["best"] - case["worst"], **style.series(index), label=label)
    axes.set_xticks(sorted(set(rows["tries"])))
    axes.set(xlabel="number of tries $k$", ylabel="best minus worst (probability)")
    axes.set_ylim(-0.04, 1.3 * (rows["best"] - rows["worst"]).max())
    axes.legend(ncols=2, loc="upper center")


STUDY = Study(
    "free_lunch", "best and worst learners with and without structure in the tasks", points, measure
)
FIGURE = Figure(
    name="free_lunch",
    title="Without structure in the tasks all learners are alike; the dynamics pay for the lunch",
    studies=("free_lunch",),
    theorems=("T11",),
    draw=draw,
)
