"""Exact policy gradients against central differences, each other, and sampled episodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_instances import end_goals, goals_on, random_tasks

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.learning import StepTasks, dynamics, policy_gradient
from metaregret.theory.learning.adaptation import reinforce_gradient
from metaregret.theory.learning.backend import load_jax
from metaregret.theory.learning.planner_gradient import softmax_policy
from metaregret.theory.learning.softmax import expected_return

WIDTH = 1e-5
"""Of central differences: their error is of the order of its square, and of rounding over it."""


def central_differences(tasks: StepTasks, theta: np.ndarray) -> np.ndarray:
    """The gradient of every task's return by ``(J(theta + h e) - J(theta - h e)) / 2h``."""
    slopes = np.zeros((len(tasks), theta.size))
    for entry in range(theta.size):
        nudge = np.zeros(theta.size)
        nudge[entry] = WIDTH
        up = policy_gradient(tasks, theta + nudge.reshape(theta.shape)).returns
        down = policy_gradient(tasks, theta - nudge.reshape(theta.shape)).returns
        slopes[:, entry] = (up - down) / (2 * WIDTH)
    return slopes.reshape(len(tasks), *theta.shape)


@settings(max_examples=25)
@given(processes(max_states=4, max_actions=3), st.integers(1, 3), st.booleans(), st.integers(0, 2**31))
def test_the_planner_gradient_is_that_of_the_return(
    process: ControlledMarkovProcess, steps: int, stationary: bool, seed: int
) -> None:
    tasks = random_tasks(process, steps, 2, seed)
    shape = (process.n_states, process.n_actions)
    theta = np.random.default_rng(seed).normal(size=shape if stationary else (steps, *shape))
    assert np.abs(policy_gradient(tasks, theta).gradient - central_differences(tasks, theta)).max() < 1e-6


def test_central_differences_see_a_wrong_gradient() -> None:
    """The occupancy of the wrong step, a forgotten baseline at one state: both are off by far more."""
    tasks = goals_on("grid:3x2,slip=1/5", 3)
    theta = np.random.default_rng(1).normal(size=(3, 6, 5))
    found = policy_gradient(tasks, theta)
    truth = central_differences(tasks, theta)
    assert np.abs(found.gradient - truth).max() < 1e-6
    assert np.abs(found.gradient[:, ::-1] - truth).max() > 1e-3
    policy = softmax_policy(tasks.process, theta).reshape(3, 6, 5)
    values = (found.advantages.reshape(len(tasks), 3, 6, 5) + 0.1) * policy * found.occupancy[..., None]
    assert np.abs(values - truth).max() > 1e-3


@pytest.mark.parametrize("stationary", [True, False])
@pytest.mark.parametrize("specification", ["grid:3x2,slip=1/5", "tree:0,0,1,1"])
def test_jax_and_the_planner_agree(specification: str, stationary: bool) -> None:
    """A tree has states with fewer actions than others: their parameters must not matter."""
    jax = load_jax()
    tasks = random_tasks(make(specification), 3, 4, 5)
    world = dynamics(tasks.process)
    theta = np.random.default_rng(2).normal(size=world.shape if stationary else (3, *world.shape))
    exact = policy_gradient(tasks, theta)
    value_and_slope = jax.vmap(jax.value_and_grad(expected_return, argnums=1), (None, None, 0))
    values, slopes = value_and_slope(world, theta, tasks.rewards)
    assert np.abs(np.asarray(values) - exact.returns).max() < 1e-12
    assert np.abs(np.asarray(slopes) - exact.gradient).max() < 1e-12


def test_sampled_gradients_are_unbiased() -> None:
    """The mean of 4000 estimates is within 4 standard errors in all 15 entries; of a gradient 15 % larger it
    is not."""
    jax = load_jax()
    tasks = random_tasks(make("grid:3x1,slip=1/5"), 3, 2, 7)
    world = dynamics(tasks.process)
    theta = np.random.default_rng(3).normal(size=world.shape)
    keys = jax.random.split(jax.random.key(0), 4000)
    sample = jax.jit(jax.vmap(lambda key: reinforce_gradient(world, theta, tasks.rewards[1], key, 3)))
    estimates = np.asarray(sample(keys))
    error = np.maximum(estimates.std(axis=0) / np.sqrt(len(keys)), 1e-12)
    exact = policy_gradient(tasks, theta).gradient[1]
    assert (np.abs(estimates.mean(axis=0) - exact) / error).max() < 4
    assert (np.abs(estimates.mean(axis=0) - 1.15 * exact) / error).max() > 4


def test_malformed_parameters_are_refused() -> None:
    tasks = goals_on("line:3", 2)
    with pytest.raises(InvalidArgumentError, match=r"parameters of shape \(3, 3\) or \(2, 3, 3\)"):
        policy_gradient(tasks, np.zeros((3, 2)))


def test_optimum_and_normalisation() -> None:
    tasks = random_tasks(make("grid:3x2,slip=1/5"), 3, 5, 11)
    scaled = tasks.normalised()
    assert np.abs(scaled.optimum - 1).max() < 1e-10
    assert np.abs(scaled.worst).max() < 1e-10
    theta = np.random.default_rng(4).normal(size=(6, 5))
    before, after = policy_gradient(tasks, theta).returns, policy_gradient(scaled, theta).returns
    assert np.abs((before - tasks.worst) / (tasks.optimum - tasks.worst) - after).max() < 1e-10
    flat = StepTasks(tasks.process, ("nothing",), np.full((1, 3, 6), 0.5)).normalised()
    assert not flat.rewards.any()


def test_malformed_tasks_are_refused() -> None:
    process = make("line:3").replaced(horizon=2)
    good = end_goals(process, 2).rewards
    with pytest.raises(InvalidArgumentError, match=r"shape \(tasks, steps, states\) = \(2, 2, 3\)"):
        StepTasks(process, ("a", "b"), good)
    with pytest.raises(InvalidArgumentError, match="same name"):
        StepTasks(process, ("a", "b", "a"), good)
    bad = good.copy()
    bad[1, 0, 2] = np.nan
    with pytest.raises(InvalidArgumentError, match="task 'b' at step 0 in state 2 is nan"):
        StepTasks(process, ("a", "b", "c"), bad)
