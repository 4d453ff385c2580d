"""Hypothesis strategies for the objects of the theory, for property-based tests of one's own.

Task families on generated processes, task distributions, explorations and learners with memory; all rational.
Strategies for the processes and policies themselves are in `metaregret.tabular.strategies`.

Every learner loses at most one reward in every episode, and at worst what the oracle can get:

>>> from hypothesis import given, settings
>>> from metaregret.theory.strategies import goal_tasks, learners
>>> from metaregret.tabular.strategies import processes
>>> from hypothesis import strategies as st
>>> situations = goal_tasks(processes(max_states=3, max_steps=2, geometric=False)).flatmap(
...     lambda tasks: st.tuples(st.just(tasks), learners(tasks, episodes=2)))
>>> @settings(max_examples=20, deadline=None)
... @given(situations)
... def test_losses_are_bounded(situation):
...     tasks, learner = situation
...     assert all(0 <= r <= 2 * v for r, v in zip(learner.returns, learner.optimum))
>>> test_losses_are_bounded()
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.choices import choice
from metaregret.tabular.domains import once
from metaregret.tabular.goals import goal_support
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.tabular.strategies import distributions, integer_lists, processes
from metaregret.theory.claims.oracles import bayes_learner
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

__all__ = [
    "GeneratedLearner",
    "goal_tasks",
    "learners",
    "reward_tasks",
    "symmetric_processes",
    "task_distributions",
    "trajectory_tasks",
]

SMALL = processes(max_states=3, max_actions=2, max_steps=2, geometric=False)
"""The processes that the task strategies draw unless told otherwise: small enough for brute force."""


@st.composite
def goal_tasks(
    draw: st.DrawFn,
    process: st.SearchStrategy[ControlledMarkovProcess] = SMALL,
    *,
    detect: Detection | str | None = None,
    all_goals: bool = False,
) -> GoalTasks:
    """Goals that can be reached, on a generated process.

    Parameters
    ----------
    process : SearchStrategy
    detect : Detection, optional
        When goals are noticed; either, by default.
    all_goals : bool
        Whether every reachable state is a goal; otherwise a non-empty subset is.
    """
    detect = None if detect is None else choice(Detection, detect, "detect")
    drawn = draw(process)
    when = draw(st.sampled_from(Detection)) if detect is None else detect
    reachable = np.flatnonzero(goal_support(drawn, visit=when is Detection.VISIT))
    if all_goals:
        return GoalTasks(drawn, reachable, when)
    kept = draw(st.lists(st.sampled_from(reachable.tolist()), min_size=1, unique=True))
    return GoalTasks(drawn, np.array(sorted(kept)), when)


def trajectory_tasks(
    process: st.SearchStrategy[ControlledMarkovProcess] = SMALL,
) -> st.SearchStrategy[TrajectoryTasks]:
    """Every trajectory of a generated process as a task; keep the horizon short."""
    return process.map(TrajectoryTasks)


@st.composite
def reward_tasks(
    draw: st.DrawFn,
    process: st.SearchStrategy[ControlledMarkovProcess] = SMALL,
    *,
    max_tasks: int = 3,
    levels: int = 2,
) -> RewardTasks:
    """Reward tables with values ``0, 1 / levels, ..., 1`` on a generated process."""
    drawn = draw(process)
    table = integer_lists(drawn.n_transitions, 0, levels).map(lambda row: [Fraction(k, levels) for k in row])
    tables = draw(st.lists(table, min_size=1, max_size=max_tasks))
    return RewardTasks(drawn, RewardTables.from_exact(drawn, Labels(len(tables), "task"), tables))


def task_distributions(
    tasks: GoalTasks | RewardTasks, *, positive: bool = False
) -> st.SearchStrategy[list[Fraction]]:
    """Rational distributions on a task family; point masses and zeros included unless `positive`."""
    return distributions(len(tasks.names), positive=positive)


@dataclass(frozen=True)
class GeneratedLearner:
    """A learner with memory and what it gets.

    Attributes
    ----------
    belief : list of Fraction
        The task distribution to which it is a best response: one way to name a deterministic learner.
    optimum, returns : tuple of Fraction
        ``v*_g`` and ``R(f, g)`` over all episodes, for every goal.
    episodes : int
    """

    belief: list[Fraction]
    optimum: tuple[Fraction, ...]
    returns: tuple[Fraction, ...]
    episodes: int

    @property
    def regrets(self) -> list[Fraction]:
        """Oracle-baseline regret on every goal."""
        return [self.episodes * v - r for v, r in zip(self.optimum, self.returns, strict=True)]


@st.composite
def learners(draw: st.DrawFn, tasks: GoalTasks, *, episodes: int = 2) -> GeneratedLearner:
    """Deterministic learners with memory, each optimal for some task distribution; evaluated exactly.

    Parameters
    ----------
    tasks : GoalTasks
        On an exact process with a finite horizon, small enough for brute force.
    episodes : int
    """
    belief = draw(task_distributions(tasks))
    optimum, returns = bayes_learner(tasks.process, tasks.goals.tolist(), belief, episodes, tasks.detect)
    return GeneratedLearner(belief, optimum, returns, episodes)


@once
@st.composite
def symmetric_processes(draw: st.DrawFn, *, max_steps: int = 2) -> ControlledMarkovProcess:
    """Processes whose every state offers the same noisy moves: cyclic shifts (or sums modulo 2) of one row.

    The last step alone decides where an episode ends, and the outcomes form a symmetric channel (T15). A
    further move may be a mixture of two rows, which changes nothing.
    """
    size = draw(st.sampled_from((2, 3, 4)))
    row = draw(distributions(size, largest=5))
    modulo_two = size == 4 and draw(st.booleans())
    rows = [[row[s ^ g if modulo_two else (s - g) % size] for s in range(size)] for g in range(size)]
    if draw(st.booleans()):
        rows.append([(a + b) / 2 for a, b in zip(rows[0], rows[1], strict=True)])
    moves = [(s, a, t, p) for s in range(size) for a, one in enumerate(rows) for t, p in enumerate(one) if p]
    return ControlledMarkovProcess.from_transitions(
        moves,
        states=size,
        actions=len(rows),
        initial=0,
        horizon=draw(st.integers(1, max_steps)),
        name="symmetric",
    )
