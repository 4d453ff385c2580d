"""What every result can do: say itself as text, as a table, as a JSON document, as LaTeX, in a notebook."""

from __future__ import annotations

import html
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaregret.tabular.choices import as_path
from metaregret.tabular.documents import json_text, write_text
from metaregret.tabular.rationals import fraction_text, nearest_float
from metaregret.theory.presentation import plain_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table
    from rich.text import Text

__all__ = ["Result", "cells", "save_text"]

MOST_ROWS = 30
"""Rows of a table that are printed; a frame and a document have all."""


class Result(ABC):
    """Base of all results.

    ``print(result)`` shows what the command line shows; `to_json` gives the document that it writes.

    Examples
    --------
    >>> import metaregret as mr
    >>> result = mr.solve(mr.goals(mr.make("line:3", horizon=2)))
    >>> isinstance(result, mr.Result), result.to_json()["format"]
    (True, 'metaregret-solution/1')
    """

    @abstractmethod
    def parts(self) -> Iterable[str | Table | Text]:
        """What is printed: lines and tables, in order."""

    @abstractmethod
    def _document(self) -> dict[str, Any]:
        """The JSON document."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return the result as a table of pandas; rational numbers are `fractions.Fraction` objects, those
        with more digits than Python prints (4300) their nearest floats."""

    def to_json(self, path: Path | str | None = None) -> dict[str, Any]:
        """Return the JSON document, and write it to `path` where one is given.

        Infinite numbers are written as ``"inf"``, rational ones as ``"p/q"``.

        Raises
        ------
        InvalidArgumentError
            If the file cannot be written.
        """
        document = self._document()
        if path is not None:
            save_text(path, json_text(document))
        return document

    def to_latex(self, path: Path | str | None = None) -> str:
        r"""Return the table of `to_frame` as LaTeX (package booktabs), and write it where a path is given.

        Raises
        ------
        InvalidArgumentError
            If the file cannot be written.
        """
        frame = self.to_frame()
        shown = frame.map(_latex_cell)
        shown.index = shown.index.map(_latex_text)
        shown.columns = shown.columns.map(_latex_text)
        shown.index.name = None if frame.index.name is None else _latex_text(frame.index.name)
        text = shown.to_latex(escape=False)
        if path is not None:
            save_text(path, text)
        return text

    def _picture(self) -> Figure | None:
        """The picture of the result in a notebook, where it has one."""
        return None

    def __str__(self) -> str:
        return plain_text(self.parts())

    def _repr_html_(self) -> str:
        lines = "\n".join(str(part) for part in self.parts() if not hasattr(part, "add_row"))
        frame = self.to_frame()
        table = frame.head(MOST_ROWS).to_html(border=0)
        more = f"<p>{len(frame) - MOST_ROWS} more rows</p>" if len(frame) > MOST_ROWS else ""
        return f"<pre>{html.escape(lines)}</pre>{_inline_svg(self._picture())}{table}{more}"


def cells(values: Iterable[float | Fraction]) -> list[float | Fraction]:
    """Return numbers for a column of a table, each of which can be printed."""
    most = 10**sys.int_info.default_max_str_digits
    return [
        nearest_float(x) if isinstance(x, Fraction) and max(abs(x.numerator), x.denominator) >= most else x
        for x in values
    ]


def save_text(path: Path | str, text: str) -> None:
    """Write a file that the user named.

    Raises
    ------
    InvalidArgumentError
        If it cannot be written.
    """
    write_text(as_path(path), text)


def _inline_svg(figure: Figure | None) -> str:
    if figure is None:
        return ""
    import io

    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


_SPECIAL = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    **{character: f"\\{character}" for character in "{}$&#%_"},
}


def _latex_text(text: object) -> str:
    return "".join(_SPECIAL.get(character, character) for character in str(text))


def _latex_cell(value: object) -> str:
    if isinstance(value, Fraction):
        sign = "-" if value < 0 else ""
        above, _, below = fraction_text(abs(value)).partition("/")
        return rf"${sign}\frac{{{above}}}{{{below}}}$" if below else f"${sign}{above}$"
    if value is None:
        return "--"
    if isinstance(value, float):
        if math.isnan(value):  # missing
            return "--"
        if math.isinf(value):
            return r"$\infty$"
        digits, _, power = f"{value:.6g}".partition("e")
        return rf"${digits} \times 10^{{{int(power)}}}$" if power else f"${digits}$"
    return _latex_text(value)
