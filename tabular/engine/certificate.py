"""From values and their Bellman residual to certified bounds.

*Discounted* (MacQueen 1966; Puterman 1994, sec. 6.6): with row sums in ``[m, M]``, ``gamma M < 1`` and
``d = T V - V`` in ``[a, b]``, the vector ``V + c`` satisfies ``T(V + c) <= V + c`` for ``c = b / (1 - gamma
k)`` with ``k = M`` where ``b >= 0`` and ``k = m`` otherwise; hence ``V* <= T(V + c) <= T V + gamma k c``, and
the same from below. `V` may come from anywhere: nothing about its computation is trusted. The residual
carries the rounding allowance of one backup.

*Finite*: rounding errors add up, ``e_{t+1} <= M e_t + allowance_t``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np

from tabular.bounds import UNIT_ROUNDOFF, Bracket, Status, relative_error
from tabular.engine.layout import frozen
from tabular.engine.problem import Problem, row_mass
from tabular.engine.solution import PlanningSolution
from tabular.errors import ConvergenceError

__all__ = ["ROUNDING", "Certified", "discounted_bounds", "finish"]


ROUNDING = "rounding"
"""`Certified.limited_by` where more iterations would not help."""


@dataclass(frozen=True)
class Certified:
    """Bounds of the maximisation problem before signs are restored: arrays of shape (S,)."""

    lower: np.ndarray
    upper: np.ndarray
    policy: np.ndarray | None
    method: str
    iterations: int
    detail: str
    limited_by: str = "max_iterations"

    @cached_property
    def gap_and_scale(self) -> tuple[float, float]:
        """The largest gap of any state, and what the tolerance is relative to."""
        from tabular.engine import kernels

        return kernels.gap_and_scale(frozen(self.lower), frozen(self.upper))


def discounted_bounds(
    problem: Problem,
    values: np.ndarray,
    residual: np.ndarray,
    least: float,
    greatest: float,
    length: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return MacQueen bounds from ``residual = T values - values`` in ``[least, greatest]``, rounded outward.

    Parameters
    ----------
    values, residual : ndarray of float64, shape (S,)
    length : int, optional
        Terms in the longest sum of the backup; the longest row by default.
    """
    from tabular.engine import kernels

    assert problem.gamma is not None
    low_gamma, high_gamma = _around(problem.gamma)
    low_mass, high_mass = row_mass(problem.process)
    backed = frozen(values + residual)
    bottom, top = kernels.extremes(backed)
    magnitude = max(abs(bottom), abs(top)) + max(abs(least), abs(greatest))
    slack = problem.allowance(magnitude, length)
    upper_shift = _shift(greatest + slack, low_gamma * low_mass, high_gamma * high_mass)
    lower_shift = -_shift(-(least - slack), low_gamma * low_mass, high_gamma * high_mass)
    slack += 8 * UNIT_ROUNDOFF * (magnitude + max(abs(upper_shift), abs(lower_shift)))
    return backed + (lower_shift - slack), backed + (upper_shift + slack)


@lru_cache(maxsize=64)
def _around(discount: Fraction) -> tuple[float, float]:
    """Floats below and above the discount factor."""
    gamma = float(discount)
    return max(0.0, math.nextafter(gamma, -1.0)), math.nextafter(gamma, 2.0)


def _shift(excess: float, low: float, high: float) -> float:
    """Return an upper bound on ``k c`` with ``c = excess / (1 - k)``; `low`, `high` bound the contraction
    ``k``."""
    factor = high if excess >= 0 else low
    if factor >= 1.0:
        return math.inf
    shift = factor * excess / (1.0 - factor)
    return shift + 8 * UNIT_ROUNDOFF * abs(shift) / (1.0 - factor)


def finish(problem: Problem, found: Certified) -> PlanningSolution:
    """Restore the sign, bracket the initial value and check the gap against the tolerance.

    Raises
    ------
    ConvergenceError
        If the bounds are wider than the tolerance; it carries them.
    """
    lower, upper = (found.lower, found.upper) if problem.sign > 0 else (0.0 - found.upper, 0.0 - found.lower)
    for array in (lower, upper):
        array.setflags(write=False)
    value = initial_bracket(problem, lower, upper, found)
    gap, scale = found.gap_and_scale
    if not gap <= problem.tolerance * scale:
        raise ConvergenceError(
            f"{found.method} stopped by {found.limited_by} after {found.iterations} iterations with a gap "
            f"of {gap:.3g}, wider than tolerance={problem.tolerance:.3g} times the scale {scale:.3g}; the "
            f"value at the start lies in [{value.lower!r}, {value.upper!r}]. Raise max_iterations or "
            "tolerance, try another method, or use exact=True.",
            lower=value.lower,
            upper=value.upper,
        )
    return PlanningSolution(
        objective=problem.objective,
        lower=lower,
        upper=upper,
        value=value,
        policy=found.policy,
        method=found.method,
        iterations=found.iterations,
        status=Status.CERTIFIED,
        detail=found.detail,
    )


def initial_bracket(problem: Problem, lower: np.ndarray, upper: np.ndarray, found: Certified) -> Bracket:
    """Average the bounds over the initial distribution, rounded outward."""
    support, weights = problem.process.start
    if len(support) == 1 and weights[0] == 1.0:
        return Bracket(float(lower[support[0]]), float(upper[support[0]]), None, found.detail, found.detail)
    low, high = lower[support], upper[support]
    slack = relative_error(len(support) + 4)
    at_least = float(weights @ low) - slack * float(weights @ np.abs(low))
    at_most = float(weights @ high) + slack * float(weights @ np.abs(high))
    return Bracket(at_least, at_most, None, found.detail, found.detail)
