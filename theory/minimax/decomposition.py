"""The linear program of T4 by decomposition, for processes whose flow polytope is too large to write down.

    maximise s   subject to   rho_g >= base_g + s * direction_g  for all g,   rho in M

is a matrix game between task weights and policies: with ``r = (rho - base) / direction`` the value is
``max_{mixtures} min_p p . r = min_p max_{policies} p . r``. The policies found so far make a small game; a
point near the middle of its optimal ``p`` (`central_point`) asks the planner for the best response, which is
a new policy (Dantzig & Wolfe, *Decomposition principle for linear programs*, 1960). One pass of the planner
answers many ``p`` in hardly more time than one, so that every round asks

* the point itself, the best so far, and halfway between them (in-out separation: Ben-Ameur & Neto 2007);
* for every task the point with more weight on this task: its policies are those that the optimum mixes where
  this task binds. How much more is drawn between the gap and a thousand times that, for each task, and the
  other weights are disturbed, too: they say what a policy does once it has missed;
* points with all weights disturbed at once, which find other vertices where many policies are equally good
  (with many first states, say, each with a choice of its own).

It starts from all goal-conditioned policies: on grids these are usually all that the optimum mixes. Policies
that earn least at the point are forgotten. The bracket that stops it is that of the monolithic program: the
mixture's own policy and the weights, both evaluated afresh.

Where no round helps any more the central path in policies goes on (`central_path`).

A simplex method as the master, asked at two points per round, has a gap of 2e-3 after 60 rounds on frozen
lakes of 20x20, where this one takes 10 to 15 rounds to a relative 1e-6.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from metaregret.tabular.groups import groups
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.response import Responses, best_responses, mixed_policy
from metaregret.theory.minimax.central import CentralPoint, central_point
from metaregret.theory.minimax.flow_program import SaddlePoint, certified_saddle_point
from metaregret.theory.minimax.path_following import central_path, level_unit
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, Best
from metaregret.theory.regret import BracketedLoss
from metaregret.theory.success import SuccessTasks

__all__ = ["Decomposition"]

MAX_ROUNDS = 300
PATIENCE = 12
"""Rounds in which the gap must halve."""
KEPT = 4
"""Different policies kept for each task."""
DIGITS = 12
"""Decimals to which the payoffs of two policies are compared."""
MOST_ASKED = 1000
"""Tasks whose weight is raised in one round, at most."""
MOST_SOLVED = 16
"""The same at geometric horizons, where every policy takes a linear solve."""
MOST_FOLLOWED = 2000
"""Tasks up to which the central path is followed where rounds stall: it keeps a number for each pair."""
RAREST_FOLLOWED = 1e-100
"""Probability down to which products of the weights of rare goals stay finite there."""
FINEST = 1e-7
"""Relative gap that the central path reaches in double precision."""
NEGLIGIBLE = 1e-13
"""Policies with a smaller share of the mixture are left out before it is evaluated."""
ROUGH = 0.1
"""Accuracy of the master in units of the gap."""
NEAR, FAR = 0.3, 1000.0
"""Smallest and largest disturbance of the weights in units of the relative gap; the largest is below one."""
LEAST = 1e-13
"""Gaps below this are roundings."""
CLOSER = 0.25
"""Relative gap in success probabilities in units of that which is asked of the loss (``1 / t - 1``)."""


class Decomposition:
    """Same interface as `FlowProgram`; policies found in one call serve the next.

    Attributes
    ----------
    interrupted : bool
        Whether a keyboard interrupt ended the last call.
    policies : tuple of Responses
        The policies known, ``n`` in all.
    successes : ndarray, shape (n, K)
        Their success probabilities.
    """

    def __init__(self, tasks: SuccessTasks) -> None:
        self.tasks = tasks
        self.interrupted = False
        self._steps = 0
        self.policies: tuple[Responses, ...] = (tasks.responses,)
        self.successes = np.asarray((tasks.success.T @ tasks.responses.terminal.T).T)
        self.finite = isinstance(tasks.process.horizon, FiniteHorizon)

    @property
    def size(self) -> dict[str, int]:
        """Numbers for the report."""
        return {"policies": len(self.successes), **({"newton_steps": self._steps} if self._steps else {})}

    @property
    def method(self) -> str:
        """A phrase for the report."""
        how = "decomposition: backward induction and matrix games over policies (interior point)"
        return f"{how}, then the central path in policies" if self._steps else how

    def ask(self, weights: np.ndarray) -> np.ndarray:
        """Add the best responses to rows of task weights, shape (n, K); return their success
        probabilities."""
        found = best_responses(self.tasks.process, self.tasks.success @ weights.T, compiled=self.finite)
        success = np.asarray((self.tasks.success.T @ found.terminal.T).T)
        self.policies += (found,)
        self.successes = np.concatenate([self.successes, success])
        return success

    def keep(self, kept: np.ndarray) -> None:
        """Forget all policies but those at these positions, in increasing order."""
        starts = np.cumsum([0, *(len(part) for part in self.policies)])
        parts = np.split(kept, np.searchsorted(kept, starts[1:-1]))
        pairs = zip(self.policies, parts, starts.tolist(), strict=False)
        self.policies = tuple(part.chosen(mine - start) for part, mine, start in pairs if len(mine))
        self.successes = self.successes[kept]

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
        search = _Search(self, base, direction)
        try:
            with threadpool_limits(1, "blas"):  # matrices of a round are too small to be shared out
                while search.wide(CLOSER * tolerance):
                    search.round()
        except KeyboardInterrupt:
            if not search.gaps:
                raise
            self.interrupted = True  # what was found so far is certified all the same
        point = certified_saddle_point(self.tasks, loss, search.policy(), search.prior / direction)
        return self._followed(point, loss, base, direction, search.gaps[-1], CLOSER * tolerance)

    def _followed(
        self,
        point: SaddlePoint,
        loss: BracketedLoss,
        base: np.ndarray,
        direction: np.ndarray,
        gap: float,
        wanted: float,
    ) -> Best[SaddlePoint]:
        """Follow the central path where rounds have stalled before the gap was as narrow as wanted."""
        self._steps = 0
        best = Best(point, point, self.method)
        apt = len(direction) <= MOST_FOLLOWED and self.tasks.optimum.values.min() >= RAREST_FOLLOWED
        if self.interrupted or not (apt and self.finite) or gap <= max(FINEST, wanted):
            return best
        try:
            policy, weights, self._steps = central_path(self.tasks, base, direction, gap=wanted)
        except KeyboardInterrupt:
            self.interrupted = True
            return best
        found = certified_saddle_point(self.tasks, loss, policy, weights)
        lowest = min(point, found, key=lambda one: one.upper)
        return Best(lowest, max(point, found, key=lambda one: one.lower), self.method)

    def behaviour(self, shares: np.ndarray) -> np.ndarray:
        """Return the one Markov policy that ends where the mixture of the policies ends, shape (T, C)."""
        return _behaviour(self.policies, shares)


def _behaviour(policies: Sequence[Responses], shares: np.ndarray) -> np.ndarray:
    return mixed_policy(policies, np.where(shares > NEGLIGIBLE * shares.max(), shares, 0.0))


class _Search:
    """The bounds, the best prior and the best mixture of one call.

    In units of `level_unit` the value is from 1 to ``K``, so that absolute tolerances are relative.
    """

    def __init__(self, program: Decomposition, base: np.ndarray, direction: np.ndarray) -> None:
        self._program, self._base = program, base
        self._unit = level_unit(program.tasks, direction)
        self._tasks = len(base)
        self._random = np.random.default_rng(0)  # the same question has the same answer
        self.lower, self.upper, self.gaps = -np.inf, np.inf, list[float]()
        self.prior = self._first = direction / direction.sum()
        self._best: tuple[tuple[Responses, ...], np.ndarray] = (), np.empty(0)
        self._from: tuple[np.ndarray, np.ndarray] | None = None

    def policy(self) -> np.ndarray:
        """Return the Markov policy of the best mixture."""
        return _behaviour(*self._best)

    def wide(self, tolerance: float) -> bool:
        """Whether the relative gap is above `tolerance`, and was worth the last rounds."""
        if not self.gaps:
            return True
        stalled = len(self.gaps) > PATIENCE and self.gaps[-1] > 0.5 * self.gaps[-1 - PATIENCE]
        return self.gaps[-1] > max(LEAST, tolerance) and not stalled and len(self.gaps) < MAX_ROUNDS

    def round(self) -> None:
        """Solve the master, ask around its point and forget what is not needed."""
        program, known = self._program, len(self._program.successes)
        payoff = (program.successes - self._base) / self._unit
        point = self._master(payoff.T)
        policies, priors = program.policies, self._around(point.prior)
        answers = (program.ask(priors / self._unit) - self._base) / self._unit
        if point.lower > self.lower:
            self.lower, self._best = point.lower, (policies, point.shares)
        bounds = np.sum(priors * answers, axis=1)
        best = int(bounds.argmin())
        if bounds[best] < self.upper:
            self.upper, self.prior = float(bounds[best]), priors[best]
        self.gaps.append(max(0.0, self.upper - self.lower) / max(1.0, abs(self.upper)))
        order = np.argsort(point.slack, kind="stable")
        # Many answers are the same: their copies must not take the places of others that the optimum mixes.
        first, group = groups(payoff[order], DIGITS)
        chosen = np.argsort(first)[: KEPT * self._tasks]
        chosen = chosen[np.argsort(order[first[chosen]])]
        program.keep(np.append(order[first[chosen]], np.arange(known, len(program.successes))))
        shares = np.append(np.bincount(group, point.shares[order])[chosen], np.zeros(len(answers)))
        self._from = point.prior, shares / shares.sum()

    def _master(self, payoff: np.ndarray) -> CentralPoint:
        """Solve the game over the policies known, from the last point, or afresh where that leads nowhere."""
        far = 0.1 * float(np.abs(self._first @ payoff).max())
        gap = self.upper - self.lower if self.gaps else far
        if self._from is not None:
            point = central_point(payoff, ROUGH * gap, *self._from, max(gap, LEAST))
            if point.upper - point.lower <= gap:
                return point
        even = np.full(payoff.shape[1], 1.0 / payoff.shape[1])
        return central_point(payoff, ROUGH * gap, self._first, even, far)

    def _around(self, point: np.ndarray) -> np.ndarray:
        """Return the priors to be asked, shape (n, K)."""
        random, gap = self._random, max(self.gaps[-1], LEAST) if self.gaps else 1.0
        near, far = np.log(min(0.5, NEAR * gap)), np.log(min(0.9, FAR * gap))
        raised = min(self._tasks, MOST_ASKED if self._program.finite else MOST_SOLVED)
        tasks = random.permutation(self._tasks)[:raised]

        def disturbed(count: int) -> np.ndarray:
            rate = np.exp(random.uniform(near, far, size=(count, 1)))
            priors = point * np.exp(rate * random.normal(size=(count, self._tasks)))
            return np.asarray(priors / priors.sum(axis=1, keepdims=True))

        more = np.exp(random.uniform(near, far, size=raised))
        one = (1.0 - more[:, None]) * disturbed(raised)
        one[np.arange(raised), tasks] += more
        priors = [point, self.prior, 0.5 * (point + self.prior), one, disturbed((raised + 1) // 2)]
        stacked = np.vstack(priors)
        return np.asarray(stacked / stacked.sum(axis=1, keepdims=True))
