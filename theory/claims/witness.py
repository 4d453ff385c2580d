"""Witnesses of negative controls: JSON documents kept beside the claims and replayed exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metaregret.tabular.documents import read_document, write_text

__all__ = ["WITNESS_FORMAT", "load_witness", "store_witness", "witness_path"]

WITNESS_FORMAT = "metaregret-witness/1"


def witness_path(uid: str) -> Path:
    """Return where the witness of a control, or of a published claim, is kept."""
    folder = "atlas" if uid.upper().startswith("A") else "controls"
    return Path(__file__).parent.parent / folder / "witnesses" / f"{uid.lower()}.json"


def load_witness(uid: str) -> dict[str, Any]:
    """Read the stored witness of a control; numbers are exact.

    Raises
    ------
    FileFormatError
        If there is none, or it is malformed.
    """
    return read_document(witness_path(uid), WITNESS_FORMAT)


def store_witness(uid: str, document: Mapping[str, Any], path: Path | None = None) -> None:
    """Write a witness atomically."""
    text = json.dumps({"format": WITNESS_FORMAT, "uid": uid, **document}, indent=1)
    write_text(path or witness_path(uid), text + "\n")
