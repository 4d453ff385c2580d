"""Gymnasium's transition tables: ``P[state][action] = [(probability, next, reward, terminated), ...]``.

What the table says, and nothing else:

* Outcomes that lead to the same state are one transition: their probabilities add up, their reward is the
  mean. Outcomes of probability zero do not count, nor do their flags.
* `terminated` belongs to the outcome. Where episodes also pass through (or start in) a state at which others
  end, the state has a second copy, named ``"s (ended)"``, which is absorbing and pays nothing. A state at
  which every episode ends is absorbing itself, whatever its own row says: no episode uses that row.
* A float is the decimal that it prints. Only where the source of the table says what its floats stand for
  (`spelled`) are they read as that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError, InvalidProcessError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.importers.imported import MODEL_TASK, Imported, Note
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.rewards import RewardTables
from metaregret.tabular.validation import ROW_SUM_TOLERANCE, number_array

__all__ = ["from_gymnasium_table", "read_table", "to_gymnasium_table"]

Table = Mapping[Any, Any] | Sequence[Any]
"""``P``: nested mappings or lists; the leaves are lists of outcomes."""

ENDED = " (ended)"
MOST_NAMED = 4
"""States that a note spells out."""


def from_gymnasium_table(
    table: Table,
    *,
    initial: np.ndarray | Mapping[Any, Any] | int = 0,
    horizon: Horizon | int = 1,
    spelled: Mapping[float, Fraction] | None = None,
) -> tuple[ControlledMarkovProcess, np.ndarray]:
    """Return the process and the rational rewards of its transitions.

    Parameters
    ----------
    table : mapping or sequence
        ``P[state][action] = [(probability, next, reward, terminated), ...]``, such as
        ``environment.unwrapped.P``. An action without outcomes is not available.
    initial : ndarray, shape (S,), mapping from states to probabilities, or a state
        Where episodes start, on which the model may depend: ``terminated`` belongs to the outcome.
    horizon : Horizon or int
    spelled : mapping from float to Fraction, optional
        Floats that the table's source computes from a number which their decimals do not spell.

    Returns
    -------
    process : ControlledMarkovProcess
        Exact where the decimals of every row sum to one.
    rewards : ndarray of Fraction (object), shape (M,)
        For `metaregret.tabular.engine.solve`, exact or not.

    Raises
    ------
    InvalidProcessError
        If an outcome is not four items, an index is negative or unknown, or a row does not sum to one.
    """
    model = read_table(table, initial=initial, horizon=horizon, spelled=spelled)
    assert model.rewards is not None
    assert model.rewards.exact is not None
    return model.process, model.rewards.exact[0]


def read_table(
    table: Table,
    *,
    initial: np.ndarray | Mapping[Any, Any] | int = 0,
    horizon: Horizon | int = 1,
    spelled: Mapping[float, Fraction] | None = None,
    name: str = "gymnasium",
    picture: tuple[tuple[int | None, ...], ...] | None = None,
) -> Imported:
    """Read a transition table, ``environment.unwrapped.P``.

    Parameters
    ----------
    table : mapping or sequence
        From states to actions to outcomes. An action without outcomes is not available.
    initial : ndarray, shape (S,), mapping from states to probabilities, or a state
        ``environment.unwrapped.initial_state_distrib``, or the start state.
    spelled : mapping from float to Fraction, optional
        Floats of the table that stand for a number which their decimals do not spell, for example
        ``{1 / 3: Fraction(1, 3)}``: only where the source of the table says so.

    Returns
    -------
    Imported
        Its rewards are one task, named "model". States keep their numbers (their keys, where these are not
        numbers); copies of states at which some episodes end follow. `labels` maps a state that has a copy to
        both.

    Raises
    ------
    InvalidProcessError
        If an outcome is not four items, an index is negative or unknown, or a row does not sum to one.
    """
    read = _Rows.read(table, spelled or {})
    start = read.initial(initial)
    going = read.reached({state for state, p in start.items() if p})
    ends = {to for row in read.all_outcomes() for to, ended in row if ended}
    own = sorted(state for state in ends if state in going and not read.is_end(state))
    dead = ends - set(own) | {state for state in range(len(read.keys)) if state not in read.rows}
    copy = {state: len(read.keys) + i for i, state in enumerate(own)}
    moves: dict[tuple[int, int, int], tuple[Fraction, Fraction]] = {}
    for state, by_action in read.rows.items():
        for action, outcomes in by_action.items():
            if state in dead:
                moves[state, action, state] = Fraction(1), Fraction(0)
                continue
            for (to, ended), (p, paid) in outcomes.items():
                key = state, action, copy.get(to, to) if ended else to
                before = moves.get(key)
                moves[key] = (p, paid) if before is None else (before[0] + p, before[1] + paid)
    for index in (*(state for state in dead if state not in read.rows), *copy.values()):
        moves[index, 0, index] = Fraction(1), Fraction(0)
    names = Labels(len(read.keys)) if read.counted and not own else read.names(own)
    process = ControlledMarkovProcess.from_transitions(
        [(*key, p) for key, (p, _) in moves.items()],
        states=names,
        actions=read.actions,
        initial=start,
        horizon=horizon,
        name=name,
        picture=picture,
    )
    columns = (process.choice_state, process.choice_action)
    keys = zip(
        *(c[process.transition_choice].tolist() for c in columns), process.successors.tolist(), strict=True
    )
    paid_each = [paid / p if paid else paid for p, paid in map(moves.__getitem__, keys)]
    return Imported(
        process,
        RewardTables.from_exact(process, Labels([MODEL_TASK], "task"), [paid_each]),
        read.notes(dead, own),
        {names[state]: (state, copy[state]) for state in own},
    )


Outcomes = dict[tuple[int, bool], tuple[Fraction, Fraction]]


@dataclass
class _Rows:
    """The outcomes of a table that can happen; states and actions as indices.

    `rows` maps states to actions to ``{(next, ended): (probability, probability * reward)}``; `mixed` are the
    states where one of these has several rewards.
    """

    keys: list[Any]
    counted: bool
    actions: Labels
    rows: dict[int, dict[int, Outcomes]]
    spelled: Mapping[float, Fraction]
    used: dict[float, Fraction]
    mixed: set[int]

    @classmethod
    def read(cls, table: Table, spelled: Mapping[float, Fraction]) -> _Rows:
        cells = [
            (state, action, _outcome(entry, state, action))
            for state, row in _items(table, "the table")
            for action, outcomes in _items(row, f"state {state!r}")
            for entry in _entries(outcomes, state, action)
        ]
        live = [(s, a, o) for s, a, o in cells if parse_fraction(o[0], "probability") != 0]
        keys, counted = _keys([s for s, _ in _items(table, "the table")], [o[1] for _, _, o in live])
        action_keys, named = _keys(
            [a for s, row in _items(table, "the table") for a, _ in _items(row, s)], []
        )
        state_of, action_of = ({key: i for i, key in enumerate(known)} for known in (keys, action_keys))
        actions = (
            Labels(len(action_keys), "action") if named else Labels(list(map(str, action_keys)), "action")
        )
        read = cls(keys, counted, actions, {}, spelled, {}, set())
        for state, action, (p, to, reward, ended) in live:
            share = read.number(p, f"probability of state {state!r}, action {action!r} -> {to!r}")
            row = read.rows.setdefault(state_of[state], {}).setdefault(action_of[action], {})
            before = row.get((state_of[to], ended))
            earned = parse_fraction(reward, f"reward of state {state!r}, action {action!r} -> {to!r}")
            paid = share * earned if earned else earned
            if before is None:
                row[state_of[to], ended] = share, paid
                continue
            row[state_of[to], ended] = (before[0] + share, before[1] + paid)
            if before[0] * paid != share * before[1]:
                read.mixed.add(state_of[state])
        read.check({(state_of[s], action_of[a]) for s, a, _ in cells})
        return read

    def number(self, value: Any, what: str) -> Fraction:
        """A probability: what the source says that its float stands for, else its decimal."""
        if isinstance(value, float) and float(value) in self.spelled:
            exact = self.spelled[float(value)]
            if exact != parse_fraction(value):
                self.used[float(value)] = exact
            value = exact
        found = parse_fraction(value, what)
        if found < 0:
            raise InvalidProcessError(f"The {what} is {value}; probabilities are between 0 and 1.")
        return found

    def all_outcomes(self) -> Iterator[Outcomes]:
        """The outcomes of every choice."""
        return (row for by_action in self.rows.values() for row in by_action.values())

    def check(self, cells: set[tuple[int, int]]) -> None:
        """Refuse rows of which nothing is left, and states that lead on but have no row."""
        for state, action in sorted(cells):
            if action not in self.rows.get(state, {}):
                raise InvalidProcessError(
                    f"All outcomes of state {self.keys[state]!r}, action {self.actions[action]!r} have "
                    "probability 0: the row sums to 0, not 1; mend it, or leave the action out."
                )
        for state, by_action in self.rows.items():
            for action, row in by_action.items():
                total = sum((p for p, _ in row.values()), Fraction(0))
                if total != 1 and abs(total - 1) > ROW_SUM_TOLERANCE:
                    raise InvalidProcessError(
                        f"The probabilities of state {self.keys[state]!r} (index {state}), action "
                        f"{self.actions[action]!r} sum to {float(total)!r}, not 1; mend the row."
                    )
        for row in self.all_outcomes():
            for to, ended in row:
                if not ended and to not in self.rows:
                    raise InvalidProcessError(
                        f"Episodes go on from state {self.keys[to]!r}, which has no actions; add its row, or "
                        "set the flag terminated."
                    )

    def is_end(self, state: int) -> bool:
        """Whether going on from `state` is the same as having ended there: it stays and is paid nothing."""
        own = self.rows.get(state, {}).values()
        return all(to == state and not paid for row in own for (to, _), (_, paid) in row.items())

    def reached(self, start: set[int]) -> set[int]:
        """The states in which an episode can go on."""
        seen, frontier = set(start), list(start)
        while frontier:
            own = self.rows.get(frontier.pop(), {}).values()
            following = {to for row in own for to, ended in row if not ended} - seen
            seen |= following
            frontier += following
        return seen

    def initial(self, initial: np.ndarray | Mapping[Any, Any] | int) -> dict[int, Fraction]:
        """The start distribution, by state index; states are given by their keys or how these are
        spelled."""
        if isinstance(initial, Mapping):
            given = list(initial.items())
        elif isinstance(initial, (np.ndarray, list)) or (isinstance(initial, tuple) and self.counted):
            shares = number_array(initial, "initial")
            numbered = all(isinstance(key, int) for key in self.keys)
            if numbered and self.keys[0] > 0 and shares.size == len(self.keys) <= self.keys[-1]:
                numbered = False  # numbers from 1 on, such as those of Discrete(n, start=1)
            if shares.ndim != 1 or ((self.counted or not numbered) and len(shares) != len(self.keys)):
                raise InvalidProcessError(
                    f"Expected initial of shape ({len(self.keys)},), but got {shares.shape}; give one "
                    "probability per state."
                )
            keys = range(len(shares)) if numbered else self.keys
            given = [(key, p) for key, p in zip(keys, shares.tolist(), strict=True) if p != 0]
        else:
            given = [(initial, 1)]
        index = {str(key): i for i, key in enumerate(self.keys)}
        named = not any(isinstance(key, int) for key in self.keys)
        start: dict[int, Fraction] = {}
        for key, p in given:
            position = named and isinstance(key, (int, np.integer)) and not isinstance(key, bool)
            state = int(key) if position and 0 <= key < len(self.keys) else index.get(str(key))
            if state is None:
                known = ", ".join(map(str, self.keys[:MOST_NAMED]))
                raise InvalidProcessError(
                    f"Unknown start state {str(key)[:80]!r}; the table has {len(self.keys)} states, such as "
                    f"{known}."
                )
            share = self.number(p, f"initial probability of state {key!r}")
            start[state] = start.get(state, Fraction(0)) + share
        return start

    def names(self, own: list[int]) -> Labels:
        """Names of the states, then of the copies of `own`."""
        plain = [str(key) for key in self.keys]
        return Labels(plain + [plain[state] + ENDED for state in own])

    def notes(self, dead: set[int], own: list[int]) -> tuple[Note, ...]:
        """What happened to the table."""
        found = []
        for exact in sorted(set(self.used.values())):
            floats = " and ".join(repr(value) for value in sorted(self.used) if self.used[value] == exact)
            found.append(Note(f"{floats} read as {exact}, as the source has it", differs=True))
        if self.mixed - dead:
            text = "outcomes with the same next state pay different rewards, read as their mean"
            found.append(Note(f"{text}: from {self._some(self.mixed - dead)}", differs=True))
        ends = dead & self._ends()
        if ends:
            found.append(Note(f"made absorbing, since episodes end there: {self._some(ends)}"))
        if own:
            found.append(
                Note(
                    f"episodes also pass through {self._some(own)}, where others end: the ends are states "
                    "of their "
                    f"own, such as {str(self.keys[own[0]]) + ENDED!r}",
                    differs=True,
                )
            )
        bare = {state for state in dead if state not in self.rows and state not in ends}
        if bare:
            found.append(
                Note(f"made absorbing, since the table gives no actions: {self._some(bare)}", differs=True)
            )
        passed = {
            to
            for state, by_action in self.rows.items()
            if state not in dead
            for row in by_action.values()
            for to, ended in row
            if not ended
        }
        unused = {state for state in passed & dead if not self.is_end(state)}
        if unused:
            found.append(
                Note(
                    f"{self._some(unused)} could also be passed through, but only from states where no "
                    "episode "
                    "of the source comes; name such a state as the start to have that modelled"
                )
            )
        return tuple(found)

    def _ends(self) -> set[int]:
        return {to for row in self.all_outcomes() for to, ended in row if ended}

    def _some(self, states: Iterable[int]) -> str:
        ordered = [str(self.keys[state]) for state in sorted(states)]
        more = f" and {len(ordered) - MOST_NAMED} more" if len(ordered) > MOST_NAMED else ""
        return f"state{'s' if len(ordered) > 1 else ''} {', '.join(ordered[:MOST_NAMED])}{more}"


def _items(table: Any, what: str) -> list[tuple[Any, Any]]:
    """The entries of a mapping or a list."""
    if isinstance(table, Mapping):
        return list(table.items())
    if isinstance(table, (Sequence, np.ndarray)) and not isinstance(table, str):
        return list(enumerate(table))
    raise InvalidProcessError(
        f"Expected {what} to be a mapping or a list, but got {type(table).__name__}; a table is "
        "P[state][action] = [(probability, next, reward, terminated), ...]."
    )


def _entries(outcomes: Any, state: Any, action: Any) -> Sequence[Any]:
    if isinstance(outcomes, (Sequence, np.ndarray)) and not isinstance(outcomes, str):
        return list(outcomes)
    raise InvalidProcessError(
        f"Expected a list of outcomes for state {state!r}, action {action!r}, but got {outcomes!r:.60}."
    )


def _outcome(entry: Any, state: Any, action: Any) -> tuple[Any, Any, Any, bool]:
    """Check the shape of ``(probability, next, reward, terminated)``."""
    where = f"an outcome of state {state!r}, action {action!r}"
    entry = entry.tolist() if isinstance(entry, np.ndarray) else entry
    if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) != 4:
        raise InvalidProcessError(
            f"Expected {where} to be (probability, next, reward, terminated), but got {entry!r:.80}."
        )
    p, to, reward, ended = entry
    try:
        hash(to)
    except TypeError:
        raise InvalidProcessError(
            f"Expected the successor in {where} to be a state, but got {to!r:.60}."
        ) from None
    if not isinstance(ended, (bool, np.bool_, int, float)) or ended not in (0, 1):
        raise InvalidProcessError(
            f"Expected the flag terminated of {where} to be true or false, but got {ended!r}."
        )
    whole = isinstance(to, np.integer) or (isinstance(to, float) and to.is_integer())
    return p, int(to) if whole else to, reward, bool(ended)


def _keys(first: list[Any], others: list[Any]) -> tuple[list[Any], bool]:
    """All keys in order, and whether they are the numbers ``0..n-1``."""
    keys = list(dict.fromkeys(int(key) if isinstance(key, np.integer) else key for key in (*first, *others)))
    if all(isinstance(key, int) and not isinstance(key, bool) for key in keys):
        keys = sorted(keys)
        if keys and keys[0] < 0:
            raise InvalidProcessError(
                f"The table has the negative index {keys[0]}; states and actions count from 0."
            )
        return keys, keys == list(range(len(keys)))
    names = {str(key): key for key in keys}
    if len(names) < len(keys):
        raise InvalidProcessError("Two keys of the table are spelled alike; rename one.")
    return keys, False


def to_gymnasium_table(
    process: ControlledMarkovProcess, rewards: np.ndarray
) -> dict[int, dict[int, list[tuple[float | Fraction, int, float | Fraction, bool]]]]:
    """Return a table of outcomes.

    Parameters
    ----------
    process : ControlledMarkovProcess
    rewards : ndarray, shape (M,)
        One per transition, floats or `Fraction`.

    Returns
    -------
    dict
        ``P[state][action] = [(probability, next, reward, terminated), ...]``, states and actions by index.

    Raises
    ------
    InvalidArgumentError
        If `rewards` has another shape.

    Notes
    -----
    Outcomes that lead to states which only stay and pay nothing are flagged as terminated; missing actions
    stay missing. Exact numbers that no float prints, such as one third, stay a `Fraction`, so that the table
    reads back as it was; Gymnasium's ``categorical_sample`` takes both.
    """
    if np.shape(rewards) != (process.n_transitions,):
        raise InvalidArgumentError(
            f"Expected rewards of shape ({process.n_transitions},), one per transition, but got "
            f"{np.shape(rewards)}."
        )
    state = process.choice_state[process.transition_choice]
    action = process.choice_action[process.transition_choice]
    ended = np.ones(process.n_states, dtype=bool)
    ended[state[(process.successors != state) | (np.asarray(rewards) != 0)]] = False
    table: dict[int, dict[int, list[tuple[float | Fraction, int, float | Fraction, bool]]]] = {
        s: {} for s in range(process.n_states)
    }
    shares = process.exact_probabilities if process.is_exact else process.probabilities
    columns = (state, action, shares, process.successors, np.asarray(rewards))
    for s, a, p, to, reward in zip(*(column.tolist() for column in columns), strict=True):
        table[s].setdefault(a, []).append((_printed(p), to, _printed(reward), bool(ended[to])))
    return table


def _printed(number: Any) -> float | Fraction:
    """A number as the float that prints it, where there is one."""
    exact = parse_fraction(number, "number")
    return float(exact) if Fraction(repr(float(exact))) == exact else exact
