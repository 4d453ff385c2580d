"""The worlds in which learners are compared: a process and the test tasks that no proposal has seen.

* ``sparse``: a 4 x 4 grid from a corner; be at the goal when the episode ends.
* ``shaped``: the same grid; stay as near to the goal as can be on every step.
* ``speed``: a ring of five positions and speeds -4..4; hold a target speed.
* ``paths``: four rooms of two by two cells; walk a shortest path to a cell, in time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from tabular.environments import make
from tabular.environments.ring import ring, ring_speeds
from tabular.goals import goal_support
from tabular.process import ControlledMarkovProcess
from theory.learning.families import path_tasks, shaped_goals, sparse_goals, target_levels
from theory.learning.step_tasks import StepTasks

__all__ = ["World", "world", "worlds"]

POSITIONS, TOP_SPEED = 5, 4


@dataclass(frozen=True)
class World:
    """A process with its test tasks.

    Attributes
    ----------
    name : str
    title : str
        One line.
    tests : callable
        Returns the test tasks.
    """

    name: str
    title: str
    tests: Callable[[], StepTasks]


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


@cache
def worlds() -> dict[str, World]:
    """Return the worlds by name."""
    return {
        item.name: item
        for item in (
            World("sparse", "goals on a grid, paid at the end", lambda: _grid_tests(sparse_goals)),
            World("shaped", "goals on a grid, paid by distance", lambda: _grid_tests(shaped_goals)),
            World("speed", "target speeds on a ring", _speeds),
            World("paths", "paths through four rooms", _paths),
        )
    }


@cache
def world(name: str) -> StepTasks:
    """Return the test tasks of a world, the same object at every call."""
    return worlds()[name].tests()
