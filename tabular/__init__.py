"""Controlled Markov processes on finite state spaces: objects and algorithms, exact where the data are.

    >>> from tabular import goal_values, make
    >>> goal_values(make("grid:3x3"), representation="rational").exact.tolist() == [1] * 9
    True

The names below are the public face; they are loaded when first used, so that importing the package costs
nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tabular.bounds import Bracket, Status
    from tabular.environments import make
    from tabular.errors import (
        ConvergenceError,
        EnvironmentSpecError,
        FileFormatError,
        InstanceTooLargeError,
        InvalidArgumentError,
        InvalidProcessError,
        MetaregretError,
        MissingExtraError,
        NotExactError,
        SolverError,
        UnreachableGoalError,
        UnsupportedError,
    )
    from tabular.files import (
        process_document,
        process_from_document,
        read_process,
        read_rewards,
        write_process,
    )
    from tabular.goals import TerminalValues, goal_support, goal_values, optimal_terminal_values
    from tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
    from tabular.labels import Labels
    from tabular.occupancy import FlowPolytope, flow_polytope
    from tabular.policy import (
        TerminalDistribution,
        check_policy,
        deterministic_policy,
        terminal_distribution,
        uniform_policy,
    )
    from tabular.process import ControlledMarkovProcess, Representation
    from tabular.rationals import parse_fraction
    from tabular.rewards import RewardTables

__all__ = [
    "Bracket",
    "ControlledMarkovProcess",
    "ConvergenceError",
    "EnvironmentSpecError",
    "FileFormatError",
    "FiniteHorizon",
    "FlowPolytope",
    "GeometricHorizon",
    "Horizon",
    "InstanceTooLargeError",
    "InvalidArgumentError",
    "InvalidProcessError",
    "Labels",
    "MetaregretError",
    "MissingExtraError",
    "NotExactError",
    "Representation",
    "RewardTables",
    "SolverError",
    "Status",
    "TerminalDistribution",
    "TerminalValues",
    "UnreachableGoalError",
    "UnsupportedError",
    "check_policy",
    "deterministic_policy",
    "flow_polytope",
    "goal_support",
    "goal_values",
    "make",
    "optimal_terminal_values",
    "parse_fraction",
    "process_document",
    "process_from_document",
    "read_process",
    "read_rewards",
    "terminal_distribution",
    "uniform_policy",
    "write_process",
]

_HOMES = {
    "bounds": ("Bracket", "Status"),
    "environments": ("make",),
    "errors": (
        "ConvergenceError",
        "EnvironmentSpecError",
        "FileFormatError",
        "InstanceTooLargeError",
        "InvalidArgumentError",
        "InvalidProcessError",
        "MetaregretError",
        "MissingExtraError",
        "NotExactError",
        "SolverError",
        "UnreachableGoalError",
        "UnsupportedError",
    ),
    "files": ("process_document", "process_from_document", "read_process", "read_rewards", "write_process"),
    "goals": ("TerminalValues", "goal_support", "goal_values", "optimal_terminal_values"),
    "horizon": ("FiniteHorizon", "GeometricHorizon", "Horizon"),
    "labels": ("Labels",),
    "occupancy": ("FlowPolytope", "flow_polytope"),
    "policy": (
        "TerminalDistribution",
        "check_policy",
        "deterministic_policy",
        "terminal_distribution",
        "uniform_policy",
    ),
    "process": ("ControlledMarkovProcess", "Representation"),
    "rationals": ("parse_fraction",),
    "rewards": ("RewardTables",),
}
# Subpackages keep their own names: `tabular.environments` is the package, its function of that name is not
# here.
_HOME_OF = {name: f"tabular.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'tabular' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | {name for name in globals() if not name.startswith("_")})
