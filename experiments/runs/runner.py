"""Do the jobs that a store does not have yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from metaregret.experiments.runs.backends import BACKENDS
from metaregret.experiments.runs.job import Job
from metaregret.experiments.runs.store import Store
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
        Number of jobs.
    measured : int
        Those measured by this run; the others were there, or were measured by another process meanwhile.
    seconds : float
    lost : tuple of str
        Workers of a cluster that were lost meanwhile; others measured their points.
    """

    points: int
    measured: int
    seconds: float
    lost: tuple[str, ...] = ()


def run(
    jobs: Iterable[Job],
    store: Store,
    *,
    workers: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Do the jobs that `store` does not have, in their order; return when it has all of them.

    Jobs that another living process is doing for the same store are waited for; those of a process that died
    are done again.

    Parameters
    ----------
    jobs : iterable of Job
    store : Store
    workers : int
    backend : {"loky", "dask"}
    scheduler : str, optional
        Address of a running Dask scheduler.
    progress : callable, optional
        Called with the number of jobs that are done, whoever did them.

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
    named = {job.id: job for job in jobs}
    failed: dict[str, str] = {}
    measured, lost = 0, list[str]()

    def claimed(waiting: Sequence[str]) -> Iterator[Job]:
        for name in waiting:
            if store.claim(named[name]):
                yield named[name]

    while waiting := [name for name in store.missing(list(named)) if name not in failed]:
        before = measured
        if progress is not None:
            progress(len(named) - len(waiting))
        mine = claimed(waiting)
        first = next(mine, None)
        if first is None:  # all are with other processes
            time.sleep(POLL)
            continue
        for measurement in BACKENDS[backend](chain([first], mine), workers, scheduler, lost):
            store.insert(measurement)
            measured += 1
            if measurement.error is not None:
                failed[measurement.job.id] = measurement.error
            if progress is not None:
                progress(len(named) - len(waiting) + measured - before)
    if failed:
        job = named[next(iter(failed))]
        raise SolverError(
            f"{len(failed)} of {len(named)} points failed; the first, of {job.name} at "
            f"{dict(job.point)}: {failed[job.id]}"
        )
    return Outcome(len(named), measured, time.perf_counter() - began, tuple(lost))
