r"""Recurrent learners (RL^2) on small worlds, trained and evaluated exactly, below the Bayes-optimal one.

The test tasks are the goals of the world, equally likely; the learners train on each distribution by exact
policy gradients over all histories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

WORLDS = {"star": ("tree:0,0,0,0", 1, 3), "line": ("line:5,start=2", 2, 2)}
"""Process, steps of an episode and episodes of a trial."""

TRAININGS = ("handmade", "diayn", "random", "carml")
EVERY = 10


def needs() -> None:
    """JAX and optax, of the extra ``learn``."""
    from metaregret.theory.learning.backend import require_extra

    require_extra()


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return world x training distribution."""
    if scale is Scale.SHORT:
        return [{"world": "star", "training": "handmade", "seeds": 3, "iterations": 40}]
    settings = {"seeds": 8, "iterations": 400}
    return [{"world": world, "training": name, **settings} for world in WORLDS for name in TRAININGS]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train; one row for each seed and every tenth iteration."""
    import numpy as np

    from metaregret.tabular.environments import make
    from metaregret.theory.learning import RecurrentSchedule, history_tree, train_recurrent
    from metaregret.theory.learning.distributions import training
    from metaregret.theory.learning.families import sparse_goals
    from metaregret.theory.learning.limits import best_mean_return

    specification, steps, episodes = WORLDS[point["world"]]
    process = make(specification).replaced(horizon=steps)
    tests = sparse_goals(process, np.arange(process.n_states))
    best = best_mean_return(tests, episodes)
    schedule = RecurrentSchedule(iterations=point["iterations"])
    rows = []
    for seed in range(point["seeds"]):
        chosen = training(point["training"], tests, seed, skills=len(tests))
        learner = train_recurrent(
            history_tree(chosen.tasks, episodes), chosen.weights[None], np.array([seed]), schedule,
            tests=history_tree(tests, episodes),
        )  # fmt: skip
        for iteration in range(0, point["iterations"] + 1, EVERY):
            paid = learner.history[0, iteration] / episodes
            rows.append(
                {
                    "seed_of_run": seed,
                    "iteration": iteration,
                    "mean_return": paid.mean(),
                    "worst_return": paid.min(),
                    "training_return": learner.curve[0, iteration] / episodes,
                    "best_lower": best.lower,
                    "best_upper": best.upper,
                }
            )
    return rows


STUDY = Study(
    "learning_recurrent", "Recurrent learners below the Bayes-optimal one", points, measure, needs=needs
)
