"""Certificates of a proposal: what the learner that plays its skills can lose, and the information that the
skills attain.

The learner draws a skill in every episode until the first success (T1, T5). The witness is its mixture of
policies, and the claim is about exactly these policies, written as rational numbers. Capacities (order 1) and
redundancies of whole orders have certificates of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.goals import goal_support
from metaregret.theory.certificates.check import BUDGET
from metaregret.theory.certificates.drafting import Document, certificate, proved
from metaregret.theory.certificates.write_capacity import process_capacity_certificate, skill_learners
from metaregret.theory.certificates.write_redundancy import process_redundancy_certificate
from metaregret.theory.skills import ProcessCapacity, Redundancy

if TYPE_CHECKING:
    from metaregret.theory.proposals.proposal import Proposal

__all__ = ["information_certificate", "proposal_certificate"]

SAME = 1e-9
"""Largest l1 distance of the skills' terminal distribution from the exploration whose regret was reported."""


def proposal_certificate(proposal: Proposal, *, budget: int = BUDGET) -> Document:
    """Return a certificate of a proposal's worst-case memoryless regret over the reachable goals, ``N =
    inf``.

    Raises
    ------
    UnsupportedError
        If the reported learner does not explore by playing the proposal's skills.
    NotExactError
        If the process is known in floating point only.
    """
    process, skills = proposal.process, proposal.skills
    weights = np.array([skill.probability for skill in skills])
    terminal = sum((w * s.terminal for w, s in zip(weights, skills, strict=True)), np.zeros(process.n_states))
    if float(np.abs(terminal - proposal.exploration).sum()) > SAME:
        raise UnsupportedError(
            f"The learner of {proposal.method.name!r} does not explore by playing the proposed skills, "
            "which is all that a certificate of a proposal covers."
        )
    goals = [process.states[int(goal)] for goal in np.flatnonzero(goal_support(process))]
    witness = {"learners": skill_learners(process, skills, len(goals))}
    document = proved(certificate(process, proposal_claim(goals), witness), budget=budget)
    if np.isfinite(proposal.regret.upper) and document["claim"]["upper"] == "inf":
        raise UnsupportedError("Some skill is too unlikely for a certificate; its regret is nearly infinite.")
    return document


def proposal_claim(goals: list[str]) -> Document:
    """Return the claim about what a proposal loses on these goals, without bounds."""
    return {
        "problem": "proposal",
        "learner": "memoryless",
        "criterion": "regret",
        "detect": "end",
        "episodes": "inf",
        "tasks": {"goals": goals},
    }


def information_certificate(proposal: Proposal, *, budget: int = BUDGET) -> Document:
    """Return a certificate of the capacity, or of the redundancy of a whole order, that a proposal attains.

    Raises
    ------
    UnsupportedError
        If the method maximises neither, or its order has no rational powers.
    NotExactError
        If the process is known in floating point only.
    """
    match proposal.proof:
        case ProcessCapacity():
            return process_capacity_certificate(proposal.proof, budget=budget)
        case Redundancy():
            return process_redundancy_certificate(proposal.proof, budget=budget)
    raise UnsupportedError(
        f"{proposal.method.name!r} bounds no capacity; the methods 'capacity' and 'order' have certificates "
        "of information."
    )
