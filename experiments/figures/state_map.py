"""Draw a distribution over the states of a process as a heat map (grids, lines) or as bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tabular.errors import InvalidArgumentError
from tabular.process import ControlledMarkovProcess

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_states"]


def draw_states(
    process: ControlledMarkovProcess, weights: Mapping[int, float], file: Path, *, label: str
) -> None:
    """Write a picture of `weights` (by state index) to `file`; the format follows its suffix.

    Raises
    ------
    InvalidArgumentError
        If the suffix is not .pdf, .png or .svg, or the file cannot be written.
    """
    if file.suffix not in (".pdf", ".png", ".svg"):
        raise InvalidArgumentError(f"Expected a .pdf, .png or .svg file, but got {str(file)!r}.")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = process.picture
    rows, columns = (len(picture), max(len(row) for row in picture)) if picture else (1, 1)
    size = (1.2 + 0.75 * columns, 0.9 + 0.75 * rows) if picture else (6.0, 2.6)
    figure = Figure(figsize=(min(size[0], 14.0), min(size[1], 12.0)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if picture:
        _heat_map(figure, axes, process, weights, rows, columns, label)
    else:
        _bars(axes, process, weights, label)
    try:
        figure.savefig(file, dpi=200, metadata={"Date": None} if file.suffix == ".svg" else None)
    except OSError as error:
        raise InvalidArgumentError(f"Cannot write {file}: {error.strerror}; check the folder.") from None


def _heat_map(
    figure: Figure,
    axes: Axes,
    process: ControlledMarkovProcess,
    weights: Mapping[int, float],
    rows: int,
    columns: int,
    label: str,
) -> None:
    assert process.picture is not None
    values = np.full((rows, columns), np.nan)
    for y, row in enumerate(process.picture):
        for x, state in enumerate(row):
            if state is not None:
                values[y, x] = weights.get(state, np.nan)
    top = float(np.nanmax(values))
    image = axes.imshow(np.ma.masked_invalid(values), cmap="cividis", vmin=0.0, vmax=top)
    axes.set_facecolor("0.85")
    if columns <= 12:
        for y, x in np.argwhere(np.isfinite(values)):
            shade = "black" if values[y, x] > 0.6 * top else "white"
            axes.text(x, y, f"{values[y, x]:.3f}", ha="center", va="center", color=shade, fontsize=7)
    axes.set_xticks([])
    axes.set_yticks([])
    bar = figure.colorbar(image, ax=axes, orientation="horizontal" if columns >= 2 * rows else "vertical")
    bar.set_label(label)
    axes.set_title(process.name, fontsize=9)


def _bars(axes: Axes, process: ControlledMarkovProcess, weights: Mapping[int, float], label: str) -> None:
    states = sorted(weights)
    axes.bar(range(len(states)), [weights[s] for s in states], color="#00456f")
    if len(states) <= 30:
        axes.set_xticks(range(len(states)), [process.states[s] for s in states], fontsize=7)
    axes.set_xlabel("state")
    axes.set_ylabel(label)
    axes.set_title(process.name, fontsize=9)
