"""What a figure is: a name, the studies it reads, and a function from their results to a drawing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Canvas

__all__ = ["Drawing", "Figure"]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawn figure.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        From `Style.canvas`.
    data : DataFrame
        All that is drawn, for the CSV; it must not hold seconds or anything else that a rerun changes.
    numbers : mapping
        The caption's numbers by a camelCase name of letters only, for the LaTeX macros. A float gets four
        significant digits; a string is LaTeX.
    caption : str
        Plain text with mathematics between dollar signs; the first sentence says what is shown.
    """

    figure: Canvas
    data: pd.DataFrame
    numbers: Mapping[str, float | str]
    caption: str


@dataclass(frozen=True)
class Figure:
    """A figure of the gallery.

    Attributes
    ----------
    name : str
        As on the command line: lower case with underscores; the name of its file.
    title : str
        One sentence that says what it shows.
    studies : tuple of str
        Names of the studies whose results it reads.
    theorems : tuple of str
        Identifiers of the claims it illustrates.
    draw : callable
        ``draw(results, style)`` with the results by study; reads nothing else.
    long : bool
        Whether its studies take more than a minute or so; it is then made only when named.
    """

    name: str
    title: str
    studies: tuple[str, ...]
    theorems: tuple[str, ...]
    draw: Callable[[Mapping[str, pd.DataFrame], Style], Drawing]
    long: bool = False

    @property
    def command(self) -> str:
        """What to type to make it."""
        return f"metaregret figures {self.name}"
