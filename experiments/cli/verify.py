"""``metaregret verify``: all theorems and controls, or those named; exit 0 only if every verdict is as
expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaregret.experiments.cli.options import SEED, existing_folder, file_option, json_option, workers_option
from metaregret.experiments.cli.output import check_outputs, counter, show
from metaregret.experiments.runs.backends import begin
from metaregret.tabular.documents import json_text
from metaregret.tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    from metaregret.experiments.report.html.added import Added
    from metaregret.theory.claims import Control, Published, Theorem

__all__ = ["COMMAND"]


@click.command("verify", short_help="Check theorems and controls.")
@click.argument("uids", nargs=-1, metavar="[UID]...")
@click.option(
    "--new", "new", type=click.Path(path_type=Path), help="Check a claim from your own Python file."
)
@click.option("--exact", is_flag=True, help="Symbolic and rational methods only, tolerance zero.")
@click.option(
    "--instances",
    type=click.IntRange(1, 10**6),
    help="Random instances per method [default: 20; of your own claim 500 or more, for 20 s at most].",
)
@click.option(
    "--examples",
    type=click.IntRange(1, 10**6),
    help="The same, for a deep run: finished evidence is kept, and a run that was killed goes on from there.",
)
@file_option(
    "--resume",
    help="Keep finished evidence in this file and use what it has "
    "[default for --examples: metaregret/verification.sqlite in the cache folder].",
)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    help="Seed of every random draw.",
)
@file_option(
    "--report",
    folder=True,
    help="Write pages (index.html), report.json, theorems.tex and numbers.tex into this folder.",
)
@file_option(
    "--figures", folder=True, help="Show the figures of this folder (from `metaregret figures`) on the pages."
)
@click.option(
    "--add",
    "add",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Show a result of your own on the pages: what --json of another command wrote.",
)
@workers_option
@json_option
def COMMAND(
    uids: tuple[str, ...],
    new: Path | None,
    exact: bool,
    instances: int | None,
    examples: int | None,
    resume: Path | None,
    seed: int,
    report: Path | None,
    figures: Path | None,
    add: tuple[Path, ...],
    workers: int,
    json_file: str | None,
) -> None:
    """Verify all theorems and negative controls, or those named (T4 and T04 are the same).

    `atlas` names all published claims (A01, A02, ...): what papers say, what holds of it, where it stops.

    A theorem must hold by at least two independent methods; a control is a theorem with an assumption
    dropped, and must be refuted by its stored witness. The planted errors of every theorem named, wrong
    variants of its formula, must be caught by its methods (all of them, also with --exact). Without names
    the main claim is also checked process by process.

    \b
    Examples:
      metaregret verify
      metaregret verify T04 --exact
      metaregret verify T01 C01 --instances 500 --json -
      metaregret verify atlas
      metaregret verify --new my_claim.py
      metaregret verify --report pages
      metaregret verify T04 --report pages --add my_solution.json
      metaregret verify --examples 10000     # deep; start it again if it was killed
    """
    if not uids and new is None:
        end = begin(workers, "metaregret.experiments.verification", "metaregret.tabular.modelling")
        click.get_current_context().call_on_close(end)
    from metaregret.experiments.report.html.added import read_added
    from metaregret.experiments.verification import default_store, verify

    if figures is not None and report is None:
        raise InvalidArgumentError("--figures puts figures on the pages of a report; add --report DIR.")
    if add and report is None:
        raise InvalidArgumentError("--add puts results on the pages of a report; add --report DIR.")
    if report is not None:
        _prepare_report(report, figures)
    own = read_added(add)
    check_outputs(json_file)
    kept = resume or (default_store() if examples is not None else None)
    result = verify(
        *uids,
        new=new,
        exact=exact,
        instances=examples or instances,
        seed=seed,
        workers=workers,
        store=kept,
        progress=counter,
    )
    if report is not None:
        _write_report(dict(result.document), report, figures, result.items, own)
    show(result, json_file)
    if json_file != "-":
        if result.resumed:
            click.echo(f"{result.resumed} results are from an earlier run of the same code, kept in {kept}")
        if report is not None:
            click.echo(f"wrote {report / 'index.html'}")
    raise click.exceptions.Exit(0 if result.as_expected else 1)


def _write_certificates(
    document: dict[str, Any], folder: Path, items: Mapping[str, Theorem | Control | Published]
) -> None:
    """Write the certificate of every row that is as expected and has one, and name it in the row."""
    from metaregret.theory.certificates.drafting import write_certificate

    claims = (*document["theorems"], *document["controls"], *document["atlas"])
    rows = [row for row in claims if row["as_expected"]]
    ready = [(row, write) for row in rows if (write := items[row["uid"]].certificate) is not None]
    with counter("certifying", len(ready)) as show:
        for done, (row, write) in enumerate(ready, start=1):
            name = f"certificates/{row['uid']}.json"
            existing_folder(folder / "certificates")
            write_certificate(write(), folder / name)
            row["certificates"] = [name]
            show(done)


def _prepare_report(folder: Path, figures: Path | None) -> None:
    """Find out before the work begins whether the report can be written."""
    from metaregret.experiments.report.html import read_figures

    existing_folder(folder)
    if figures is not None:
        if not figures.is_dir():
            raise InvalidArgumentError(f"{figures} is not a folder; give that of `metaregret figures --out`.")
        read_figures(figures)


def _write_report(
    document: dict[str, Any],
    folder: Path,
    figures: Path | None,
    items: Mapping[str, Theorem | Control | Published],
    added: Sequence[Added],
) -> None:
    """Write ``report.json``, certificates, the pages and the LaTeX files; the pages link to what else is in
    the folder."""
    from metaregret.experiments.report.html import write_site
    from metaregret.experiments.report.latex import write_latex
    from metaregret.experiments.report.model import made
    from metaregret.tabular.documents import write_text

    existing_folder(folder)
    _write_certificates(document, folder, items)
    document["made"] = made()
    for item in added:
        item.write(folder)
    write_text(folder / "report.json", json_text(document))
    write_latex(document, folder)
    write_site(document, folder, figures, added)
