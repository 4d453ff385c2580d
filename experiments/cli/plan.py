"""``metaregret plan``: the best policy for one known task, with certified bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metaregret.experiments.cli.options import (
    Source,
    file_option,
    json_option,
    process_options,
    rewards_of,
)
from metaregret.experiments.cli.output import check_outputs, progress, show, write_certificate
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError

__all__ = ["COMMAND"]


@click.command("plan", short_help="Best policy for a known goal or reward.")
@process_options
@click.option(
    "--goal",
    metavar="STATE",
    help="Be at this state (or at one of several, or of a label) at the end, or, with --reach, ever.",
)
@click.option("--reach", is_flag=True, help="Count ever reaching the goal, however long it takes.")
@click.option(
    "--rewards",
    type=click.Path(path_type=Path),
    help="A metaregret-rewards/1 file, or model: the rewards that came with CMP.",
)
@click.option("--task", metavar="NAME", help="Which task of the rewards, where there are several.")
@click.option("--total", is_flag=True, help="Undiscounted total reward until absorption.")
@click.option(
    "--until",
    metavar="STATE,...",
    help="Total reward until one of these states is reached, which must be sure to happen.",
)
@click.option("--minimise", is_flag=True, help="Minimise instead of maximise.")
@click.option(
    "--tolerance",
    type=float,
    default=1e-9,
    help="Gap to certify, relative to max(1, largest value).",
)
@click.option(
    "--exact", is_flag=True, help="Rational arithmetic: lower = upper, checked by a Bellman residual of zero."
)
@file_option("--certificate", help="Write a certificate of the exact value that metaregret check proves.")
@file_option(
    "--policy",
    "policy_file",
    help="Write the policy as arrays to this .npz file: quick for millions of states.",
)
@json_option
def COMMAND(
    source: Source,
    goal: str | None,
    reach: bool,
    rewards: Path | None,
    task: str | None,
    total: bool,
    until: str | None,
    minimise: bool,
    tolerance: float,
    exact: bool,
    certificate: Path | None,
    policy_file: Path | None,
    json_file: str | None,
) -> None:
    """Plan for one known task: a goal, or a table of rewards.

    \b
    Examples:
      metaregret plan grid:3x3,slip=1/10 --goal 8 --horizon 4 --exact
      metaregret plan gym:FrozenLake-v1 --goal 15 --reach
      metaregret plan grid:1000x1000 --goal 999999 --reach --policy policy.npz
      metaregret plan my.json --rewards pay.json --task night --gamma 99/100
      metaregret plan gym:Blackjack-v1 --rewards model --total --exact
      metaregret plan storm:die.prism --goal six --reach --exact
      metaregret plan my.json --rewards cost.json --task steps --until home,shop --minimise
    """
    if (goal is None) == (rewards is None):
        raise InvalidArgumentError("Give either --goal STATE or --rewards FILE (or --rewards model).")
    if goal is not None and (total or task):
        raise InvalidArgumentError("--total and --task go with --rewards; for a goal use --reach.")
    if rewards is not None and reach:
        raise InvalidArgumentError("--reach goes with --goal; for rewards use --total.")
    if until is not None and (goal is not None or total):
        raise InvalidArgumentError("--until goes with --rewards and is a total already; leave --total out.")
    if (reach or total or until is not None) and (source.horizon is not None or source.gamma is not None):
        raise InvalidArgumentError(
            "--reach, --total and --until have no horizon; leave --horizon and --gamma out."
        )
    if not 0 < tolerance < 1:
        raise InvalidArgumentError(f"Expected --tolerance between 0 and 1, but got {tolerance}.")
    check_outputs(json_file, certificate=certificate, policy=policy_file)
    if policy_file is not None and policy_file.suffix.lower() != ".npz":
        raise InvalidArgumentError(f"--policy writes an .npz file; rename {str(policy_file)[:200]!r}.")
    model = source.model(unbounded=reach or total or until is not None)
    process = model.process
    from metaregret.theory.planning import check_certifiable, plan

    question: dict[str, Any] = {
        "goal": None if goal is None else model.goal(goal),
        "rewards": None if rewards is None else rewards_of(rewards, process),
        "task": task,
        "reach": reach,
        "total": total,
        "until": None if until is None else model.goal(until),
    }
    if certificate is not None:
        check_certifiable(process, **question)
    with progress(f"planning on {process.name}"):
        try:
            found = plan(process, **question, minimise=minimise, tolerance=tolerance, exact=exact)
        except UnsupportedError as error:
            named = "name target states" in str(error)
            raise UnsupportedError(f"{error} (--until STATE names them.)" if named else str(error)) from error
    show(found, json_file)  # first: the value holds even if the checker's limits refuse its certificate
    if policy_file is not None:
        found.save_policy(policy_file)
    if certificate is not None:
        write_certificate(found, certificate)
