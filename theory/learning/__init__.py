"""Learners that learn: exact memoryless, gradient and recurrent meta-learners on tabular tasks (see
``docs/explanation/learning.md``).

Needs the extra ``learn`` (JAX, optax), which is loaded when a learner is first run.
"""

from __future__ import annotations

from metaregret.theory.learning.distributions import DISTRIBUTIONS, Training, merged, training
from metaregret.theory.learning.explorer import hitting_times, train_explorer
from metaregret.theory.learning.meta import Knob, MetaLearners, adapt, meta_train
from metaregret.theory.learning.recurrent import RecurrentLearners, play, train_recurrent
from metaregret.theory.learning.settings import MetaSettings, RecurrentSettings
from metaregret.theory.learning.softmax import Dynamics, dynamics
from metaregret.theory.learning.step_tasks import StepTasks, unrolled
from metaregret.theory.learning.worlds import WORLDS, world

__all__ = [
    "DISTRIBUTIONS",
    "WORLDS",
    "Dynamics",
    "Knob",
    "MetaLearners",
    "MetaSettings",
    "RecurrentLearners",
    "RecurrentSettings",
    "StepTasks",
    "Training",
    "adapt",
    "dynamics",
    "hitting_times",
    "merged",
    "meta_train",
    "play",
    "train_explorer",
    "train_recurrent",
    "training",
    "unrolled",
    "world",
]
