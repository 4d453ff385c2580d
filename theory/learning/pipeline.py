"""The whole pipeline: proposals, their tasks, meta-training, adaptation to unseen tasks, exact evaluation.

One rule fixes every step size: of one small grid, each method takes for each training distribution the step
size with the largest mean return while adapting to its *training* tasks. The learner from scratch has no
training tasks; it gets the best of the grid on the test tasks themselves, which favours it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.learning.adaptation import adapt, adapt_from_episodes, check_episodes, check_steps
from metaregret.theory.learning.distributions import Training
from metaregret.theory.learning.meta import MetaMethod, Schedule, meta_train
from metaregret.theory.learning.softmax import Dynamics, dynamics
from metaregret.theory.learning.step_tasks import StepTasks

__all__ = ["RATES", "SCRATCH", "Adaptation", "Learned", "learn", "learn_from_scratch", "mean_while_adapting"]

RATES = (3.0, 10.0, 30.0, 100.0, 300.0)
"""The grid of step sizes, for returns between 0 and 1."""

SCRATCH = "scratch"


@dataclass(frozen=True)
class Adaptation:
    """How a learner adapts to a new task.

    Attributes
    ----------
    steps : int
        Gradient steps.
    episodes : int or None
        Episodes for one step; None for exact gradients.

    Raises
    ------
    InvalidArgumentError
        If there is no step, or fewer than two episodes for one.
    """

    steps: int = 20
    episodes: int | None = None

    def __post_init__(self) -> None:
        check_steps(self.steps)
        if self.episodes is not None:
            check_episodes(self.episodes)

    @property
    def name(self) -> str:
        """``exact`` or ``episodes``."""
        return "exact" if self.episodes is None else "episodes"


@dataclass(frozen=True, eq=False)
class Learned:
    """Learners that were trained on one distribution, on the test tasks.

    Attributes
    ----------
    training : str
    adaptation : Adaptation
    rate : float
        The step size chosen.
    curves : ndarray, shape (seeds, Z, steps + 1)
        Exact expected return before each gradient step on each test task, and after the last.
    """

    training: str
    adaptation: Adaptation
    rate: float
    curves: np.ndarray = field(repr=False)


def mean_while_adapting(curves: np.ndarray) -> np.ndarray:
    """Return the area under each curve: the mean return over the steps (the last policy is not played)."""
    return np.asarray(curves[..., :-1].mean(axis=-1))


def learn(
    tests: StepTasks,
    trainings: Sequence[Sequence[Training]],
    method: MetaMethod | str,
    schedule: Schedule,
    adaptations: Sequence[Adaptation],
    *,
    rates: Sequence[float] = RATES,
) -> list[Learned]:
    """Meta-train on each distribution, choose step sizes on its tasks, and adapt to every test task.

    Parameters
    ----------
    tests : StepTasks
    trainings : sequence of sequences of Training
        For each distribution, one realisation per seed (proposals are random).
    method, schedule
        See `meta_train`.
    adaptations : sequence of Adaptation
    rates : sequence of float
        The grid.

    Raises
    ------
    InvalidArgumentError
        If there is no distribution, they have different numbers of seeds, or their tasks are on another
        process than the test tasks.
    """
    method = choice(MetaMethod, method, "method")
    _check(tests, trainings)
    seeds = len(trainings[0])
    world = dynamics(tests.process)
    groups, count = len(trainings), len(rates)
    widest = max(len(one.tasks) for group in trainings for one in group)
    rewards = np.zeros((groups, seeds, widest, *tests.rewards.shape[1:]))
    weights = np.zeros((groups, seeds, widest))
    for i, group in enumerate(trainings):
        for j, one in enumerate(group):
            rewards[i, j, : len(one.tasks)] = one.tasks.rewards
            weights[i, j, : len(one.tasks)] = one.weights
    index = np.indices((groups, seeds, count)).reshape(3, -1)
    theta = meta_train(
        world, rewards[index[0], index[1]], weights[index[0], index[1]], np.asarray(rates)[index[2]],
        method, schedule, index[1],
    ).reshape(groups, seeds, count, *world.shape)  # fmt: skip
    learned = []
    for adaptation in adaptations:
        scores = _training_scores(world, adaptation, theta, rewards, weights, rates)
        best = scores.argmax(axis=1)
        chosen = theta[np.arange(groups), :, best]
        curves = _on_tests(world, adaptation, chosen, tests, np.asarray(rates)[best])
        learned += [
            Learned(group[0].name, adaptation, float(rates[best[i]]), curves[i])
            for i, group in enumerate(trainings)
        ]
    return learned


def learn_from_scratch(
    tests: StepTasks,
    seeds: int,
    schedule: Schedule,
    adaptations: Sequence[Adaptation],
    *,
    rates: Sequence[float] = RATES,
) -> list[Learned]:
    """Adapt untrained learners to every test task, with the best step size of the grid for these tasks."""
    world = dynamics(tests.process)
    noise = [np.random.default_rng(seed).normal(size=world.shape) for seed in range(seeds)]
    theta = np.repeat(schedule.noise * np.stack(noise)[None], len(rates), axis=0)
    learned = []
    for adaptation in adaptations:
        curves = _on_tests(world, adaptation, theta, tests, np.asarray(rates))
        best = int(mean_while_adapting(curves).mean(axis=(1, 2)).argmax())
        learned.append(Learned(SCRATCH, adaptation, float(rates[best]), curves[best]))
    return learned


def _check(tests: StepTasks, trainings: Sequence[Sequence[Training]]) -> None:
    if not trainings or not trainings[0]:
        raise InvalidArgumentError("Expected at least one training distribution with at least one seed.")
    if any(len(group) != len(trainings[0]) for group in trainings):
        raise InvalidArgumentError("Expected every distribution with the same number of seeds.")
    for one in (one for group in trainings for one in group):
        if one.tasks.process is not tests.process:
            raise InvalidArgumentError(
                f"Expected training tasks on the process of the test tasks, {tests.process.name!r}, but "
                f"those of {one.name!r} are on {one.tasks.process.name!r}; make both from one process object."
            )


def _training_scores(
    world: Dynamics,
    adaptation: Adaptation,
    theta: np.ndarray,
    rewards: np.ndarray,
    weights: np.ndarray,
    rates: Sequence[float],
) -> np.ndarray:
    """Return the mean return while adapting to the training tasks, shape (groups, rates)."""
    groups, seeds, count = theta.shape[:3]
    group, seed, task = np.nonzero(weights)
    index = np.repeat(np.arange(len(group)), count), np.tile(np.arange(count), len(group))
    group, seed, task, rate = group[index[0]], seed[index[0]], task[index[0]], index[1]
    curves = _curves(
        world, adaptation, theta[group, seed, rate], rewards[group, seed, task], np.asarray(rates)[rate],
        1 + seed * weights.shape[2] + task,
    )  # fmt: skip
    scores = np.zeros((groups, count))
    np.add.at(scores, (group, rate), weights[group, seed, task] * mean_while_adapting(curves) / seeds)
    return scores


def _on_tests(
    world: Dynamics, adaptation: Adaptation, theta: np.ndarray, tests: StepTasks, rates: np.ndarray
) -> np.ndarray:
    """Return the curves of learners (groups, seeds) on every test task, with a rate for each group."""
    groups, seeds = theta.shape[:2]
    group, seed, task = np.indices((groups, seeds, len(tests))).reshape(3, -1)
    # Streams apart from those on which the rates were chosen; the same for all groups, which are compared.
    streams = 1_000_000 + seed * len(tests) + task
    curves = _curves(world, adaptation, theta[group, seed], tests.rewards[task], rates[group], streams)
    return curves.reshape(groups, seeds, len(tests), -1)


def _curves(
    world: Dynamics,
    adaptation: Adaptation,
    start: np.ndarray,
    rewards: np.ndarray,
    rates: np.ndarray,
    streams: np.ndarray,
) -> np.ndarray:
    if adaptation.episodes is None:
        return adapt(world, start, rewards, rates, adaptation.steps)
    return adapt_from_episodes(
        world, start, rewards, rates, adaptation.steps, episodes=adaptation.episodes, seeds=streams
    )
