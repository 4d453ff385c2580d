"""What verification runs: one job per method, per theorem's planted errors, per control and per process.

A result depends on the claim, the setting and the code, which are the point of its job; in a store it is used
again only where all of them are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from metaregret.experiments.cache import cache_folder
from metaregret.experiments.report import Row, atlas_row, control_row, planted_rows, process_row, theorem_row
from metaregret.experiments.report.model import plain
from metaregret.experiments.runs import Job, Point, Store, run
from metaregret.experiments.runs.provenance import digest, package_versions
from metaregret.theory.claims import (
    Context,
    Control,
    Evidence,
    Group,
    Published,
    Theorem,
    Trial,
    claim,
    methods_of,
    planted_score,
    run_method,
    theorem_results,
    verify_control,
)
from metaregret.theory.claims.context import KEPT

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "PLANTED_INSTANCES",
    "Item",
    "Progress",
    "default_store",
    "evidence_document",
    "jobs_of",
    "verify_all",
]

PLANTED_INSTANCES = 20
"""Planted errors are tried on as many instances, however deep the run: a check that needs more to see a
wrong formula is a poor check."""

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Given a description and a total, a context that yields what is told how many are done."""

Item: TypeAlias = Theorem | Control | Published
"""What a run verifies."""


def default_store() -> Path:
    """Return the user's own store of finished evidence, in the cache folder of the system."""
    return cache_folder() / "verification.sqlite"


def silent(description: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
    """Show no progress."""
    return nullcontext(lambda done: None)


def verify_all(
    items: Sequence[Item],
    processes: Sequence[str],
    context: Context,
    *,
    workers: int = 1,
    store: Path | None = None,
    own: Item | None = None,
    own_code: str = "",
    progress: Progress = silent,
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
    store : Path, optional
        The file in which results are looked up, and kept as they are made.
    own : Theorem, Control or Published, optional
        A claim from outside the project; it runs in this process.
    own_code : str
        The text of its file, on which its evidence depends; without it nothing of it is kept.
    progress : callable
        See `Progress`.

    Returns
    -------
    rows : dict
        By identifier or name, in the order of the arguments, whatever finished first.
    resumed : int
        How many results came from the store.
    """
    # What takes longest starts first: the named processes, then claims that solvers check in many ways, later
    # ones before earlier ones, for they rest on more machinery.
    rest = [_job("process", name, context, partial(_process, name, context)) for name in reversed(processes)]
    rest += [job for item in sorted(items, key=_effort) for job in jobs_of(item, context)]
    here = [] if own is None else jobs_of(own, context, own_code=own_code, inside=own)
    # Starting processes costs more than a few claims.
    few = len({job.name for job in rest}) <= 3
    batches = [(here, 1), (rest, 1 if few else workers)]
    found: dict[str, Any] = {}
    resumed = 0
    with progress("verifying", len(here) + len(rest)) as show:
        for jobs, count in batches:
            kept = None if jobs is here and not own_code else store
            with Store(kept or Path(":memory:")) as opened:
                before = len(found)
                outcome = run(jobs, opened, workers=count, progress=partial(_ahead, show, before))
                records = opened.records([job.id for job in jobs])
                found |= {record.id: record.rows[0]["result"] for record in records}
                resumed += outcome.points - outcome.measured
    results = {_key(job): found[job.id] for job in (*here, *rest)}
    rows = _rows([*items, *([] if own is None else [own])], results, context)
    return rows | {name: results["process", name, ""] for name in processes}, resumed


def _effort(item: Item) -> int:
    theorem = item.holds if isinstance(item, Published) else item
    return -sum(bool(method.solvers) for method in getattr(theorem, "methods", ()))


def _ahead(show: Callable[[int], None], before: int, done: int) -> None:
    show(before + done)


def _key(job: Job) -> tuple[str, str, str]:
    return job.point["kind"], job.name, job.point["method"]


def jobs_of(item: Item, context: Context, *, own_code: str = "", inside: Item | None = None) -> list[Job]:
    """Return the jobs that verify a claim; `inside` is the claim itself where it is not the project's."""
    if isinstance(item, Published):
        parts = (item.holds, item.fails)
        return [job for part in parts for job in jobs_of(part, context, own_code=own_code, inside=inside)]
    uid, make = item.uid, partial(_job, context=context, own_code=own_code)
    if isinstance(item, Control):
        return [make("control", uid, work=partial(_control, uid, context, inside))]
    methods = [
        make("method", uid, work=partial(_method, uid, m.name, context, inside), method=m.name)
        for m in methods_of(item, context)
    ]
    planted = [make("planted", uid, work=partial(_planted, uid, context, inside))] if item.planted else []
    return methods + planted


def _job(
    kind: str,
    name: str,
    context: Context,
    work: Callable[[], Any],
    method: str = "",
    own_code: str = "",
) -> Job:
    point = {
        "kind": kind,
        "method": method,
        "instances": context.instances,
        "exact": context.exact,
        "shrink": context.shrink,
        "seconds": context.seconds,
        "zoo": json.dumps([specimen.name for specimen in context.zoo]),
        "code": digest("tabular", "theory"),
        "packages": json.dumps(package_versions()),
        "own code": own_code,
    }
    group = name if context.instances <= KEPT else ""  # what is tried on the same few instances
    return Job(name, 1, point, context.seed, partial(_result, work), fatal=True, group=group)


def _result(work: Callable[[], Any], point: Point, generator: np.random.Generator) -> list[dict[str, Any]]:
    return [{"result": work()}]


def _method(uid: str, name: str, context: Context, inside: Item | None) -> dict[str, Any]:
    theorem = _theorem(uid, inside)
    method = next(method for method in theorem.methods if method.name == name)
    return evidence_document(run_method(theorem, method, context))


def _planted(uid: str, context: Context, inside: Item | None) -> list[Row]:
    setting = Context(seed=context.seed, instances=PLANTED_INSTANCES)
    return planted_rows(planted_score(_theorem(uid, inside), setting))


def _theorem(uid: str, inside: Item | None) -> Theorem:
    item = claim(uid) if inside is None else inside
    found = item.holds if isinstance(item, Published) else item
    assert isinstance(found, Theorem)
    return found


def _control(uid: str, context: Context, inside: Item | None) -> Row:
    item = claim(uid) if inside is None else inside
    found = item.fails if isinstance(item, Published) else item
    assert isinstance(found, Control)
    return control_row(verify_control(found, context))


def _process(name: str, context: Context) -> Row:
    from metaregret.theory.main_claim import check_main_claim

    specimen = next(specimen for specimen in context.zoo if specimen.name == name)
    return process_row(check_main_claim(specimen.process()))


def evidence_document(evidence: Evidence) -> dict[str, Any]:
    """Return evidence as JSON, from which `_evidence` reads it."""
    document = asdict(evidence) | {"group": evidence.group.value, "solvers": sorted(evidence.solvers)}
    if evidence.failure is not None:
        document["failure"]["witness"] = plain(evidence.failure.witness)
    return document


def _evidence(document: Mapping[str, Any]) -> Evidence:
    failure = document["failure"]
    typed = {"group": Group(document["group"]), "solvers": frozenset(document["solvers"])}
    return Evidence(**{**document, **typed, "failure": None if failure is None else Trial(**failure)})


def _rows(
    items: Sequence[Item], found: Mapping[tuple[str, str, str], Any], context: Context
) -> dict[str, Row]:
    proved = [
        item.holds if isinstance(item, Published) else item for item in items if not isinstance(item, Control)
    ]
    results = theorem_results(
        (item, [_evidence(found["method", item.uid, method.name]) for method in methods_of(item, context)])
        for item in proved
    )
    rows = {
        item.uid: theorem_row(results[item.uid], found.get(("planted", item.uid, ""), [])) for item in proved
    }
    for item in items:
        if isinstance(item, Published):
            rows[item.uid] = atlas_row(item, rows[item.uid], found["control", item.uid, ""])
        elif isinstance(item, Control):
            rows[item.uid] = found["control", item.uid, ""]
    return {item.uid: rows[item.uid] for item in items}
