"""Options that several commands share."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from metaregret.tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    from metaregret.tabular.process import ControlledMarkovProcess
    from metaregret.theory.tasks import TaskFamily

__all__ = [
    "build_process",
    "criterion_option",
    "detect_option",
    "episodes_option",
    "finite_episodes_option",
    "goals_option",
    "json_option",
    "process_options",
    "sweep_options",
    "task_family",
]

Function = TypeVar("Function", bound=Callable[..., Any])


def process_options(function: Function) -> Function:
    """Add the CMP argument and the options that override its horizon and start."""
    for decorate in (
        click.option("--start", metavar="STATE", help="Start in this state instead."),
        click.option(
            "--gamma", metavar="G", help='Geometric horizon: go on with probability G (0.9 or "9/10").'
        ),
        click.option("--horizon", type=int, metavar="T", help="Finite horizon of T steps per episode."),
        click.argument("cmp"),
    ):
        function = decorate(function)
    return function


def json_option(function: Function) -> Function:
    """Add ``--json FILE``."""
    return click.option(
        "--json", "json_file", metavar="FILE", help="Write the result as JSON; - for standard output."
    )(function)


def criterion_option(function: Function) -> Function:
    """Add ``--criterion``."""
    return click.option(
        "--criterion",
        type=click.Choice(["regret", "hitting-time", "ratio"]),
        default="regret",
        help="The loss: reward lost to who knows the task, cost until the first success, or that cost over "
        "the smallest possible.",
        show_default=True,
    )(function)


def detect_option(function: Function) -> Function:
    """Add ``--detect``."""
    return click.option(
        "--detect",
        type=click.Choice(["end", "visit"]),
        default="end",
        help="When a goal is noticed: at the end of an episode, or at the first visit.",
        show_default=True,
    )(function)


def state_names(text: str, option: str) -> list[str]:
    """Read names separated by commas; one that holds a comma stands in double quotes, or all in a JSON list.

    Raises
    ------
    InvalidArgumentError
        If no name is given, or the list is no JSON list of names.
    """
    if text.lstrip().startswith("["):
        try:
            names = json.loads(text)
        except ValueError:
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InvalidArgumentError(f"{option}: expected a JSON list of names, but got {text!r:.80}.")
    else:
        names = next(csv.reader([text], skipinitialspace=True), [])
    if not names or not all(names):
        raise InvalidArgumentError(f"{option}: expected names separated by commas, but got {text!r:.80}.")
    return names


def goals_option(function: Function) -> Function:
    """Add ``--goals``."""
    return click.option(
        "--goals",
        default="reachable",
        metavar="SET",
        help="reachable, all, or names A,B,...",
        show_default=True,
    )(function)


def sweep_options(function: Function) -> Function:
    """Add seed, number of workers and where they run."""
    for decorate in (
        click.option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler, with --backend dask."),
        click.option(
            "--backend",
            type=click.Choice(["loky", "dask"]),
            default="loky",
            help="Processes of this machine, or a Dask cluster.",
            show_default=True,
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            default=os.cpu_count() or 1,
            help="Processes [default: all cores].",
        ),
        click.option(
            "--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of every random draw [default: 0]."
        ),
    ):
        function = decorate(function)
    return function


def build_process(
    cmp: str, horizon: int | None, gamma: str | None, start: str | None
) -> ControlledMarkovProcess:
    """Build the process that the arguments describe.

    Raises
    ------
    InvalidArgumentError
        If both a horizon and a gamma are given, or anything is malformed.
    """
    from metaregret.tabular.build import make
    from metaregret.tabular.rationals import parse_fraction

    if horizon is not None and gamma is not None:
        raise InvalidArgumentError("Give --horizon or --gamma, not both.")
    go_on = None if gamma is None else parse_fraction(gamma, "--gamma")
    return make(cmp, horizon=horizon, gamma=go_on, start=start)


def episodes_option(text: str) -> int | None:
    """Read ``--episodes N|inf``."""
    if text == "inf":
        return None
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise InvalidArgumentError(
            f"Expected --episodes to be a positive whole number below 10**9 or inf, but got {text[:40]!r}."
        )
    return int(text)


def finite_episodes_option(text: str | None) -> int | None:
    """Read ``--episodes N`` of the learners with memory that proposals train; None is their default."""
    count = None if text is None else episodes_option(text)
    if text is not None and count is None:
        raise InvalidArgumentError("Learners with memory need a finite --episodes N.")
    return count


def existing_folder(path: Path) -> Path:
    """Return the folder, made if it does not exist.

    Raises
    ------
    InvalidArgumentError
        If it cannot be made, or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(
            f"Cannot make the folder {str(path)[:200]}: {error.strerror}; give another place."
        ) from None
    if not os.access(path, os.W_OK):
        raise InvalidArgumentError(f"Cannot write into the folder {str(path)[:200]}; give another place.")
    return path


def task_family(
    process: ControlledMarkovProcess, tasks: str, goals: str, detect: str, *, regret: bool
) -> TaskFamily:
    """Return the tasks that ``--tasks``, ``--goals`` and ``--detect`` name."""
    from metaregret.theory import families

    kind, _, file = tasks.partition(":")
    if kind == "rewards" and file:
        return families.rewards(process, Path(file))
    if tasks == "trajectories":
        return families.trajectories(process)
    if tasks != "goals":
        raise InvalidArgumentError(
            f"Expected --tasks goals, trajectories or rewards:FILE, but got {tasks!r}."
        )
    if goals in ("reachable", "all"):
        # A goal that nobody can reach costs no regret: under that criterion "all" is "reachable".
        return families.goals(process, "reachable" if regret else goals, detect=detect)
    return families.goals(process, [name for name in goals.split(",") if name], detect=detect)
