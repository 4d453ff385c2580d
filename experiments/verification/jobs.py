"""The jobs of a verification run: one a method, one a theorem's planted errors, one a control, one a
process."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from metaregret.experiments.report import Row, atlas_row, control_row, planted_rows, process_row, theorem_row
from metaregret.experiments.verification.store import EvidenceStore, evidence_key
from metaregret.theory.claims import (
    Context,
    Control,
    Published,
    Theorem,
    claim,
    methods_of,
    planted_score,
    run_method,
    theorem_results,
    verify_control,
)

__all__ = ["PLANTED_INSTANCES", "Progress", "verify_all"]

PLANTED_INSTANCES = 20
"""Planted errors are tried on as many instances, however deep the run: a check that needs more to see a
wrong formula is a poor check."""

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
"""Wraps the results that come in, given their number: a progress bar, or nothing."""

Item = Theorem | Control | Published
"""What a run verifies."""


@dataclass(frozen=True)
class Job:
    """One piece of a run, small enough to be repeated if the run is killed.

    Attributes
    ----------
    kind : str
        ``"method"``, ``"planted"``, ``"control"`` or ``"process"``.
    name : str
        Identifier of the claim, or name of the process.
    method : str
        Name of the method, for the first kind.
    """

    kind: str
    name: str
    method: str = ""


def verify_all(
    items: Sequence[Item],
    processes: Sequence[str],
    context: Context,
    *,
    workers: int = 1,
    store: EvidenceStore | None = None,
    own: Item | None = None,
    own_code: str = "",
    progress: Progress = lambda results, total: results,
) -> tuple[dict[str, Row], int]:
    """Verify claims, and the main claim on named processes.

    Parameters
    ----------
    items : sequence of Theorem, Control or Published
        Of the project: workers find them by identifier.
    processes : sequence of str
        Names of processes of the context's zoo.
    context : Context
    workers : int
        Processes to use.
    store : EvidenceStore, optional
        Where evidence is looked up, and kept as it is made.
    own : Theorem, Control or Published, optional
        A claim from outside the project; it runs in this process.
    own_code : str
        The text of its file, on which its evidence depends.
    progress : callable
        Wraps the results that come in.

    Returns
    -------
    rows : dict
        By identifier or name, in the order of the arguments, whatever finished first.
    resumed : int
        How many results came from the store.
    """
    chosen = [*items, *([own] if own is not None else [])]
    jobs = [job for item in chosen for job in _jobs(item, context)]
    jobs += [Job("process", name) for name in processes]
    keys = {
        job: evidence_key(
            job.name,
            job.method,
            context,
            code=own_code if own is not None and job.name == own.uid else "",
        )
        for job in jobs
        if job.kind == "method"
    }
    found: dict[Job, Any] = {}
    if store is not None:
        stored = {job: store.get(key) for job, key in keys.items()}
        found = {job: evidence for job, evidence in stored.items() if evidence is not None}
    resumed = len(found)
    missing = [job for job in jobs if job not in found]
    for job, result in progress(_run_all(missing, context, workers, own), len(missing)):
        found[job] = result
        if store is not None and job in keys:
            store.put(keys[job], result)
    rows = _rows(chosen, found, context)
    return rows | {name: found[Job("process", name)] for name in processes}, resumed


def _jobs(item: Item, context: Context) -> list[Job]:
    if isinstance(item, Published):
        return [*_jobs(item.holds, context), *_jobs(item.fails, context)]
    if isinstance(item, Control):
        return [Job("control", item.uid)]
    methods = [Job("method", item.uid, method.name) for method in methods_of(item, context)]
    return [*methods, Job("planted", item.uid)]


def _run_all(
    jobs: Sequence[Job], context: Context, workers: int, own: Item | None
) -> Iterator[tuple[Job, Any]]:
    """Yield the results as they come. Later theorems rest on more machinery and take longer: they start
    first."""
    from joblib import Parallel, delayed

    here = [job for job in jobs if own is not None and job.name == own.uid]
    rest = [job for job in reversed(jobs) if job not in here]
    if len({job.name for job in rest}) <= 3:  # starting processes costs more than a few claims
        workers = 1
    if workers == 1:
        here, rest = [*here, *rest], []
    for job in here:
        yield _run(job, context, own if own is not None and job.name == own.uid else None)
    if rest:
        parallel = Parallel(n_jobs=min(workers, len(rest)), return_as="generator_unordered")
        with warnings.catch_warnings():
            # A worker whose memory has grown is replaced by a fresh one; no job is lost.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
            yield from parallel(delayed(_run)(job, context, None) for job in rest)


def _run(job: Job, context: Context, own: Item | None) -> tuple[Job, Any]:
    if job.kind == "process":
        return job, _process_row(job.name, context)
    item = claim(job.name) if own is None else own
    if isinstance(item, Published):
        item = item.fails if job.kind == "control" else item.holds
    if isinstance(item, Control):
        return job, control_row(verify_control(item, context))
    if job.kind == "planted":
        return job, planted_rows(planted_score(item, Context(seed=context.seed, instances=PLANTED_INSTANCES)))
    method = next(method for method in item.methods if method.name == job.method)
    return job, run_method(item, method, context)


def _process_row(name: str, context: Context) -> Row:
    from metaregret.theory.main_claim import check_main_claim

    specimen = next(specimen for specimen in context.zoo if specimen.name == name)
    return process_row(check_main_claim(specimen.process()))


def _rows(items: Sequence[Item], found: dict[Job, Any], context: Context) -> dict[str, Row]:
    proved = [
        item.holds if isinstance(item, Published) else item for item in items if not isinstance(item, Control)
    ]
    results = theorem_results(
        (item, [found[Job("method", item.uid, method.name)] for method in methods_of(item, context)])
        for item in proved
    )
    rows = {item.uid: theorem_row(results[item.uid], found[Job("planted", item.uid)]) for item in proved}
    for item in items:
        if isinstance(item, Published):
            rows[item.uid] = atlas_row(item, rows[item.uid], found[Job("control", item.uid)])
        elif isinstance(item, Control):
            rows[item.uid] = found[Job("control", item.uid)]
    return {item.uid: rows[item.uid] for item in items}
