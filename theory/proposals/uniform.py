"""Uniform goals: every reachable goal equally likely, each with its goal-conditioned policy.

Objective: none; the proposal that is minimax where every goal can be reached with certainty (T4, T5). The
proposed distribution of goals is uniform whatever the dynamics; the marginal of its policies is that only
without noise.

Made discrete: nothing. With ``skills=K`` only the first ``K`` reachable goals are proposed (a coverage
hole, C8).

Source: T5 of the source (arXiv 1806.04640, goal-reaching case).
"""

from __future__ import annotations

import numpy as np

from tabular.goals import goal_values
from tabular.policy import deterministic_policy
from theory.proposals.request import Draft, Method, Part, Request

__all__ = ["METHOD", "uniform"]


def uniform(request: Request) -> Draft:
    """Return the goal-conditioned policies of equally likely goals."""
    process = request.outcome.process
    goals = request.support[: request.skills]
    choices = goal_values(process, goals, policies=True).policies
    assert choices is not None
    policies = tuple(deterministic_policy(process, choices[..., i]) for i in range(len(goals)))
    proposed = np.zeros(process.n_states)
    proposed[goals] = 1.0 / len(goals)
    rewards = np.eye(process.n_states)[goals]
    part = Part(1.0, request.outcome, np.full(len(goals), 1.0 / len(goals)), policies, rewards)
    return Draft((part,), goal_distribution=request.outcome.marginal(proposed))


METHOD = Method("uniform", "every reachable goal equally likely", uniform)
