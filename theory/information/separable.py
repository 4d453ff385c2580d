"""Minima of separable convex functions over the convex hull of given points.

    min over weights w of sum_s phi_s((w rows)_s)

Source: S. J. Wright, *Primal-Dual Interior-Point Methods*, 1997.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Separable", "minimise_over_hull"]

MAX_STEPS = 200


@dataclass(frozen=True)
class Separable:
    """``F(rho) = sum_s phi_s(rho_s)``; the three functions map shape (S,) to (S,), elementwise."""

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    curvature: Callable[[np.ndarray], np.ndarray]


def minimise_over_hull(rows: np.ndarray, objective: Separable, weights: np.ndarray) -> np.ndarray:
    """Return the weights, shape (n,), of the least value on the convex hull of `rows`, shape (n, S).

    A primal-dual interior-point method, from near these weights, which need not sum to one. No certificate:
    callers evaluate what comes back.
    """
    count = len(rows)
    w = 0.9 * weights + 0.1 / count
    w /= w.sum()
    gradient = rows @ objective.slope(w @ rows)
    multiplier = float(gradient.min()) - 1e-3 * (1.0 + float(np.abs(gradient).max()))
    z = gradient - multiplier
    for _ in range(MAX_STEPS):
        rho = w @ rows
        gradient = rows @ objective.slope(rho)
        gap = float(w @ z)
        residual = gradient - multiplier - z
        scale = 1.0 + abs(float(objective.value(rho).sum()))
        if gap <= 1e-13 * scale and np.abs(residual).max() <= 1e-10 * (1 + np.abs(gradient).max()):
            break
        centre = 0.1 * gap / count
        hessian = (rows * objective.curvature(rho)) @ rows.T + np.diag(z / w)
        right = np.column_stack([-(gradient - multiplier) + centre / w, np.ones(count)])
        try:
            solved = np.linalg.solve(hessian, right)
        except np.linalg.LinAlgError:
            break
        change = -solved[:, 0].sum() / solved[:, 1].sum()
        dw = solved[:, 0] + change * solved[:, 1]
        dz = centre / w - z - z / w * dw
        step = min(1.0, 0.99 / max(1e-300, float((-dw / w).max()), float((-dz / z).max())))
        w, z, multiplier = w + step * dw, z + step * dz, multiplier + step * change
        w = np.maximum(w, 1e-300)
        w /= w.sum()
    return np.asarray(w)
