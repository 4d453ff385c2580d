"""The worlds in which learners are compared: a process and the test tasks that no proposal has seen.

* ``sparse``: a 4 x 4 grid from a corner; be at the goal when the episode ends.
* ``shaped``: the same grid; stay as near to the goal as can be on every step.
* ``speed``: a ring of five positions and speeds -4..4; hold a target speed.
* ``paths``: four rooms of two by two cells; walk a shortest path to a cell, in time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from metaregret.tabular.environments import make
from metaregret.tabular.environments.ring import ring, ring_speeds
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning.families import path_tasks, shaped_goals, sparse_goals, target_levels
from metaregret.theory.learning.step_tasks import StepTasks

__all__ = ["WORLDS", "world"]

POSITIONS, TOP_SPEED = 5, 4


def _grid_tests(family: Callable[[ControlledMarkovProcess, np.ndarray], StepTasks]) -> StepTasks:
    process = make("grid:4x4")
    return family(process, np.flatnonzero(goal_support(process)))


def _speeds() -> StepTasks:
    targets = np.arange(-TOP_SPEED, TOP_SPEED + 1)
    return target_levels(ring(POSITIONS, speed=TOP_SPEED), ring_speeds(POSITIONS, TOP_SPEED), targets)


def _paths() -> StepTasks:
    process = make("four-rooms:2")
    goals = np.flatnonzero(goal_support(process))
    return path_tasks(process, goals[goals != int(np.argmax(process.initial))])


WORLDS: dict[str, Callable[[], StepTasks]] = {
    "sparse": lambda: _grid_tests(sparse_goals),
    "shaped": lambda: _grid_tests(shaped_goals),
    "speed": _speeds,
    "paths": _paths,
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
    if name not in WORLDS:
        raise InvalidArgumentError(f"Expected a world of {', '.join(WORLDS)}, but got {name!r}.")
    return WORLDS[name]()
