"""The source's UML-RANDOM: rewards from a random discriminator.

Objective: none; ``r_z(s) = log D(z|s)`` for a ``D`` drawn once, the ``K`` tasks equally likely.

Made discrete: ``D(. | s)`` is uniform on the simplex, independently for every state, where the source
initialises a network at random. Each task is solved exactly.

Source: A. Gupta, B. Eysenbach, C. Finn, S. Levine, "Unsupervised meta-learning for reinforcement learning",
arXiv 1806.04640.
"""

from __future__ import annotations

import numpy as np

from metaregret.theory.proposals.alternation import plan, random_rewards
from metaregret.theory.proposals.request import Draft, Method, Part, Request

__all__ = ["METHOD", "random_discriminator"]


def random_discriminator(request: Request) -> Draft:
    """Return the skills that solve the random tasks."""
    process, count = request.outcome.process, request.count
    rng = request.generators(1)[0]
    prior = np.full(count, 1.0 / count)
    skills = plan(process, prior, random_rewards(count, process.n_states, rng) - np.log(count))
    part = Part(1.0, request.outcome, prior, skills.policies, skills.rewards)
    return Draft((part,), ((skills.information,),))


METHOD = Method("random", "rewards from a random discriminator", random_discriminator)
