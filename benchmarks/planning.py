"""The planner against its peers: ``python -m benchmarks.planning``.

Every case builds one model; all solvers that are installed get it in their own form, run once untimed
(compilation), and are then timed in turns, so that a slow minute of the machine falls on all of them. Answers
are checked against a finer reference; a peer whose answer is wrong is reported as wrong and not counted.
Printed and saved in benchmarks/results: median seconds, ratios, true errors, extra peak memory, share of the
measured memory bandwidth, and how the cost grows with size.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.planning_goals import measure_goals
from benchmarks.planning_growth import measure_bandwidth, measure_growth, measure_memory
from benchmarks.planning_measure import OURS, Comparison, measure
from benchmarks.planning_models import CASES
from benchmarks.planning_peers import SOLVERS, available
from benchmarks.planning_results import describe_machine, growth_row, memory_row, rows_of, save, table

__all__ = ["main"]

RESULTS = Path(__file__).resolve().parent / "results"

GROWTH = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
MEMORY = ((100_000, OURS), (1_000_000, OURS), (1_000_000, "quantecon-mpi"), (10_000_000, OURS))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit status 1 if one of our answers is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="small models, one round, nothing saved (for CI)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds a case")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[""],
        help="comma-separated: models whose name contains one of these; also goals, growth and memory",
    )
    parser.add_argument("--peers", default=",".join(SOLVERS), help="comma-separated peers to run")
    parser.add_argument("--results", type=Path, help=f"folder for CSV and JSON [{RESULTS.name}]")
    options = parser.parse_args(arguments)
    rounds = 1 if options.short else options.rounds
    bandwidth, load = measure_bandwidth(), os.getloadavg()[0]
    comparisons = _compare(options.only, options.short, rounds, options.peers.split(","))
    print(table(comparisons))
    rows = [row for comparison in comparisons for row in rows_of(comparison)]
    details: dict[str, Any] = {}
    if _asked(options.only, "growth"):
        details["growth"] = measure_growth(GROWTH[:3] if options.short else GROWTH, rounds, bandwidth)
        rows += [growth_row(record, rounds) for record in details["growth"]]
        _list("growth", details["growth"])
    if _asked(options.only, "memory"):
        wanted = MEMORY[:1] if options.short else MEMORY
        measured = [measure_memory(states, name) for states, name in wanted if available(name)]
        details["memory"] = [record for record in measured if record]
        rows += [memory_row(record) for record in details["memory"]]
        _list("memory", details["memory"])
    folder = options.results or (None if options.short else RESULTS)
    if folder:
        details["rounds"] = {found.model: found.times for found in comparisons}
        rows = [{**row, "load": round(load, 2)} for row in rows]
        save(folder, describe_machine(bandwidth), rows, details)
    return int(not all(comparison.right(OURS) for comparison in comparisons))


def _asked(only: Sequence[str], name: str) -> bool:
    return any(part in name for part in only)


def _compare(only: Sequence[str], short: bool, rounds: int, peers: Sequence[str]) -> list[Comparison]:
    found = []
    for case in CASES:
        if _asked(only, case.name) and (case.short or not short):
            found.append(measure(case, rounds, peers))
            case.release()
            print(table(found[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    if _asked(only, "goals"):
        peer = "quantecon-finite" in peers and available("quantecon-finite")
        found += measure_goals(rounds, 12 if short else 30, peer=peer)
    return found


def _list(name: str, records: Sequence[dict[str, Any]]) -> None:
    for record in records:
        numbers = (f"{key} {value:.4g}" for key, value in record.items() if isinstance(value, (int, float)))
        print(f"{name}: " + ", ".join(numbers))


if __name__ == "__main__":
    sys.exit(main())
