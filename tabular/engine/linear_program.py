"""The linear program of planning: the least vector that no choice improves on.

Discounted (d'Epenoux 1963): ``min sum V`` subject to ``V >= r_c + gamma P_c V`` for all choices.
Undiscounted: the same on the reduced problem, where the sink is worth 0. An independent cross-check: the
solver's answer is only a guess, and the caller recomputes the bounds from one Bellman backup.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.optimise import solve_to

__all__ = ["LARGEST_PROGRAM", "least_majorant"]

LARGEST_PROGRAM = 200_000
"""Largest number of transitions for which the program is posed."""


def least_majorant(owner: np.ndarray, rows: sp.csr_array, rewards: np.ndarray) -> np.ndarray:
    """Return the least ``V`` with ``V[owner] >= rewards + rows @ V``, as a solver finds it.

    Parameters
    ----------
    owner : ndarray of int, shape (C,)
        State of each choice.
    rows : sparse array, shape (C, S)
        Transition rows, the discount folded in.
    rewards : ndarray of float64, shape (C,)

    Raises
    ------
    InstanceTooLargeError
        If there are more than `LARGEST_PROGRAM` transitions.
    SolverError
        If no solver returns values that nearly satisfy the constraints.
    """
    if rows.nnz > LARGEST_PROGRAM:
        raise InstanceTooLargeError(
            f"Linear programming is a cross-check for up to {LARGEST_PROGRAM} transitions, but there are "
            f"{rows.nnz}; use method='auto'."
        )
    from metaregret.tabular.modelling import cvxpy as cp

    n_choices, n_states = rows.shape
    own = sp.csr_array((np.ones(n_choices), (np.arange(n_choices), owner)), shape=(n_choices, n_states))
    # In units of the largest reward: solvers fail on large numbers, and one of them takes the process along.
    unit = float(np.abs(rewards).max(initial=0.0)) or 1.0
    values = cp.Variable(n_states)
    program = cp.Problem(cp.Minimize(cp.sum(values)), [sp.csr_array(own - rows) @ values >= rewards / unit])
    solve_to(program, residual=1e-6)
    return unit * np.asarray(values.value, dtype=float)
