"""Measure one point, in whatever process: its rows, seconds and peak memory, or what went wrong."""

from __future__ import annotations

import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from metaregret.experiments.sweeps.study import Point, Row, Study, rows_of

__all__ = ["Job", "Measurement", "measure"]


@dataclass(frozen=True)
class Job:
    """A point to be measured."""

    id: str
    study: Study
    point: Point
    seed: int


@dataclass(frozen=True)
class Measurement:
    """What measuring a point gave.

    Attributes
    ----------
    job : Job
    rows : list of rows
        Empty if it failed.
    error : str or None
        Type, message and place of the exception, if it failed.
    seconds : float
    peak_bytes : int
        Largest resident memory of the measuring process (during this measurement on Linux, where the mark can
        be reset; since its start elsewhere).
    """

    job: Job
    rows: list[Row]
    error: str | None
    seconds: float
    peak_bytes: int


def measure(job: Job) -> Measurement:
    """Measure a point on one thread, so that the result does not depend on the number of cores.

    The random generator depends on the identifier only, which is a hash of study, version, point and seed.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    began = time.perf_counter()
    rows: list[Row] = []
    error = None
    _reset_peak()
    try:
        with threadpool_limits(1):
            generator = np.random.default_rng(int(job.id, 16))
            rows = rows_of(job.study, job.point, job.study.measure(job.point, generator))
    except Exception as reason:  # whatever a study raises is data of the sweep; the other points go on
        place = traceback.extract_tb(reason.__traceback__)[-1]
        error = f"{type(reason).__name__}: {reason} ({Path(place.filename).name}, line {place.lineno})"
    return Measurement(job, rows, error, time.perf_counter() - began, _peak())


def _reset_peak() -> None:
    """Start the high-water mark of resident memory afresh, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak() -> int:
    """Return the high-water mark of resident memory of this process in bytes."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
