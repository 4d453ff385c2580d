"""``metaregret ladder``: blind, memoryless and memory side by side on one process."""

from __future__ import annotations

from pathlib import Path

import click

from metaregret.experiments.cli.options import (
    Source,
    criterion_option,
    detect_option,
    episodes_option,
    file_option,
    json_option,
    process_options,
)
from metaregret.experiments.cli.output import check_outputs, progress, show
from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["COMMAND"]


@click.command("ladder", short_help="What adaptation and memory are worth.")
@process_options
@click.option("--episodes", required=True, metavar="N", help="Number of episodes N.")
@detect_option
@criterion_option
@click.option("--exact", is_flag=True, help="Rational bounds (tolerance zero).")
@file_option("--figure", help="Draw the three distributions side by side.")
@json_option
def COMMAND(
    source: Source,
    episodes: str,
    detect: str,
    criterion: str,
    exact: bool,
    figure: Path | None,
    json_file: str | None,
) -> None:
    """Solve the three learner classes for the same tasks: blind >= memoryless >= memory (T18).

    The differences are what adaptation and what memory are worth; the least-favourable task distributions
    show where each class is hurt most.

    \b
    Examples:
      metaregret ladder line:5,start=2 --horizon 4 --detect visit --episodes 5 --exact
      metaregret ladder grid:3x3 --horizon 4 --episodes 9 --figure ladder.pdf
    """
    from metaregret.theory.families import goals
    from metaregret.theory.minimax.ladder import ladder

    count = episodes_option(episodes)
    if count is None:
        raise InvalidArgumentError("The ladder needs a finite number of episodes; give --episodes N.")
    check_outputs(json_file, figure=figure)
    process = source.process()
    tasks = goals(process, detect=detect)
    with progress(f"ladder on {process.name}") as describe:
        result = ladder(
            tasks,
            count,
            criterion=criterion,
            exact=exact,
            progress=lambda learner: describe(f"{learner} learner on {process.name}"),
        )
    if figure is not None:
        result.plot(figure)
    show(result, json_file)
    raise click.exceptions.Exit(0 if result.in_order else 1)
