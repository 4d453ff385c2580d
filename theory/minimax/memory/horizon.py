"""How many episodes are enough: infinitely many episodes as finitely many, where that is exact.

Let the dynamics and the first state be deterministic and the tasks ``K`` goals within reach. Then for every
criterion the minimax value is the same for all ``N >= K``.

An episode that reveals nothing to a learner with two or more goals left misses the task's goal, so it costs
every task still possible its full charge (one success, one episode, or ``T`` steps) and leaves the learner,
at the beginning of the next episode, where it was. Leaving all such episodes out never raises a loss, and
the learner can do so because it knows beforehand, the dynamics being deterministic, what each episode would
show. A learner without such episodes rules out at least one goal per episode, so after ``K - 1`` episodes
the task is known, and planning for a known task adds no further regret and finds the goal in the next
episode. Hence the best learner of ``K`` episodes, continued by planning, loses the same for every larger
number, and no learner of more episodes loses less, since losses do not decrease with ``N``.

With random dynamics an episode may reveal nothing by bad luck, and the value still changes with every
further episode (`metaregret.theory.minimax.memory.unending` finds its limit); general rewards may never
reveal
the task. Both are refused. The statement is **[ext]**:
our own, checked numerically in the tests.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.errors import UnreachableGoalError, UnsupportedError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks

__all__ = ["enough_episodes", "unending"]


def unending(tasks: GoalTasks | RewardTasks) -> bool:
    """Whether the value changes with every further episode, and the process is known in rational numbers."""
    return isinstance(tasks, GoalTasks) and tasks.process.is_exact and not _certain(tasks.process)


def _certain(process: ControlledMarkovProcess) -> bool:
    return process.is_deterministic and int((process.initial > 0).sum()) == 1


def enough_episodes(tasks: GoalTasks | RewardTasks) -> int:
    """Return ``K``, from which on the minimax value no longer changes.

    Raises
    ------
    UnreachableGoalError
        If no policy finds some goal.
    UnsupportedError
        For stochastic dynamics, a random first state, or general rewards.
    """
    if not isinstance(tasks, GoalTasks):
        raise UnsupportedError(
            "Infinitely many episodes with memory are solved for goals only: general rewards may "
            "never reveal the task, and the value then changes with every further episode; give a "
            "number of episodes."
        )
    process = tasks.process
    if not _certain(process):
        raise UnsupportedError(
            f"Infinitely many episodes with memory need deterministic dynamics and one first state, but "
            f"{process.name!r} is random, so that the value changes with every further episode; give a "
            "number of episodes."
        )
    found = goal_support(process, visit=tasks.detect is Detection.VISIT)
    unreached = np.flatnonzero(~found[tasks.goals])
    if len(unreached):
        raise UnreachableGoalError(
            f"No policy finds goal {tasks.names[unreached[0]]!r}, so its cost over infinitely many episodes "
            "is not finite; leave it out (GoalTasks.reachable)."
        )
    return len(tasks.goals)
