"""All learners that never repeat a trajectory, enumerated, with and without structure in the tasks (T11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

REWARDS = ((0, 0, 0, 1), (0, 0, 1, 1))
"""One reward a trajectory; the tasks are all their orders."""

ENDS = ((0, 1, 2, 3, 4, 5), (0, 0, 1, 1, 2, 3), (0, 0, 0, 1, 1, 2), (0, 0, 0, 0, 0, 1))
"""The state in which each trajectory ends; the tasks are "end in g"."""


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return permutation-closed sets of tasks, and goals under dynamics that merge more and more
    trajectories."""
    closed = [
        {"kind": "closed", "case": index, "tries": k}
        for index, rewards in enumerate(REWARDS)
        for k in range(1, len(rewards) + 1)
    ]
    merged = [
        {"kind": "dynamics", "case": index, "tries": k} for index in range(len(ENDS)) for k in range(1, 6)
    ]
    return closed + merged


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the chance of a success in so many tries: of the best learner, the worst, and on average."""
    from itertools import permutations

    from metaregret.theory.theorems.t11_no_free_lunch import extremes, learners

    tries = point["tries"]
    if point["kind"] == "closed":
        rewards = REWARDS[point["case"]]
        tasks = sorted(set(permutations(rewards)))
        scores = list(learners(tasks, tries, max))
        best, worst, count = max(scores), min(scores), len(scores)
        shared = 0
    else:
        ends = ENDS[point["case"]]
        tasks = [tuple(int(end == goal) for end in ends) for goal in sorted(set(ends))]
        best, worst = extremes(tasks, tries, max)
        count, shared = 0, len(ends) - len(set(ends))
    return {
        "trajectories": len(tasks[0]),
        "goals": len(tasks),
        "shared_ends": shared,
        "paying": sum(tasks[0]),
        "learners": count,
        "best": float(best),
        "worst": float(worst),
    }


STUDY = Study(
    "free_lunch", "best and worst learners with and without structure in the tasks", points, measure
)
