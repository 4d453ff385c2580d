"""Witnesses as drawings: the process as a map of cells or as a graph of states, with its distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup

from metaregret.experiments.report.html.svg import add, canvas, number, serialised, text
from metaregret.experiments.report.spelling import is_distribution

__all__ = ["Weights", "draw_witness", "process_in"]

CELL = 64.0
LARGEST_MAP = 400
LARGEST_GRAPH = 12
RADIUS = 24.0


@dataclass(frozen=True)
class Weights:
    """A distribution over states, by the name of the state.

    Attributes
    ----------
    title : str
    share : mapping
        Rational probabilities as text, by state.
    """

    title: str
    share: Mapping[str, str]


def process_in(document: object) -> Mapping[str, Any] | None:
    """Return the first ``metaregret-cmp/1`` document in a witness: itself, or an entry of it."""
    if isinstance(document, Mapping):
        if document.get("format") == "metaregret-cmp/1":
            return document
        return next((found for item in document.values() if (found := process_in(item))), None)
    if isinstance(document, Sequence) and not isinstance(document, str):
        return next((found for item in document if (found := process_in(item))), None)
    return None


def distributions(process: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Weights]:
    """Return the facts that are distributions over all states, or over the states that ``goals`` lists."""
    states = _names(process["states"])
    goals = facts.get("goals")
    found = []
    for title, value in facts.items():
        if not is_distribution(value):
            continue
        if len(value) == len(states):
            found.append(Weights(title, dict(zip(states, value, strict=True))))
        elif isinstance(goals, list) and len(value) == len(goals):
            found.append(Weights(title, dict(zip(map(str, goals), value, strict=True))))
    return found


def draw_witness(witness: object, facts: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    """Return drawings of a witness with their captions: one a distribution, or the process alone.

    Processes that are too large to read are not drawn.
    """
    process = process_in(witness)
    if process is None:
        return [(w, _bars(w, facts[w])) for w in facts if is_distribution(facts[w])]
    panels: list[Weights | None] = [*distributions(process, facts)] or [None]
    name = str(process.get("name") or "process")
    horizon = process.get("horizon")
    where = f"{name}, T = {horizon}" if horizon is not None else name
    cells = sum(len(row) for row in process.get("picture") or [])
    if 0 < cells <= LARGEST_MAP:
        return [(_caption(where, panel), _map(process, panel)) for panel in panels]
    if len(_names(process["states"])) <= LARGEST_GRAPH:
        return [(_caption(where, panel), _graph(process, panel)) for panel in panels]
    return []


def _caption(where: str, panel: Weights | None) -> str:
    return where if panel is None else f"{panel.title} ({where})"


def _names(labels: Any) -> list[str]:
    return [str(i) for i in range(labels)] if isinstance(labels, int) else [str(label) for label in labels]


def _initial(process: Mapping[str, Any]) -> set[str]:
    return set(process.get("initial") or {})


def _map(process: Mapping[str, Any], panel: Weights | None) -> Markup:
    """Cells of a grid or line; the start has a ring, the shade and the number say the probability."""
    states, picture = _names(process["states"]), process["picture"]
    columns = max(len(row) for row in picture)
    root = canvas(
        columns * CELL + 2, len(picture) * CELL + 2, _caption("map of the states", panel), klass="map"
    )
    top = max((Fraction(p) for p in panel.share.values()), default=Fraction(1)) if panel else Fraction(1)
    for y, row in enumerate(picture):
        for x, state in enumerate(row):
            if state is None:
                add(root, "rect", x=x * CELL + 1, y=y * CELL + 1, width=CELL, height=CELL, klass="wall")
            else:
                name = states[state]
                share = panel.share.get(name) if panel else None
                _cell(root, x * CELL + 1, y * CELL + 1, name, share, top, name in _initial(process))
    return serialised(root)


def _cell(
    root: Element, x: float, y: float, name: str, share: str | None, top: Fraction, start: bool
) -> None:
    add(root, "rect", x=x, y=y, width=CELL, height=CELL, klass="cell")
    if share is not None:
        opacity = float(Fraction(share) / top) * 0.62
        add(root, "rect", x=x, y=y, width=CELL, height=CELL, klass="shade", fill_opacity=f"{opacity:.3f}")
    if start:
        add(root, "circle", cx=x + 13, cy=y + 13, r=10, klass="start")
    text(root, x + 13, y + 17, name[:6], "name")
    if share is not None:
        text(root, x + CELL / 2, y + CELL / 2 + 12, _short(share), "share")


def _short(share: str) -> str:
    return share if len(share) <= 6 else f"{float(Fraction(share)):.4f}"


def _graph(process: Mapping[str, Any], panel: Weights | None) -> Markup:
    """States as circles; arrows name the action, and the probability where it is not one."""
    states = _names(process["states"])
    arrows: dict[tuple[str, str], list[str]] = {}
    for source, action, target, probability in process["transitions"]:
        label = str(action) if str(probability) == "1" else f"{action} {probability}"
        arrows.setdefault((str(source), str(target)), []).append(label)
    places, width, height = _places(states, arrows)
    root = canvas(width, height, _caption("graph of the states", panel), klass="states")
    _arrowhead(root)
    highest = min(y for _, y in places.values())
    for (source, target), labels in arrows.items():
        if source == target:
            _loop(root, places[source], labels, below=places[source][1] > highest + 3 * RADIUS)
        else:
            _arrow(root, places[source], places[target], labels)
    top = max((Fraction(p) for p in panel.share.values()), default=Fraction(1)) if panel else Fraction(1)
    for name in states:
        x, y = places[name]
        add(root, "circle", cx=x, cy=y, r=RADIUS, klass="cell")
        share = panel.share.get(name) if panel else None
        if share is not None:
            opacity = f"{float(Fraction(share) / top) * 0.62:.3f}"
            add(root, "circle", cx=x, cy=y, r=RADIUS, klass="shade", fill_opacity=opacity)
        if name in _initial(process):
            add(root, "circle", cx=x, cy=y, r=RADIUS + 4, klass="start")
        text(root, x, y + (5 if share is None else -2), name[:6], "name")
        if share is not None:
            text(root, x, y + 14, _short(share), "share")
    return serialised(root)


Place = tuple[float, float]


def _places(
    states: Sequence[str], arrows: Mapping[tuple[str, str], list[str]]
) -> tuple[dict[str, Place], float, float]:
    """Two or three states in a row, where no arrow passes one of them, others on a circle; loops and labels
    have room."""
    longest = max((len(label) for labels in arrows.values() for label in labels), default=1)
    gap = max(150.0, 2 * RADIUS + 7.2 * longest + 56)
    loops = max((len(labels) for (a, b), labels in arrows.items() if a == b), default=0)
    above = 58.0 + 15 * loops + RADIUS
    side = max(RADIUS + 14, 3.6 * longest + 8)
    if len(states) <= 2 or (
        len(states) == 3 and not {(states[0], states[2]), (states[2], states[0])} & arrows.keys()
    ):
        width = 2 * side + gap * (len(states) - 1)
        below = 14 + (32 if len(arrows) > len(states) else 0)
        return ({s: (side + gap * i, above) for i, s in enumerate(states)}, width, above + RADIUS + below)
    radius = max(110.0, gap * len(states) / (2 * math.pi))
    centre = (side + radius, above + radius)
    places = {}
    for i, state in enumerate(states):
        angle = 2 * math.pi * i / len(states) - math.pi / 2
        places[state] = (centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle))
    return places, 2 * (side + radius), 2 * (above + radius)


def _arrowhead(root: Element) -> None:
    marker = add(add(root, "defs"), "marker", id="head", refX=8, refY=5, orient="auto-start-reverse")
    for key, value in {"viewBox": "0 0 10 10", "markerWidth": "7", "markerHeight": "7"}.items():
        marker.set(key, value)
    add(marker, "path", d="M0 0L10 5L0 10z", klass="head")


def _arrow(root: Element, start: Place, end: Place, labels: Sequence[str]) -> None:
    """A bent arrow, so that there and back do not lie on one another."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    ux, uy = dx / length, dy / length
    bend = 26.0
    middle = (start[0] + dx / 2 - uy * -bend, start[1] + dy / 2 - ux * bend)
    leave = _toward(start, middle)
    arrive = _toward(end, middle)
    path = f"M{_pair(leave)}Q{_pair(middle)} {_pair(arrive)}"
    add(root, "path", d=path, klass="arrow", marker_end="url(#head)")
    upward = middle[1] <= (start[1] + end[1]) / 2
    for i, label in enumerate(labels):
        offset = -9 - 15 * (len(labels) - 1 - i) if upward else 19 + 15 * i
        text(root, middle[0], middle[1] + (12 if upward else -12) + offset, label, "label")


def _toward(centre: Place, point: Place) -> Place:
    dx, dy = point[0] - centre[0], point[1] - centre[1]
    scale = (RADIUS + 6) / math.hypot(dx, dy)
    return centre[0] + dx * scale, centre[1] + dy * scale


def _pair(point: Place) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _loop(root: Element, place: Place, labels: Sequence[str], *, below: bool) -> None:
    """An arrow from a state to itself, above it or below."""
    (x, y), side = place, 1 if below else -1
    near, far = number(y + side * (RADIUS + 3)), number(y + side * (RADIUS + 50))
    path = f"M{number(x - 10)} {near}C{number(x - 34)} {far} {number(x + 34)} {far} {number(x + 10)} {near}"
    add(root, "path", d=path, klass="arrow", marker_end="url(#head)")
    for i, label in enumerate(labels):
        height = 56 + 15 * i if below else -46 - 15 * (len(labels) - 1 - i)
        text(root, x, y + height + side * (RADIUS - 2), label, "label")


def _bars(title: str, shares: Sequence[str]) -> Markup:
    """A distribution without a process: one bar per entry."""
    root = canvas(60.0 * len(shares) + 20, 150, title, klass="bars")
    top = max(Fraction(share) for share in shares)
    for i, share in enumerate(shares):
        height = 100 * float(Fraction(share) / top)
        add(root, "rect", x=18 + 60 * i, y=122 - height, width=44, height=max(height, 1), klass="bar")
        text(root, 40 + 60 * i, 116 - height, _short(share), "share")
        text(root, 40 + 60 * i, 142, str(i + 1), "name")
    add(root, "path", d=f"M8 122.5H{60 * len(shares) + 12}", klass="axis")
    return serialised(root)
