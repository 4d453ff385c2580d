"""Intervals and comparisons for results over tasks and seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["holm", "interval", "paired_p_value"]

RESAMPLES = 2000


def interval(values: np.ndarray, *, level: float = 0.95, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper ends of an interval for the mean over the first two axes.

    Seeds and tasks are resampled independently (the pigeonhole bootstrap: Owen, "The pigeonhole bootstrap",
    Ann. Appl. Stat. 1, 2007), since results that share a seed or a task are not independent.

    Parameters
    ----------
    values : ndarray, shape (seeds, tasks, ...)
    level : float
    seed : int
        Of the resampling; the same values always give the same interval.
    """
    rng = np.random.default_rng(seed)
    seeds, tasks = values.shape[:2]
    first = rng.multinomial(seeds, np.full(seeds, 1.0 / seeds), size=RESAMPLES) / seeds
    second = rng.multinomial(tasks, np.full(tasks, 1.0 / tasks), size=RESAMPLES) / tasks
    flat = values.reshape(seeds, tasks, -1)
    means = np.einsum("bs,bt,stx->bx", first, second, flat, optimize=True)
    ends = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    shape = values.shape[2:]
    return np.asarray(ends[0].reshape(shape)), np.asarray(ends[1].reshape(shape))


def paired_p_value(first: np.ndarray, second: np.ndarray) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test on pairs, shape (n,); 1 without
    differences.

    Differences below 1e-9 count as none, so that rounding is no evidence.
    """
    from scipy.stats import wilcoxon

    difference = np.asarray(first - second)
    difference = difference[np.abs(difference) > 1e-9]
    if not len(difference):
        return 1.0
    # Rounded, so that equal differences are ties whatever their last bits.
    return float(wilcoxon(np.round(difference, 9)).pvalue)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values corrected for multiple testing (Holm, "A simple sequentially rejective multiple test
    procedure", Scand. J. Stat. 6, 1979), in the same order."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
