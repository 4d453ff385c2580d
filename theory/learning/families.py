"""Families of test tasks: goals (sparse, shaped by distance), target speeds, paths to be walked in time.

Each task is scaled so that its best return is 1 and its worst 0 (`StepTasks.normalised`).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning.step_tasks import StepTasks, finite_steps

__all__ = ["distances", "path_tasks", "shaped_goals", "sparse_goals", "target_levels"]


def sparse_goals(process: ControlledMarkovProcess, goals: np.ndarray) -> StepTasks:
    """Return the tasks ``1{s_T = g}``.

    Parameters
    ----------
    goals : ndarray of int, shape (Z,)
        States.

    Raises
    ------
    InvalidArgumentError
        If a goal is not a state.
    """
    _check_goals(process, goals)
    rewards = np.zeros((len(goals), finite_steps(process), process.n_states))
    rewards[np.arange(len(goals)), -1, goals] = 1.0
    return StepTasks(process, _goal_names(process, goals), rewards).normalised()


def shaped_goals(process: ControlledMarkovProcess, goals: np.ndarray) -> StepTasks:
    """Return the tasks that pay minus the distance to the goal, in steps, on every step.

    Raises
    ------
    InvalidArgumentError
        If a goal is not a state, or out of reach from a state that occurs.
    """
    _check_goals(process, goals)
    steps = finite_steps(process)
    away = distances(process)[:, goals].T
    away[:, ~process.reachable] = 0.0
    if not np.isfinite(away).all():
        goal, state = map(int, np.argwhere(~np.isfinite(away))[0])
        raise InvalidArgumentError(
            f"Goal {process.states[int(goals[goal])]!r} is out of reach from state "
            f"{process.states[state]!r}, so its distance is not defined; leave the goal out."
        )
    rewards = -np.repeat(away[:, None], steps, axis=1)
    return StepTasks(process, _goal_names(process, goals), rewards).normalised()


def target_levels(process: ControlledMarkovProcess, level: np.ndarray, targets: np.ndarray) -> StepTasks:
    """Return the tasks that pay ``-|level(s) - target|`` on every step: target speeds.

    Parameters
    ----------
    level : ndarray, shape (S,)
        The speed in every state.
    targets : ndarray, shape (Z,)
        Target speeds, in the units of `level`.

    Raises
    ------
    InvalidArgumentError
        If there is not one speed for each state.
    """
    level = np.asarray(level, dtype=np.float64)
    if level.shape != (process.n_states,):
        raise InvalidArgumentError(
            f"Expected one level for each state, shape ({process.n_states},), but got {level.shape}."
        )
    off = -np.abs(level[None, :] - targets[:, None])
    names = tuple(f"speed {target:+g}" for target in targets.tolist())
    return StepTasks(process, names, np.repeat(off[:, None], finite_steps(process), axis=1)).normalised()


def path_tasks(process: ControlledMarkovProcess, goals: np.ndarray) -> StepTasks:
    """Return the tasks that pay 1 on every step taken in time with a shortest path to a goal.

    The path starts where the process does and waits at the goal; ties are broken towards the lower state.

    Raises
    ------
    InvalidArgumentError
        If a goal is not a state, the start is random, or a goal is out of reach within the horizon.
    """
    _check_goals(process, goals)
    steps, away = finite_steps(process), distances(process)
    starts = np.flatnonzero(process.initial)
    if len(starts) > 1:
        raise InvalidArgumentError(
            f"Paths need one initial state, but {process.name!r} has {len(starts)}; start in one of them."
        )
    rewards = np.zeros((len(goals), steps, process.n_states))
    for index, goal in enumerate(goals.tolist()):
        if away[starts[0], goal] > steps:
            raise InvalidArgumentError(
                f"Goal {process.states[goal]!r} is {away[starts[0], goal]:g} steps away, but an episode has "
                f"{steps}; leave it out or raise the horizon."
            )
        state = int(starts[0])
        for step in range(steps):
            following = np.unique(process.matrix[list(process.choices(state))].indices)
            state = int(following[np.argmin(away[following, goal])])
            rewards[index, step, state] = 1.0
    return StepTasks(process, _goal_names(process, goals), rewards).normalised()


def distances(process: ControlledMarkovProcess) -> np.ndarray:
    """Return the smallest number of steps from each state to each other with any chance, shape (S, S)."""
    edges = (process.choice_state[process.transition_choice], process.successors)
    graph = sp.csr_array((np.ones(process.n_transitions), edges), shape=(process.n_states,) * 2)
    return np.asarray(dijkstra(graph, unweighted=True))


def _check_goals(process: ControlledMarkovProcess, goals: np.ndarray) -> None:
    bad = np.flatnonzero((np.asarray(goals) < 0) | (np.asarray(goals) >= process.n_states))
    if len(bad):
        raise InvalidArgumentError(
            f"goals[{int(bad[0])}] = {int(goals[bad[0]])} is not a state; states are "
            f"0..{process.n_states - 1}."
        )


def _goal_names(process: ControlledMarkovProcess, goals: np.ndarray) -> tuple[str, ...]:
    return tuple(process.states[goal] for goal in np.asarray(goals).tolist())
