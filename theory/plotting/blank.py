"""Empty figures that draw without a window, and that notebooks show."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["blank"]


class _Blank(Figure):
    """A figure that shows itself: matplotlib's are shown only where pyplot was imported."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=150)
        return picture.getvalue()


def blank(width: float, height: float) -> Figure:
    """Return an empty figure with a constrained layout, its size in inches."""
    figure = _Blank(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
