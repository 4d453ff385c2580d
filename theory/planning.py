"""`plan`: the best policy for one known task, with certified bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.choices import as_path, check_tolerance, expect, flag
from metaregret.tabular.documents import write_arrays
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.importers.npz import names_array
from metaregret.tabular.process import ControlledMarkovProcess, state_index
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.by_name import ByName
from metaregret.theory.families import rewards as reward_tasks
from metaregret.theory.presentation import length, table
from metaregret.theory.results import Result, cells
from metaregret.theory.tasks import RewardTasks

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table

    from metaregret.tabular.engine import PlanningSolution

__all__ = ["Plan", "check_certifiable", "plan"]

Goal = str | int | Sequence[str | int] | None

MOST_DECISIONS = 40
"""Decisions of the first step that are printed."""

MOST_GOALS = 4
"""Goals that the question spells out."""

MOST_ENTRIES = 2_000_000
"""Decisions in a JSON document, about 30 MB; a longer policy is left out, and the document says so."""


def plan(
    process: ControlledMarkovProcess,
    *,
    goal: Goal = None,
    rewards: RewardTasks | RewardTables | Path | str | Mapping[str, Any] | np.ndarray | None = None,
    task: str | None = None,
    reach: bool = False,
    total: bool = False,
    until: str | int | Sequence[str | int] | None = None,
    minimise: bool = False,
    tolerance: float = 1e-9,
    exact: bool = False,
) -> Plan:
    """Find the best policy for one known task: a goal, or a table of rewards.

    Parameters
    ----------
    process : ControlledMarkovProcess
    goal : str, int or sequence of these, optional
        Be at this state (or at one of these) at the end of the horizon; with `reach`, ever.
    rewards : RewardTasks, RewardTables, path, mapping or array, optional
        Or earn these: anything that `metaregret.rewards` takes, or the rewards of one task as an array of
        shape (M,), (S, A) or (S,).
    task : str, optional
        Which task of the rewards, where there are several.
    reach : bool
        Count ever reaching the goal, however long it takes.
    total : bool
        The undiscounted sum of rewards until nothing more is earned, without a horizon.
    until : str, int or sequence of them, optional
        The undiscounted sum of rewards until one of these states is reached, over the policies that reach one
        with probability one; refused by name where no policy does.
    minimise : bool
    tolerance : float
        Gap to certify, relative to ``max(1, largest value)``.
    exact : bool
        Rational arithmetic: lower = upper, checked by a Bellman residual of zero.

    Raises
    ------
    InvalidArgumentError
        If not exactly one of `goal` and `rewards` is given, or an argument does not fit.
    NotExactError, UnsupportedError, ConvergenceError
        As `metaregret.tabular.engine.solve`.

    Examples
    --------
    >>> import metaregret as mr
    >>> mr.plan(mr.make("gym:FrozenLake-v1"), goal="15", reach=True, exact=True).value.exact
    Fraction(14, 17)
    """
    expect(ControlledMarkovProcess, process, "process", "make one with metaregret.make")
    flags = {"reach": reach, "total": total, "minimise": minimise, "exact": exact}
    reach, total, minimise, exact = (flag(value, name) for name, value in flags.items())
    if (goal is None) == (rewards is None):
        raise InvalidArgumentError("Expected either a goal or rewards; give one of the two.")
    if goal is not None and (total or task is not None):
        raise InvalidArgumentError("total and task go with rewards; for a goal there is reach.")
    if until is not None and (goal is not None or total):
        raise InvalidArgumentError(
            "until goes with rewards and is a total already; leave goal and total out."
        )
    if rewards is not None and reach:
        raise InvalidArgumentError("reach goes with a goal; for rewards there is total.")
    check_tolerance(tolerance)
    from metaregret.tabular.engine import solve

    targets, name, paid = _read(process, goal, rewards, task)
    ends = _targets(process, until)
    arguments = _for_goal(process, targets, reach) if targets else _for_rewards(process, paid, total, ends)
    found = solve(process, **arguments, maximise=not minimise, tolerance=tolerance, exact=exact)
    return Plan(process, targets, name, paid, reach or total or bool(ends), minimise, found, ends)


def check_certifiable(
    process: ControlledMarkovProcess,
    *,
    goal: Goal = None,
    rewards: Any = None,
    task: str | None = None,
    reach: bool = False,
    total: bool = False,
    until: Any = None,
) -> None:
    """Refuse, before any work, a question whose answer no certificate can carry.

    Raises
    ------
    NotExactError, UnsupportedError
        As `metaregret.theory.certificates.write_planning.check_certifiable`.
    """
    from metaregret.theory.certificates import write_planning

    _refuse_until(until)
    targets, _, paid = _read(process, goal, rewards, task)
    _one_goal(targets)
    write_planning.check_certifiable(process, paid, reach or total)


def _one_goal(targets: tuple[int, ...]) -> int | None:
    """The goal of a certificate, which is one state."""
    if len(targets) > 1:
        raise UnsupportedError(
            f"A certificate is about one goal state, but {len(targets)} were named; name one."
        )
    return targets[0] if targets else None


def _refuse_until(until: Any) -> None:
    if until is not None and until != ():
        raise UnsupportedError(
            "No certificate is offered for a total until a target; ask for the value without a certificate."
        )


def _read(
    process: ControlledMarkovProcess, goal: Goal, rewards: Any, task: str | None
) -> tuple[tuple[int, ...], str, np.ndarray | None]:
    """The goals' indices, the task's name and its rewards, shape (M,)."""
    if goal is None:
        return ((), *_chosen(process, rewards, task)) if rewards is not None else ((), "", None)
    listed: Sequence[Any] = goal if isinstance(goal, Sequence) and not isinstance(goal, str) else (goal,)
    targets = tuple(state_index(process, one) for one in listed)
    if not targets or len(set(targets)) < len(targets):
        raise InvalidArgumentError(f"Expected goals to be one or more distinct states, but got {goal!r:.60}.")
    return targets, "", None


def _chosen(process: ControlledMarkovProcess, rewards: Any, task: str | None) -> tuple[str, np.ndarray]:
    """The name of the task and its rewards, shape (M,)."""
    if isinstance(rewards, np.ndarray):
        rewards = {task or "rewards": rewards}
    if isinstance(rewards, RewardTasks):
        rewards = rewards.tables
    family = reward_tasks(process, rewards)
    if task is None and len(family.names) > 1:
        some = ", ".join(map(repr, family.names[:8]))
        raise InvalidArgumentError(f"There are {len(family.names)} tasks ({some}); say which with task.")
    position = 0 if task is None else family.labels.position(task)
    tables = family.tables
    return family.names[position], (tables.values if tables.exact is None else tables.exact)[position]


def _horizon(process: ControlledMarkovProcess) -> dict[str, Any]:
    if isinstance(process.horizon, FiniteHorizon):
        return {"objective": "finite", "steps": process.horizon.steps}
    return {"objective": "discounted", "gamma": process.horizon.gamma}


def _for_goal(process: ControlledMarkovProcess, targets: tuple[int, ...], reach: bool) -> dict[str, Any]:
    if reach:
        return {"objective": "reach", "targets": np.array(targets)}
    horizon = _horizon(process)
    pays = np.full(process.n_states, Fraction(0), dtype=object)
    if horizon["objective"] == "finite":
        pays[list(targets)] = Fraction(1)
        return {**horizon, "terminal": pays}
    pays[list(targets)] = 1 - horizon["gamma"]
    return {**horizon, "rewards": pays}


def _targets(
    process: ControlledMarkovProcess, until: str | int | Sequence[str | int] | None
) -> tuple[int, ...]:
    """The indices of the states that end the sum."""
    if until is None:
        return ()
    named = [until] if isinstance(until, str | int | np.integer) else list(until)
    if not named:
        raise InvalidArgumentError("Expected until to name at least one state, but got none.")
    return tuple(dict.fromkeys(state_index(process, item) for item in named))


def _for_rewards(
    process: ControlledMarkovProcess, paid: np.ndarray | None, total: bool, ends: tuple[int, ...]
) -> dict[str, Any]:
    if ends:
        return {"objective": "total", "rewards": paid, "targets": np.array(ends), "must_reach": True}
    return {"objective": "total", "rewards": paid} if total else {**_horizon(process), "rewards": paid}


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Result):
    """The best policy for one known task.

    Attributes
    ----------
    process : ControlledMarkovProcess
    goals : tuple of int
        The states to be at; none for rewards.
    task : str
        The name of the rewards.
    rewards : ndarray, shape (M,), or None
        What each transition pays.
    unbounded : bool
        Whether the horizon was left out (`reach`, `total`).
    minimise : bool
    solution : PlanningSolution
        Bounds for every state, and the policy as an array.
    until : tuple of int
        States where the sum of rewards ends; empty where none was named.

    Examples
    --------
    >>> import metaregret as mr
    >>> plan = mr.plan(mr.make("line:3", horizon=2), goal="2", exact=True)
    >>> plan.value.exact, plan.policy.first()["0"]
    (Fraction(1, 1), 'right')
    """

    process: ControlledMarkovProcess
    goals: tuple[int, ...]
    task: str
    rewards: np.ndarray | None
    unbounded: bool
    minimise: bool
    solution: PlanningSolution
    until: tuple[int, ...] = ()

    @property
    def value(self) -> Bracket:
        """Certified bounds on the value from the initial distribution."""
        return self.solution.value

    @property
    def status(self) -> Status:
        """How the value is backed."""
        return self.solution.status

    @cached_property
    def values(self) -> ByName:
        """The value of every state, by name; rational in exact mode."""
        exact = self.solution.exact
        return ByName(self.process.states, self.solution.values, None if exact is None else exact.tolist())

    @cached_property
    def policy(self) -> _Decisions | None:
        """The action of every state that can be visited; None where no policy was kept."""
        return None if self.solution.policy is None else _Decisions(self.process, self.solution.policy)

    @property
    def question(self) -> str:
        """What was asked, in words."""
        process = self.process
        extreme = "smallest" if self.minimise else "largest"
        if self.goals:
            names = [process.states[goal] for goal in self.goals]
            more = ", ..." if len(names) > MOST_GOALS else ""
            state = (
                f"state {names[0]}" if len(names) == 1 else f"one of {', '.join(names[:MOST_GOALS])}{more}"
            )
            if self.unbounded:
                return f"{process.name}: {extreme} probability of ever reaching {state}"
            horizon = length(process)
            return f"{process.name}, {horizon}: {extreme} probability of being in {state} at the end"
        if self.until:
            ends = ", ".join(process.states[state] for state in self.until)
            pays = f"total of the rewards of task {self.task} until {ends} is reached"
            return f"{process.name}: {extreme} expected {pays}"
        if self.unbounded:
            pays = f"total of the rewards of task {self.task}, undiscounted"
            return f"{process.name}: {extreme} expected {pays}"
        kind = "sum" if isinstance(process.horizon, FiniteHorizon) else "discounted sum"
        pays = f"{kind} of the rewards of task {self.task}"
        return f"{process.name}, {length(process)}: {extreme} expected {pays}"

    def parts(self) -> Iterator[str | Table]:
        found, policy = self.solution, self.policy
        yield self.question
        yield f"value   {self.value}"
        yield f"status  {found.status.value}"
        many = "s" * (found.iterations != 1)
        yield f"method  {found.method}, {found.iterations} iteration{many}; {found.detail}"
        if policy is None:
            return
        first = policy.first()
        if policy.stepwise:
            yield "policy at the first step (the JSON document has all steps)"
        rows = list(first.items())[:MOST_DECISIONS]
        if len(first) > MOST_DECISIONS:
            rows.append(("...", f"{len(first) - MOST_DECISIONS} more, see the JSON document"))
        yield table("policy", ("state", "action"), rows)

    def _document(self) -> dict[str, Any]:
        found, policy, omitted = self.solution, self.policy, {}
        if policy is not None and policy.n_entries > MOST_ENTRIES:
            omitted["policy_omitted"] = (
                f"{policy.n_entries} decisions, over the limit of {MOST_ENTRIES}; Plan.save_policy writes "
                "them as an array"
            )
            policy = None
        return {
            "format": "metaregret-plan/1",
            "process": self.process.name,
            "objective": found.objective.name.lower(),
            "value": self.value.to_json(),
            "policy": None if policy is None else policy.all(),
            **omitted,
            "method": found.method,
            "iterations": found.iterations,
            "status": found.status.label,
        }

    def save_policy(self, path: Path | str) -> None:
        """Write the policy as an array to a compressed NPZ file, which is quick at any size.

        ``action``, shape (S,) or (T, S) where it depends on the step, has the index of each state's action,
        -1 where no episode comes; ``states`` and ``actions`` have the names (a number where the names are
        counts), ``process`` the name of the process, ``format`` is ``metaregret-policy/1``.

        Raises
        ------
        UnsupportedError
            If no policy was kept.
        InvalidArgumentError
            If the file cannot be written.
        """
        if self.policy is None:
            raise UnsupportedError("No policy was kept of this plan; plan for a shorter horizon.")
        arrays: dict[str, Any] = {"format": "metaregret-policy/1", "process": self.process.name}
        names = {kind: names_array(getattr(self.process, kind)) for kind in ("states", "actions")}
        write_arrays(as_path(path), {**arrays, **names, "action": self.policy.array()})

    def to_frame(self) -> pd.DataFrame:
        """Return one row per state that can be visited: its value, and the action of the first step."""
        import pandas as pd

        names = [self.process.states[state] for state in np.flatnonzero(self.process.reachable).tolist()]
        first: Mapping[str, str] = {} if self.policy is None else self.policy.first()
        data = {"value": cells(self.values[name] for name in names), "action": [first.get(n) for n in names]}
        return pd.DataFrame(data, index=pd.Index(names, name="state"))

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw the value of every state; write the picture where a path is given.

        Raises
        ------
        InvalidArgumentError
            If the file is no .pdf, .png or .svg, or cannot be written.
        """
        from metaregret.theory.plotting.state_map import Panel, states_figure

        values = self.values.array
        seen = np.flatnonzero(self.process.reachable & np.isfinite(values)).tolist()
        panel = Panel(self.process.name, {state: float(values[state]) for state in seen})
        return states_figure(self.process, [panel], label="value", path=path)

    def _picture(self) -> Figure | None:
        return None if self.process.picture is None else self.plot()

    def certificate(self, path: Path | str | None = None) -> dict[str, Any]:
        """Return a certificate of the exact value that `metaregret.check` proves, and write it to `path`.

        Raises
        ------
        NotExactError, UnsupportedError, InstanceTooLargeError
            If the exact value cannot be computed, or not checked within the budget.
        """
        _refuse_until(self.until)
        from metaregret.theory.certificates.drafting import write_certificate
        from metaregret.theory.certificates.write_planning import planning_certificate

        document = planning_certificate(
            self.process,
            goal=_one_goal(self.goals),
            rewards=self.rewards,
            unbounded=self.unbounded,
            minimise=self.minimise,
        )
        if path is not None:
            write_certificate(document, as_path(path))
        return document

    def __repr__(self) -> str:
        return f"<Plan: {self.question}: {self.value}>"


class _Decisions:
    """A policy in words: the action of every state that can be visited."""

    def __init__(self, process: ControlledMarkovProcess, choices: np.ndarray) -> None:
        self._choices, self._process = choices, process
        self._states = np.flatnonzero(process.reachable)
        self._names = [process.states[state] for state in self._states.tolist()]
        self._actions: Sequence[str] = list(process.actions)

    @property
    def stepwise(self) -> bool:
        """Whether decisions depend on the step."""
        return self._choices.ndim > 1

    @property
    def n_entries(self) -> int:
        """Number of decisions over all steps."""
        return (len(self._choices) if self.stepwise else 1) * len(self._states)

    def first(self) -> dict[str, str]:
        """The decisions of the first step."""
        return self._step(self._choices[0] if self.stepwise else self._choices)

    def all(self) -> dict[str, str] | list[dict[str, str]]:
        """The decisions, a mapping for each step where they depend on it."""
        return [self._step(step) for step in self._choices] if self.stepwise else self.first()

    def array(self) -> np.ndarray:
        """The indices of the actions, shape (S,) or (T, S); -1 where no episode comes."""
        found = np.full(self._choices.shape, -1, dtype=np.int32)
        chosen = self._choices[..., self._states]
        found[..., self._states] = np.where(chosen < 0, -1, self._process.choice_action[chosen])
        return found

    def _step(self, choices: np.ndarray) -> dict[str, str]:
        chosen = choices[self._states]
        actions = self._process.choice_action[chosen].tolist()
        decided = (chosen >= 0).tolist()
        named = zip(self._names, actions, decided, strict=True)
        return {name: self._actions[action] for name, action, known in named if known}
