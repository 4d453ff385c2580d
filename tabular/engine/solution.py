"""What the planner returns: certified bounds for every state, a policy, and how both were obtained."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property

import numpy as np

from metaregret.tabular.bounds import Bracket, Status, relative_error
from metaregret.tabular.engine.compiled import compiled
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Objective", "PlanningSolution"]


class Objective(Enum):
    """What a policy is judged by. The value is the sentence shown to the user."""

    FINITE = "expected sum of rewards over a fixed number of steps, plus the terminal value"
    DISCOUNTED = "expected discounted sum of rewards"
    REACH = "probability of ever reaching a target"
    TOTAL = "expected undiscounted sum of rewards over an unlimited number of steps"


@dataclass(frozen=True, eq=False)
class PlanningSolution:
    """A certified solution of a planning problem.

    Attributes
    ----------
    process : ControlledMarkovProcess
        What was solved.
    objective : Objective
    lower, upper : ndarray of float64, shape (S,)
        Certified bounds on the optimal value of every state (with all steps to go, where the horizon is
        finite); widened outward by a rounding allowance. For an exact process they bracket the rational
        value; for a floating-point process, that of the stored numbers taken literally, but for what the
        graph decides, such as a probability of one. An undiscounted total may be infinite at a state that no
        start leads to, and where it is not defined there the bounds are minus and plus infinity.
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
        The optimal values as rational numbers, in exact mode; None where a total is infinite or not defined.
    detail : str
        How the bounds were certified, as a phrase.
    """

    process: ControlledMarkovProcess
    objective: Objective
    lower: np.ndarray
    upper: np.ndarray
    policy: np.ndarray | None
    method: str
    iterations: int
    status: Status
    exact: np.ndarray | None = None
    detail: str = ""

    @cached_property
    def value(self) -> Bracket:
        """Bounds on the optimal value from the initial distribution, rounded outward; exact in exact mode."""
        if self.exact is not None:
            assert self.process.exact_initial is not None
            pairs = zip(self.process.exact_initial, self.exact.tolist(), strict=True)
            return Bracket.of(sum((p * value for p, value in pairs if p), Fraction(0)), self.detail)
        support, weights = self.process.start
        if len(support) == 1 and weights[0] == 1.0:
            state = support.item(0)
            return Bracket(self.lower.item(state), self.upper.item(state), None, self.detail, self.detail)
        low, high = self.lower[support], self.upper[support]
        slack = relative_error(len(support) + 4)
        at_least = float(weights @ low) - slack * float(weights @ np.abs(low))
        at_most = float(weights @ high) + slack * float(weights @ np.abs(high))
        return Bracket(at_least, at_most, None, self.detail, self.detail)

    @cached_property
    def values(self) -> np.ndarray:
        """Midpoints of the bounds, shape (S,); infinite where both bounds are, NaN without a value."""
        middle: np.ndarray = compiled("kernels").midpoints(self.lower, self.upper)
        return middle

    @property
    def gap(self) -> float:
        """Largest ``upper - lower`` over the states with finite values."""
        finite = np.isfinite(self.lower) & np.isfinite(self.upper)
        return float(np.max(self.upper[finite] - self.lower[finite], initial=0.0))
