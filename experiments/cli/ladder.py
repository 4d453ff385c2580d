"""``metaregret ladder``: blind, memoryless and memory side by side on one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metaregret.experiments.cli.options import (
    build_process,
    criterion_option,
    detect_option,
    episodes_option,
    json_option,
    process_options,
)
from metaregret.experiments.cli.output import check_outputs, console, emit_json, progress
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.presentation import state_map

__all__ = ["COMMAND"]


@click.command("ladder", short_help="What adaptation and memory are worth.")
@process_options
@click.option("--episodes", required=True, metavar="N", help="Number of episodes N.")
@detect_option
@criterion_option
@click.option("--exact", is_flag=True, help="Rational bounds (tolerance zero).")
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the three distributions side by side.",
)
@json_option
def COMMAND(
    cmp: str,
    horizon: int | None,
    gamma: str | None,
    start: str | None,
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
    process = build_process(cmp, horizon, gamma, start)
    tasks = goals(process, detect=detect)
    with progress(f"ladder on {process.name}") as describe:
        rungs = ladder(
            tasks,
            count,
            criterion=criterion,
            exact=exact,
            progress=lambda learner: describe(f"{learner} learner on {process.name}"),
        )
    weights = {
        rung.learner.value: {
            process.states.position(name): p
            for name, p in zip(rung.tasks, rung.least_favourable.tolist(), strict=True)
        }
        for rung in rungs.rungs
    }
    document: dict[str, Any] = {
        "format": "metaregret-ladder/1",
        "process": process.name,
        "episodes": count,
        "detect": detect,
        "criterion": criterion,
        "value_of_adaptation": rungs.value_of_adaptation.to_json(),
        "value_of_memory": rungs.value_of_memory.to_json(),
        "in_order": rungs.in_order,
        "learners": {
            rung.learner.value: {
                "value": rung.value.to_json(),
                "status": rung.status.label,
                "least_favourable": dict(zip(rung.tasks, rung.least_favourable.tolist(), strict=True)),
            }
            for rung in rungs.rungs
        },
    }
    if figure is not None:
        from metaregret.theory.plotting import Panel, states_figure

        panels = [Panel(learner, weights[learner]) for learner in weights]
        states_figure(process, panels, label="least-favourable probability", path=figure)
    if not emit_json(document, json_file):
        out = console()
        out.print(f"{process.name}: minimax {criterion}, N = {count}, goals noticed: {detect}", markup=False)
        for rung in rungs.rungs:
            out.print(f"{rung.learner.value:<11} {rung.value}", markup=False)
            drawing = state_map(process, weights[rung.learner.value])
            if drawing:
                out.print(drawing, markup=False)
        out.print(f"adaptation is worth {rungs.value_of_adaptation}", markup=False)
        out.print(f"memory is worth     {rungs.value_of_memory}", markup=False)
    raise click.exceptions.Exit(0 if rungs.in_order else 1)
