"""Adapting a softmax policy to one task by gradient steps, exact or from sampled episodes.

Exact: ``theta <- theta + alpha grad J_z(theta)``, the gradient of the true return. Sampled: REINFORCE
(Williams 1992) from a few episodes of the current policy, with the mean of the *other* episodes' rewards to
go as baseline, which keeps the estimate unbiased. Either way the curve is that of the exact expected return
of every policy on the way, so that only the learner is random, never its evaluation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.learning.backend import load_jax
from metaregret.theory.learning.softmax import Dynamics, expected_return, policy

__all__ = ["adapt", "adapt_from_episodes", "check_episodes", "check_steps", "reinforce_gradient"]


def adapt(
    world: Dynamics, start: np.ndarray, rewards: np.ndarray, rate: np.ndarray | float, steps: int
) -> np.ndarray:
    """Return the expected return before each exact gradient step and after the last, shape (B, steps + 1).

    Parameters
    ----------
    start : ndarray, shape (B,) + the shape of the parameters
        Where each of ``B`` learners starts.
    rewards : ndarray, shape (B, T, S)
        The task that each meets.
    rate : float or ndarray, shape (B,)
        Step size ``alpha``.
    steps : int

    Raises
    ------
    InvalidArgumentError
        If there is not one task for each learner, no step, or a step size that is not positive.
    """
    _check(start, rewards, steps)
    rates = _rates(rate, len(start))
    return np.asarray(_exact(world, steps)(start, rewards, rates))


def adapt_from_episodes(
    world: Dynamics,
    start: np.ndarray,
    rewards: np.ndarray,
    rate: np.ndarray | float,
    steps: int,
    *,
    episodes: int,
    seeds: np.ndarray,
) -> np.ndarray:
    """Return the expected return of the policy of each batch of episodes, and after the last step.

    Parameters
    ----------
    start, rewards, rate, steps
        As in `adapt`.
    episodes : int
        Episodes for one gradient step, at least 2.
    seeds : ndarray of int, shape (B,)
        Of each learner's episodes.

    Returns
    -------
    ndarray, shape (B, steps + 1)

    Raises
    ------
    InvalidArgumentError
        As in `adapt`, and for fewer than two episodes a step.
    """
    _check(start, rewards, steps)
    check_episodes(episodes)
    jax = load_jax()
    keys = jax.vmap(jax.random.key)(np.asarray(seeds))
    rates = _rates(rate, len(start))
    return np.asarray(_sampled(world, steps, episodes)(start, rewards, rates, keys))


def reinforce_gradient(world: Dynamics, theta: Any, rewards: Any, key: Any, episodes: int) -> Any:
    """Return the REINFORCE estimate of the gradient from `episodes` episodes, the shape of `theta`.

    ``mean_i sum_t grad log pi_t(a_t|s_t) (G_t - b_t)`` with ``G_t`` the rewards from step ``t`` on and
    ``b_t`` their mean over the other episodes.
    """
    jax = load_jax()
    jnp = jax.numpy
    luck = jax.random.uniform(key, (2 * world.steps + 1, episodes))
    starts, moves = jnp.cumsum(jnp.asarray(world.initial)), jnp.cumsum(jnp.asarray(world.transition), axis=-1)

    def draw(cumulative: Any, luck: Any) -> Any:  # inverse of the distribution function, scaled to its total
        return (cumulative <= luck[:, None] * cumulative[..., -1:]).sum(axis=-1)

    def step(state: Any, inputs: Any) -> tuple[Any, Any]:
        cumulative, paid, luck = inputs
        action = draw(cumulative[state], luck[0])
        following = draw(moves[action, state], luck[1])
        return following, (state, action, paid[following])

    choices = jnp.cumsum(jax.lax.stop_gradient(policy(world, theta)), axis=-1)
    plays = (choices, rewards, luck[1:].reshape(world.steps, 2, episodes))
    _, (states, actions, paid) = jax.lax.scan(step, draw(starts[None, :], luck[0]), plays)
    to_go = jnp.cumsum(paid[::-1], axis=0)[::-1]
    baseline = (to_go.sum(axis=1, keepdims=True) - to_go) / (episodes - 1)

    def surrogate(theta: Any) -> Any:
        chosen = policy(world, theta)[jnp.arange(world.steps)[:, None], states, actions]
        return (jnp.log(chosen) * (to_go - baseline)).sum() / episodes

    return jax.grad(surrogate)(theta)


@lru_cache(maxsize=16)
def _exact(world: Dynamics, steps: int) -> Any:
    jax = load_jax()

    def learn(theta: Any, rewards: Any, rate: Any) -> Any:
        def step(theta: Any, _: None) -> tuple[Any, Any]:
            value, slope = jax.value_and_grad(expected_return, argnums=1)(world, theta, rewards)
            return theta + rate * slope, value

        theta, values = jax.lax.scan(step, theta, None, length=steps)
        return jax.numpy.append(values, expected_return(world, theta, rewards))

    return jax.jit(jax.vmap(learn))


@lru_cache(maxsize=16)
def _sampled(world: Dynamics, steps: int, episodes: int) -> Any:
    jax = load_jax()

    def learn(theta: Any, rewards: Any, rate: Any, key: Any) -> Any:
        def step(theta: Any, key: Any) -> tuple[Any, Any]:
            slope = reinforce_gradient(world, theta, rewards, key, episodes)
            return theta + rate * slope, expected_return(world, theta, rewards)

        theta, values = jax.lax.scan(step, theta, jax.random.split(key, steps))
        return jax.numpy.append(values, expected_return(world, theta, rewards))

    return jax.jit(jax.vmap(learn))


def _check(start: np.ndarray, rewards: np.ndarray, steps: int) -> None:
    if len(start) != len(rewards):
        raise InvalidArgumentError(
            f"Expected a task for each learner, but got {len(start)} learners and {len(rewards)} tasks."
        )
    check_steps(steps)


def check_steps(steps: int) -> None:
    """Raise `InvalidArgumentError` unless there is a gradient step."""
    if steps < 1:
        raise InvalidArgumentError(f"Expected at least one gradient step, but got steps={steps}.")


def check_episodes(episodes: int) -> None:
    """Raise `InvalidArgumentError` unless there are two episodes a gradient step."""
    if episodes < 2:
        raise InvalidArgumentError(
            f"Expected at least 2 episodes a step (the others are the baseline), but got {episodes}."
        )


def _rates(rate: np.ndarray | float, learners: int) -> np.ndarray:
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), learners)
    bad = np.flatnonzero(~(np.isfinite(rates) & (rates > 0)))
    if len(bad):
        raise InvalidArgumentError(
            f"Expected positive step sizes, but that of learner {int(bad[0])} is {float(rates[bad[0]])}."
        )
    return rates
