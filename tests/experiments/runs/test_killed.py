"""Sweeps that are killed, run twice at once, or lose a worker of a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from slow_study import COUNT, sweep, traces

from metaregret.experiments.sweeps import Store, run

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).with_name("slow_study.py")


def start(store: Path, trace: Path, workers: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(store), str(trace), str(workers)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stderr=subprocess.DEVNULL,
    )


def kill_after(program: subprocess.Popen[bytes], trace: Path, begun: int) -> None:
    """Kill with SIGKILL once so many measurements have begun, or let it end."""
    while len(traces(trace)) < begun and program.poll() is None:
        time.sleep(0.005)
    program.send_signal(signal.SIGKILL)
    program.wait()


def results(store: Path, trace: Path) -> dict[str, tuple[float, int]]:
    """What the store has: of each point the value, and how often its measurement was begun."""
    counts = Counter(traces(trace))
    with Store(store) as opened:
        assert opened.sound()
        return {r.id: (r.rows[0]["x"], counts[r.point["i"]]) for r in opened.records()}


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_lost_or_done_twice_by_sigkill(tmp_path: Path, workers: int) -> None:
    store, trace = tmp_path / "s.sqlite", tmp_path / "trace"
    before: dict[str, tuple[float, int]] = {}
    for begun in (1, 9, 14, 30):
        kill_after(start(store, trace, workers), trace, begun)
        now = results(store, trace)
        assert before.items() <= now.items()  # no result lost, changed or measured again
        before = now
    assert start(store, trace, workers).wait(60) == 0
    assert before.items() <= results(store, trace).items()
    with Store(store) as opened:
        records = opened.records()
    begun_again = len(traces(trace)) - COUNT
    assert len(records) == COUNT
    assert 0 <= begun_again <= 4 * (2 * workers + 2)  # what was in flight at each kill
    assert sum(record.starts - 1 for record in records) >= begun_again  # each is told as such


def test_two_at_once_share_the_points(tmp_path: Path) -> None:
    store, trace = tmp_path / "s.sqlite", tmp_path / "trace"
    both = [start(store, trace, 1) for _ in range(2)]
    assert [program.wait(120) for program in both] == [0, 0]
    assert sorted(traces(trace)) == list(range(COUNT))
    with Store(store) as opened:
        assert len(opened.records()) == COUNT


def test_the_trace_tells_a_repetition(tmp_path: Path) -> None:
    """Planted: a store that forgets its results makes everything run again, and the trace shows it."""
    trace = tmp_path / "trace"
    for name in ("a", "b"):
        with Store(tmp_path / name) as opened:
            run(sweep(trace, 3).jobs, opened)
    assert sorted(traces(trace)) == [0, 0, 1, 1, 2, 2]


def test_a_worker_of_the_cluster_dies(tmp_path: Path) -> None:
    from distributed import LocalCluster

    trace = tmp_path / "trace"
    killed: list[int] = []

    def kill_one(finished: int) -> None:
        if finished >= 10 and not killed:
            killed.append(cluster.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Store(tmp_path / "s.sqlite") as opened,
    ):
        done = run(
            sweep(trace).jobs, opened, backend="dask", scheduler=cluster.scheduler_address, progress=kill_one
        )
        assert killed
        assert done.measured == COUNT
        assert len(done.lost) == 1
        assert [record.point["i"] for record in opened.records(sweep(trace).ids)] == list(range(COUNT))
        assert opened.sound()
