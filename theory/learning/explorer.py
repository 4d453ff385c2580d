"""The memoryless learner of the theory, trained: an exploration policy that descends its expected regret.

A memoryless learner plays one policy until the first success; trained on goals drawn from ``q`` it minimises
the expected number of episodes that it needs beyond the best (T3),

    L_q(theta) = sum_g q_g (v*_g / rho_theta(g) - 1),

by Adam on the exact gradient. Its worst-case regret over all goals is ``max_g v*_g / rho(g) - 1`` (T4); what
an ideally trained one would have is T5's ``W(q)`` where every goal can be reached with certainty.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import goal_values
from metaregret.theory.information.channel import as_distribution
from metaregret.theory.learning.backend import load_jax, load_optax
from metaregret.theory.learning.softmax import Dynamics, dynamics, policy
from metaregret.theory.tasks import Detection, GoalTasks

__all__ = ["terminal", "train_explorer"]


def terminal(world: Dynamics, theta: Any) -> Any:
    """Return the terminal-state distribution ``rho`` of a softmax policy, shape (S,), differentiable."""
    jax = load_jax()
    jnp = jax.numpy
    moves = jnp.asarray(world.transition)

    def step(now: Any, probabilities: Any) -> tuple[Any, None]:
        return jnp.einsum("s,sa,ast->t", now, probabilities, moves), None

    now, _ = jax.lax.scan(step, jnp.asarray(world.initial), policy(world, theta))
    return now


def train_explorer(
    tasks: GoalTasks, weights: np.ndarray, *, iterations: int = 2000, rate: float = 0.05
) -> np.ndarray:
    """Return the terminal distributions of ``B`` trained exploration policies, shape (B, S).

    Policies know the step, so that every terminal distribution is within their reach; training starts at the
    uniform policy and is deterministic.

    Parameters
    ----------
    tasks : GoalTasks
        Goals at the end of the episode.
    weights : ndarray, shape (B, K)
        The training distribution ``q`` over the goals of each.
    iterations : int
        Steps of Adam.
    rate : float
        Its rate.

    Raises
    ------
    InvalidArgumentError
        If goals are detected on the way, the shape does not match, a row is not a distribution, or there is
        no iteration.
    """
    if tasks.detect is not Detection.END:
        raise InvalidArgumentError("Expected goals detected at the end of the episode; use Detection.END.")
    if weights.ndim != 2 or weights.shape[1] != len(tasks.goals):
        raise InvalidArgumentError(f"Expected weights of shape (B, {len(tasks.goals)}), got {weights.shape}.")
    for index, row in enumerate(weights):
        as_distribution(row, f"weights[{index}]")
    if iterations < 1:
        raise InvalidArgumentError(f"Expected at least one iteration, but got iterations={iterations}.")
    world = dynamics(tasks.process)
    best = goal_values(tasks.process, tasks.goals).values
    run = _trainer(world, tuple(tasks.goals.tolist()), tuple(best.tolist()), iterations, rate)
    return np.asarray(run(weights))


@lru_cache(maxsize=4)
def _trainer(
    world: Dynamics, goals: tuple[int, ...], best: tuple[float, ...], iterations: int, rate: float
) -> Any:
    jax, optax = load_jax(), load_optax()
    jnp = jax.numpy
    optimiser = optax.adam(rate)

    def train(weights: Any) -> Any:
        theta = jnp.zeros((world.steps, *world.shape))

        def loss(theta: Any) -> Any:  # its logarithm: the same minimum, on a scale that suits one rate
            rho = terminal(world, theta)[jnp.array(goals)]
            return jnp.log((weights * jnp.array(best) / rho).sum())

        def step(carry: Any, _: None) -> tuple[Any, None]:
            theta, state = carry
            update, state = optimiser.update(jax.grad(loss)(theta), state, theta)
            return (optax.apply_updates(theta, update), state), None

        (theta, _), _ = jax.lax.scan(step, (theta, optimiser.init(theta)), None, length=iterations)
        return terminal(world, theta)

    return jax.jit(jax.vmap(train))
