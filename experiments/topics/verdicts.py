"""Every theorem and control, verified: the verdicts that figures show.

The version of the sources is part of each point, so a verdict is never older than the code it speaks of.
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

    from metaregret.experiments.report.html.graph import Layout

INSTANCES = {Scale.FULL: 10, Scale.SHORT: 2}


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point per claim."""
    from metaregret.experiments.runs.provenance import code_version
    from metaregret.theory.claims import controls, theorems

    shared = {"instances": INSTANCES[scale], "seed": seed, "code": code_version()}
    return [{"uid": uid, **shared} for uid in (*theorems(), *controls())]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Verify the claim."""
    from metaregret.theory.claims import Context, Theorem, controls, theorems, verify_control, verify_theorem

    uid = point["uid"]
    item = theorems().get(uid) or controls()[uid]
    context = Context(seed=point["seed"], instances=point["instances"])
    shared = {"title": item.title, "uses": " ".join(item.uses)}
    if isinstance(item, Theorem):
        found = verify_theorem(item, context)
        return {
            **shared,
            "kind": item.kind.value,
            "verdict": found.verdict.name,
            "as_expected": found.as_expected,
            "methods": len(found.evidence),
            "trials": found.instances,
        }
    replayed = verify_control(item, context)
    return {
        **shared,
        "kind": "negative control",
        "verdict": replayed.verdict.name,
        "as_expected": replayed.as_expected,
        "methods": 1,
        "trials": 1,
    }


LOOKS: Mapping[str, Mapping[str, Any]] = {
    "PROVED": {"facecolor": "#0072b2", "edgecolor": "black"},
    "CERTIFIED": {"facecolor": "#bfe3f7", "edgecolor": "black"},
    "SUPPORTED": {"facecolor": "white", "edgecolor": "black", "linestyle": (0, (2, 1))},
    "REFUTED": {"facecolor": "#f7dcc8", "edgecolor": "#d55e00", "linestyle": "--"},
}
UNKNOWN: Mapping[str, Any] = {"facecolor": "0.8", "edgecolor": "black", "hatch": "xxxx"}


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
        f"The {len(theorems)} theorems (boxes) and {len(data) - len(theorems)} negative controls (rounded), "
        "with arrows from what a claim rests on. Dark: derived symbolically in general; light: certified on "
        "instances; dashed: refuted, as a control must be. "
        + (
            "All verdicts are as expected."
            if data["as_expected"].all()
            else f"Not as expected: {', '.join(data.loc[~data['as_expected'].astype(bool), 'uid'])}."
        ),
    )


def drawn(data: pd.DataFrame) -> Layout:
    """Return where claims and arrows are, in the report's pixels."""
    import networkx as nx

    from metaregret.experiments.report.html.graph import layout

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(data["uid"])
    known = set(data["uid"])
    for uid, uses in zip(data["uid"], data["uses"], strict=True):
        graph.add_edges_from((used, uid) for used in uses.split() if used in known)
    return layout(graph)


def draw_graph(axes: Axes, data: pd.DataFrame, style: Style) -> None:
    """Draw boxes in rows and arrows between them, with a legend of the verdicts that occur."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
    from matplotlib.path import Path

    from metaregret.experiments.report.html.graph import HEIGHT, WIDTH

    plan = drawn(data)
    controls = set(data.loc[data["kind"] == "negative control", "uid"])
    for (_, uid), route in plan.routes.items():
        points, codes = [route[0]], [Path.MOVETO]
        for (x0, y0), (x1, y1) in zip(route[::2], route[1::2], strict=True):
            bend = (y1 - y0) * 0.6
            points += [(x0, y0), (x0, y0 + bend), (x1, y1 - bend), (x1, y1)]
            codes += [Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
        axes.add_patch(
            FancyArrowPatch(
                path=Path(points, codes),
                arrowstyle="-|>",
                mutation_scale=4,
                color="#d55e00" if uid in controls else "0.35",
                linestyle=(0, (3, 1.5)) if uid in controls else "-",
                linewidth=0.5,
            )
        )
    for uid, verdict in zip(data["uid"], data["verdict"], strict=True):
        x, y = plan.places[uid]
        corner = HEIGHT / 2 if uid in controls else 2.0
        look = {"linewidth": 0.7, **LOOKS.get(verdict, UNKNOWN)}
        box = f"round,pad=0,rounding_size={corner}"
        axes.add_patch(FancyBboxPatch((x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, boxstyle=box, **look))
        size, colour = style.fonts["xtick.labelsize"], "white" if verdict == "PROVED" else "black"
        axes.text(x, y, uid, ha="center", va="center", color=colour, fontsize=size)
    handles = [
        Patch(**LOOKS.get(name, UNKNOWN), linewidth=0.7, label=name.lower())
        for name in dict.fromkeys(data["verdict"])
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=len(handles))
    axes.set(xlim=(0.0, plan.size[0]), ylim=(plan.size[1], 0.0))
    axes.set_axis_off()


STUDY = Study("verdicts", "verdicts of all theorems and controls", points, measure)
FIGURE = Figure(
    name="theorem_graph",
    title="What rests on what, and what has been verified",
    studies=("verdicts",),
    theorems=(*(f"T{number:02d}" for number in range(1, 28)), *(f"C{number:02d}" for number in range(1, 13))),
    draw=draw,
)
