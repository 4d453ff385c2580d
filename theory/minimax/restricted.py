r"""Learners without memory against a restricted adversary: any convex set of task distributions.

    min_{rho in M} max_{p in U} sum_g p_g phi_g(rho_g),      phi_g convex and decreasing.

``U`` is the simplex (T4), a single distribution (T3), or a set in between (T16). By Sion's theorem (1958) the
order of min and max does not matter. The losses are separable, so that they are replaced by tangents, on
points around the best policy so far: what is left is a linear program, posed in cvxpy, with the adversary's
part in the form that `Adversary.model` gives. The distance between the points shrinks with the gap, which is
quadratic in it. The solver's word counts for nothing; of its answer are read

* a policy. Its success probabilities are evaluated afresh, and ``max_{p in U} p . phi(rho)`` is bounded by
  the adversary's dual bound: the upper bound;
* a distribution ``p`` of ``U`` and weights ``w >= 0`` on the tasks, for which, with
  ``U(w) = max_{rho in M} w . rho`` by the planner,

      min_{rho in M} p . phi(rho)  >=  sum_g min_{0 <= x <= v_g} (p_g phi_g(x) + w_g x)  -  U(w);

  the inner minima are bounded by tangents at the points where ``p_g phi_g'(x) = -w_g``: the lower bound. It
  is tight at the saddle point and errs to second order near it, because the weights of the linear program
  make all policies that it mixes equally good.

Source: outer approximation of separable convex programs, Kelley (1960); Fenchel duality, Rockafellar (1970),
section 31.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.modelling import cvxpy as cp
from metaregret.theory.adversaries import Adversary, two_sided
from metaregret.theory.learners import Progress
from metaregret.theory.minimax.decomposition import Decomposition
from metaregret.theory.minimax.flow_program import Evaluated, FlowProgram, support_value
from metaregret.theory.minimax.parametric import Brackets, close
from metaregret.theory.optimise import Attempt, Best, solve_certified
from metaregret.theory.regret import BracketedLoss, Loss, first_float
from metaregret.theory.success import Image, SuccessTasks

__all__ = ["RestrictedGame", "RestrictedPoint", "solve_restricted"]

MAX_ROUNDS = 300
MAX_STALLED_ROUNDS = 12
FARTHEST = 14.0
"""Logarithm of the ratio between the best point and the farthest tangents."""
FINEST = 1e-6
"""Smallest relative distance of tangents: their error is then 1e-12, below what solvers resolve."""
SLOPE_ERROR = 1e-12
"""Relative error of a slope, from cancellation at finitely many episodes (tested)."""


@dataclass(frozen=True, eq=False)
class RestrictedPoint(Evaluated):
    """``lower <= min_{rho in M} max_{p in U} p . phi(rho) <= upper``.

    Attributes
    ----------
    prior : ndarray, shape (K,)
        The distribution of the set that proves `lower`.
    """

    prior: np.ndarray


class RestrictedGame:
    """The game of a success polytope, losses and an adversary's set: what certifies a point."""

    def __init__(self, tasks: Image, loss: BracketedLoss, adversary: Adversary) -> None:
        self.tasks, self.loss, self.adversary = tasks, loss, adversary
        self.charged = adversary.charged(len(tasks.names))

    def worst(self, loss: np.ndarray) -> float:
        """Return an upper bound on ``max_{p in U} p . loss``; tasks that are never posed do not count."""
        counted = np.where(self.charged, loss, 0.0)
        if not np.isfinite(counted).all():
            return np.inf
        rounding = relative_error(4 * len(loss) + 16) * float(np.abs(counted).max())
        return self.adversary.worst(counted) + rounding

    def lower_bound(self, prior: np.ndarray, weights: np.ndarray) -> float:
        """Return a lower bound on ``min_{rho in M} prior . phi(rho)``, whatever the weights are."""
        loss = self.loss.low
        point = balance_points(loss, prior, weights)
        posed = prior > 0
        with np.errstate(invalid="ignore", over="ignore"):
            losses = np.where(posed, prior * loss.value(point), 0.0)
            slopes = np.where(posed, prior * loss.slope(point), 0.0)
        if not (np.isfinite(losses).all() and np.isfinite(slopes).all()):
            return 0.0
        # The tangent at the point falls short of the convex function by what is left of its derivative.
        left = weights - slopes
        down = np.maximum(left + SLOPE_ERROR * slopes, 0.0) @ point
        up = np.maximum(SLOPE_ERROR * slopes - left, 0.0) @ (loss.optimum - point)
        earned, support = float(weights @ point), support_value(self.tasks, weights)
        found = float(losses.sum()) + earned - support - float(down + up)
        allowance = relative_error(4 * len(prior) + 40) * (float(losses.sum()) + earned + support)
        return max(0.0, found - allowance)

    def certify(self, policy: np.ndarray, prior: np.ndarray, weights: np.ndarray) -> RestrictedPoint:
        """Evaluate a policy, a distribution and weights afresh and return the bounds that they prove."""
        achieved = self.tasks.evaluate(policy)
        upper = self.worst(self.loss.high.value(np.minimum(achieved.lower, self.loss.high.optimum)))
        upper *= 1 + 1e-14
        lower = self.lower_bound(prior, weights)
        return RestrictedPoint(lower, upper, policy, achieved.nominal, achieved.terminal, weights, prior)


def balance_points(loss: Loss, prior: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return for each task where ``prior * slope = weights`` on ``[0, v]``, to the last bit."""
    with np.errstate(invalid="ignore", over="ignore"):
        point = first_float(lambda rho: ~(prior * loss.slope(rho) > weights), loss.optimum)
    return np.where(prior > 0, point, loss.optimum)


class Achievable(Protocol):
    """The achievable success probabilities as ``matrix @ z``, ``z >= 0``, ``balance @ z = supply``."""

    @property
    def method(self) -> str: ...
    @property
    def size(self) -> dict[str, int]: ...
    @property
    def matrix(self) -> sp.csr_array: ...
    @property
    def balance(self) -> sp.csr_array: ...
    @property
    def supply(self) -> np.ndarray: ...
    def policy(self, z: np.ndarray) -> np.ndarray: ...
    def learn(self, weights: np.ndarray) -> None: ...


class _Flows:
    """All of the polytope: occupancy measures."""

    method = "linear programs over occupancy measures and tangents (HiGHS)"

    def __init__(self, tasks: Image) -> None:
        program = FlowProgram(tasks)
        self.size, self.matrix, self.policy = program.size, program.success_matrix, program.polytope.policy
        self.balance, self.supply = program.polytope.balance, program.polytope.supply

    def learn(self, weights: np.ndarray) -> None:
        """Nothing is missing."""


class _Policies(Decomposition):
    """Mixtures of the policies found so far: every round adds a best response."""

    supply = np.ones(1)

    @property
    def method(self) -> str:
        return "decomposition: value iteration and linear programs over policies and tangents (HiGHS)"

    @property
    def matrix(self) -> sp.csr_array:
        return sp.csr_array(self.successes.T)

    @property
    def balance(self) -> sp.csr_array:
        return sp.csr_array(np.ones((1, len(self.successes))))

    def policy(self, z: np.ndarray) -> np.ndarray:
        return self.behaviour(np.maximum(z, 0.0) / np.maximum(z, 0.0).sum())

    def learn(self, weights: np.ndarray) -> None:
        if (largest := float(weights.max())) > 0:
            self.ask(weights[None] / largest)


@dataclass(frozen=True, eq=False)
class _Tangents:
    """Tangents of the losses, one row each: ``l_task >= value - slope (rho_task - point)``."""

    task: np.ndarray
    point: np.ndarray
    value: np.ndarray
    slope: np.ndarray

    @classmethod
    def around(cls, loss: Loss, best: np.ndarray, distance: float, tasks: np.ndarray) -> _Tangents:
        """Return tangents of the `tasks` at points around `best`, from a relative `distance` on."""
        exponents = two_sided(distance, FARTHEST)
        points = np.minimum(best * np.exp(exponents)[:, None], loss.optimum)
        points = np.vstack([np.zeros_like(best), points])
        with np.errstate(invalid="ignore", over="ignore"):
            values = np.array([loss.value(row) for row in points])
            slopes = np.array([loss.slope(row) for row in points])
        usable = np.isfinite(values) & np.isfinite(slopes) & (slopes > 0) & (slopes < 1e14) & tasks
        usable[1:] &= np.diff(points, axis=0) > 0
        usable[1:] &= ~(usable[:-1] & (slopes[1:] == slopes[:-1]))  # the same line again
        usable[-1] |= tasks & np.isfinite(values[-1])  # one each: also of losses that nothing can change
        where, task = np.nonzero(usable)
        return cls(task, points[where, task], values[where, task], np.maximum(slopes[where, task], 1e-9))


class _Program:
    """The linear program at a set of tangents, and what its variables prove."""

    def __init__(self, game: RestrictedGame, achievable: Achievable) -> None:
        self.game, self.achievable, self._scale = game, achievable, game.tasks.scale

    def solve(
        self,
        tangents: _Tangents,
        prior: np.ndarray,
        distance: float,
        unit: float,
        tolerance: float,
        attempts: Sequence[Attempt],
    ) -> Best[RestrictedPoint]:
        """Solve one program; losses are measured in `unit`, success probabilities in ``v*``."""
        game, body, count = self.game, self.achievable, len(prior)
        rows = len(tangents.task)
        pick = sp.csr_array((np.ones(rows), (np.arange(rows), tangents.task)), shape=(rows, count))
        scale = self._scale[tangents.task]
        z, loss = cp.Variable(body.matrix.shape[1], nonneg=True), cp.Variable(count)
        per_loss = unit / tangents.slope * scale
        success = sp.csr_array(pick @ (sp.diags_array(self._scale) @ body.matrix))
        needed = (tangents.point + tangents.value / tangents.slope) * scale
        below = sp.csr_array(sp.diags_array(per_loss) @ pick) @ loss + success @ z >= needed
        bound, constraints = game.adversary.model(loss, prior, distance)
        idle = np.flatnonzero(~game.charged)
        if len(idle):
            constraints = [*constraints, loss[idle] == 0]
        problem = cp.Problem(cp.Minimize(bound), [below, body.balance @ z == body.supply, *constraints])

        def certify() -> RestrictedPoint | None:
            if z.value is None or below.dual_value is None:
                return None
            duals = np.maximum(np.asarray(below.dual_value), 0.0)
            mass, weights = pick.T @ (duals * per_loss), pick.T @ (duals * scale) * unit
            total = float(mass.sum())
            if not total > 0:
                return None
            inside = game.adversary.inside(mass / total)
            with np.errstate(invalid="ignore"):  # zero times an infinite slope
                steepest = inside * game.loss.low.slope(np.zeros(count))
            # More weight than the loss is ever steep gives nothing away (losses that nothing changes: none).
            fair = np.fmin(np.asarray(weights) / total, np.where(inside > 0, steepest, 0.0))
            return game.certify(body.policy(z.value), inside, fair)

        return solve_certified(problem, certify, tolerance=tolerance, attempts=attempts)


def solve_restricted(
    tasks: Image,
    loss: BracketedLoss,
    adversary: Adversary,
    tolerance: float,
    progress: Progress | None = None,
    *,
    decomposed: bool = False,
) -> tuple[Brackets[RestrictedPoint], Achievable]:
    """Return certified bounds on ``min_{rho in M} max_{p in U} p . phi(rho)``, as narrow as asked.

    Parameters
    ----------
    tasks : Image
    loss : BracketedLoss
    adversary : Adversary
    tolerance : float
        Wanted relative gap.
    progress : callable, optional
        Called with the current bounds.
    decomposed : bool
        Whether the polytope ``M`` is described by the policies found so far, not as a whole (0-1 tasks only).

    Raises
    ------
    InvalidArgumentError
        If the set has another number of tasks, or is empty.
    SolverError
        If no solver returned anything that could be certified.
    """
    prior = adversary.start(len(loss.nominal.optimum))
    game = RestrictedGame(tasks, loss, adversary)
    achievable: Achievable
    achievable = _Policies(tasks) if decomposed and isinstance(tasks, SuccessTasks) else _Flows(tasks)
    search = _Search(_Program(game, achievable), prior, tolerance)
    close(
        search.found,
        search.ask,
        search.learn,
        tolerance,
        progress,
        rounds=MAX_ROUNDS,
        patience=MAX_STALLED_ROUNDS,
    )
    return search.found, achievable


class _Search:
    """Where the tangents are, ever nearer to the best policy so far."""

    def __init__(self, program: _Program, prior: np.ndarray, tolerance: float) -> None:
        self.found = Brackets[RestrictedPoint]()
        self._program, self._prior, self._tolerance = program, prior, tolerance
        loss = program.game.loss.nominal
        self._best, self._distance = loss.optimum / 4.0, 0.3
        self._unit = max(program.game.worst(loss.value(self._best)), 1e-9)

    def ask(self, attempts: Sequence[Attempt]) -> Best[RestrictedPoint]:
        game, distance = self._program.game, self._distance
        tangents = _Tangents.around(game.loss.nominal, self._best, distance, game.charged)
        return self._program.solve(tangents, self._prior, distance, self._unit, self._tolerance, attempts)

    def learn(self, new: Best[RestrictedPoint]) -> bool:
        """Move the tangents: their distance shrinks with the gap, which is quadratic in it."""
        optimum = self._program.game.loss.nominal.optimum
        self._program.achievable.learn(new.highest.weights)
        primal, dual = self.found.best
        self._prior = dual.prior
        self._best = np.maximum(np.minimum(new.lowest.success, optimum), 1e-9 * optimum)
        gap = (primal.upper - dual.lower) / max(1.0, abs(dual.lower))
        if np.isfinite(gap):
            self._unit = max(primal.upper, 1e-9)
            nearer = max(self._distance / 3.0, 0.5 * float(np.sqrt(gap)))
            self._distance = max(FINEST, min(self._distance, nearer))
        return True
