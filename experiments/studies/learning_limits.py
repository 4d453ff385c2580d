"""What the best learner gets: the mean return of the Bayes-optimal learner over its first n episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

EPISODES = range(1, 17)


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return world x number of episodes."""
    from metaregret.theory.learning.worlds import WORLDS

    names = ["sparse"] if scale is Scale.SHORT else list(WORLDS)
    return [{"world": world, "episodes": episodes} for world in names for episodes in EPISODES]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Solve the Bayes-adaptive problem exactly."""
    from metaregret.theory.learning.limits import best_mean_return
    from metaregret.theory.learning.worlds import world

    bracket = best_mean_return(world(point["world"]), point["episodes"])
    return {"best_lower": bracket.lower, "best_upper": bracket.upper}


STUDY = Study("learning_limits", "The Bayes-optimal learner on the test tasks", points, measure)
