"""The graph of what rests on what, as SVG: foundations above, links to the pages, verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from metaregret.experiments.report.html.svg import add, canvas, serialised, text
from metaregret.experiments.report.spelling import GLYPHS, page_name, tone

__all__ = ["DOWN", "HEIGHT", "MARGIN", "dependency_graph", "layout"]

WIDTH, HEIGHT = 88.0, 40.0
ACROSS, DOWN = 100.0, 84.0
MOST_IN_A_ROW = 9
MARGIN = 10.0
SWEEPS = 24

Place = tuple[float, float]


def dependency_graph(
    rows: Sequence[Mapping[str, Any]], *, around: str | None = None, label: str = "Graph of dependencies"
) -> Markup:
    """Draw claims and what they rest on.

    Parameters
    ----------
    rows : sequence of rows
        Theorems and controls; what they use and is not among them is drawn without a link.
    around : str, optional
        Draw only this claim, all that it rests on, and what rests on it directly.
    label : str
    """
    import networkx as nx

    by_uid = {row["uid"]: row for row in rows}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(by_uid)
    graph.add_edges_from((used, row["uid"]) for row in rows for used in row["uses"])
    if around is not None:
        graph = _around(graph, around)
    if not nx.is_directed_acyclic_graph(graph):  # a claim from outside may say anything
        graph.remove_edges_from([edge for cycle in list(nx.simple_cycles(graph)) for edge in _ring(cycle)])
    places, size = layout(graph)
    root = canvas(*size, label, klass="graph")
    root.set("role", "group")
    edges = add(root, "g", klass="edges")
    for used, user in graph.edges:
        beside = "" if around is None or around in (used, user) else " far"
        add(edges, "path", d=_curve(places[used], places[user]), klass=f"edge{beside}")
    for uid in sorted(graph.nodes, key=lambda uid: (places[uid][1], places[uid][0])):
        _node(root, uid, by_uid.get(uid), places[uid], here=uid == around)
    return serialised(root)


def _around(graph: Any, uid: str) -> Any:
    """The part of the graph that a claim rests on, and what rests on it directly."""
    import networkx as nx

    below = {uid, *nx.ancestors(graph, uid)}
    part: nx.DiGraph[str] = nx.DiGraph()
    part.add_node(uid)
    part.add_edges_from(edge for edge in graph.edges if edge[1] in below or edge[0] == uid)
    return part


def _ring(cycle: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def layout(graph: Any) -> tuple[dict[str, Place], Place]:
    """Return the middle of each node and the size of the whole, in pixels.

    Layers by longest path from the foundations; within a layer, nodes near those they are tied to.
    """
    import networkx as nx

    layers = [row for layer in nx.topological_generations(graph) for row in _rows(sorted(layer))]
    widest = max(len(layer) for layer in layers)
    places: dict[str, Place] = {}
    for depth, layer in enumerate(layers):
        _spread(layer, depth, widest, places)
    for sweep in range(SWEEPS):
        order = range(len(layers)) if sweep % 2 == 0 else range(len(layers) - 1, -1, -1)
        for depth in order:
            layers[depth].sort(key=partial(_pull, graph, places))
            _spread(layers[depth], depth, widest, places)
    return places, (
        2 * MARGIN + ACROSS * (widest - 1) + WIDTH,
        2 * MARGIN + DOWN * (len(layers) - 1) + HEIGHT,
    )


def _rows(layer: list[str]) -> list[list[str]]:
    """Cut a layer that is too wide for a page into rows of nearly the same length."""
    count = -(-len(layer) // MOST_IN_A_ROW)
    return [layer[i::count] for i in range(count)]


def _spread(layer: Sequence[str], depth: int, widest: int, places: dict[str, Place]) -> None:
    room = ACROSS * (widest - 1)
    step = ACROSS if len(layer) < 2 else min(room / (len(layer) - 1), ACROSS * 1.6)
    left = MARGIN + WIDTH / 2 + (room - step * (len(layer) - 1)) / 2
    for position, uid in enumerate(layer):
        places[uid] = (left + step * position, MARGIN + HEIGHT / 2 + DOWN * depth)


def _pull(graph: Any, places: Mapping[str, Place], uid: str) -> float:
    tied = [places[other][0] for other in (*graph.predecessors(uid), *graph.successors(uid))]
    return sum(tied) / len(tied) if tied else places[uid][0]


def _curve(above: Place, below: Place) -> str:
    (x0, y0), (x1, y1) = above, below
    y0, y1 = y0 + HEIGHT / 2, y1 - HEIGHT / 2
    bend = min(46.0, (y1 - y0) * 0.6)
    return f"M{x0:.1f} {y0:.1f}C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1:.1f}"


def _node(root: Any, uid: str, row: Mapping[str, Any] | None, place: Place, *, here: bool) -> None:
    x, y = place
    kind = "absent" if row is None else tone(row)
    parent = root
    if row is not None and not here:
        parent = add(root, "a", href=page_name(uid))
    group = add(parent, "g", klass=f"node {kind}{' here' if here else ''}")
    words = "not in this report" if row is None else f"{row['title']}: {row['verdict']}"
    add(group, "title").text = f"{uid}, {words}"
    round_corner = HEIGHT / 2 if row is not None and "drops" in row else 5.0
    add(group, "rect", x=x - WIDTH / 2, y=y - HEIGHT / 2, width=WIDTH, height=HEIGHT, rx=round_corner)
    sign = "" if row is None else f" {GLYPHS.get(row['verdict'], '')}"
    text(group, x, y - 3, f"{uid[:10]}{sign}", "uid")
    text(group, x, y + 12, "" if row is None else row["verdict"].lower(), "word")
