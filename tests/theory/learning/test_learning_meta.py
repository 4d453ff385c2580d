"""Adaptation and meta-training against hand-written loops and central differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from learning_instances import goals_on, random_tasks

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, MissingExtraError
from metaregret.theory.learning import (
    Dynamics,
    MetaMethod,
    Schedule,
    StepTasks,
    adapt,
    adapt_from_episodes,
    backend,
    dynamics,
    meta_train,
)
from metaregret.theory.learning.backend import load_jax
from metaregret.theory.learning.meta import meta_direction, meta_objective


def by_hand(tasks: StepTasks, task: int, rate: float, steps: int) -> list[float]:
    """Gradient ascent from uniform actions in plain loops: returns, occupancies and advantages anew."""
    transition, horizon = tasks.process.dense(), tasks.steps
    actions, states, _ = transition.shape
    theta = np.zeros((states, actions))
    curve = []
    for _ in range(steps + 1):
        policy = [[math.exp(theta[s, a]) / sum(math.exp(x) for x in theta[s]) for a in range(actions)]
                  for s in range(states)]  # fmt: skip
        visits = [list(map(float, tasks.process.initial))]
        for _step in range(horizon):
            onward = [0.0] * states
            for s in range(states):
                for a in range(actions):
                    for to in range(states):
                        onward[to] += visits[-1][s] * policy[s][a] * transition[a, s, to]
            visits.append(onward)
        value, slope = [0.0] * states, np.zeros((states, actions))
        for step in reversed(range(horizon)):
            q = [[sum(transition[a, s, to] * (tasks.rewards[task, step, to] + value[to])
                      for to in range(states)) for a in range(actions)] for s in range(states)]  # fmt: skip
            value = [sum(policy[s][a] * q[s][a] for a in range(actions)) for s in range(states)]
            for s in range(states):
                for a in range(actions):
                    slope[s, a] += visits[step][s] * policy[s][a] * (q[s][a] - value[s])
        curve.append(sum(tasks.process.initial[s] * value[s] for s in range(states)))
        theta = theta + rate * slope
    return curve


def test_from_scratch_equals_a_hand_written_loop() -> None:
    tasks = goals_on("grid:2x2,slip=1/5", 3)
    world = dynamics(tasks.process)
    found = adapt(world, np.zeros((1, *world.shape)), tasks.rewards[3:], 2.0, 6)[0]
    assert np.abs(found - by_hand(tasks, 3, 2.0, 6)).max() < 1e-12
    assert np.abs(found - by_hand(tasks, 3, 2.1, 6)).max() > 1e-3


WIDTH = 1e-5


def direction(
    world: Dynamics, method: MetaMethod, theta: np.ndarray, batch: np.ndarray, steps: int
) -> np.ndarray:
    compiled = load_jax().jit(lambda moved: meta_direction(world, method, moved, batch, 1.5, steps))
    return np.asarray(compiled(theta))


def meta_differences(world: Dynamics, theta: np.ndarray, batch: np.ndarray, rate: float) -> np.ndarray:
    jax = load_jax()
    nudges = WIDTH * np.eye(theta.size).reshape(-1, *theta.shape)
    objective = jax.jit(jax.vmap(lambda moved: meta_objective(world, moved, batch, rate, 2)))
    values = np.asarray(objective(np.concatenate([theta + nudges, theta - nudges])))
    return ((values[: theta.size] - values[theta.size :]) / (2 * WIDTH)).reshape(theta.shape)


def test_the_meta_gradient_goes_through_the_inner_steps() -> None:
    """MAML's direction is the gradient of the return after two inner steps; the first-order one is not."""
    tasks = random_tasks(make("line:3"), 2, 2, 3)
    world = dynamics(tasks.process)
    theta = np.random.default_rng(0).normal(size=world.shape)
    truth = meta_differences(world, theta, tasks.rewards, 1.5)
    full, first_order = (
        direction(world, method, theta, tasks.rewards, 2)
        for method in (MetaMethod.MAML, MetaMethod.FIRST_ORDER)
    )
    assert np.abs(full - truth).max() < 1e-6
    assert np.abs(first_order - truth).max() > 1e-2


def test_one_step_of_reptile_is_pooled_training() -> None:
    """With one inner step ``(U(theta) - theta) / alpha`` is the gradient itself."""
    tasks = random_tasks(make("line:3"), 2, 2, 3)
    world = dynamics(tasks.process)
    theta = np.random.default_rng(0).normal(size=world.shape)
    pooled, one, two = (
        direction(world, method, theta, tasks.rewards, steps)
        for method, steps in ((MetaMethod.POOLED, 1), (MetaMethod.REPTILE, 1), (MetaMethod.REPTILE, 2))
    )
    assert np.abs(pooled - one).max() < 1e-12
    assert np.abs(pooled - two).max() > 1e-2


def test_meta_training_ascends_and_repeats() -> None:
    """MAML raises the return after its inner steps on the tasks it trains on; a seed fixes everything."""
    tasks = goals_on("line:3,start=1", 2)
    world = dynamics(tasks.process)
    schedule = Schedule(iterations=60, batch=3, inner=1)
    rewards, weights = np.repeat(tasks.rewards[None], 3, axis=0), np.full((3, 3), 1 / 3)
    seeds, rates = np.array([0, 1, 0]), np.full(3, 5.0)
    theta = meta_train(world, rewards, weights, rates, MetaMethod.MAML, schedule, seeds)
    assert np.array_equal(theta[0], theta[2])
    assert not np.array_equal(theta[0], theta[1])
    starts = np.repeat(np.stack([theta[0], np.zeros(world.shape)]), 3, axis=0)
    curves = adapt(world, starts, np.concatenate([tasks.rewards, tasks.rewards]), 5.0, 1)
    trained, scratch = curves[:3, 1].mean(), curves[3:, 1].mean()
    assert trained > scratch + 0.1


def test_sampled_adaptation_repeats_and_learns() -> None:
    tasks = goals_on("line:3,start=1", 2)
    world = dynamics(tasks.process)
    start, rewards = np.zeros((3, *world.shape)), np.repeat(tasks.rewards[:1], 3, axis=0)
    first = adapt_from_episodes(world, start, rewards, 3.0, 15, episodes=4, seeds=np.array([0, 1, 0]))
    assert np.array_equal(first[0], first[2])
    assert not np.array_equal(first[0], first[1])
    assert np.abs(first[:, 0] - 1 / 3).max() < 1e-12  # left-left, left-stay, stay-left of nine
    assert first[:, -1].mean() > 0.6


def test_malformed_calls_are_refused() -> None:
    tasks = goals_on("line:3", 2)
    world = dynamics(tasks.process)
    start = np.zeros((3, *world.shape))
    with pytest.raises(InvalidArgumentError, match="3 learners and 2 tasks"):
        adapt(world, start, tasks.rewards[:2], 1.0, 5)
    with pytest.raises(InvalidArgumentError, match="steps=0"):
        adapt(world, start, tasks.rewards, 1.0, 0)
    with pytest.raises(InvalidArgumentError, match="at least 2 episodes"):
        adapt_from_episodes(world, start, tasks.rewards, 1.0, 5, episodes=1, seeds=np.arange(3))
    with pytest.raises(InvalidArgumentError, match=r"that of learner 1 is nan"):
        adapt(world, start, tasks.rewards, np.array([1.0, np.nan, 0.0]), 5)
    with pytest.raises(InvalidArgumentError, match="batch=0"):
        Schedule(batch=0)
    with pytest.raises(InvalidArgumentError, match=r"outer_rate=-0\.1"):
        Schedule(outer_rate=-0.1)
    with pytest.raises(InvalidArgumentError, match=r"noise=nan"):
        Schedule(noise=math.nan)
    with pytest.raises(InvalidArgumentError, match="weights"):
        meta_train(
            world, tasks.rewards[None], np.ones((1, 2)), np.ones(1), MetaMethod.MAML, Schedule(), np.zeros(1)
        )
    with pytest.raises(InvalidArgumentError, match=r"weights\[0\]"):
        meta_train(
            world, tasks.rewards[None], np.ones((1, 3)), np.ones(1), MetaMethod.MAML, Schedule(), np.zeros(1)
        )


@pytest.mark.parametrize(("module", "load"), [("jax", "load_jax"), ("optax", "load_optax")])
def test_without_the_extra_the_message_names_it(
    monkeypatch: pytest.MonkeyPatch, module: str, load: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)  # what an absent package looks like
    with pytest.raises(MissingExtraError, match=rf"{module}.*pip install 'metaregret\[learn\]'"):
        getattr(backend, load).__wrapped__()
