"""``metaregret compare``: the table of proposals by process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaregret.experiments.cli.options import (
    build_process,
    finite_episodes_option,
    json_option,
    process_options,
)
from metaregret.experiments.cli.output import check_outputs, console, emit_json, number, progress, table
from metaregret.experiments.cli.propose import MethodOption
from metaregret.tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    from metaregret.theory.proposals import Comparison

__all__ = ["COMMAND"]

SHOWN = {
    "mutual_information": "nats",
    "coverage": "coverage",
    "distance_to_uniform": "to uniform",
    "distance_to_minimax": "to minimax",
    "worst_case_regret": "regret",
    "price": "price",
    "trained_worst_case_regret": "trained",
    "trained_price": "price",
    "memory_worst_case_regret": "memory",
    "memory_price": "price",
}


@click.command("compare", short_help="All proposal methods side by side.")
@process_options
@click.argument("more", nargs=-1, metavar="[CMP]...")
@click.option("--methods", cls=MethodOption, metavar="A,B,...", help="Which methods, by default all")
@click.option(
    "--states", type=click.Choice(["end", "all"]), default="end", help="Terminal state, or all states."
)
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many seeds.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="The first seed."
)
@click.option("--episodes", metavar="N", help="Of the learners with memory [default: one a goal].")
@click.option("--no-memory", is_flag=True, help="Leave out the learners with memory.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the table.")
@click.option(
    "--curves", type=click.Path(path_type=Path, dir_okay=False), help="Write the objectives by round as CSV."
)
@click.option("--figure", type=click.Path(path_type=Path, dir_okay=False), help="Draw the regrets by method.")
@json_option
def COMMAND(
    cmp: str,
    horizon: int | None,
    gamma: str | None,
    start: str | None,
    more: tuple[str, ...],
    methods: str | None,
    states: str,
    seeds: int,
    seed: int,
    episodes: str | None,
    no_memory: bool,
    csv_file: Path | None,
    curves: Path | None,
    figure: Path | None,
    json_file: str | None,
) -> None:
    """Compare what the methods propose: information, coverage, distances, regrets and their price.

    One row a process, method and seed. The regret is that of the learner that explores with the proposal,
    "trained" and "memory" are the worst-case regrets of the Bayes-optimal learners trained on the proposed
    goals, memoryless and with memory; price is the ratio to the minimax regret. With several seeds the
    terminal shows the median and the range, the files every seed.

    \b
    Examples:
      metaregret compare grid:3x3,slip=1/10 --horizon 4
      metaregret compare line:5 tree:0,0,1,1 --methods capacity,diayn,uniform --csv table.csv
      metaregret compare grid:3x3 --horizon 4 --seeds 5 --curves curves.csv --figure regrets.pdf
    """
    from metaregret.theory.proposals import COLUMNS, CURVE_COLUMNS, compare

    check_outputs(json_file, csv=csv_file, curves=curves, figure=figure)
    if no_memory and episodes is not None:
        raise InvalidArgumentError("Give --episodes or --no-memory, not both.")
    count = finite_episodes_option(episodes)
    processes = [build_process(name, horizon, gamma, start) for name in (cmp, *more)]
    with progress("comparing") as describe:
        result = compare(
            processes,
            None if methods is None else methods.split(","),
            "all" if states == "all" else "end",
            seeds,
            seed,
            episodes=count,
            memory=not no_memory,
            progress=describe,
        )
    rows = result.rows()
    left_out = _left_out(result)
    document = {
        "format": "metaregret-comparison/1",
        "states": states,
        "rows": rows,
        "left_out": left_out | dict(result.left_out),
    }
    for file, columns, records in ((csv_file, COLUMNS, rows), (curves, CURVE_COLUMNS, result.curves())):
        if file is not None:
            _write_csv(file, columns, records)
    if figure is not None:
        from metaregret.experiments.figures.proposal_pictures import draw_comparison

        draw_comparison(rows, figure)
    if not emit_json(document, json_file):
        _print(rows, left_out)
        for where, why in result.left_out.items():
            console().print(f"{where}: left out: {why}", markup=False)


def _left_out(result: Comparison) -> dict[str, str]:
    """Why learners with memory are missing, by process (the first reason)."""
    reasons = {
        entry.proposal.process.name: entry.why_not for entry in reversed(result.entries) if entry.why_not
    }
    return dict(reversed(reasons.items()))


def _write_csv(file: Path, columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> None:
    import pandas as pd

    from metaregret.tabular.documents import write_text

    write_text(file, pd.DataFrame(records, columns=list(columns)).to_csv(index=False))


def _print(rows: Sequence[Mapping[str, Any]], left_out: Mapping[str, str]) -> None:
    out = console()
    for process in dict.fromkeys(row["process"] for row in rows):
        here = [row for row in rows if row["process"] == process]
        first = here[0]
        shown = [key for key in SHOWN if any(row[key] is not None for row in here)]
        lines = []
        for method in dict.fromkeys(row["method"] for row in here):
            runs = [row for row in here if row["method"] == method]
            lines.append((method, *(_cell([run[key] for run in runs]) for key in shown)))
        memory = first["memory_minimax_regret"]
        title = f"{process}: capacity {number(first['capacity'])} nats"
        title += f", minimax regret {number(first['minimax_regret'])}"
        if memory is not None:
            title += f"; with memory, N = {first['episodes']}: {number(memory)}"
        out.print(table(title, ("method", *(SHOWN[key] for key in shown)), lines))
    for process, why in left_out.items():
        out.print(f"{process}: no learner with memory: {why}", markup=False)


def _cell(values: Sequence[float | None]) -> str:
    """The median, and the range where seeds differ."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "-"
    middle = known[len(known) // 2]
    low, high = (number(known[i], 4) for i in (0, -1))
    same = low == high or (math.isinf(known[0]) and math.isinf(known[-1]))
    return number(middle, 4) if same else f"{number(middle, 4)} [{low}, {high}]"
