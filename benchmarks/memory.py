"""Learners with memory: the decomposition against HiGHS on the program over hyperstates, and its growth.

    python -m benchmarks.memory                 all of it, about two minutes
    python -m benchmarks.memory --sizes 9 13    the decomposition only, on these lines (n states, N = n)

The line of ``n`` states from the middle, ``T = n - 1`` steps. Every size runs in a process of its own, so
that its peak memory is its own; compilation happens before the clock starts. ``benchmarks/results`` gets one
row for each run: seconds, cost of a round and of an edge in processor time (summed over threads, which a
busy machine does not change much), peak memory, bounds, and the error against T12.
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

from benchmarks.hyperstate_program import solve_program
from metaregret.tabular.environments.line import line
from metaregret.theory.minimax.memory import memory_game, solve_memory
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.optimise import Attempt
from metaregret.theory.tasks import Detection, GoalTasks

RESULTS = Path(__file__).resolve().parent / "results"
Row = dict[str, Any]


def lines(states: int, detect: Detection = Detection.END) -> GoalTasks:
    """The benchmark's tasks."""
    return GoalTasks.reachable(line(states, start=states // 2, horizon=states - 1), detect)


def one_size(states: int, method: str) -> Row:
    """Solve one line by the decomposition (goals detected at the end or on the way) and return a row."""
    begun = time.perf_counter()
    for detection in Detection:
        solve_memory(GoalTasks.reachable(line(3, start=1, horizon=1), detection), 2)
    compiled = time.perf_counter() - begun
    detect = Detection(method)
    tasks = lines(states, detect)
    clock = Clock()
    solution = solve_memory(tasks, states)
    seconds = clock()
    error = abs(solution.value.midpoint - (states - 1) / 2) if detect is Detection.END else None
    return {
        **_row("decomposition", states, method, solution.size["edges"], seconds, solution.size["rounds"]),
        "lower": solution.value.lower,
        "upper": solution.value.upper,
        "error": error,
        "loading_seconds": round(compiled, 3),
    }


def full_graph(states: int, method: str) -> Row:
    """One oracle call on the graph of single steps, for the price of an edge without the collapse."""
    memory_game(lines(3), 2, Criterion.REGRET, 10**6, collapse=False).respond(np.full(3, 1 / 3))
    begun = time.perf_counter()
    game = memory_game(lines(states), states, Criterion.REGRET, 10**9, collapse=False)
    built = time.perf_counter() - begun
    clock = Clock()
    column = game.respond(np.full(states, 1.0 / states))
    seconds = clock()
    return {
        **_row("one response, single steps", states, "end", game.graph.size.edges, seconds, 1),
        "lower": column.lower,
        "error": abs(column.lower - (states - 1) / 2),
        "loading_seconds": round(built, 3),
    }


def program(states: int, method: str) -> Row:
    """HiGHS on the program over hyperstates, through cvxpy, build included."""
    solve_program(memory_game(lines(3), 2, Criterion.REGRET, 10**6, collapse=False))
    clock = Clock()
    game = memory_game(lines(states), states, Criterion.REGRET, 10**8, collapse=False)
    upper = solve_program(game, attempts=(Attempt("HiGHS", "HIGHS", {}),)).upper
    seconds = clock()
    return {
        **_row("HiGHS through cvxpy", states, "end", game.graph.size.edges, seconds, 1),
        "upper": upper,
        "error": abs(upper - (states - 1) / 2),
    }


class Clock:
    """Seconds since it was made: of the wall, and of the processor (all threads)."""

    def __init__(self) -> None:
        self.begun, self.busy = time.perf_counter(), time.process_time()

    def __call__(self) -> tuple[float, float]:
        return time.perf_counter() - self.begun, time.process_time() - self.busy


def _row(method: str, states: int, detect: str, edges: int, clock: tuple[float, float], rounds: int) -> Row:
    seconds, busy = clock
    return {
        "method": method,
        "states": states,
        "detect": detect,
        "edges": edges,
        "rounds": rounds,
        "seconds": round(seconds, 5),
        "processor_seconds": round(busy, 5),
        "ms_per_round": round(1e3 * busy / rounds, 4),
        "ns_per_edge_and_round": round(1e9 * busy / rounds / edges, 3),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
        "lower": None,
        "upper": None,
        "error": None,
        "loading_seconds": None,
    }


WORKERS = {"end": one_size, "visit": one_size, "steps": full_graph, "program": program}


def main() -> None:
    """Run what the command line asks for, print it and save it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", help="lines of the decomposition only")
    parser.add_argument("--one", nargs=2, metavar=("STATES", "WORK"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(WORKERS[arguments.one[1]](int(arguments.one[0]), arguments.one[1])))
        return
    plan = [(n, "end") for n in arguments.sizes or (5, 7, 9, 11, 13, 15)]
    if arguments.sizes is None:
        plan += [(n, "visit") for n in (9, 13, 17, 21)] + [(n, "steps") for n in (9, 11, 13)]
        plan += [(9, "program"), (9, "end")]
    rows = []
    for states, work in plan:
        command = [sys.executable, "-m", "benchmarks.memory", "--one", str(states), work]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        print({name: value for name, value in rows[-1].items() if value is not None}, flush=True)
    ours = [
        r["processor_seconds"]
        for r in rows
        if (r["method"], r["detect"], r["states"]) == ("decomposition", "end", 9)
    ]
    theirs = [r["processor_seconds"] for r in rows if r["method"] == "HiGHS through cvxpy"]
    if ours and theirs:
        print(f"HiGHS on the program takes {theirs[0] / max(ours):.0f} times the processor time (n = 9)")
    if arguments.sizes is None:
        RESULTS.mkdir(exist_ok=True)
        with (RESULTS / "memory.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
