"""``metaregret figures``: paper figures with their data, from stored results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metaregret.experiments.cli.options import (
    existing_folder,
    file_option,
    json_option,
    sweep_options,
)
from metaregret.experiments.cli.output import check_outputs, console, counter, emit_json
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.presentation import table

__all__ = ["COMMAND"]


@click.command("figures", short_help="Paper figures, each with its data.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "listed", is_flag=True, help="List the figures.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("figures"),
    help="Folder to write into.",
)
@click.option("--style", "style_name", default="icml", metavar="STYLE", help="icml, neurips or iclr.")
@click.option(
    "--columns",
    type=click.Choice(["1", "2"]),
    help="Print width of every figure, in columns [default: what suits it].",
)
@click.option(
    "--format",
    "formats",
    default="pdf,png,svg",
    metavar="FORMATS",
    help="Which of pdf, png and svg.",
)
@file_option("--store", "store_file", help="SQLite file of results [default: results.sqlite in the folder].")
@click.option("--short", is_flag=True, help="A few points per study, to try a figure out.")
@click.option("--long", is_flag=True, help="Also the points that take long, in studies that have some.")
@sweep_options
@json_option
def COMMAND(
    names: tuple[str, ...],
    listed: bool,
    out: Path,
    style_name: str,
    columns: str | None,
    formats: str,
    store_file: Path | None,
    short: bool,
    long: bool,
    seed: int | None,
    workers: int,
    backend: str,
    scheduler: str | None,
    json_file: str | None,
) -> None:
    """Make all figures, or those named: missing results are computed first, then each figure is drawn from
    the stored results.

    For each figure there are images, NAME.csv with the data, NAME.tex with the caption's numbers as LaTeX
    macros, and NAME.json with title, caption and command. Without names, figures that take long are left out.
    The beginning of a name up to an underscore stands for all figures that share it.

    \b
    Examples:
      metaregret figures --list
      metaregret figures --out build/figures
      metaregret figures regret_density --style neurips --format pdf
      metaregret figures noise_gap --columns 1
      metaregret figures learning --short
    """
    from metaregret.experiments.figures.make import make_figures, sweeps_of, without_results
    from metaregret.experiments.figures.registry import figures, figures_of
    from metaregret.experiments.figures.render import FORMATS
    from metaregret.experiments.sweeps import Scale, Store
    from metaregret.theory.plotting.style import style

    if listed:
        _list(json_file)
        return
    named = [item for name in names for item in figures_of(name)]
    chosen = list({item.name: item for item in named}.values())
    chosen = chosen or [item for item in figures().values() if not item.long]
    wanted = [form.strip() for form in formats.split(",")]
    if unknown := [form for form in wanted if form not in FORMATS]:
        raise InvalidArgumentError(f"Unknown format {unknown[0]!r}; give some of {', '.join(FORMATS)}.")
    if scheduler is not None and backend != "dask":
        raise InvalidArgumentError("--scheduler is the address of a Dask cluster; add --backend dask.")
    look = style(style_name, None if columns is None else int(columns))
    check_outputs(json_file, store=store_file)
    if short and long:
        raise InvalidArgumentError("--short and --long exclude each other; leave one out.")
    scale = Scale.SHORT if short else Scale.LONG if long else Scale.FULL
    sweeps = sweeps_of(chosen, scale, seed or 0)
    absent = without_results(chosen, sweeps)
    if absent and names:
        raise InvalidArgumentError(
            f"{absent[0].name} draws a saved table that is not there; run its benchmark in a checkout first."
        )
    chosen = [f for f in chosen if f not in absent]
    existing_folder(out)
    total = sum(len(sweep.points) for sweep in sweeps.values()) + len(chosen)
    with Store(store_file or out / "results.sqlite") as store, counter("figures", total) as show:
        manifests = make_figures(
            chosen,
            sweeps,
            store,
            out,
            look,
            formats=wanted,
            workers=workers,
            backend=backend,
            scheduler=scheduler,
            progress=show,
            options=" --short" * short
            + " --long" * long
            + (f" --seed {seed}" if seed else "")
            + (f" --style {look.name}" if look.name != "icml" else "")
            + (f" --columns {columns}" if columns else ""),
        )
    document = {"format": "metaregret-figures/1", "out": str(out), "figures": manifests}
    if emit_json(document, json_file):
        return
    for manifest in manifests:
        click.echo(f"{out / manifest['name']}.{{{','.join([*wanted, 'csv', 'tex', 'json'])}}}")
    if names:
        return
    for reason, left_out in (
        ("they take long (name them)", [f.name for f in figures().values() if f.long]),
        ("there is no saved table", [f.name for f in absent]),
    ):
        if left_out:
            click.echo(f"left out, since {reason}: {', '.join(left_out)}", err=True)


def _list(json_file: str | None) -> None:
    from metaregret.experiments.figures.registry import figures

    known = figures().values()
    document: dict[str, Any] = {
        "format": "metaregret-figure-list/1",
        "figures": [
            {"name": f.name, "title": f.title, "theorems": list(f.theorems), "studies": list(f.studies)}
            | {"long": f.long, "command": f.command}
            for f in known
        ],
    }
    if not emit_json(document, json_file):
        rows = [(f.name, ", ".join(f.theorems), f.title + (" (long)" if f.long else "")) for f in known]
        console().print(table("Figures", ("figure", "claims", "what it shows"), rows))
