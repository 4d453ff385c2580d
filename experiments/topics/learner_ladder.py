"""Blind, memoryless and memory learners for the same tasks, certified (T12, T13, T18)."""

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

CASES = (
    ("line:5,start=2", 2, "end"),
    ("line:5,start=2", 4, "visit"),
    ("grid:3x3,slip=1/5", 4, "end"),
    ("tree:0,0,1,1", 4, "visit"),
    ("garnet:S=6,A=2,b=2,seed=3", 3, "end"),
)
"""Process, horizon and when goals are noticed; the first has a closed form."""

EPISODES = {Scale.FULL: range(1, 11), Scale.SHORT: range(1, 4)}
FIXED = 5


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the first case for growing numbers of episodes, and every case for five."""
    first, *others = CASES
    series = [(first, episodes) for episodes in EPISODES[scale]]
    return [
        {"process": process, "horizon": horizon, "detect": detect, "episodes": episodes}
        for (process, horizon, detect), episodes in [*series, *((case, FIXED) for case in others)]
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Solve the three classes."""
    from metaregret.tabular import make
    from metaregret.theory import Detection, GoalTasks
    from metaregret.theory.minimax.ladder import ladder

    process = make(point["process"]).replaced(horizon=point["horizon"])
    tasks = GoalTasks.reachable(process, Detection(point["detect"]))
    found = ladder(tasks, point["episodes"])
    bounds = {}
    for rung in found.rungs:
        bounds[f"{rung.learner.value}_lower"] = rung.value.lower
        bounds[f"{rung.learner.value}_upper"] = rung.value.upper
    return {"tasks": len(tasks.goals), "deterministic": process.is_deterministic, **bounds}


CLASSES = ("blind", "memoryless", "memory")


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw regret against the number of episodes where there are closed forms, and bars elsewhere."""
    data = results["learner_ladder"]
    figure, (left, right) = style.panels(2, ratio=0.40, widths=[1.0, 1.15])
    series = data[(data["process"] == CASES[0][0]) & (data["detect"] == "end")]
    draw_series(left, series, style)
    bars = data[(data["episodes"] == FIXED)]
    _bars(right, bars, style)
    order = (data["memory_lower"] <= data["memoryless_upper"]).all() and (
        data["memoryless_lower"] <= data["blind_upper"]
    ).all()
    visit = bars[(bars["process"] == CASES[0][0]) & (bars["detect"] == "visit")]
    numbers = {name: float(visit[f"{name}_upper"].iloc[0]) for name in CLASSES} if len(visit) else {}
    return Drawing(
        figure,
        data,
        {**numbers, "inOrder": "yes" if order else "no"},
        "Minimax regret of the three learner classes. Left: five goals, each reachable with certainty, "
        "noticed at "
        "the end of an episode; markers: certified solutions, lines: closed forms $N(1-1/K)$, "
        "$\\sum_{i\\leq N}(1-1/K)^i$ and $N-N(N+1)/(2K)$, which stays at $(K-1)/2$ from $N=K$ on. "
        f"Right: $N={FIXED}$ episodes on other processes, with goals noticed at the end or on the way. "
        + ("Every class is at most the one before it." if order else "The order is violated."),
    )


def closed_forms(episodes: np.ndarray, tasks: int) -> dict[str, np.ndarray]:
    """Return the minimax regrets of the three classes for sure goals noticed at the end (T12, T18)."""
    miss = 1.0 - 1.0 / tasks
    few = np.minimum(episodes, tasks)
    return {
        "blind": episodes * miss,
        "memoryless": (1.0 - miss**episodes) * (tasks - 1.0),
        "memory": few - few * (few + 1) / (2.0 * tasks),
    }


def draw_series(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    """Draw computed regrets on their closed forms."""
    from matplotlib.ticker import MaxNLocator

    whole = np.arange(rows["episodes"].min(), rows["episodes"].max() + 1)
    closed = closed_forms(whole.astype(float), int(rows["tasks"].iloc[0]))
    for index, name in enumerate(CLASSES):
        style.curve(axes, index, (whole, closed[name]), (rows["episodes"], rows[f"{name}_upper"]), name)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set(xlabel="number of episodes $N$", ylabel="minimax regret (episodes)", ylim=(0, None))
    axes.legend()


def _bars(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    places = np.arange(len(rows))
    for index, name in enumerate(CLASSES):
        heights = rows[f"{name}_upper"]
        axes.bar(places + 0.27 * (index - 1), heights, 0.25, label=name, **style.area(index))
    labels = [
        f"{process.partition(':')[0]}{', slip' if 'slip' in process else ''}\n({detect})"
        for process, detect in zip(rows["process"], rows["detect"], strict=True)
    ]
    axes.set_xticks(places, labels)
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="process (when goals are noticed)", ylabel="minimax regret (episodes)")
    axes.set_ylim(0, 1.3 * rows["blind_upper"].max())
    axes.legend(ncols=3, loc="upper center")


STUDY = Study("learner_ladder", "minimax regret of blind, memoryless and memory learners", points, measure)
FIGURE = Figure(
    name="learner_ladder",
    title="What adaptation and memory are worth",
    studies=("learner_ladder",),
    theorems=("T12", "T13", "T18"),
    draw=draw,
)
