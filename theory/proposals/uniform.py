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

from metaregret.theory.proposals.goal_reaching import goal_reaching
from metaregret.theory.proposals.request import Draft, Method, Request

__all__ = ["METHOD", "uniform"]


def uniform(request: Request) -> Draft:
    """Return the goal-conditioned policies of equally likely goals."""
    weights = np.zeros(request.outcome.process.n_states)
    weights[request.support[: request.skills]] = 1.0
    return goal_reaching(request, weights / weights.sum())


METHOD = Method("uniform", "every reachable goal equally likely", uniform, seeded=False)
