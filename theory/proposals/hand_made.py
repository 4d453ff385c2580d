"""Hand-made: the designer proposes the very tasks that the learner will be tested on.

Objective: none; the proposed goals are the test distribution, ``Request.test``. Without one the worst case
is the test: the goals are the least-favourable distribution of the minimax game, which is what the
adversary would play, and the Bayes-optimal learner trained on it is the minimax learner itself (T4). This
is the baseline that an unsupervised proposal can at best equal.

Made discrete: nothing; every goal comes with its goal-conditioned policy, planned exactly. With
``skills=K`` the ``K`` most probable goals are kept.

Differs from the source: its hand-made distributions belong to single domains; here any distribution of goals
will do.

Source: the "hand-specified" meta-training distribution of arXiv 1806.04640.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.goals import goal_support
from metaregret.theory.proposals.goal_reaching import goal_reaching
from metaregret.theory.proposals.references import minimax_of
from metaregret.theory.proposals.request import Draft, Method, Request

__all__ = ["METHOD", "hand_made"]


def hand_made(request: Request) -> Draft:
    """Return the goal-conditioned policies of the test distribution's goals."""
    process, outcome = request.process, request.outcome
    test = request.test
    if test is None:
        test = np.zeros(process.n_states)
        test[goal_support(process)] = minimax_of(process).least_favourable
    ends = np.flatnonzero(outcome.base_state >= 0)
    weights = np.zeros(outcome.process.n_states)
    weights[ends] = test[outcome.base_state[ends]]
    kept = np.argsort(-weights, kind="stable")[: request.skills]
    weights = np.where(np.isin(np.arange(len(weights)), kept), weights, 0.0)
    return goal_reaching(request, weights / weights.sum())


METHOD = Method(
    "hand-made", "the test distribution itself, by default the adversary's", hand_made, seeded=False
)
