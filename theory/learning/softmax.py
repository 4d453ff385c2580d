"""The expected return of a tabular softmax policy, differentiable, compiled and batched by JAX.

Backward induction ``V_t(s) = sum_a pi_t(a|s) sum_s' P(s'|s, a) (r[t, s'] + V_{t+1}(s'))`` on dense arrays;
the return ``J = mu0 . V_0`` is a smooth function of the parameters, and everything else (policy gradients,
gradients through gradient steps) is its automatic derivative.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning.backend import load_jax
from metaregret.theory.learning.step_tasks import finite_steps

__all__ = ["Dynamics", "dynamics", "expected_return", "policy"]

CLOSED = -1e30
"""Logit of an action that is not available."""


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A process as dense arrays.

    Attributes
    ----------
    transition : ndarray, shape (A, S, S)
        ``P[a, s, s']``; unavailable actions stay in place, with a policy that never takes them.
    initial : ndarray, shape (S,)
    available : ndarray of bool, shape (S, A)
    steps : int
        ``T``.
    """

    transition: np.ndarray
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
    transition = process.dense()
    available = np.zeros((process.n_states, process.n_actions), dtype=bool)
    available[process.choice_state, process.choice_action] = True
    state, action = np.nonzero(~available)
    transition[action, state, state] = 1.0
    transition.setflags(write=False)
    available.setflags(write=False)
    return Dynamics(transition, process.initial, available, finite_steps(process))


def policy(world: Dynamics, theta: Any) -> Any:
    """Return ``pi_t(a|s)``, shape (T, S, A), of parameters of shape (S, A) or (T, S, A)."""
    jax = load_jax()
    jnp = jax.numpy
    closed = jnp.where(world.available, theta, CLOSED)
    return jnp.broadcast_to(jax.nn.softmax(closed, axis=-1), (world.steps, *world.shape))


def expected_return(world: Dynamics, theta: Any, rewards: Any) -> Any:
    """Return ``J``, a scalar, for rewards of shape (T, S)."""
    jax = load_jax()
    jnp = jax.numpy
    flat = jnp.asarray(world.transition).transpose(1, 0, 2)

    def back(values: Any, step: Any) -> tuple[Any, None]:
        probabilities, paid = step
        return (probabilities * (flat @ (paid + values))).sum(axis=-1), None

    nothing = jnp.zeros(world.shape[0])
    values, _ = jax.lax.scan(back, nothing, (policy(world, theta), rewards), reverse=True)
    return jnp.asarray(world.initial) @ values
