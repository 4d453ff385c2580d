"""The tree of trajectories: the process that remembers its whole history."""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

from metaregret.tabular.augment.exploring import AugmentedProcess, augment
from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["MAX_HISTORIES", "leaves", "remember_trajectory"]

MAX_HISTORIES = 200_000


def remember_trajectory(
    process: ControlledMarkovProcess, *, max_states: int = MAX_HISTORIES
) -> AugmentedProcess:
    """Return the tree whose states are histories ``(s_0, a_1, s_1, ...)``, of at most ``T`` steps.

    The memory of a node is the tuple ``(s_0, choice_1, s_1, ..., s_t)`` of state and choice indices.

    Raises
    ------
    UnsupportedError
        At a geometric horizon, where trajectories have no bounded length.
    InstanceTooLargeError
        If the tree has more than `max_states` nodes.
    """
    if not isinstance(process.horizon, FiniteHorizon):
        raise UnsupportedError("Trajectory tasks need a finite horizon; give a number of steps.")

    def step(memory: Hashable, choice: int, successor: int) -> Hashable:
        return (*cast(tuple[int, ...], memory), choice, successor)

    return augment(process, lambda state: (state,), step, max_states=max_states, what="trajectories")


def leaves(tree: AugmentedProcess) -> list[int]:
    """Return the nodes of the tree that are complete trajectories."""
    longest = max(len(cast(tuple[int, ...], memory)) for memory in tree.memory)
    return [i for i, memory in enumerate(tree.memory) if len(cast(tuple[int, ...], memory)) == longest]
