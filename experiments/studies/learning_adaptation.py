"""Gradient learners on proposals: each knob trained through adaptation, then met with the test tasks.

One point is a world and a knob; its rows are the learners of all distributions and seeds, under one rule for
step sizes that serves all, scratch included: of those in `RATES` and the one learned, the best on the
distribution's own training tasks (``own``), or the best on the test tasks (``tests``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.studies._learning import arms, groups, meta_settings, needs
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.learning.settings import RATES, RUNS, SEEDS, MetaSettings

if TYPE_CHECKING:
    import numpy as np

    from metaregret.theory.learning import MetaLearners, StepTasks, Training

SPARSE = ("grid", "rooms", "line")
FULL = {
    "step-size": ((*SPARSE, "ledge", "shaped"), "all"),
    "initialisation": ((*SPARSE, "ledge", "shaped"), "all"),
    "no-credit": (SPARSE, "diayn"),
    "rule": ((*SPARSE, "shaped"), "diayn"),
    "exact": (SPARSE, "diayn"),
    "exact-scratch": (SPARSE, "diayn"),
}
"""The worlds in which each knob is tried, and on which proposals; ``step-size`` is learning from scratch."""

CHOOSING_RUNS = 2


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return world x knob; the 7 x 7 grid is long."""
    settings = {"seeds": SEEDS, "iterations": MetaSettings().iterations, "first": seed}
    if scale is Scale.SHORT:
        small = {"arms": "all", "seeds": 2, "iterations": 20, "first": seed}
        return [{"world": "grid", "knob": knob, **small} for knob in ("step-size", "initialisation")]
    return [
        {"world": world, "knob": knob, "arms": chosen, **settings}
        for knob, (worlds, chosen) in FULL.items()
        for world in (*worlds, *(["wide"] if scale is Scale.LONG else []))
    ]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train and adapt; one row for each distribution, rule for step sizes and seed.

    All points share the seeds from ``first`` on, so that comparisons are paired; `generator` is not used.
    """
    import numpy as np

    from metaregret.theory.learning import dynamics, meta_train, world
    from metaregret.theory.learning.distributions import stacked
    from metaregret.theory.learning.meta import untrained

    tests, knob = world(point["world"]), point["knob"]
    names = arms(point["world"])
    all_arms = groups(tests, names, point["seeds"], point["first"])
    if point["arms"] != "all":
        all_arms = {name: group for name, group in all_arms.items() if group[0].name == point["arms"]}
    seeds = point["first"] + np.arange(point["seeds"])
    width = max(len(one.tasks) for group in all_arms.values() for one in group)
    settings, rows = meta_settings(point), []
    for name, group in all_arms.items():
        rewards, weights = stacked(group, width)
        if knob in ("step-size", "exact-scratch"):
            learners = untrained(dynamics(tests.process), knob.replace("-scratch", ""), settings, seeds)
        else:
            learners = meta_train(dynamics(tests.process), rewards, weights, knob, settings, seeds)
        for rule, rates, curves in _adapted(tests, group, learners, settings):
            rows += [
                {"training": name, "rule": rule, "seed_of_run": seed, "rate": rates[seed]} | _measures(tests, curves[seed], settings.episodes)
                for seed in range(len(group))
            ]  # fmt: skip
    return rows


def _adapted(
    tests: StepTasks, group: list[Training], learners: MetaLearners, settings: MetaSettings
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return both rules for the step size with the step sizes and the curves, (seeds, runs, Z, steps)."""
    import numpy as np

    from metaregret.theory.learning import adapt, dynamics

    candidates = np.array([np.nan, *RATES])
    world, seeds = dynamics(tests.process), len(group)
    own = np.zeros((len(candidates), seeds))
    for seed, one in enumerate(group):
        index = np.indices((len(candidates), len(one.tasks), CHOOSING_RUNS)).reshape(3, -1)
        who, streams = np.full(index.shape[1], seed), 1 + CHOOSING_RUNS * index[1] + index[2]
        found = adapt(world, learners, settings, who, one.tasks.rewards[index[1]], streams, candidates[index[0]])
        scores = found.mean(axis=1).reshape(len(candidates), -1, CHOOSING_RUNS).mean(axis=2)
        own[:, seed] = scores @ one.weights
    index = np.indices((len(candidates), seeds, RUNS, len(tests))).reshape(4, -1)
    # Streams apart from those on which step sizes are chosen; the same for all learners, which are compared.
    streams = 1_000_000 + (index[1] * RUNS + index[2]) * len(tests) + index[3]
    found = adapt(world, learners, settings, index[1], tests.rewards[index[3]], streams, candidates[index[0]])
    curves = found.reshape(len(candidates), seeds, RUNS, len(tests), -1)
    best = {"own": int(own.mean(axis=1).argmax()), "tests": int(curves.mean(axis=(1, 2, 3, 4)).argmax())}
    learned = np.exp(learners.parameters["rate"])
    return [
        (rule, np.where(np.isnan(candidates[k]), learned, candidates[k]), curves[k]) for rule, k in best.items()
    ]


def _measures(tests: StepTasks, curves: np.ndarray, batch: int) -> dict[str, float | None]:
    """Return what is reported of one learner from its exact returns, shape (runs, Z, steps)."""
    from metaregret.theory.learning.worlds import goals_of

    lost = batch * (tests.optimum[:, None] - curves).mean(axis=0)  # by task and step
    early = lost[:, : 25 // batch].sum(axis=1).mean()
    chance = curves[0, :, 0]  # until the first success nothing is learned, so that this stays
    count = batch * curves.shape[-1]
    waits = (1.0 - (1.0 - chance) ** count) / chance.clip(1e-12)
    return {
        "area": curves.mean(),
        "first_25": curves[..., : 25 // batch].mean(),
        "first_success": waits.mean() if goals_of(tests) is not None else None,
        "regret_25": early,
        "regret_100": lost.sum(axis=1).mean(),
        "worst_regret_100": lost.sum(axis=1).max(),
        "optimum": tests.optimum.mean(),
    }


STUDY = Study("learning_adaptation", "Gradient learners on proposals, knob by knob", points, measure, needs=needs)
