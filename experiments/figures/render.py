"""Draw figures from stored results and write them with their data, macros and manifest, atomically."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.tabular.documents import write_bytes, write_text
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "csv_of", "draw", "images", "macros", "write"]

FORMATS = ("pdf", "png", "svg")
DPI = 300

_METADATA: Mapping[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "ModDate": None},
    "png": {"Software": None},
    "svg": {"Date": None},
}
"""Nothing that changes from run to run."""


def draw(figure: Figure, results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw a figure in a style, with the parameters of the style alone.

    Raises
    ------
    InvalidArgumentError
        If a number of the caption has a name that LaTeX cannot have.
    """
    with style.context():
        drawing = figure.draw(results, style)
    if style.narrow:
        caption = drawing.caption.replace("Left:", "Above:").replace("Right:", "Below:")
        drawing = replace(drawing, caption=caption)
    for name in drawing.numbers:
        if not re.fullmatch("[A-Za-z]+", name):
            raise InvalidArgumentError(
                f"{figure.name}: the number {name!r} needs a name of letters only, for LaTeX."
            )
    return drawing


def images(
    drawing: Drawing, style: Style, formats: Sequence[str] = FORMATS, dpi: int = DPI
) -> dict[str, bytes]:
    """Return the drawn figure in each format; the same drawing always gives the same bytes."""
    written = {}
    with style.context():
        for form in formats:
            buffer = io.BytesIO()
            drawing.figure.savefig(buffer, format=form, dpi=dpi, metadata=_METADATA[form])
            written[form] = buffer.getvalue()
    return written


def csv_of(drawing: Drawing) -> str:
    """Return the data behind a drawing as CSV, twelve significant digits."""
    return drawing.data.to_csv(index=False, float_format="%.12g", lineterminator="\n")


def write(
    figure: Figure,
    drawing: Drawing,
    style: Style,
    folder: Path,
    formats: Sequence[str] = FORMATS,
    options: str = "",
) -> dict[str, Any]:
    """Write images, ``NAME.csv``, ``NAME.tex`` and ``NAME.json``; return the manifest.

    Each file is written atomically and the manifest last, so that a manifest always describes what is there.
    """
    contents = {f"{figure.name}.{form}": data for form, data in images(drawing, style, formats).items()}
    contents[f"{figure.name}.csv"] = csv_of(drawing).encode()
    contents[f"{figure.name}.tex"] = macros(figure.name, drawing, options).encode()
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        write_bytes(folder / name, data)
    manifest = {
        "format": "metaregret-figure/1",
        "name": figure.name,
        "title": figure.title,
        "caption": drawing.caption,
        "theorems": list(figure.theorems),
        "studies": list(figure.studies),
        "command": figure.command + options,
        "style": style.name,
        "columns": style.columns,
        "numbers": {key: _plain(value) for key, value in drawing.numbers.items()},
        "files": list(contents),
    }
    write_text(folder / f"{figure.name}.json", json.dumps(manifest, indent=1, allow_nan=False) + "\n")
    return manifest


def _plain(value: float | str) -> float | str:
    return value if isinstance(value, str) or math.isfinite(value) else str(value)


def macros(name: str, drawing: Drawing, options: str = "") -> str:
    r"""Return LaTeX macros for the caption and its numbers: ``\NameCaption``, ``\NameWorst``."""
    prefix = "".join(part.capitalize() for part in re.split("[_-]", name))
    lines = [f"% numbers and caption of the figure {name}; made by: metaregret figures {name}{options}"]
    lines += [
        f"\\newcommand{{\\{prefix}{key[0].upper()}{key[1:]}}}{{{_latex_number(value)}}}"
        for key, value in drawing.numbers.items()
    ]
    lines.append(f"\\newcommand{{\\{prefix}Caption}}{{{_latex_text(drawing.caption)}}}")
    return "\n".join(lines) + "\n"


def _latex_number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return "\\ensuremath{\\infty}" if value > 0 else "\\ensuremath{-\\infty}" if value < 0 else "n/a"
    digits, _, exponent = f"{value:.4g}".partition("e")
    return digits if not exponent else f"\\ensuremath{{{digits}\\times 10^{{{int(exponent)}}}}}"


def _latex_text(text: str) -> str:
    """Escape what is special in LaTeX outside of mathematics."""
    parts = text.split("$")
    parts[::2] = [re.sub(r"([%&#_])", r"\\\1", part) for part in parts[::2]]
    return "$".join(parts)
