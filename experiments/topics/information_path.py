"""DIAYN's alternation round by round: mutual information and worst-case regret on the way (T6, T8).

Skills start from random discriminators; each round updates the discriminator by Bayes' rule and plans every
skill anew. The learner explores with the mixture of the skills.
"""

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

EPISODES = 50
MOST_ROUNDS = 12


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the points: random starts on a grid without slip and with two degrees of it."""
    starts = 8 if scale is Scale.FULL else 2
    return [
        {"process": f"grid:3x3,slip={slip}", "slip": slip, "horizon": 4, "episodes": EPISODES, "start": start}
        for slip in ("0", "1/20", "1/5")
        for start in range(starts)
    ]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Run the alternation from one random start; one row per round."""
    from metaregret.tabular import goal_values, make
    from metaregret.theory import GoalTasks, memoryless_regret, solve_without_memory
    from metaregret.theory.proposals.alternation import plan, posterior_rewards, random_rewards
    from metaregret.theory.skills import process_capacity

    process = make(point["process"]).replaced(horizon=point["horizon"])
    count = process.n_states
    support, prior = np.arange(count), np.full(count, 1.0 / count)
    optimum = goal_values(process).values
    minimax = solve_without_memory(GoalTasks.reachable(process), episodes=point["episodes"])
    best = process_capacity(process)
    capacity = best.mutual_information
    skills = plan(process, prior, random_rewards(count, count, generator))
    rows = []
    for number in range(MOST_ROUNDS):
        exploration = prior @ skills.rows
        rows.append(
            {
                "round": number,
                "information": skills.information,
                "worst_case_regret": float(memoryless_regret(exploration, optimum, point["episodes"]).max()),
                "covered": int(np.count_nonzero(exploration > 1e-12)),
                "capacity_lower": capacity.lower,
                "capacity_upper": capacity.upper,
                "capacity_regret": float(
                    memoryless_regret(best.goal_distribution, optimum, point["episodes"]).max()
                ),
                "minimax_lower": minimax.value.lower,
                "minimax_upper": minimax.value.upper,
            }
        )
        skills = plan(process, prior, posterior_rewards(skills, support, generator))
    return rows


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel per degree of slip: paths of the alternation towards the certified limits."""
    data = results["information_path"]
    slips = list(dict.fromkeys(data["slip"]))
    name = f"worst-case regret, {int(data['episodes'].iloc[0])} episodes"
    figure, panels = style.panels(len(slips), ratio=0.36, ylabel=name)
    gaps = {}
    for axes, slip in zip(panels, slips, strict=True):
        rows = data[data["slip"] == slip]
        _panel(axes, rows, style)
        axes.set_title(f"slip {slip}" if slip != "0" else "deterministic (slip 0)")
        last = rows[rows["round"] == rows["round"].max()]
        best = last.loc[last["information"].idxmax()]
        gaps[slip] = max(0.0, float(best["capacity_regret"] - best["minimax_upper"]))
    panels[-1].legend(loc="upper left")
    words = ("Deterministic", "Little", "Much")
    return Drawing(
        figure,
        data,
        {f"gap{word}": gap for word, gap in zip(words, gaps.values(), strict=True)},
        "Mutual information of the skills and worst-case regret of exploring with them, along the rounds of "
        "DIAYN's alternation on a 3 x 3 grid from random starts (open circle: start, square: last round). "
        "Information never falls. Dashed: certified channel capacity; dotted: certified minimax regret; "
        "star: the most informative skills of all. Without noise every path ends there and it is minimax; "
        "with noise paths stop in local optima, and even the most informative skills miss the minimax "
        f"regret, by {gaps[slips[-1]]:.2f} at slip {slips[-1]}.",
    )


def _panel(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    for index, (_, path) in enumerate(rows.groupby("start")):
        x, y = path["information"], path["worst_case_regret"]
        label = "rounds of one start" if index == 0 else "_"
        axes.plot(x, y, color="#0072b2", linewidth=0.7, marker=".", markersize=2.5, label=label)
        ends = {"start": ("#000000", "o", "white", 3.2), "last round": ("#d55e00", "s", "#d55e00", 3.8)}
        for place, (end, (colour, marker, face, size)) in zip((0, -1), ends.items(), strict=True):
            axes.plot(
                x.iloc[place], y.iloc[place], color=colour, marker=marker, markerfacecolor=face,
                markersize=size, markeredgewidth=0.9, linestyle="none", label=end if index == 0 else "_",
            )  # fmt: skip
    axes.axvline(rows["capacity_upper"].iloc[0], color="0.2", linestyle=(0, (5, 1.5)), linewidth=0.9)
    axes.axhline(rows["minimax_upper"].iloc[0], color="0.2", linestyle=(0, (1, 1)), linewidth=1.1)
    best = rows["capacity_upper"].iloc[0], rows["capacity_regret"].iloc[0]
    star: dict[str, Any] = {"color": "#009e73", "marker": "*", "markeredgecolor": "black"}
    axes.plot(
        *best, **star, markersize=7, markeredgewidth=0.4, linestyle="none", label="most informative skills"
    )
    axes.plot([], [], color="0.2", linestyle=(0, (5, 1.5)), label="capacity")
    axes.plot([], [], color="0.2", linestyle=(0, (1, 1)), label="minimax regret")
    axes.set_xlabel("mutual information (nats)")


STUDY = Study("information_path", "information and worst-case regret along DIAYN's rounds", points, measure)
FIGURE = Figure(
    name="information_path",
    title="Maximising mutual information finds the minimax exploration, unless there is noise",
    studies=("information_path",),
    theorems=("T06", "T08"),
    draw=draw,
)
