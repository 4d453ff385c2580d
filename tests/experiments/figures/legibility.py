"""What a reader would complain about: text outside of the canvas, text on text."""

from __future__ import annotations

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

__all__ = ["complaints"]

SLACK = 0.75
"""Points by which boxes of text may touch: they include the room for letters that are not there."""


def complaints(figure: Figure) -> list[str]:
    """Return what is clipped and what overlaps in a figure, in words."""
    figure.draw_without_rendering()  # places everything, and paints nothing
    boxes = _boxes(figure)
    slack = SLACK * figure.dpi / 72
    canvas = figure.bbox
    found = [
        f"{words!r} leaves the canvas"
        for words, box in boxes
        if box.x0 < canvas.x0 - slack
        or box.y0 < canvas.y0 - slack
        or box.x1 > canvas.x1 + slack
        or box.y1 > canvas.y1 + slack
    ]
    for index, (words, box) in enumerate(boxes):
        for others, other in boxes[index + 1 :]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            down = min(box.y1, other.y1) - max(box.y0, other.y0)
            if min(across, down) > slack:
                found.append(f"{words!r} lies on {others!r}")
    return found


def _boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    """The boxes of all text that is drawn."""
    unseen = {id(text) for axis in figure.findobj(Axis) for text in _off_scale(axis)}
    bare = [axis for axes in figure.axes if not axes.axison for axis in (axes.xaxis, axes.yaxis)]
    unseen |= {id(text) for axis in bare for text in axis.findobj(Text)}
    boxes = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and id(text) not in unseen:
            box = Text.get_window_extent(text) if isinstance(text, Annotation) else text.get_window_extent()
            boxes.append((text.get_text(), box))
    return boxes


def _off_scale(axis: Axis) -> list[Text]:
    """Labels of ticks outside of the view, which exist but are not drawn."""
    low, high = sorted(axis.get_view_interval())
    return [
        text
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for text in (tick.label1, tick.label2)
        if not low - 1e-9 * abs(tick.get_loc()) <= tick.get_loc() <= high + 1e-9 * abs(tick.get_loc())
    ]
