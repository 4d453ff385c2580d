"""Memoryless minimax at scale: the decomposition against the monolithic linear program, in one run.

    python -m benchmarks.memoryless                                   the comparison on grid:20x20, T = 40
    python -m benchmarks.memoryless --cmp grid:30x30,slip=1/10 --horizon 60 --methods decomposition

All methods solve the same process and must reach the same certified relative gap, recomputed from their
policy and weights. The program goes through cvxpy to HiGHS's interior point, with its crossover (HiGHS's
default) and without. Every method runs in a process of its own, so that its peak memory is its own; methods
alternate, and ratios are taken within each round, since seconds drift with the machine. The ratio is that
of processor seconds, summed over threads: on a machine that others use it is what can be compared, and it
counts both threads of the decomposition. The clock starts after imports and compiled kernels are loaded,
before the process is built.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular import make
from metaregret.theory.minimax.decomposition import Decomposition
from metaregret.theory.minimax.flow_program import FlowProgram
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.optimise import Attempt
from metaregret.theory.regret import bracketed_loss
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import GoalTasks

TOLERANCE = 1e-6
RESULTS = Path(__file__).resolve().parent / "results"
PROGRAMS = {
    "interior point without crossover": {"solver": "ipm", "run_crossover": "off"},
    "interior point": {"solver": "ipm"},
}
METHODS = ("decomposition", *PROGRAMS)


def run_once(cmp: str, horizon: int, method: str) -> dict[str, Any]:
    """Solve once by one method and return a row."""
    _solve("grid:2x2", 2, method)  # kernels and solvers are loaded
    began, busy = time.perf_counter(), time.process_time()
    lower, upper = _solve(cmp, horizon, method)
    return {
        "cmp": cmp,
        "horizon": horizon,
        "method": method,
        "seconds": round(time.perf_counter() - began, 4),
        "processor_seconds": round(time.process_time() - busy, 4),
        "lower": lower,
        "upper": upper,
        "relative_gap": (upper - lower) / lower,
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }


def _solve(cmp: str, horizon: int, method: str) -> tuple[float, float]:
    tasks = success_tasks(GoalTasks.reachable(make(cmp).replaced(horizon=horizon)))
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    base = np.zeros_like(tasks.optimum.values)
    direction = loss.nominal.direction / loss.nominal.direction.max()
    if method == "decomposition":
        best = Decomposition(tasks).solve(loss, base, direction, tolerance=TOLERANCE)
    else:
        attempts = [Attempt(method, "HIGHS", {"highs_options": PROGRAMS[method]})]
        best = FlowProgram(tasks).solve(loss, base, direction, tolerance=TOLERANCE, attempts=attempts)
    return best.lower, best.upper


def compare(cmp: str, horizon: int, rounds: int, methods: list[str]) -> Iterator[dict[str, Any]]:
    """Run all methods in alternation; yield one row for each run."""
    for number in range(rounds):
        for method in methods:
            command = [sys.executable, "-m", "benchmarks.memoryless", "--one", cmp, str(horizon), method]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            row = {"round": number, **json.loads(printed)}
            print(
                f"{cmp} T={horizon} {method:<33} {row['seconds']:9.3f} s, "
                f"of processor {row['processor_seconds']:9.3f} s  gap {row['relative_gap']:.1e}  "
                f"{row['peak_gib']:.2f} GiB",
                flush=True,
            )
            yield row


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the median over the rounds of each program's processor seconds over the decomposition's."""
    seconds = {(row["round"], row["method"]): row["processor_seconds"] for row in rows}
    rounds = sorted({row["round"] for row in rows})
    return {
        method: statistics.median(seconds[n, method] / seconds[n, "decomposition"] for n in rounds)
        for method in PROGRAMS
        if (0, method) in seconds and (0, "decomposition") in seconds
    }


def main() -> None:
    """Parse the command line, run, print and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cmp", default="grid:20x20,slip=1/10")
    parser.add_argument("--horizon", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--append", action="store_true", help="add to the table instead of replacing it")
    parser.add_argument("--one", nargs=3, metavar=("CMP", "HORIZON", "METHOD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_once(options.one[0], int(options.one[1]), options.one[2])))
        return
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "memoryless.csv"
    rows: list[dict[str, Any]] = []
    for row in compare(options.cmp, options.horizon, options.rounds, options.methods):
        _save(file, row, fresh=not rows and not (options.append and file.exists()))
        rows.append(row)
    for method, ratio in summary(rows).items():
        print(f"{method}: {ratio:.1f} times the processor time of the decomposition")


def _save(file: Path, row: dict[str, Any], *, fresh: bool) -> None:
    """Add a row to the table, which begins anew where `fresh`."""
    with file.open("w" if fresh else "a", newline="") as stream:
        writer = csv.DictWriter(stream, row.keys(), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
