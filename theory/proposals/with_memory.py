"""From a proposal to the regret of a learner with memory that was trained on its goals.

The learner is Bayes-optimal for goals drawn from the proposal over all history-dependent procedures of
``N`` episodes (what a recurrent meta-learner can represent), with ties broken as well as possible in the
worst case (`metaregret.theory.minimax.memory.trained`). Its worst case over the reachable goals stands
beside the minimax regret of learners with memory.

Proposals are computed numbers, in which a tie may be off by rounding, so that a learner counts as
Bayes-optimal if its excess under the proposal is at most a millionth of its worst case. Such learners can
lose a little less than any that is Bayes-optimal exactly, whose best worst case lies between
``worst_case.lower`` and ``as_planned``, and may lie above ``worst_case.upper``.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax.memory import estimate_size, trained_with_memory
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.proposals.references import memory_minimax_of
from metaregret.theory.tasks import GoalTasks

__all__ = ["MAX_EDGES", "WithMemory", "with_memory"]

MAX_EDGES = 3_000_000
"""Largest hyperstate graph searched: a fraction of a second for each of some hundred best responses."""


@dataclass(frozen=True, eq=False)
class WithMemory:
    """The regret of the learner with memory that a proposal trains, beside the best possible.

    Attributes
    ----------
    episodes : int
        ``N``.
    expected : Bracket
        Its expected regret on the goals it was trained on, the smallest possible.
    worst_case : Bracket
        Its worst-case regret over the reachable goals, ties broken as well as possible; Bayes-optimal to a
        relative 1e-6 (see the module).
    as_planned : float
        The same with ties broken by the order of the actions, as a planner would.
    minimax : MinimaxSolution
        Of learners with memory.
    """

    episodes: int
    expected: Bracket
    worst_case: Bracket
    as_planned: float
    minimax: MinimaxSolution

    @property
    def price(self) -> float:
        """Worst-case regret over the minimax regret: 1 where both vanish."""
        best, own = self.minimax.value.midpoint, self.worst_case.midpoint
        if best <= 1e-9:
            return 1.0 if own <= 1e-6 else math.inf
        return own / best


def with_memory(
    process: ControlledMarkovProcess, goal_distribution: np.ndarray, episodes: int | None = None
) -> WithMemory:
    """Return the worst case of the learner with memory trained on goals drawn from a distribution.

    Parameters
    ----------
    process : ControlledMarkovProcess
        With a finite horizon.
    goal_distribution : ndarray, shape (S,)
        Goals that cannot be reached are left out of it.
    episodes : int, optional
        ``N``; by default one for every reachable goal, after which more change nothing without noise.

    Raises
    ------
    InvalidArgumentError
        If `episodes` is not positive, or no reachable goal has positive probability.
    UnsupportedError
        At a geometric horizon.
    InstanceTooLargeError
        If the hyperstate graph may have more than three million edges; before time is spent.
    ConvergenceError
        If a bracket does not close.
    """
    goals = np.flatnonzero(goal_support(process))
    tasks = GoalTasks(process, goals)
    count = len(goals) if episodes is None else episodes
    p = np.asarray(goal_distribution, dtype=float)[goals]
    if not p.sum() > 0:
        raise InvalidArgumentError("Expected a reachable goal of positive probability, but got none.")
    edges = estimate_size(tasks, count).edges
    if edges > MAX_EDGES:
        raise InstanceTooLargeError(
            f"Learners with memory on {process.name!r} with N={count} have up to {edges} hyperstate edges, "
            f"more than {MAX_EDGES}; ask for fewer episodes or a smaller process."
        )
    minimax = memory_minimax_of(process, count)
    found = trained_with_memory(minimax.mixture_proof.game, p / p.sum())
    # No learner does better than minimax: that bound is often the tighter one.
    lower = max(found.worst_case.lower, min(minimax.value.lower, found.worst_case.upper))
    worst = dataclasses.replace(found.worst_case, lower=lower)
    return WithMemory(count, found.expected, worst, found.as_planned, minimax)
