"""All paths of a deterministic process, as the sets of goals that they visit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["path_sets"]


def path_sets(process: ControlledMarkovProcess, goals: Sequence[int]) -> list[list[int]]:
    """Return the distinct sets of goals, by position, that a path of a deterministic process visits.

    Raises
    ------
    UnsupportedError
        For random dynamics, a random first state, or a geometric horizon.
    """
    if not process.is_deterministic or np.count_nonzero(process.initial) != 1:
        raise UnsupportedError("Listing paths needs deterministic dynamics and one first state.")
    steps = process.steps_for("Lists of paths")
    place = {int(goal): position for position, goal in enumerate(goals)}

    def seen(state: int) -> frozenset[int]:
        goal = int(process.goal_of[state])
        return frozenset({place[goal]}) if goal in place else frozenset()

    start = int(np.flatnonzero(process.initial)[0])
    layer = {(start, seen(start))}
    for _ in range(steps):
        layer = {
            (successor, found | seen(successor))
            for state, found in layer
            for choice in process.choices(state)
            for successor in [int(process.successors[int(process.offsets[choice])])]
        }
    return [sorted(found) for found in sorted({found for _, found in layer}, key=sorted)]
