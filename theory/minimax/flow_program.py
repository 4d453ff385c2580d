"""The linear program of T4 in cvxpy, and the certificates recomputed from its variables.

    maximise s   subject to   rho(x)_g >= base_g + s * direction_g  for all g,   x in the flow polytope.

With ``base = 0`` and ``direction = v*`` this is ``t* = max { t : rho in M, rho_g >= t v*_g }``. Two things
are read from the solution and nothing else: a policy, whose success probabilities are then evaluated
afresh (primal bound), and dual weights ``w >= 0`` on the goals, for which
``U(w) = max_{rho in M} w . rho`` is then computed by backward induction (dual bound: every achievable
``rho`` satisfies ``w . rho <= U``). Both bounds are true whatever the solver said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import ContradictionError
from metaregret.tabular.occupancy import FlowPolytope, flow_polytope
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, Best, solve_certified
from metaregret.theory.regret import BracketedLoss, Loss
from metaregret.theory.success import Image

if TYPE_CHECKING:
    import cvxpy as cp

__all__ = ["Evaluated", "FlowProgram", "Program", "SaddlePoint", "certified_saddle_point", "lower_bound"]

MAX_LEVELS = 200
"""Newton steps towards the lower bound; about eight are usual."""
JUST_ABOVE = 4e-14
"""Relative distance from the smallest loss, where slopes are infinite, at which the first level is tried."""
ROUNDINGS = 9
"""Relative roundings reckoned with in each term of a sum over tasks: of a required success probability (its
formula, tested against rational arithmetic), of its product with a weight, and of the sum."""
BACKWARD = np.array([0.0, *(2.0**-k for k in range(53, 0, -1))])
"""Relative distances below a Newton step at which it is tried, for it may overshoot by a rounding."""


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A policy and weights of tasks with the bounds that they certify.

    Attributes
    ----------
    lower, upper : float
    policy : ndarray, shape (T, C') or (C',)
    success : ndarray, shape (K,)
        Success probabilities of `policy`, evaluated afresh.
    terminal : ndarray, shape (S',), or None
        Its terminal distribution on the (augmented) process.
    weights : ndarray, shape (K,)
        For which the planner's value proves `lower`; not negative.
    """

    lower: float
    upper: float
    policy: np.ndarray
    success: np.ndarray
    terminal: np.ndarray | None
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class SaddlePoint(Evaluated):
    """``lower <= min_{rho in M} max_g phi_g(rho_g) <= upper``; weights not all zero.

    Attributes
    ----------
    support_value : float
        An upper bound on ``max_{rho in M} weights . rho``.
    """

    support_value: float


class Program(Protocol):
    """What solves ``max { s : rho_g >= base_g + s direction_g, rho in M }`` and certifies the result."""

    @property
    def interrupted(self) -> bool:
        """Whether a keyboard interrupt ended the last call."""

    @property
    def size(self) -> dict[str, int]:
        """Numbers for the report."""

    @property
    def method(self) -> str:
        """A phrase for the report."""

    def solve(
        self,
        loss: BracketedLoss,
        base: np.ndarray,
        direction: np.ndarray,
        *,
        tolerance: float,
        attempts: Sequence[Attempt] = LINEAR_SOLVERS,
    ) -> Best[SaddlePoint]:
        """Solve for one base point and direction; return the certified saddle point."""


def support_value(tasks: Image, weights: np.ndarray) -> float:
    """Return an upper bound on ``max_{rho in M} w . rho``, rounding included."""
    return tasks.support(weights) * (1 + relative_error(ROUNDINGS * (len(weights) + 4)))


def lower_bound(loss: Loss, weights: np.ndarray, support: float) -> float:
    """Return the largest ``theta`` with ``sum_g w_g required_g(theta) >= U``: a lower bound on the minimax
    loss.

    If some achievable ``rho`` had ``max_g phi_g(rho_g) < theta`` it would need
    ``rho_g > required_g(theta)`` and thus ``w . rho > U``, which no achievable ``rho`` has. Every level
    that is returned was tested.
    """
    active, required = weights > 0, cache(loss.required)  # a level that holds is where the next step begins
    # Differences such as v - theta / N are off by roundings of v.
    needed_at_least = support * (1.0 + relative_error(ROUNDINGS * (len(weights) + 8)))
    needed_at_least += relative_error(4) * float(weights @ loss.optimum)

    def holds(theta: float) -> bool:
        needed = required(theta)[active]
        return bool(np.any(np.isinf(needed)) or weights[active] @ needed >= needed_at_least)

    # No success probability exceeds its optimum, so the loss is nowhere below the smallest loss at the
    # optimum.
    theta = max(0.0, float(loss.value(loss.optimum).max()) * (1 - 1e-14))
    for _ in range(MAX_LEVELS):
        levels = _newton_step(loss, weights, needed_at_least, theta, required(theta)) * (1.0 - BACKWARD)
        proved = next((level for level in levels.tolist() if level > theta and holds(level)), None)
        if proved is None:
            break
        theta = proved
    return theta


def _newton_step(
    loss: Loss, weights: np.ndarray, needed_at_least: float, theta: float, needed: np.ndarray
) -> float:
    """Return where the tangent of ``sum_g w_g required_g`` at a level falls to what it needs to be.

    The sum is convex in the level, so that the tangent stays on the safe side of the crossing.
    """
    active = weights > 0
    if np.any(np.isinf(needed[active])):  # just below the smallest loss of some task
        return theta * (1 + JUST_ABOVE)
    moving = active & (needed > 0)
    fall = float(np.sum(weights[moving] / loss.slope(needed)[moving]))
    return theta + (float(weights[active] @ needed[active]) - needed_at_least) / max(fall, 1e-300)


def certified_saddle_point(
    tasks: Image, loss: BracketedLoss, policy: np.ndarray, weights: np.ndarray
) -> SaddlePoint:
    """Evaluate a policy and dual weights afresh and return the bounds that they prove."""
    achieved = tasks.evaluate(policy)
    reached = np.minimum(achieved.lower, loss.high.optimum)
    # A few roundings of the formula; both arguments are numbers, so v - rho loses nothing to cancellation.
    upper = float(np.max(loss.high.value(reached))) * (1 + 1e-14)
    clean = np.where(np.isfinite(weights), np.maximum(weights, 0.0), 0.0)
    clean = clean / clean.max() if clean.max() > 0 else np.ones_like(clean)
    support = support_value(tasks, clean)
    lower = lower_bound(loss.low, clean, support) * (1 - 1e-14)
    if lower > upper * (1 + 1e-12):
        raise ContradictionError(
            f"The certified bounds contradict each other (lower {lower!r} > upper {upper!r}), which only a "
            "programming error can cause; please report it with the instance."
        )
    lower = min(lower, upper)
    return SaddlePoint(lower, upper, policy, achieved.nominal, achieved.terminal, clean, support)


class FlowProgram:
    """The parametrised linear program over the flow polytope of `tasks`.

    Raises
    ------
    InstanceTooLargeError
        If the polytope has too many variables for a monolithic program.
    """

    interrupted = False

    def __init__(self, tasks: Image) -> None:
        from metaregret.tabular.modelling import cvxpy as cp

        self.tasks = tasks
        self.polytope: FlowPolytope = flow_polytope(tasks.process)
        count = len(tasks.names)
        self._flow = cp.Variable(len(self.polytope.choice), nonneg=True)
        self._level = cp.Variable()
        self._base = cp.Parameter(count)
        self._direction = cp.Parameter(count)

    @property
    def size(self) -> dict[str, int]:
        """Numbers of variables and rows."""
        return {"variables": len(self.polytope.choice), "rows": self.polytope.balance.shape[0]}

    @property
    def method(self) -> str:
        """A phrase for the report."""
        return "linear program over occupancy measures (HiGHS)"

    @cached_property
    def success_matrix(self) -> sp.csr_array:
        """Success probabilities as a function of the flow, shape (K, variables)."""
        return self.tasks.image(self.polytope)

    @cached_property
    def _problem(self) -> tuple[cp.Problem, cp.Constraint]:
        from metaregret.tabular.modelling import cvxpy as cp

        rows = sp.csr_array(sp.diags_array(self.tasks.scale) @ self.success_matrix)
        goals = rows @ self._flow >= self._base + self._level * self._direction
        balance = self.polytope.balance @ self._flow == self.polytope.supply
        return cp.Problem(cp.Maximize(self._level), [goals, balance]), goals

    def solve(
        self,
        loss: BracketedLoss,
        base: np.ndarray,
        direction: np.ndarray,
        *,
        tolerance: float,
        attempts: Sequence[Attempt] = LINEAR_SOLVERS,
    ) -> Best[SaddlePoint]:
        """Solve for one base point and direction; return the certified saddle point."""
        along = direction * self.tasks.scale
        self._base.value, self._direction.value = base * self.tasks.scale, along / along.max()
        problem, goals = self._problem

        def certify() -> SaddlePoint | None:
            if self._flow.value is None or goals.dual_value is None:
                return None
            policy, weights = self.polytope.policy(self._flow.value), np.asarray(goals.dual_value)
            weights = weights / max(1.0, float(np.abs(weights).max())) * self.tasks.scale
            return certified_saddle_point(self.tasks, loss, policy, weights)

        return solve_certified(problem, certify, tolerance=tolerance, attempts=attempts)
