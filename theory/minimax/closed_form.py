"""The minimax exploration without a program, where all tasks bind.

    maximise s   subject to   rho_g >= base_g + s * direction_g  for all g,   rho in M.

Let row ``g`` of ``R`` be the success probabilities of the policy that is best for task ``g`` (one pass of the
planner for all of them). Where all constraints bind at the optimum and these policies are all that it mixes,

    R^T w = base + s direction,   sum(w) = 1,          and the dual weights are   R q = constant:

two systems with one matrix. If ``w >= 0`` and ``q >= 0``, both are only guesses until they are evaluated:
the mixture as one Markov policy, the weights by the planner (`certified_saddle_point`), and the bracket says
whether the solve was the answer.

Detected at the end, a goal for one state each gives ``sum_g rho_g <= 1`` for every ``rho`` in ``M``, so that
``q = 1``. With ``base = 0`` and ``direction = v*`` this is the bound ``1 + Reg* >= sum_g v*_g`` (the maximal
leakage of the channel from policies to goals: Issa, Wagner & Kamath, *An operational approach to information
leakage*, 2020), met by any policy that ends in ``v* / sum(v*)``. Where the states fall into classes that no
transition connects (the destinations of Taxi), class ``c`` has the mass ``m_c`` whatever is done, which gives
``1 + Reg* >= max_c sum_{g in c} v*_g / m_c``, proved by weights that are one on the worst class.

The mixture ``w`` that solves ``R^T w = v* / sum(v*)`` is such a policy; where ``w`` has negative entries
there may be others, best for no single goal, and soft planning finds them without a matrix
(`matching_policy`). Where goals are many or in each other's way it comes first; from random choices it needs
no policy of any goal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Literal

import numpy as np
import scipy
from scipy.sparse.csgraph import connected_components

from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.matching import matching_policy
from metaregret.tabular.policy import uniform_policy
from metaregret.tabular.response import evenly_mixed, mixed_policy
from metaregret.theory.minimax.flow_program import Program, SaddlePoint, certified_saddle_point
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, Best
from metaregret.theory.regret import BracketedLoss
from metaregret.theory.success import SuccessTasks

__all__ = ["ClosedForm", "Equaliser"]

MANY = 1000
"""Goals from which on soft planning comes first, which takes no matrix."""
CROWDED = 0.5
"""Mean of the best success probabilities below which it does, too: goals are in each other's way."""
STARTS = (0.001, 400), (0.01, 1000), (0.1, 1000), (0.3, 2000)
"""How much of choices that are all alike is mixed with the goals' own policies where it starts, and the
passes of the planner that it is given then."""
CROWDED_STARTS = (1.0, 100), (0.1, 1000), (0.3, 1000), (1.0, 4000)
RESIDUAL = 1e-12
"""Largest residual of an equation, in units of its right-hand side, of a solution that is used."""
ROUNDING = 1e-11
"""Shares and weights down to minus this part of the largest are zero up to rounding."""


class Equaliser:
    """Mixtures of given policies that make all tasks bind, and dual weights that make all policies equal.

    Parameters
    ----------
    success : ndarray, shape (K, K)
        Success probabilities, one row per policy.
    """

    def __init__(self, success: np.ndarray) -> None:
        self._success = success

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray] | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a singular matrix warns; its pivots are looked at here instead
            try:
                factors = scipy.linalg.lu_factor(self._success, check_finite=False)
            except scipy.linalg.LinAlgError:
                return None
        pivots = np.diag(factors[0])
        return factors if np.all(np.isfinite(pivots)) and np.all(pivots != 0) else None

    def _solved(self, right: np.ndarray, *, transposed: bool) -> np.ndarray | None:
        """Return a solution of ``R x = right`` (or of ``R^T x = right``) with a small residual, or None."""
        matrix = self._success.T if transposed else self._success
        if self._factors is None:
            return None
        mode: Literal[0, 1] = 1 if transposed else 0
        with np.errstate(invalid="ignore", over="ignore"):  # nearly singular: the residual tells
            x = scipy.linalg.lu_solve(self._factors, right, trans=mode, check_finite=False)
            rest = right - matrix @ x
            x = x + scipy.linalg.lu_solve(self._factors, rest, trans=mode, check_finite=False)
        return x if _residual(matrix, x, right) <= RESIDUAL else None

    def mixture(self, base: np.ndarray, direction: np.ndarray) -> np.ndarray | None:
        """Return ``w >= 0`` with ``R^T w = base + s direction`` and sum one for some ``s``, or None."""
        along = self._solved(direction, transposed=True)
        fixed = self._solved(base, transposed=True) if np.any(base) else np.zeros_like(base)
        if along is None or fixed is None or along.sum() == 0:
            return None
        return _clean(fixed + (1.0 - fixed.sum()) / along.sum() * along)

    @cached_property
    def weights(self) -> np.ndarray | None:
        """``q >= 0`` under which all policies are equally good, with largest entry one, or None."""
        ones = np.ones(len(self._success))
        if _residual(self._success, ones, ones) <= RESIDUAL:
            return ones
        found = self._solved(ones, transposed=False)
        cleaned = None if found is None else _clean(found)
        return None if cleaned is None else cleaned / cleaned.max()


def _residual(matrix: np.ndarray, x: np.ndarray, right: np.ndarray) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        off = float(np.abs(matrix @ x - right).max(initial=0.0) / np.abs(right).max(initial=1e-300))
    return off if np.isfinite(off) else np.inf


def _clean(x: np.ndarray) -> np.ndarray | None:
    """Return `x` without negative zeros, None where an entry is truly negative or too large."""
    largest = float(x.max())
    if not (np.all(np.isfinite(x)) and largest > 0 and float(x.min()) >= -ROUNDING * largest):
        return None
    return np.maximum(x, 0.0)


class ClosedForm:
    """Same interface as `FlowProgram`: the closed form where it applies, another program elsewhere.

    Parameters
    ----------
    tasks : SuccessTasks
    otherwise : callable
        Makes the program that is asked where the closed form does not apply.

    Attributes
    ----------
    applied : bool
        Whether the last call was answered by the closed form.
    """

    def __init__(self, tasks: SuccessTasks, otherwise: Callable[[SuccessTasks], Program]) -> None:
        self.tasks = tasks
        self.applied = False
        self._how = ""
        self._otherwise = otherwise

    @cached_property
    def _equaliser(self) -> Equaliser:
        return Equaliser(np.asarray((self.tasks.success.T @ self.tasks.responses.terminal.T).T))

    @cached_property
    def _program(self) -> Program:
        return self._otherwise(self.tasks)

    @property
    def interrupted(self) -> bool:
        """Whether a keyboard interrupt ended the last call."""
        return False if self.applied else getattr(self._program, "interrupted", False)

    @property
    def size(self) -> dict[str, int]:
        """Numbers for the report."""
        return {"policies": len(self.tasks.names)} if self.applied else self._program.size

    @property
    def method(self) -> str:
        """A phrase for the report."""
        return f"closed form: {self._how}" if self.applied else self._program.method

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
        point = self._guessed(loss, base, direction, tolerance)
        self.applied = point is not None
        if point is not None:
            return Best(point, point, self.method)
        return self._program.solve(loss, base, direction, tolerance=tolerance, attempts=attempts)

    def _guessed(
        self, loss: BracketedLoss, base: np.ndarray, direction: np.ndarray, tolerance: float
    ) -> SaddlePoint | None:
        """Return an evaluated guess, or None unless one proves to be the optimum."""
        for policy, weights, how in self._guesses(base, direction, max(1e-13, 0.01 * tolerance)):
            point = certified_saddle_point(self.tasks, loss, policy, weights)
            # Weak duality: no rho in M gives the weights more than U; this one must give them as much, and in
            # the proportions asked for.
            level = float(np.min((point.success - base) / direction))
            wanted = float(point.weights @ (base + level * direction))
            if point.support_value - wanted <= max(1e-9, tolerance) * point.support_value:
                self._how = how
                return point
        return None

    def _guesses(
        self, base: np.ndarray, direction: np.ndarray, accuracy: float
    ) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
        """Yield policies under which all constraints bind, with task weights: the cheapest guess first."""
        ends = self._ends(base, direction)
        crowded = ends is not None and self.tasks.optimum.values.mean() < CROWDED
        soft = iter(()) if ends is None else self._soft(*ends, accuracy, crowded=crowded)
        linear = self._linear(base, direction)
        yield from chain(soft, linear) if crowded or len(base) >= MANY else chain(linear, soft)

    def _linear(
        self, base: np.ndarray, direction: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
        weights = self._equaliser.weights
        shares = None if weights is None else self._equaliser.mixture(base, direction)
        if weights is not None and shares is not None:
            policy = mixed_policy([self.tasks.responses], shares / shares.sum())
            yield policy, weights, "one linear solve over the goals' policies"

    def _soft(
        self, target: np.ndarray, weights: np.ndarray, accuracy: float, *, crowded: bool
    ) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
        process, tasks = self.tasks.process, self.tasks
        even = uniform_policy(process)
        goals = np.empty(0)
        for share, passes in CROWDED_STARTS if crowded else STARTS:
            if share < 1.0 and not len(goals):
                goals = evenly_mixed(process, tasks.success)
            start = even if share == 1.0 else (1.0 - share) * goals + share * even
            policy = matching_policy(process, target, start=start, accuracy=accuracy, passes=passes)
            if policy is not None:
                yield policy, weights, "soft planning for the terminal distribution that binds everywhere"
                return

    def _ends(self, base: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the one terminal distribution under which all constraints bind in every class of states, and
        the task weights that prove it optimal; None unless every goal is a state of its own."""
        tasks, process = self.tasks, self.tasks.process
        goals, marks = tasks.success.indices, np.diff(tasks.success.indptr)
        if not isinstance(process.horizon, FiniteHorizon) or np.any(marks != 1):
            return None
        if len(np.unique(goals)) < len(goals):
            return None
        count, label = connected_components(process.graph, directed=False)
        mass, of = np.bincount(label, process.initial, count), label[goals]
        asked, along = (np.bincount(of, part, count) for part in (base, direction))
        levels = np.divide(mass - asked, along, out=np.full(count, np.inf), where=along > 0)
        target = np.zeros(process.n_states)
        target[goals] = base + levels[of] * direction
        return None if np.any(target < 0) else (target, (of == levels.argmin()).astype(float))
