"""Assumptions: named, executable predicates on a process, so that a claim knows where it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metaregret.tabular.goals import exact_goal_values, goal_support, goal_values
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["CONTROLLABLE", "DETERMINISTIC", "FINITE_HORIZON", "SINGLE_START", "Assumption"]


@dataclass(frozen=True)
class Assumption:
    """A predicate with a name.

    Attributes
    ----------
    name : str
        A word or two.
    sentence : str
        What it says.
    holds : callable
        The predicate on a process.
    """

    name: str
    sentence: str
    holds: Callable[[ControlledMarkovProcess], bool]


def _controllable(process: ControlledMarkovProcess) -> bool:
    """Whether every reachable goal is reached with probability one, decided on certified bounds."""
    support = goal_support(process)
    if process.is_exact and process.n_states <= 64 and process.is_deterministic is False:
        return all(v == 1 for v in exact_goal_values(process, np.flatnonzero(support)))
    values = goal_values(process, np.flatnonzero(support)).values
    return bool(np.all(values >= 1.0 - 1e-12))


DETERMINISTIC = Assumption(
    "deterministic", "every action has one successor", lambda process: process.is_deterministic
)
SINGLE_START = Assumption(
    "single start", "the initial state is known", lambda process: int(np.count_nonzero(process.initial)) == 1
)
CONTROLLABLE = Assumption(
    "controllable", "every reachable goal can be the terminal state with certainty", _controllable
)
FINITE_HORIZON = Assumption(
    "finite horizon",
    "an episode has a fixed number of steps",
    lambda process: hasattr(process.horizon, "steps"),
)
