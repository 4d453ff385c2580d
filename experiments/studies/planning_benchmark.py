"""The saved table of the planning benchmark, as results: ``benchmarks/results/planning.csv`` of a checkout.

Benchmarks take long and their seconds belong to a machine, so they are run on their own (``python -m
benchmarks.planning``) and this study reads what they saved. The digest of the table is part of the point: a
new table is a new result. Without a checkout there is no table, and no points.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.tabular.documents import read_bytes
from metaregret.tabular.errors import FileFormatError

if TYPE_CHECKING:
    import numpy as np

TABLE = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "planning.csv"
TEXTS = ("task", "model", "contestant")
NUMBERS = ("states", "seconds", "ratio", "required", "error")


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point, the table, where there is one."""
    return [{"table": TABLE.name, "digest": _digest(read_bytes(TABLE))}] if TABLE.is_file() else []


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Read the comparisons; one row a contestant and model.

    Raises
    ------
    FileFormatError
        If the table has changed since, or lacks a column.
    """
    content = read_bytes(TABLE)
    if _digest(content) != point["digest"]:
        raise FileFormatError(f"{TABLE}: changed while it was read; try again.")
    lines = list(csv.DictReader(io.StringIO(content.decode())))
    for column in (*TEXTS, *NUMBERS, "right"):
        if not lines or column not in lines[0]:
            raise FileFormatError(f"{TABLE}: the column {column!r} is missing; run the benchmark again.")
    return [
        {
            **{key: line[key] for key in TEXTS},
            **{key: float(line[key]) if line[key] else None for key in NUMBERS},
            "right": line["right"] == "True",
        }
        for line in lines
        if line["ratio"]
    ]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


STUDY = Study("planning_benchmark", "the saved table of the planning benchmark", points, measure)
