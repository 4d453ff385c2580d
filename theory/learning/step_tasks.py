"""Tasks for learners that learn: rewards by step and state reached, on one process with a finite horizon.

A task pays ``r_z[t, s']`` when step ``t`` (from 0) arrives in ``s'``. Goals at the end of the episode,
shaped goals, target speeds and paths in time are all of this form.

What a learner can get at best is known exactly. The optimum of a known task comes from backward induction;
that of a learner which meets a task drawn from a prior and keeps its memory for ``n`` episodes from the
Bayes-adaptive problem (`metaregret.theory.minimax.memory.bayes_optimal`) on the process unrolled in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from metaregret.tabular.backup import backup
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.tasks import RewardTasks

__all__ = ["StepTasks", "optimal_ends", "unrolled"]

TIE = 1e-9
"""Difference of values up to which choices are both optimal."""

FLAT = 1e-9
"""Smallest difference between the best and the worst return that a task is normalised by."""

DECIMALS = 12
"""To which normalised rewards are rounded."""


@dataclass(frozen=True, eq=False)
class StepTasks:
    """A finite family of tasks.

    Attributes
    ----------
    process : ControlledMarkovProcess
        With a finite horizon of ``T`` steps.
    names : tuple of str, length Z
    rewards : ndarray of float64, shape (Z, T, S)
        ``rewards[z, t, s]`` is paid by task ``z`` when step ``t`` arrives in ``s``.

    Raises
    ------
    InvalidArgumentError
        If shapes do not match, a reward is not finite, a name is repeated or there is no task.
    UnsupportedError
        For a geometric horizon.
    """

    process: ControlledMarkovProcess
    names: tuple[str, ...]
    rewards: np.ndarray

    def __post_init__(self) -> None:
        rewards = np.array(self.rewards, dtype=np.float64)
        expected = (len(self.names), self.process.steps_for("Learners that learn"), self.process.n_states)
        if not self.names:
            raise InvalidArgumentError("The task set is empty; give at least one task.")
        if rewards.shape != expected:
            raise InvalidArgumentError(
                f"Expected rewards of shape (tasks, steps, states) = {expected}, but got {rewards.shape}."
            )
        bad = np.argwhere(~np.isfinite(rewards))
        if len(bad):
            task, step, state = map(int, bad[0])
            raise InvalidArgumentError(
                f"Reward of task {self.names[task]!r} at step {step} in state {state} is "
                f"{float(rewards[task, step, state])}; rewards must be finite."
            )
        if len(set(self.names)) < len(self.names):
            raise InvalidArgumentError("Two tasks have the same name; name each task once.")
        rewards.setflags(write=False)
        object.__setattr__(self, "rewards", rewards)

    @property
    def steps(self) -> int:
        """Steps per episode ``T``."""
        return int(self.rewards.shape[1])

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def optimum(self) -> np.ndarray:
        """The best expected return of each task when it is known, shape (Z,)."""
        return _best(self.process, self.rewards)

    @cached_property
    def worst(self) -> np.ndarray:
        """The smallest expected return of each task, shape (Z,)."""
        return -_best(self.process, -self.rewards)

    def normalised(self) -> StepTasks:
        """Return the tasks scaled so that the best return is 1 and the worst 0.

        A constant is added to the rewards of the steps on which the task depends on the state at all, so that
        steps that paid nothing still do: a learner with memory sees rewards, and would see a constant too.
        Tasks in which nothing matters pay 0 throughout. Rewards are rounded to 12 decimals: a learner with
        memory may tell tasks apart by their rewards, but not by the rounding of this scaling.
        """
        width = self.optimum - self.worst
        flat = width <= FLAT
        scale = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, width))
        matters = np.ptp(self.rewards[:, :, self.process.reachable], axis=2) > 0
        rest = np.where(matters, 0.0, self.rewards.min(axis=2)).sum(axis=1)  # paid by the other steps
        shift = (self.worst - rest) / np.maximum(matters.sum(axis=1), 1)
        moved = np.where(matters[:, :, None], self.rewards - shift[:, None, None], 0.0)
        return StepTasks(self.process, self.names, np.round(moved * scale[:, None, None], DECIMALS))


def _best(process: ControlledMarkovProcess, rewards: np.ndarray) -> np.ndarray:
    operator = backup(process)
    paid = np.array([operator.expected(rewards[:, step].T) for step in range(rewards.shape[1])])
    values, _ = operator.induct(np.zeros((process.n_states, len(rewards))), len(paid), paid)
    return np.asarray(process.initial @ values)


def optimal_ends(tasks: StepTasks) -> np.ndarray:
    """Return the last-state distributions of optimal policies, ties broken evenly, shape (Z, S)."""
    process, operator = tasks.process, backup(tasks.process)
    owner, starts = process.choice_state, process.choice_offsets[:-1]
    values, policies = np.zeros((process.n_states, len(tasks))), []
    for step in reversed(range(tasks.steps)):
        q = operator.expected(tasks.rewards[:, step].T + values)
        values = np.maximum.reduceat(q, starts, axis=0)
        best = (q >= values[owner] - TIE).astype(np.float64)
        policies.append(best / np.add.reduceat(best, starts, axis=0)[owner])
    ends = []
    for task in range(len(tasks)):
        now = operator.initial()
        for policy in reversed(policies):
            now = operator.push(now[owner] * policy[:, task])
        ends.append(now)
    return np.array(ends)


def unrolled(tasks: StepTasks) -> RewardTasks:
    """Return the same tasks with rewards that do not depend on the step, on the process unrolled in time.

    State ``(t, s)`` of the unrolled process is ``t S + s`` for ``t = 0..T``, cut down to those that can
    occur; after the last step the agent stays where it is.
    """
    process, steps, size = tasks.process, tasks.steps, tasks.process.n_states
    layers = [process.initial > 0]
    support = (process.matrix > 0).astype(np.int64)
    for _ in range(steps):
        layers.append((support.T @ layers[-1][process.choice_state].astype(np.int64)) > 0)
    number = np.cumsum(np.concatenate(layers)) - 1
    owner, transitions = process.transition_choice, range(process.n_transitions)
    weights = process.exact_probabilities if process.is_exact else process.probabilities
    rows: list[tuple[int, int, int, object]] = []
    paid: dict[tuple[int, int, int], np.ndarray] = {}
    for step in range(steps):
        for m in transitions:
            state = int(process.choice_state[owner[m]])
            if not layers[step][state]:
                continue
            here = int(number[step * size + state])
            there = int(number[(step + 1) * size + int(process.successors[m])])
            action = int(process.choice_action[owner[m]])
            rows.append((here, action, there, weights[m]))
            paid[here, action, there] = tasks.rewards[:, step, int(process.successors[m])]
    rows += [(int(number[steps * size + s]), 0, int(number[steps * size + s]), 1)
             for s in np.flatnonzero(layers[-1])]  # fmt: skip
    starts: dict[int, object] = {
        int(number[s]): process.exact_initial[s] if process.exact_initial is not None else process.initial[s]
        for s in np.flatnonzero(process.initial)
    }
    wide = ControlledMarkovProcess.from_transitions(
        rows, states=int(number[-1]) + 1, actions=process.actions, initial=starts, horizon=steps,
        name=f"{process.name}, unrolled in time",
    )  # fmt: skip
    nothing = np.zeros(len(tasks))
    keys = zip(
        wide.choice_state[wide.transition_choice].tolist(),
        wide.choice_action[wide.transition_choice].tolist(),
        wide.successors.tolist(),
        strict=True,
    )
    values = np.stack([paid.get(key, nothing) for key in keys], axis=1)
    return RewardTasks(wide, RewardTables(wide, Labels(tasks.names, "task"), values))
