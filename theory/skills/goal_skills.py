"""The capacity of the goal-conditioned skills alone: one optimal policy per goal, no other policies
considered.

A lower bound of the capacity of the process, and the exact optimum of what methods with one skill per goal
can reach when each skill is an optimal goal-reaching policy. For processes that are too large for
`process_capacity`, whose search for better skills then has no end in sight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import goal_responses
from metaregret.theory.information import channel_capacity

__all__ = ["GoalSkills", "goal_skills"]


@dataclass(frozen=True, eq=False)
class GoalSkills:
    """The best distribution over goal-conditioned skills.

    Attributes
    ----------
    mutual_information : Bracket
        ``max_p I(s_T; z)`` over distributions ``p`` on these skills, in nats.
    goal_distribution : ndarray, shape (S,)
        The terminal marginal at the optimum.
    probabilities : ndarray, shape (K,)
        ``p(z)``, one skill per reachable goal.
    """

    mutual_information: Bracket
    goal_distribution: np.ndarray
    probabilities: np.ndarray


def goal_skills(process: ControlledMarkovProcess, *, tolerance: float = 1e-9) -> GoalSkills:
    """Return the most informative distribution over goal-conditioned skills (ties between actions: the
    first).

    Parameters
    ----------
    tolerance : float
        Wanted gap in nats.

    Raises
    ------
    ConvergenceError
        If the bracket does not close.
    """
    goals = goal_responses(process, np.flatnonzero(goal_support(process)))
    result = channel_capacity(goals.terminal, tolerance=tolerance)
    return GoalSkills(result.capacity, result.output_distribution, result.input_distribution)
