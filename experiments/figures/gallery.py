"""The gallery page: each figure with its picture, command and sentence, generated from the registry.

    python -m metaregret.experiments.figures.gallery build/figures

writes ``docs/reference/gallery.md`` and takes small pictures from a folder that ``metaregret figures`` has
filled.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Collection
from pathlib import Path

from metaregret.experiments.figures.registry import figures
from metaregret.tabular.documents import write_bytes, write_text
from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["DOCS", "gallery", "small_picture"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
WIDTH = 1000
"""Of a small picture, in pixels."""

_HEAD = """# Gallery

Each figure is made from stored results by one command, with its data as CSV, its caption and numbers as LaTeX
macros, and a manifest. `metaregret figures` makes all, `--style neurips` or `--style iclr` sets them for
another venue than ICML, `--columns 1` or `2` for the width of one or two columns. Results that are missing
are computed first, into an SQLite store that may be shared, killed and resumed; see
[sweeps](../how-to/sweeps.md).
"""


def gallery(pictures: Collection[str]) -> str:
    """Return the page as Markdown; `pictures` names the figures of which there is one."""
    parts = [_HEAD]
    for figure in figures().values():
        claims = f" ({', '.join(figure.theorems)})" if 0 < len(figure.theorems) <= 6 else ""
        parts.append(f"## {figure.name}\n\n{figure.title}{claims}.\n\n```\n{figure.command}\n```\n")
        if figure.long:
            parts.append("Its study takes longer than the others: this figure is made only when named.\n")
        if figure.name in pictures:
            parts.append(f"![{figure.title}](../images/figures/{figure.name}.png)\n")
    return "\n".join(parts)


def small_picture(content: bytes) -> bytes:
    """Return a PNG of at most `WIDTH` pixels across and 64 colours, chosen so that rare ones survive."""
    from PIL import Image

    image = Image.open(io.BytesIO(content)).convert("RGB")
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    few = image.quantize(64, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _main(source: Path) -> None:
    if not DOCS.is_dir():
        raise InvalidArgumentError(
            f"There is no folder {DOCS}: the gallery is a page of a checkout; run this command in one."
        )
    folder = DOCS / "images" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for name in figures():
        if (source / f"{name}.png").is_file():
            write_bytes(folder / f"{name}.png", small_picture((source / f"{name}.png").read_bytes()))
    write_text(DOCS / "reference" / "gallery.md", gallery({path.stem for path in folder.glob("*.png")}))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
