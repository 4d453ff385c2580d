"""The models of the planning benchmark: a process, rewards, and what is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tabular.environments.garnet import garnet
from tabular.environments.grid import grid
from tabular.process import ControlledMarkovProcess

__all__ = ["CASES", "Case"]


@dataclass(eq=False)
class Case:
    """One benchmark problem.

    Attributes
    ----------
    name : str
    build : callable
        Returns the process and the rewards of its choices, shape (C,).
    question : dict
        What is asked of every solver: ``objective`` and its parameters, as `tabular.engine.solve` takes them.
    peers : tuple of str
        Solvers that are run on it.
    short : bool
        Whether the short version for CI includes it.
    required : float or None
        Least ratio of the fastest peer's time to ours that the project asks for.
    """

    name: str
    build: Callable[[], tuple[ControlledMarkovProcess, np.ndarray]]
    question: dict[str, Any]
    peers: tuple[str, ...]
    short: bool = False
    required: float | None = None
    baseline: str | None = None
    note: str = field(default="")

    @cached_property
    def data(self) -> tuple[ControlledMarkovProcess, np.ndarray]:
        """Process and rewards, built once."""
        return self.build()

    def release(self) -> None:
        """Forget the model."""
        self.__dict__.pop("data", None)


def _garnet(states: int) -> Callable[[], tuple[ControlledMarkovProcess, np.ndarray]]:
    def build() -> tuple[ControlledMarkovProcess, np.ndarray]:
        process = garnet(states, 4, 5, seed=1)
        return process, np.random.default_rng(2).random(process.n_choices)

    return build


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
SPARSE_PEERS = ("quantecon-mpi", "scipy-vi")

CASES: tuple[Case, ...] = (
    Case("garnet-10", _garnet(10), DISCOUNTED, ("quantecon-mpi", "quantecon-pi", "mdpsolver"), True, 1.0),
    Case("garnet-100", _garnet(100), DISCOUNTED, ("quantecon-mpi", "quantecon-pi", "mdpsolver"), True, 1.0),
    Case("garnet-1e3", _garnet(1000), DISCOUNTED, (*SPARSE_PEERS, "mdptoolbox-pi", "mdpsolver"), True, 1.0),
    Case("garnet-1e4", _garnet(10_000), DISCOUNTED, (*SPARSE_PEERS, "mdpsolver"), True, 2.5),
    Case("garnet-1e5", _garnet(100_000), DISCOUNTED, SPARSE_PEERS, False, 2.5),
    Case("garnet-1e6", _garnet(1_000_000), DISCOUNTED, SPARSE_PEERS, False, 2.5),
    Case("dense-200", _dense(200), DISCOUNTED, ("quantecon-mpi", "quantecon-pi", "mdptoolbox-pi"), True, 1.0),
    Case(
        "dense-1000", _dense(1000), DISCOUNTED, ("quantecon-mpi", "quantecon-pi", "mdptoolbox-pi"), False, 1.0
    ),
    Case(
        "grid-1e4-goal",
        _grid(100, goal_reward=True),
        DISCOUNTED,
        ("quantecon-mpi", "quantecon-pi", "scipy-vi"),
        True,
        1.0,
    ),
    Case(
        "grid-1e4-cost",
        _grid(100, goal_reward=False),
        {"objective": "total", "maximise": False},
        ("storm",),
        True,
        1.0,
        note="expected number of steps to the far corner",
    ),
    Case(
        "grid-1e6-goal",
        _grid(1000, goal_reward=True),
        DISCOUNTED,
        ("plain-vi",),
        False,
        50.0,
        "plain-vi",
        note="plain value iteration, every action, from zero, in compiled code on all cores",
    ),
    Case(
        "finite-1e5x100",
        _garnet(100_000),
        {"objective": "finite", "steps": 100},
        ("quantecon-finite", "scipy-finite"),
        False,
        1.0,
        note="policies of all steps are kept",
    ),
    Case(
        "finite-1e4x100",
        _garnet(10_000),
        {"objective": "finite", "steps": 100},
        ("quantecon-finite", "scipy-finite"),
        True,
        1.0,
        note="policies of all steps are kept",
    ),
)
"""All planning problems; the all-goals comparison is in `benchmarks.planning_goals`."""
