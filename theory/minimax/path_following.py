"""The linear program of T4 along its central path in policies, for finite horizons.

    maximise s   subject to   rho_g >= base_g + s * direction_g  for all g,   rho in M.

Its dual asks for weights ``y >= 0`` on the tasks, with ``direction . y`` fixed, under which the best policy
earns least. Here the planner's maximum is replaced by its soft one around the tasks' own policies, mixed
(`SoftPlanner`), and ``y >= 0`` by a logarithmic barrier:

    minimise   mu0 . V_0(y) - base . y - sum_g log y_g   subject to   direction . y = 1 / sigma,

whose solutions approach those of the program as ``sigma`` falls: there ``y_g (rho_g - base_g - lambda
direction_g) = 1`` for a number ``lambda``, so that the soft policy has the value ``lambda``, and the weights
prove a bound that exceeds it by a multiple of ``sigma``. A decomposition builds the optimum from vertices of
``M``, of which there are more than can be told apart where goals are in each other's way; this does not look
for them.

Newton's method follows the path: a step along its tangent, as long as the policy can be trusted to change as
predicted, then steps back to it. The tangent itself, as weights, is worth more than the point: it points to
where the path ends, and is exact up to the square of ``sigma``. In units of ``y`` the Hessian is the identity
from the barrier plus what the planner adds; conjugate gradients in the plane of the constraint (Gould, Hribar
& Nocedal, *On the solution of equality constrained quadratic programming problems arising in optimization*,
2001) take a factor of it that was computed some steps before, column by column, and a new one only where that
is worn out.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

from metaregret.tabular.conjugate_gradients import conjugate_gradients
from metaregret.tabular.policy import uniform_policy
from metaregret.tabular.response import evenly_mixed
from metaregret.tabular.soft_planning import SoftPlanner
from metaregret.theory.success import SuccessTasks

__all__ = ["central_path", "level_unit"]

MAX_STEPS = 1000
PATIENCE = 100
"""Steps in which the gap must halve."""
START = 0.1
"""Share of choices that are all alike in the policy that it starts from."""
NEAR = 1.0
"""Newton decrement from which on the path is followed further."""
EXACT = 1e-12
"""The same where the gap is as narrow as asked but for the distance from the path."""
LONGEST = 30.0
"""Most that ``1 / sigma`` grows by in one step, relative."""
SHRINK = 0.7
"""Share of the way to a weight of zero that one step goes at most."""
SUFFICIENT = 0.1
"""Share of the predicted decrease that a step must attain (Armijo)."""
ROUNDING = 1e-6
"""Newton decrement below which decreases are all rounding."""
MAX_INNER = 60
"""Conjugate gradients after which the Hessian is factorised anew."""
ROUGH, FINE, TANGENT = 0.05, 1e-4, 1e-8
"""Relative residuals of Newton steps far from the path and near it, and of tangents."""


def central_path(
    tasks: SuccessTasks, base: np.ndarray, direction: np.ndarray, *, gap: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the best policy, shape (T, C), and the best task weights, shape (K,), that the path leads to.

    Parameters
    ----------
    base, direction : ndarray, shape (K,)
    gap : float
        Relative gap between their values ``s`` at which it ends; in double precision 1e-7 is within reach.

    Returns
    -------
    tuple
        With the number of Newton steps. Both are still to be evaluated.
    """
    path = _Path(tasks, base, direction)
    with threadpool_limits(1, "blas"):  # threads gain nothing where the planner is what takes time
        while path.wide(gap) and len(path.gaps) < MAX_STEPS:
            path.step(gap)
    return path.policy, path.weights, len(path.gaps)


def level_unit(tasks: SuccessTasks, direction: np.ndarray) -> np.ndarray:
    """Return `direction`, shape (K,), in units in which the value ``s`` is from 1 to ``K`` without a base.

    An even mixture of the tasks' own policies has ``rho >= v* / K``, and no policy has more than ``v*``.
    """
    return np.asarray(direction * (float((tasks.optimum.values / direction).min()) / len(direction)))


class _Path:
    """A point near the path, and the best policy and weights so far.

    In units of `level_unit` the value is from 1 to ``K``, or about 0 where a base is given.
    """

    def __init__(self, tasks: SuccessTasks, base: np.ndarray, direction: np.ndarray) -> None:
        self._tasks, self._base, self._along = tasks, base, level_unit(tasks, direction)
        self._marks = tasks.success.T.tocsr()
        goals = evenly_mixed(tasks.process, tasks.success)
        even = uniform_policy(tasks.process)
        self._planner = SoftPlanner(tasks.process, (1.0 - START) * goals + START * even)
        self._y = 1.0 / self._success
        self._factor = self._factorised()
        self._fall, self._centred, self._stuck = np.inf, False, False
        self.lower, self.upper, self.gaps = -np.inf, np.inf, list[float]()
        self.policy, self.weights = self._planner.policy, self._y
        self._bound(self._y)

    @property
    def _success(self) -> np.ndarray:
        return np.asarray(self._marks @ self._planner.mass[-1])

    def wide(self, tolerance: float) -> bool:
        """Whether the relative gap is above `tolerance`, and was worth the last steps."""
        if not self.gaps:
            return True
        stalled = len(self.gaps) > PATIENCE and self.gaps[-1] > 0.5 * self.gaps[-1 - PATIENCE]
        return self.gaps[-1] > tolerance and not (stalled or self._stuck)

    def step(self, tolerance: float) -> None:
        """Go one step along the path, or back to it."""
        if self._centred:
            self._follow()
            self._fall, self._centred = np.inf, False
        else:
            size, near = self._return(), NEAR
            # The barrier alone leaves this gap.
            if len(self._y) / float(self._along @ self._y) <= tolerance * max(1.0, abs(self.upper)):
                near = EXACT
            self._centred, self._stuck = size == 1.0 and self._fall < near, size == 0.0
        self._bound(self._y)
        self.gaps.append((self.upper - self.lower) / max(1.0, abs(self.upper)))

    def _bound(self, weights: np.ndarray) -> None:
        """Learn from the present policy and from weights."""
        lower = float(np.min((self._success - self._base) / self._along))
        if lower > self.lower:
            self.lower, self.policy = lower, self._planner.policy.copy()
        weights = np.maximum(weights, 0.0)
        worth = float(weights @ self._along)
        if 0.0 < worth < np.inf:
            most = self._planner.ceiling(self._tasks.success @ weights)
            upper = (most - float(weights @ self._base)) / worth
            if upper < self.upper:
                self.upper, self.weights = upper, weights

    def _follow(self) -> None:
        """Step along the tangent."""
        unit = self._y * self._along
        first = self._precondition(unit)
        first /= unit @ first
        step = self._y * (first + self._solved(-self._product(first), TANGENT))
        self._bound(step)
        shortest = 1.0 / (LONGEST * float(self._along @ self._y))
        size = 1.0 / max(shortest, self._far(step), float(np.max(-step / self._y)) / SHRINK)
        self._planner.respond(self._tasks.success @ (size * step))
        self._planner.keep()
        self._y = self._y + size * step

    def _return(self) -> float:
        """Take a Newton step to the path; return its size, zero where none is any good."""
        gradient = self._success - self._base - 1.0 / self._y
        step = self._y * self._solved(-self._y * gradient, ROUGH if self._fall > NEAR else FINE)
        self._fall = -float(gradient @ step)
        size = 1.0 / max(1.0, self._far(step), float(np.max(-step / self._y)) / SHRINK)
        for _ in range(14):
            change = self._planner.respond(self._tasks.success @ (size * step))
            change -= size * float(step @ self._base) + float(np.log1p(size * step / self._y).sum())
            # Near the path changes are all rounding.
            if change <= -SUFFICIENT * size * self._fall or (size == 1.0 and self._fall < ROUNDING):
                self._planner.keep()
                self._y = self._y + size * step
                return size
            size *= 0.5
        return 0.0

    def _far(self, step: np.ndarray) -> float:
        self._planner.change(self._tasks.success @ step)
        return self._planner.farthest()

    def _product(self, share: np.ndarray) -> np.ndarray:
        """Return the Hessian times a step, both in units of the weights."""
        changed = self._marks @ self._planner.change(self._tasks.success @ (self._y * share))
        return np.asarray(share + self._y * changed)

    def _factorised(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the eigenvectors of the Hessian, in units of the weights, and its inverse eigenvalues.

        None of them is below the barrier's but for roundings.
        """
        hessian = np.array([self._product(column) for column in np.eye(len(self._y))])
        values, vectors = scipy.linalg.eigh(0.5 * (hessian + hessian.T), check_finite=False)
        return vectors, 1.0 / np.maximum(values, 1.0)

    def _precondition(self, residual: np.ndarray) -> np.ndarray:
        vectors, inverses = self._factor
        return np.asarray(vectors @ (inverses * (vectors.T @ residual)))

    def _solved(self, right: np.ndarray, accuracy: float) -> np.ndarray:
        """Return the Hessian's inverse times `right`, in the plane of the constraint."""
        unit = self._y * self._along
        unit /= np.linalg.norm(unit)

        def project(residual: np.ndarray) -> np.ndarray:
            return np.asarray(residual - (unit @ residual) * unit)

        for _ in range(2):
            normal = self._precondition(unit)
            normal /= unit @ normal

            def tangential(residual: np.ndarray, normal: np.ndarray = normal) -> np.ndarray:
                step = self._precondition(residual)
                return project(step - (unit @ step) * normal)

            found, done = conjugate_gradients(
                self._product, right, tangential, project, accuracy=accuracy, rounds=MAX_INNER
            )
            if done:
                break
            self._factor = self._factorised()
        return found
