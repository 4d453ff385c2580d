"""Draw distributions over the states of a process: heat maps (grids, lines), graphs of moves, or bars."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metaregret.tabular.choices import as_path
from metaregret.tabular.documents import write_bytes
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.plotting import layout
from metaregret.theory.plotting.style import COLOURS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Panel", "check_suffix", "draw_distribution", "new_figure", "picture", "save_figure", "states_figure",
]  # fmt: skip

MAX_NODES = 40
"""Processes with more states and no picture are drawn as bars."""


@dataclass(frozen=True)
class Panel:
    """One distribution to draw.

    Attributes
    ----------
    title : str
    weights : mapping
        Weight by state index; states that are missing stay blank.
    """

    title: str
    weights: Mapping[int, float]


def states_figure(
    process: ControlledMarkovProcess, panels: Sequence[Panel], *, label: str, path: Path | str | None = None
) -> Figure:
    """Return a picture of distributions over the states, side by side, and write it where a path is given.

    Raises
    ------
    InvalidArgumentError
        If the path's suffix is not .pdf, .png or .svg, or the file cannot be written.
    """
    cells = process.picture
    rows, columns = (len(cells), max(len(row) for row in cells)) if cells else (1, 1)
    graph = not cells and process.n_states <= MAX_NODES
    width, height = (1.2 + 0.75 * columns, 0.9 + 0.75 * rows) if cells else (6.0, 2.6)
    width, height = (4.2, 3.6) if graph else (width, height)
    tall = columns > 2 * rows or not (cells or graph)  # wide panels stand below one another
    across, down = (1, len(panels)) if tall else (len(panels), 1)
    size = (min(width * across, 16.0), min(max(height, 1.6) * down, 14.0))
    top = max(max(panel.weights.values()) for panel in panels)
    with picture(path) as finished:
        figure = new_figure(*size)
        for position, panel in enumerate(panels, start=1):
            axes = figure.add_subplot(down, across, position)
            draw_distribution(figure, axes, process, panel, top, label)
        return finished(figure)


@contextmanager
def picture(path: Path | str | None) -> Iterator[Callable[[Figure], Figure]]:
    """Draw the picture of a result in the look of the figures.

    Yields a function that writes the finished picture where a path is given, whose suffix is looked at first,
    and returns it.
    """
    file = None if path is None else as_path(path)
    if file is not None:
        check_suffix(file)

    def finished(figure: Figure) -> Figure:
        if file is not None:
            save_figure(figure, file)
        return figure

    with style("icml").context():
        yield finished


def check_suffix(file: Path) -> None:
    """Refuse a picture file whose suffix names no known format."""
    if file.suffix not in {".pdf", ".png", ".svg"}:
        raise InvalidArgumentError(f"Expected a .pdf, .png or .svg file, but got {str(file)!r}.")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches that needs no display, and that notebooks show."""
    from metaregret.theory.plotting.blank import blank

    return blank(width, height)


def draw_distribution(
    figure: Figure, axes: Axes, process: ControlledMarkovProcess, panel: Panel, top: float, label: str
) -> None:
    """Draw one distribution: a heat map where the process has a picture, its graph of moves where it is
    small, bars elsewhere; `top` is full scale."""
    axes.set_title(panel.title, fontsize=9)
    if process.picture:
        _heat_map(figure, axes, process, panel.weights, top, label)
    elif process.n_states <= MAX_NODES:
        _graph(figure, axes, process, panel.weights, top, label)
    else:
        _bars(axes, process, panel.weights, label)


def save_figure(figure: Figure, file: Path) -> None:
    """Write a figure in the format of the file's suffix.

    Raises
    ------
    InvalidArgumentError
        If the suffix is not .pdf, .png or .svg, or the file cannot be written.
    """
    check_suffix(file)
    drawn = io.BytesIO()
    metadata = {"Date": None} if file.suffix == ".svg" else None
    figure.savefig(drawn, format=file.suffix[1:], dpi=200, metadata=metadata)
    write_bytes(file, drawn.getvalue())


def _heat_map(
    figure: Figure,
    axes: Axes,
    process: ControlledMarkovProcess,
    weights: Mapping[int, float],
    top: float,
    label: str,
) -> None:
    assert process.picture is not None
    rows, columns = len(process.picture), max(len(row) for row in process.picture)
    values = np.full((rows, columns), np.nan)
    for y, row in enumerate(process.picture):
        for x, state in enumerate(row):
            if state is not None:
                values[y, x] = weights.get(state, np.nan)
    image = axes.imshow(np.ma.masked_invalid(values), cmap="cividis", vmin=0.0, vmax=top)
    axes.set_facecolor("0.85")
    axes.grid(visible=False)
    if columns <= 12:
        for y, x in np.argwhere(np.isfinite(values)):
            shade = "black" if values[y, x] > 0.6 * top else "white"
            axes.text(x, y, f"{values[y, x]:.3f}", ha="center", va="center", color=shade, fontsize=7)
    axes.set_xticks([])
    axes.set_yticks([])
    bar = figure.colorbar(image, ax=axes, orientation="horizontal" if columns >= 2 * rows else "vertical")
    bar.set_label(label, fontsize=8)


def _graph(
    figure: Figure,
    axes: Axes,
    process: ControlledMarkovProcess,
    weights: Mapping[int, float],
    top: float,
    label: str,
) -> None:
    """States as dots with their weights, joined by the moves between them."""
    where, links = layout.places(process)
    for ends in links:
        axes.plot(*zip(*(where[state] for state in ends), strict=True), color="0.6", linewidth=0.9, zorder=1)
    states = sorted(where)
    x, y = np.array([where[state] for state in states]).T
    values = np.array([weights.get(state, np.nan) for state in states])
    axes.scatter(x, y, s=520, c="0.85", zorder=2)
    dots = axes.scatter(x, y, s=520, c=values, cmap="cividis", vmin=0.0, vmax=top, zorder=3)
    for state, value in zip(states, values, strict=True):
        shade = "black" if not value <= 0.6 * top else "white"
        text = process.states[state] + (f"\n{value:.3f}" if np.isfinite(value) else "")
        axes.text(*where[state], text, ha="center", va="center", color=shade, fontsize=6, zorder=4)
    axes.margins(0.15)
    axes.set_axis_off()
    bar = figure.colorbar(dots, ax=axes, orientation="vertical")
    bar.set_label(label, fontsize=8)


def _bars(axes: Axes, process: ControlledMarkovProcess, weights: Mapping[int, float], label: str) -> None:
    states = sorted(weights)
    axes.bar(range(len(states)), [weights[s] for s in states], color=COLOURS[1])
    if len(states) <= 30:
        axes.set_xticks(range(len(states)), [process.states[s] for s in states], fontsize=7)
    axes.set_xlabel("state")
    axes.set_ylabel(label)
