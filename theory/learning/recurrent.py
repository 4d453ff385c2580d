"""A recurrent learner in the manner of RL^2, trained across the episodes of a trial on a task distribution.

The policy is a gated recurrent unit (Cho et al. 2014) over (state, last action, last reward, done); its
memory lasts through all ``N`` episodes of a trial with one task (Duan et al. 2016, arXiv 1611.02779; Wang et
al. 2016). The objective is the expected reward of a trial, ``E_q R(f, z)``.

Where the tree of histories is small, objective and gradient are exact
(`metaregret.theory.learning.history_tree`): neither training nor evaluation samples anything, and the value
found is that of an admissible learner. It can never exceed that of the Bayes-optimal learner for the same
distribution.

Differs from the paper: exact policy gradient and Adam in place of sampled trials and TRPO.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.information.channel import as_distribution
from metaregret.theory.learning.backend import load_jax, load_optax
from metaregret.theory.learning.history_tree import HistoryTree
from metaregret.theory.learning.softmax import CLOSED, dynamics

__all__ = ["RecurrentLearners", "RecurrentSchedule", "payoffs", "train_recurrent"]

Layer: TypeAlias = dict[str, Any]


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
        if not 0 < self.rate < math.inf:
            raise InvalidArgumentError(f"Expected a positive rate, but got rate={self.rate}.")


@dataclass(frozen=True, eq=False)
class RecurrentLearners:
    """``B`` trained learners.

    Attributes
    ----------
    parameters : mapping of arrays
        Each with ``B`` in front.
    curve : ndarray, shape (B, iterations + 1)
        Expected reward of a trial under the training distribution, before each step and after the last.
    history : ndarray, shape (B, iterations + 1, Z')
        Expected reward of a trial on each evaluation task at the same times, exact.
    """

    parameters: dict[str, np.ndarray]
    curve: np.ndarray
    history: np.ndarray

    @property
    def payoffs(self) -> np.ndarray:
        """Expected reward of a trial on each evaluation task after training, shape (B, Z')."""
        return np.asarray(self.history[:, -1])


def payoffs(layers: Sequence[Layer], available: Any, parameters: Any) -> Any:
    """Return ``R(f, z)`` of the learner with these parameters on every task, shape (Z,).

    Parameters
    ----------
    layers : sequence of mappings
        The tree's layers, each as a mapping of arrays.
    available : ndarray of bool, shape (S, A)
    parameters : mapping of arrays
    """
    jnp = load_jax().numpy
    memory = jnp.zeros((layers[0]["state"].shape[0], parameters["memory"].shape[0]))
    reach, total = layers[0]["chance"], 0.0
    for before, after in pairwise(layers):
        memory = _remember(parameters, memory[before["parent"]], before)
        act = _act(parameters, memory, available[before["state"]])
        reach = reach[after["parent"]] * act[after["parent"], after["action"]] * after["chance"]
        total = total + (reach * after["reward"]) @ after["members"]
    return total


def _layers(tree: HistoryTree) -> list[Layer]:
    return [{field.name: getattr(layer, field.name) for field in fields(layer)} for layer in tree.layers]


def _remember(parameters: Any, memory: Any, seen: Layer) -> Any:
    """One step of the gated recurrent unit."""
    jax = load_jax()
    jnp = jax.numpy
    inputs = parameters["state"][seen["state"]] + parameters["action"][seen["action"]]
    signals = [seen["reward"], seen["done"], jnp.ones_like(seen["reward"])]
    inputs += jnp.stack(signals, axis=-1) @ parameters["signals"]
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


def _first_parameters(states: int, actions: int, hidden: int, key: Any) -> dict[str, Any]:
    jax = load_jax()
    shapes = {
        "state": (states, 3 * hidden),
        "action": (actions + 1, 3 * hidden),
        "signals": (3, 3 * hidden),
        "memory": (hidden, 3 * hidden),
        "out": (hidden, actions),
    }
    keys = jax.random.split(key, len(shapes))
    drawn = {
        name: jax.random.normal(key, shape) * (hidden**-0.5 if name in ("memory", "out") else 0.5)
        for key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }
    return drawn | {"bias": jax.numpy.zeros(actions)}


def train_recurrent(
    tree: HistoryTree,
    weights: np.ndarray,
    seeds: np.ndarray,
    schedule: RecurrentSchedule,
    *,
    tests: HistoryTree | None = None,
) -> RecurrentLearners:
    """Train ``B`` learners by exact policy gradients.

    Parameters
    ----------
    tree : HistoryTree
    weights : ndarray, shape (B, Z)
        The training distribution ``q`` of each.
    seeds : ndarray of int, shape (B,)
        Of the first parameters.
    tests : HistoryTree, optional
        On whose tasks the learners are evaluated, on the same process; by default on those they train on.

    Raises
    ------
    InvalidArgumentError
        If the shapes or the processes do not match, or a row of `weights` is not a distribution.
    """
    if tests is not None and tests.tasks.process is not tree.tasks.process:
        raise InvalidArgumentError(
            f"Expected evaluation tasks on the process {tree.tasks.process.name!r} itself, but got tasks on "
            f"{tests.tasks.process.name!r}; make both from one process object."
        )
    if weights.shape != (len(seeds), len(tree.tasks)):
        raise InvalidArgumentError(
            f"Expected weights of shape {(len(seeds), len(tree.tasks))}, but got {weights.shape}."
        )
    for index, row in enumerate(weights):
        as_distribution(row, f"weights[{index}]")
    jax = load_jax()
    keys = jax.vmap(jax.random.key)(np.asarray(seeds))
    available = dynamics(tree.tasks.process).available
    evaluated = None if tests is None else _layers(tests)
    run = _trainer(schedule)
    parameters, curve, history = run(weights, keys, _layers(tree), evaluated, available)
    return RecurrentLearners(
        {name: np.asarray(value) for name, value in parameters.items()},
        np.asarray(curve),
        np.asarray(history),
    )


@lru_cache(maxsize=4)
def _trainer(schedule: RecurrentSchedule) -> Any:
    """The compiled training; trees are arguments, so that those of equal shape share it."""
    jax, optax = load_jax(), load_optax()
    optimiser = optax.adam(schedule.rate)

    def train(weights: Any, key: Any, layers: Any, tests: Any, available: Any) -> Any:
        def value(parameters: Any) -> tuple[Any, Any]:
            paid = payoffs(layers, available, parameters)
            return weights @ paid, paid

        def measured(parameters: Any, paid: Any) -> Any:
            return paid if tests is None else payoffs(tests, available, parameters)

        def step(carry: Any, _: None) -> tuple[Any, Any]:
            parameters, state = carry
            (now, paid), slope = jax.value_and_grad(value, has_aux=True)(parameters)
            descent = jax.tree.map(lambda entry: -entry, slope)
            update, state = optimiser.update(descent, state, parameters)
            moved = optax.apply_updates(parameters, update)
            return (moved, state), (now, measured(parameters, paid))

        states, actions = available.shape
        parameters = _first_parameters(states, actions, schedule.hidden, key)
        start = (parameters, optimiser.init(parameters))
        (parameters, _), (curve, history) = jax.lax.scan(step, start, None, length=schedule.iterations)
        last, paid = value(parameters)
        history = jax.numpy.concatenate([history, measured(parameters, paid)[None]])
        return parameters, jax.numpy.append(curve, last), history

    return jax.jit(jax.vmap(train, in_axes=(0, 0, None, None, None)))
