"""The most informative skills there are: the capacity of the process (T7), without a method's approximations.

Objective: ``max_{p(z), pi_z} I(s; z)``, over the distribution of skills, their number and their policies,
with a certified bracket (`metaregret.theory.skills.process_capacity`). This is what VIC, DIAYN and VALOR
approach from below.

Made discrete: nothing; with ``skills=K`` the ``K`` most probable skills are kept and their probabilities
optimised again, a lower bound on the best that ``K`` skills can do.

Source: T7, T6 of the source (arXiv 1806.04640, goal-reaching case).
"""

from __future__ import annotations

import numpy as np

from metaregret.theory.information import channel_capacity
from metaregret.theory.proposals.references import capacity_of
from metaregret.theory.proposals.request import Draft, Method, Part, Request

__all__ = ["METHOD", "capacity"]


def capacity(request: Request) -> Draft:
    """Return the capacity-achieving skills."""
    found = capacity_of(request.outcome.process, request.seed)
    order = np.argsort([-skill.probability for skill in found.skills], kind="stable")[: request.skills]
    kept = [found.skills[i] for i in order]
    probabilities = np.array([skill.probability for skill in kept])
    rows = np.stack([skill.terminal for skill in kept])
    if len(kept) < len(found.skills):
        probabilities = channel_capacity(rows / rows.sum(axis=1, keepdims=True)).input_distribution
    marginal = probabilities @ rows / probabilities.sum()
    rewards = np.log(np.maximum(rows / np.where(marginal > 0, marginal, 1.0), 1e-30))
    part = Part(1.0, request.outcome, probabilities, tuple(skill.policy for skill in kept), rewards)
    curve = tuple(step.information for step in found.history)
    return Draft((part,), (curve,), proof=found)


METHOD = Method("capacity", "the most informative skills there are, certified", capacity, monotone=True)
