"""Certified upper bounds on ``max_{rho in M} KL(rho || q)``, and so on the capacity (T7), for any positive
``q``.

``KL(. || q)`` is convex: its maximum over ``M`` is at a vertex, and no local search proves that it found
the best one. It is known where the vertices are:

* *deterministic dynamics with one start*: ``M`` is the simplex on the states where an episode can end, its
  vertices are point masses, and the maximum is ``max_g -log q_g``;
* *small processes*: all vertices by enumeration (`metaregret.theory.skills.vertices`).

Otherwise only ``log |support|`` is certain, from ``q`` uniform on the states where an episode can end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import row_divergences
from metaregret.theory.skills.skill import entropy_modulus
from metaregret.theory.skills.vertices import MAX_POINTS, terminal_vertices

__all__ = ["TerminalPolytope", "known_polytope", "support_bound"]


@dataclass(frozen=True, eq=False)
class TerminalPolytope:
    """The terminal polytope as the convex hull of known points.

    Attributes
    ----------
    rows : ndarray, shape (n, S)
        Points that include every vertex.
    error : float
        Bound on the error of every entry of `rows`; 0 for point masses.
    how : str
        Where the points come from, as a phrase.
    """

    rows: np.ndarray
    error: float
    how: str

    def divergences(self, marginal: np.ndarray) -> np.ndarray:
        """Return upper bounds on ``KL(row || q)`` in nats, rounding and the rows' errors included, shape
        (n,).

        Parameters
        ----------
        marginal : ndarray, shape (S,)
            ``q``; infinite results where it is zero and a row is not.
        """
        rows = self.rows / self.rows.sum(axis=1, keepdims=True)
        bound = row_divergences(rows, marginal)
        used = (marginal > 0) & (self.rows.max(axis=0) > 0)
        logarithm = np.abs(np.log(marginal[used]))
        moved = 2 * self.error * (logarithm.sum() + used.sum())
        moved += float(entropy_modulus(np.full(int(used.sum()), 2 * self.error)).sum())
        rounding = relative_error(2 * rows.shape[1] + 32) * (float(logarithm.max(initial=0.0)) + bound + 1.0)
        return np.asarray(bound + moved + rounding)


MAX_ENUMERATED_STATES = 64
"""Larger processes exceed any limit on points after a few steps; the attempt alone would take minutes."""


def known_polytope(
    process: ControlledMarkovProcess, *, max_points: int = MAX_POINTS
) -> TerminalPolytope | None:
    """Return the terminal polytope where its vertices are known or can be enumerated, else None."""
    deterministic = isinstance(process.horizon, FiniteHorizon) and process.is_deterministic
    if deterministic and np.count_nonzero(process.initial) == 1:
        support = np.flatnonzero(goal_support(process))
        rows = np.eye(process.n_states)[support]
        return TerminalPolytope(rows, 0.0, "deterministic dynamics: the vertices are point masses")
    if process.n_states > MAX_ENUMERATED_STATES:
        return None
    try:
        rows, error = terminal_vertices(process, max_points=max_points)
    except InstanceTooLargeError:
        return None
    return TerminalPolytope(rows, error, f"all {len(rows)} candidate vertices enumerated")


def support_bound(process: ControlledMarkovProcess) -> float:
    """Return ``log |support|`` rounded up: no information about ``s_T`` exceeds it, in nats."""
    return math.log(int(np.count_nonzero(goal_support(process)))) * (1 + 4e-16)
