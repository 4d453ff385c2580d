"""Terminal tables, maps of states, JSON, progress: pure output, no mathematics."""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.documents import check_writable, write_text
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = [
    "check_outputs",
    "console",
    "counter",
    "emit_json",
    "json_text",
    "length",
    "number",
    "progress",
    "state_map",
    "table",
    "visible",
]


LONGEST_FRACTION = 120
"""Characters of a rational number that a line still shows."""


class _Console(Console):
    """Shows control characters of names escaped, and leaves it to the command line what a closed pipe means
    (the
    base class would exit with status 1)."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(visible(item) if isinstance(item, str) else item for item in objects), **options)


def visible(text: str) -> str:
    """Return text that a terminal shows as it is: control and formatting characters are escaped, lines
    stay."""
    return "".join(
        letter if letter == "\n" or unicodedata.category(letter) not in _UNSEEN else ascii(letter)[1:-1]
        for letter in text
    )


_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Unicode categories that act on a terminal or are not seen."""


def console() -> Console:
    """Return a console on standard output; plain and wide when piped."""
    return _Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def number(value: float | None, digits: int = 6) -> str:
    """Format a number for a table."""
    if value is None:
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.{digits}g}"


def bracket(value: Bracket) -> str:
    """Format a bracket: the rational number where known, else the value and the width of the bracket."""
    if value.exact is not None:
        digits = len(str(value.exact))
        if digits > LONGEST_FRACTION:
            return f"{float(value.exact):.10g}  (a rational number of {digits} characters, see --json)"
        return f"{value.exact}" + ("" if value.exact.denominator == 1 else f" = {float(value.exact):.10g}")
    bounds = f"lower {value.lower:.12g}, upper {value.upper:.12g}, gap {value.gap:.1e}"
    return f"{number(value.midpoint, 10)}  ({bounds})"


def length(process: ControlledMarkovProcess) -> str:
    """Say how long an episode is: ``T = 4`` or ``gamma = 9/10``."""
    horizon = process.horizon
    return f"T = {horizon.steps}" if isinstance(horizon, FiniteHorizon) else f"gamma = {horizon.gamma}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table; all cells are shown as text, never as markup."""
    result = Table(title=escape(visible(title)), title_justify="left")
    for column in columns:
        result.add_column(column, overflow="fold")
    for row in rows:
        result.add_row(*(escape(visible(str(cell))) for cell in row))
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


class _Encoder(json.JSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, np.generic):
            return o.item()
        if isinstance(o, np.ndarray):
            return o.tolist()
        return str(o)


def _finite(value: Any) -> Any:
    """Replace infinities by the strings "inf" and "-inf", which JSON can carry."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def json_text(document: Mapping[str, Any]) -> str:
    """Return a document as JSON text; infinities are the strings "inf" and "-inf"."""
    return json.dumps(_finite(document), indent=2, cls=_Encoder, allow_nan=False) + "\n"


def emit_json(document: Mapping[str, Any], json_file: str | None) -> bool:
    """Write a document where the user asked; return whether standard output was taken."""
    if json_file is None:
        return False
    text = json_text(document)
    if json_file == "-":
        click.echo(text, nl=False)
        return True
    write_text(Path(json_file), text)
    return False


def check_outputs(json_file: str | None, *, figure: Path | None = None, **files: Path | None) -> None:
    """Find out before the work that what the user asked for can be written.

    Parameters
    ----------
    json_file : str or None
        The file of ``--json``; ``-`` is standard output.
    figure : Path or None
        The picture of ``--figure``.
    **files : Path or None
        Other files, by the name of their option.

    Raises
    ------
    InvalidArgumentError
        See `metaregret.tabular.documents.check_writable`; also for ``-`` where only ``--json`` takes it, and
        for a picture of an unknown format.
    """
    named = {f"--{option}": file for option, file in {**files, "figure": figure}.items() if file is not None}
    for option, file in named.items():
        if str(file) == "-":
            raise InvalidArgumentError(f"Only --json - stands for standard output; name a file for {option}.")
    if figure is not None:
        from metaregret.experiments.figures.state_map import check_suffix

        check_suffix(figure)
    if json_file is not None and json_file != "-":
        named["--json"] = Path(json_file)
    check_writable(named)
    _check_inputs(named, {"json_file", "figure", *files})


def _check_inputs(outputs: Mapping[str, Path], own: set[str]) -> None:
    """Refuse an output that is a file which another argument of the command reads."""
    context = click.get_current_context(silent=True)
    given = {} if context is None else {k: v for k, v in context.params.items() if k not in own}
    for value in given.values():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            text = str(item) if isinstance(item, (str, Path)) else ""
            for name in {text, text.partition(":")[2], text.partition(":")[2].partition(",")[0]} - {""}:
                for option, output in outputs.items():
                    if _same_file(Path(name), output):
                        raise InvalidArgumentError(
                            f"Cannot write {option} {str(output)[:200]!r}: the command reads this file; "
                            "name another."
                        )


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.is_file() and other.is_file() and one.samefile(other)
    except (OSError, ValueError):
        return False


@contextmanager
def progress(description: str) -> Iterator[Any]:
    """Show a spinner with elapsed time on a terminal's standard error; nothing in pipes.

    Yields a function that sets the description.
    """
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda text: bar.update(task, description=escape(text))


@contextmanager
def counter(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar with the time left on a terminal's standard error; nothing in pipes.

    Yields a function that sets how many of `total` are done.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(description), total=total)
        yield lambda done: bar.update(task, completed=done)
