"""Blind, memoryless and memory learners for the same tasks, certified (T12, T13, T18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

CASES = (
    ("line:5,start=2", 2, "end"),
    ("line:5,start=2", 4, "visit"),
    ("grid:3x3,slip=1/5", 4, "end"),
    ("tree:0,0,1,1", 4, "visit"),
    ("garnet:S=6,A=2,b=2,seed=3", 3, "end"),
)
"""Process, horizon and when goals are noticed; the first has a closed form."""

EPISODES = {Scale.FULL: range(1, 11), Scale.SHORT: range(1, 4)}
FIXED = 5


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the first case for growing numbers of episodes, and every case for five."""
    first, *others = CASES
    series = [(first, episodes) for episodes in EPISODES[scale]]
    return [
        {"process": process, "horizon": horizon, "detect": detect, "episodes": episodes}
        for (process, horizon, detect), episodes in [*series, *((case, FIXED) for case in others)]
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Solve the three classes."""
    from metaregret.tabular import make
    from metaregret.theory import Detection, GoalTasks
    from metaregret.theory.minimax.ladder import ladder

    process = make(point["process"]).replaced(horizon=point["horizon"])
    tasks = GoalTasks.reachable(process, Detection(point["detect"]))
    found = ladder(tasks, point["episodes"])
    bounds = {}
    for rung in found.rungs:
        bounds[f"{rung.learner.value}_lower"] = rung.value.lower
        bounds[f"{rung.learner.value}_upper"] = rung.value.upper
    return {"tasks": len(tasks.goals), "deterministic": process.is_deterministic, **bounds}


STUDY = Study("learner_ladder", "minimax regret of blind, memoryless and memory learners", points, measure)
