"""Small tasks that the tests of learners share."""

from __future__ import annotations

import numpy as np

from metaregret.tabular.environments import make
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning import StepTasks


def end_goals(process: ControlledMarkovProcess, steps: int) -> StepTasks:
    """Every state is a goal that pays 1 at the end of the episode."""
    size = process.n_states
    rewards = np.zeros((size, steps, size))
    rewards[np.arange(size), -1, np.arange(size)] = 1.0
    return StepTasks(process, tuple(map(str, range(size))), rewards)


def goals_on(specification: str, steps: int) -> StepTasks:
    return end_goals(make(specification).replaced(horizon=steps), steps)


def random_tasks(process: ControlledMarkovProcess, steps: int, tasks: int, seed: int) -> StepTasks:
    """Rewards in sixteenths, so that ties and equal rewards occur."""
    rng = np.random.default_rng(seed)
    rewards = rng.integers(-16, 17, (tasks, steps, process.n_states)) / 16
    return StepTasks(process.replaced(horizon=steps), tuple(f"task {z}" for z in range(tasks)), rewards)
