"""Numbers, tables and maps of states as text: pure output, no mathematics."""

from __future__ import annotations

import io
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import decimal_text, fraction_text

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["WIDTH", "length", "number", "plain_text", "state_map", "table", "visible"]

WIDTH = 140
"""Characters of a line of text, where no terminal says how many."""

LONGEST_CELL = 24
"""Characters of a rational number that a cell of a table still shows."""


def number(value: float | Fraction | None, digits: int = 6) -> str:
    """Format a number for a table: a rational one as a fraction, where it is short."""
    if value is None:
        return "-"
    if isinstance(value, Fraction):
        text = fraction_text(value)
        return text if len(text) <= LONGEST_CELL else f"{decimal_text(value, digits)}..."
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.{digits}g}"


def length(process: ControlledMarkovProcess) -> str:
    """Say how long an episode is: ``T = 4`` or ``gamma = 9/10``."""
    horizon = process.horizon
    return f"T = {horizon.steps}" if isinstance(horizon, FiniteHorizon) else f"gamma = {horizon.gamma}"


def visible(text: str) -> str:
    """Return text that a terminal shows as it is: control and formatting characters are escaped, lines
    stay."""
    return "".join(
        letter if letter == "\n" or unicodedata.category(letter) not in _UNSEEN else ascii(letter)[1:-1]
        for letter in text
    )


_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Unicode categories that act on a terminal or are not seen."""


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()
) -> Table:
    """Return a table, the columns `right` flush right; cells are shown as text, never as markup, but for
    those that are `rich.text.Text` already."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    result = Table(title=escape(visible(title)), title_justify="left")
    for column in columns:
        result.add_column(column, overflow="fold", justify="right" if column in right else "left")
    for row in rows:
        result.add_row(*(cell if isinstance(cell, Text) else escape(visible(str(cell))) for cell in row))
    return result


_SHADES = " ░▒▓█"


def state_map(process: ControlledMarkovProcess, weights: Mapping[int, float]) -> str | None:
    """Return a map of the states with shades by weight, or None for processes without a picture."""
    if process.picture is None or max(len(row) for row in process.picture) > 24:
        return None
    top = max([*weights.values(), 1e-300])
    lines = []
    for row in process.picture:
        cells = []
        for state in row:
            if state is None:
                cells.append("  ####  ")
            elif state in weights:
                share = weights[state]
                shade = (
                    _SHADES[min(4, math.ceil(4 * share / top - 1e-9))] if share > 1e-9 * top else _SHADES[0]
                )
                cells.append(f"{shade * 2}{share:5.3f} ")
            else:
                cells.append("   -    ")
        lines.append("".join(cells).rstrip())
    return "\n".join(lines)


def plain_text(parts: Iterable[str | Table | Text]) -> str:
    """Return lines and tables as they look in a pipe."""
    from rich.console import Console

    text = io.StringIO()
    out = Console(
        file=text, width=96, highlight=False, color_system=None, force_terminal=False, force_jupyter=False
    )  # in a notebook it would show the lines, one box each, and leave no text
    for part in parts:
        out.print(visible(part) if isinstance(part, str) else part, markup=False)
    return text.getvalue().rstrip("\n")
