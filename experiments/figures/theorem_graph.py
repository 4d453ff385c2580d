r"""The theorems and controls, what rests on what, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.figures.figure import Drawing, Figure
from experiments.figures.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "PROVED": {"facecolor": "#0072b2", "edgecolor": "black"},
    "CERTIFIED": {"facecolor": "#bfe3f7", "edgecolor": "black"},
    "SUPPORTED": {"facecolor": "white", "edgecolor": "black", "linestyle": (0, (2, 1))},
    "REFUTED": {"facecolor": "#f4c9a8", "edgecolor": "black", "hatch": "////"},
}
UNKNOWN: Mapping[str, Any] = {"facecolor": "0.8", "edgecolor": "black", "hatch": "xxxx"}
MOST_IN_A_ROW = 10


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the graph in layers, foundations above."""
    data = results["verdicts"].drop(columns=["code", "seed"])
    figure = style.canvas("line", ratio=0.62)
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
        "hatched: refuted, as a control must be. "
        + (
            "All verdicts are as expected."
            if data["as_expected"].all()
            else f"Not as expected: {', '.join(data.loc[~data['as_expected'].astype(bool), 'uid'])}."
        ),
    )


def layers(data: pd.DataFrame) -> list[list[str]]:
    """Return the claims in layers by their longest path from a foundation, neighbours close together."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(data["uid"])
    known = set(data["uid"])
    for uid, uses in zip(data["uid"], data["uses"], strict=True):
        graph.add_edges_from((used, uid) for used in uses.split() if used in known)
    rows: list[list[str]] = []
    place: dict[str, float] = {}
    for generation in nx.topological_generations(graph):
        theorems = sorted(uid for uid in generation if uid.startswith("T"))
        controls = sorted(uid for uid in generation if not uid.startswith("T"))
        for group in (theorems, controls):
            for first in range(0, len(group), MOST_IN_A_ROW):
                row = group[first : first + MOST_IN_A_ROW]
                row.sort(key=lambda uid: (_middle(place, list(graph.predecessors(uid))), uid))
                place |= {uid: (index + 0.5) / len(row) for index, uid in enumerate(row)}
                rows.append(row)
    return rows


def _middle(place: Mapping[str, float], uids: list[str]) -> float:
    return sum(place[uid] for uid in uids) / len(uids) if uids else 0.5


def draw_graph(axes: Axes, data: pd.DataFrame, style: Style) -> None:
    """Draw boxes in layers and arrows between them, with a legend of the verdicts that occur."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

    rows = layers(data)
    by_uid = data.set_index("uid")
    place = {
        uid: ((index + 0.5) / len(row), -float(depth))
        for depth, row in enumerate(rows)
        for index, uid in enumerate(row)
    }
    for uid, uses in by_uid["uses"].items():
        for used in str(uses).split():
            if used in place:
                arrow = FancyArrowPatch(
                    place[used],
                    place[str(uid)],
                    arrowstyle="-|>",
                    mutation_scale=5,
                    shrinkA=8,
                    shrinkB=8.5,
                    color="0.45",
                    linewidth=0.5,
                )
                axes.add_patch(arrow)
    for uid, (x, y) in place.items():
        verdict = str(by_uid.loc[uid, "verdict"])
        corner = "square" if uid.startswith("T") else "round"
        size = {"square": "square,pad=0.01", "round": "round,pad=0.01,rounding_size=0.12"}[corner]
        box = FancyBboxPatch(
            (x - 0.025, y - 0.13),
            0.05,
            0.26,
            boxstyle=size,
            linewidth=0.7,
            mutation_aspect=6.0,
            **LOOKS.get(verdict, UNKNOWN),
        )
        axes.add_patch(box)
        colour = "white" if verdict == "PROVED" else "black"
        axes.text(
            x,
            y,
            uid,
            ha="center",
            va="center_baseline",
            color=colour,
            fontsize=style.fonts["xtick.labelsize"],
        )
    seen = list(dict.fromkeys(by_uid["verdict"]))
    handles = [Patch(**LOOKS.get(name, UNKNOWN), label=name.lower()) for name in seen]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(handles))
    axes.set(xlim=(-0.01, 1.01), ylim=(-len(rows) + 0.6, 0.4))
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
