"""What a discriminator sees of an episode: its last state, a state at a random step, or all its states.

Each is the *terminal state of some process*, so that every tool for terminal states serves all three:

* ``end``: the process itself, ``s_T``;
* ``any step``: the process that stops at a step drawn uniformly from ``1..T``. Given that the episode has
lasted ``t`` steps
  it stops at the next one with probability ``1 / (T - t)``; its terminal distribution is ``(1/T) sum_t
  Pr(s_t = s)``, the marginal of the all-states objective. (At a geometric horizon the terminal state is
  such a state already.)
* ``trajectory``: the process that remembers the states visited, ``(s_0, .., s_T)``.

Policies on these processes are turned back into Markov policies of the original one with the same occupancy
at every step (Puterman 1994, thm 5.5.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from metaregret.tabular.augment import augment
from metaregret.tabular.choices import one_of
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Outcome", "States", "outcome", "read_states", "trajectory_outcome"]

States = Literal["end", "all"]

MAX_TRAJECTORY_STATES = 20_000


def read_states(value: object) -> States:
    """Return ``"end"`` or ``"all"``.

    Raises
    ------
    InvalidArgumentError
        If `value` is neither.
    """
    return "end" if one_of(("end", "all"), value, "states") == "end" else "all"


@dataclass(frozen=True, eq=False)
class Outcome:
    """A process whose terminal state is what a discriminator sees.

    Attributes
    ----------
    process : ControlledMarkovProcess
        The process ``P'`` with ``S'`` states and ``C'`` choices.
    base : ControlledMarkovProcess
        The process it was made from.
    base_choice : ndarray of int, shape (C',)
        The choice of `base` that each choice plays; -1 where nothing is left to decide.
    base_state : ndarray of int, shape (S',)
        The state of `base` that each terminal state stands for; -1 where an episode cannot end.
    """

    process: ControlledMarkovProcess
    base: ControlledMarkovProcess
    base_choice: np.ndarray
    base_state: np.ndarray

    def marginal(self, terminal: np.ndarray) -> np.ndarray:
        """Return a terminal distribution, shape (S',), as a distribution on the states of `base`, shape
        (S,)."""
        known = self.base_state >= 0
        return np.bincount(self.base_state[known], weights=terminal[known], minlength=self.base.n_states)

    def rewards(self, terminal: np.ndarray) -> np.ndarray:
        """Return rewards of terminal states, shape (S',), as rewards of the states of `base`, shape (S,).

        Where several terminal states stand for one state their mean is taken.
        """
        known = self.base_state >= 0
        count = np.bincount(self.base_state[known], minlength=self.base.n_states)
        return np.asarray(self.marginal(terminal) / np.maximum(count, 1))

    def restore(self, policy: np.ndarray) -> np.ndarray:
        """Return the Markov policy of `base` with the same occupancy at every step, shape (T, C) or (C,).

        Parameters
        ----------
        policy : ndarray, shape (T, C') or (C',)
            Choice probabilities on `process`. States that it never meets get the uniform distribution.
        """
        if self.process is self.base:
            return policy
        decided = self.base_choice >= 0
        flows = np.zeros((len(policy), self.base.n_choices))
        now = self.process.initial
        for step, weights in enumerate(policy):
            flow = now[self.process.choice_state] * weights
            np.add.at(flows[step], self.base_choice[decided], flow[decided])
            now = flow @ self.process.matrix
        starts, counts = self.base.choice_offsets[:-1], np.diff(self.base.choice_offsets)
        totals = np.repeat(np.add.reduceat(flows, starts, axis=1), counts, axis=1)
        uniform = 1.0 / np.repeat(counts, counts)
        return np.where(totals > 0, flows / np.where(totals > 0, totals, 1.0), uniform)


def outcome(process: ControlledMarkovProcess, states: States | str) -> Outcome:
    """Return the process whose terminal state is the last state (``end``) or that at a random step
    (``all``)."""
    states = read_states(states)
    identity = np.arange(process.n_choices), np.arange(process.n_states)
    if states == "end" or not isinstance(process.horizon, FiniteHorizon):
        return Outcome(process, process, *identity)
    return _stopped(process, process.horizon.steps)


def _stopped(process: ControlledMarkovProcess, steps: int) -> Outcome:
    """The process that stops at a uniformly random step; state ``(t, s)`` is ``t S + s``, stopped ``s`` is
    ``T S + s``."""
    size = process.n_states
    probabilities = (
        process.exact_probabilities.tolist()
        if process.is_exact
        else [Fraction(p) for p in process.probabilities.tolist()]
    )
    rows: list[tuple[int, int, int, object]] = []
    base_choice: list[int] = []
    for t in range(steps):
        stop = Fraction(1, steps - t)
        for choice in range(process.n_choices):
            here, action = t * size + int(process.choice_state[choice]), int(process.choice_action[choice])
            base_choice.append(choice)
            for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1])):
                to, p = int(process.successors[m]), probabilities[m]
                rows.append((here, action, steps * size + to, p * stop))
                if stop < 1:
                    rows.append((here, action, (t + 1) * size + to, p * (1 - stop)))
    rows += [(steps * size + state, 0, steps * size + state, 1) for state in range(size)]
    base_choice += [-1] * size
    initial: dict[int, object] = {
        int(s): process.exact_initial[s] if process.exact_initial is not None else float(process.initial[s])
        for s in np.flatnonzero(process.initial)
    }
    stopped = ControlledMarkovProcess.from_transitions(
        rows,
        states=(steps + 1) * size,
        actions=process.actions,
        initial=initial,
        horizon=process.horizon,
        name=f"{process.name}, stopped at a random step",
    )
    base_state = np.full((steps + 1) * size, -1)
    base_state[steps * size :] = np.arange(size)
    return Outcome(stopped, process, np.array(base_choice), base_state)


def trajectory_outcome(process: ControlledMarkovProcess) -> Outcome:
    """Return the process that remembers the states visited.

    Raises
    ------
    UnsupportedError
        At a geometric horizon, where trajectories have no bounded length.
    InstanceTooLargeError
        If there are more than 20,000 sequences of states.
    """
    steps = process.steps_for("Skills told apart by trajectory (states='all')")
    tree = augment(
        process,
        lambda state: (state,),
        lambda memory, choice, successor: (*_states_of(memory), successor),
        max_states=MAX_TRAJECTORY_STATES,
        what="the states of trajectories",
    )
    complete = np.array([len(_states_of(memory)) == steps + 1 for memory in tree.memory])
    owner = complete[tree.process.choice_state]
    return Outcome(
        tree.process, process, np.where(owner, -1, tree.base_choice), np.where(complete, tree.base_state, -1)
    )


def _states_of(memory: object) -> tuple[int, ...]:
    assert isinstance(memory, tuple)
    return memory
