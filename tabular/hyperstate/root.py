"""Where every hyperstate graph begins: the full set of tasks, and the dynamics with one more state.

The beginning of an episode is an extra state, the last one, with a single choice that leads to the initial
states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metaregret.tabular.hyperstate.learner import DeterministicLearner
from metaregret.tabular.hyperstate.signals import Signals

if TYPE_CHECKING:
    from metaregret.tabular.hyperstate.kernels import Dynamics, SetTable

__all__ = ["full_dynamics", "full_set", "no_choices"]


def full_dynamics(signals: Signals) -> Dynamics:
    """Return the dynamics with the beginning of an episode as one more state."""
    from metaregret.tabular.hyperstate.kernels import Dynamics

    process = signals.process
    begins = np.flatnonzero(process.initial)
    return Dynamics(
        np.append(process.choice_offsets, process.n_choices + 1).astype(np.int64),
        np.append(process.offsets, process.n_transitions + len(begins)).astype(np.int64),
        np.append(process.successors, begins).astype(np.int32),
        np.append(process.probabilities, process.initial[begins]),
    )


def full_set(signals: Signals) -> SetTable:
    """Return a table that holds the set of all classes as number 0."""
    from metaregret.tabular.hyperstate.kernels import SetTable, first_set

    width = (signals.n_classes + 63) // 64
    bits = np.zeros(width * 64, dtype=np.uint8)
    bits[: signals.n_classes] = 1
    empty = SetTable(np.empty((64, width), dtype=np.uint64), np.full(256, -1, dtype=np.int32), 0)
    return SetTable(*first_set(np.packbits(bits, bitorder="little").view(np.uint64), empty))


def no_choices(width: int) -> DeterministicLearner:
    """Return the learner that has nothing to decide: its task is known from the start."""
    none = np.empty(0, dtype=np.int32)
    return DeterministicLearner(none, none, none, np.empty((0, width), dtype=np.uint64), none, np.empty(0))
