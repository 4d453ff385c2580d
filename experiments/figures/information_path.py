r"""Mutual information against worst-case regret along DIAYN's rounds, with and without noise (T6, T8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel per degree of slip: paths of the alternation towards the certified limits."""
    data = results["information_path"]
    slips = list(dict.fromkeys(data["slip"]))
    figure = style.canvas("line", ratio=0.36)
    panels = figure.subplots(1, len(slips), sharey=True)
    gaps = {}
    for axes, slip in zip(panels, slips, strict=True):
        rows = data[data["slip"] == slip]
        _panel(axes, rows, style)
        axes.set_title(f"slip {slip}" if slip != "0" else "deterministic (slip 0)")
        last = rows[rows["round"] == rows["round"].max()]
        best = last.loc[last["information"].idxmax()]
        gaps[slip] = max(0.0, float(best["capacity_regret"] - best["minimax_upper"]))
    panels[0].set_ylabel(f"worst-case regret, {int(data['episodes'].iloc[0])} episodes")
    panels[-1].legend(loc="upper left")
    words = ("Deterministic", "Little", "Much")
    return Drawing(
        figure,
        data,
        {f"gap{word}": gap for word, gap in zip(words, gaps.values(), strict=True)},
        "Mutual information of the skills and worst-case regret of exploring with them, along the rounds of "
        "DIAYN's alternation on a 3 x 3 grid from random starts (open circle: start, square: last round). "
        "Information never falls. Dashed: certified channel capacity; dotted: certified minimax regret; "
        "star: "
        "the most informative skills of all. Without noise every path ends there and it is minimax; with "
        "noise "
        "paths stop in local optima, and even the most informative skills miss the minimax regret, by "
        f"{gaps[slips[-1]]:.2f} at slip {slips[-1]}.",
    )


def _panel(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    for index, (_, path) in enumerate(rows.groupby("start")):
        x, y = path["information"], path["worst_case_regret"]
        label = "rounds of one start" if index == 0 else "_"
        axes.plot(x, y, color="#0072b2", linewidth=0.7, marker=".", markersize=2.5, label=label)
        axes.plot(x.iloc[0], y.iloc[0], **style.points(0))
        axes.plot(x.iloc[-1], y.iloc[-1], color="#d55e00", marker="s", linestyle="none")
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


FIGURE = Figure(
    name="information_path",
    title="Maximising mutual information finds the minimax exploration, unless there is noise",
    studies=("information_path",),
    theorems=("T06", "T08"),
    draw=draw,
)
