"""What the planner returns: certified bounds for every state, a policy, and how both were obtained."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from tabular.bounds import Bracket, Status
from tabular.engine.compiled import compiled

__all__ = ["Objective", "PlanningSolution"]


class Objective(Enum):
    """What a policy is judged by. The value is the sentence shown to the user."""

    FINITE = "expected sum of rewards over a fixed number of steps, plus the terminal value"
    DISCOUNTED = "expected discounted sum of rewards"
    REACH = "probability of ever reaching a target"
    TOTAL = "expected undiscounted sum of rewards over an unlimited number of steps"

    @classmethod
    def parse(cls, name: str | Objective) -> Objective:
        """Return the objective called `name` (``"finite"``, ``"discounted"``, ``"reach"``, ``"total"``)."""
        return name if isinstance(name, Objective) else cls[name.upper()]


@dataclass(frozen=True, eq=False)
class PlanningSolution:
    """A certified solution of a planning problem.

    Attributes
    ----------
    objective : Objective
    lower, upper : ndarray of float64, shape (S,)
        Certified bounds on the optimal value of every state (with all steps to go, where the horizon is
        finite); widened outward by a rounding allowance. For an exact process they bracket the rational
        value; for a floating-point process, the value of the stored numbers taken literally.
    value : Bracket
        Bounds on the optimal value from the initial distribution.
    policy : ndarray of int64, shape (S,) or (T, S), or None
        The choice (index into ``process.choice_action``) taken in each state; with the number of the step
        first where the horizon is finite. None where it was not kept. A policy of value at least `lower` (at
        most `upper` where the objective is minimised).
    method : str
        The algorithm, after ``"auto"`` was resolved.
    iterations : int
        Bellman backups of all states, or rounds of policy iteration.
    status : Status
    exact : ndarray of Fraction (object), shape (S,), or None
        The optimal values as rational numbers, in exact mode.
    detail : str
        How the bounds were certified, as a phrase.
    """

    objective: Objective
    lower: np.ndarray
    upper: np.ndarray
    value: Bracket
    policy: np.ndarray | None
    method: str
    iterations: int
    status: Status
    exact: np.ndarray | None = None
    detail: str = ""

    @cached_property
    def values(self) -> np.ndarray:
        """Midpoints of the bounds, shape (S,); infinite where both bounds are."""
        middle: np.ndarray = compiled("kernels").midpoints(self.lower, self.upper)
        return middle

    @property
    def gap(self) -> float:
        """Largest ``upper - lower`` over the states with finite values."""
        finite = np.isfinite(self.lower) & np.isfinite(self.upper)
        return float(np.max(self.upper[finite] - self.lower[finite], initial=0.0))
