"""A tabular softmax policy: its exact return and last state, differentiable, and episodes sampled from it.

``P_pi = sum_a pi(a|s) P(s'|s, a)`` on dense arrays; the return of a task is the smooth function
``J = sum_t mu0 P_pi^(t+1) . r_t``. Episodes are drawn by inverting distribution functions, so that the same
key gives the same episodes. Everything runs in the precision of the parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning.backend import load_jax

__all__ = ["CLOSED", "Dynamics", "dynamics", "expected_return", "log_policy", "pick", "sample", "terminal",
           "uniform"]  # fmt: skip

CLOSED = -1e30
"""Logit of an action that is not available."""

THREEFRY = (13, 15, 26, 6), (17, 29, 16, 24)


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A process as dense arrays.

    Attributes
    ----------
    transition : ndarray, shape (S, A, S)
        ``P(s'|s, a)``; unavailable actions stay in place, with a policy that never takes them.
    successors, cumulative : ndarray, shape (S, A, W)
        The successors of every choice, and the probability of those up to each.
    initial : ndarray, shape (S,)
    available : ndarray of bool, shape (S, A)
    steps : int
        ``T``.
    """

    transition: np.ndarray
    successors: np.ndarray
    cumulative: np.ndarray
    initial: np.ndarray
    available: np.ndarray
    steps: int

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (S, A) of the parameters of a stationary policy."""
        return (int(self.available.shape[0]), int(self.available.shape[1]))


@lru_cache(maxsize=16)
def dynamics(process: ControlledMarkovProcess) -> Dynamics:
    """Return the dense arrays of a process with a finite horizon, the same object at every call.

    What is compiled for a process is kept with this object, so that all learners on it share it.
    """
    transition = process.dense().transpose(1, 0, 2).copy()
    available = np.zeros((process.n_states, process.n_actions), dtype=bool)
    available[process.choice_state, process.choice_action] = True
    state, action = np.nonzero(~available)
    transition[state, action, state] = 1.0
    width = int((transition > 0).sum(axis=-1).max())
    successors = np.argsort(-transition, axis=-1, kind="stable")[..., :width]
    cumulative = np.take_along_axis(transition, successors, axis=-1).cumsum(axis=-1)
    steps = process.steps_for("Learners that learn")
    return Dynamics(transition, successors, cumulative, np.asarray(process.initial), available, steps)


def log_policy(world: Dynamics, theta: Any) -> Any:
    """Return ``log pi(a|s)``, the shape of `theta`: (S, A), or (T, S, A) for a policy that knows the step."""
    jax = load_jax()
    return jax.nn.log_softmax(jax.numpy.where(world.available, theta, CLOSED), axis=-1)


def expected_return(world: Dynamics, theta: Any, rewards: Any) -> Any:
    """Return ``J``, a scalar, of parameters (S, A) for rewards of shape (T, S)."""
    jax = load_jax()
    jnp = jax.numpy
    transition = jnp.asarray(world.transition, theta.dtype)
    chain = jnp.einsum("sa,sat->st", jnp.exp(log_policy(world, theta)), transition)

    def back(values: Any, paid: Any) -> tuple[Any, None]:
        return chain @ (paid + values), None

    values, _ = jax.lax.scan(back, jnp.zeros(world.shape[0], theta.dtype), rewards, reverse=True)
    return jnp.asarray(world.initial, theta.dtype) @ values


def terminal(world: Dynamics, theta: Any) -> Any:
    """Return the terminal-state distribution ``rho``, shape (S,), of parameters (T, S, A) or (S, A)."""
    jax = load_jax()
    jnp = jax.numpy
    choices = jnp.broadcast_to(jnp.exp(log_policy(world, theta)), (world.steps, *world.shape))

    def step(now: Any, probabilities: Any) -> tuple[Any, None]:
        return jnp.einsum("s,sa,sat->t", now, probabilities, jnp.asarray(world.transition)), None

    return jax.lax.scan(step, jnp.asarray(world.initial), choices)[0]


def pick(cumulative: Any, luck: Any) -> Any:
    """Return the index that `luck`, uniform on [0, 1), picks from cumulated probabilities on the last
    axis."""
    return (cumulative[..., :-1] <= luck[..., None] * cumulative[..., -1:]).sum(axis=-1)


def uniform(key: Any, shape: tuple[int, ...], stream: int | None = None) -> Any:
    """Return ``jax.random.uniform(key, shape, float32)``; a `stream` is first folded into the key.

    Threefry-2x32 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), written out: JAX runs
    its rounds in a loop on CPUs, which costs more than they do.
    """
    jax = load_jax()
    jnp = jax.numpy
    pair = tuple(jax.random.key_data(key))
    if stream is not None:
        pair = _threefry(pair, np.uint32(stream))
    left, right = _threefry(pair, jnp.arange(math.prod(shape), dtype=jnp.uint32))
    mantissa = ((left ^ right) >> np.uint32(9)) | np.uint32(0x3F800000)  # of a number from 1 to 2
    return (jax.lax.bitcast_convert_type(mantissa, jnp.float32) - 1).reshape(shape)


def _threefry(pair: tuple[Any, Any], counter: Any) -> tuple[Any, Any]:
    keys = (*pair, pair[0] ^ pair[1] ^ np.uint32(0x1BD11BDA))
    left, right = keys[0], counter + keys[1]
    for group in range(5):
        for turn in THREEFRY[group % 2]:
            left = left + right
            right = left ^ ((right << np.uint32(turn)) | (right >> np.uint32(32 - turn)))
        left, right = left + keys[(group + 1) % 3], right + keys[(group + 2) % 3] + np.uint32(group + 1)
    return left, right


def sample(world: Dynamics, scores: Any, rewards: Any, key: Any, episodes: int) -> tuple[Any, Any, Any]:
    """Return states and actions of sampled episodes and the rewards paid, each of shape (T, episodes).

    `scores` are the logarithms of the policy, see `log_policy`.
    """
    jax = load_jax()
    jnp = jax.numpy
    luck = uniform(key, (world.steps, 2, episodes)).astype(scores.dtype)
    first = uniform(key, (episodes,), stream=1).astype(scores.dtype)
    state = pick(jnp.cumsum(jnp.asarray(world.initial, scores.dtype)), first)
    choices = jnp.cumsum(jnp.exp(scores), axis=-1)
    moves, successors = jnp.asarray(world.cumulative, scores.dtype), jnp.asarray(world.successors)

    def step(state: Any, inputs: Any) -> tuple[Any, Any]:
        luck, paid = inputs
        action = pick(choices[state], luck[0])
        onward = successors[state, action, pick(moves[state, action], luck[1])]
        return onward, (state, action, paid[onward])

    states, actions, paid = jax.lax.scan(step, state, (luck, rewards))[1]
    return states, actions, paid
