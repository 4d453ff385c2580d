"""Learners trained on every proposal of a grid over three goals, and their worst case (T5).

On a line of three states, started in the middle, each goal is one sure step away. For a proposal ``q`` the
Bayes-optimal memoryless learner is found by a certified convex program over the process's policies, which
knows nothing of the square-root law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

PARTS = {Scale.FULL: 18, Scale.SHORT: 6}


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return all proposals ``(i, j, k) / n`` that leave out no goal."""
    n = PARTS[scale]
    return [
        {"process": "line:3,start=1", "parts": n, "first": i, "second": j, "third": n - i - j}
        for i in range(1, n - 1)
        for j in range(1, n - i)
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Train a learner on the proposal and return its exploration and its certified worst-case regret."""
    import numpy as np

    from metaregret.tabular import make
    from metaregret.theory.proposals.regrets import trained_learner

    proposal = np.array([point["first"], point["second"], point["third"]]) / point["parts"]
    learner = trained_learner(make(point["process"]).replaced(horizon=1), proposal)
    roots = np.sqrt(proposal)
    return {
        **{f"exploration_{goal}": learner.exploration[goal] for goal in range(3)},
        "regret_lower": learner.worst_case.lower,
        "regret_upper": learner.worst_case.upper,
        "closed_form": float(roots.sum() / roots.min() - 1.0),
    }


STUDY = Study(
    "proposal_simplex", "worst case of learners trained on proposals over three goals", points, measure
)
