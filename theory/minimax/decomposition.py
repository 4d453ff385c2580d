"""The linear program of T4 by decomposition, for processes whose flow polytope is too large to write down.

    maximise s   subject to   rho_g >= base_g + s * direction_g  for all g,   rho in M

is a matrix game between task weights and policies: with ``r = (rho - base) / direction`` the value is
``max_{mixtures} min_p p . r = min_p max_{policies} p . r``. The policies found so far make a small matrix
game whose optimal ``p`` asks the planner for the best response, which is a new policy; the current best
``p``, halfway to the optimal one, is asked as well, which keeps the number of rounds small. It starts from
all goal-conditioned policies: on grids these are usually all that the optimum mixes. The bracket that
stops it is that of the monolithic program: the mixture's own policy and the weights, both evaluated afresh.

Source: Dantzig & Wolfe, *Decomposition principle for linear programs* (1960); in-out stabilisation:
Ben-Ameur & Neto (2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaregret.tabular.response import best_responses, mixed_policy
from metaregret.theory.adversaries import Simplex
from metaregret.theory.minimax.flow_program import SaddlePoint, certified_saddle_point
from metaregret.theory.minimax.memory.master import MatrixGame
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, Best
from metaregret.theory.regret import BracketedLoss
from metaregret.theory.success import SuccessTasks

__all__ = ["Decomposition"]

MAX_STALLED_ROUNDS = 10
"""Rounds without any progress after which rounding, not the game, is in the way."""

MAX_POLICIES = 20_000
NEGLIGIBLE = 1e-13
"""Policies with a smaller share of the mixture are left out before it is evaluated."""


class Decomposition:
    """Same interface as `FlowProgram`; policies found in one call serve the next.

    Attributes
    ----------
    interrupted : bool
        Whether a keyboard interrupt ended the last call.
    """

    def __init__(self, tasks: SuccessTasks) -> None:
        self.tasks = tasks
        self.interrupted = False
        self._parts = [tasks.responses]
        self._successes = list((tasks.success.T @ tasks.responses.terminal.T).T)

    @property
    def size(self) -> dict[str, int]:
        """Numbers for the report."""
        return {"policies": len(self._successes)}

    @property
    def method(self) -> str:
        """A phrase for the report."""
        return "decomposition: value iteration and a matrix game over policies (HiGHS)"

    def _ask(self, weights: np.ndarray) -> np.ndarray:
        """Add the best responses to rows of task weights, shape (n, K); return their success
        probabilities."""
        rewards = self.tasks.success @ weights.T
        compiled = self._parts[0].policies is None
        self._parts.append(best_responses(self.tasks.process, rewards, compiled=compiled))
        success = (self.tasks.success.T @ self._parts[-1].terminal.T).T
        self._successes.extend(success)
        return success

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
        # The value is about 1 / K in these units; scaled to about 1, the master's absolute tolerances are
        # relative.
        scaled = direction / len(base)
        game = MatrixGame(len(base), Simplex())
        for success in self._successes:
            game.add((base - success) / scaled)
        best = np.full(len(base), 1.0 / len(base))
        lower, upper = -np.inf, np.inf
        mixture = np.full(len(self._successes), 1.0 / len(self._successes))
        stalled = 0
        try:
            while stalled < MAX_STALLED_ROUNDS and len(self._successes) < MAX_POLICIES:
                prior, shares = game.solve()
                value = float(np.max(shares @ game.losses))
                stalled += 1
                if value < upper:
                    upper, mixture, stalled = value, shares, 0
                points = np.stack([prior, 0.5 * (prior + best)])
                responses = self._ask(points / scaled)
                losses = (base - responses) / scaled
                bounds = np.sum(points * losses, axis=1)
                for point, bound, row in zip(points, bounds, losses, strict=True):
                    if bound > lower:
                        lower, best, stalled = float(bound), point, 0
                    game.add(row)
                if upper - lower <= 0.1 * tolerance * max(1.0, abs(lower)):
                    break
        except KeyboardInterrupt:
            if not np.isfinite(lower):
                raise
            self.interrupted = True  # what was found so far is certified all the same
        point = certified_saddle_point(self.tasks, loss, self._behaviour(mixture), best / direction)
        return Best(point, point, self.method)

    def _behaviour(self, mixture: np.ndarray) -> np.ndarray:
        """Return the one Markov policy with the terminal distribution of the mixture, shape (T, C).

        Its choice weights at a step and state are proportional to the mixture's flow through them.
        """
        return mixed_policy(self._parts, np.where(mixture > NEGLIGIBLE * mixture.max(), mixture, 0.0))
