"""A recurrent learner in the manner of RL^2, trained across the episodes of a trial on a task distribution.

The policy is a gated recurrent unit (Cho et al. 2014) over (state, last action, last reward, done); its
memory lasts through all ``N`` episodes of a trial with one task (Duan et al. 2016, arXiv 1611.02779; Wang et
al. 2016). The objective is the expected reward of a trial, ``E_q R(f, z)``.

Where the tree of histories is small, objective and gradient are exact (`theory.learning.history_tree`):
neither training nor evaluation samples anything, and the value found is that of an admissible learner. It
can never exceed that of the Bayes-optimal learner for the same distribution.

Differs from the paper: exact policy gradient and Adam in place of sampled trials and TRPO.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tabular.errors import InvalidArgumentError
from theory.learning.backend import load_jax, load_optax
from theory.learning.history_tree import HistoryTree
from theory.learning.softmax import CLOSED, dynamics

__all__ = ["RecurrentLearners", "RecurrentSchedule", "payoffs", "train_recurrent"]


@dataclass(frozen=True)
class RecurrentSchedule:
    """Settings of the training.

    Attributes
    ----------
    hidden : int
        Units of the memory.
    iterations : int
        Gradient steps of Adam.
    rate : float
        Its rate.
    """

    hidden: int = 16
    iterations: int = 400
    rate: float = 0.01

    def __post_init__(self) -> None:
        for name in ("hidden", "iterations"):
            if getattr(self, name) < 1:
                raise InvalidArgumentError(f"Expected {name} >= 1, but got {name}={getattr(self, name)}.")


@dataclass(frozen=True, eq=False)
class RecurrentLearners:
    """``B`` trained learners.

    Attributes
    ----------
    parameters : mapping of arrays
        Each with ``B`` in front.
    curve : ndarray, shape (B, iterations + 1)
        Expected reward of a trial under the training distribution, before each step and after the last.
    payoffs : ndarray, shape (B, Z)
        Expected reward of a trial on each task, exact, after training.
    """

    parameters: dict[str, np.ndarray]
    curve: np.ndarray
    payoffs: np.ndarray


def payoffs(tree: HistoryTree, parameters: Any) -> Any:
    """Return ``R(f, z)`` of the learner with these parameters on every task, shape (Z,)."""
    jnp = load_jax().numpy
    available = dynamics(tree.tasks.process).available
    first = tree.layers[0]
    memory = jnp.zeros((len(first.state), parameters["memory"].shape[0]))
    reach, total = jnp.asarray(first.chance), jnp.zeros(len(tree.tasks))
    for before, after in zip(tree.layers, tree.layers[1:], strict=False):
        memory = _remember(parameters, memory[before.parent], before)
        act = _act(parameters, memory, available[before.state])
        reach = reach[after.parent] * act[after.parent, after.action] * after.chance
        total = total + (reach * after.reward) @ after.members
    return total


def _remember(parameters: Any, memory: Any, seen: Any) -> Any:
    """One step of the gated recurrent unit."""
    jax = load_jax()
    jnp = jax.numpy
    inputs = parameters["state"][seen.state] + parameters["action"][seen.action]
    inputs += jnp.stack([seen.reward, seen.done, jnp.ones_like(seen.reward)], axis=-1) @ parameters["signals"]
    reset, update, candidate = jnp.split(inputs, 3, axis=-1)
    from_reset, from_update, from_candidate = jnp.split(memory @ parameters["memory"], 3, axis=-1)
    keep = jax.nn.sigmoid(update + from_update)
    fresh = jnp.tanh(candidate + jax.nn.sigmoid(reset + from_reset) * from_candidate)
    return keep * memory + (1.0 - keep) * fresh


def _act(parameters: Any, memory: Any, available: Any) -> Any:
    """Action probabilities."""
    jax = load_jax()
    logits = memory @ parameters["out"] + parameters["bias"]
    return jax.nn.softmax(jax.numpy.where(available, logits, CLOSED), axis=-1)


def _first_parameters(tree: HistoryTree, hidden: int, key: Any) -> dict[str, Any]:
    jax = load_jax()
    process = tree.tasks.process
    shapes = {
        "state": (process.n_states, 3 * hidden),
        "action": (process.n_actions + 1, 3 * hidden),
        "signals": (3, 3 * hidden),
        "memory": (hidden, 3 * hidden),
        "out": (hidden, process.n_actions),
    }
    keys = jax.random.split(key, len(shapes))
    drawn = {
        name: jax.random.normal(key, shape) * (hidden**-0.5 if name in ("memory", "out") else 0.5)
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }
    return drawn | {"bias": jax.numpy.zeros(process.n_actions)}


def train_recurrent(
    tree: HistoryTree, weights: np.ndarray, seeds: np.ndarray, schedule: RecurrentSchedule
) -> RecurrentLearners:
    """Train ``B`` learners by exact policy gradients.

    Parameters
    ----------
    tree : HistoryTree
    weights : ndarray, shape (B, Z)
        The training distribution ``q`` of each.
    seeds : ndarray of int, shape (B,)
        Of the first parameters.

    Raises
    ------
    InvalidArgumentError
        If the shapes do not match.
    """
    if weights.shape != (len(seeds), len(tree.tasks)):
        raise InvalidArgumentError(
            f"Expected weights of shape {(len(seeds), len(tree.tasks))}, but got {weights.shape}."
        )
    jax = load_jax()
    keys = jax.vmap(jax.random.key)(np.asarray(seeds))
    parameters, curve, paid = _trainer(tree, schedule)(weights, keys)
    return RecurrentLearners(
        {name: np.asarray(value) for name, value in parameters.items()}, np.asarray(curve), np.asarray(paid)
    )


@lru_cache(maxsize=4)
def _trainer(tree: HistoryTree, schedule: RecurrentSchedule) -> Any:
    jax, optax = load_jax(), load_optax()
    optimiser = optax.adam(schedule.rate)

    def value(parameters: Any, weights: Any) -> Any:
        return weights @ payoffs(tree, parameters)

    def train(weights: Any, key: Any) -> Any:
        parameters = _first_parameters(tree, schedule.hidden, key)

        def step(carry: Any, _: None) -> tuple[Any, Any]:
            parameters, state = carry
            now, slope = jax.value_and_grad(value)(parameters, weights)
            ascent = jax.tree.map(lambda entry: -entry, slope)
            update, state = optimiser.update(ascent, state, parameters)
            return (optax.apply_updates(parameters, update), state), now

        start = (parameters, optimiser.init(parameters))
        (parameters, _), curve = jax.lax.scan(step, start, None, length=schedule.iterations)
        paid = payoffs(tree, parameters)
        return parameters, jax.numpy.append(curve, weights @ paid), paid

    return jax.jit(jax.vmap(train))
