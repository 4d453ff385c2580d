"""Planning by linear programming: an independent cross-check, certified like every other method.

Discounted (d'Epenoux 1963): ``min sum V`` subject to ``V >= r_c + gamma P_c V`` for all choices.
Undiscounted: the same on the reduced problem, where the sink is worth 0. The solver's answer is only a guess:
the bounds are recomputed from one Bellman backup.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from tabular.engine.certificate import Certified
from tabular.engine.discounted import certified, new_operator
from tabular.engine.problem import Problem
from tabular.engine.solution import Objective
from tabular.errors import InstanceTooLargeError
from tabular.optimise import solve_to

__all__ = ["LARGEST_PROGRAM", "solve_by_linear_program"]

LARGEST_PROGRAM = 200_000
"""Largest number of transitions for which the program is posed."""

METHOD = "linear-programming"


def solve_by_linear_program(problem: Problem) -> Certified:
    """Pose and solve the program with cvxpy and certify the result.

    Raises
    ------
    InstanceTooLargeError
        If the model has more than `LARGEST_PROGRAM` transitions.
    SolverError
        If no solver returns usable values.
    """
    if problem.process.n_transitions > LARGEST_PROGRAM:
        raise InstanceTooLargeError(
            f"Linear programming is a cross-check for up to {LARGEST_PROGRAM} transitions, but the process "
            f"has {problem.process.n_transitions}; use method='auto'."
        )
    if problem.objective is not Objective.DISCOUNTED:
        from tabular.engine.undiscounted import solve_undiscounted

        return solve_undiscounted(problem, METHOD)
    process = problem.process
    operator = new_operator(problem)
    choices = sp.csr_array(
        (np.ones(process.n_choices), (np.arange(process.n_choices), process.choice_state)),
        shape=(process.n_choices, process.n_states),
    )
    values = least_majorant(choices - operator.gamma * process.matrix, problem.rewards)
    least, greatest, _ = operator.backup(values)
    return certified(problem, operator, values, least, greatest, METHOD, 1)


def least_majorant(constraints: sp.csr_array, right: np.ndarray) -> np.ndarray:
    """Return the least ``V`` with ``constraints @ V >= right``, as a solver finds it.

    Raises
    ------
    SolverError
        If no solver returns values that nearly satisfy the constraints.
    """
    import cvxpy as cp

    values = cp.Variable(constraints.shape[1])
    program = cp.Problem(cp.Minimize(cp.sum(values)), [constraints @ values >= right])
    solve_to(program, residual=1e-6 * max(1.0, float(np.abs(right).max(initial=0.0))))
    return np.asarray(values.value, dtype=float)
