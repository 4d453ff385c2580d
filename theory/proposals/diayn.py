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

Of order a (``alpha``): the Box-Cox transform ``((p(z|s) / p(z))^(a-1) - 1) / (a-1)`` takes the place of the
logarithm, in the reward and in the objective ``E_z E_s`` of it. That reward is the slope of the divergence
of order a of a skill from the marginal, so skills are pushed towards what the others reach seldom, the more
the larger the order (docs/explanation/one-family.md). The objective is no longer sure to rise from round to
round; the best round is kept.

Differs from the paper: no networks and no sampling; the policy-entropy weight ``w`` (0.1 there) is 0 by
default, since exact planning needs no exploration bonus; several restarts, of which the most informative is
kept.

Source: B. Eysenbach, A. Gupta, J. Ibarz, S. Levine, "Diversity is all you need: learning skills without a
reward function", arXiv 1802.06070 (2018).
"""

from __future__ import annotations

from metaregret.theory.proposals.alternation import ONE, best_of_restarts, part_of
from metaregret.theory.proposals.request import Draft, Method, Request

__all__ = ["METHOD", "diayn"]


def diayn(request: Request, *, entropy_weight: float = 0.0) -> Draft:
    """Return DIAYN's skills; `entropy_weight` is ``w`` in units of reward per nat."""
    order = request.alpha or ONE
    many = request.states == "all" and request.skills is None and order.is_one
    skills, curves = best_of_restarts(request, learn_prior=many, entropy_weight=entropy_weight, order=order)
    return Draft((part_of(request, skills),), curves)


METHOD = Method(
    "diayn",
    "tell skills apart by a state; uniform prior on skills",
    diayn,
    monotone=True,
    orders=("1", "2", "4"),
)
