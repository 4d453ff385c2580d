r"""Least-favourable distributions on their processes: without memory and with, noticed at the end or on the
way (T13).

No distribution is drawn, since there may be many: each goal shows the certified range of its mass over all
least-favourable distributions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.report.spelling import fraction, process_in_words
from metaregret.theory.plotting import layout
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from metaregret.tabular.process import ControlledMarkovProcess

SHOWN = ("line:5,start=2", "tree:0,0,1,1,2,2", "grid:3x3", "grid:4x3", "four-rooms:1", "four-rooms:2")
COLUMNS = (("memoryless", "end"), ("memory", "end"), ("memoryless", "visit"), ("memory", "visit"))
TITLES = ("memoryless, at the end", "memory, at the end", "memoryless, on the way", "memory, on the way")

TIGHT = 1e-4
"""Masses that differ by less are not told apart in the caption."""


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one row per process and one column for each learner and time of detection."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    from metaregret.tabular import make

    data = results["open_question"]
    goals = data[(data["sets"] == "goals") & data["process"].isin(SHOWN)]
    shown = [name for name in SHOWN if name in set(goals["process"])]
    heights = [_height(make(name)) for name in shown]
    columns = list(zip(COLUMNS, TITLES, strict=True))[2 if style.narrow else 0 :]  # at the end all are alike
    figure = style.canvas("line", ratio=(0.42 if style.narrow else 0.2) * sum(heights) + 0.1)
    panels = figure.subplots(len(shown), len(columns), squeeze=False, height_ratios=heights)
    scale = ScalarMappable(Normalize(0.0, 0.5), "cividis")
    for line, name in zip(panels, shown, strict=True):
        process = make(name)
        for axes, ((learner, detect), _) in zip(line, columns, strict=True):
            own = goals[(goals["process"] == name) & (goals["learner"] == learner)]
            own = own[own["detect"] == detect]
            _map(axes, process, own, scale, style)
        first = goals[goals["process"] == name].iloc[0]
        line[0].set_ylabel(f"{process_in_words(name)}\n$T={first['horizon']}$, $N={first['episodes']}$")
    for axes, (_, title) in zip(panels[0], columns, strict=True):
        axes.set_title(title, fontsize=style.fonts["xtick.labelsize"])
    extend = "max" if float(goals["mass_upper"].max()) > 0.5 + TIGHT else "neither"
    place = "bottom" if style.narrow else "right"
    figure.colorbar(scale, ax=panels, label="largest mass", shrink=0.4, extend=extend, location=place)
    wide = goals["mass_upper"] - goals["mass_lower"] > 1e-3
    visits, ends = goals[goals["detect"] == "visit"], goals[goals["detect"] == "end"]
    never = 100 * float((visits["mass_upper"] < TIGHT).mean())
    off = max(float((ends[end] - ends["uniform_share"]).abs().max()) for end in ("mass_lower", "mass_upper"))
    only = "uniform is the only one" if off < TIGHT else "uniform is not the only one"
    return Drawing(
        figure,
        goals,
        {"goals": float(len(goals)), "notUnique": float(wide.sum()), "neverShare": never},
        "Least-favourable task distributions without and with memory, goals noticed at the end of an "
        "episode or on the way. Each goal shows the certified range of its mass over all least-favourable "
        "distributions (one number where the range is a point; the colour is its upper end; grey: walls; "
        f"ring: the start). At the end, {only} (to {TIGHT:g}), with memory and without. On the way, "
        f"{never:.0f} % of the goals never carry mass.",
    )


def _height(process: ControlledMarkovProcess) -> float:
    """Height of a drawing over its width, with room for the labels."""
    across, down = np.array(list(layout.places(process)[0].values())).T
    return max(0.45, float((np.ptp(down) + 1.1) / (np.ptp(across) + 1.1))) + 0.1


def _map(axes: Axes, process: ControlledMarkovProcess, rows: pd.DataFrame, scale: Any, style: Style) -> None:
    places, links = layout.places(process)
    for first, second in links:
        ends = np.array([places[first], places[second]])
        axes.plot(*ends.T, color="0.55", linewidth=0.8, zorder=1)
    square = process.picture is not None
    for low, high, name in zip(rows["mass_lower"], rows["mass_upper"], rows["set"], strict=True):
        state = process.states.position(str(name))
        shade = scale.to_rgba(high)
        x, y = places[state]
        size = 1.0 if square else 0.72
        axes.add_patch(_cell(x, y, size, square, shade))
        dark = float(np.dot(shade[:3], (0.3, 0.6, 0.1))) < 0.5
        text = fraction(high) if high - low <= 1e-3 else f"{fraction(low)} to\n{fraction(high)}"
        axes.text(
            x, y, text, ha="center", va="center", color="white" if dark else "black",
            fontsize=6, linespacing=0.95, zorder=3,
        )  # fmt: skip
    x, y = places[int(np.argmax(process.initial))]
    axes.add_patch(_cell(x, y, 0.86 if square else 0.72, square, "none", edge="#d55e00"))
    axes.set_facecolor("0.8" if square and any(None in row for row in process.picture or ()) else "white")
    across, down = np.array(list(places.values())).T
    axes.set(xlim=(across.min() - 0.55, across.max() + 0.55), ylim=(down.min() - 0.55, down.max() + 0.55))
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)


def _cell(x: float, y: float, size: float, square: bool, face: Any, edge: str = "white") -> Any:
    from matplotlib.patches import Circle, Rectangle

    look = {"facecolor": face, "edgecolor": edge, "linewidth": 0.9, "zorder": 2}
    if square:
        return Rectangle((x - size / 2, y - size / 2), size, size, **look)
    return Circle((x, y), size / 2, **look)


FIGURE = Figure(
    name="least_favourable",
    title="Least-favourable task distributions, without memory and with",
    studies=("open_question",),
    theorems=("T04", "T12", "T13", "C03"),
    draw=draw,
)
