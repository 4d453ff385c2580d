"""From values and their Bellman residual to certified bounds.

*Discounted* (MacQueen 1966; Puterman 1994, sec. 6.6): with row sums in ``[m, M]``, ``gamma M < 1`` and
``d = T V - V`` in ``[a, b]``, the vector ``V + c`` satisfies ``T(V + c) <= V + c`` for ``c = b / (1 - gamma
k)`` with ``k = M`` where ``b >= 0`` and ``k = m`` otherwise; hence ``V* <= T(V + c) <= T V + gamma k c``, and
the same from below. `V` may come from anywhere: nothing about its computation is trusted. The residual
carries the rounding allowance of one backup.

*Finite*: rounding errors add up, ``e_{t+1} <= M e_t + allowance_t``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaregret.tabular.bounds import Status
from metaregret.tabular.engine.compiled import compiled
from metaregret.tabular.engine.layout import frozen
from metaregret.tabular.engine.problem import Problem, backup_roundoff, row_mass
from metaregret.tabular.engine.solution import PlanningSolution
from metaregret.tabular.errors import ConvergenceError

__all__ = ["ITERATIONS", "ROUNDING", "Certified", "contraction", "discounted_bounds", "finish"]

ITERATIONS = "max_iterations"
"""`Certified.limited_by` where more iterations would help."""

ROUNDING = "rounding"
"""`Certified.limited_by` where more iterations would not help."""


class Certified(NamedTuple):
    """Bounds of the maximisation problem before signs are restored: arrays of shape (S,).

    `gap` is the largest of any state, `scale` what the tolerance is relative to.
    """

    lower: np.ndarray
    upper: np.ndarray
    policy: np.ndarray | None
    method: str
    iterations: int
    detail: str
    gap: float
    scale: float
    limited_by: str = ITERATIONS

    @classmethod
    def of(
        cls,
        lower: np.ndarray,
        upper: np.ndarray,
        policy: np.ndarray | None,
        method: str,
        iterations: int,
        detail: str,
        limited_by: str = ITERATIONS,
        without: np.ndarray | None = None,
    ) -> Certified:
        """Measure the gap of `lower` and `upper`, but for the states of the mask `without`, which have no
        value."""
        measured = (lower, upper) if without is None else (lower[~without], upper[~without])
        gap, scale = compiled("kernels").gap_and_scale(frozen(measured[0]), frozen(measured[1]))
        return cls(lower, upper, policy, method, iterations, detail, gap, scale, limited_by)

    def is_narrow(self, problem: Problem) -> bool:
        """Whether the bounds meet the tolerance."""
        return self.gap <= problem.tolerance * self.scale


def contraction(problem: Problem) -> tuple[float, float]:
    """Bounds on the discount factor times the row sums."""
    assert problem.discount is not None
    low, high = row_mass(problem.process)
    return problem.discount.below * low, problem.discount.above * high


def discounted_bounds(
    problem: Problem, values: np.ndarray, residual: np.ndarray, least: float, greatest: float, length: int
) -> tuple[float, float]:
    """Turn values and their Bellman residual into MacQueen bounds, rounded outward.

    Parameters
    ----------
    values, residual : ndarray of float64, shape (S,)
        ``residual = T values - values`` in ``[least, greatest]``; overwritten with the lower and the upper
        bounds.
    length : int
        Terms in the longest sum of the backup.

    Returns
    -------
    tuple of float
        The largest gap, and the scale that the tolerance is relative to.
    """
    low, high = contraction(problem)
    gap, scale = compiled("bound_kernels").macqueen(
        values, residual, least, greatest, low, high, backup_roundoff(length), problem.reward_scale
    )
    return gap, scale


def finish(problem: Problem, found: Certified) -> PlanningSolution:
    """Restore the sign and check the gap against the tolerance.

    Raises
    ------
    ConvergenceError
        If the bounds are wider than the tolerance; it carries them.
    """
    lower, upper = found.lower, found.upper
    if problem.sign < 0:
        lower, upper = 0.0 - upper, 0.0 - lower
    lower.setflags(write=False)
    upper.setflags(write=False)
    solution = PlanningSolution(
        problem.process,
        problem.objective,
        lower,
        upper,
        found.policy,
        found.method,
        found.iterations,
        Status.CERTIFIED,
        None,
        found.detail,
    )
    if not found.is_narrow(problem):
        value = solution.value
        raise ConvergenceError(
            f"{found.method} stopped by {found.limited_by} after {found.iterations} iterations with a gap "
            f"of {found.gap:.3g}, wider than tolerance={problem.tolerance:.3g} times the scale "
            f"{found.scale:.3g}; the value at the start lies in [{value.lower!r}, {value.upper!r}]. Raise "
            "max_iterations or tolerance, try another method, or use exact=True.",
            lower=value.lower,
            upper=value.upper,
        )
    return solution
