"""How the cost of a solve grows with the model: seconds, share of the memory bandwidth, peak memory."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit, prange

from benchmarks.planning_measure import OURS, timed
from benchmarks.planning_models import DISCOUNTED, Case, large_random_model, random_model
from benchmarks.planning_peers import SOLVERS, Prepared
from metaregret.tabular.engine import solve

__all__ = ["measure_bandwidth", "measure_growth", "measure_memory"]

TOLERANCE = 1e-10


@njit(parallel=True, fastmath=True)
def _read(data: np.ndarray) -> float:
    total = 0.0
    for item in prange(len(data)):
        total += data[item]
    return total


def measure_bandwidth() -> float:
    """Bytes per second of a sequential read on all cores that exceeds every cache, best of seven."""
    data = np.ones(2**26)
    best = np.inf
    for _ in range(8):  # the first compiles
        start = time.perf_counter()
        _read(data)
        best = min(best, time.perf_counter() - start)
    return data.nbytes / best


def measure_growth(sizes: Sequence[int], rounds: int, bandwidth: float) -> list[dict[str, Any]]:
    """Median seconds of a solve, and the share of the bandwidth that one full backup reaches, by size."""
    records = []
    for states in sizes:
        process, rewards = large_random_model(states)()
        question: dict[str, Any] = {**DISCOUNTED, "tolerance": TOLERANCE}

        def run(process: Any = process, rewards: Any = rewards, question: Any = question) -> np.ndarray:
            return solve(process, rewards, **question).values

        found = solve(process, rewards, **question)
        seconds = float(np.median([timed(Prepared(run)) for _ in range(rounds)]))
        records.append(
            {
                "states": states,
                "transitions": process.n_transitions,
                "seconds": seconds,
                "nanoseconds_per_transition": seconds / process.n_transitions * 1e9,
                "backups": found.iterations,
                **_backup(process, rewards, max(5, rounds), bandwidth),
            }
        )
    return records


def _backup(process: Any, rewards: np.ndarray, rounds: int, bandwidth: float) -> dict[str, float]:
    """Time full Bellman backups alone; every transition is 12 bytes, its value is read from the cache."""
    from metaregret.tabular.engine.layout import frozen, rows_of
    from metaregret.tabular.engine.operator import Operator

    operator = Operator(rows_of(process), None, frozen(rewards), 0.99)
    values = np.random.default_rng(0).random(process.n_states)
    run = Prepared(lambda: np.array(operator.backup(values)))
    seconds = float(np.median([timed(run) for _ in range(rounds)]))
    moved = process.n_transitions * 12 + process.n_choices * 8 + process.n_states * 32
    return {"backup_seconds": seconds, "bandwidth_fraction": moved / seconds / bandwidth}


# -------------------------------------------------------------------------------- peak memory


def _memory_child(states: int, contestant: str, answer: Any) -> None:
    """Build a model in a fresh process, solve it, and report bytes of the model and of the peak above it."""
    small = Case("warm-1e3", random_model(1000), DISCOUNTED, ())
    SOLVERS[contestant][1](small).solve()  # compile
    case = Case("memory", large_random_model(states), DISCOUNTED, ())
    process, rewards = case.data
    prepared = SOLVERS[contestant][1](case)
    # Building leaves a peak and freed pages behind; without them the solver's own peak can be seen.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    start = time.perf_counter()
    values = prepared.solve()
    seconds = time.perf_counter() - start
    extra = max(0, resident("VmHWM") - before)
    arrays = (process.choice_offsets, process.choice_action, process.offsets, process.successors)
    model = sum(array.nbytes for array in arrays) + process.probabilities.nbytes + rewards.nbytes
    answer.put(
        {
            "states": states,
            "contestant": contestant,
            "model_bytes": model,
            "extra_bytes": extra,
            "peak_bytes": resident("VmHWM"),
            "first_solve_seconds": seconds,
            "checksum": float(values.mean()),
        }
    )


def resident(field: str) -> int:
    """A size of this process in bytes: ``VmRSS`` now, ``VmHWM`` at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def measure_memory(states: int, contestant: str = OURS) -> dict[str, Any] | None:
    """Extra peak memory of one solve as a multiple of the model's own arrays, in a process of its own.

    None where the system cannot say (it needs Linux), or has less memory free than the model would take.
    """
    if not Path("/proc/self/clear_refs").exists() or available_bytes() < 1200 * states:
        return None
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    child = context.Process(target=_memory_child, args=(states, contestant, answer))
    child.start()
    result: dict[str, Any] = answer.get(timeout=1200)
    child.join()
    return {**result, "peak_memory_ratio": result["extra_bytes"] / result["model_bytes"]}


def available_bytes() -> int:
    """Memory that the system can still hand out."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0
