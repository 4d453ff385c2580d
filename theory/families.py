"""The task families, made in one call: `goals`, `trajectories`, `rewards`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular.choices import choice, expect
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.files import read_rewards, reward_row
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess, state_index
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

__all__ = ["goals", "rewards", "trajectories"]

MAKE = "make one with metaregret.make"


def goals(
    process: ControlledMarkovProcess,
    goals: str | Iterable[str | int] = "reachable",
    *,
    detect: Detection | str = Detection.END,
) -> GoalTasks:
    """Return goal-reaching tasks.

    Parameters
    ----------
    process : ControlledMarkovProcess
    goals : {"reachable", "all"} or iterable of str or int
        The goals with ``v*_g > 0``, every state, or these states by name or index.
    detect : Detection or str
        When a goal is noticed: ``"end"`` (``s_T = g``) or ``"visit"`` (at the first ``t`` with ``s_t = g``).

    Raises
    ------
    InvalidArgumentError
        If an argument has a wrong type, or a state is unknown or named twice.

    Examples
    --------
    >>> import metaregret as mr
    >>> process = mr.make("line:5,start=2", horizon=1)
    >>> list(mr.goals(process).names), list(mr.goals(process, ["1", "3"], detect="visit").names)
    (['1', '2', '3'], ['1', '3'])
    """
    noticed = choice(Detection, detect, "detect")
    expect(ControlledMarkovProcess, process, "process", MAKE)
    if isinstance(goals, str):
        if goals == "reachable":
            return GoalTasks.reachable(process, noticed)
        if goals == "all":
            return GoalTasks(process, np.arange(process.n_states), noticed)
        raise InvalidArgumentError(
            f"Expected goals to be 'reachable', 'all' or a list of states, but got {goals!r:.60}; "
            "a single goal goes into a list, too."
        )
    expect(Iterable, goals, "goals")
    indices = [state_index(process, goal) for goal in goals]
    return GoalTasks(process, np.array(indices, dtype=np.int64), noticed)


def trajectories(process: ControlledMarkovProcess) -> TrajectoryTasks:
    """Return the trajectory-matching tasks: every sequence of states and actions that can happen.

    Raises
    ------
    InvalidArgumentError
        If `process` is no process.
    UnsupportedError
        If its horizon is not finite.

    Examples
    --------
    >>> import metaregret as mr
    >>> str(mr.solve(mr.trajectories(mr.make("line:3", horizon=2)), exact=True).value.exact)
    '8'
    """
    expect(ControlledMarkovProcess, process, "process", MAKE)
    process.steps_for("Trajectory tasks")
    return TrajectoryTasks(process)


def rewards(
    process: ControlledMarkovProcess, tables: RewardTables | Path | str | Mapping[str, Any]
) -> RewardTasks:
    """Return tasks that are reward tables.

    Parameters
    ----------
    process : ControlledMarkovProcess
    tables : RewardTables, path or mapping
        Tables made for this process; a ``metaregret-rewards/1`` file; or by task a list of
        ``(state, action, next state, reward)`` (states and actions by name or index, ``"*"`` for any action
        or next state), or an array of one reward per transition (shape (M,)), per state and
        action ((S, A)) or per state ((S,)).

    Raises
    ------
    InvalidArgumentError, FileFormatError
        If an argument has a wrong type, or the tables do not fit the process.

    Examples
    --------
    >>> import numpy as np
    >>> import metaregret as mr
    >>> process = mr.make("line:3", horizon=2)
    >>> tasks = mr.rewards(process, {"stay": np.array([1, 0, 0]), "right": [("2", "*", "2", "1/2")]})
    >>> mr.solve(tasks, learner="memory", episodes=2).status.label
    'certified'
    """
    expect(ControlledMarkovProcess, process, "process", MAKE)
    expect((RewardTables, Path, str, Mapping), tables, "tables")
    if isinstance(tables, RewardTables):
        return RewardTasks(process, tables.moved_to(process))
    if isinstance(tables, Path | str):
        return RewardTasks(process, read_rewards(Path(tables), process))
    return RewardTasks(process, _by_name(process, tables))


def _by_name(process: ControlledMarkovProcess, tables: Mapping[str, Any]) -> RewardTables:
    names = Labels(list(tables), "task")
    return RewardTables.from_exact(process, names, [_row(process, n, t) for n, t in tables.items()])


def _row(process: ControlledMarkovProcess, name: str, table: Any) -> list[Fraction]:
    choice_of = process.transition_choice
    states, actions = process.choice_state[choice_of], process.choice_action[choice_of]
    if isinstance(table, np.ndarray):
        aligned: dict[tuple[int, ...], Any] = {
            (process.n_transitions,): slice(None),
            (process.n_states, process.n_actions): (states, actions),
            (process.n_states,): states,
        }
        if table.shape not in aligned:
            raise InvalidArgumentError(
                f"Task {name!r}: expected rewards of shape {' or '.join(map(str, aligned))}, but got "
                f"{table.shape}."
            )
        paid = table[aligned[table.shape]].tolist()
        return [parse_fraction(x, f"reward of task {name!r}") for x in paid]
    return reward_row(process, table, f"task {name!r}")
