"""Processes made from processes: with memory of visited goals, or of the whole trajectory.

A breadth-first search over pairs (state, memory).

The probabilities, exact ones included, are those of the original process. With a finite horizon the search
stops at depth ``T``; pairs first met there are only ever terminal and get one action that stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = [
    "MAX_HISTORIES",
    "MAX_STATES",
    "AugmentedProcess",
    "leaves",
    "remember_recent",
    "remember_trajectory",
    "remember_visits",
]

MAX_HISTORIES = MAX_STATES = 200_000
"""Largest number of histories, and of pairs of a state and the goals visited."""


@dataclass(frozen=True, eq=False)
class AugmentedProcess:
    """A process whose states remember something.

    Attributes
    ----------
    process : ControlledMarkovProcess
        State ``i`` of it is the pair ``(base_state[i], memory[i])``.
    base_state : ndarray of int, shape (S',)
    base_choice : ndarray of int, shape (C',)
        The choice of the original process that each choice plays (of a terminal pair: any).
    memory : tuple of hashable, length S'
    """

    process: ControlledMarkovProcess
    base_state: np.ndarray
    base_choice: np.ndarray
    memory: tuple[Hashable, ...]


def augment(
    process: ControlledMarkovProcess,
    begin: Callable[[int], Hashable],
    step: Callable[[Hashable, int, int], Hashable],
    *,
    max_states: int,
    what: str,
) -> AugmentedProcess:
    """Build the reachable part of the augmented process.

    Parameters
    ----------
    begin : callable
        ``begin(state)`` is the memory at an initial state.
    step : callable
        ``step(memory, choice, successor)`` is the memory after a transition.
    max_states : int
        Limit on the number of augmented states.
    what : str
        What is remembered, for the error message.

    Raises
    ------
    InstanceTooLargeError
        As soon as the search meets more than `max_states` augmented states.
    """
    search = _Search(process, max_states, what)
    starts = [search.number(int(s), begin(int(s))) for s in np.flatnonzero(process.initial > 0)]
    limit = process.horizon.steps if isinstance(process.horizon, FiniteHorizon) else None
    level_end, depth, position = len(search.nodes), 0, 0
    while position < len(search.nodes):
        if position == level_end:
            level_end, depth = len(search.nodes), depth + 1
        if limit is not None and depth >= limit:
            search.close(position)
        else:
            search.expand(position, step)
        position += 1
    return search.finish(starts)


class _Search:
    """The growing arrays of an augmented process."""

    def __init__(self, process: ControlledMarkovProcess, max_states: int, what: str) -> None:
        self.process = process
        self.max_states, self.what = max_states, what
        self.nodes: list[tuple[int, Hashable]] = []
        self._index: dict[tuple[int, Hashable], int] = {}
        self._offsets, self._successors = process.offsets.tolist(), process.successors.tolist()
        self._choices_per_node: list[int] = []
        self._base_choice: list[int] = []
        self._lengths: list[int] = []
        self._targets: list[int] = []
        self._origin: list[
            int
        ] = []  # the original transition of each new one; -1 where a terminal pair stays

    def number(self, state: int, memory: Hashable) -> int:
        found = self._index.get((state, memory))
        if found is None:
            if len(self.nodes) >= self.max_states:
                raise InstanceTooLargeError(
                    f"Remembering {self.what} needs more than {self.max_states} augmented states of "
                    f"{self.process.name!r}; reduce the horizon, the number of states or the number of tasks."
                )
            found = self._index[state, memory] = len(self.nodes)
            self.nodes.append((state, memory))
        return found

    def expand(self, node: int, step: Callable[[Hashable, int, int], Hashable]) -> None:
        state, memory = self.nodes[node]
        choices = self.process.choices(state)
        self._choices_per_node.append(len(choices))
        for choice in choices:
            row = sorted(
                (self.number(self._successors[m], step(memory, choice, self._successors[m])), m)
                for m in range(self._offsets[choice], self._offsets[choice + 1])
            )
            self._append(choice, [target for target, _ in row], [m for _, m in row])

    def close(self, node: int) -> None:
        self._choices_per_node.append(1)
        self._append(self.process.choices(self.nodes[node][0])[0], [node], [-1])

    def _append(self, choice: int, targets: list[int], origin: list[int]) -> None:
        self._base_choice.append(choice)
        self._lengths.append(len(targets))
        self._targets.extend(targets)
        self._origin.extend(origin)

    def finish(self, starts: list[int]) -> AugmentedProcess:
        process = self.process
        origin, base_choice = np.array(self._origin), np.array(self._base_choice)
        stays = origin < 0
        base_state = np.array([state for state, _ in self.nodes])
        first = base_state[starts]
        initial = np.zeros(len(self.nodes))
        initial[starts] = process.initial[first]
        exact_initial = None
        if process.exact_initial is not None:
            exact = [Fraction(0)] * len(self.nodes)
            for start, state in zip(starts, first.tolist(), strict=True):
                exact[start] = process.exact_initial[state]
            exact_initial = tuple(exact)
        made = dataclasses.replace(
            process,
            states=Labels(len(self.nodes)),
            choice_offsets=np.concatenate([[0], np.cumsum(self._choices_per_node)]).astype(np.int64),
            choice_action=process.choice_action[base_choice],
            offsets=np.concatenate([[0], np.cumsum(self._lengths)]).astype(np.int64),
            successors=np.array(self._targets, dtype=np.int64),
            probabilities=np.where(stays, 1.0, process.probabilities[origin]),
            numerators=None if process.numerators is None else np.where(stays, 1, process.numerators[origin]),
            denominators=None
            if process.denominators is None
            else np.where(stays, 1, process.denominators[origin]),
            initial=initial,
            exact_initial=exact_initial,
            name=f"{process.name} remembering {self.what}",
            picture=None,
            counts_as=None,
        )
        return AugmentedProcess(made, base_state, base_choice, tuple(memory for _, memory in self.nodes))


def remember_trajectory(
    process: ControlledMarkovProcess, *, max_states: int = MAX_HISTORIES
) -> AugmentedProcess:
    """Return the tree whose states are histories ``(s_0, a_1, s_1, ...)``, of at most ``T`` steps.

    The memory of a node is the tuple ``(s_0, choice_1, s_1, ..., s_t)`` of state and choice indices.

    Raises
    ------
    UnsupportedError
        At a geometric horizon, where trajectories have no bounded length.
    InstanceTooLargeError
        If the tree has more than `max_states` nodes.
    """
    process.steps_for("Trajectory tasks")

    def step(memory: Hashable, choice: int, successor: int) -> Hashable:
        return (*cast(tuple[int, ...], memory), choice, successor)

    return augment(process, lambda state: (state,), step, max_states=max_states, what="trajectories")


def leaves(tree: AugmentedProcess) -> list[int]:
    """Return the nodes of the tree that are complete trajectories."""
    longest = max(len(cast(tuple[int, ...], memory)) for memory in tree.memory)
    return [i for i, memory in enumerate(tree.memory) if len(cast(tuple[int, ...], memory)) == longest]


def remember_visits(
    process: ControlledMarkovProcess, goals: np.ndarray, *, max_states: int = MAX_STATES
) -> tuple[AugmentedProcess, sp.csc_array]:
    """Return the process on pairs (state, set of goals visited so far), and who has visited what.

    Parameters
    ----------
    goals : ndarray of int, shape (K,)
        The goals to remember; a goal counts as visited at step ``t`` if ``s_t`` is that goal, ``t = 0..T``.

    Returns
    -------
    augmented : AugmentedProcess
        Its memory is a bit set of goal positions.
    visited : sparse array, shape (S', K)
        One where the augmented state has visited the goal; as a terminal reward it pays for visits.

    Raises
    ------
    InstanceTooLargeError
        If there are more than `max_states` pairs; their number can grow as ``2**K``.
    """
    place = {int(goal): 1 << position for position, goal in enumerate(goals)}
    bit = [place.get(goal, 0) for goal in process.goal_of.tolist()]

    def step(memory: Hashable, choice: int, successor: int) -> Hashable:
        return cast(int, memory) | bit[successor]

    augmented = augment(process, lambda state: bit[state], step, max_states=max_states, what="visited goals")
    rows, columns = [], []
    for node, memory in enumerate(augmented.memory):
        rest = cast(int, memory)
        while rest:
            low = rest & -rest
            rows.append(node)
            columns.append(low.bit_length() - 1)
            rest ^= low
    shape = (augmented.process.n_states, len(goals))
    return augmented, sp.csc_array((np.ones(len(rows)), (rows, columns)), shape=shape)


def remember_recent(
    process: ControlledMarkovProcess, goals: np.ndarray, round_trip: int, *, max_states: int = MAX_STATES
) -> tuple[AugmentedProcess, np.ndarray]:
    """Return the process on pairs (state, set of goals visited before and not forgotten), and who is new.

    In each state those goals are remembered that lie on a walk of at most `round_trip` steps from the state
    back to it; the others are forgotten for good (the neighbourhoods of Baldacci, Mingozzi & Roberti, *New
    route relaxation and pricing strategies for the vehicle routing problem*, 2011).

    Parameters
    ----------
    goals : ndarray of int, shape (K,)
    round_trip : int
        Steps; nothing is remembered at 0.

    Returns
    -------
    augmented : AugmentedProcess
    new : ndarray of int, shape (S',)
        The goal that a state is, unless it is remembered; else -1. A first visit is always new.

    Raises
    ------
    InstanceTooLargeError
        If there are more than `max_states` pairs.
    """
    goal = goal_places(process, goals)
    bit = [1 << place if place >= 0 else 0 for place in goal.tolist()]
    shape, own = (
        (process.n_states, process.n_states),
        np.repeat(process.choice_state, np.diff(process.offsets)),
    )
    once = sp.csr_array((np.ones(len(own), dtype=bool), (own, process.successors)), shape=shape)
    walks = [sp.eye_array(process.n_states, dtype=bool, format="csr")]
    for _ in range(round_trip):
        walks.append(((walks[-1] @ once) != 0) + walks[0])
    near = walks[0].tocsr()
    for steps in range(round_trip + 1):
        near = near + walks[steps].multiply(walks[round_trip - steps].T)
    near = near.tocsr()
    kept = [0] * process.n_states
    for state in range(process.n_states):
        for other in near.indices[near.indptr[state] : near.indptr[state + 1]].tolist():
            kept[state] |= bit[other]
    left = process.choice_state.tolist()

    def step(memory: Hashable, choice: int, successor: int) -> Hashable:
        return (cast(int, memory) | bit[left[choice]]) & kept[successor]

    augmented = augment(process, lambda _: 0, step, max_states=max_states, what="recent visits")
    mine = goal[augmented.base_state]
    known = [
        place >= 0 and cast(int, memory) >> place & 1
        for place, memory in zip(mine.tolist(), augmented.memory, strict=True)
    ]
    return augmented, np.where(known, -1, mine)


def goal_places(process: ControlledMarkovProcess, goals: np.ndarray) -> np.ndarray:
    """Return which goal each state counts as, a position in `goals` or -1, shape (S,)."""
    place = np.full(process.n_states, -1)
    place[goals] = np.arange(len(goals))
    return np.where(process.goal_of >= 0, place[process.goal_of], -1)
