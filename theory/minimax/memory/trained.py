"""The learner with memory that was trained on a task distribution ``q``, at its best in the worst case.

Training on ``q`` only asks for the smallest expected loss ``V`` under ``q``, and many learners have it:
under a uniform ``q`` every order in which to search the goals is Bayes-optimal, the fixed ones (whose worst
case is the goal searched last) and the uniformly random one, which is minimax (T12). So the worst case of
"the" trained learner depends on how ties are broken. Here they are broken as well as possible, by one more
choice of the adversary, who may charge a learner for its excess under ``q`` instead of picking a task:

    W(q) = min_f max( max_z loss_z(f), STRICTNESS (q . loss(f) - V) ).

A learner that attains it is Bayes-optimal up to ``W / STRICTNESS``. This is a game like any other with
memory: the adversary's weights ``(p, w)`` are a prior ``p + w STRICTNESS q``, and the decomposition of
`metaregret.theory.minimax.memory.solve` brackets its value. **[ext]**
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.theory.adversaries import Simplex, check_distribution
from metaregret.theory.minimax.memory.game import Column, MemoryGame
from metaregret.theory.minimax.memory.solve import Search, decompose

__all__ = ["STRICTNESS", "TrainedWithMemory", "trained_with_memory"]

STRICTNESS = 1e6
"""What the adversary may charge for a unit of excess expected loss: Bayes-optimal means to a relative 1e-6,
about as closely as proposals are computed."""


@dataclass(frozen=True, eq=False)
class TrainedWithMemory:
    """What learners that are Bayes-optimal for a prior lose in the worst case.

    Attributes
    ----------
    prior : ndarray, shape (Z,)
        ``q``.
    expected : Bracket
        ``V``, the smallest expected loss under the prior.
    worst_case : Bracket
        ``W(q)``, the largest loss on any task where ties are broken as well as possible. Of learners that
        are Bayes-optimal with no excess at all, ``lower`` is a lower bound too, ``upper`` need not be one.
    as_planned : float
        The same for the one deterministic learner that planning returns, its ties broken by the order of
        the actions.
    """

    prior: np.ndarray
    expected: Bracket
    worst_case: Bracket
    as_planned: float


def trained_with_memory(
    game: MemoryGame, prior: np.ndarray, *, tolerance: float = 1e-5, max_rounds: int = 2000
) -> TrainedWithMemory:
    """Return the best worst case of the learners that are Bayes-optimal for `prior`.

    Parameters
    ----------
    game : MemoryGame
        From `memory_game`, or ``proof.game`` of a solution with memory.
    prior : ndarray, shape (Z,)
        Task distribution trained on, in the order of ``game.names``.
    tolerance : float
        Relative width of the bracket at which to stop; rounding alone can account for 1e-6 and more.
    max_rounds : int

    Raises
    ------
    InvalidArgumentError
        If `prior` is not a distribution on the tasks.
    ConvergenceError
        With the bounds, if the limit on rounds is reached or rounding hides any further progress.
    """
    prior = check_distribution(prior, len(game.names), "prior")
    first = game.respond(prior)
    charged = _ChargedGame(game, prior, first.lower)
    search = Search()
    decompose(charged, Simplex(), np.eye(len(prior) + 1)[-1], search, tolerance, max_rounds)
    expected = float(prior @ first.loss) + game.allowance
    worst = Bracket(
        search.lower,
        search.upper,
        lower_from="Bayes-adaptive value iteration at a task distribution and a charge for excess",
        upper_from="losses of a mixture of learners, and the charge for its excess",
    )
    return TrainedWithMemory(
        prior, Bracket(first.lower, max(expected, first.lower)), worst, float(first.loss.max())
    )


@dataclass(frozen=True, eq=False)
class _ChargedGame:
    """The game with one more task, last: ``STRICTNESS`` times the expected loss above `least`."""

    game: MemoryGame
    prior: np.ndarray
    least: float

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.game.names, "excess under the prior")

    @property
    def allowance(self) -> float:
        return 2.0 * STRICTNESS * self.game.allowance

    def respond(self, prior: np.ndarray) -> Column:
        charge = STRICTNESS * float(prior[-1])
        weights = prior[:-1] + charge * self.prior
        total = float(weights.sum())
        best = self.game.respond(weights / total)
        excess = STRICTNESS * (float(self.prior @ best.loss) - self.least)
        lower = total * best.lower - charge * self.least
        return Column(prior, np.append(best.loss, excess), lower, best.learner)
