"""What any learner can get at best: the line that no meta-learning curve may cross.

A learner that meets a task drawn from the test distribution and keeps its memory gets at most ``V_n`` in
its first ``n`` episodes, the value of the Bayes-optimal learner for ``n`` episodes. So ``V_n / n`` bounds
the mean return over the first ``n`` episodes of *every* learner, however it was trained.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.theory.learning.step_tasks import StepTasks, unrolled
from metaregret.theory.minimax.memory import bayes_optimal
from metaregret.theory.minimax.memory.bayes import BayesLearner
from metaregret.theory.tasks import GoalTasks

__all__ = ["bayes_learner", "best_mean_return", "goals_of"]


def goals_of(tasks: StepTasks) -> GoalTasks | None:
    """Return the tasks as goals at the end of the episode, or None where they are something else."""
    last = tasks.rewards[:, -1]
    points = (last == 1.0).sum(axis=1) == 1
    if tasks.rewards[:, :-1].any() or not points.all() or np.count_nonzero(last) != len(tasks):
        return None
    goals = np.argmax(last, axis=1)
    return GoalTasks(tasks.process, goals) if np.all(np.diff(goals) > 0) else None


def bayes_learner(tasks: StepTasks, episodes: int, prior: np.ndarray | None = None) -> BayesLearner:
    """Return the Bayes-optimal learner for tasks drawn from `prior`, by default uniform.

    Raises
    ------
    InstanceTooLargeError
        As in `bayes_optimal`.
    """
    weights = np.full(len(tasks), 1.0 / len(tasks)) if prior is None else prior
    return bayes_optimal(goals_of(tasks) or unrolled(tasks), weights, episodes)


def best_mean_return(tasks: StepTasks, episodes: int) -> Bracket:
    """Return ``V_n / n``: the best mean return over `episodes` episodes with tasks equally likely."""
    regret = bayes_learner(tasks, episodes).value
    optimum = float(tasks.optimum.mean())
    return Bracket(optimum - regret.upper / episodes, optimum - regret.lower / episodes)
