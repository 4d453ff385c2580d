"""A study whose measurements leave a trace outside the store; run as a program, it sweeps into a store."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.experiments.sweeps import Scale, Store, Study, Sweep, run

__all__ = ["sweep", "traces"]

COUNT = 40


def _points(scale: Scale, seed: int) -> list[Mapping[str, Any]]:
    return []


def _measure(point: Mapping[str, Any], generator: np.random.Generator) -> Mapping[str, float]:
    with Path(point["trace"]).open("a") as stream:
        stream.write(f"{point['i']}\n")  # one short write at the end of the file: atomic
    time.sleep(0.03)
    return {"x": generator.random()}


def sweep(trace: Path, count: int = COUNT) -> Sweep:
    """Return the sweep whose measurements each write their number into `trace` when they begin."""
    study = Study("slow", "slow", _points, _measure)
    return study.sweep(points=[{"i": i, "trace": str(trace)} for i in range(count)])


def traces(trace: Path) -> list[int]:
    """Return the numbers of the measurements that were begun, in order."""
    return [int(line) for line in trace.read_text().splitlines()] if trace.exists() else []


if __name__ == "__main__":
    with Store(Path(sys.argv[1])) as opened:
        run(sweep(Path(sys.argv[2])).jobs, opened, workers=int(sys.argv[3]))
