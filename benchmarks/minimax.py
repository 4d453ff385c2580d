"""Minimax exploration at scale: the solver's choice against solvers of the monolithic program, in one run.

    python -m benchmarks.minimax                           all rows, anchors up to 60 s each
    python -m benchmarks.minimax --rows grid-20 garnet-200 --anchors "HiGHS interior point" "HiGHS PDLP"
    python -m benchmarks.minimax --rows grid-100 --anchors

Every row is a process with its horizon; goals are all states that can be reached, detected at the end. Each
method must give a bracket to a relative 1e-6, recomputed from its policy and its weights by the planner; what
an anchor returns within its limit is bracketed in the same way, and the wider bracket shown. Every run is a
process of its own, so that its peak memory is its own. The clock starts after imports and compiled kernels
are loaded, before the process is built. Ratios are of processor seconds, summed over threads: on a machine
that others use they are what can be compared. An anchor that does not finish counts with its limit, which
makes the ratio a lower bound, marked so. The growth exponents are slopes of log seconds against log states.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular import make
from metaregret.theory.minimax.flow_program import FlowProgram
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.optimise import Attempt
from metaregret.theory.regret import bracketed_loss
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import GoalTasks

TOLERANCE = 1e-6
RESULTS = Path(__file__).resolve().parent / "results" / "minimax.csv"
OURS = "metaregret"
ANCHORS = {
    "HiGHS interior point": {"solver": "ipm", "run_crossover": "off"},
    "HiGHS PDLP": {"solver": "pdlp"},
    "HiGHS simplex": {"solver": "simplex"},
}
GRIDS = {f"grid-{side}": (f"grid:{side}x{side},slip=1/10", 2 * side) for side in (20, 30, 50, 70, 100)}
GARNETS = {f"garnet-{n}": (f"garnet:S={n},A=4,b=5,seed=1", 20) for n in (200, 1000, 3000, 10_000)}
NAMED = {
    "lake-60": ("gym:FrozenLake-v1,map_name=8x8", 60),
    "lake-200": ("gym:FrozenLake-v1,map_name=8x8", 200),
    "taxi": ("gym:Taxi-v4", 20),
}
LAKES = {f"random-lake-{seed}": (f"lake:20:{seed}", 40) for seed in range(20)}
ROWS = {**GRIDS, **GARNETS, **NAMED, **LAKES}


def build(spec: str, horizon: int) -> GoalTasks:
    """Return the goals of a row; ``lake:SIDE:SEED`` is a frozen lake with random holes."""
    if not spec.startswith("lake:"):
        return GoalTasks.reachable(make(spec).replaced(horizon=horizon))
    from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map

    from metaregret.tabular.importers import read

    side, seed = map(int, spec.split(":")[1:])
    env = FrozenLakeEnv(desc=generate_random_map(size=side, seed=seed))
    return GoalTasks.reachable(read(env, horizon=horizon).process)


def solve(spec: str, horizon: int, method: str, limit: float) -> tuple[float, float, str]:
    """Solve once; return ``1 + Reg*`` from below and above, and how."""
    tasks = build(spec, horizon)
    if method == OURS:
        found = solve_without_memory(tasks, tolerance=TOLERANCE)
        return 1 + found.value.lower, 1 + found.value.upper, found.method
    marked = success_tasks(tasks)
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, marked.optimum, None)
    direction = loss.nominal.direction / loss.nominal.direction.max()
    options = {**ANCHORS[method], "time_limit": limit}
    attempts = [Attempt(method, "HIGHS", {"highs_options": options})]
    best = FlowProgram(marked).solve(
        loss, np.zeros(len(direction)), direction, tolerance=TOLERANCE, attempts=attempts
    )
    return 1 + best.lower, 1 + best.upper, method


def run_once(name: str, method: str, limit: float) -> dict[str, Any]:
    """Solve a row once by one method and return a line of the table."""
    spec, horizon = ROWS[name]
    _warm(method)
    began, busy = time.perf_counter(), time.process_time()
    line: dict[str, Any] = {"row": name, "cmp": spec, "horizon": horizon, "method": method}
    lower, upper, how = solve(spec, horizon, method, limit)
    return line | {
        "seconds": round(time.perf_counter() - began, 3),
        "processor_seconds": round(time.process_time() - busy, 3),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
        "lower": lower,
        "upper": upper,
        "relative_gap": (upper - lower) / lower,
        "how": how,
    }


def _warm(method: str) -> None:
    """Load solvers and compiled kernels."""
    solve("grid:3x3,slip=1/10", 6, method, 10.0)
    if method == OURS:
        from metaregret.tabular.matching import matching_policy
        from metaregret.tabular.response import best_responses, mixed_policy

        process = make("line:3").replaced(horizon=2)
        mixed_policy([best_responses(process, np.eye(3), compiled=True)], np.full(3, 1 / 3))
        matching_policy(process, np.full(3, 1 / 3))


def measure(name: str, method: str, limit: float) -> dict[str, Any]:
    """Run one line in a process of its own; what does not finish is a line without a bracket."""
    command = [sys.executable, "-m", "benchmarks.minimax", "--one", name, method, str(limit)]
    allowed = 3 * limit + 60 if method != OURS else 10 * limit
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=allowed)
        if done.returncode == 0:
            return dict(json.loads(done.stdout.splitlines()[-1]))  # solvers print, too
        why = done.stderr.strip().splitlines()[-1]
    except subprocess.TimeoutExpired:
        why = "stopped"
    spec, horizon = ROWS[name]
    return {"row": name, "cmp": spec, "horizon": horizon, "method": method, "how": f"no answer: {why}"[:200]}


def ratio(ours: dict[str, Any], line: dict[str, Any], limit: float) -> str:
    """Return an anchor's processor seconds over ours; a lower bound where it gave no bracket in its limit."""
    if "relative_gap" not in ours:
        return ""
    solved = line.get("relative_gap", np.inf) <= TOLERANCE
    seconds = line["processor_seconds"] if solved else max(limit, line.get("processor_seconds", 0.0))
    return f"{'' if solved else '> '}{seconds / ours['processor_seconds']:.1f}"


def growth(lines: list[dict[str, Any]], rows: dict[str, Any]) -> float | None:
    """Return the slope of log processor seconds against log states over the rows that were solved."""
    points = [
        (np.log(float(line["row"].rsplit("-", 1)[1])), np.log(line["processor_seconds"]))
        for line in lines
        if line["row"] in rows and line["method"] == OURS and "relative_gap" in line
    ]
    if len(points) < 2:
        return None
    x, y = np.array(points).T
    return float(np.polyfit(x, y, 1)[0]) / (2.0 if rows is GRIDS else 1.0)


def main() -> None:
    """Parse the command line, run, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS), metavar="ROW")
    parser.add_argument("--anchors", nargs="*", choices=list(ANCHORS), default=list(ANCHORS)[:2])
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of an anchor (default 60)")
    parser.add_argument("--append", action="store_true", help="add to the table instead of replacing it")
    parser.add_argument("--one", nargs=3, metavar=("ROW", "METHOD", "LIMIT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_once(options.one[0], options.one[1], float(options.one[2]))))
        return
    lines: list[dict[str, Any]] = []
    for name in options.rows:
        ours = measure(name, OURS, options.limit)
        lines.append(ours | {"ratio": "1"})
        for anchor in options.anchors:
            line = measure(name, anchor, options.limit)
            lines.append(line | {"ratio": ratio(ours, line, options.limit)})
        for line in lines[-1 - len(options.anchors) :]:
            show(line)
        save(lines, append=options.append)
    for family, rows in (("grids", GRIDS), ("garnets", GARNETS)):
        slope = growth(lines, rows)
        if slope is not None:
            print(f"{family}: seconds grow as states to the power {slope:.2f}")


def show(line: dict[str, Any]) -> None:
    """Print one line of the table."""
    name = f"{line['row']:<15} {line['method']:<21}"
    if "relative_gap" not in line:
        print(f"{name} {line['how']}  ratio {line['ratio']}", flush=True)
        return
    print(
        f"{name} {line['seconds']:9.2f} s wall {line['processor_seconds']:9.2f} s processor "
        f"{line['peak_gib']:6.2f} GiB  1 + Reg* in [{line['lower']:.8f}, {line['upper']:.8f}] "
        f"gap {line['relative_gap']:.1e}  ratio {line['ratio']}  {line['how']}",
        flush=True,
    )


FIELDS = (
    "row", "cmp", "horizon", "method", "seconds", "processor_seconds", "peak_gib", "lower", "upper",
    "relative_gap", "ratio", "how",
)  # fmt: skip


def save(lines: list[dict[str, Any]], *, append: bool) -> None:
    """Write the table; with `append`, rows that were not run again stay."""
    kept: list[dict[str, Any]] = []
    run = {(line["row"], line["method"]) for line in lines}
    if append and RESULTS.exists():
        with RESULTS.open(newline="") as stream:
            kept = [line for line in csv.DictReader(stream) if (line["row"], line["method"]) not in run]
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(kept + lines)


if __name__ == "__main__":
    main()
