"""Memoryless learners, exactly: explore with one policy until the first success, then play optimally.

A proposal gives an exploration policy: draw one of its tasks and play an optimal policy of it (ties broken
evenly). From scratch there is nothing but uniform actions. Either ends in goal ``g`` with some probability
``rho(g)``, so that the first success takes ``1 / rho(g)`` episodes on average and regret over ``N`` episodes
is ``(1 - (1 - rho)^N) (v/rho - 1)`` (T1): no sampling, no training, no step size.

`train_explorer` is the same learner trained: on goals drawn from ``q`` it descends ``sum_g q_g v_g / rho(g)``
by Adam on the exact gradient; what an ideally trained one would have is T5's ``W(q)`` where every goal can
be reached with certainty.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from metaregret.tabular.backup import backup
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import goal_values
from metaregret.theory.information.channel import as_distribution
from metaregret.theory.learning.backend import load_jax, load_optax
from metaregret.theory.learning.distributions import Training
from metaregret.theory.learning.softmax import Dynamics, dynamics, terminal
from metaregret.theory.learning.step_tasks import StepTasks, optimal_ends
from metaregret.theory.tasks import Detection, GoalTasks

__all__ = ["exploration", "hitting_times", "regret", "train_explorer", "uniform_actions"]


def exploration(training: Training) -> np.ndarray:
    """Return ``rho``, shape (S,): the last state of an optimal policy for a task drawn from `training`."""
    return np.asarray(training.weights @ optimal_ends(training.tasks))


def uniform_actions(tasks: StepTasks) -> np.ndarray:
    """Return ``rho``, shape (S,), of uniformly random available actions."""
    process, operator = tasks.process, backup(tasks.process)
    even = 1.0 / np.diff(process.choice_offsets)[process.choice_state]
    now = operator.initial()
    for _ in range(tasks.steps):
        now = operator.push(now[process.choice_state] * even)
    return np.asarray(now)


def hitting_times(rho: np.ndarray, goals: np.ndarray) -> np.ndarray:
    """Return the expected number of episodes until the first success on each goal; infinite where never."""
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / rho[goals])


def regret(rho: np.ndarray, best: np.ndarray, episodes: int) -> np.ndarray:
    """Return ``Reg_N`` for success probabilities `rho` and optima `best`, of one shape."""
    never = rho <= 0
    safe = np.where(never, 1.0, rho)
    return np.where(never, episodes * best, (1.0 - (1.0 - safe) ** episodes) * (best / safe - 1.0))


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
