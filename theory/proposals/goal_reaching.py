"""Goals proposed by name: each with its goal-conditioned policy, whatever the policies end in on the way."""

from __future__ import annotations

import numpy as np

from metaregret.tabular.response import goal_responses
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
    indicators = np.zeros((len(goals), process.n_states))
    indicators[np.arange(len(goals)), goals] = 1.0
    part = Part(1.0, request.outcome, weights[goals], goal_responses(process, goals).weights, indicators)
    return Draft((part,), goal_distribution=request.outcome.marginal(weights))
