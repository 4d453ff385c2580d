"""Explore as order a says: from mutual information (order 1) to the minimax exploration (order infinity).

Objective: ``min_{q in M} max_{rho in M} D_a(rho || q)``, the redundancy of order a, with a certified bracket
(`metaregret.theory.skills.process_redundancy`); proposed are the goals of its minimiser ``q_a``. Order 1 is
the capacity-achieving marginal, order infinity the exploration of least worst-case regret. In between the
regret is at most ``v_min^(-1/(a-1))`` times the smallest possible, ``v_min`` the smallest probability with
which the best policy for a goal reaches it; mutual information may pay exponentially in ``1 / v_min`` (T20,
T21).

Made discrete: nothing. All states where an episode can end are goals. At order infinity the proposal is one
policy, whose mixture over goals is the exploration: its skill tells nothing, and need not.

With ``skills=K`` the ``K`` most probable skills are kept.

Source: this project (T19 to T22, docs/explanation/one-family.md); the order of a divergence: A. Renyi (1961).
"""

from __future__ import annotations

import numpy as np

from metaregret.theory.information import Order, as_order
from metaregret.theory.proposals.capacity import capacity
from metaregret.theory.proposals.request import Draft, Method, Part, Request
from metaregret.theory.skills import process_redundancy

__all__ = ["METHOD", "USUAL_ORDER", "order"]

USUAL_ORDER = as_order(2)
"""The order that is meant where none is said: it bounds the mean of the hitting time (T22)."""


def order(request: Request) -> Draft:
    """Return the skills whose mixture is the exploration of order a."""
    wanted: Order = request.alpha or USUAL_ORDER
    if wanted.is_one:
        return capacity(request)
    found = process_redundancy(request.outcome.process, wanted, seed=request.seed)
    ranked = np.argsort([-skill.probability for skill in found.skills], kind="stable")[: request.skills]
    kept = [found.skills[i] for i in ranked]
    probabilities = np.array([skill.probability for skill in kept])
    rows = np.stack([skill.terminal for skill in kept])
    marginal = probabilities @ rows / probabilities.sum()
    ratio = np.maximum(rows / np.where(marginal > 0, marginal, 1.0), 1e-30)
    rewards = np.log(ratio) if wanted.is_infinite else wanted.transform(ratio)
    part = Part(1.0, request.outcome, probabilities, tuple(skill.policy for skill in kept), rewards)
    return Draft((part,), proof=found)


METHOD = Method(
    "order",
    "explore as a divergence of order a says, from 1 to infinity",
    order,
    orders=("1", "2", "4", "inf"),
)
