"""``metaregret verify``: all theorems and controls, or those named; exit 0 only if every verdict is as
expected."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.cli.options import json_option
from experiments.cli.output import console, emit_json, progress
from tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    from theory.claims import Context, Control, ControlResult, Theorem, TheoremResult
    from theory.main_claim import MainClaim

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
@json_option
def COMMAND(
    uids: tuple[str, ...],
    new: Path | None,
    exact: bool,
    instances: int | None,
    examples: int | None,
    seed: int,
    report: Path | None,
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
    from theory.claims import Context, Control, Theorem, claim, controls, from_file, theorems

    if report is not None and report.exists() and not report.is_dir():
        raise InvalidArgumentError(f"{report} is not a folder; give another place for --report.")
    context = Context(seed=seed, instances=examples or instances or 20, exact=exact)
    chosen: list[Theorem | Control] = [claim(uid) for uid in uids]
    if new is not None:
        chosen.append(from_file(new))
    everything = not chosen
    chosen = chosen or [*theorems().values(), *controls().values()]
    began = time.perf_counter()
    with progress("verifying") as describe:
        proved = [_theorem(item, context, describe) for item in chosen if isinstance(item, Theorem)]
        refuted = [_control(item, describe) for item in chosen if isinstance(item, Control)]
        processes = _main_claims(context, describe) if everything and not exact else []
    document = _document(proved, refuted, processes, seed, time.perf_counter() - began)
    if report is not None:
        _write_report(document, report)
    if not emit_json(document, json_file):
        from experiments.report.terminal import print_report

        print_report(document, console())
    raise click.exceptions.Exit(0 if document["summary"]["as_expected"] else 1)


def _theorem(theorem: Theorem, context: Context, describe: Callable[[str], None]) -> TheoremResult:
    from theory.claims import verify_theorem

    return verify_theorem(theorem, context, describe)


def _control(control: Control, describe: Callable[[str], None]) -> ControlResult:
    from theory.claims import verify_control

    describe(f"{control.uid} {control.title}")
    return verify_control(control)


def _main_claims(context: Context, describe: Callable[[str], None]) -> list[MainClaim]:
    from theory.main_claim import check_main_claim

    results = []
    for specimen in context.zoo:
        describe(f"main claim on {specimen.name}")
        results.append(check_main_claim(specimen.process()))
    return results


def _document(
    theorems: list[TheoremResult],
    controls: list[ControlResult],
    processes: list[MainClaim],
    seed: int,
    seconds: float,
) -> dict[str, Any]:
    from experiments.report import report_document

    try:
        installed = version("metaregret")
    except PackageNotFoundError:
        installed = "not installed"
    return report_document(theorems, controls, processes, version=installed, seed=seed, seconds=seconds)


def _write_report(document: dict[str, Any], folder: Path) -> None:
    from tabular.documents import write_text

    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "report.json", json.dumps(document, indent=1) + "\n")
