"""Compiled MacQueen bounds: from values and their Bellman residual to certified bounds (see
`metaregret.tabular.engine.certificate` for the proof)."""

from __future__ import annotations

import math

import numpy as np

from metaregret.tabular.bounds import UNIT_ROUNDOFF
from metaregret.tabular.engine.kernels import gap_and_scale
from metaregret.tabular.jit import njit

__all__ = ["macqueen"]


@njit(cache=True, nogil=True)
def _shift(excess: float, low: float, high: float) -> float:
    """Return ``k c`` with ``c = excess / (1 - k)``, three roundings off, for that ``k`` in ``[low, high]``
    where it is largest."""
    factor = high if excess >= 0 else low
    return np.inf if factor >= 1.0 else factor * excess / (1.0 - factor)


@njit(cache=True, nogil=True)
def macqueen(
    lower: np.ndarray,
    upper: np.ndarray,
    least: float,
    greatest: float,
    low: float,
    high: float,
    roundoff: float,
    reward_scale: float,
) -> tuple[float, float]:
    """Turn values and residual into certified bounds, in place.

    Parameters
    ----------
    lower, upper : ndarray of float64, shape (S,)
        Values and ``T values - values`` on entry, the bounds on return.
    least, greatest : float
        Extremes of the residual.
    low, high : float
        Bounds on the contraction: the discount factor times the least and the greatest row sum.
    roundoff : float
        Rounding error of a backup, relative to the largest reward and value.
    reward_scale : float
        The largest absolute reward.

    Returns
    -------
    tuple of float
        The largest gap and the scale of the tolerance, see `metaregret.tabular.engine.kernels.gap_and_scale`.
    """
    largest = 0.0
    for state in range(len(lower)):
        backed = lower[state] + upper[state]
        lower[state] = backed
        if abs(backed) > largest or math.isnan(backed):
            largest = abs(backed)
    magnitude = largest + max(abs(least), abs(greatest))
    slack = roundoff * (reward_scale + magnitude)
    rise = _shift(greatest + slack, low, high)
    fall = -_shift(slack - least, low, high)
    # Of the shift: the sum in it, its three, and two additions; of a value: `backed`, and the last addition.
    # Those of `slack` itself are a part of what `backup_roundoff` has to spare, a millionth.
    slack += 8 * UNIT_ROUNDOFF * (magnitude + max(abs(rise), abs(fall)))
    rise, fall = rise + slack, fall - slack
    for state in range(len(lower)):
        upper[state] = lower[state] + rise
        lower[state] += fall
    return gap_and_scale(lower, upper)
