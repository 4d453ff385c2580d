r"""No free lunch, and what the dynamics pay for (T11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the spread between the best and the worst learner, without and with dynamics."""
    data = results["free_lunch"]
    figure = style.canvas("line", ratio=0.38)
    left, right = figure.subplots(1, 2)
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
        look = style.series(index, marker=False)
        axes.plot(case["tries"], formula, **look)
        axes.plot(case["tries"], case["best"], **style.points(index))
        axes.plot(case["tries"], case["worst"], **{**style.points(index), "marker": "x", "markersize": 2.5})
        both = {**style.points(index), "linestyle": look["linestyle"]}
        axes.plot([], [], **both, label=f"{j} of {m} pay")
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


FIGURE = Figure(
    name="free_lunch",
    title="Without structure in the tasks all learners are alike; the dynamics pay for the lunch",
    studies=("free_lunch",),
    theorems=("T11",),
    draw=draw,
)
