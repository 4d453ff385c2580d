"""Figures made by ``metaregret figures``, taken into the report with the data behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metaregret.tabular.documents import abridged, read_document, require, write_bytes
from metaregret.tabular.errors import FileFormatError

__all__ = ["Shown", "read_figures", "take_figures"]

MANIFEST_FORMAT = "metaregret-figure/1"
MOST_BYTES = 20 * 2**20
FILES = (".svg", ".pdf", ".csv", ".tex", ".json")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")


@dataclass(frozen=True)
class Shown:
    """A figure on a page.

    Attributes
    ----------
    name, title, caption, command : str
        In the caption ``$...$`` is mathematics.
    theorems : tuple of str
        The claims whose pages show it.
    files : tuple of str
        What is there to download, relative to the report.
    """

    name: str
    title: str
    caption: str
    command: str
    theorems: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def image(self) -> str:
        """The SVG, relative to the report."""
        return f"figures/{self.name}.svg"


def take_figures(source: Path, folder: Path) -> Sequence[Shown]:
    """Copy every figure of `source` that has a manifest and an SVG into ``folder/figures``.

    Raises
    ------
    FileFormatError
        If a manifest is malformed, or a file is too large; nothing has been copied then.
    """
    figures, contents = read_figures(source)
    if contents:
        (folder / "figures").mkdir(exist_ok=True)
    for name, content in contents.items():
        write_bytes(folder / name, content)
    return figures


def read_figures(source: Path) -> tuple[Sequence[Shown], Mapping[str, bytes]]:
    """Return the figures of a folder, and the content of their files by their place in a report.

    Raises
    ------
    FileFormatError
        If a manifest is malformed, or a file is too large.
    """
    figures: list[Shown] = []
    contents: dict[str, bytes] = {}
    for path in sorted(source.glob("*.json")):
        if not path.with_suffix(".svg").is_file():
            continue
        shown = _shown(path)
        files = [file for suffix in FILES if (file := path.with_suffix(suffix)).is_file()]
        contents |= {f"figures/{file.name}": _read(file) for file in files}
        figures.append(replace(shown, files=tuple(f"figures/{file.name}" for file in files)))
    return figures, contents


def _shown(path: Path) -> Shown:
    manifest = read_document(path, MANIFEST_FORMAT)
    name = require(manifest, "name", str, str(path))
    if name != path.stem or not _NAME.fullmatch(name):
        raise FileFormatError(
            f'{path}: expected the field "name" to be {path.stem!r}, but got {abridged(name)}.'
        )
    theorems = require(manifest, "theorems", list, str(path))
    words = {key: require(manifest, key, str, str(path)) for key in ("title", "caption", "command")}
    return Shown(name, **words, theorems=tuple(map(str, theorems)), files=())


def _read(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise FileFormatError(f"{path}: more than the limit of {MOST_BYTES} bytes; draw the figure smaller.")
    content = path.read_bytes()
    try:
        if path.suffix != ".pdf":
            content.decode("utf-8")
        return content
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: not a text file (byte {error.start} is not UTF-8).") from None
