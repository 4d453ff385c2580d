"""The lines below which no learner's regret can be: on average, in the worst case, without and with memory.

The learner that meets each task equally often and keeps its memory loses at least the Bayes-optimal learner's
regret over ``n`` episodes, whatever it was trained on; on its worst task it loses at least the minimax value
of learners with memory. Where all goals can be reached with certainty both are ``(K-1)/2`` once ``n >= K``,
and ``n - n (n+1) / (2 K)`` before (T12).
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.theory.learning.step_tasks import StepTasks, unrolled
from metaregret.theory.learning.worlds import goals_of
from metaregret.theory.minimax import solve
from metaregret.theory.minimax.memory import bayes_optimal
from metaregret.theory.tasks import GoalTasks, RewardTasks

__all__ = ["bayes_regret", "memoryless_regret", "minimax_regret"]


def bayes_regret(tasks: StepTasks, episodes: int) -> Bracket:
    """Return the smallest mean regret over `episodes` episodes with tasks equally likely.

    Raises
    ------
    InstanceTooLargeError
        As in `bayes_optimal`, unless every goal is reached with certainty.
    """
    weights = np.full(len(tasks), 1.0 / len(tasks))
    return _search(tasks, episodes) or bayes_optimal(_family(tasks), weights, episodes).value


def minimax_regret(tasks: StepTasks, episodes: int) -> Bracket:
    """Return the smallest worst-case regret over `episodes` episodes of any learner with memory."""
    return _search(tasks, episodes) or solve(_family(tasks), learner="memory", episodes=episodes).value


def memoryless_regret(tasks: StepTasks) -> Bracket:
    """Return the smallest worst-case regret of a memoryless learner, without a limit on episodes."""
    return solve(_family(tasks)).value


def _family(tasks: StepTasks) -> GoalTasks | RewardTasks:
    goals = goals_of(tasks)
    return unrolled(tasks) if goals is None else GoalTasks(tasks.process, goals)


def _search(tasks: StepTasks, episodes: int) -> Bracket | None:
    """Search without replacement, where T12 holds."""
    if goals_of(tasks) is None or tasks.optimum.min() < 1.0:
        return None
    count = len(tasks)
    played = min(episodes, count)
    value = played - played * (played + 1) / (2 * count) if episodes < count else (count - 1) / 2
    return Bracket(value, value)
