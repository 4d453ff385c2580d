"""Conjugate gradients for a Hessian that is known by its products only, in a subspace where one is given.

In a subspace steps stay where the preconditioner leads, and residuals count as they are projected (Gould,
Hribar & Nocedal, *On the solution of equality constrained quadratic programming problems arising in
optimization*, 2001): what is outside would only drown them in roundings.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["conjugate_gradients"]

Map = Callable[[np.ndarray], np.ndarray]


def conjugate_gradients(
    product: Map, right: np.ndarray, precondition: Map, project: Map, *, accuracy: float, rounds: int
) -> tuple[np.ndarray, bool]:
    """Return an approximate solution of ``A x = right``, and whether it is as accurate as asked.

    Parameters
    ----------
    product : callable
        ``A x``, symmetric and positive semidefinite.
    right : ndarray, shape (n,)
    precondition : callable
        What to step along for a residual, in the subspace.
    project : callable
        What of a residual counts.
    accuracy : float
        Relative size of the last residual, in the norm of the preconditioner.
    rounds : int
        Products, at most. Where curvature is lost to roundings it ends earlier.
    """
    residual = project(right)
    solution, ahead = np.zeros_like(residual), precondition(residual)
    size = float(residual @ ahead)
    enough = accuracy**2 * size
    for _ in range(rounds):
        if size <= enough:
            break
        curved = product(ahead)
        curvature = float(ahead @ curved)
        if not 0.0 < curvature < np.inf:
            break
        share = size / curvature
        solution += share * ahead
        residual = project(residual - share * curved)
        fresh = precondition(residual)
        before, size = size, float(residual @ fresh)
        ahead = fresh + size / before * ahead
    return solution, size <= enough
