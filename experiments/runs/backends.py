"""Ways to measure many points: in this process, on all cores (joblib), on a cluster (Dask).

Each takes an iterator of jobs, from which it draws only as many as it can keep busy, and yields measurements
as they arrive. Drawing a job claims it, so few claims are open at any moment. Workers that are lost on the
way are named in the last argument.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cache, partial
from itertools import groupby, islice
from typing import Any, TypeAlias

from metaregret.experiments.runs.job import Job, Measurement, measure
from metaregret.tabular.errors import InvalidArgumentError, MissingExtraError, SolverError

__all__ = ["BACKENDS", "Backend", "begin"]

Backend: TypeAlias = Callable[[Iterator[Job], int, str | None, list[str]], Iterator[Measurement]]
Measured: TypeAlias = list[Measurement]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables that keep a worker to one thread."""


def _loky(jobs: Iterator[Job], workers: int, scheduler: str | None, lost: list[str]) -> Iterator[Measurement]:
    """Measure in `workers` processes of this machine. One of them is this process, as another one begins with
    seconds of imports; it measures in a thread, so that what the others found is stored meanwhile."""
    if workers == 1:
        yield from map(measure, jobs)
        return
    # A worker whose memory has grown is replaced between two points, and nothing is lost.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    others, measure_all = _others(workers), partial(_measure_all, _compiled())
    groups = (tuple(group) for _, group in groupby(jobs, lambda job: job.group or job.id))
    there, here = set[Future[Measured]](), set[Future[Measured]]()
    try:
        while True:
            here |= {_aside(measure_all, group) for group in islice(groups, 1 - len(here))}
            waiting = 2 * (workers - 1) - len(there)
            there |= {others.submit(measure_all, group) for group in islice(groups, waiting)}
            if not there | here:
                return
            done = wait(there | here, return_when=FIRST_COMPLETED).done
            there, here = there - done, here - done
            for future in done:
                yield from future.result()
    except BaseException:  # after a failure or an interrupt nobody waits for what the others are doing
        others.shutdown(kill_workers=True)
        raise


def begin(workers: int, *modules: str) -> Callable[[], None]:
    """Start the processes that are to measure with this one; they import modules while this one does.

    Returns
    -------
    callable
        Ends them at once, which takes less time than to wait for them when this process ends.
    """
    for _ in range(workers - 1):
        _others(workers).submit(_import, modules)
    return partial(_others(workers).shutdown, kill_workers=True) if workers > 1 else lambda: None


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _others(workers: int) -> Any:
    from joblib.externals.loky import get_reusable_executor

    same = (os.getpid(), gc.get_threshold())
    alone = {"initializer": _follow, "initargs": same, "env": dict.fromkeys(THREADS, "1")}
    return get_reusable_executor(workers - 1, timeout=300, **alone)


def _measure_all(compiled: str, jobs: Sequence[Job]) -> Measured:
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", compiled)
    return [measure(job) for job in jobs]


def _aside(work: Callable[[Sequence[Job]], Measured], jobs: Sequence[Job]) -> Future[Measured]:
    """Do it in a thread that keeps no interrupted program from ending."""
    future = Future[Measured]()

    def run() -> None:
        try:
            future.set_result(work(jobs))
        except BaseException as error:  # of a fatal job: it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


@cache
def _compiled() -> str:
    """Make a folder where workers find what another one has compiled; it goes when this process ends."""
    folder = tempfile.mkdtemp(prefix="metaregret-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _follow(parent: int, threshold: tuple[int, int, int]) -> None:
    """Watch the parent from now on: idle workers of a killed process would stay for minutes."""
    gc.set_threshold(*threshold)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _dask(jobs: Iterator[Job], workers: int, scheduler: str | None, lost: list[str]) -> Iterator[Measurement]:
    """Measure on a Dask cluster; without an address, on a local one of `workers` processes.

    A worker that dies loses nothing: the scheduler gives its points to the others.
    """
    try:
        from distributed import Client, KilledWorker, LocalCluster, as_completed
    except ImportError:
        raise MissingExtraError(
            "The dask backend needs Dask; install it with: pip install 'metaregret[dask]'"
        ) from None
    cluster = None

    def notice(event: tuple[float, object]) -> None:
        said = event[1]
        if isinstance(said, dict) and said.get("action") == "remove-worker" and not said.get("expected"):
            lost.append(str(said["worker"]))

    try:
        if scheduler is None:
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
        with Client(cluster if scheduler is None else scheduler, timeout=20) as client:
            client.subscribe_topic("all", notice)
            width = 2 * max(1, sum(client.nthreads().values()))
            running = as_completed()
            for job in _take(jobs, width):
                running.add(client.submit(measure, job, pure=False))
            for future in running:
                yield future.result()
                for job in _take(jobs, 1):
                    running.add(client.submit(measure, job, pure=False))
    except (KilledWorker, OSError, RuntimeError, ValueError) as error:  # time-outs and addresses among them
        if scheduler is None or not isinstance(error, (OSError, ValueError)):
            raise _broken(error) from error
        raise InvalidArgumentError(
            f"Cannot reach the Dask scheduler at {scheduler}: {error}; check the address."
        ) from None
    finally:
        if cluster is not None:
            cluster.close()


def _broken(error: Exception) -> SolverError:
    return SolverError(
        f"The Dask cluster failed: {type(error).__name__}: {error}; what was measured is kept, so "
        "run again, with fewer workers if they lack memory."
    )


def _take(jobs: Iterator[Job], count: int) -> Iterator[Job]:
    for _ in range(count):
        job = next(jobs, None)
        if job is None:
            return
        yield job


BACKENDS: dict[str, Backend] = {"loky": _loky, "dask": _dask}
