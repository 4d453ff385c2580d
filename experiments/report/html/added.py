"""Results of one's own on the pages of a report: documents of other commands, with a link to each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaregret.experiments.report.spelling import significant, slug
from metaregret.tabular.documents import read_document, write_bytes
from metaregret.tabular.errors import FileFormatError

__all__ = ["Added", "read_added"]

KINDS = {
    "solution": "minimax regret",
    "plan": "plan",
    "proposal": "proposal",
    "ladder": "ladder of learners",
    "bayes": "Bayes-optimal learner",
    "check": "checked certificate",
}
"""Formats that can be shown, in words."""


@dataclass(frozen=True)
class Added:
    """A result to show.

    Attributes
    ----------
    kind, about, value : str
        What it is, of what, and its numbers, in words.
    file : str
        Its place in the report.
    content : bytes
    """

    kind: str
    about: str
    value: str
    file: str
    content: bytes

    def write(self, folder: Path) -> None:
        """Copy the document into the report."""
        (folder / self.file).parent.mkdir(exist_ok=True)
        write_bytes(folder / self.file, self.content)


def read_added(paths: Sequence[Path]) -> Sequence[Added]:
    """Read documents that ``--json`` of a command, or `to_json` of a result, has written.

    Raises
    ------
    FileFormatError
        If one is malformed, or of a format that a report does not show.
    """
    return [_read(path, position) for position, path in enumerate(paths, start=1)]


def _read(path: Path, position: int) -> Added:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror}.") from None
    found = re.search(rb'"format"\s*:\s*"metaregret-(\w+)/1"', content)
    kind = found[1].decode() if found else ""
    if kind not in KINDS:
        raise FileFormatError(
            f"{path}: a report shows metaregret-NAME/1 for NAME in {', '.join(KINDS)} only."
        )
    document = read_document(path, f"metaregret-{kind}/1")
    words = [document.get(key) for key in ("process", "learner", "criterion", "method", "claim")]
    about = ", ".join(str(word) for word in words[: 3 if kind == "solution" else 5] if isinstance(word, str))
    try:
        value = _value(kind, document)
    except (KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"{path}: the document is no complete {document['format']} ({error!r:.80}); write it again."
        ) from None
    return Added(KINDS[kind], about, value, f"results/{position}_{slug(path.stem)}.json", content)


def _value(kind: str, document: Mapping[str, Any]) -> str:
    if kind == "check":
        proved = document.get("proved")
        return (
            f"proved: {proved['lower']} to {proved['upper']}" if proved else f"rejected: {document['reason']}"
        )
    if kind == "ladder":
        rungs = document["learners"].items()
        return "; ".join(f"{name} {_bracket(rung['value'])}" for name, rung in rungs)
    if kind == "proposal":
        regret, best = document["worst_case_regret"], document["minimax_regret"]
        return f"worst-case regret {_number(regret)}, minimax {_number(best)}"
    return _bracket(document["value"])


def _bracket(value: Mapping[str, Any]) -> str:
    if isinstance(value.get("exact"), str):
        return str(value["exact"])
    return f"{_number(value['lower'], 9)} to {_number(value['upper'], 9)}"


def _number(value: Any, digits: int = 6) -> str:
    return significant(value if isinstance(value, str) else float(value), digits)
