"""Measure what a store does not have yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from metaregret.experiments.sweeps.backends import BACKENDS
from metaregret.experiments.sweeps.measurement import Job
from metaregret.experiments.sweeps.store import Store
from metaregret.experiments.sweeps.study import Sweep
from metaregret.tabular.errors import InvalidArgumentError, SolverError

__all__ = ["Outcome", "run"]

POLL = 0.3
"""Seconds between two looks at points that another process is measuring."""


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes
    ----------
    points : int
        Number of points of the sweeps.
    measured : int
        Those measured by this run; the others were there, or were measured by another process meanwhile.
    seconds : float
    """

    points: int
    measured: int
    seconds: float


def run(
    sweeps: Sequence[Sweep],
    store: Store,
    *,
    workers: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Measure the points of `sweeps` that `store` does not have; return when it has all of them.

    Points that another living process is measuring into the same store are waited for; those of a process
    that died are measured again.

    Parameters
    ----------
    sweeps : sequence of Sweep
    store : Store
    workers : int
    backend : {"loky", "dask"}
    scheduler : str, optional
        Address of a running Dask scheduler.
    progress : callable, optional
        Called with the number of points that are done, whoever measured them.

    Raises
    ------
    InvalidArgumentError
        If there is no such backend.
    SolverError
        If a measurement failed, after all others are done; the message names the first.
    """
    if backend not in BACKENDS:
        raise InvalidArgumentError(f"Unknown backend {backend!r}; there are {', '.join(BACKENDS)}.")
    began = time.perf_counter()
    jobs = {
        name: Job(name, sweep.study, point, sweep.seed)
        for sweep in sweeps
        for name, point in zip(sweep.ids, sweep.points, strict=True)
    }
    failed: dict[str, str] = {}
    measured = 0

    def claimed(waiting: Sequence[str]) -> Iterator[Job]:
        for name in waiting:
            if store.claim(jobs[name]):
                yield jobs[name]

    while waiting := [name for name in store.missing(list(jobs)) if name not in failed]:
        before = measured
        if progress is not None:
            progress(len(jobs) - len(waiting))
        mine = claimed(waiting)
        first = next(mine, None)
        if first is None:  # all are with other processes
            time.sleep(POLL)
            continue
        for measurement in BACKENDS[backend](chain([first], mine), workers, scheduler):
            store.insert(measurement)
            measured += 1
            if measurement.error is not None:
                failed[measurement.job.id] = measurement.error
            if progress is not None:
                progress(len(jobs) - len(waiting) + measured - before)
    if failed:
        job = jobs[next(iter(failed))]
        raise SolverError(
            f"{len(failed)} of {len(jobs)} points failed; the first, of {job.study.name} at "
            f"{dict(job.point)}: {failed[job.id]}"
        )
    return Outcome(len(jobs), measured, time.perf_counter() - began)
