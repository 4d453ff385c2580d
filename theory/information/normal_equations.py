"""The linear systems of the interior-point method, in the form that is cheapest for the channel at hand.

Every Newton step solves ``(B B' + diag(s)) u = r`` with ``B = diag(p)^(1/2) W diag(q)^(-1/2)``, shape
``(X, Y)``. The largest singular value of ``B`` is one (at the vector ``sqrt(p)``), so the system is well
scaled.

========================= ============================================ ==============================
form                      system                                       cost of one factorisation
========================= ============================================ ==============================
inputs, ``X <= Y``        ``B B' + diag(s)``, Cholesky                 ``X^2 Y + X^3 / 3``
outputs, ``X > Y``        ``I + B' diag(1/s) B``, Cholesky (Woodbury)  ``X Y^2 + Y^3 / 3``
products (sparse, large)  conjugate gradients, diagonal scaling        none; ``2 nnz`` per iteration
========================= ============================================ ==============================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
from scipy.sparse.linalg import LinearOperator, cg

from metaregret.tabular.errors import SolverError
from metaregret.theory.information.channel import Channel, Vector

__all__ = ["Solve", "factorise"]

Solve = Callable[[Vector], Vector]

LARGEST_FACTORED_SPARSE = 1000
"""Sparse channels with more inputs *and* outputs use conjugate gradients: their factors would fill."""

_CG_TOLERANCE = 1e-4
_CG_ITERATIONS = 3000
_SHIFTS = (1e-15, 1e-12, 1e-9)


def factorise(channel: Channel, p: Vector, q: Vector, slack: Vector) -> Solve:
    """Return a function that solves ``(B B' + diag(slack)) u = r``.

    Parameters
    ----------
    channel : Channel
        ``W``, shape ``(X, Y)``.
    p, slack : ndarray, shape (X,)
        Positive input probabilities and dual slacks.
    q : ndarray, shape (Y,)
        Positive output probabilities.

    Raises
    ------
    SolverError
        If the matrix is not numerically positive definite even after a small shift.
    """
    scaled = _scaled(channel, p, q)
    smaller = min(channel.inputs, channel.outputs)
    if channel.is_sparse and smaller > LARGEST_FACTORED_SPARSE:
        return _by_conjugate_gradients(scaled, slack)
    if channel.inputs <= channel.outputs:
        return _cholesky(_dense(scaled @ scaled.T), slack)
    return _by_outputs(scaled, slack)


def _scaled(channel: Channel, p: Vector, q: Vector) -> Any:
    """Return ``B``, an ndarray or a csr_array as the channel is."""
    left, right = np.sqrt(p) * channel.inverse_sums, 1.0 / np.sqrt(q)
    if isinstance(channel.matrix, np.ndarray):
        dense: Vector = channel.matrix * left[:, np.newaxis]
        dense *= right
        return dense
    sparse = channel.matrix.copy()
    sparse.data = sparse.data * np.repeat(left, np.diff(sparse.indptr)) * right[sparse.indices]
    return sparse


def _by_outputs(scaled: Any, slack: Vector) -> Solve:
    """Woodbury: ``(S + B B')^-1 = S^-1/2 (I - A (I + A' A)^-1 A') S^-1/2`` with ``A = S^-1/2 B``.

    The difference cancels where a slack is tiny, so every solution is refined once; without that the last
    digits of the gap are lost on channels with about as many active inputs as outputs.
    """
    root = 1.0 / np.sqrt(slack)
    rows = (
        scaled * root[:, None] if isinstance(scaled, np.ndarray) else scipy.sparse.diags_array(root) @ scaled
    )
    inner = _cholesky(_dense(rows.T @ rows), np.ones(scaled.shape[1]))

    def once(right: Vector) -> Vector:
        weighted = root * right
        result: Vector = root * (weighted - rows @ inner(rows.T @ weighted))
        return result

    def solve(right: Vector) -> Vector:
        first = once(right)
        return first + once(right - scaled @ (scaled.T @ first) - slack * first)

    return solve


def _by_conjugate_gradients(scaled: Any, slack: Vector) -> Solve:
    """Solve by products only. An inexact direction is safe: the residuals are recomputed at every step."""
    squares = scaled.copy()
    squares.data = squares.data**2
    scaling = 1.0 / np.sqrt(np.asarray(squares.sum(axis=1)).ravel() + slack)
    transposed = scaled.T.tocsr()

    def product(vector: Vector) -> Vector:
        inner = scaling * vector
        result: Vector = scaling * (scaled @ (transposed @ inner) + slack * inner)
        return result

    operator = LinearOperator((slack.size, slack.size), matvec=product, dtype=np.float64)

    def solve(right: Vector) -> Vector:
        solution, _ = cg(operator, scaling * right, rtol=_CG_TOLERANCE, maxiter=_CG_ITERATIONS)
        result: Vector = scaling * solution
        return result

    return solve


def _cholesky(matrix: Vector, diagonal: Vector) -> Solve:
    """Factor ``matrix + diag(diagonal)``, shifted a little where repeated rows make it singular."""
    index = np.diag_indices_from(matrix)
    original = matrix[index] + diagonal
    for shift in _SHIFTS:
        matrix[index] = original + shift
        try:
            factor = scipy.linalg.cho_factor(matrix, lower=True, check_finite=False)
        except scipy.linalg.LinAlgError:
            continue
        return lambda right: np.asarray(scipy.linalg.cho_solve(factor, right, check_finite=False))
    raise SolverError(
        "The normal equations of the capacity problem are not positive definite in floating point."
    )


def _dense(matrix: Any) -> Vector:
    return matrix if isinstance(matrix, np.ndarray) else np.asarray(matrix.toarray())
