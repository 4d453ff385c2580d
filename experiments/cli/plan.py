"""``metaregret plan``: the best policy for one known task, with certified bounds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaregret.experiments.cli.options import build_model, json_option, process_options, rewards_of
from metaregret.experiments.cli.output import (
    bracket,
    check_outputs,
    console,
    emit_json,
    length,
    progress,
    table,
)
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError

if TYPE_CHECKING:
    from metaregret.tabular.engine import PlanningSolution
    from metaregret.tabular.importers import Imported
    from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["COMMAND"]

MOST_ROWS = 40
"""Rows of the policy in a table."""

MOST_ENTRIES = 2_000_000
"""Decisions in a JSON document, about 30 MB; a longer policy is left out, and the document says so."""


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
@click.option("--minimise", is_flag=True, help="Minimise instead of maximise.")
@click.option(
    "--tolerance",
    type=float,
    default=1e-9,
    help="Gap to certify, relative to max(1, largest value).",
    show_default=True,
)
@click.option(
    "--exact", is_flag=True, help="Rational arithmetic: lower = upper, checked by a Bellman residual of zero."
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a certificate of the exact value that metaregret check proves.",
)
@json_option
def COMMAND(
    cmp: str,
    horizon: int | None,
    gamma: str | None,
    start: str | None,
    goal: str | None,
    reach: bool,
    rewards: Path | None,
    task: str | None,
    total: bool,
    minimise: bool,
    tolerance: float,
    exact: bool,
    certificate: Path | None,
    json_file: str | None,
) -> None:
    """Plan for one known task: a goal, or a table of rewards.

    \b
    Examples:
      metaregret plan grid:3x3,slip=1/10 --goal 8 --horizon 4 --exact
      metaregret plan gym:FrozenLake-v1 --goal 15 --reach
      metaregret plan my.json --rewards pay.json --task night --gamma 99/100
      metaregret plan gym:Blackjack-v1 --rewards model --total --exact
      metaregret plan storm:die.prism --goal six --reach --exact
    """
    if (goal is None) == (rewards is None):
        raise InvalidArgumentError("Give either --goal STATE or --rewards FILE (or --rewards model).")
    if goal is not None and (total or task):
        raise InvalidArgumentError("--total and --task go with --rewards; for a goal use --reach.")
    if rewards is not None and reach:
        raise InvalidArgumentError("--reach goes with --goal; for rewards use --total.")
    if (reach or total) and (horizon is not None or gamma is not None):
        raise InvalidArgumentError("--reach and --total have no horizon; leave out --horizon and --gamma.")
    if not 0 < tolerance < 1:
        raise InvalidArgumentError(f"Expected --tolerance between 0 and 1, but got {tolerance}.")
    check_outputs(json_file, certificate=certificate)
    model = build_model(cmp, horizon, gamma, start, unbounded=reach or total)
    process = model.process
    targets = None if goal is None else _targets(model, goal)
    if targets is None:
        task, arguments = _task(process, rewards, task, total)
    else:
        arguments = _goal(process, targets, reach)
    pays = arguments.get("rewards") if goal is None else None
    if certificate is not None:
        from metaregret.theory.certificates.write_planning import check_certifiable

        check_certifiable(process, pays, reach or total)
    from metaregret.tabular.engine import solve

    with progress(f"planning on {process.name}"):
        solution = solve(process, **arguments, maximise=not minimise, tolerance=tolerance, exact=exact)
    if certificate is not None:
        _certify(process, targets, pays, reach or total, minimise, certificate)
    if json_file is None or not emit_json(_document(process, solution), json_file):
        _print(_question(process, goal, task, reach or total, minimise), process, solution)


def _question(
    process: ControlledMarkovProcess, goal: str | None, task: str | None, unbounded: bool, minimise: bool
) -> str:
    """What was asked, in words."""
    extreme = "smallest" if minimise else "largest"
    if goal is not None:
        if unbounded:
            return f"{process.name}: {extreme} probability of ever reaching state {goal}"
        return f"{process.name}, {length(process)}: {extreme} probability of being in state {goal} at the end"
    if unbounded:
        return f"{process.name}: {extreme} expected total of the rewards of task {task}, undiscounted"
    discounted = "sum" if _length(process)["objective"] == "finite" else "discounted sum"
    return f"{process.name}, {length(process)}: {extreme} expected {discounted} of the rewards of task {task}"


def _certify(
    process: ControlledMarkovProcess,
    targets: list[int] | None,
    rewards: Any,
    unbounded: bool,
    minimise: bool,
    file: Path,
) -> None:
    from metaregret.theory.certificates.drafting import write_certificate
    from metaregret.theory.certificates.write_planning import planning_certificate

    if targets is not None and len(targets) > 1:
        raise UnsupportedError(
            f"A certificate is about one goal state, but {len(targets)} were named; name one."
        )
    document = planning_certificate(
        process,
        goal=None if targets is None else targets[0],
        rewards=rewards,
        unbounded=unbounded,
        minimise=minimise,
    )
    write_certificate(document, file)
    claim = document["claim"]
    click.echo(f"wrote {file}, which proves {claim['lower']} <= value <= {claim['upper']}", err=True)


def _length(process: ControlledMarkovProcess) -> dict[str, Any]:
    from metaregret.tabular.horizon import FiniteHorizon

    if isinstance(process.horizon, FiniteHorizon):
        return {"objective": "finite", "steps": process.horizon.steps}
    return {"objective": "discounted", "gamma": process.horizon.gamma}


def _targets(model: Imported, goal: str) -> list[int]:
    """The states that a goal names: a label of the model, one state, or a list."""
    states = model.process.states
    if goal in model.labels:
        return list(model.labels[goal])
    return states.select(goal)


def _goal(process: ControlledMarkovProcess, target: list[int], reach: bool) -> dict[str, Any]:
    import numpy as np

    if reach:
        return {"objective": "reach", "targets": np.array(target)}
    length = _length(process)
    pays = np.full(process.n_states, Fraction(0), dtype=object)
    if length["objective"] == "finite":
        pays[target] = Fraction(1)
        return {**length, "terminal": pays}
    pays[target] = 1 - length["gamma"]
    return {**length, "rewards": pays}


def _task(
    process: ControlledMarkovProcess, file: Path | None, task: str | None, total: bool
) -> tuple[str, dict[str, Any]]:
    """The name of the task and what the planner is asked."""
    assert file is not None
    tables = rewards_of(file, process)
    assert tables.exact is not None
    if task is None:
        if len(tables.tasks) > 1:
            raise InvalidArgumentError(
                f"The rewards hold {len(tables.tasks)} tasks ({', '.join(tables.tasks[:8])}); choose one by "
                "--task."
            )
        task = tables.tasks[0]
    rewards = tables.exact[tables.tasks.position(task)]
    if total:
        return task, {"objective": "total", "rewards": rewards}
    return task, {**_length(process), "rewards": rewards}


class _Readable:
    """A policy in words: the action of every state that can be visited."""

    def __init__(self, process: ControlledMarkovProcess, policy: Any) -> None:
        import numpy as np

        self._policy, self._process = policy, process
        self._states = np.flatnonzero(process.reachable)
        self._names = [process.states[state] for state in self._states.tolist()]
        self._actions = list(process.actions)

    @property
    def n_entries(self) -> int:
        """Number of decisions over all steps."""
        steps = 1 if self._policy.ndim == 1 else len(self._policy)
        return steps * len(self._states)

    def first(self) -> dict[str, str]:
        """The decisions of the first step."""
        return self._step(self._policy if self._policy.ndim == 1 else self._policy[0])

    def all(self) -> dict[str, str] | list[dict[str, str]]:
        """The decisions, a mapping for each step where they depend on it."""
        return self.first() if self._policy.ndim == 1 else [self._step(step) for step in self._policy]

    def _step(self, choices: Any) -> dict[str, str]:
        chosen = choices[self._states]
        actions = self._process.choice_action[chosen].tolist()
        decided = (chosen >= 0).tolist()
        named = zip(self._names, actions, decided, strict=True)
        return {name: self._actions[action] for name, action, known in named if known}


def _document(process: ControlledMarkovProcess, solution: PlanningSolution) -> dict[str, Any]:
    policy = None if solution.policy is None else _Readable(process, solution.policy)
    omitted = {}
    if policy is not None and policy.n_entries > MOST_ENTRIES:
        omitted["policy_omitted"] = (
            f"{policy.n_entries} decisions, over the limit of {MOST_ENTRIES}; "
            "metaregret.tabular.engine.solve returns them as an array"
        )
        policy = None
    return {
        "format": "metaregret-plan/1",
        "process": process.name,
        "objective": solution.objective.name.lower(),
        "value": solution.value.to_json(),
        "policy": None if policy is None else policy.all(),
        **omitted,
        "method": solution.method,
        "iterations": solution.iterations,
        "status": solution.status.label,
    }


def _print(question: str, process: ControlledMarkovProcess, solution: PlanningSolution) -> None:
    out = console()
    out.print(question, markup=False)
    out.print(f"value   {bracket(solution.value)}", markup=False)
    out.print(f"status  {solution.status.value}", markup=False)
    out.print(f"method  {solution.method}, {solution.iterations} iterations; {solution.detail}", markup=False)
    if solution.policy is None:
        return
    first = _Readable(process, solution.policy).first()
    if solution.policy.ndim > 1:
        out.print("policy at the first step (all steps: --json)")
    rows = list(first.items())[:MOST_ROWS]
    if len(first) > MOST_ROWS:
        rows.append(("...", f"{len(first) - MOST_ROWS} more, see --json"))
    out.print(table("policy", ("state", "action"), rows))
