"""``metaregret verify``: all theorems and controls, or those named; exit 0 only if every verdict is as
expected."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.cli.options import json_option
from experiments.cli.output import console, emit_json, progress
from tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    from experiments.report import Row
    from theory.claims import Context, Control, Theorem

__all__ = ["COMMAND"]


@click.command("verify", short_help="Check theorems and controls.")
@click.argument("uids", nargs=-1, metavar="[UID]...")
@click.option(
    "--new", "new", type=click.Path(path_type=Path), help="Check a claim from your own Python file."
)
@click.option("--exact", is_flag=True, help="Symbolic and rational methods only, tolerance zero.")
@click.option("--instances", type=click.IntRange(1, 10**6), help="Random instances per method [default: 20].")
@click.option(
    "--examples", type=click.IntRange(1, 10**6), help="The same, for a deep run (overrides --instances)."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    help="Seed of every random draw.",
    show_default=True,
)
@click.option(
    "--report", type=click.Path(path_type=Path, file_okay=False), help="Write the report into this folder."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=os.cpu_count() or 1,
    help="Processes [default: all cores].",
)
@json_option
def COMMAND(
    uids: tuple[str, ...],
    new: Path | None,
    exact: bool,
    instances: int | None,
    examples: int | None,
    seed: int,
    report: Path | None,
    workers: int,
    json_file: str | None,
) -> None:
    """Verify all theorems and negative controls, or those named (T4 and T04 are the same).

    A theorem must hold by at least two independent methods; a control is a theorem with an assumption
    dropped, and must be refuted by its stored witness. Without names the main claim is also checked
    process by process.

    \b
    Examples:
      metaregret verify
      metaregret verify T04 --exact
      metaregret verify T01 C01 --instances 500 --json -
      metaregret verify --new my_claim.py
    """
    from theory.claims import Context, claim, controls, from_file, theorems

    if report is not None and report.exists() and not report.is_dir():
        raise InvalidArgumentError(f"{report} is not a folder; give another place for --report.")
    context = Context(seed=seed, instances=examples or instances or 20, exact=exact)
    own = None if new is None else from_file(new)
    named = [claim(uid) for uid in uids]
    everything = not named and own is None
    chosen = [*theorems(), *controls()] if everything else [item.uid for item in named]
    began = time.perf_counter()
    rows = verify_all(
        chosen,
        [specimen.name for specimen in context.zoo] if everything and not exact else [],
        context,
        workers=workers,
    )
    if own is not None:
        with progress(f"verifying {new}"):
            rows[own.uid] = _row(own, context)
    document = _document(rows, seed, time.perf_counter() - began)
    if report is not None:
        _write_report(document, report)
    if not emit_json(document, json_file):
        from experiments.report.terminal import print_report

        print_report(document, console())
    raise click.exceptions.Exit(0 if document["summary"]["as_expected"] else 1)


def verify_all(
    uids: Sequence[str], processes: Sequence[str], context: Context, *, workers: int
) -> dict[str, Row]:
    """Verify claims and the main claim on named processes, in parallel; return rows by identifier or name.

    The order of the result is that of the arguments, whatever finishes first. Later theorems rest on more
    machinery and take longer, so they start first.
    """
    from joblib import Parallel, delayed
    from rich.console import Console
    from rich.progress import track

    jobs = [delayed(_claim_row)(uid, context) for uid in reversed(uids)]
    jobs += [delayed(_process_row)(name, context) for name in reversed(processes)]
    if len(jobs) <= 3 or workers == 1:  # starting processes costs more than a few claims
        done = (job[0](*job[1]) for job in jobs)
    else:
        done = Parallel(n_jobs=min(workers, len(jobs)), return_as="generator_unordered")(jobs)
    shown = track(
        done,
        total=len(jobs),
        description="verifying",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    found = dict(shown)
    return {key: found[key] for key in (*uids, *processes)}


def _claim_row(uid: str, context: Context) -> tuple[str, Row]:
    from theory.claims import claim

    return uid, _row(claim(uid), context)


def _row(item: Theorem | Control, context: Context) -> Row:
    from experiments.report import control_row, theorem_row
    from theory.claims import Theorem, verify_control, verify_theorem

    if isinstance(item, Theorem):
        return theorem_row(verify_theorem(item, context))
    return control_row(verify_control(item, context))


def _process_row(name: str, context: Context) -> tuple[str, Row]:
    from experiments.report import process_row
    from theory.main_claim import check_main_claim

    specimen = next(specimen for specimen in context.zoo if specimen.name == name)
    return name, process_row(check_main_claim(specimen.process()))


def _document(rows: dict[str, Row], seed: int, seconds: float) -> dict[str, Any]:
    from experiments.report import report_document

    try:
        installed = version("metaregret")
    except PackageNotFoundError:
        installed = "not installed"
    theorems = [row for row in rows.values() if "methods" in row]
    controls = [row for row in rows.values() if "drops" in row]
    processes = [row for row in rows.values() if "process" in row]
    return report_document(theorems, controls, processes, version=installed, seed=seed, seconds=seconds)


def _write_report(document: dict[str, Any], folder: Path) -> None:
    from tabular.documents import write_text

    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "report.json", json.dumps(document, indent=1) + "\n")
