"""Goals proposed by name: each with its goal-conditioned policy, whatever the policies end in on the way."""

from __future__ import annotations

import numpy as np

from metaregret.tabular.goals import goal_values
from metaregret.tabular.policy import deterministic_policy
from metaregret.theory.proposals.request import Draft, Part, Request
from metaregret.theory.skills.skill_search import require_room

__all__ = ["goal_reaching"]


def goal_reaching(request: Request, weights: np.ndarray) -> Draft:
    """Return the draft that proposes goals with given probabilities.

    Parameters
    ----------
    request : Request
    weights : ndarray, shape (S',)
        A distribution on the states of ``request.outcome.process``.
    """
    process = request.outcome.process
    goals = np.flatnonzero(weights)
    require_room(process, len(goals))
    choices = goal_values(process, goals, policies=True).policies
    assert choices is not None
    policies = tuple(deterministic_policy(process, choices[..., i]) for i in range(len(goals)))
    indicators = np.zeros((len(goals), process.n_states))
    indicators[np.arange(len(goals)), goals] = 1.0
    part = Part(1.0, request.outcome, weights[goals], policies, indicators)
    return Draft((part,), goal_distribution=request.outcome.marginal(weights))
