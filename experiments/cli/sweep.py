"""``metaregret sweep``: run what is missing of a study into a store of results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metaregret.experiments.cli.options import file_option, json_option, sweep_options
from metaregret.experiments.cli.output import check_outputs, console, counter, emit_json
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.presentation import table

__all__ = ["COMMAND"]


@click.command("sweep", short_help="Run a study into a store of results.")
@click.argument("config", required=False)
@click.option("--list", "listed", is_flag=True, help="List the studies.")
@file_option("--store", "store_file", help="SQLite file of results; made if new.")
@click.option("--short", is_flag=True, help="A few points only.")
@sweep_options
@file_option("--export", "export_file", help="Write the results as .csv or .parquet.")
@click.option("--provenance", is_flag=True, help="Export code, seconds and memory of each result, too.")
@json_option
def COMMAND(
    config: str | None,
    listed: bool,
    store_file: Path | None,
    short: bool,
    seed: int | None,
    workers: int,
    backend: str,
    scheduler: str | None,
    export_file: Path | None,
    provenance: bool,
    json_file: str | None,
) -> None:
    """Measure the points of CONFIG that the store does not have: the name of a study, or a JSON or TOML file.

    It can be killed at any moment and run again, and two may run at once on the same store: no point is
    measured twice, except those that were being measured by a process that died.

    \b
    A file picks the study, the seed and, if wanted, the points (or a grid of them):
      {"format": "metaregret-sweep/1", "study": "noise_gap", "seed": 1, "scale": "full"}

    \b
    Examples:
      metaregret sweep --list
      metaregret sweep noise_gap --store results.sqlite --workers 2
      metaregret sweep my.toml --store results.sqlite --export results.parquet
      metaregret sweep noise_gap --store results.sqlite --backend dask --scheduler tcp://10.0.0.1:8786
    """
    from metaregret.experiments.sweeps import Scale, Store, export, run, studies
    from metaregret.experiments.sweeps.config import read_sweep
    from metaregret.experiments.sweeps.export import check_export

    if listed:
        rows = [(s.name, s.title, len(s.points(Scale.FULL, 0))) for s in studies().values()]
        document = {
            "format": "metaregret-studies/1",
            "studies": [{"name": name, "title": title, "points": count} for name, title, count in rows],
        }
        if not emit_json(document, json_file):
            console().print(table("Studies", ("study", "what it measures", "points"), rows))
        return
    if config is None:
        raise InvalidArgumentError("Name a study (metaregret sweep --list) or a configuration file.")
    if store_file is None:
        raise InvalidArgumentError("Say where the results go: --store FILE.")
    if scheduler is not None and backend != "dask":
        raise InvalidArgumentError("--scheduler is the address of a Dask cluster; add --backend dask.")
    if export_file is not None:
        check_export(export_file)
    check_outputs(json_file, store=store_file, export=export_file)
    sweep = read_sweep(config, seed=seed, scale=Scale.SHORT if short else None)
    with Store(store_file) as store:
        with counter(sweep.study.name, len(sweep.points)) as show:
            outcome = run(
                sweep.jobs, store, workers=workers, backend=backend, scheduler=scheduler, progress=show
            )
        if export_file is not None:
            export(store, sweep, export_file, provenance=provenance)
    summary: dict[str, Any] = {
        "format": "metaregret-sweep-run/1",
        "study": sweep.study.name,
        "seed": sweep.seed,
        "points": outcome.points,
        "measured": outcome.measured,
        "seconds": round(outcome.seconds, 3),
        "workers_lost": len(outcome.lost),
        "store": str(store_file),
        "export": None if export_file is None else str(export_file),
    }
    if not emit_json(summary, json_file):
        click.echo(
            f"{sweep.study.name}: {outcome.points} points in {store_file}, {outcome.measured} measured now "
            f"in {outcome.seconds:.1f} s"
        )
    for worker in outcome.lost:
        click.echo(f"The worker {worker} was lost; others measured its points.", err=True)
