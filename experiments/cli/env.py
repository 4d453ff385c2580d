"""``metaregret env``: list, show and export controlled Markov processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from metaregret.experiments.cli.options import Source, file_option, json_option, process_options
from metaregret.experiments.cli.output import check_outputs, console, emit_json
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.theory.presentation import number, state_map, table

if TYPE_CHECKING:
    from metaregret.tabular.importers import Note
    from metaregret.tabular.process import ControlledMarkovProcess

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
    from metaregret.tabular.environments import specifications
    from metaregret.tabular.importers import FORMATS

    known = specifications().values()
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
    files = {"json": "env export grid:3x3 my.json", "npz": "env export grid:3x3 my.npz"}
    for form in ("json", "npz", "npy", "prism", "jani", "drn", "explicit"):
        rows.append(
            ("FILE.tra" if form == "explicit" else f"FILE.{form}", FORMATS[form], files.get(form, ""))
        )
    console().print(table("Environments", ("specification", "what it is", "example"), rows))


@COMMAND.command("show", short_help="Show a process: sizes, structure, goals.")
@process_options
@json_option
def show(source: Source, json_file: str | None) -> None:
    """Show a process: sizes, structure, which goals can be reached and how surely, and how it was read: exact
    or floating point and why, the largest row error, what was made absorbing.

    \b
    Examples:
      metaregret env show grid:3x3,slip=1/10 --horizon 4
      metaregret env show gym:Taxi-v4,is_rainy=true
    """
    import numpy as np

    from metaregret.tabular.goals import goal_support, goal_values
    from metaregret.tabular.horizon import FiniteHorizon
    from metaregret.tabular.importers.imported import exactness

    check_outputs(json_file)
    model = source.model()
    process = model.process
    arithmetic, error = exactness(process)
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
        "arithmetic": arithmetic,
        "largest row error": error,
        **({"horizon": length.steps} if isinstance(length, FiniteHorizon) else {"gamma": str(length.gamma)}),
        "start": [process.states[int(s)] for s in np.flatnonzero(process.initial)[:20]],
        "absorbing": [process.states[s] for s in _absorbing(process)[:20]],
        "rewards": [] if model.rewards is None else list(model.rewards.tasks),
        "labels": sorted(model.labels)[:20],
        "notes": [note.text for note in model.notes],
        "reachable goals": len(goals),
        "smallest v*": None if values is None else float(values.min()),
        "largest v*": None if values is None else float(values.max()),
    }
    if emit_json({"format": "metaregret-environment/1", **facts}, json_file):
        return
    out = console()
    rows = [
        (key, number(value) if isinstance(value, float) else value)
        for key, value in facts.items()
        if key != "notes"
    ]
    rows += [("note", note.text) for note in model.notes]
    out.print(table(process.name, ("property", "value"), rows))
    if values is not None:
        drawing = state_map(process, dict(zip(goals.tolist(), values.tolist(), strict=True)))
        if drawing:
            out.print("best probability v* of ending in each state:")
            out.print(drawing, markup=False)


def _absorbing(process: ControlledMarkovProcess) -> list[int]:
    """States that no choice leaves."""
    import numpy as np

    state = process.choice_state[process.transition_choice]
    leaves = np.zeros(process.n_states, dtype=bool)
    leaves[state[process.successors != state]] = True
    return np.flatnonzero(~leaves).tolist()


@COMMAND.command("export", short_help="Write a process as JSON, NPZ, DRN or explicit files.")
@process_options
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@file_option("--rewards", help="Also write the rewards that came with CMP, as metaregret-rewards/1.")
@json_option
def export(
    source: Source,
    file: Path,
    rewards: Path | None,
    json_file: str | None,
) -> None:
    """Write a process to FILE: a metaregret-cmp/1 document (.json), arrays (.npz), or what Storm reads:
    DRN (.drn) or explicit files (.tra, with .lab and others beside it). All but JSON take the rewards along.
    Exact probabilities stay exact, but for explicit files, which hold decimals.

    \b
    Examples:
      metaregret env export grid:3x3,slip=1/10 my.json
      metaregret env export gym:FrozenLake-v1 lake.json --rewards lake-rewards.json --horizon 20
      metaregret env export gym:FrozenLake-v1 lake.drn
      metaregret env export grid:3x3,slip=1/10 grid.tra
    """
    from metaregret.experiments.cli.options import model_rewards
    from metaregret.tabular.files import write_process, write_rewards
    from metaregret.tabular.importers import write_drn, write_explicit, write_npz
    from metaregret.tabular.importers.imported import left_out

    ending = file.suffix.lower()
    beside = {f"FILE{e}": file.with_suffix(e) for e in (".lab", ".choicelab", ".trew") if ending == ".tra"}
    check_outputs(json_file, file=file, rewards=rewards, **beside)
    if ending not in {".json", ".npz", ".drn", ".tra"}:
        raise InvalidArgumentError(
            f"Expected a .json, .npz, .drn or .tra file to write, but got {str(file)!r}."
        )
    model = source.model()
    process = model.process
    notes: tuple[Note, ...] = ()
    if ending == ".npz":
        tables = model.rewards
        if tables is not None and len(tables.tasks) > 1:
            raise UnsupportedError(
                f"An NPZ file holds one task's rewards, but there are {len(tables.tasks)}; write JSON with "
                "--rewards."
            )
        paid = None if tables is None else (tables.values if tables.exact is None else tables.exact)[0]
        write_npz(file, process, paid)
    elif ending in (".drn", ".tra"):
        write = write_drn if ending == ".drn" else write_explicit
        notes = write(file, process, model.rewards, model.labels)
    else:
        write_process(process, file)
    if ending in (".json", ".npz"):
        notes = tuple(left_out(list(model.labels)))
    for note in notes:
        click.echo(f"metaregret: {file}: {note}", err=True)
    if rewards is not None:
        write_rewards(model_rewards(process), rewards)
    summary = {
        "format": "metaregret-export/1",
        "name": process.name,
        "file": str(file),
        "states": process.n_states,
        "transitions": process.n_transitions,
        "exact": process.is_exact,
        "notes": [note.text for note in notes],
    }
    if not emit_json(summary, json_file):
        click.echo(f"wrote {file}", err=True)
