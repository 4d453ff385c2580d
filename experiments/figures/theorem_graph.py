r"""The theorems and controls, what rests on what, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "PROVED": {"facecolor": "#0072b2", "edgecolor": "black"},
    "CERTIFIED": {"facecolor": "#bfe3f7", "edgecolor": "black"},
    "SUPPORTED": {"facecolor": "white", "edgecolor": "black", "linestyle": (0, (2, 1))},
    "REFUTED": {"facecolor": "#f7dcc8", "edgecolor": "#d55e00", "linestyle": "--"},
}
UNKNOWN: Mapping[str, Any] = {"facecolor": "0.8", "edgecolor": "black", "hatch": "xxxx"}
EDGE = 0.14
"""Half the height of a box, in layers."""


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the graph in layers, foundations above."""
    data = results["verdicts"].drop(columns=["code", "seed"])
    figure = style.canvas("line", ratio=0.66)
    axes = figure.subplots()
    draw_graph(axes, data, style)
    theorems = data[data["kind"] != "negative control"]
    counts = data["verdict"].value_counts()
    return Drawing(
        figure,
        data,
        {
            "theorems": float(len(theorems)),
            "controls": float(len(data) - len(theorems)),
            "proved": float(counts.get("PROVED", 0)),
            "certified": float(counts.get("CERTIFIED", 0)),
            "asExpected": float(data["as_expected"].sum()),
        },
        f"The {len(theorems)} theorems (boxes) and {len(data) - len(theorems)} negative controls "
        "(rounded), with "
        "arrows from what a claim rests on. Dark: derived symbolically in general; light: certified on "
        "instances; "
        "dashed: refuted, as a control must be. "
        + (
            "All verdicts are as expected."
            if data["as_expected"].all()
            else f"Not as expected: {', '.join(data.loc[~data['as_expected'].astype(bool), 'uid'])}."
        ),
    )


def placed(data: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return where each claim stands: from 0 to 1 across, and minus its layer; the same as in the report."""
    import networkx as nx

    from metaregret.experiments.report.html.graph import DOWN, HEIGHT, MARGIN, layout

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(data["uid"])
    known = set(data["uid"])
    for uid, uses in zip(data["uid"], data["uses"], strict=True):
        graph.add_edges_from((used, uid) for used in uses.split() if used in known)
    places, (width, _) = layout(graph)
    return {uid: (x / width, -(y - MARGIN - HEIGHT / 2) / DOWN) for uid, (x, y) in places.items()}


def draw_graph(axes: Axes, data: pd.DataFrame, style: Style) -> None:
    """Draw boxes in layers and arrows between them, with a legend of the verdicts that occur."""
    from matplotlib.patches import FancyArrowPatch, Patch

    place = placed(data)
    deepest = min(y for _, y in place.values())
    controls = set(data.loc[data["kind"] == "negative control", "uid"])
    for uid, uses in zip(data["uid"], data["uses"], strict=True):
        for used in uses.split():
            if used in place:
                above, below = place[used], place[uid]
                arrow = FancyArrowPatch(
                    (above[0], above[1] - EDGE),
                    (below[0], below[1] + EDGE),
                    arrowstyle="-|>",
                    mutation_scale=5,
                    shrinkA=0,
                    shrinkB=0,
                    color="#d55e00" if uid in controls else "0.35",
                    linestyle=(0, (3, 1.5)) if uid in controls else "-",
                    linewidth=0.5,
                )
                axes.add_patch(arrow)
    for uid, verdict in zip(data["uid"], data["verdict"], strict=True):
        shape = "round4,pad=0.45" if uid in controls else "square,pad=0.45"
        box = {"boxstyle": shape, "linewidth": 0.7, **LOOKS.get(verdict, UNKNOWN)}
        size, colour = style.fonts["xtick.labelsize"], "white" if verdict == "PROVED" else "black"
        axes.text(*place[uid], uid, ha="center", va="center", color=colour, fontsize=size, bbox=box)
    handles = [
        Patch(**LOOKS.get(name, UNKNOWN), linewidth=0.7, label=name.lower())
        for name in dict.fromkeys(data["verdict"])
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=len(handles))
    axes.set(xlim=(0.0, 1.0), ylim=(deepest - 0.5, 0.3))
    axes.set_axis_off()


FIGURE = Figure(
    name="theorem_graph",
    title="What rests on what, and what has been verified",
    studies=("verdicts",),
    theorems=(
        *(f"T{number:02d}" for number in range(1, 19)),
        *(f"C{number:02d}" for number in range(1, 9)),
    ),
    draw=draw,
)
