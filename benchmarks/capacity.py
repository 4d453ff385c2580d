"""Channel capacity against plain Blahut-Arimoto, interleaved in one process.

    python -m benchmarks.capacity --csv benchmarks/results/capacity.csv

Every channel is solved to a certified gap of 1e-9 nats by ``channel_capacity`` (validation and certificate
included, best and median of the repeats) and by plain Blahut-Arimoto, given as a bare loop of two products
and one exponential per step, without validation and without the rounding allowance: the comparison favours
it. It gets a time limit; where that comes first, its gap at the time is reported and the ratio reads
"at least". Seconds are CPU seconds of the process, all threads together: other work on the machine does not
count, and ``OMP_NUM_THREADS=1`` makes them those of one core. They drift with the machine, ratios less.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import scipy.sparse
from numpy.typing import NDArray

from metaregret.tabular.documents import write_text
from metaregret.theory.information import channel_capacity

GAP = 1e-9


@dataclass(frozen=True)
class Row:
    """One channel: CPU seconds of both methods, and whether the slower one finished."""

    channel: str
    ours_median: float
    ours_best: float
    ours_gap: float
    ours_iterations: int
    method: str
    plain_seconds: float
    plain_gap: float
    plain_iterations: int
    plain_finished: bool

    @property
    def ratio(self) -> float:
        """How many times faster, at the median; a lower bound unless `plain_finished`."""
        return self.plain_seconds / self.ours_median


def plain_blahut_arimoto(channel: Any, limit: float) -> tuple[float, float, int]:
    """Return CPU seconds, gap and steps of the textbook loop, stopped at `GAP` or after `limit` seconds."""
    started = time.process_time()
    entropies = -_plogp_sums(channel)
    p = np.full(channel.shape[0], 1.0 / channel.shape[0])
    steps = 0
    while True:
        divergences = -entropies - channel @ np.log(channel.T @ p)
        gap = float(divergences.max() - p @ divergences)
        seconds = time.process_time() - started
        if gap <= GAP or seconds > limit:
            return seconds, gap, steps
        p *= np.exp(divergences)
        p /= p.sum()
        steps += 1


def measure(name: str, channel: Any, repeats: int, limit: float) -> Row:
    """Time both methods on one channel, alternating; a plain loop that ran out of time is not repeated."""
    ours: list[float] = []
    plain: list[tuple[float, float, int]] = []
    for repeat in range(repeats):
        started = time.process_time()
        solved = channel_capacity(channel, tolerance=GAP)
        ours.append(time.process_time() - started)
        if repeat == 0 or plain[0][1] <= GAP:
            plain.append(plain_blahut_arimoto(channel, limit))
    return Row(
        channel=name,
        ours_median=statistics.median(ours),
        ours_best=min(ours),
        ours_gap=solved.capacity.gap,
        ours_iterations=solved.iterations,
        method=solved.method,
        plain_seconds=statistics.median(seconds for seconds, _, _ in plain),
        plain_gap=plain[0][1],
        plain_iterations=plain[0][2],
        plain_finished=plain[0][1] <= GAP,
    )


def channels(large: bool) -> dict[str, Callable[[], Any]]:
    """Return the channels by name, built on demand so that one is in memory at a time."""
    cases: dict[str, Callable[[], Any]] = {
        "random 1000 x 1000": lambda: _random(1000, 1000),
        "random 3000 x 1000": lambda: _random(3000, 1000),
        "peaked 1000 x 1000": lambda: _random(1000, 1000, power=6),
        "rows within 1e-2 of one another": lambda: _near_one_row(1e-2),
        "rows within 1e-4 of one another": lambda: _near_one_row(1e-4),
        "each row twice, 1e-9 apart": lambda: _twice(1e-9),
        "each row twice, 1e-3 apart": lambda: _twice(1e-3),
        "identity with 10 % noise": lambda: 0.9 * np.eye(1000) + 0.1 * _random(1000, 1000),
        "sparse 20000 x 2000, 5 a row": lambda: _sparse(20_000, 2_000, 5),
    }
    if large:
        cases["sparse 100000 x 10000, 5 a row"] = lambda: _sparse(100_000, 10_000, 5)
    return cases


def main() -> None:
    """Run the benchmark and print one line per channel."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the measurements to this file")
    parser.add_argument("--repeats", type=int, default=5, help="runs of ours per channel (default 5)")
    parser.add_argument(
        "--limit", type=float, default=10.0, help="CPU seconds granted to the plain loop (default 10)"
    )
    parser.add_argument("--large", action="store_true", help="also the sparse channel of 100000 x 10000")
    parser.add_argument("--csv", type=Path, help="write one line a channel to this file")
    arguments = parser.parse_args()

    channel_capacity(_random(50, 50))  # imports and thread pools are not what is measured
    print(f"{'channel':34} {'ours':>9} {'gap':>8} {'plain':>9} {'gap':>8} {'ratio':>15}")
    rows = []
    for name, build in channels(arguments.large).items():
        row = measure(name, build(), arguments.repeats, arguments.limit)
        rows.append(row)
        ratio = f"{'' if row.plain_finished else 'at least '}{row.ratio:.1f}"
        print(
            f"{name:34} {row.ours_median:8.4f}s {row.ours_gap:8.1e} {row.plain_seconds:8.3f}s "
            f"{row.plain_gap:8.1e} {ratio:>15}",
            flush=True,
        )
    if arguments.csv:
        write_text(arguments.csv, as_csv(rows))
    if arguments.json:
        document = {
            "gap": GAP,
            "environment": _environment(),
            "rows": [asdict(r) | {"ratio": r.ratio} for r in rows],
        }
        write_text(arguments.json, json.dumps(document, indent=2) + "\n")


def as_csv(rows: Sequence[Row]) -> str:
    """Return the measurements and the machine as a table, one line a channel."""
    lines = [asdict(row) | {"ratio": row.ratio, "asked_gap": GAP} | _environment() for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _environment() -> dict[str, str | int | None]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }


def _normalised(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return result


def _random(inputs: int, outputs: int, power: int = 1, seed: int = 0) -> NDArray[np.float64]:
    return _normalised(np.random.default_rng(seed).exponential(size=(inputs, outputs)) ** power)


def _near_one_row(closeness: float) -> NDArray[np.float64]:
    return (1.0 - closeness) / 1000 + closeness * _random(1000, 1000)


def _twice(closeness: float) -> NDArray[np.float64]:
    once = _random(500, 1000)
    return np.vstack([once, (1.0 - closeness) * once + closeness * _random(500, 1000, seed=1)])


def _sparse(inputs: int, outputs: int, nonzeros: int) -> Any:
    generator = np.random.default_rng(0)
    weights = _normalised(generator.exponential(size=(inputs, nonzeros)))
    columns = generator.integers(0, outputs, size=(inputs, nonzeros))
    rows = np.repeat(np.arange(inputs), nonzeros)
    matrix = scipy.sparse.csr_array((weights.ravel(), (rows, columns.ravel())), shape=(inputs, outputs))
    return matrix[:, np.flatnonzero(matrix.sum(axis=0))]


def _plogp_sums(channel: Any) -> NDArray[np.float64]:
    if isinstance(channel, np.ndarray):
        logarithms = np.log(channel, out=np.zeros_like(channel), where=channel > 0.0)
        return np.asarray(np.einsum("xy,xy->x", channel, logarithms))
    products = channel.copy()
    products.data = channel.data * np.log(channel.data)
    return np.asarray(products.sum(axis=1))


if __name__ == "__main__":
    main()
