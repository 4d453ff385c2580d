"""Snapshots of figures: stored results, and what each figure drew from them, as text that can be compared.

Run as a program it renews the snapshots of the figures named, or of all: look at the pictures first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.figures.registry import figures
from metaregret.experiments.figures.render import csv_of, draw
from metaregret.experiments.sweeps import Scale, Store, run, study
from metaregret.theory.plotting.style import Style, style

__all__ = ["FOLDER", "STYLE", "described", "drawn", "results_of", "stored"]

FOLDER = Path(__file__).with_name("snapshots")
STYLE = style("icml")


def stored(name: str) -> list[dict[str, Any]]:
    """Return the committed results of a study at short scale: a list of points with their rows."""
    content: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.study.json").read_text())
    return content


def results_of(figure: Figure) -> dict[str, pd.DataFrame]:
    """Return the committed results that a figure reads."""
    return {
        name: pd.DataFrame([{**each["point"], **row} for each in stored(name) for row in each["rows"]])
        for name in figure.studies
    }


def drawn(figure: Figure, look: Style = STYLE) -> Drawing:
    """Draw a figure from the committed results."""
    return draw(figure, results_of(figure), look)


def described(drawing: Drawing) -> dict[str, Any]:
    """Return a drawing as data: caption, numbers, the CSV, and every line, area and word of it."""
    return {
        "caption": drawing.caption,
        "numbers": {key: _rounded(value) for key, value in drawing.numbers.items()},
        "csv": csv_of(drawing).splitlines(),
        "axes": [_axes(axes) for axes in drawing.figure.axes],
    }


def _axes(axes: Axes) -> dict[str, Any]:
    legend = axes.get_legend()
    return {
        "title": axes.get_title(),
        "labels": [axes.get_xlabel(), axes.get_ylabel()],
        "scales": [axes.get_xscale(), axes.get_yscale()],
        "limits": _rounded([*axes.get_xlim(), *axes.get_ylim()]),
        "ticks": [text.get_text() for text in axes.get_xticklabels()],
        "legend": [] if legend is None else [text.get_text() for text in legend.get_texts()],
        "texts": [text.get_text() for text in axes.texts],
        "lines": [
            {
                "x": _digest(np.asarray(line.get_xdata(), dtype=float)),
                "y": _digest(np.asarray(line.get_ydata(), dtype=float)),
                "look": [to_hex(line.get_color()), str(line.get_marker()), str(line.get_linestyle())],
            }
            for line in axes.lines
        ],
        "patches": [
            [to_hex(patch.get_facecolor()), str(patch.get_hatch()), _digest(patch.get_path().vertices)]
            for patch in axes.patches
        ],
        "collections": [
            [
                type(one).__name__,
                _digest(np.asarray(one.get_offsets(), dtype=float)),
                _digest(np.concatenate([np.zeros((1, 2)), *(path.vertices for path in one.get_paths())])),
            ]
            for one in axes.collections
        ],
        "images": [_digest(np.ma.filled(image.get_array(), np.nan)) for image in axes.images],
    }


def _digest(values: np.ndarray) -> list[Any]:
    """Length, sum, sum of squares and ends: enough to notice any change, short enough to read."""
    flat = np.asarray(values, dtype=float).ravel()
    known = flat[np.isfinite(flat)]
    weights = np.cos(np.arange(len(known)))  # the order counts
    return _rounded(
        [len(flat), known.sum(), (known**2).sum(), (known * weights).sum(), *known[:1], *known[-1:]]
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float | np.floating | int) else value


def _measure(name: str) -> None:
    """Measure a study at short scale and store its results."""
    sweep = study(name).sweep(Scale.SHORT, 0)
    if not sweep.points:  # a saved table that is not there: the committed sample stays
        return
    with Store(Path(":memory:")) as store:
        run(sweep.jobs, store)
        content = [{"point": record.point, "rows": record.rows} for record in store.records(sweep.ids)]
    lines = ",\n".join(json.dumps(each) for each in content)
    (FOLDER / f"{name}.study.json").write_text(f"[\n{lines}\n]\n")


def _renew(names: Mapping[str, Figure]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in {name for figure in names.values() for name in figure.studies}:
        _measure(name)
    for name, figure in names.items():
        text = json.dumps(described(drawn(figure)), indent=1)
        (FOLDER / f"{name}.figure.json").write_text(text + "\n")


if __name__ == "__main__":
    chosen = {name: figure for name, figure in figures().items() if not figure.long or name in sys.argv[1:]}
    _renew({name: figure for name, figure in chosen.items() if name in sys.argv[1:] or len(sys.argv) == 1})
