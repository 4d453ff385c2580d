"""The planner against its peers: ``python -m benchmarks.planning [--short] [--rounds N] --json FILE``.

Every case builds one model; all solvers that are installed get it in their own form, run once untimed
(compilation), and are then timed in turns, so that a slow minute of the machine falls on all of them. Answers
are checked against the mean of our certified bounds computed to a much finer tolerance. Printed and saved:
median seconds, ratios to the fastest peer, true errors, extra peak memory, share of the measured memory
bandwidth, and how the cost grows with size.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.planning_goals import measure_goals
from benchmarks.planning_models import CASES, Case, _garnet
from benchmarks.planning_peers import ERROR, SOLVERS, available
from tabular.engine import solve
from tabular.errors import ConvergenceError

__all__ = ["main"]


def reference(case: Case) -> np.ndarray:
    """Values to a finer tolerance than anything is asked for, by another method where there is one."""
    process, rewards = case.data
    question = dict(case.question)
    if question["objective"] == "finite":
        return solve(process, rewards, keep_policy=False, **question).values
    if question["objective"] == "total":
        side = round(process.n_states**0.5)
        y, x = np.divmod(np.arange(process.n_states), side)
        return (2.0 * (side - 1) - x - y).astype(float)
    for tolerance in (1e-12, 4e-12, 2e-11, 1e-10):
        try:
            method = "auto" if "grid" in case.name else "value-iteration"
            return solve(process, rewards, tolerance=tolerance, method=method, **question).values
        except ConvergenceError:
            continue
    raise RuntimeError(f"no reference for {case.name}")


def measure(case: Case, rounds: int, peers: Sequence[str]) -> dict[str, Any]:
    """Time one case; see the module's description."""
    names = ["metaregret", *(name for name in case.peers if name in peers and available(name))]
    truth = reference(case)
    start = time.perf_counter()
    prepared = {name: SOLVERS[name][1](case) for name in names}
    preparing = time.perf_counter() - start
    first: dict[str, float] = {}
    errors: dict[str, float] = {}
    for name, run in prepared.items():
        start = time.perf_counter()
        errors[name] = float(np.abs(run() - truth).max())
        first[name] = time.perf_counter() - start
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, run in prepared.items():
            times[name].append(_timed(run))
    seconds = {name: float(np.median(value)) for name, value in times.items()}
    return {
        "case": case.name,
        "note": case.note,
        "states": case.data[0].n_states,
        "transitions": case.data[0].n_transitions,
        "seconds": seconds,
        "all_seconds": times,
        "first_call": first,
        "errors": errors,
        "required": case.required,
        "missing": [name for name in case.peers if name not in names],
        "preparing": preparing,
    }


def _timed(run: Callable[[], object]) -> float:
    """Seconds of one call; short calls are repeated to fill two milliseconds."""
    start = time.perf_counter()
    run()
    once = time.perf_counter() - start
    if once > 2e-3:
        return once
    count = int(2e-3 / max(once, 1e-6)) + 1
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count


# -------------------------------------------------------------------------------- memory and growth


def _memory_child(states: int, answer: Any) -> None:
    """Build a model in a fresh process, solve it, and report bytes of the model and of the peak above it."""
    small, paid = _garnet(1000)()
    solve(small, paid, objective="discounted", gamma=0.99)
    process, rewards = _garnet(states)()
    # Building leaves a peak and freed pages behind; without them the solver's own peak can be seen.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    solve(process, rewards, objective="discounted", gamma=0.99, tolerance=1e-10)
    arrays = (process.choice_offsets, process.choice_action, process.offsets, process.successors)
    model = sum(array.nbytes for array in arrays) + process.probabilities.nbytes + rewards.nbytes
    answer.put({"model_bytes": model, "extra_bytes": max(0, _resident("VmHWM") - before)})


def _resident(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure_memory(states: int) -> dict[str, Any] | None:
    """Extra peak memory of a solve as a multiple of the model's own arrays (Linux only)."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    child = context.Process(target=_memory_child, args=(states, answer))
    child.start()
    result: dict[str, Any] = answer.get(timeout=600)
    child.join()
    return {"states": states, **result, "ratio": result["extra_bytes"] / result["model_bytes"]}


def measure_bandwidth() -> float:
    """Bytes per second of a sequential read that exceeds every cache, best of five."""
    data = np.ones(2**26)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        float(data.sum())
        best = min(best, time.perf_counter() - start)
    return data.nbytes / best


def measure_growth(sizes: Sequence[int], rounds: int) -> list[dict[str, float]]:
    """Seconds and sweeps by number of states, and the share of the bandwidth that the full backups reach."""
    bandwidth = measure_bandwidth()
    records = []
    for states in sizes:
        process, rewards = _garnet(states)()
        found = solve(process, rewards, objective="discounted", gamma=0.99, tolerance=1e-10)
        seconds = min(
            _timed(partial(solve, process, rewards, objective="discounted", gamma=0.99, tolerance=1e-10))
            for _ in range(rounds)
        )
        bytes_per_backup = process.n_transitions * 12 + process.n_choices * 8 + process.n_states * 32
        sweep = _sweep_seconds(states, process, rewards, rounds)
        records.append(
            {
                "states": states,
                "seconds": seconds,
                "nanoseconds_per_transition": seconds / process.n_transitions * 1e9,
                "backups": found.iterations,
                "backup_seconds": sweep,
                "bandwidth_share": bytes_per_backup / sweep / bandwidth,
            }
        )
    return records


def _sweep_seconds(states: int, process: Any, rewards: np.ndarray, rounds: int) -> float:
    from tabular.engine.layout import frozen, rows_of
    from tabular.engine.operator import Operator

    operator = Operator(rows_of(process), None, frozen(rewards), 0.99)
    values = np.random.default_rng(0).random(states)
    return min(_timed(lambda: np.array(operator.backup(values))) for _ in range(max(3, rounds)))


# -------------------------------------------------------------------------------- report


def table(records: Sequence[dict[str, Any]]) -> str:
    """Render the comparison as text."""
    lines = [
        f"{'case':24} {'ours [s]':>10} {'fastest peer':>18} {'[s]':>10} {'ratio':>7} {'asked':>6} "
        f"{'error':>8}"
    ]
    for record in records:
        seconds = dict(record["seconds"])
        mine = seconds.pop("metaregret")
        right = {
            name: value for name, value in seconds.items() if record["errors"].get(name, 0.0) <= 2 * ERROR
        }
        name = min(right, key=right.__getitem__, default="-")
        ratio = right[name] / mine if right else float("nan")
        wrong = ", ".join(
            f"{peer} off by {record['errors'][peer]:.1e}" for peer in seconds if peer not in right
        )
        record["fastest_peer"], record["ratio"] = name, ratio
        lines.append(
            f"{record['case']:24} {mine:10.5f} {name:>18} {right.get(name, float('nan')):10.5f} {ratio:7.2f} "
            f"{record['required'] or 0:6.1f} {record['errors']['metaregret']:8.1e}"
            + (f"  ({wrong})" if wrong else "")
            + (f"  [missing: {', '.join(record['missing'])}]" if record["missing"] else "")
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit status 1 if one of our answers is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--short", action="store_true", help="small cases, one round (for CI)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds a case")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--peers", default=",".join(SOLVERS), help="comma-separated peers to run")
    parser.add_argument("--json", type=Path, help="where to save all numbers")
    options = parser.parse_args(arguments)
    rounds = 1 if options.short else options.rounds
    peers = options.peers.split(",")
    records = []
    for case in CASES:
        if options.only in case.name and (case.short or not options.short):
            records.append(measure(case, rounds, peers))
            case.release()
            print(table(records[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    if options.only in "goals":
        records += measure_goals(rounds, 12 if options.short else 30, available("quantecon-finite"))
    result: dict[str, Any] = {
        "format": "metaregret-planning-benchmark/1",
        "machine": {"cpu": platform.processor(), "cores": os.cpu_count(), "load": os.getloadavg()},
        "cases": records,
    }
    print(table(records))
    if options.only in "growth":
        sizes = (1000, 10_000) if options.short else (1000, 10_000, 100_000, 1_000_000)
        result["growth"] = measure_growth(sizes, rounds)
        for row in result["growth"]:
            print("growth: " + ", ".join(f"{key} {value:.4g}" for key, value in row.items()))
    if options.only in "memory":
        result["memory"] = measure_memory(100_000 if options.short else 1_000_000)
        print(f"memory: {result['memory']}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return int(any(record["errors"]["metaregret"] > ERROR for record in records))


if __name__ == "__main__":
    sys.exit(main())
