"""The worlds in which learners are compared: a process and the test tasks that no proposal has seen.

Goals pay 1 at the end of the episode, whatever the best chance ``v*`` of reaching them; all are met equally
often. Sparse: ``grid`` (4 x 4 from a corner), ``rooms`` (four rooms of 2 x 2 cells), ``line`` (15 states from
its end), ``wide`` (7 x 7). Noisy: ``ledge``, a slipping 3 x 3 grid with one goal that is reached by luck
only. Dense: ``shaped``, the 4 x 4 grid where every step pays by the distance to the goal.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

import numpy as np
from scipy.sparse.csgraph import dijkstra

from metaregret.tabular.choices import one_of
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import check_goals, goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning.step_tasks import StepTasks

__all__ = ["WORLDS", "goals_of", "ledge", "shaped_goals", "sparse_goals", "world"]


def sparse_goals(process: ControlledMarkovProcess, goals: np.ndarray | None = None) -> StepTasks:
    """Return the tasks ``1{s_T = g}``, by default for every state where an episode can end.

    Raises
    ------
    InvalidArgumentError
        If a goal is not a state.
    """
    chosen = _goals(process, goals)
    rewards = np.zeros((len(chosen), process.steps_for("Learners that learn"), process.n_states))
    rewards[np.arange(len(chosen)), -1, chosen] = 1.0
    return StepTasks(process, tuple(process.states[goal] for goal in chosen.tolist()), rewards)


def shaped_goals(process: ControlledMarkovProcess, goals: np.ndarray | None = None) -> StepTasks:
    """Return the tasks that pay minus the distance to the goal, in steps, on every step; normalised.

    Raises
    ------
    InvalidArgumentError
        If a goal is not a state, or out of reach from a state that occurs.
    """
    chosen = _goals(process, goals)
    away = np.asarray(dijkstra(process.graph, unweighted=True))[:, chosen].T
    away[:, ~process.reachable] = 0.0
    if not np.isfinite(away).all():
        goal, state = map(int, np.argwhere(~np.isfinite(away))[0])
        raise InvalidArgumentError(
            f"Goal {process.states[int(chosen[goal])]!r} is out of reach from state "
            f"{process.states[state]!r}, so its distance is not defined; leave the goal out."
        )
    names = tuple(process.states[goal] for goal in chosen.tolist())
    rewards = -np.repeat(away[:, None], process.steps_for("Learners that learn"), axis=1)
    return StepTasks(process, names, rewards).normalised()


def _goals(process: ControlledMarkovProcess, goals: np.ndarray | None) -> np.ndarray:
    chosen = np.flatnonzero(goal_support(process)) if goals is None else np.asarray(goals)
    check_goals(process, chosen)
    return chosen


def goals_of(tasks: StepTasks) -> np.ndarray | None:
    """Return the goal states of tasks that pay 1 at the end of the episode, or None if they are others."""
    last = tasks.rewards[:, -1]
    if tasks.rewards[:, :-1].any() or ((last != 0) & (last != 1)).any() or (last.sum(axis=1) != 1).any():
        return None
    return np.asarray(last.argmax(axis=1))


def ledge(luck: Fraction = Fraction(1, 4), slip: Fraction = Fraction(1, 10)) -> ControlledMarkovProcess:
    """Return a slipping 3 x 3 grid with a ledge (state 9) above the far corner.

    In the far corner the agent can jump: with probability `luck` it lands on the ledge, for good, otherwise
    in a uniformly random cell. Episodes have five steps, one more than
    the way to the corner.
    """
    floor = make(f"grid:3x3,slip={slip}")
    weights, owner = floor.exact_probabilities, floor.transition_choice
    states, actions = floor.choice_state[owner], floor.choice_action[owner]
    rows: list[tuple[int, int, int, object]] = [
        (int(states[m]), int(actions[m]), int(floor.successors[m]), weights[m])
        for m in range(floor.n_transitions)
    ]
    jump, top = floor.n_actions, floor.n_states
    rows += [(top - 1, jump, cell, (1 - luck) / top) for cell in range(top)]
    rows += [(top - 1, jump, top, luck), (top, jump, top, 1)]
    return ControlledMarkovProcess.from_transitions(
        rows,
        states=[*floor.states, "ledge"],
        actions=[*floor.actions, "jump"],
        initial=0,
        horizon=5,
        name=f"ledge:v={luck},slip={slip}",
    )


WORLDS: dict[str, Callable[[], StepTasks]] = {
    "grid": lambda: sparse_goals(make("grid:4x4")),
    "rooms": lambda: sparse_goals(make("four-rooms:2")),
    "line": lambda: sparse_goals(make("line:15")),
    "ledge": lambda: sparse_goals(ledge()),
    "shaped": lambda: shaped_goals(make("grid:4x4")),
    "wide": lambda: sparse_goals(make("grid:7x7")),
}
"""The test tasks of each world."""


@cache
def world(name: str) -> StepTasks:
    """Return the test tasks of a world, the same object at every call.

    Raises
    ------
    InvalidArgumentError
        If there is no such world.
    """
    return WORLDS[one_of(tuple(WORLDS), name, "world")]()
