"""An upper bound on the capacity from the vertices of the last steps alone.

With ``k`` steps left everything is known: the vertices of what can be achieved from each state
(`metaregret.theory.skills.vertices`). A policy is a distribution over the states it is in by then, and what
it achieves the average; the divergence is convex, so

    max over policies of KL(rho || q) <= max over policies of the first T - k steps of E[max_v KL(v || q)],

a terminal reward for value iteration: nothing is lost but what the state ``k`` steps before the end tells.
Of a long horizon only the last of these steps are planned for, from the best state that can be reached: what
came before is no better than that.
The best ``q`` for this bound is found by conditional gradients on its dual, ``max H(rho) - E H(v)``; the
bound holds at whatever ``q`` they stop.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import optimal_terminal_values
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import best_responses
from metaregret.theory.skills.dual_bound import TerminalPolytope
from metaregret.theory.skills.vertices import MAX_POINTS, Merging

__all__ = ["LastSteps"]

ROUNDS = 100
HALVINGS = 30

PLANNED = 200
"""Steps that are planned for before those whose vertices are listed."""


class LastSteps:
    """The vertices of as many last steps as are few enough, at a finite horizon.

    Attributes
    ----------
    steps : int
        ``k``.
    how : str
        Where a bound comes from, as a phrase.
    """

    def __init__(self, process: ControlledMarkovProcess, *, max_points: int = MAX_POINTS) -> None:
        assert isinstance(process.horizon, FiniteHorizon)
        total, self.steps, self._sets = process.horizon.steps, 0, dict[int, TerminalPolytope]()
        merging = Merging(process, max_points)
        rounding = relative_error((total + 1) * (int(np.diff(process.offsets).max()) + 3))
        found: dict[int, np.ndarray] = {}
        try:
            for sets in merging.backwards(total):
                found, self.steps = sets, self.steps + bool(found)
        except InstanceTooLargeError:
            pass
        for state, rows in found.items():
            error = rows * rounding + merging.distance * (1 + rounding)
            self._sets[state] = TerminalPolytope(rows, error)
        self.how = f"vertices of the last {self.steps} steps, Jensen's inequality before"
        self._initial = process.initial
        self._before: ControlledMarkovProcess | None = None
        self._anywhere: np.ndarray | None = None  # where the planned steps may begin, if not at the start
        if total > self.steps:
            self._before = process.replaced(horizon=min(total - self.steps, PLANNED))
        if total - self.steps > PLANNED:
            self._anywhere = np.flatnonzero(process.reachable)

    def bound(self, q: np.ndarray, below: float) -> float:
        """Return a certified upper bound on the capacity of the process, in nats; infinite where not even the
        ends of the last step are few enough.

        Parameters
        ----------
        q : ndarray, shape (S,)
            Where to begin; positive where an episode can end.
        below : float
            What is known already: if `q` does not improve on it no other is looked for.
        """
        if not self._sets:
            return np.inf
        best, row, cost = self._respond(q)
        if best >= below:
            return best
        point, paid = q, _negative_entropy(q)
        for _ in range(ROUNDS):
            step = _line_search(point, row, cost - paid)
            point, paid = (1 - step) * point + step * row, (1 - step) * paid + step * cost
            upper, row, cost = self._respond(point)
            best = min(best, upper)
        return best

    def _respond(self, q: np.ndarray) -> tuple[float, np.ndarray, float]:
        """The bound, the end of the policy that attains it, and ``-E H(v)`` of its vertices."""
        size = len(self._initial)
        values, ends, costs = np.zeros(size), np.zeros((size, size)), np.zeros(size)
        for state, polytope in self._sets.items():
            far = polytope.divergences(q)
            best = int(far.argmax())
            values[state] = max(0.0, float(far[best]))
            row = polytope.rows[best]
            ends[state], costs[state] = row, _negative_entropy(row)
        if self._before is None:
            total, met = float(self._initial @ values), self._initial
        else:
            before = self._before
            if self._anywhere is not None:
                worth = optimal_terminal_values(before, values[:, None], everywhere=True).everywhere
                assert worth is not None
                before = before.replaced(initial=int(self._anywhere[worth[1, self._anywhere, 0].argmax()]))
            found = best_responses(before, values[:, None])
            total, met = float(found.optimum.upper[0]), found.terminal[0]
        return total * (1 + relative_error(size + 8)), met @ ends, float(met @ costs)


def _negative_entropy(row: np.ndarray) -> float:
    return -float(entr(row).sum())


def _line_search(point: np.ndarray, row: np.ndarray, gain: float) -> float:
    """Return the step towards `row` of the largest ``H + step gain``, by bisection of the slope."""
    low, high = 0.0, 1.0
    used = point > 0  # wherever `row` is: see `LastSteps.bound`
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        mixed = (1 - middle) * point[used] + middle * row[used]
        slope = gain - float((row[used] - point[used]) @ np.log(mixed))
        low, high = (middle, high) if slope > 0 else (low, middle)
    return low
