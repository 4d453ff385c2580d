r"""Meta-learners on self-proposed tasks, adapting to test tasks that no proposal has seen.

One point is a world and a meta-method; its rows are the learners of all training distributions, seeds and
test tasks, with the exact expected return of the policy before each gradient step. From scratch is a method
of its own. See `metaregret.theory.learning.pipeline` for the rule that fixes step sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

SCRATCH = "scratch"
METHODS = ("maml", "fomaml", "reptile", "pooled", SCRATCH)
FULL = {"seeds": 6, "iterations": 200, "steps": 20, "episodes": 5}
SHORT = {"seeds": 3, "iterations": 20, "steps": 8, "episodes": 5}


def needs() -> None:
    """JAX and optax, of the extra ``learn``."""
    from metaregret.theory.learning.backend import require_extra

    require_extra()


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return world x method; in short, MAML and scratch on the sparse goals."""
    from metaregret.theory.learning.worlds import WORLDS

    if scale is Scale.SHORT:
        return [{"world": "sparse", "method": method, **SHORT} for method in ("maml", SCRATCH)]
    return [{"world": world, "method": method, **FULL} for world in WORLDS for method in METHODS]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train and adapt; one row for each distribution, kind of adaptation, seed and test task.

    Methods and worlds share the seeds 0, 1, .., so that comparisons are paired; `generator` is not used.
    """
    from metaregret.theory.learning.distributions import DISTRIBUTIONS, HANDMADE, training
    from metaregret.theory.learning.meta import MetaMethod, Schedule
    from metaregret.theory.learning.pipeline import Adaptation, learn, learn_from_scratch
    from metaregret.theory.learning.worlds import world

    tests, seeds, steps = world(point["world"]), range(point["seeds"]), point["steps"]
    schedule = Schedule(iterations=point["iterations"])
    adaptations = [Adaptation(steps), Adaptation(steps, point["episodes"])]
    if point["method"] == SCRATCH:
        learned = learn_from_scratch(tests, len(seeds), schedule, adaptations)
    else:
        names = [*DISTRIBUTIONS, HANDMADE]
        trainings = [[training(name, tests, seed) for seed in seeds] for name in names]
        learned = learn(tests, trainings, MetaMethod(point["method"]), schedule, adaptations)
    return [
        {
            "training": found.training,
            "adaptation": found.adaptation.name,
            "rate": found.rate,
            "seed_of_run": seed,
            "task": tests.names[task],
            **{f"return_{step:02d}": value for step, value in enumerate(found.curves[seed, task].tolist())},
        }
        for found in learned
        for seed in seeds
        for task in range(len(tests))
    ]


STUDY = Study("learning_curves", "meta-learners on self-proposed tasks", points, measure, needs=needs)
