"""Hypothesis strategies for processes, policies, tasks, task distributions and learners, in one place.

>>> from hypothesis import given
>>> import metaregret as mr
>>> @given(mr.strategies.controllable_processes())
... def test_every_goal_is_sure(process):
...     assert mr.tabular.goal_values(process).values.min() == 1
>>> test_every_goal_is_sure()
"""

from __future__ import annotations

from metaregret.tabular.strategies import (
    controllable_processes,
    deterministic_processes,
    distributions,
    horizons,
    policies,
    processes,
    stochastic_processes,
)
from metaregret.theory.strategies import (
    goal_tasks,
    learners,
    reward_tasks,
    symmetric_processes,
    task_distributions,
    trajectory_tasks,
)

__all__ = [
    "controllable_processes",
    "deterministic_processes",
    "distributions",
    "goal_tasks",
    "horizons",
    "learners",
    "policies",
    "processes",
    "reward_tasks",
    "stochastic_processes",
    "symmetric_processes",
    "task_distributions",
    "trajectory_tasks",
]
