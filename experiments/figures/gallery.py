"""The gallery page: each figure with its picture, command and sentence, generated from the registry."""

from __future__ import annotations

from collections.abc import Iterable

from experiments.figures.figure import Figure
from experiments.figures.registry import figures

__all__ = ["gallery"]

_HEAD = """# Gallery

Each figure is made from stored results by one command, with its data as CSV, its caption and numbers as LaTeX
macros, and a manifest. `metaregret figures` makes all, `--style neurips` or `--style iclr` sets them for
another venue than ICML. Results that are missing are computed first, into an SQLite store that may be shared,
killed and resumed; see [sweeps.md](sweeps.md).
"""


def gallery(shown: Iterable[Figure] | None = None) -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for figure in figures().values() if shown is None else shown:
        claims = f" ({', '.join(figure.theorems)})" if 0 < len(figure.theorems) <= 6 else ""
        long = (
            "\n\nIts study takes longer than the others, so it is made only when named."
            if figure.long
            else ""
        )
        parts.append(
            f"## {figure.name}\n\n{figure.title}{claims}.{long}\n\n```\n{figure.command}\n```\n\n"
            f"![{figure.title}](images/figures/{figure.name}.png)\n"
        )
    return "\n".join(parts)
