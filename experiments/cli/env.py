"""``metaregret env``: list, show and export controlled Markov processes."""

from __future__ import annotations

from pathlib import Path

import click

from metaregret.experiments.cli.options import build_process, json_option, process_options
from metaregret.experiments.cli.output import console, emit_json
from metaregret.theory.presentation import number, state_map, table

__all__ = ["COMMAND"]


@click.group("env", short_help="List, show and export processes.")
def COMMAND() -> None:
    """List, show and export controlled Markov processes."""


@COMMAND.command("list", short_help="List what a specification can name.")
@json_option
def list_environments(json_file: str | None) -> None:
    """List the environments that a specification can name.

    \b
    Example:
      metaregret env list
    """
    from metaregret.tabular.environments import environments

    known = environments().values()
    document = {
        "format": "metaregret-environments/1",
        "environments": [
            {"name": e.name, "usage": e.usage, "summary": e.summary, "examples": list(e.examples)}
            for e in known
        ],
    }
    if emit_json(document, json_file):
        return
    rows = [(e.usage, e.summary, e.examples[0]) for e in known]
    rows.append(("FILE.json", "a metaregret-cmp/1 document", "metaregret env export grid:3x3 my.json"))
    console().print(table("Environments", ("specification", "what it is", "example"), rows))


@COMMAND.command("show", short_help="Show a process: sizes, structure, goals.")
@process_options
@json_option
def show(cmp: str, horizon: int | None, gamma: str | None, start: str | None, json_file: str | None) -> None:
    """Show a process: sizes, structure, which goals can be reached and how surely.

    \b
    Example:
      metaregret env show grid:3x3,slip=1/10 --horizon 4
    """
    import numpy as np

    from metaregret.tabular.goals import goal_support, goal_values
    from metaregret.tabular.horizon import FiniteHorizon

    process = build_process(cmp, horizon, gamma, start)
    goals = np.flatnonzero(goal_support(process))
    values = goal_values(process, goals).values if process.n_states <= 5000 else None
    length = process.horizon
    facts: dict[str, object] = {
        "name": process.name,
        "states": process.n_states,
        "actions": process.n_actions,
        "choices": process.n_choices,
        "transitions": process.n_transitions,
        "deterministic": process.is_deterministic,
        "exact": process.is_exact,
        **({"horizon": length.steps} if isinstance(length, FiniteHorizon) else {"gamma": str(length.gamma)}),
        "start": [process.states[int(s)] for s in np.flatnonzero(process.initial)[:20]],
        "reachable goals": len(goals),
        "smallest v*": None if values is None else float(values.min()),
        "largest v*": None if values is None else float(values.max()),
    }
    if emit_json({"format": "metaregret-environment/1", **facts}, json_file):
        return
    out = console()
    rows = [(key, number(value) if isinstance(value, float) else value) for key, value in facts.items()]
    out.print(table(process.name, ("property", "value"), rows))
    if values is not None:
        drawing = state_map(process, dict(zip(goals.tolist(), values.tolist(), strict=True)))
        if drawing:
            out.print("best probability v* of ending in each state:")
            out.print(drawing, markup=False)


@COMMAND.command("export", short_help="Write a process as a JSON document.")
@process_options
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def export(
    cmp: str, horizon: int | None, gamma: str | None, start: str | None, file: Path, json_file: str | None
) -> None:
    """Write a process to FILE as a metaregret-cmp/1 document; exact probabilities stay exact.

    \b
    Examples:
      metaregret env export grid:3x3,slip=1/10 my.json
      metaregret env export gym:FrozenLake-v1 lake.json --horizon 20
    """
    from metaregret.tabular.documents import check_writable
    from metaregret.tabular.files import write_process

    check_writable({"FILE": file} | ({} if json_file in (None, "-") else {"--json": Path(str(json_file))}))
    process = build_process(cmp, horizon, gamma, start)
    write_process(process, file)
    summary = {
        "format": "metaregret-export/1",
        "name": process.name,
        "file": str(file),
        "states": process.n_states,
        "transitions": process.n_transitions,
        "exact": process.is_exact,
    }
    if not emit_json(summary, json_file):
        click.echo(f"wrote {file}", err=True)
