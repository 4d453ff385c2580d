"""Intervals for results over seeds."""

from __future__ import annotations

import numpy as np

__all__ = ["interval"]

RESAMPLES = 4000


def interval(values: np.ndarray, *, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Return lower and upper ends of a bootstrap interval for the mean over seeds (Efron 1979).

    The seed is the unit: whatever was averaged within one (tasks, runs) is one number.

    Parameters
    ----------
    values : ndarray, shape (seeds,)
    level : float
    seed : int
        Of the resampling; the same values always give the same interval.
    """
    drawn = np.random.default_rng(seed).integers(0, len(values), size=(RESAMPLES, len(values)))
    lower, upper = np.quantile(np.asarray(values)[drawn].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)
