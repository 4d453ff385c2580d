"""The process that remembers which goals this episode has visited."""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.augment.exploring import AugmentedProcess, augment
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["MAX_STATES", "remember_visits"]

MAX_STATES = 200_000


def remember_visits(
    process: ControlledMarkovProcess, goals: np.ndarray, *, max_states: int = MAX_STATES
) -> tuple[AugmentedProcess, sp.csc_array]:
    """Return the process on pairs (state, set of goals visited so far), and who has visited what.

    Parameters
    ----------
    goals : ndarray of int, shape (K,)
        The goals to remember; a goal counts as visited at step ``t`` if ``s_t`` is that goal, ``t = 0..T``.

    Returns
    -------
    augmented : AugmentedProcess
        Its memory is a bit set of goal positions.
    visited : sparse array, shape (S', K)
        One where the augmented state has visited the goal; as a terminal reward it pays for visits.

    Raises
    ------
    InstanceTooLargeError
        If there are more than `max_states` pairs; their number can grow as ``2**K``.
    """
    place = {int(goal): 1 << position for position, goal in enumerate(goals)}
    bit = [place.get(goal, 0) for goal in process.goal_of.tolist()]

    def step(memory: Hashable, choice: int, successor: int) -> Hashable:
        return cast(int, memory) | bit[successor]

    augmented = augment(process, lambda state: bit[state], step, max_states=max_states, what="visited goals")
    rows, columns = [], []
    for node, memory in enumerate(augmented.memory):
        rest = cast(int, memory)
        while rest:
            low = rest & -rest
            rows.append(node)
            columns.append(low.bit_length() - 1)
            rest ^= low
    shape = (augmented.process.n_states, len(goals))
    return augmented, sp.csc_array((np.ones(len(rows)), (rows, columns)), shape=shape)
