"""Certified upper bounds on ``max_{rho in M} D_a(rho || q)``, and so on the redundancy of order a (T7, T20).

``D_a(. || q)`` is largest at a vertex of ``M``, and no local search proves that it found the best one. It is
known where the vertices are:

* *deterministic dynamics with one start*: ``M`` is the simplex on the states where an episode can end, its
  vertices are point masses, and the maximum is ``max_g -log q_g`` at every order;
* *few choices or steps*: all vertices by enumeration (`metaregret.theory.skills.vertices`); an episode of one
  step and one start has one vertex per choice.

At order infinity it is ``max_g v_g / q_g`` (T19), by one value iteration. Otherwise only ``log |support|`` is
certain without a search, from ``q`` uniform on the states where an episode can end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import Order, as_order, divergences, row_divergences
from metaregret.theory.skills.skill import entropy_change
from metaregret.theory.skills.vertices import MAX_ENTRIES, MAX_POINTS, terminal_vertices

__all__ = ["ONE", "TerminalPolytope", "known_polytope", "support_bound"]

ONE = as_order(1)


@dataclass(frozen=True, eq=False)
class TerminalPolytope:
    """The terminal polytope as the convex hull of known points.

    Attributes
    ----------
    rows : ndarray, shape (n, S)
        Points that include every vertex.
    error : ndarray, shape (n, S)
        Bound on the error of every entry of `rows`; 0 for point masses.
    how : str
        Where the points come from, as a phrase.
    """

    rows: np.ndarray
    error: np.ndarray
    how: str = ""

    def divergences(self, marginal: np.ndarray, order: Order = ONE) -> np.ndarray:
        """Return upper bounds on ``D_a(row || q)`` in nats, rounding and the rows' errors included, shape
        (n,).

        Parameters
        ----------
        marginal : ndarray, shape (S,)
            ``q``, at orders above 1 a lower bound on it; infinite results where it is zero and a row is not.
        order : Order
            Finite.
        """
        sums = self.rows.sum(axis=1, keepdims=True)
        rows = self.rows / sums
        # Normalising a row moves each entry by the error of the row's sum, relatively.
        error = self.error + (np.abs(sums - 1.0) + relative_error(rows.shape[1] + 4)) * self.rows
        if not order.is_one:
            return divergences(order, rows, marginal, error=error)
        bound = row_divergences(rows, marginal)
        used = (marginal > 0) & (self.rows.max(axis=0) > 0)
        logarithm = np.abs(np.log(marginal[used]))
        moved = error[:, used] @ logarithm + entropy_change(rows[:, used], error[:, used]).sum(axis=1)
        rounding = relative_error(2 * rows.shape[1] + 32) * (float(logarithm.max(initial=0.0)) + bound + 1.0)
        return np.asarray(bound + moved + rounding)


def known_polytope(
    process: ControlledMarkovProcess, *, max_points: int = MAX_POINTS
) -> TerminalPolytope | None:
    """Return the terminal polytope where its vertices are known or can be enumerated, else None."""
    deterministic = isinstance(process.horizon, FiniteHorizon) and process.is_deterministic
    if deterministic and np.count_nonzero(process.initial) == 1:
        support = np.flatnonzero(goal_support(process))
        rows = np.zeros((len(support), process.n_states))
        rows[np.arange(len(support)), support] = 1.0
        return TerminalPolytope(
            rows, np.zeros_like(rows), "deterministic dynamics: the vertices are point masses"
        )
    try:
        rows, error = terminal_vertices(process, max_points=min(max_points, MAX_ENTRIES // process.n_states))
    except InstanceTooLargeError:
        return None
    return TerminalPolytope(rows, error, f"all {len(rows)} candidate vertices enumerated")


def support_bound(process: ControlledMarkovProcess) -> float:
    """Return a bound on the information about ``s_T`` of any skills, in nats, that costs one value iteration.

    ``log sum_g v_g``, the maximal leakage of the channel from policies to goals, for no divergence of order a
    exceeds that of order infinity (T20); and never more than ``log |support|``.

    Source: I. Issa, A. B. Wagner, S. Kamath, "An operational approach to information leakage", *IEEE Trans.
    Inform. Theory* 66 (2020).
    """
    support = np.flatnonzero(goal_support(process))
    leakage = float(np.minimum(goal_values(process, support).upper, 1.0).sum())
    leaked = math.log(max(1.0, leakage)) * (1 + 4e-16) + relative_error(len(support) + 8)
    return min(leaked, math.log(len(support)) * (1 + 4e-16))
