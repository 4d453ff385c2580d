"""``metaregret compare``: the table of proposals by process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from metaregret.experiments.cli.options import (
    SEED,
    Source,
    file_option,
    finite_episodes_option,
    json_option,
    process_options,
    word_option,
)
from metaregret.experiments.cli.output import check_outputs, progress, show
from metaregret.experiments.cli.propose import MethodOption
from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["COMMAND"]


@click.command("compare", short_help="All proposal methods side by side.")
@process_options
@click.argument("more", nargs=-1, metavar="[CMP]...")
@click.option("--methods", cls=MethodOption, metavar="A,B,...", help="Which methods, by default all")
@word_option("--states", ("end", "all"), help="Terminal state, or all states.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, help="How many seeds.")
@click.option("--seed", type=SEED, default=0, help="The first seed.")
@click.option("--episodes", metavar="N", help="Of the learners with memory [default: one per goal].")
@click.option("--no-memory", is_flag=True, help="Leave out the learners with memory.")
@file_option("--csv", "csv_file", help="Write the table.")
@file_option("--curves", help="Write the objectives by round as CSV.")
@file_option("--figure", help="Draw the regrets by method.")
@json_option
def COMMAND(
    source: Source,
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

    One row per process, method and seed. The regret is that of the learner that explores with the proposal,
    "trained" and "memory" are the worst-case regrets of the Bayes-optimal learners trained on the proposed
    goals, memoryless and with memory; price is the ratio to the minimax regret. With several seeds the
    terminal shows the median and the range, the files every seed.

    \b
    Examples:
      metaregret compare grid:3x3,slip=1/10 --horizon 4
      metaregret compare line:5 tree:0,0,1,1 --methods capacity,diayn,uniform --csv table.csv
      metaregret compare grid:3x3 --horizon 4 --seeds 5 --curves curves.csv --figure regrets.pdf
    """
    from metaregret.tabular.documents import write_text
    from metaregret.theory.proposals import compare

    check_outputs(json_file, csv=csv_file, curves=curves, figure=figure)
    if no_memory and episodes is not None:
        raise InvalidArgumentError("Give --episodes or --no-memory, not both.")
    count = finite_episodes_option(episodes)
    processes = [replace(source, cmp=name).process() for name in (source.cmp, *more)]
    with progress("comparing") as describe:
        result = compare(
            processes,
            None if methods is None else methods.split(","),
            states,
            seeds,
            seed,
            episodes=count,
            memory=not no_memory,
            progress=describe,
        )
    if csv_file is not None:
        write_text(csv_file, result.to_frame().to_csv(index=False))
    if curves is not None:
        write_text(curves, result.curves_frame().to_csv(index=False))
    if figure is not None:
        result.plot(figure)
    show(result, json_file)
