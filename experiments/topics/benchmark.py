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

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.tabular.documents import read_bytes
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd

TABLE = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "planning.csv"
TEXTS = ("task", "model", "contestant")
NUMBERS = ("states", "seconds", "ratio", "required", "error")


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point, the table, where there is one."""
    return [{"table": TABLE.name, "digest": _digest(read_bytes(TABLE))}] if TABLE.is_file() else []


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Read the comparisons; one row per contestant and model.

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


OURS = "metaregret"


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one row per model, one marker per contestant."""
    data = results["planning_benchmark"].drop(columns=["table", "digest"], errors="ignore")
    if data.empty:
        raise InvalidArgumentError(
            "There is no saved table; run python -m benchmarks.planning in a checkout of the project first."
        )
    models = list(dict.fromkeys(data["model"]))
    height = 0.16 + 0.034 * len(models)
    figure = style.canvas("line", ratio=2 * height if style.narrow else height)
    axes = figure.subplots()
    peers = data[data["contestant"] != OURS]
    right = peers[peers["right"].astype(bool)]
    fastest = right.loc[right.groupby("model")["ratio"].idxmin()]
    place = {model: -index for index, model in enumerate(models)}
    rows_of = (
        (right.drop(fastest.index), style.points(1), "peer, right answer"),
        (fastest, {**style.points(2), "markerfacecolor": "#d55e00"}, "fastest right peer"),
        (peers[~peers["right"].astype(bool)], {**style.points(0), "marker": "x"}, "peer, wrong answer"),
    )
    for rows, look, label in rows_of:
        if len(rows):
            axes.plot(rows["ratio"], [place[model] for model in rows["model"]], **look, label=label)
    axes.axvline(1.0, color="black", linewidth=0.8)
    asked = data[data["contestant"] == OURS].dropna(subset=["required"])
    axes.plot(
        asked["required"], [place[m] for m in asked["model"]], "|", color="#009e73", markersize=9,
        markeredgewidth=1.6, label="target",
    )  # fmt: skip
    names = axes.secondary_yaxis("right")
    named = fastest.set_index("model")["contestant"]
    names.set_yticks([place[model] for model in named.index], named)
    names.set_ylabel("fastest right peer")
    names.spines["right"].set_visible(False)
    axes.set_yticks([place[model] for model in models], models)
    axes.set(xscale="log", xlabel="seconds of the peer over ours (above 1: it is slower)")
    axes.set(ylim=(0.7 - len(models), 0.7), ylabel="model (task and number of states)")
    axes.legend(ncols=2 if style.narrow else 4, loc="lower center", bbox_to_anchor=(0.45, 1.0))
    ahead = float((fastest["ratio"] > 1).mean())
    return Drawing(
        figure,
        data,
        {
            "models": float(len(models)),
            "aheadPercent": 100 * ahead,
            "medianRatio": float(np.median(fastest["ratio"])),
        },
        f"Time to solution of planning peers relative to this project on {len(models)} models, from the "
        "saved benchmark table (interleaved medians on one machine; answers are checked against a common "
        f"value). The fastest right peer is slower on {100 * ahead:.0f} % of the models.",
    )


STUDY = Study("planning_benchmark", "the saved table of the planning benchmark", points, measure)
FIGURE = Figure(
    name="benchmark",
    title="The planner against its peers",
    studies=("planning_benchmark",),
    theorems=(),
    draw=draw,
)
