"""DIAYN, "Diversity is all you need": skills that a discriminator can tell apart, under a fixed uniform
prior.

Objective: ``I(s; z) + w (H(a|s) - I(a; z|s)) = I(s; z) + w H(a|s, z)`` with ``p(z)`` uniform over ``K``
skills; reward ``log p(z|s) - log p(z)``.

Made discrete: skills are tabular Markov policies planned exactly, the discriminator is Bayes' rule.
``states="end"`` is the terminal-state variant that the source's theory speaks of; ``states="all"`` sees a
state at a uniformly random step, which is what the published method maximises.

With ``states="all"`` and no number of skills the limit of many skills is taken: skills may share a policy,
so a uniform prior on them realises any distribution on policies, and the best one is found. (With ``K``
skills the marginal depends on ``K``.)

Differs from the paper: no networks and no sampling; the policy-entropy weight ``w`` (0.1 there) is 0 by
default, since exact planning needs no exploration bonus; several restarts, of which the most informative is
kept.

Source: B. Eysenbach, A. Gupta, J. Ibarz, S. Levine, "Diversity is all you need: learning skills without a
reward function", arXiv 1802.06070 (2018).
"""

from __future__ import annotations

from metaregret.theory.proposals.alternation import best_of_restarts, part_of
from metaregret.theory.proposals.request import Draft, Method, Request

__all__ = ["METHOD", "diayn"]


def diayn(request: Request, *, entropy_weight: float = 0.0) -> Draft:
    """Return DIAYN's skills; `entropy_weight` is ``w`` in units of reward per nat."""
    many = request.states == "all" and request.skills is None
    skills, curves = best_of_restarts(request, learn_prior=many, entropy_weight=entropy_weight)
    return Draft((part_of(request, skills),), curves)


METHOD = Method("diayn", "tell skills apart by a state; uniform prior on skills", diayn, monotone=True)
