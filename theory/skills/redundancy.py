"""The dual of the capacity: the reference ``q`` that is nowhere far from what policies can do (T7).

    R = min_q max_{rho in M} KL(rho || q)                                        in nats

the least redundancy of universal coding, a convex program in ``q`` once the vertices ``rho_i`` of ``M`` are
known (the maximum of a convex function is at a vertex):

    minimise t   subject to   -sum_s rho_i(s) log q(s) - H(rho_i) <= t  for all i,   sum_s q(s) = 1.

It is solved on its own, in cvxpy, and its bracket is recomputed from what comes back: ``q`` proves the
upper bound ``max_i KL(rho_i || q)``, and the constraints' multipliers, a distribution on the vertices, the
lower bound ``I``. ``R = C``: the same number as `metaregret.theory.skills.process_capacity` from the other
side.

Source: R. G. Gallager (1979); B. Ya. Ryabko (1979); T. M. Cover and J. A. Thomas, *Elements of Information
Theory*, 2nd ed., 2006, thm 13.1.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import capacity_bracket, row_entropies
from metaregret.theory.optimise import CONVEX_SOLVERS, solve_certified
from metaregret.theory.skills.dual_bound import TerminalPolytope, known_polytope
from metaregret.theory.skills.skill import entropy_modulus
from metaregret.theory.skills.vertices import MAX_POINTS

__all__ = ["Redundancy", "process_redundancy"]


@dataclass(frozen=True, eq=False)
class Redundancy:
    """The least redundancy of a process.

    Attributes
    ----------
    value : Bracket
        In nats.
    reference : ndarray, shape (S,)
        ``q``; it proves ``value.upper``.
    rows : ndarray, shape (n, S)
        The points whose hull is ``M``.
    weights : ndarray, shape (n,)
        Multipliers, a distribution on `rows`; they prove ``value.lower``.
    """

    value: Bracket
    reference: np.ndarray
    rows: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class _Candidate:
    lower: float
    upper: float
    reference: np.ndarray
    weights: np.ndarray


def process_redundancy(
    process: ControlledMarkovProcess, *, tolerance: float = 1e-6, max_points: int = MAX_POINTS
) -> Redundancy:
    """Return ``min_q max_{rho in M} KL(rho || q)`` with a certified bracket.

    Parameters
    ----------
    process : ControlledMarkovProcess
    tolerance : float
        Wanted relative gap; solvers that fall short of it are followed by others. Read ``value.gap``.
    max_points : int
        Limit on the enumeration of vertices.

    Raises
    ------
    InstanceTooLargeError
        If the vertices of ``M`` are not known and too many to enumerate.
    SolverError
        If no solver returned anything that could be certified.
    """
    polytope = known_polytope(process, max_points=max_points)
    if polytope is None:
        raise InstanceTooLargeError(
            f"The vertices of the terminal polytope of {process.name!r} are more than {max_points}; reduce "
            "the horizon or the number of states, raise max_points, or use process_capacity."
        )
    best = _solve(polytope, tolerance)
    value = Bracket(
        best[0].lower,
        best[1].upper,
        lower_from="mutual information of the multipliers on the vertices",
        upper_from="largest divergence of a vertex from the returned reference",
    )
    return Redundancy(value, best[1].reference, polytope.rows, best[0].weights)


def _solve(polytope: TerminalPolytope, tolerance: float) -> tuple[_Candidate, _Candidate]:
    import cvxpy as cp
    from cvxpy.atoms.elementwise.log import log

    used = np.flatnonzero(polytope.rows.max(axis=0) > 0)
    rows = polytope.rows[:, used] / polytope.rows[:, used].sum(axis=1, keepdims=True)
    q, level = cp.Variable(len(used)), cp.Variable()
    far = rows @ log(q) + row_entropies(rows) + level >= 0
    problem = cp.Problem(cp.Minimize(level), [far, np.ones(len(used)) @ q == 1])

    def certify() -> _Candidate | None:
        if q.value is None or far.dual_value is None or not np.all(np.isfinite(q.value)):
            return None
        reference = np.zeros(polytope.rows.shape[1])
        reference[used] = np.maximum(q.value, 1e-12)
        reference /= reference.sum()
        weights = np.maximum(np.nan_to_num(far.dual_value), 0.0)
        weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(rows), 1.0 / len(rows))
        error = np.full(rows.shape, 2 * polytope.error)
        allowance = 2 * float(entropy_modulus(error).sum(axis=1).max())
        lower = max(0.0, capacity_bracket(rows, weights).lower - allowance)
        upper = float(polytope.divergences(reference).max())
        return _Candidate(min(lower, upper), upper, reference, weights)

    best = solve_certified(problem, certify, tolerance=tolerance, attempts=CONVEX_SOLVERS)
    return best.highest, best.lowest
