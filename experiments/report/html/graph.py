"""The graph of what rests on what, as SVG: foundations above, links to the pages, verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from metaregret.experiments.report.html.svg import add, canvas, serialised, text
from metaregret.experiments.report.spelling import GLYPHS, page_name, tone

__all__ = ["DOWN", "HEIGHT", "MARGIN", "Layout", "dependency_graph", "layout"]

if TYPE_CHECKING:
    import networkx as nx

WIDTH, HEIGHT = 88.0, 40.0
ACROSS, DOWN = 100.0, 84.0
MOST_IN_A_ROW = 9
LANE = 18.0
"""Room for an arrow that passes a row of boxes."""
MARGIN = 10.0
SWEEPS = 24

Place = tuple[float, float]
Edge = tuple[str, str]
Node = str | tuple[str, str, int]
"""A claim, or the lane of an arrow (used, user) where it passes a row."""


@dataclass(frozen=True)
class Layout:
    """Where everything is drawn, in pixels.

    Attributes
    ----------
    places : mapping
        The middle of each claim's box.
    routes : mapping
        For each arrow the points it goes through: ends of boxes, and both ends of every lane. Between an even
        point and the next one lies the gap between two rows; a lane is straight.
    size : tuple
    """

    places: dict[str, Place]
    routes: dict[Edge, list[Place]]
    size: Place


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
    drawn = layout(graph)
    places = drawn.places
    root = canvas(*drawn.size, label, klass="graph")
    root.set("role", "group")
    edges = add(root, "g", klass="edges")
    for used, user in graph.edges:
        beside = "" if around is None or around in (used, user) else " far"
        add(edges, "path", d=_curve(drawn.routes[used, user]), klass=f"edge{beside}")
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


def layout(graph: nx.DiGraph[str]) -> Layout:
    """Return a layered drawing of a directed graph without cycles (Sugiyama, Tagawa & Toda 1981).

    Rows by longest path from the foundations; an arrow that passes a row has a lane of its own there, so that
    none runs through a box; within a row, claims and lanes stand near what they are tied to.
    """
    import networkx as nx

    rows: list[list[Node]] = [
        list(row) for layer in nx.topological_generations(graph) for row in _rows(sorted(layer))
    ]
    depth = {uid: number for number, row in enumerate(rows) for uid in row}
    tied: dict[Node, list[Node]] = {uid: [] for uid in depth}
    chains: dict[Edge, list[Node]] = {}
    for used, user in graph.edges:
        lanes = [(used, user, level) for level in range(depth[used] + 1, depth[user])]
        for lane in lanes:
            rows[lane[2]].append(lane)
            tied[lane] = []
        chains[used, user] = [used, *lanes, user]
        for above, below in pairwise(chains[used, user]):
            tied[above].append(below)
            tied[below].append(above)
    across = _placed(rows, tied)
    width = 2 * MARGIN + max(sum(_room(node) for node in row) for row in rows)
    height = {number: MARGIN + HEIGHT / 2 + DOWN * number for number in range(len(rows))}
    places = {uid: (across[uid], height[number]) for uid, number in depth.items() if isinstance(uid, str)}
    routes = {}
    for edge, chain in chains.items():
        levels = [height[depth[edge[0]] + step] for step in range(len(chain))]
        ends = [
            (across[n], y + s) for n, y in zip(chain, levels, strict=True) for s in (-HEIGHT / 2, HEIGHT / 2)
        ]
        routes[edge] = ends[1:-1]
    return Layout(places, routes, (width, 2 * MARGIN + DOWN * (len(rows) - 1) + HEIGHT))


def _rows(layer: list[str]) -> list[list[str]]:
    """Cut a layer that is too wide for a page into rows of nearly the same length."""
    count = -(-len(layer) // MOST_IN_A_ROW)
    return [layer[i::count] for i in range(count)]


def _room(node: Node) -> float:
    return ACROSS if isinstance(node, str) else LANE


def _placed(rows: list[list[Node]], tied: Mapping[Node, Sequence[Node]]) -> dict[Node, float]:
    """Return where each node stands across: rows are ordered by the mean of what their nodes are tied to."""
    across: dict[Node, float] = {}
    widest = max(sum(map(_room, row)) for row in rows)
    for row in rows:
        _spread(row, widest, across)
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            row.sort(key=partial(_pull, tied, across))
            _spread(row, widest, across)
    return across


def _spread(row: Sequence[Node], widest: float, across: dict[Node, float]) -> None:
    boxes = sum(isinstance(node, str) for node in row)
    extra = min((widest - sum(map(_room, row))) / max(boxes, 1), ACROSS * 0.6)
    left = MARGIN + (widest - sum(map(_room, row)) - extra * boxes) / 2
    for node in row:
        room = _room(node) + (extra if isinstance(node, str) else 0.0)
        across[node] = left + room / 2
        left += room


def _pull(tied: Mapping[Node, Sequence[Node]], across: Mapping[Node, float], node: Node) -> float:
    beside = [across[other] for other in tied[node]]
    return sum(beside) / len(beside) if beside else across[node]


def _curve(route: Sequence[Place]) -> str:
    """An SVG path: a bend in every gap between rows, a straight line in every lane."""
    path = f"M{route[0][0]:.1f} {route[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(route[::2], route[1::2], strict=True):
        bend = (y1 - y0) * 0.6
        path += f"L{x0:.1f} {y0:.1f}C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1:.1f}"
    return path


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
