"""Gradient learners on proposals: each knob trained through adaptation, then met with the test tasks.

One point is a world and a knob; its rows are the learners of all distributions and seeds, under one rule for
step sizes that serves all, scratch included: of those in `RATES` and the one learned, the best on the
distribution's own training tasks (``own``), or the best on the test tasks (``tests``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.experiments.topics._learning import (
    KNOBS,
    TRAINING_WORDS,
    WORLD_WORDS,
    arms,
    draw_intervals,
    gains,
    groups,
    leading,
    needs,
    records,
)
from metaregret.theory.learning.settings import RATES, RUNS, SEEDS, MetaSettings
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from metaregret.theory.learning import MetaLearners, StepTasks, Training

SURE = ("diayn", "diayn-held-out", "diayn-16", "random")
TRAININGS = {
    "grid": SURE,
    "rooms": SURE,
    "line": SURE,
    "ledge": ("diayn", "uniform", "order-1", "order-2", "order-inf", "random"),
    "shaped": ("diayn", "handmade", "diayn-16", "random"),
}
"""The distributions of each world; each also stands for those that are identical to it."""

OTHER_KNOBS = {
    "no-credit": ("grid", "rooms", "line"),
    "rule": ("grid", "rooms", "line", "shaped"),
    "exact": ("grid", "rooms", "line"),
    "exact-scratch": ("grid", "rooms", "line"),
}
"""The worlds in which other knobs are trained, on DIAYN's tasks; ``step-size`` is learning from scratch."""

CHOOSING_RUNS = 2


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return world x knob x distribution."""
    if scale is Scale.SHORT:
        small = {"seeds": 2, "iterations": 20}
        return [_full("grid", knob, "diayn", seed) | small for knob in ("step-size", "initialisation")]
    main = [
        _full(world, knob, name, seed)
        for world, names in TRAININGS.items()
        for knob in ("step-size", "initialisation")
        for name in names
    ]
    return main + [_full(w, knob, "diayn", seed) for knob, worlds in OTHER_KNOBS.items() for w in worlds]


def long(seed: int) -> Sequence[Point]:
    """Return the 7 x 7 grid, with every knob."""
    main = [_full("wide", knob, name, seed) for knob in ("step-size", "initialisation") for name in SURE]
    return main + [_full("wide", knob, "diayn", seed) for knob in OTHER_KNOBS]


def _full(world: str, knob: str, training: str, seed: int) -> dict[str, Any]:
    settings = {"seeds": SEEDS, "iterations": MetaSettings().iterations, "first": seed}
    return {"world": world, "knob": knob, "proposal": training, **settings}


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Train and adapt; one row for each rule for step sizes and seed.

    All points share the seeds from ``first`` on, so that comparisons are paired; `generator` is not used.
    """
    import numpy as np

    from metaregret.theory.learning import dynamics, meta_train, world
    from metaregret.theory.learning.distributions import stacked
    from metaregret.theory.learning.meta import untrained

    tests, knob = world(point["world"]), point["knob"]
    found = groups(tests, arms(point["world"]), point["seeds"], point["first"])
    ((name, group),) = ((name, group) for name, group in found.items() if group[0].name == point["proposal"])
    seeds, settings = point["first"] + np.arange(point["seeds"]), MetaSettings(iterations=point["iterations"])
    if knob in ("step-size", "exact-scratch"):
        learners = untrained(dynamics(tests.process), knob.replace("-scratch", ""), settings, seeds)
    else:
        rewards, weights = stacked(group, 3 * len(tests))  # one width for all, to share what is compiled
        learners = meta_train(dynamics(tests.process), rewards, weights, knob, settings, seeds)
    return [
        {"training": name, "rule": rule, "seed_of_run": seed, "rate": rates[seed]}
        | _measures(tests, curves[seed], settings.episodes, not knob.startswith("exact"))
        for rule, rates, curves in _adapted(tests, group, learners, settings)
        for seed in range(len(group))
    ]


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
        found = adapt(
            world, learners, settings, who, one.tasks.rewards[index[1]], streams, candidates[index[0]]
        )
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
        (rule, np.where(np.isnan(candidates[k]), learned, candidates[k]), curves[k])
        for rule, k in best.items()
    ]


def _measures(tests: StepTasks, curves: np.ndarray, batch: int, sampled: bool) -> dict[str, float | None]:
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
        "first_success": waits.mean() if sampled and goals_of(tests) is not None else None,
        "regret_25": early,
        "regret_100": lost.sum(axis=1).mean(),
        "worst_regret_100": lost.sum(axis=1).max(),
        "optimum": tests.optimum.mean(),
    }


STUDY = Study(
    "learning_adaptation",
    "Gradient learners on proposals, knob by knob",
    points,
    measure,
    needs=needs,
    long=long,
)

RULES = {"own": "step sizes tuned on own tasks", "tests": "best step sizes on the tests"}


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one panel for each world; a line for each distribution, then for each other knob."""
    table = gains(results["learning_adaptation"])
    worlds = [world for world in WORLD_WORDS if world in set(table["world"])]
    figure = style.canvas("line", ratio=0.28 * (1 + (len(worlds) > 3)))
    grid = figure.subplots(1 + (len(worlds) - 1) // 3, min(3, len(worlds)), squeeze=False).ravel()
    for axes in grid[len(worlds) :]:
        axes.set_visible(False)
    for axes, world in zip(grid, worlds, strict=False):
        for index, (rule, label) in enumerate(RULES.items()):
            rows = table[(table["world"] == world) & (table["rule"] == rule)].reset_index(drop=True)
            height = [-place - 0.22 * (index - 0.5) for place in range(len(rows))]
            draw_intervals(axes, rows, height, index, label)
        names = [TRAINING_WORDS[leading(row.training)] + _suffix(row.knob) for row in records(rows)]
        axes.set_yticks([-place for place in range(len(rows))], names)
        axes.axvline(0.0, color="0.35", linewidth=0.8)
        axes.set(title=WORLD_WORDS[world], xlabel="gain over scratch")
        axes.grid(axis="y", visible=False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    credit = table[(table["knob"] == "initialisation") & (table["rule"] == "own")]
    credit = credit[[leading(name) == "diayn" for name in credit["training"]]].set_index("world")
    numbers = {f"{world}Gain": float(credit["gain"][world]) for world in worlds if world in credit.index}
    return Drawing(
        figure,
        table,
        numbers | {"seeds": float(table["seeds"].max())},
        "Gain over learning from scratch in the mean return of 100 episodes on unseen tasks, for learners "
        "meta-trained through sampled adaptation on each proposal; lines after a semicolon train another "
        "knob or train otherwise. Bars: 95 % bootstrap intervals over seeds. One rule for the step sizes "
        "of all, scratch included.",
    )


def _suffix(knob: str) -> str:
    """What is trained, where that is not the initialisation with credit."""
    return "" if knob == "initialisation" else f"; {KNOBS[knob].rpartition(', ')[2]}"


FIGURE = Figure(
    name="learning_gains",
    title="Learners trained through their adaptation against learning from scratch",
    studies=("learning_adaptation",),
    theorems=("T05", "T06"),
    draw=draw,
    long=True,
)
