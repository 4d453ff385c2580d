"""The Bayes-optimal meta-learner for a task distribution ``q``: what meta-training on ``q`` gives at best.

It minimises the expected loss under ``q`` over all history-dependent procedures. Meeting tasks from another
distribution ``p`` it loses ``p . loss``, at worst its largest per-task loss; the best learner for ``p``
shows how much of that is the price of having trained on ``q``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.choices import choice
from metaregret.tabular.hyperstate import DeterministicLearner
from metaregret.theory.adversaries import Adversary, Simplex, check_distribution
from metaregret.theory.minimax.memory.game import MemoryGame, memory_game
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.question import DEFAULT_MAX_EDGES
from metaregret.theory.tasks import GoalTasks, RewardTasks

__all__ = ["BayesLearner", "bayes_optimal"]


@dataclass(frozen=True, eq=False)
class BayesLearner:
    """The Bayes-optimal learner for a prior.

    Attributes
    ----------
    prior : ndarray, shape (K,)
    value : Bracket
        Its expected loss under the prior, the smallest of all learners.
    tasks : tuple of str
    per_task : ndarray, shape (K,)
        Its loss on each task.
    learner : DeterministicLearner
        Its choice in every hyperstate that it reaches.
    game : MemoryGame
    """

    prior: np.ndarray
    value: Bracket
    tasks: tuple[str, ...]
    per_task: np.ndarray
    learner: DeterministicLearner
    game: MemoryGame

    def loss_against(self, p: np.ndarray) -> Bracket:
        """Return its expected loss when tasks come from `p`, shape (K,)."""
        p = check_distribution(p, len(self.tasks), "p")
        return self._around(float(p @ self.per_task))

    def excess_against(self, p: np.ndarray) -> Bracket:
        """Return how much more it loses under `p` than the learner that is Bayes-optimal for `p`."""
        p = check_distribution(p, len(self.tasks), "p")
        column = self.game.respond(p)
        own = self.loss_against(p)
        return Bracket(
            max(0.0, own.lower - float(p @ column.loss) - self.game.allowance),
            max(0.0, own.upper - column.lower),
        )

    def worst_case(self, adversary: Adversary | None = None) -> Bracket:
        """Return its largest expected loss over the adversary's distributions, all of them by default."""
        chosen = Simplex() if adversary is None else adversary
        found = float(chosen.response(self.per_task) @ self.per_task)
        upper = max(found, chosen.worst(self.per_task))
        return Bracket(found - self.game.allowance, upper + self.game.allowance)

    def _around(self, loss: float) -> Bracket:
        return Bracket(loss - self.game.allowance, loss + self.game.allowance)


def bayes_optimal(
    tasks: GoalTasks | RewardTasks,
    prior: np.ndarray,
    episodes: int,
    *,
    criterion: Criterion | str = Criterion.REGRET,
    max_edges: int = DEFAULT_MAX_EDGES,
) -> BayesLearner:
    """Return the learner with memory of smallest expected loss when tasks are drawn from `prior`.

    Parameters
    ----------
    prior : ndarray, shape (K,)
        One probability per task, in the order of ``tasks.names`` (for the ratio: of the goals with positive
        cost).

    Raises
    ------
    InvalidArgumentError
        If `prior` is not a distribution over the tasks.
    InstanceTooLargeError, UnsupportedError
        As in `solve_memory`.
    """
    game = memory_game(tasks, episodes, choice(Criterion, criterion, "criterion"), max_edges)
    prior = check_distribution(prior, len(game.names), "prior")
    column = game.respond(prior)
    upper = max(float(prior @ column.loss) + game.allowance, column.lower)
    return BayesLearner(prior, Bracket(column.lower, upper), game.names, column.loss, column.learner, game)
