"""From scratch: no proposal at all; the learner explores with uniformly random actions.

Objective: none. The baseline of a learner that was never trained on any task.

Made discrete: nothing; one skill, the uniformly random policy. The number of skills is ignored.

Source: the "from scratch" baseline of arXiv 1806.04640.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.policy import uniform_policy
from metaregret.theory.proposals.request import Draft, Method, Part, Request

__all__ = ["METHOD", "scratch"]


def scratch(request: Request) -> Draft:
    """Return the uniformly random policy as the only skill."""
    process = request.outcome.process
    rewards = np.zeros((1, process.n_states))
    return Draft((Part(1.0, request.outcome, np.ones(1), (uniform_policy(process),), rewards),))


METHOD = Method("scratch", "no proposal: uniformly random actions", scratch, seeded=False)
