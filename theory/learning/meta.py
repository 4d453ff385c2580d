"""Meta-training an initial policy: MAML, first-order MAML, Reptile and pooled pre-training.

With ``U^k_z(theta)`` for ``k`` exact gradient steps on task ``z`` at rate ``alpha`` and tasks drawn from the
training distribution ``q``:

* MAML (Finn, Abbeel and Levine 2017): ascend ``E_q J_z(U^k_z(theta))``, derivatives through the inner steps;
* first-order MAML (same source, sec. 5.2): the gradient ``grad J_z`` at ``U^k_z(theta)``;
* Reptile (Nichol, Achiam and Schulman 2018): towards ``U^k_z(theta)``, the direction
  ``(U^k_z(theta) - theta) / alpha``;
* pooled pre-training: ascend ``E_q J_z(theta)``, no inner steps.

All use the same outer optimiser (Adam) with the same rate, number of iterations and tasks a batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.information.channel import as_distribution
from metaregret.theory.learning.backend import load_jax, load_optax
from metaregret.theory.learning.softmax import Dynamics, expected_return

__all__ = ["MetaMethod", "Schedule", "inner_steps", "meta_direction", "meta_objective", "meta_train"]


class MetaMethod(Enum):
    """How an initial policy is trained."""

    MAML = "maml"
    FIRST_ORDER = "fomaml"
    REPTILE = "reptile"
    POOLED = "pooled"


@dataclass(frozen=True)
class Schedule:
    """The settings that all methods share.

    Attributes
    ----------
    iterations : int
        Outer steps.
    batch : int
        Tasks drawn for one outer step.
    inner : int
        Inner gradient steps ``k``.
    outer_rate : float
        Adam's rate.
    noise : float
        Standard deviation of the parameters at the beginning.
    """

    iterations: int = 200
    batch: int = 8
    inner: int = 3
    outer_rate: float = 0.1
    noise: float = 0.01

    def __post_init__(self) -> None:
        for name in ("iterations", "batch", "inner"):
            if getattr(self, name) < 1:
                raise InvalidArgumentError(f"Expected {name} >= 1, but got {name}={getattr(self, name)}.")
        if not 0 < self.outer_rate < math.inf:
            raise InvalidArgumentError(f"Expected a positive rate, but got outer_rate={self.outer_rate}.")
        if not 0 <= self.noise < math.inf:
            raise InvalidArgumentError(f"Expected noise >= 0, but got noise={self.noise}.")


def inner_steps(world: Dynamics, theta: Any, rewards: Any, rate: Any, steps: int) -> Any:
    """Return ``U^k(theta)``, differentiable in `theta` and `rate`."""
    jax = load_jax()

    def step(theta: Any, _: None) -> tuple[Any, None]:
        return theta + rate * jax.grad(expected_return, argnums=1)(world, theta, rewards), None

    return jax.lax.scan(step, theta, None, length=steps)[0]


def meta_objective(world: Dynamics, theta: Any, batch: Any, rate: Any, steps: int) -> Any:
    """Return the mean return after `steps` inner steps over tasks of shape (B, T, S)."""
    jax = load_jax()

    def after(rewards: Any) -> Any:
        return expected_return(world, inner_steps(world, theta, rewards, rate, steps), rewards)

    return jax.vmap(after)(batch).mean()


def meta_direction(
    world: Dynamics, method: MetaMethod | str, theta: Any, batch: Any, rate: Any, steps: int
) -> Any:
    """Return the ascent direction of a method on one batch of tasks, the shape of `theta`."""
    method = choice(MetaMethod, method, "method")
    jax = load_jax()
    if method in (MetaMethod.MAML, MetaMethod.POOLED):
        inner = steps if method is MetaMethod.MAML else 0
        return jax.grad(meta_objective, argnums=1)(world, theta, batch, rate, inner)

    def one(rewards: Any) -> Any:
        there = inner_steps(world, theta, rewards, rate, steps)
        if method is MetaMethod.REPTILE:
            return (there - theta) / rate
        return jax.grad(expected_return, argnums=1)(world, there, rewards)

    return jax.vmap(one)(batch).mean(axis=0)


def meta_train(
    world: Dynamics,
    rewards: np.ndarray,
    weights: np.ndarray,
    rates: np.ndarray,
    method: MetaMethod | str,
    schedule: Schedule,
    seeds: np.ndarray,
    *,
    stationary: bool = True,
) -> np.ndarray:
    """Return the trained parameters of ``B`` learners, shape (B,) + the shape of the parameters.

    Parameters
    ----------
    rewards : ndarray, shape (B, Z, T, S)
        Training tasks of each learner.
    weights : ndarray, shape (B, Z)
        Their probabilities ``q``.
    rates : ndarray, shape (B,)
        Inner rate ``alpha`` of each.
    seeds : ndarray of int, shape (B,)
        Of each learner's start and tasks; learners with the same seed draw the same.
    stationary : bool
        Whether the policy shares its parameters between steps.

    Raises
    ------
    InvalidArgumentError
        If the numbers of learners or tasks do not match, or a row of `weights` is not a distribution.
    """
    method = choice(MetaMethod, method, "method")
    if not len(rewards) == len(weights) == len(rates) == len(seeds) or rewards.shape[1] != weights.shape[1]:
        raise InvalidArgumentError(
            f"Expected rewards (B, Z, T, S), weights (B, Z), rates (B,) and seeds (B,), but got "
            f"{rewards.shape}, {weights.shape}, {rates.shape} and {seeds.shape}."
        )
    for index, row in enumerate(weights):
        as_distribution(row, f"weights[{index}]")
    jax = load_jax()
    keys = jax.vmap(jax.random.key)(np.asarray(seeds))
    return np.asarray(_trainer(world, method, schedule, stationary)(rewards, weights, rates, keys))


@lru_cache(maxsize=16)
def _trainer(world: Dynamics, method: MetaMethod, schedule: Schedule, stationary: bool) -> Any:
    jax, optax = load_jax(), load_optax()
    optimiser = optax.adam(schedule.outer_rate)
    shape = world.shape if stationary else (world.steps, *world.shape)

    def train(rewards: Any, weights: Any, rate: Any, key: Any) -> Any:
        starting, drawing = jax.random.split(key)
        theta = schedule.noise * jax.random.normal(starting, shape)

        def step(carry: Any, key: Any) -> tuple[Any, None]:
            theta, state = carry
            drawn = jax.random.choice(key, rewards.shape[0], (schedule.batch,), p=weights)
            ascent = meta_direction(world, method, theta, rewards[drawn], rate, schedule.inner)
            update, state = optimiser.update(-ascent, state, theta)
            return (optax.apply_updates(theta, update), state), None

        keys = jax.random.split(drawing, schedule.iterations)
        (theta, _), _ = jax.lax.scan(step, (theta, optimiser.init(theta)), keys)
        return theta

    return jax.jit(jax.vmap(train))
