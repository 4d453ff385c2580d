"""Task families: which rewards an adversary may choose from (definitions of the task families, section
"Objects").

* `GoalTasks`: ``r_g = 1{s_T = g}`` (detected at the end of the episode) or ``1`` on the first visit to ``g``
  (detected on the way).
* `TrajectoryTasks`: ``r_tau* = 1{tau = tau*}``.
* `RewardTasks`: any finite list of tables ``r_z(s, a, s')``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError, UnreachableGoalError, UnsupportedError
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables

__all__ = ["Detection", "GoalTasks", "RewardTasks", "TaskFamily", "TrajectoryTasks"]


class Detection(Enum):
    """When a goal is noticed.

    Examples
    --------
    >>> import metaregret as mr
    >>> line = mr.make("line:5,start=2", horizon=4)
    >>> [str(mr.solve(mr.goals(line, detect=how), learner="memory", episodes=5, exact=True).value.exact)
    ...     for how in (mr.Detection.END, mr.Detection.VISIT)]
    ['2', '1/2']
    """

    END = "end"
    VISIT = "visit"


@dataclass(frozen=True, eq=False)
class GoalTasks:
    """Goal-reaching tasks on a process.

    Attributes
    ----------
    process : ControlledMarkovProcess
    goals : ndarray of int, shape (K,)
        Distinct state indices, increasing.
    detect : Detection
        At the end of the episode (``s_T = g``) or on the first visit (``s_t = g``, ``t = 0..T``).

    Raises
    ------
    InvalidArgumentError
        If there is no goal, or a goal is repeated or is not a state.

    Examples
    --------
    >>> import metaregret as mr
    >>> tasks = mr.goals(mr.make("line:3", horizon=2))
    >>> type(tasks).__name__, list(tasks.names)
    ('GoalTasks', ['0', '1', '2'])
    """

    process: ControlledMarkovProcess
    goals: np.ndarray
    detect: Detection = Detection.END

    def __post_init__(self) -> None:
        object.__setattr__(self, "detect", choice(Detection, self.detect, "detect"))
        goals = np.unique(np.asarray(self.goals, dtype=np.int64))
        if not len(goals):
            raise InvalidArgumentError("The task set is empty; name at least one goal.")
        if len(goals) != len(self.goals):
            raise InvalidArgumentError("A goal is named twice; name each goal once.")
        if goals[0] < 0 or goals[-1] >= self.process.n_states:
            raise InvalidArgumentError(
                f"Expected goals in 0..{self.process.n_states - 1}, but got "
                f"{int(goals[0])}..{int(goals[-1])}."
            )
        if self.detect is Detection.END and self.process.has_copies:
            raise UnsupportedError(
                f"The goals of {self.process.name!r} are passed on several paths and noticed on the way; "
                "ask for detect 'visit'."
            )
        goals.setflags(write=False)
        object.__setattr__(self, "goals", goals)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the goals, in order."""
        return tuple(self.process.states[int(goal)] for goal in self.goals)

    @classmethod
    def reachable(
        cls, process: ControlledMarkovProcess, detect: Detection | str = Detection.END
    ) -> GoalTasks:
        """All goals with ``v*_g > 0``; states that count as no goal, or as another, are left out.

        Raises
        ------
        UnreachableGoalError
            If no goal has a positive probability.
        """
        detect = choice(Detection, detect, "detect")
        from metaregret.tabular.goals import goal_support

        able = process.goal_of == np.arange(process.n_states)
        goals = np.flatnonzero(goal_support(process, visit=detect is Detection.VISIT) & able)
        if not len(goals):
            raise UnreachableGoalError(
                f"No state of {process.name!r} can be reached; check the initial state."
            )
        return cls(process, goals, detect)


@dataclass(frozen=True, eq=False)
class TrajectoryTasks:
    """Every sequence of states and actions of positive probability under some policy is a task.

    Examples
    --------
    >>> import metaregret as mr
    >>> tasks = mr.trajectories(mr.make("line:3", horizon=2))
    >>> mr.solve(tasks, exact=True).value.exact
    Fraction(8, 1)
    """

    process: ControlledMarkovProcess


@dataclass(frozen=True, eq=False)
class RewardTasks:
    """A finite list of reward tables; an episode's reward is the sum over its steps.

    Examples
    --------
    >>> import metaregret as mr
    >>> tasks = mr.rewards(mr.make("line:3", horizon=2), {"right": [("2", "*", "2", 1)]})
    >>> type(tasks).__name__, list(tasks.names)
    ('RewardTasks', ['right'])
    """

    process: ControlledMarkovProcess
    tables: RewardTables

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(self.tables.tasks)

    @property
    def labels(self) -> Labels:
        """The task names as labels."""
        return self.tables.tasks


TaskFamily = GoalTasks | TrajectoryTasks | RewardTasks
