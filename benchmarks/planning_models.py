"""The models of the planning benchmark: a process, rewards, and what is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from metaregret.tabular.environments.garnet import garnet
from metaregret.tabular.environments.grid import grid
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["CASES", "DISCOUNTED", "Case", "large_random_model", "random_model"]


@dataclass(eq=False)
class Case:
    """One benchmark problem.

    Attributes
    ----------
    name : str
    build : callable
        Returns the process and the rewards of its choices, shape (C,).
    question : dict
        What is asked of every solver: ``objective`` and its parameters, as `metaregret.tabular.engine.solve`
        takes them.
    peers : tuple of str
        Solvers that are run on it.
    short : bool
        Whether the short version for CI includes it.
    required : float or None
        Least ratio of the fastest peer's time to ours that the project asks for.
    note : str
    """

    name: str
    build: Callable[[], tuple[ControlledMarkovProcess, np.ndarray]]
    question: dict[str, Any]
    peers: tuple[str, ...]
    short: bool = False
    required: float | None = None
    note: str = ""

    @property
    def task(self) -> str:
        """The family of models: the name without its size."""
        return self.name.rpartition("-")[0]

    @cached_property
    def data(self) -> tuple[ControlledMarkovProcess, np.ndarray]:
        """Process and rewards, built once."""
        return self.build()

    def release(self) -> None:
        """Forget the model."""
        self.__dict__.pop("data", None)


def random_model(states: int) -> Callable[[], tuple[ControlledMarkovProcess, np.ndarray]]:
    """Garnet with 4 actions and 5 successors, uniform rewards."""

    def build() -> tuple[ControlledMarkovProcess, np.ndarray]:
        process = garnet(states, 4, 5, seed=1)
        return process, np.random.default_rng(2).random(process.n_choices)

    return build


def large_random_model(states: int) -> Callable[[], tuple[ControlledMarkovProcess, np.ndarray]]:
    """The same shape in floating point, drawn in blocks: 1e7 states take 4 GiB, and little more to build."""

    def build() -> tuple[ControlledMarkovProcess, np.ndarray]:
        random = np.random.default_rng(1)
        successors = np.empty((4 * states, 5), dtype=np.int64)
        probabilities = np.empty((4 * states, 5))
        band = states // 5
        for first in range(0, 4 * states, BLOCK):
            last = min(4 * states, first + BLOCK)
            # One successor from each fifth of the states: distinct and in order without a search.
            successors[first:last] = random.integers(band, size=(last - first, 5)) + band * np.arange(5)
            weights = random.random((last - first, 5)) + 1e-3
            probabilities[first:last] = weights / weights.sum(axis=1, keepdims=True)
        initial = np.zeros(states)
        initial[0] = 1.0
        process = ControlledMarkovProcess(
            Labels(states),
            Labels(4, "action"),
            np.arange(0, 4 * states + 1, 4),
            np.tile(np.arange(4), states),
            np.arange(0, 20 * states + 1, 5),
            successors.reshape(-1),
            probabilities.reshape(-1),
            initial,
            FiniteHorizon(1),
        )
        return process, np.random.default_rng(2).random(process.n_choices)

    return build


BLOCK = 2**20
"""Choices drawn at a time."""


def _dense(states: int) -> Callable[[], tuple[ControlledMarkovProcess, np.ndarray]]:
    def build() -> tuple[ControlledMarkovProcess, np.ndarray]:
        random = np.random.default_rng(3)
        weights = random.random((4, states, states))
        process = ControlledMarkovProcess.from_dense(weights / weights.sum(axis=2, keepdims=True), horizon=1)
        return process, random.random(process.n_choices)

    return build


def _grid(side: int, *, goal_reward: bool) -> Callable[[], tuple[ControlledMarkovProcess, np.ndarray]]:
    def build() -> tuple[ControlledMarkovProcess, np.ndarray]:
        process = grid(side, side)
        if goal_reward:
            rewards = np.zeros(process.n_choices)
            rewards[process.choice_state == process.n_states - 1] = 1.0
        else:
            rewards = np.ones(process.n_choices)
        return process, rewards

    return build


DISCOUNTED = {"objective": "discounted", "gamma": 0.99}
SMALL_PEERS = ("quantecon-mpi", "quantecon-pi", "mdpsolver", "mdpsolver-serial")
SPARSE_PEERS = ("quantecon-mpi", "scipy-vi")

CASES: tuple[Case, ...] = (
    Case("garnet-10", random_model(10), DISCOUNTED, SMALL_PEERS, True, 1.0),
    Case("garnet-100", random_model(100), DISCOUNTED, SMALL_PEERS, True, 1.0),
    Case(
        "garnet-1e3",
        random_model(1000),
        DISCOUNTED,
        (*SMALL_PEERS, "scipy-vi", "mdptoolbox-pi"),
        True,
        1.0,
    ),
    Case("garnet-1e4", random_model(10_000), DISCOUNTED, (*SPARSE_PEERS, "mdpsolver"), True, 2.5),
    Case("garnet-1e5", random_model(100_000), DISCOUNTED, SPARSE_PEERS, False, 2.5),
    Case("garnet-1e6", random_model(1_000_000), DISCOUNTED, SPARSE_PEERS[:1], False, 2.5),
    Case("dense-200", _dense(200), DISCOUNTED, ("quantecon-mpi", "quantecon-pi", "mdptoolbox-pi"), True, 1.0),
    Case(
        "dense-1000", _dense(1000), DISCOUNTED, ("quantecon-mpi", "quantecon-pi", "mdptoolbox-pi"), False, 1.0
    ),
    Case(
        "grid-goal-1e4",
        _grid(100, goal_reward=True),
        DISCOUNTED,
        ("quantecon-mpi", "quantecon-pi", "scipy-vi"),
        True,
        1.0,
    ),
    Case(
        "grid-cost-1e4",
        _grid(100, goal_reward=False),
        {"objective": "total", "maximise": False},
        ("storm",),
        True,
        1.0,
        note="expected number of steps to the far corner",
    ),
    Case(
        "grid-goal-1e6",
        _grid(1000, goal_reward=True),
        DISCOUNTED,
        ("plain-vi",),
        False,
        50.0,
        note="plain value iteration, every action, from zero, in compiled code on all cores",
    ),
    Case(
        "finite-1e5",
        random_model(100_000),
        {"objective": "finite", "steps": 100},
        ("quantecon-finite", "scipy-finite"),
        False,
        1.0,
        note="100 steps, policies of all steps are kept",
    ),
    Case(
        "finite-1e4",
        random_model(10_000),
        {"objective": "finite", "steps": 100},
        ("quantecon-finite", "scipy-finite"),
        True,
        1.0,
        note="100 steps, policies of all steps are kept",
    ),
)
"""All planning problems; the all-goals comparison is in `benchmarks.planning_goals`."""
