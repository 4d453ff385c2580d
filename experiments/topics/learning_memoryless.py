"""Memoryless learners on proposals, exactly: explore until the first success, then play optimally (T1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.experiments.topics._learning import FEW, TRAINING_WORDS, WORLD_WORDS, arms, groups, leading
from metaregret.theory.learning.settings import SEEDS
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

WORLDS = ("grid", "rooms", "line", "ledge")
SHORT_RUN, LONG_RUN = 25, 100
"""Episodes over which regret is counted."""


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point for each world."""
    if scale is Scale.SHORT:
        return [{"world": world, "few": True, "seeds": 2, "first": seed} for world in ("grid", "ledge")]
    return [_full(world, seed) for world in WORLDS]


def long(seed: int) -> Sequence[Point]:
    """Return the 7 x 7 grid."""
    return [_full("wide", seed)]


def _full(world: str, seed: int) -> Point:
    return {"world": world, "few": False, "seeds": SEEDS, "first": seed}


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Compute; one row for each distribution and seed, and one from scratch, with what is best possible.

    `generator` is not used: the point names the first seed.
    """
    import numpy as np

    from metaregret.theory.learning import hitting_times, world
    from metaregret.theory.learning.explorer import exploration, regret, uniform_actions
    from metaregret.theory.learning.limits import bayes_regret, memoryless_regret, minimax_regret
    from metaregret.theory.learning.worlds import goals_of

    tests = world(point["world"])
    goals = goals_of(tests)
    assert goals is not None
    names = FEW if point["few"] else arms(point["world"], exact=True)
    found = groups(tests, names, point["seeds"], point["first"])
    learners = [
        (name, seed, exploration(one)) for name, group in found.items() for seed, one in enumerate(group)
    ]
    limits = {
        "minimax_hitting": 1.0 + memoryless_regret(tests).upper,
        "bayes_regret_25": bayes_regret(tests, SHORT_RUN).lower,
        "minimax_regret_25": None if point["few"] else minimax_regret(tests, SHORT_RUN).lower,
    }
    rows = []
    for name, seed, rho in [("scratch", 0, uniform_actions(tests)), *learners]:
        times = hitting_times(rho, goals)
        early, late = (regret(rho[goals], tests.optimum, episodes) for episodes in (SHORT_RUN, LONG_RUN))
        rows.append(
            {
                "training": name,
                "seed_of_run": seed,
                "mean_hitting": times.mean() if np.isfinite(times).all() else None,
                "worst_hitting": times.max() if np.isfinite(times).all() else None,
                "never_found": int(np.isinf(times).sum()),
                "regret_25": early.mean(),
                "regret_100": late.mean(),
                "worst_regret_100": late.max(),
                "smallest_optimum": tests.optimum.min(),
                **limits,
            }
        )
    return rows


STUDY = Study("learning_memoryless", "Memoryless learners on proposals, exactly", points, measure, long=long)


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel for each world."""
    import numpy as np

    data = results["learning_memoryless"]
    measures = ["mean_hitting", "worst_hitting", "never_found", "regret_25", "regret_100", "worst_regret_100"]
    limits = ["minimax_hitting", "bayes_regret_25", "minimax_regret_25", "smallest_optimum"]
    groups = data.groupby(["world", "training"], sort=False)
    # A mean over seeds in one of which a goal is never found is infinite: left empty.
    table = groups[measures].agg(_mean).join(groups[limits].first()).reset_index()
    worlds = [world for world in WORLD_WORDS if world in set(table["world"])]
    columns = min(2, len(worlds))
    figure = style.canvas("line", ratio=0.32 * -(-len(worlds) // columns))
    numbers: dict[str, float | str] = {}
    grid = figure.subplots(-(-len(worlds) // columns), columns, squeeze=False).ravel()
    for axes in grid[len(worlds) :]:
        axes.set_visible(False)
    for axes, world in zip(grid, worlds, strict=False):
        rows = table[table["world"] == world].reset_index(drop=True)
        height = [-float(place) for place in range(len(rows))]
        for index, column in enumerate(("mean_hitting", "worst_hitting")):
            axes.plot(rows[column], height, **style.points(index), label=("mean", "worst goal")[index])
        for place, missing in zip(height, rows["mean_hitting"].isna(), strict=True):
            if missing:
                axes.annotate(
                    "never", (0.98, place), xycoords=("axes fraction", "data"), ha="right", va="center"
                )
        axes.axvline(rows["minimax_hitting"].iloc[0], color="0.35", linewidth=0.8)
        names = ["from scratch", *(TRAINING_WORDS[leading(name)] for name in rows["training"][1:])]
        axes.set_yticks(height, names)
        axes.set(xscale="log", xlabel="episodes to success", title=WORLD_WORDS[world])
        axes.set_ylim(0.6 - len(rows), 0.6)
        axes.xaxis.set_minor_formatter("")
        axes.grid(axis="y", visible=False)
        numbers |= {f"{world}Scratch": rows["mean_hitting"][0], f"{world}Diayn": rows["mean_hitting"][1]}
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return Drawing(
        figure,
        table,
        {name: value for name, value in numbers.items() if not np.isnan(float(value))},
        "Expected number of episodes until the first success of learners that explore by playing an optimal "
        "policy of a random proposed task, or uniform actions (from scratch): mean over goals and worst "
        "goal, computed exactly. Never: some goal is not found in some seed. Line: the minimax memoryless "
        "learner.",
    )


def _mean(column: pd.Series[float]) -> float:
    """The mean over seeds, empty where a value is."""
    return float(column.mean(skipna=False))


FIGURE = Figure(
    name="learning_memoryless",
    title="Episodes until the first success of memoryless learners on proposals",
    studies=("learning_memoryless",),
    theorems=("T01", "T04", "T06", "T20"),
    draw=draw,
    long=True,
)
