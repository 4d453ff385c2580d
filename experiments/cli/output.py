"""Where results go: the terminal, JSON files, progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
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

from metaregret.experiments.interrupts import tell
from metaregret.tabular.documents import check_writable, json_text, write_text
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.presentation import WIDTH, number, visible
from metaregret.theory.results import Result

if TYPE_CHECKING:
    from metaregret.theory.minimax.solution import MinimaxSolution
    from metaregret.theory.planning import Plan
    from metaregret.theory.proposals import Proposal

__all__ = ["check_outputs", "console", "counter", "emit_json", "progress", "show", "write_certificate"]


class _Console(Console):
    """Shows control characters of names escaped, and leaves it to the command line what a closed pipe means
    (the base class would exit with status 1)."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError

    def print(self, *objects: Any, **options: Any) -> None:
        if not self.is_terminal and all(isinstance(item, str) for item in objects):
            options.setdefault("soft_wrap", True)  # a line that a script reads stays one line
        super().print(*(visible(item) if isinstance(item, str) else item for item in objects), **options)


def console() -> Console:
    """Return a console on standard output; plain and wide when piped."""
    return _Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def emit_json(result: Result | Mapping[str, Any], json_file: str | None) -> bool:
    """Write a result where the user asked; return whether standard output was taken."""
    if json_file is None:
        return False
    text = json_text(result.to_json() if isinstance(result, Result) else result)
    if json_file == "-":
        click.echo(text, nl=False)
        return True
    write_text(Path(json_file), text)
    return False


def show(result: Result, json_file: str | None = None) -> None:
    """Write a result where the user asked, and print it unless standard output was taken."""
    if not emit_json(result, json_file):
        out = console()
        for part in result.parts():
            out.print(part, markup=False)


def write_certificate(
    result: MinimaxSolution | Plan | Proposal, file: Path, what: str = "value", **options: str
) -> None:
    """Write the certificate of a result, and say on standard error what it proves."""
    with progress("certifying"):
        claim = result.certificate(file, **options)["claim"]
    bounds = (claim["lower"], claim["upper"])
    lower, upper = (text if len(text) <= 60 else number(Fraction(text), 12) for text in bounds)
    click.echo(f"wrote {file}, which proves {lower} <= {what} <= {upper}", err=True)


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
        from metaregret.theory.plotting.state_map import check_suffix

        check_suffix(figure)
    if json_file is not None and json_file != "-":
        named["--json"] = Path(json_file)
    check_writable(named)
    _check_inputs(named, {"json_file", "figure", *files})


def _check_inputs(outputs: Mapping[str, Path], own: set[str]) -> None:
    """Refuse an output that is a file which another argument of the command reads."""
    context = click.get_current_context(silent=True)
    parameters = {} if context is None else context.params
    given = {k: v for k, v in parameters.items() if k not in own and k.removesuffix("_file") not in own}
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
    tell(f"{description}; no bounds were known yet")
    if not sys.stderr.isatty():
        yield tell
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None)

        def describe(text: str) -> None:
            tell(text)
            bar.update(task, description=escape(text))

        yield describe


@contextmanager
def counter(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar with the time left on a terminal's standard error; nothing in pipes.

    Yields a function that sets how many of `total` are done.
    """

    def say(done: int) -> None:
        tell(f"{description}: {done} of {total} are done")

    say(0)
    if not sys.stderr.isatty():
        yield say
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

        def show(done: int) -> None:
            say(done)
            bar.update(task, completed=done)

        yield show
