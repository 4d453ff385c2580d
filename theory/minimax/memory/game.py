"""The zero-sum game between a task adversary and learners with memory: losses, and exact best responses.

The adversary draws a task from ``p``; the learner, who knows ``p``, plays any history-dependent procedure.
With the oracle baseline the loss of a learner on task ``z`` is linear in its payoff,

    loss_z(f) = scale_z (offset_z - R(f, z)),

so for a fixed ``p`` the best learner is that of a Bayes-adaptive problem with weights ``p_z scale_z`` on
the tasks (THEORY, section 5). `MemoryGame.respond` solves it exactly and returns both a lower bound on the
minimax value and the per-task losses of one deterministic learner.

* regret: ``scale = 1``, ``offset = N v*``;
* hitting time: ``R`` is minus the cost until the first success, ``offset = 0``;
* ratio: the same with ``scale_z = 1 / (smallest expected cost of task z)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.hyperstate import (
    EpisodeGraph,
    GraphSize,
    HyperstateGraph,
    build,
    build_graph,
    size_bound,
)
from metaregret.tabular.hyperstate.learner import DeterministicLearner
from metaregret.tabular.hyperstate.signals import Signals, goal_signals, reward_signals
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks

__all__ = ["Column", "MemoryGame", "estimate_size", "memory_game"]


@dataclass(frozen=True, eq=False)
class Column:
    """A deterministic learner and what it loses.

    Attributes
    ----------
    prior : ndarray, shape (Z,)
        The task distribution to which the learner is a best response.
    loss : ndarray, shape (Z,)
        Its loss on each task, up to the game's rounding allowance.
    lower : float
        A certified lower bound on ``min_f E_prior[loss]``.
    learner : DeterministicLearner
    """

    prior: np.ndarray
    loss: np.ndarray
    lower: float
    learner: DeterministicLearner


@dataclass(frozen=True, eq=False)
class MemoryGame:
    """A task family, a number of episodes and a criterion, ready to be played.

    Attributes
    ----------
    names : tuple of str
        The ``Z`` tasks (for the ratio, those of positive smallest cost).
    graph : HyperstateGraph or EpisodeGraph
    task_class : ndarray of int64, shape (Z,)
        Class of each task in the graph.
    scale, offset : ndarray of float64, shape (Z,)
    episodes : int
        Episodes played.
    allowance : float
        Bound on the rounding error of any loss or lower bound.
    """

    names: tuple[str, ...]
    graph: HyperstateGraph | EpisodeGraph
    task_class: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    episodes: int
    criterion: Criterion
    allowance: float

    @property
    def unit(self) -> float:
        """A power of two near the largest loss, where that is beyond what linear programs are made for."""
        signals = self.graph.signals
        largest = float(self.scale.max()) * self.episodes * signals.largest_payoff
        return 2.0 ** max(0, math.frexp(largest)[1] - 20)

    def respond(self, prior: np.ndarray) -> Column:
        """Return the Bayes-optimal learner for a task distribution, shape (Z,)."""
        weights = np.bincount(self.task_class, prior * self.scale, minlength=self.graph.signals.n_classes)
        best = self.graph.bayes_optimal(weights)
        loss = self.scale * (self.offset - best.payoff[self.task_class])
        lower = float(prior @ (self.scale * self.offset)) - best.value - self.allowance
        return Column(prior, loss, lower, best.learner)


def memory_game(
    tasks: GoalTasks | RewardTasks,
    episodes: int,
    criterion: Criterion | str,
    max_edges: int,
    *,
    collapse: bool = True,
) -> MemoryGame:
    """Build the game: signals, hyperstate graph, losses.

    Parameters
    ----------
    collapse : bool
        Whether steps that reveal nothing may be left out of the graph.

    Raises
    ------
    InvalidArgumentError
        If `episodes` is not a whole number of at least one.
    UnsupportedError
        For costs until the first success of general rewards, which define no success, and geometric horizons.
    InstanceTooLargeError
    """
    criterion = choice(Criterion, criterion, "criterion")
    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 1:
        raise InvalidArgumentError(
            f"Expected episodes to be a whole number >= 1, but got episodes={episodes!r}."
        )
    signals = _signals(tasks, criterion)
    graph = (build if collapse else build_graph)(signals, episodes, max_edges=max_edges)
    start = graph.known.start[0][signals.task_class]
    names, task_class = np.array(tasks.names), signals.task_class
    if criterion.relative:
        kept = np.flatnonzero(start < 0)
        if not len(kept):
            raise UnsupportedError(
                "Every goal is found at no cost at the start, so no cost ratio is defined; add another goal."
            )
        names, task_class, start = names[kept], task_class[kept], start[kept]
    scale, offset = criterion.weigh(start)
    return MemoryGame(
        names=tuple(map(str, names)),
        graph=graph,
        task_class=task_class,
        scale=scale,
        offset=offset,
        episodes=episodes,
        criterion=criterion,
        allowance=_allowance(signals, episodes) * float(scale.max()),
    )


def estimate_size(
    tasks: GoalTasks | RewardTasks, episodes: int, criterion: Criterion | str = Criterion.REGRET
) -> GraphSize:
    """Return an upper bound on the size of the hyperstate graph, in no time and memory."""
    criterion = choice(Criterion, criterion, "criterion")
    return size_bound(_signals(tasks, criterion), episodes)


def _signals(tasks: GoalTasks | RewardTasks, criterion: Criterion) -> Signals:
    if isinstance(tasks, GoalTasks):
        visit = tasks.detect is Detection.VISIT
        return goal_signals(tasks.process, tasks.goals, visit=visit, costs=criterion.costs)
    if not isinstance(tasks, RewardTasks):
        raise UnsupportedError(
            f"Learners with memory are solved for goals and reward tables, not {type(tasks).__name__}; "
            "write the tasks as reward tables."
        )
    if criterion.costs:
        raise UnsupportedError(
            f"Criterion {criterion.value!r} counts the cost until the first success, which general rewards "
            "do not define; use criterion regret, or goals."
        )
    return reward_signals(tasks.tables)


def _allowance(signals: Signals, episodes: int) -> float:
    """Bound the rounding error of a payoff.

    Every term of a payoff passes through at most one rounding for each layer and each operation there: the
    product with a probability (itself rounded), a sum over successors and blocks, the toll. Sums over
    hyperstates, of what they pay and of the ways to reach one, are compensated
    (`metaregret.tabular.hyperstate.kernels.add`) and cost two. The terms of any learner sum to at most ``N``
    times the largest payoff of an episode in absolute value, twice for the difference to the offset.
    """
    process = signals.process
    widest = int(np.diff(process.offsets).max()) + signals.n_classes + 6
    roundings = episodes * (signals.steps + 1) * widest + 4 * signals.n_tasks
    return 2.0 * episodes * signals.largest_payoff * relative_error(roundings)
