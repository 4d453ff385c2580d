"""Processes and reward tables as JSON documents: ``metaregret-cmp/1`` and ``metaregret-rewards/1``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular.documents import abridged, read_document, require, write_text
from metaregret.tabular.environments.options import MAX_STATES
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError, InvalidProcessError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import fraction_text, parse_fraction
from metaregret.tabular.rewards import RewardTables

__all__ = [
    "process_document",
    "process_from_document",
    "read_process",
    "read_rewards",
    "reward_row",
    "write_process",
    "write_rewards",
]

PROCESS_FORMAT = "metaregret-cmp/1"
REWARDS_FORMAT = "metaregret-rewards/1"
MAX_TASKS = 100_000
_FIELDS = {
    "format",
    "states",
    "actions",
    "initial",
    "horizon",
    "gamma",
    "transitions",
    "name",
    "picture",
    "counts_as",
}


def read_process(path: Path) -> ControlledMarkovProcess:
    """Read a ``metaregret-cmp/1`` file.

    Raises
    ------
    FileFormatError
        If the file is not such a document.
    InvalidProcessError
        If what it describes is not a controlled Markov process.
    """
    document = read_document(path, PROCESS_FORMAT)
    try:
        return process_from_document(document, str(path))
    except FileFormatError:
        raise
    except InvalidArgumentError as error:
        raise type(error)(f"{path}: {error}") from None


def process_from_document(document: Mapping[str, Any], where: str = "process") -> ControlledMarkovProcess:
    """Return the process that a parsed ``metaregret-cmp/1`` document describes; see `read_process`."""
    unknown = sorted(set(document) - _FIELDS)
    if unknown:
        raise FileFormatError(
            f'{where}: unknown field "{unknown[0][:80]}"; known are {", ".join(sorted(_FIELDS))}.'
        )
    states = _labels(document, "states", where)
    actions = _labels(document, "actions", where)
    rows = require(document, "transitions", list, where)
    if len(rows) < len(states):
        sources = {str(row[0]) for row in rows if isinstance(row, list) and row}
        without = next(name for name in states if name not in sources)
        raise InvalidProcessError(
            f"{len(states)} states but only {len(rows)} transitions: state {without!r} has an empty action "
            "set; give each at least one action, for example one that stays."
        )
    process = ControlledMarkovProcess.from_transitions(
        _transition_rows(rows, states, actions, where),
        states=states,
        actions=actions,
        initial=_initial(document, states, where),
        horizon=_horizon(document, where),
        name=require(document, "name", str, where) if "name" in document else Path(where).stem,
        picture=_picture(document.get("picture"), len(states), where),
    )
    return (
        replace(process, counts_as=_counts_as(document, states, where))
        if "counts_as" in document
        else process
    )


def _counts_as(document: Mapping[str, Any], states: Labels, where: str) -> np.ndarray:
    """Read ``{"state": "goal" or null, ...}``; the others count as themselves."""
    goals = np.arange(len(states))
    for name, goal in require(document, "counts_as", dict, where).items():
        goals[states.position(name)] = -1 if goal is None else states.position(_spelled(goal))
    return goals


def _labels(document: Mapping[str, Any], key: str, where: str) -> Labels:
    value = require(document, key, (int, list), where)
    count = value if isinstance(value, int) else len(value)
    if not 1 <= count <= MAX_STATES:
        raise FileFormatError(f'{where}: "{key}" asks for {count} names; expected 1 to {MAX_STATES}.')
    return Labels(value, key.removesuffix("s"))


def _horizon(document: Mapping[str, Any], where: str) -> Horizon:
    if ("horizon" in document) == ("gamma" in document):
        raise FileFormatError(f'{where}: give exactly one of "horizon" (steps) and "gamma".')
    if "gamma" in document:
        return GeometricHorizon(parse_fraction(document["gamma"], "gamma"))
    horizon = document["horizon"]
    if isinstance(horizon, Fraction) and horizon.denominator == 1:
        horizon = int(horizon)
    if isinstance(horizon, Fraction):
        raise InvalidProcessError(
            f"Expected horizon to be a whole number of steps, but got {abridged(horizon)}; give an integer."
        )
    return FiniteHorizon(horizon)


def _initial(document: Mapping[str, Any], states: Labels, where: str) -> dict[int, object]:
    table = require(document, "initial", dict, where)
    if not table:
        raise FileFormatError(f'{where}: "initial" is empty; name at least one start state.')
    return {states.position(name): probability for name, probability in table.items()}


def _transition_rows(
    rows: Sequence[Any], states: Labels, actions: Labels, where: str
) -> list[tuple[int, int, int, object]]:
    result = []
    for position, row in enumerate(rows):
        if not isinstance(row, list | tuple) or len(row) != 4:
            raise FileFormatError(
                f'{where}: transitions[{position}] is {abridged(row)}, not ["state", "action", "next", '
                "probability]; "
                "list four items."
            )
        try:
            state, action, successor = (
                labels.position(_spelled(name))
                for labels, name in ((states, row[0]), (actions, row[1]), (states, row[2]))
            )
        except InvalidArgumentError as error:
            raise FileFormatError(f"{where}: transitions[{position}]: {error}") from None
        result.append((state, action, successor, row[3]))
    return result


def _spelled(name: Any) -> str:
    """Return the name of a state or action; whole numbers may stand for counted names."""
    if isinstance(name, str):
        return name
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    raise InvalidArgumentError(f"Expected a name, but got {abridged(name)}; quote names.")


def _picture(value: Any, n_states: int, where: str) -> tuple[tuple[int | None, ...], ...] | None:
    if value is None:
        return None
    valid = isinstance(value, list) and all(
        isinstance(row, list)
        and all(cell is None or (isinstance(cell, int) and 0 <= cell < n_states) for cell in row)
        for row in value
    )
    if not valid:
        raise FileFormatError(f'{where}: "picture" must be rows of state indices or null.')
    return tuple(tuple(row) for row in value)


def process_document(process: ControlledMarkovProcess) -> dict[str, Any]:
    """Return the ``metaregret-cmp/1`` document of a process; exact probabilities are written as ``"p/q"``."""
    choice = process.transition_choice
    probabilities: list[object] = (
        [fraction_text(p) for p in process.exact_probabilities]
        if process.is_exact
        else process.probabilities.tolist()
    )
    starts = np.flatnonzero(process.initial)
    exact_initial = process.exact_initial
    document: dict[str, Any] = {
        "format": PROCESS_FORMAT,
        "name": process.name,
        "states": len(process.states) if process.states.counted else list(process.states),
        "actions": len(process.actions) if process.actions.counted else list(process.actions),
        "initial": {
            process.states[int(s)]: fraction_text(exact_initial[s])
            if exact_initial
            else float(process.initial[s])
            for s in starts
        },
    }
    if isinstance(process.horizon, FiniteHorizon):
        document["horizon"] = process.horizon.steps
    else:
        document["gamma"] = str(process.horizon.gamma)
    if process.picture is not None:
        document["picture"] = [list(row) for row in process.picture]
    if process.counts_as is not None:
        document["counts_as"] = {
            process.states[s]: process.states[goal] if goal >= 0 else None
            for s, goal in enumerate(process.counts_as.tolist())
            if goal != s
        }
    document["transitions"] = [
        [process.states[int(s)], process.actions[int(a)], process.states[int(t)], p]
        for s, a, t, p in zip(
            process.choice_state[choice],
            process.choice_action[choice],
            process.successors,
            probabilities,
            strict=True,
        )
    ]
    return document


def write_process(process: ControlledMarkovProcess, path: Path) -> None:
    """Write a process as a ``metaregret-cmp/1`` file, atomically; reading it back gives the same process."""
    document = process_document(process)
    rows = document.pop("transitions")
    head = json.dumps(document, indent=1)[:-2]
    body = ",\n  ".join(json.dumps(row) for row in rows)
    write_text(path, f'{head},\n "transitions": [\n  {body}\n ]\n}}\n')


def read_rewards(path: Path, process: ControlledMarkovProcess) -> RewardTables:
    """Read a ``metaregret-rewards/1`` file for `process`; unlisted transitions pay 0.

    ``"*"`` matches any action or next state; of two rows that match one transition the one with fewer ``"*"``
    counts.

    Raises
    ------
    FileFormatError
        If a row is malformed, names an unknown state or action, matches no transition, or gives a reward
        that another row with as many ``"*"`` gives, too.
    """
    document = read_document(path, REWARDS_FORMAT)
    tasks = require(document, "tasks", dict, str(path))
    if not 1 <= len(tasks) <= MAX_TASKS:
        raise FileFormatError(f'{path}: "tasks" has {len(tasks)} entries; expected 1 to {MAX_TASKS}.')
    table = [reward_row(process, rows, f"{path}: task {name!r}") for name, rows in tasks.items()]
    return RewardTables.from_exact(process, Labels(list(tasks), "task"), table)


def write_rewards(tables: RewardTables, path: Path) -> None:
    """Write rewards as a ``metaregret-rewards/1`` file, atomically; transitions that pay 0 are left out."""
    process = tables.process
    choice = process.transition_choice
    state, action = process.choice_state[choice], process.choice_action[choice]
    values = tables.values if tables.exact is None else tables.exact
    tasks = {
        name: [
            [process.states[int(s)], process.actions[int(a)], process.states[int(to)], str(r)]
            for s, a, to, r in zip(state, action, process.successors, values[task], strict=True)
            if r != 0
        ]
        for task, name in enumerate(tables.tasks)
    }
    write_text(path, json.dumps({"format": REWARDS_FORMAT, "tasks": tasks}, indent=1) + "\n")


def reward_row(process: ControlledMarkovProcess, rows: Any, where: str) -> list[Fraction]:
    """Return the rewards, length M, that a list of rows spells; see `read_rewards`."""
    if not isinstance(rows, list | tuple):
        raise FileFormatError(f"{where}: expected a list of rows, but got {type(rows).__name__}.")
    rewards = np.full(process.n_transitions, Fraction(0), dtype=object)
    by_row = np.full(process.n_transitions, -1)
    precision = np.full(process.n_transitions, -1)
    choice = process.transition_choice
    columns = (
        (process.choice_state[choice], process.states),
        (process.choice_action[choice], process.actions),
        (process.successors, process.states),
    )
    for position, row in enumerate(rows):
        if not isinstance(row, list | tuple) or len(row) != 4:
            raise FileFormatError(
                f'{where}[{position}] is {abridged(row)}, not ["state", "action", "next", reward]; list '
                "four items."
            )
        match = np.ones(process.n_transitions, dtype=bool)
        try:
            for part, (column, labels) in enumerate(columns):
                if part == 0 and row[0] == "*" and "*" not in labels:
                    raise InvalidArgumentError("'*' stands for any action or next state; name the state.")
                if part == 0 or row[part] != "*":
                    match &= column == labels.position(_spelled(row[part]))
            reward = parse_fraction(row[3], "reward")
        except InvalidArgumentError as error:
            raise FileFormatError(f"{where}[{position}]: {error}") from None
        if not np.any(match):
            raise FileFormatError(
                f"{where}[{position}] = {row[:3]} matches no transition of {process.name!r}."
            )
        precise = sum(part != "*" for part in row[:3])
        again = np.flatnonzero(match & (precision == precise))
        if again.size:
            earlier = int(by_row[again[0]])
            raise FileFormatError(
                f"{where}[{position}] = {row[:3]} gives a reward that row {earlier} = {rows[earlier][:3]} "
                "gives, too; "
                "list each reward once."
            )
        match &= precision < precise
        rewards[match], by_row[match], precision[match] = reward, position, precise
    return rewards.tolist()
