"""Small tasks and central differences that the tests of learners share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metaregret.tabular.environments import make
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning import StepTasks
from metaregret.theory.learning.worlds import sparse_goals

WIDTH = 1e-5
"""Of central differences: their error is of the order of its square, and of rounding over it."""


def goals_on(specification: str, steps: int) -> StepTasks:
    return sparse_goals(make(specification).replaced(horizon=steps))


def random_tasks(process: ControlledMarkovProcess, steps: int, tasks: int, seed: int) -> StepTasks:
    """Rewards in sixteenths, so that ties and equal rewards occur."""
    rng = np.random.default_rng(seed)
    rewards = rng.integers(-16, 17, (tasks, steps, process.n_states)) / 16
    return StepTasks(process.replaced(horizon=steps), tuple(f"task {z}" for z in range(tasks)), rewards)


def differences(value: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """The gradient by ``(value(at + h e) - value(at - h e)) / 2h``."""
    slopes = np.zeros(at.size)
    for entry in range(at.size):
        nudge = np.zeros(at.size)
        nudge[entry] = WIDTH
        up, down = (value(at + sign * nudge.reshape(at.shape)) for sign in (1, -1))
        slopes[entry] = (up - down) / (2 * WIDTH)
    return slopes.reshape(at.shape)
