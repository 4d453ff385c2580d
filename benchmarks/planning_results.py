"""The results of the planning benchmark: one tidy row a contestant, as text, CSV and JSON.

Rows of models that were not run this time are kept, as long as they come from the same machine and versions.
"""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.planning_measure import OURS, Comparison

__all__ = ["COLUMNS", "describe_machine", "merge", "rows_of", "save", "table", "write_csv"]

COLUMNS = (
    "task",
    "model",
    "states",
    "contestant",
    "seconds",
    "best_seconds",
    "ratio",
    "required",
    "error",
    "right",
    "peak_memory_ratio",
    "bandwidth_fraction",
    "rounds",
    "load",
    "note",
)
"""`seconds` is the median of the rounds, `best_seconds` the least; `ratio` is the contestant's seconds over
ours; `required` is the least ratio asked of the fastest right peer; `peak_memory_ratio` is the extra memory
of a solve over the model's own arrays; `load` is the load average before the run: seconds and ratios of a row
count for little where it exceeds the number of cores."""

PACKAGES = ("numpy", "scipy", "numba", "quantecon", "mdpsolver", "pymdptoolbox", "stormpy")

Row = dict[str, Any]


def describe_machine(bandwidth: float) -> dict[str, Any]:
    """Processor, cores, memory and versions: what a reader needs to judge the seconds."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "bandwidth_gb_per_second": round(bandwidth / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def rows_of(comparison: Comparison) -> list[Row]:
    """One row for each contestant; ours first."""
    mine = comparison.seconds(OURS)
    return [
        {
            "task": comparison.task,
            "model": comparison.model,
            "states": comparison.states,
            "contestant": name,
            "seconds": comparison.seconds(name),
            "best_seconds": min(comparison.times[name]),
            "ratio": comparison.seconds(name) / mine,
            "required": comparison.required,
            "error": comparison.errors[name],
            "right": comparison.right(name),
            "rounds": len(comparison.times[name]),
            "note": comparison.note,
        }
        for name in comparison.times
    ]


def growth_row(record: Row, rounds: int) -> Row:
    """The row of one size of the growth study."""
    return {
        "task": "growth",
        "model": f"growth-{record['states']}",
        "states": record["states"],
        "contestant": OURS,
        "seconds": record["seconds"],
        "bandwidth_fraction": record["bandwidth_fraction"],
        "rounds": rounds,
        "note": f"{record['backups']} full backups of {record['backup_seconds']:.3g} s",
    }


def memory_row(record: Row) -> Row:
    """The row of one measurement of peak memory."""
    return {
        "task": "memory",
        "model": f"memory-{record['states']}",
        "states": record["states"],
        "contestant": record["contestant"],
        "seconds": record["first_solve_seconds"],
        "peak_memory_ratio": record["peak_memory_ratio"],
        "rounds": 1,
        "note": f"first solve, model {record['model_bytes'] / 2**30:.2f} GiB, "
        f"peak of the process {record['peak_bytes'] / 2**30:.2f} GiB",
    }


def table(comparisons: Sequence[Comparison]) -> str:
    """Render comparisons as text, a line each."""
    lines = [
        f"{'model':24} {'ours [s]':>10} {'fastest peer':>18} {'[s]':>10} {'ratio':>8} "
        f"{'asked':>6} {'error':>8}"
    ]
    for found in comparisons:
        name, mine = found.fastest_peer(), found.seconds(OURS)
        theirs = found.seconds(name) if name else float("nan")
        wrong = [
            f"{peer} is off by {found.errors[peer]:.1e}" for peer in found.times if not found.right(peer)
        ]
        lines.append(
            f"{found.model:24} {mine:10.6f} {name or '-':>18} {theirs:10.6f} {theirs / mine:8.2f} "
            f"{found.required or 0:6.1f} {found.errors[OURS]:8.1e}"
            + (f"  (wrong: {'; '.join(wrong)})" if wrong else "")
            + (f"  (missing: {', '.join(found.missing)})" if found.missing else "")
        )
    return "\n".join(lines)


def merge(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """Replace the rows of every model in `new`, keep the others, in the order of first appearance."""
    fresh = {row["model"] for row in new}
    kept: dict[str, list[Row]] = {}
    for row in [*(row for row in old if row["model"] not in fresh), *new]:
        kept.setdefault(row["model"], []).append(row)
    order = dict.fromkeys(row["model"] for row in [*old, *new])
    return [row for model in order for row in kept.get(model, [])]


def save(folder: Path, machine: Row, rows: Sequence[Row], details: Row) -> None:
    """Write ``planning.json`` and ``planning.csv``, each in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "planning.json"
    if file.exists():
        stored = json.loads(file.read_text())
        same = {key: value for key, value in stored["machine"].items() if key != "bandwidth_gb_per_second"}
        if same == {key: machine[key] for key in same}:
            rows = merge(stored["rows"], rows)
            details = {
                key: {**stored["details"].get(key, {}), **value} if isinstance(value, dict) else value
                for key, value in {**stored["details"], **details}.items()
            }
    document = {"format": "metaregret-planning-benchmark/2", "machine": machine, "rows": rows}
    _replace(file, json.dumps({**document, "details": details}, indent=1) + "\n")
    _replace(folder / "planning.csv", write_csv(rows))


def write_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV; what does not apply is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()}
        )
    return text.getvalue()


def _replace(file: Path, text: str) -> None:
    draft = file.with_suffix(file.suffix + ".new")
    draft.write_text(text)
    draft.replace(file)
