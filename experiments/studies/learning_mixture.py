"""With memory, is one proposal brittle and a random one not (T27), for trained recurrent learners too?

Five goals on a star, one step each, five episodes. Each learner trains on a proposal of its own: goals in
random order, each ``ratio`` times as likely as the one before. A learner that knew its proposal by heart
would search in that order, and lose ``K - 1`` on the last goal; one drawn at random among all loses ``(K -
1) / 2`` on every goal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.studies._learning import needs
from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

STAR, GOALS = "tree:0,0,0,0", 5
RATIOS = (1.0, 0.9, 0.7, 0.5)
FULL = {"learners": 20, "iterations": 400}
SHORT = {"learners": 2, "iterations": 20}
TRIALS = 256


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point for each ratio; in short, one."""
    if scale is Scale.SHORT:
        return [{"ratio": RATIOS[2], "first": seed, **SHORT}]
    return [{"ratio": ratio, "first": seed, **FULL} for ratio in RATIOS]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train; one row for each learner and goal. `generator` is not used: the point names the first seed."""
    import numpy as np

    from metaregret.tabular.environments import make
    from metaregret.theory.learning import RecurrentSettings, dynamics, play, train_recurrent
    from metaregret.theory.learning.worlds import sparse_goals

    tests = sparse_goals(make(STAR).replaced(horizon=1))
    world, count = dynamics(tests.process), point["learners"]
    rng = np.random.default_rng([point["first"], GOALS])
    q = np.stack([rng.permutation(point["ratio"] ** np.arange(GOALS)) for _ in range(count)])
    q /= q.sum(axis=1, keepdims=True)
    settings = RecurrentSettings(iterations=point["iterations"])
    rewards = np.repeat(tests.rewards[None], count, axis=0)
    learners = train_recurrent(world, rewards, q, GOALS, settings, point["first"] + np.arange(count))
    rows = []
    for index in range(count):
        mine = {name: value[index] for name, value in learners.parameters.items()}
        paid = play(world, mine, tests.rewards, GOALS, trials=TRIALS, seed=1_000_000 + index)
        lost = (1.0 - paid).sum(axis=1)
        rows += [
            {"seed_of_run": index, "goal": goal, "weight": q[index, goal], "regret": lost[goal]}
            for goal in range(GOALS)
        ]
    return rows


STUDY = Study(
    "learning_mixture", "One proposal or a random one, for recurrent learners", points, measure, needs=needs
)
