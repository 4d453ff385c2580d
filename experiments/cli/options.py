"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.labels import split_names

if TYPE_CHECKING:
    import numpy as np

    from metaregret.tabular.importers import Imported
    from metaregret.tabular.process import ControlledMarkovProcess
    from metaregret.tabular.rewards import RewardTables
    from metaregret.theory.adversaries import Adversary
    from metaregret.theory.tasks import TaskFamily

__all__ = [
    "SEED",
    "Source",
    "adversary_options",
    "criterion_option",
    "detect_option",
    "episodes_option",
    "file_option",
    "finite_episodes_option",
    "goals_option",
    "json_option",
    "model_rewards",
    "process_options",
    "read_adversary",
    "rewards_of",
    "sweep_options",
    "task_family",
    "word_option",
    "workers_option",
]

Function = TypeVar("Function", bound=Callable[..., Any])


SEED = click.IntRange(0, 2**32 - 1)
FILES = ("json", "npz", "npy", "prism", "jani", "drn", "explicit")
FORMATS = (*FILES, "mdptoolbox", "msdm", "quantecon", "successors")
"""Formats of files and forms of arrays in them, as `metaregret.tabular.importers.FORMATS` names them."""


@dataclass(frozen=True)
class Source:
    """What names the process of a command: the CMP argument and the options that override it."""

    cmp: str
    horizon: int | None
    gamma: str | None
    start: str | None
    form: str | None

    def process(self) -> ControlledMarkovProcess:
        """Build the process; see `model`."""
        return self.model().process

    def model(self, *, unbounded: bool = False) -> Imported:
        """Read the model, and warn where it differs from its source.

        Parameters
        ----------
        unbounded : bool
            Whether episodes of any length are asked about, whatever the horizon.

        Raises
        ------
        InvalidArgumentError
            If both a horizon and a gamma are given, or anything is malformed.
        """
        from metaregret.tabular.environments import load
        from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
        from metaregret.tabular.importers import read
        from metaregret.tabular.rationals import parse_fraction

        if self.horizon is not None and self.gamma is not None:
            raise InvalidArgumentError("Give --horizon or --gamma, not both.")
        length: Horizon | None = None if self.horizon is None else FiniteHorizon(self.horizon)
        if self.gamma is not None:
            length = GeometricHorizon(parse_fraction(self.gamma, "--gamma"))
        start = self.start
        if start is not None and start[:1] in ('"', "["):
            names = split_names(start, "--start")
            start = names[0] if len(names) == 1 else start
        here = Path(self.cmp)
        model = load(self.cmp, start=start) if self.form is None else read(here, self.form, start=start)
        if length is not None:
            model = model.with_process(model.process.replaced(horizon=length))
        for warning in model.warnings(unbounded=unbounded):
            click.echo(f"metaregret: {model.process.name}: {warning}", err=True)
        click.get_current_context().meta.setdefault("metaregret.models", []).append(model)
        return model


def process_options(function: Function) -> Function:
    """Add the CMP argument and the options that override its horizon and start, handed on as a `Source`."""

    @wraps(function)
    def command(cmp: str, horizon: int | None, gamma: str | None, start: str | None, form: str | None,
                **others: Any) -> Any:  # fmt: skip
        return function(source=Source(cmp, horizon, gamma, start, form), **others)

    return _with(
        click.argument("cmp"),
        click.option("--horizon", type=int, metavar="T", help="Finite horizon of T steps per episode."),
        click.option(
            "--gamma", metavar="G", help='Geometric horizon: go on with probability G (0.9 or "9/10").'
        ),
        click.option("--start", metavar="STATE", help="Start in this state instead."),
        click.option(
            "--format", "form", type=click.Choice(FORMATS), help="What CMP is, where its name does not tell."
        ),
    )(cast("Function", command))


def _with(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Add options to a command, in the order in which its help lists them."""
    return lambda function: reduce(lambda decorated, option: option(decorated), options[::-1], function)


def file_option(
    name: str, parameter: str | None = None, *, help: str, folder: bool = False
) -> Callable[[Function], Function]:
    """Add an option that names a file, or a folder, to write."""
    kind = click.Path(path_type=Path, dir_okay=folder, file_okay=not folder)
    return click.option(*filter(None, (name, parameter)), type=kind, help=help)


def word_option(name: str, words: Sequence[str], *, help: str) -> Callable[[Function], Function]:
    """Add an option that takes one of some words, by default the first."""
    return click.option(name, type=click.Choice(words), default=words[0], help=help)


def json_option(function: Function) -> Function:
    """Add ``--json FILE``."""
    return click.option(
        "--json", "json_file", metavar="FILE", help="Write the result as JSON; - for standard output."
    )(function)


def criterion_option(function: Function) -> Function:
    """Add ``--criterion``."""
    return word_option(
        "--criterion",
        ("regret", "hitting-time", "ratio"),
        help="The loss: reward lost to who knows the task, cost until the first success, or that cost over "
        "the smallest possible.",
    )(function)


def adversary_options(nominal: str) -> Callable[[Function], Function]:
    """Add ``--adversary`` and ``--nominal``, which is `nominal` where it is left out."""
    return _with(
        click.option(
            "--adversary",
            metavar="SET",
            help="Which task distributions the adversary may choose: simplex (all), tv:E (within total "
            "variation E of the nominal one), kl:E (within E nats), cvar:A (the worst share A of the "
            "tasks), polytope:FILE (metaregret-polytope/1).",
        ),
        click.option(
            "--nominal",
            metavar="uniform|A=P,...|FILE",
            help="The distribution around which the adversary's set lies; a file is "
            f"metaregret-distribution/1 [default: {nominal}].",
        ),
    )


def read_adversary(
    text: str | None, nominal: str | None, names: Sequence[str], default: np.ndarray | None = None
) -> Adversary | None:
    """Return the set that ``--adversary`` and ``--nominal`` name; None where neither is given.

    Raises
    ------
    InvalidArgumentError
        If one is malformed, or ``--nominal`` is given where it has no meaning.
    """
    from metaregret.theory.adversaries import parse_adversary
    from metaregret.theory.distributions import parse_distribution

    if text is None and nominal is None:
        return None
    if nominal is not None and (text is None or text.partition(":")[0] in ("simplex", "polytope")):
        raise InvalidArgumentError("--nominal goes with --adversary tv:E, kl:E or cvar:A; leave it out.")
    assert text is not None
    centre = default if nominal is None else parse_distribution(nominal, names, "--nominal")
    return parse_adversary(text, names, centre, what="--adversary")


def detect_option(function: Function) -> Function:
    """Add ``--detect``."""
    return word_option(
        "--detect",
        ("end", "visit"),
        help="When a goal is noticed: at the end of an episode, or at the first visit (a bracket that stays "
        "open where an episode visits too much to be remembered).",
    )(function)


def goals_option(function: Function) -> Function:
    """Add ``--goals``."""
    return click.option(
        "--goals",
        default="reachable",
        metavar="SET",
        help="reachable, all, or names A,B,...; names with commas in double quotes, or a JSON list.",
    )(function)


def sweep_options(function: Function) -> Function:
    """Add seed, number of workers and where they run."""
    return _with(
        click.option("--seed", type=SEED, help="Seed of every random draw [default: 0]."),
        workers_option,
        word_option("--backend", ("loky", "dask"), help="Processes of this machine, or a Dask cluster."),
        click.option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler, with --backend dask."),
    )(function)


def workers_option(function: Function) -> Function:
    """Add ``--workers``."""
    count = os.cpu_count() or 1
    return click.option(
        "--workers", type=click.IntRange(1, 256), default=count, show_default="all cores", help="Processes."
    )(function)


def model_rewards(process: ControlledMarkovProcess) -> RewardTables:
    """Return the rewards that came with a process of a `Source`.

    Raises
    ------
    InvalidArgumentError
        If its source has none.
    """
    for model in click.get_current_context().meta.get("metaregret.models", ()):
        if model.process is process and model.rewards is not None:
            return cast("RewardTables", model.rewards)
    raise InvalidArgumentError(
        f"{process.name!r} came without rewards; name a metaregret-rewards/1 file instead of 'model'."
    )


def rewards_of(file: Path, process: ControlledMarkovProcess) -> RewardTables:
    """Return the rewards of a file, or for ``model`` those that came with the process."""
    from metaregret.tabular.files import read_rewards

    return model_rewards(process) if str(file) == "model" else read_rewards(file, process)


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
        return families.rewards(process, rewards_of(Path(file), process))
    if tasks == "trajectories":
        return families.trajectories(process)
    if tasks != "goals":
        raise InvalidArgumentError(
            f"Expected --tasks goals, trajectories, rewards:FILE or rewards:model, but got {tasks!r}."
        )
    if goals in ("reachable", "all"):
        # A goal that nobody can reach costs no regret: under that criterion "all" is "reachable".
        return families.goals(process, "reachable" if regret else goals, detect=detect)
    return families.goals(process, process.states.select(goals), detect=detect)
