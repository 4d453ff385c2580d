"""Solves of ``(I - gamma P_policy) x = b`` for the Markov chain of a policy, direct or by sweeps."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.engine.layout import Rows

__all__ = ["DENSE_SOLVE_STATES", "ChainSolver", "DirectSolver", "SweepSolver"]

DENSE_SOLVE_STATES = 300
"""Up to this many states a dense factorisation beats the overhead of a sparse one."""


class ChainSolver(Protocol):
    """What policy iteration needs of a linear solver."""

    def solve(self, policy: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return an approximation of ``(I - gamma P_policy)^-1 right``, shape (S,)."""
        ...


class DirectSolver:
    """LU factorisation, dense or sparse by size; the factors of the last policy are kept.

    Parameters
    ----------
    rows : sparse array, shape (C, S), or ndarray of float64, shape (C, S)
        Transition rows of all choices.
    gamma : float
    """

    def __init__(self, rows: sp.csr_array | np.ndarray, gamma: float) -> None:
        self._rows = rows
        self._gamma = gamma
        self._policy: np.ndarray | None = None

    def solve(self, policy: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the solution, accurate up to rounding of the factorisation."""
        if self._policy is None or not np.array_equal(policy, self._policy):
            self._policy = policy.copy()
            self._factorise(self._rows[policy])
        if self._sparse is not None:
            return np.asarray(self._sparse.solve(right))
        import scipy.linalg

        return np.asarray(scipy.linalg.lu_solve(self._dense, right, check_finite=False))

    def _factorise(self, chain: sp.csr_array | np.ndarray) -> None:
        n_states = chain.shape[1]
        self._sparse = None
        if isinstance(chain, np.ndarray) or n_states <= DENSE_SOLVE_STATES:
            import scipy.linalg

            full = chain if isinstance(chain, np.ndarray) else chain.toarray()
            system = np.eye(n_states) - self._gamma * full
            self._dense = scipy.linalg.lu_factor(system, overwrite_a=True, check_finite=False)
            return
        import scipy.sparse.linalg

        sparse = sp.csc_array(sp.eye_array(n_states, format="csc") - self._gamma * sp.csc_array(chain))
        self._sparse = scipy.sparse.linalg.splu(sparse)


class SweepSolver:
    """Gauss-Seidel sweeps in a given order, forth and back (for models too large to factorise).

    Parameters
    ----------
    rows : Rows
    gamma : float
    order : ndarray of int64, shape (S,)
        States in the order of the first sweep.
    relative : float
        Sweeps stop when the change falls below this share of the largest value.
    max_sweeps : int
    """

    def __init__(self, rows: Rows, gamma: float, order: np.ndarray, relative: float, max_sweeps: int) -> None:
        self._rows, self._gamma, self._order = rows, gamma, order
        self._relative, self._max_sweeps = relative, max_sweeps

    def solve(self, policy: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the solution up to the relative change asked for."""
        from metaregret.tabular.engine.sweep_kernels import evaluate_in_order

        rows = self._rows
        values = np.zeros(rows.n_states)
        evaluate_in_order(
            self._order, *rows.arrays, right, self._gamma, policy, values, self._relative, self._max_sweeps
        )
        return values
