"""Storm's DRN format, and explicit files (``.tra`` with others beside it), written from a process.

DRN carries rational numbers and several reward models. Explicit files carry what Storm reads there: decimals
of 64 bits, and one task's rewards, none of them negative. Neither has a horizon, a random start or names of
states.

Source of the formats: Hensel et al., "The probabilistic model checker Storm" (2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular.documents import write_text
from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.importers.imported import Note, left_out
from metaregret.tabular.importers.storm import BESIDE
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.rewards import RewardTables

__all__ = ["write_drn", "write_explicit"]

GoalSets = Mapping[str, Sequence[int]]


def write_drn(
    path: Path,
    process: ControlledMarkovProcess,
    rewards: RewardTables | None = None,
    labels: GoalSets | None = None,
) -> tuple[Note, ...]:
    """Write a DRN file, exact where the process is; each task's expected rewards are a reward model.

    Parameters
    ----------
    path : Path
    process : ControlledMarkovProcess
    rewards : RewardTables, optional
    labels : mapping of str to sequence of int, optional
        Sets of states with a name.

    Returns
    -------
    tuple of Note
        What the file does not carry.

    Raises
    ------
    UnsupportedError
        If the start is random, which DRN cannot say, or a name has brackets or blanks.
    """
    start, marks, notes = _start(process), *_marks(process, labels)
    if rewards is not None and not _paid_by_choice(process, rewards):
        notes.append(Note("rewards that depend on the next state are written as their means", differs=True))
    probabilities = process.exact_probabilities if process.is_exact else process.probabilities
    spelled = [str(p) if process.is_exact else repr(float(p)) for p in probabilities]
    tasks = () if rewards is None else tuple(rewards.tasks)
    paid = _choice_rewards(process, rewards) if rewards is not None else []
    lines = ["@type: MDP", "@parameters", "", "@reward_models", " ".join(map(_word, tasks))]
    lines += ["@nr_states", str(process.n_states), "@nr_choices", str(process.n_choices), "@model"]
    zeros = f" [{', '.join('0' for _ in tasks)}]" if tasks else ""
    for state in range(process.n_states):
        own_marks = "".join(f" {mark}" for mark in (*["init"] * (state == start), *marks.get(state, ())))
        lines.append(f"state {state}{zeros}{own_marks}")
        for choice in process.choices(state):
            own = f" [{', '.join(str(task[choice]) for task in paid)}]" if tasks else ""
            lines.append(f"\taction {_word(process.actions[int(process.choice_action[choice])])}{own}")
            first, last = int(process.offsets[choice]), int(process.offsets[choice + 1])
            lines += [f"\t\t{process.successors[item]} : {spelled[item]}" for item in range(first, last)]
    write_text(Path(path), "\n".join(lines) + "\n")
    return tuple(notes)


def write_explicit(
    path: Path,
    process: ControlledMarkovProcess,
    rewards: RewardTables | None = None,
    labels: GoalSets | None = None,
) -> tuple[Note, ...]:
    """Write explicit files: ``.tra`` (`path`), ``.lab``, ``.choicelab`` and, with rewards, ``.trew``.

    Parameters
    ----------
    path : Path
    process : ControlledMarkovProcess
    rewards : RewardTables, optional
        One task.
    labels : mapping of str to sequence of int, optional
        Sets of states with a name.

    Returns
    -------
    tuple of Note
        What the files do not carry; numbers that are no decimals of 64 bits are rounded, and this is said.

    Raises
    ------
    UnsupportedError
        If the start is random, there are several tasks, a reward is negative, a name has brackets or blanks,
        or a reward file of another model stands beside `path`.
    """
    path = Path(path)
    start, marks, notes = _start(process), *_marks(process, labels)
    if rewards is not None and len(rewards.tasks) != 1:
        raise UnsupportedError(
            f"Explicit files hold one task's rewards, but there are {len(rewards.tasks)}; write DRN."
        )
    state = process.choice_state[process.transition_choice].tolist()
    within = (process.transition_choice - process.choice_offsets[state]).tolist()
    keys = [f"{s} {c} {to}" for s, c, to in zip(state, within, process.successors.tolist(), strict=True)]
    texts = {".tra": ["mdp", *_decimals(keys, _numbers(process), notes, "probabilities")]}
    texts[".lab"] = [
        "#DECLARATION",
        " ".join(["init", *dict.fromkeys(m for own in marks.values() for m in own)]),
    ]
    marks = {s: [*["init"] * (s == start), *marks.get(s, ())] for s in sorted({start, *marks})}
    texts[".lab"] += ["#END", *(f"{s} {' '.join(own)}" for s, own in marks.items())]
    taken = dict.fromkeys(_word(process.actions[a]) for a in process.choice_action.tolist())
    texts[".choicelab"] = ["#DECLARATION", " ".join(taken), "#END"]
    texts[".choicelab"] += [
        f"{s} {choice - process.choices(s)[0]} {process.actions[int(process.choice_action[choice])]}"
        for s in range(process.n_states)
        for choice in process.choices(s)
    ]
    if rewards is not None:
        paid = (rewards.values if rewards.exact is None else rewards.exact)[0].tolist()
        if min(paid) < 0:
            raise UnsupportedError(
                f"Storm reads no negative rewards from explicit files: {min(paid)}; write DRN."
            )
        texts[".trew"] = _decimals(keys, [parse_fraction(r, "reward") for r in paid], notes, "rewards")
    left = [other for e in BESIDE if e not in texts and (other := path.with_suffix(e)).exists()]
    if left:
        raise UnsupportedError(f"{left[0]} would be read as part of this model; move it, or write elsewhere.")
    for ending, lines in texts.items():
        write_text(path if ending == ".tra" else path.with_suffix(ending), "\n".join(lines) + "\n")
    return tuple(notes)


def _numbers(process: ControlledMarkovProcess) -> list[Fraction]:
    numbers = process.exact_probabilities if process.is_exact else process.probabilities
    return [parse_fraction(p, "probability") for p in numbers.tolist()]


def _decimals(keys: list[str], numbers: list[Fraction], notes: list[Note], what: str) -> list[str]:
    """Lines of keys and numbers as 64-bit decimals; says how many are rounded."""
    spelled = [repr(float(number)) for number in numbers]
    rounded = sum(Fraction(text) != number for text, number in zip(spelled, numbers, strict=True))
    if rounded:
        notes.append(Note(f"{rounded} of {len(numbers)} {what} are rounded to 64 bits", differs=True))
    return [f"{key} {text}" for key, text in zip(keys, spelled, strict=True)]


def _start(process: ControlledMarkovProcess) -> int:
    starts, _ = process.start
    if len(starts) != 1:
        raise UnsupportedError(
            f"Storm's files have one initial state, but process {process.name!r} has {len(starts)}; choose "
            "one as the start."
        )
    return int(starts[0])


def _marks(
    process: ControlledMarkovProcess, labels: GoalSets | None
) -> tuple[dict[int, list[str]], list[Note]]:
    """The names of each state's sets, and what is not carried."""
    marks: dict[int, list[str]] = {}
    notes = (
        []
        if process.states.counted
        else [Note("states are numbered; their names are left out", differs=True)]
    )
    words = {label for label in labels or {} if label.isidentifier() and label not in ("init", "deadlock")}
    for label, members in (labels or {}).items():
        for state in members if label in words else ():
            marks.setdefault(int(state), []).append(label)
    left = [label for label in labels or {} if label not in words]
    return marks, notes + left_out(left, ": such names are no words")


def _paid_by_choice(process: ControlledMarkovProcess, rewards: RewardTables) -> bool:
    first = process.offsets[:-1][process.transition_choice]
    paid = rewards.values if rewards.exact is None else rewards.exact
    return bool((paid == paid[:, first]).all())


def _choice_rewards(process: ControlledMarkovProcess, rewards: RewardTables) -> list[list[Any]]:
    """The expected reward of every choice, for each task."""
    if rewards.exact is None or not process.is_exact:
        expected = np.add.reduceat(rewards.values * process.probabilities, process.offsets[:-1], axis=1)
        return [list(map(float, row)) for row in expected]
    weighted = rewards.exact * process.exact_probabilities
    return [list(row) for row in np.add.reduceat(weighted, process.offsets[:-1], axis=1)]


def _word(name: str) -> str:
    """Refuse names that the formats cannot carry."""
    if not name or any(letter.isspace() or letter in "[]:" or not letter.isprintable() for letter in name):
        raise UnsupportedError(
            f"Storm's files cannot carry the name {name!r}; rename it to a word without brackets."
        )
    return name
