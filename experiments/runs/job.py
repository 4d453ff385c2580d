"""One piece of work whose result is kept: what it depends on, and how to do it, in whatever process.

Every job has an identifier that is a hash of all that its result depends on: name, version, point and seed.
The position of a job in a list means nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from metaregret.tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np
    from threadpoolctl import ThreadpoolController

__all__ = ["Job", "Measurement", "Point", "identifier", "measure"]

Point: TypeAlias = Mapping[str, Any]
"""The parameters of one job: strings, finite numbers, bools and None."""


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Attributes
    ----------
    name : str
        What is measured: a study, or a claim.
    version : int
    point : mapping
        The parameters, see `Point`.
    seed : int
    work : callable
        ``work(point, generator)`` returns JSON objects, one per row. It depends on nothing but its arguments.
    fatal : bool
        Whether an exception ends the run at once, rather than being a result of which the run tells at its
        end.
    group : str
        Jobs in a row with the same group go to one worker, which has in memory what they share; "" for none.
    """

    name: str
    version: int
    point: Point
    seed: int
    work: Callable[[Point, np.random.Generator], Sequence[Mapping[str, Any]]]
    fatal: bool = False
    group: str = ""

    @cached_property
    def id(self) -> str:
        """The identifier."""
        return identifier(self.name, self.version, self.point, self.seed)


@dataclass(frozen=True)
class Measurement:
    """What a job gave.

    Attributes
    ----------
    job : Job
    rows : sequence of mappings
        Empty if it failed.
    error : str or None
        Type, message and place of the exception, if it failed.
    seconds : float
    peak_bytes : int
        Largest resident memory of the measuring process (during this job on Linux, where the mark can be
        reset; since its start elsewhere).
    """

    job: Job
    rows: Sequence[Mapping[str, Any]]
    error: str | None
    seconds: float
    peak_bytes: int


def identifier(name: str, version: int, point: Point, seed: int, where: str = "point") -> str:
    """Return 32 hexadecimal digits of a SHA-256 hash of all that a result depends on.

    Raises
    ------
    InvalidArgumentError
        If the point is not a flat mapping of finite JSON scalars.
    """
    if not isinstance(point, Mapping):
        raise InvalidArgumentError(f"{name}: {where} is a {type(point).__name__}; expected a mapping.")
    for key, value in point.items():
        if not isinstance(key, str) or not isinstance(value, str | int | float | bool | None):
            raise InvalidArgumentError(
                f"{name}: {where}[{key!r}] = {value!r} is a {type(value).__name__}; "
                "expected a string, number or bool."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidArgumentError(
                f"{name}: {where}[{key!r}] = {value} is not finite; use a string or None for infinity."
            )
    text = json.dumps([name, version, point, seed], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def measure(job: Job) -> Measurement:
    """Do a job on one thread, so that the result does not depend on the number of cores.

    The random generator depends on the identifier only.
    """
    import numpy as np

    began = time.perf_counter()
    rows: Sequence[Mapping[str, Any]] = []
    error = None
    _reset_peak()
    try:
        with _thread_pools(len(sys.modules)).limit(limits=1):
            rows = job.work(job.point, np.random.default_rng(int(job.id, 16)))
    except Exception as reason:  # whatever a study raises is data of the sweep; the other points go on
        if job.fatal:
            raise
        place = traceback.extract_tb(reason.__traceback__)[-1]
        error = f"{type(reason).__name__}: {reason} ({Path(place.filename).name}, line {place.lineno})"
    return Measurement(job, rows, error, time.perf_counter() - began, _peak())


@lru_cache(maxsize=1)
def _thread_pools(modules: int) -> ThreadpoolController:
    """The thread pools of all that is loaded: looked for only when there are more modules."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


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
