"""Learners that learn: gradient and recurrent meta-learners on tabular tasks (see
``docs/explanation/learning.md``).

Needs the extra ``learn`` (JAX, optax), which is loaded when a learner is first run.
"""

from __future__ import annotations

from metaregret.theory.learning.adaptation import adapt, adapt_from_episodes
from metaregret.theory.learning.explorer import train_explorer
from metaregret.theory.learning.history_tree import HistoryTree, history_tree
from metaregret.theory.learning.meta import MetaMethod, Schedule, meta_train
from metaregret.theory.learning.planner_gradient import PolicyGradient, policy_gradient
from metaregret.theory.learning.recurrent import RecurrentLearners, RecurrentSchedule, train_recurrent
from metaregret.theory.learning.softmax import Dynamics, dynamics
from metaregret.theory.learning.step_tasks import StepTasks, unrolled

__all__ = [
    "Dynamics",
    "HistoryTree",
    "MetaMethod",
    "PolicyGradient",
    "RecurrentLearners",
    "RecurrentSchedule",
    "Schedule",
    "StepTasks",
    "adapt",
    "adapt_from_episodes",
    "dynamics",
    "history_tree",
    "meta_train",
    "policy_gradient",
    "train_explorer",
    "train_recurrent",
    "unrolled",
]
