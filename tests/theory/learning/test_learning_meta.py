"""Training through sampled adaptation: the gradient with exploration credit, what it does, what is
refused."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from learning_instances import differences, goals_on

from metaregret.tabular.errors import InvalidArgumentError, MissingExtraError
from metaregret.theory.learning import Knob, MetaSettings, StepTasks, adapt, backend, dynamics, meta_train
from metaregret.theory.learning.backend import load_jax
from metaregret.theory.learning.meta import surrogate, untrained
from metaregret.theory.learning.softmax import Dynamics

TWO = MetaSettings(iterations=1, steps=2, episodes=2, tasks=1, trials=2, hidden=2)


def two_stages(parameters: np.ndarray) -> float:
    """The mean return of a two-armed bandit's two policies, the second after one REINFORCE step from two
    episodes, exactly: all episodes are enumerated. Parameters: two logits, log step size; arm 1 pays."""

    def softmax(theta: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(theta) / np.exp(theta).sum())

    theta, rate = parameters[:2], math.exp(parameters[2])
    pi = softmax(theta)
    total = float(pi[1])
    for arms in itertools.product((0, 1), repeat=2):
        slope = np.zeros(2)
        for mine, other in (arms, arms[::-1]):
            slope += (np.eye(2)[mine] - pi) * (mine - other) / 2  # the other episode is the baseline
        total += float(pi[list(arms)].prod() * softmax(theta + rate * slope)[1])
    return total / 2


@cache
def slopes_at() -> Any:
    """The product's gradient at parameters, for each row of keys, with credit or without."""
    jax = load_jax()
    jnp = jax.numpy
    tasks = goals_on("tree:0", 1)  # the root goes to its child or stays
    world = dynamics(tasks.process)
    stay = int(tasks.process.actions.position("stay"))
    closed = [[0.0, 0.0], [0.0, 0.0]]
    order = [1 - stay, stay]  # arm 1 stays at the root, which is the goal

    def objective(flat: Any, keys: Any, credited: Any) -> Any:
        theta = jnp.asarray(closed).at[0, jnp.asarray(order)].set(flat[:2])
        given = {"theta": theta, "rate": flat[2]}
        batch = jnp.asarray(tasks.rewards[:1])
        return surrogate(world, Knob.INITIALISATION, TWO, credited, given, batch, keys)[0]

    return jax.jit(jax.vmap(jax.grad(objective), (None, 0, None)))


def estimated(knob: Knob, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error of the product's gradient, over 400 batches of 100 trials."""
    assert knob.steps_as is Knob.INITIALISATION
    jax = load_jax()
    keys = jax.random.split(jax.random.key(5), (400, 1, 100))
    slopes = np.asarray(slopes_at()(jax.numpy.asarray(parameters), keys, float(knob.credit)))
    return slopes.mean(axis=0), slopes.std(axis=0) / math.sqrt(len(slopes))


def test_exploration_credit_is_the_gradient_of_the_two_stage_objective() -> None:
    """Within 4 standard errors of central differences in every entry; without credit it is off by more than
    10, and so it is at a step size that is a tenth larger."""
    at = np.array([0.3, -0.4, 1.0])
    truth = differences(two_stages, at)
    mean, error = estimated(Knob.INITIALISATION, at)
    assert (np.abs(mean - truth) / error).max() < 4
    without, error = estimated(Knob.NO_CREDIT, at)
    assert (np.abs(without - truth) / error).max() > 10
    assert np.abs(differences(two_stages, at + np.array([0, 0, 0.1])) - truth).max() > 10 * error.max()


def test_exact_adaptation_equals_a_hand_written_loop() -> None:
    """Gradient ascent on ``J = pi(stay)``, with slope ``pi_a (1{a = stay} - pi_stay)``."""
    tasks = goals_on("tree:0", 1)
    world, settings = dynamics(tasks.process), MetaSettings(steps=6, noise=1e-12)
    learners = untrained(world, Knob.EXACT, settings, np.array([0]))
    found = adapt(world, learners, settings, np.array([0]), tasks.rewards[:1], np.array([0]), np.array([2.0]))
    gap, curve = 0.0, []
    for _ in range(6):
        chance = 1 / (1 + math.exp(-gap))
        curve.append(chance)
        gap += 2 * 2.0 * chance * (1 - chance)
    assert np.abs(found[0] - curve).max() < 1e-5
    assert np.abs(found[0] - np.roll(curve, 1)).max() > 1e-2


SMALL = MetaSettings(iterations=25, tasks=4, trials=4, steps=5, episodes=3, hidden=3)


@cache
def on_a_line() -> tuple[StepTasks, Dynamics]:
    """Goals of a line; learners in one world that step in the same way are compiled once."""
    tasks = goals_on("line:4", 3)
    return tasks, dynamics(tasks.process)


def test_training_explores_and_repeats() -> None:
    """On goals of a line the trained initialisation reaches the far end more often; the same seed trains the
    same learner, in any company."""
    tasks, world = on_a_line()
    rewards, weights = np.repeat(tasks.rewards[None], 3, axis=0), np.full((3, 4), 1 / 4)
    learners = meta_train(world, rewards, weights, "initialisation", SMALL, np.array([0, 1, 0]))
    theta = learners.parameters["theta"]
    assert np.array_equal(theta[0], theta[2])
    assert not np.array_equal(theta[0], theta[1])
    assert learners.curve[:, -5:].mean() > learners.curve[:, :5].mean() + 0.05
    index = np.repeat(np.arange(3), 4)
    scratch = untrained(world, "step-size", SMALL, np.array([0, 1, 0]))
    first = [
        adapt(world, who, SMALL, index, np.tile(tasks.rewards, (3, 1, 1)), np.arange(12))[:, 0].reshape(3, 4)
        for who in (learners, scratch)
    ]
    assert first[0].sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)  # a distribution of the last state
    assert (first[0][:, 3] > 1.2 * first[1][:, 3]).all()


@pytest.mark.parametrize("knob", [Knob.STEP_SIZE, Knob.RULE])
def test_nothing_is_learned_before_the_first_success(knob: Knob) -> None:
    """Without any reward neither the step size nor the learned rule moves a policy; with one they do."""
    tasks, world = on_a_line()
    weights = np.full((1, 4), 1 / 4)
    learners = meta_train(world, tasks.rewards[None], weights, knob, SMALL, np.array([0]))
    assert np.abs(learners.parameters["theta"]).max() < 0.1
    nothing = np.zeros((1, *tasks.rewards.shape[1:]))
    rewards = np.concatenate([nothing, tasks.rewards[:1], tasks.rewards[:1]])
    seeds = np.array([0, 0, 1])
    curves = adapt(world, learners, SMALL, np.zeros(3, dtype=int), rewards, seeds)
    again = adapt(world, learners, SMALL, np.zeros(1, dtype=int), rewards[1:2], seeds[1:2])
    assert np.array_equal(again, curves[1:2])
    assert not curves[0].any()
    assert curves[1:, -1].max() > curves[1:, 0].max() + 0.1
    assert not np.array_equal(curves[1], curves[2])


def test_malformed_calls_are_refused() -> None:
    tasks = goals_on("line:3", 2)
    world = dynamics(tasks.process)
    with pytest.raises(InvalidArgumentError, match=r"knob to be one of 'initialisation', .*, but got 'maml'"):
        meta_train(world, tasks.rewards[None], np.full((1, 3), 1 / 3), "maml", SMALL, np.array([0]))
    with pytest.raises(InvalidArgumentError, match=r"got \(1, 3, 2, 3\), \(1, 2\) and \(1,\)"):
        meta_train(world, tasks.rewards[None], np.full((1, 2), 1 / 2), "rule", SMALL, np.array([0]))
    with pytest.raises(InvalidArgumentError, match=r"weights\[0\]"):
        meta_train(world, tasks.rewards[None], np.ones((1, 3)), "rule", SMALL, np.array([0]))
    learners = untrained(world, "step-size", SMALL, np.array([0]))
    who = np.zeros(2, dtype=int)
    with pytest.raises(InvalidArgumentError, match="got 2, 3 and 2"):
        adapt(world, learners, SMALL, who, tasks.rewards, who)
    with pytest.raises(InvalidArgumentError, match=r"that of adaptation 1 is -1\.0"):
        adapt(world, learners, SMALL, who, tasks.rewards[:2], who, np.array([1.0, -1.0]))
    with pytest.raises(InvalidArgumentError, match="at least 2 episodes"):
        MetaSettings(episodes=1)
    with pytest.raises(InvalidArgumentError, match="outer_rate=0"):
        MetaSettings(outer_rate=0.0)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingExtraError, match=r"need nothing_such, .*metaregret\[learn\]"):
        backend._load("nothing_such")
