"""The capacity of the goal-conditioned skills alone: one optimal policy per goal, no other policies
considered.

A lower bound of the capacity of the process, and the exact optimum of what methods with one skill per goal
can reach when each skill is an optimal goal-reaching policy. For processes that are too large for
`process_capacity`, whose search for better skills then has no end in sight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.goals import goal_support
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import deterministic_policy, forward_error, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import Responses, goal_responses
from metaregret.theory.information import channel_capacity
from metaregret.theory.skills.skill import least_information

__all__ = ["GoalSkills", "goal_skills"]


@dataclass(frozen=True, eq=False)
class GoalSkills:
    """The best distribution over goal-conditioned skills.

    Attributes
    ----------
    information : float
        Certified lower bound on ``I(s_T; z)`` of these skills, in nats, the errors of their ends included.
    goal_distribution : ndarray, shape (S,)
        Their terminal marginal.
    probabilities : ndarray, shape (K,)
        ``p(z)``, one skill per reachable goal.
    """

    information: float
    goal_distribution: np.ndarray
    probabilities: np.ndarray


def goal_skills(process: ControlledMarkovProcess, *, tolerance: float = 1e-9) -> GoalSkills:
    """Return the most informative distribution over goal-conditioned skills (ties between actions: the
    first).

    Parameters
    ----------
    tolerance : float
        Wanted gap to the most of these skills, in nats.

    Raises
    ------
    ConvergenceError
        If the gap does not close.
    """
    goals = goal_responses(process, np.flatnonzero(goal_support(process)))
    p = channel_capacity(goals.terminal, tolerance=tolerance).input_distribution
    ends, error = _certain(process, goals)
    return GoalSkills(least_information(p, ends, error), p @ ends, p)


def _certain(process: ControlledMarkovProcess, goals: Responses) -> tuple[np.ndarray, np.ndarray]:
    """Return where the policies end, and bounds on the errors, each of shape (K, S)."""
    if isinstance(process.horizon, FiniteHorizon):
        relative, absolute = forward_error(process, process.horizon.steps)
        return goals.terminal, goals.terminal * relative + absolute
    found = [terminal_distribution(process, deterministic_policy(process, one)) for one in goals.choices.T]
    ends = np.stack([each.probabilities for each in found])
    return ends, np.stack([each.upper for each in found]) - ends
