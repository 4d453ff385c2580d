"""Many terminal rewards in one pass: the layout that the compiled kernels read, and the call of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.engine.problem import DATA_ROUNDINGS
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Lanes", "lanes_of"]

MAX_CHOICES = 2**16
"""Largest number of choices of a state: ranks are stored in two bytes."""
MAX_RANKS = 2**31
"""Largest number of bytes of decisions that are held at once."""
FLOW_PARTS = 4
"""Shares of a mixture that are followed in parallel; fixed, so that sums do not depend on the machine."""


@dataclass(frozen=True, eq=False)
class Lanes:
    """A process with its states in the order in which they can first be occupied.

    Attributes
    ----------
    process : ControlledMarkovProcess
    order : ndarray of int64, shape (S,)
        State of each position.
    choices : ndarray of int64, shape (C,)
        Choice of each position.
    since : ndarray of int64, shape (S,)
        The step at which each position can first be occupied; at the end those that cannot.
    arrays : tuple of ndarray
        Offsets of choices; what all choices of a state have in common (offsets, successors,
        probabilities); what each choice has beyond that (offsets, successors, probabilities).
    backward : tuple of ndarray
        Offsets and states: from which each position can be entered in one step.
    """

    process: ControlledMarkovProcess
    order: np.ndarray
    choices: np.ndarray
    since: np.ndarray
    arrays: tuple[np.ndarray, ...]
    backward: tuple[np.ndarray, np.ndarray] = field(repr=False)

    @property
    def roundings(self) -> int:
        """Relative roundings of one step of backward induction, of sums of non-negative numbers."""
        return int(np.diff(self.process.offsets).max()) + DATA_ROUNDINGS + 4

    def run(
        self,
        terminal: sp.csc_array,
        *,
        steps: int | None = None,
        everywhere: bool = False,
        reached: bool = False,
        shares: np.ndarray | None = None,
        policies: bool = False,
    ) -> Pass:
        """Plan for the columns of `terminal`, shape (S, K), and follow the policies; see `Pass`.

        Parameters
        ----------
        terminal : sparse array of float64, shape (S, K)
            Not negative.
        steps : int, optional
            By default the horizon of the process.
        everywhere, reached, policies : bool
            What to return.
        shares : ndarray, shape (K,), optional
            Return the flow of the mixture with these weights.
        """
        from metaregret.tabular.engine.goal_kernels import LANES, induct

        columns, n_states = terminal.shape[1], self.process.n_states
        if steps is None:
            assert isinstance(self.process.horizon, FiniteHorizon)
            steps = self.process.horizon.steps
        position = np.empty(n_states, dtype=np.int64)
        position[self.order] = np.arange(n_states)
        tiles = (columns + LANES - 1) // LANES
        parts = min(FLOW_PARTS, tiles) if shares is not None else tiles
        parts = max(1, min(parts, MAX_RANKS // max(1, 2 * LANES * steps * n_states)))
        counts = np.searchsorted(self.since, np.arange(steps + 1), side="right")
        if everywhere or policies:
            counts[:] = n_states
        at_start = np.zeros(columns)
        values = np.zeros((n_states, columns) if everywhere else (0, 0))
        ends = np.zeros((columns, n_states) if reached else (0, 0))
        flows = np.zeros((parts, steps, self.process.n_choices) if shares is not None else (parts, 0, 0))
        ranks = np.zeros((steps, n_states, columns) if policies else (0, 0, 0), dtype=np.uint16)
        induct(
            self.arrays,
            *self.backward,
            counts.astype(np.int64),
            self.process.initial[self.order],
            terminal.indptr.astype(np.int64),
            position[terminal.indices],
            np.ascontiguousarray(terminal.data, dtype=float),
            parts,
            np.zeros(columns) if shares is None else np.ascontiguousarray(shares, dtype=float),
            at_start,
            values,
            ends,
            flows,
            ranks,
        )
        flow = np.zeros((steps if shares is not None else 0, self.process.n_choices))
        if shares is not None:
            flow[:, self.choices] = flows.sum(axis=0)
        return Pass(
            at_start,
            values[position] if everywhere else values,
            ends[:, position] if reached else ends,
            flow,
            ranks[:, position] if policies else ranks,
        )


@dataclass(frozen=True, eq=False)
class Pass:
    """What one pass found for ``K`` columns; arrays that were not asked for are empty.

    Attributes
    ----------
    at_start : ndarray, shape (K,)
        Best expected terminal reward, from the initial distribution.
    everywhere : ndarray, shape (S, K)
        The same from every state.
    reached : ndarray, shape (K, S)
        Terminal distributions of the policies found; at step ``t`` ties go to the first choice from rank
        ``t`` on, cyclically.
    flow : ndarray, shape (T, C)
        Probabilities of choices under the mixture.
    ranks : ndarray of uint16, shape (T, S, K)
        The decision after ``t`` steps: the choice is ``process.choice_offsets[s] + ranks[t, s, k]``. Ties go
        to the first choice where nothing else was asked for.
    """

    at_start: np.ndarray
    everywhere: np.ndarray
    reached: np.ndarray
    flow: np.ndarray
    ranks: np.ndarray


def lanes_of(process: ControlledMarkovProcess) -> Lanes:
    """Return the layout of `process` for passes over many terminal rewards.

    Raises
    ------
    InstanceTooLargeError
        If a state has more than 65,536 choices.
    """
    known = _laid_out.get(process)
    if known is None:
        known = _laid_out[process] = _lay_out(process)
    return Lanes(process, *known)


_Parts = tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, ...], tuple[np.ndarray, np.ndarray]]
_laid_out: WeakKeyDictionary[ControlledMarkovProcess, _Parts] = WeakKeyDictionary()


def _lay_out(process: ControlledMarkovProcess) -> _Parts:
    """Order, choices, first steps, arrays and predecessors, see `Lanes`."""
    counts = np.diff(process.choice_offsets)
    if int(counts.max()) > MAX_CHOICES:
        state = int(np.argmax(counts))
        raise InstanceTooLargeError(
            f"State {process.states[state]!r} (index {state}) has {int(counts[state])} choices, over the "
            f"limit of {MAX_CHOICES}; split it into several states."
        )
    since = _first_steps(process)
    order = np.argsort(since, kind="stable")
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    backward = sp.csr_array(process.graph[order][:, order].T)
    choices = np.repeat(process.choice_offsets[order], counts[order]) + _within(counts[order])
    offsets = np.concatenate([[0], np.cumsum(counts[order])])
    arrays = (offsets, *_split(process, order, position, choices))
    for array in arrays:
        array.setflags(write=False)
    into = backward.indptr.astype(np.int64), backward.indices.astype(np.int64)
    return order, choices, since[order], arrays, into


def _first_steps(process: ControlledMarkovProcess) -> np.ndarray:
    """Return the first step at which each state can be occupied, shape (S,); the largest integer if never."""
    since = np.full(process.n_states, np.iinfo(np.int64).max)
    fresh, step = np.flatnonzero(process.initial > 0), 0
    while len(fresh):
        since[fresh] = step
        following = np.unique(process.graph[fresh].indices).astype(np.int64)
        fresh, step = following[since[following] > step + 1], step + 1
    return since


def _within(counts: np.ndarray) -> np.ndarray:
    """Return ``0..n-1`` for each count ``n``, one after the other."""
    starts = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) - np.repeat(starts, counts)


def _split(
    process: ControlledMarkovProcess, order: np.ndarray, position: np.ndarray, choices: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Split the transitions into what all choices of a state share and the rest, in the new order."""
    n_states = process.n_states
    counts = np.diff(process.choice_offsets)
    state = position[process.choice_state[process.transition_choice]]
    to = position[process.successors]
    pair, entry, copies = np.unique(state * n_states + to, return_inverse=True, return_counts=True)
    least = np.full(len(pair), np.inf)
    np.minimum.at(least, entry, process.probabilities)
    several = counts[order][pair // n_states]
    shared = (copies == several) & (several > 1)
    # Where nothing is saved nothing is moved: a sum of one more term for each choice.
    owners = pair[shared] // n_states
    common = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=n_states))])
    rest = process.probabilities - np.where(shared[entry], least[entry], 0.0)
    place = np.empty_like(choices)
    place[choices] = np.arange(len(choices))
    kept = np.flatnonzero(rest > 0)
    kept = kept[np.argsort(place[process.transition_choice[kept]], kind="stable")]
    sizes = np.bincount(place[process.transition_choice[kept]], minlength=process.n_choices)
    return (
        common,
        pair[shared] % n_states,
        least[shared],
        np.concatenate([[0], np.cumsum(sizes)]),
        to[kept],
        rest[kept],
    )
