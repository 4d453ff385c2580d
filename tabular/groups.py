"""Rows that agree up to roundings."""

from __future__ import annotations

import numpy as np

__all__ = ["distinct", "groups"]


def distinct(rows: np.ndarray) -> np.ndarray:
    """Return the indices of the first of each group of rows that agree to 12 decimals."""
    return np.sort(groups(rows, 12)[0])


def groups(rows: np.ndarray, digits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first index of each group of rows that agree to `digits` decimals, and the group of each
    row."""
    rounded = np.ascontiguousarray(np.round(rows, digits) + 0.0)  # no negative zero: rows compare as bytes
    as_bytes = rounded.view(np.dtype((np.void, rounded.shape[1] * rounded.itemsize))).ravel()
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    return first, group.ravel()
