"""Looks: column widths and font sizes of venues, and series that can be told apart without colour.

Widths and font sizes come from tueplots. Fonts are those that matplotlib brings along (STIX, close to
Times), so a figure looks the same on every machine; in PDF they are embedded as TrueType, in SVG as outlines.
Series differ in colour (Okabe and Ito's palette, safe for colour-blind readers), in marker and in line style,
areas in hatch, so that nothing is lost in grey; earlier series have larger markers: none hides another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaregret.tabular.choices import one_of
from metaregret.tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["COLOURS", "STYLES", "Style", "style"]

COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SIZES = (5.0, 4.1, 3.4, 2.7, 2.4, 2.4, 2.4)
LINES = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (8, 2)),
    (0, (2, 2)),
)
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "++++")

_BASE: Mapping[str, Any] = {
    "font.family": ["STIXGeneral", "DejaVu Sans"],  # the latter for letters that the former lacks
    "mathtext.fontset": "stix",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "metaregret",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.formatter.useoffset": False,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.2,
    "hatch.linewidth": 0.5,
    "errorbar.capsize": 1.8,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "image.cmap": "cividis",
}


@dataclass(frozen=True)
class Style:
    """The look of a venue.

    Attributes
    ----------
    name : str
    column : float
        Width of a column in inches; where the venue has one column, that of half a line.
    line : float
        Width of the text in inches.
    fonts : mapping
        Font sizes in points, as matplotlib parameters.
    columns : {1, 2}, optional
        How wide every figure is; by default each has the width that suits it.
    """

    name: str
    column: float
    line: float
    fonts: Mapping[str, float]
    columns: int | None = None

    @property
    def parameters(self) -> dict[Any, Any]:
        """The matplotlib parameters under which a figure is drawn and written."""
        return {**_BASE, **self.fonts}

    @property
    def narrow(self) -> bool:
        """Whether every figure must fit into one column."""
        return self.columns == 1

    @contextmanager
    def context(self) -> Iterator[None]:
        """Draw and write within ``with style.context():`` under the parameters of the style alone.

        Examples
        --------
        >>> import metaregret as mr
        >>> look = mr.plotting.style("icml")
        >>> with look.context():
        ...     axes = look.canvas("column").subplots()
        ...     lines = axes.plot([0, 1], [8, 7.1], **look.series(0))
        """
        import matplotlib as mpl

        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(self.parameters)
            yield

    def canvas(self, width: str = "column", *, ratio: float = 0.68) -> Canvas:
        """Return an empty figure of a venue's width with a constrained layout.

        Parameters
        ----------
        width : {"column", "line"}
            The width that suits it; `columns` overrides it.
        ratio : float
            Height over width.
        """
        from metaregret.theory.plotting.blank import blank

        wanted = one_of(("column", "line"), width, "width")
        inches = self.column if self.narrow or (self.columns is None and wanted == "column") else self.line
        return blank(inches, inches * ratio)

    def panels(
        self, count: int, *, ratio: float, widths: Sequence[float] | None = None, ylabel: str | None = None
    ) -> tuple[Canvas, list[Axes]]:
        """Return a figure with panels side by side, or, in one column, one below the other.

        Parameters
        ----------
        count : int
        ratio : float
            Height over width, side by side.
        widths : sequence of float, optional
            Relative widths, side by side.
        ylabel : str, optional
            The name of a vertical axis that all share; by default each has its own.
        """
        if self.narrow:
            figure, shape, widths = self.canvas(ratio=0.66 * count), (count, 1), None
        else:
            figure, shape = self.canvas("line", ratio=ratio), (1, count)
        grid = figure.subplots(*shape, sharey=ylabel is not None, squeeze=False, width_ratios=widths)
        for line in grid if ylabel is not None else ():
            line[0].set_ylabel(ylabel)
        return figure, list(grid.ravel())

    def curve(self, axes: Axes, index: int, line: Sequence[Any], points: Sequence[Any], label: str) -> None:
        """Draw a line, such as a closed form, computed points on it, and one entry of the legend for both.

        Parameters
        ----------
        axes : Axes
        index : int
            Of the series.
        line, points : pairs of arrays
            Positions across and up.
        label : str
        """
        look = self.series(index, marker=False)
        axes.plot(*line, **look)
        axes.plot(*points, **self.points(index))
        axes.plot([], [], **{**self.points(index), "linestyle": look["linestyle"]}, label=label)

    @staticmethod
    def series(index: int, *, marker: bool = True) -> dict[str, Any]:
        """Return colour, line style and marker of the series `index`, for ``Axes.plot`` and ``errorbar``."""
        _check(index)
        look: dict[str, Any] = {"color": COLOURS[index], "linestyle": LINES[index]}
        return look | ({"marker": MARKERS[index], "markersize": SIZES[index]} if marker else {})

    @staticmethod
    def points(index: int) -> dict[str, Any]:
        """Return colour and marker of computed points that lie on a curve drawn by `series`."""
        _check(index)
        return {
            "color": COLOURS[index],
            "linestyle": "none",
            "marker": MARKERS[index],
            "markersize": SIZES[index],
            "markerfacecolor": "white",
            "markeredgewidth": 0.9,
        }

    @staticmethod
    def area(index: int) -> dict[str, Any]:
        """Return face colour and hatch of the bars or areas of the series `index`."""
        _check(index)
        return {"facecolor": COLOURS[index], "hatch": HATCHES[index], "edgecolor": "white", "linewidth": 0.0}


def _check(index: int) -> None:
    if not 0 <= index < len(COLOURS):
        raise InvalidArgumentError(
            f"Expected a series from 0 to {len(COLOURS) - 1}, but got {index}; "
            "more cannot be told apart in one panel."
        )


STYLES = ("icml", "neurips", "iclr")
"""Names of the looks."""


def style(name: str, columns: int | None = None) -> Style:
    """Return the look of this name, optionally with all figures one or two columns wide.

    Raises
    ------
    InvalidArgumentError
        If there is none, or `columns` is neither 1 nor 2.
    """
    from tueplots import figsizes, fontsizes

    name = one_of(STYLES, name, "style")
    if columns not in (None, 1, 2) or isinstance(columns, bool):
        raise InvalidArgumentError(f"Expected columns to be 1 or 2, but got {columns!r:.60}.")
    if name == "icml":
        column = figsizes.icml2024_half()["figure.figsize"][0]
        line = figsizes.icml2024_full()["figure.figsize"][0]
        return Style(name, column, line, fontsizes.icml2024(), columns)
    line = {"neurips": figsizes.neurips2024, "iclr": figsizes.iclr2024}[name]()["figure.figsize"][0]
    fonts = {"neurips": fontsizes.neurips2024, "iclr": fontsizes.iclr2024}[name]()
    return Style(name, 0.58 * line, line, fonts, columns)
