"""What reading a model gives: the process, the rewards that came with it, and what a reader must know."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.choices import did_you_mean
from metaregret.tabular.errors import InvalidArgumentError, InvalidProcessError, NotExactError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.importers.arrays import start_distribution
from metaregret.tabular.labels import Labels, split_names
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.rewards import RewardTables
from metaregret.tabular.validation import number_array

if TYPE_CHECKING:
    from metaregret.tabular.process import ControlledMarkovProcess

__all__ = [
    "ENDINGS",
    "MODEL_TASK",
    "Imported",
    "Note",
    "as_decimals",
    "exactness",
    "left_out",
    "reward_table",
    "with_table",
]

ENDINGS = {
    ".json": "json",
    ".npz": "npz",
    ".npy": "npy",
    ".prism": "prism",
    ".pm": "prism",
    ".nm": "prism",
    ".jani": "jani",
    ".drn": "drn",
    ".tra": "explicit",
}
"""Formats of files by how their names end."""
MODEL_TASK = "model"
"""Name of the one task of a source whose rewards have no name."""

MOST_DECIMALS = 200_000
"""Transitions of a floating-point source that are tried as decimals; more stay floating point."""


@dataclass(frozen=True)
class Note:
    """One thing to know about how a model was read.

    Attributes
    ----------
    text : str
        A sentence.
    differs : bool
        Whether the process differs from its source; such notes are printed as warnings.
    beyond : int or None
        It also differs where episodes are longer than this many steps.
    """

    text: str
    differs: bool = False
    beyond: int | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class Imported:
    """A model from outside; unpacks as ``process, rewards, notes``.

    Attributes
    ----------
    process : ControlledMarkovProcess
    rewards : RewardTables or None
        The rewards of the source, one task for each of its reward structures.
    notes : tuple of Note
    labels : mapping of str to tuple of int
        Sets of states that the source names, as goals.
    """

    process: ControlledMarkovProcess
    rewards: RewardTables | None = None
    notes: tuple[Note, ...] = ()
    labels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.process, self.rewards, self.notes))

    def warnings(self, *, unbounded: bool = False) -> tuple[str, ...]:
        """Where the process differs from its source, for episodes of its horizon or (`unbounded`) of any
        length."""
        horizon = self.process.horizon
        steps = horizon.steps if isinstance(horizon, FiniteHorizon) and not unbounded else math.inf
        return tuple(
            note.text
            for note in self.notes
            if note.differs or (note.beyond is not None and steps > note.beyond)
        )

    def with_start(self, start: Any) -> Imported:
        """Return the same model with another start: a state, a mapping to probabilities, or an array of
        them."""
        if isinstance(start, (np.ndarray, list, tuple)):
            start = start_distribution(start, self.process.n_states)
        return self.with_process(self.process.replaced(initial=start))

    def with_discount(self, value: Any) -> Imported:
        """Return the same model with a discount as its horizon; a discount of 1 is left out, and noted."""
        if value is None:
            return self
        given = number_array(value, "the discount")
        if given.size != 1:
            raise InvalidArgumentError(f"Expected one number as the discount, but got shape {given.shape}.")
        gamma = parse_fraction(given.item(), "the discount")
        if 0 <= gamma < 1:
            return self.with_process(self.process.replaced(horizon=GeometricHorizon(gamma)))
        if gamma != 1:
            raise InvalidArgumentError(f"Expected a discount from 0 to 1, but got {gamma}.")
        text = "the discount 1 is not below 1: episodes have a number of steps instead"
        return self.with_notes(Note(text, differs=True))

    def with_notes(self, *notes: Note) -> Imported:
        """Return the same model with more notes."""
        return dataclasses.replace(self, notes=(*self.notes, *notes))

    def goal(self, text: str) -> list[int]:
        """Return the states that a goal names: a label, a state, or a list of labels and states.

        Raises
        ------
        InvalidArgumentError
            If it names none.
        """
        states = self.process.states
        try:
            names = [text] if text in self.labels or text in states else split_names(text, "state")
            found = [self.labels[one] if one in self.labels else (states.position(one),) for one in names]
            return list(dict.fromkeys(state for own in found for state in own))
        except InvalidArgumentError as error:
            sets = f" Sets of states: {', '.join(list(self.labels)[:8])}." if self.labels else ""
            raise InvalidArgumentError(f"{error}{sets}{did_you_mean(text, self.labels)}") from None

    def with_process(self, process: ControlledMarkovProcess) -> Imported:
        """Return the same model for a process with the same transitions (another start or horizon)."""
        rewards = self.rewards
        if rewards is not None:
            rewards = RewardTables(process, rewards.tasks, rewards.values, rewards.exact)
        return dataclasses.replace(self, process=process, rewards=rewards)


def left_out(sets: Sequence[str], why: str = "") -> list[Note]:
    """The note of an export that lacks some sets of states, if any."""
    few = ", ".join(map(repr, sets[:4])) + (f" and {len(sets) - 4} more" if len(sets) > 4 else "")
    return [Note(f"sets of states are left out: {few}{why}", differs=True)] if sets else []


def reward_table(
    process: ControlledMarkovProcess, rewards: np.ndarray, name: str = MODEL_TASK
) -> RewardTables:
    """Return one task's rewards as a table; floats are read as the decimals that they print.

    Parameters
    ----------
    rewards : ndarray, shape (M,), (C,) or (S,)
        Rewards of transitions, of choices or of states, paid whenever one is taken or left.
    """
    rewards = number_array(rewards, "rewards")
    if rewards.shape == (process.n_choices,) != (process.n_transitions,):
        rewards = rewards[process.transition_choice]
    elif rewards.shape == (process.n_states,) != (process.n_transitions,):
        rewards = rewards[process.choice_state[process.transition_choice]]
    if rewards.shape != (process.n_transitions,):
        raise InvalidArgumentError(
            f"Expected rewards of shape ({process.n_transitions},), ({process.n_choices},) or "
            f"({process.n_states},), but got {rewards.shape}."
        )
    exact = [parse_fraction(value, f"reward of transition {i}") for i, value in enumerate(rewards.tolist())]
    return RewardTables.from_exact(process, Labels([name], "task"), [exact])


def with_table(process: ControlledMarkovProcess, rewards: np.ndarray | None) -> Imported:
    """Return a model from a process and one task's rewards, if any."""
    return Imported(process, None if rewards is None else reward_table(process, rewards))


def as_decimals(process: ControlledMarkovProcess) -> ControlledMarkovProcess:
    """Return the exact process of the decimals that the probabilities print, where these sum to one.

    A process that is exact already, whose decimals leave a remainder, or that has more than `MOST_DECIMALS`
    transitions comes back unchanged.
    """
    if process.is_exact or process.n_transitions > MOST_DECIMALS:
        return process
    try:
        return process.rationalised(None)
    except NotExactError:
        return process


def exactness(process: ControlledMarkovProcess) -> tuple[str, float]:
    """Say whether a process is exact and why, and return the largest ``|row sum - 1|``.

    Returns
    -------
    text : str
        Begins with ``exact`` or ``floating point``.
    error : float
        Over all choices and the initial distribution; 0 for exact processes.
    """
    if process.is_exact:
        return "exact: every row sums to one in rational arithmetic", 0.0
    sums = np.add.reduceat(process.probabilities, process.offsets[:-1])
    error = max(float(np.max(np.abs(sums - 1.0))), abs(float(process.initial.sum()) - 1.0))
    try:
        process.rationalised(None)
    except (NotExactError, InvalidProcessError) as refusal:
        return f"floating point: {refusal}", error
    return "floating point: the source gave floats; rationalised() reads them as decimals", error
