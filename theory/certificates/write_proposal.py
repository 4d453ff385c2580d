"""Certificates of the worst-case regret of a proposal: what the learner that plays its skills can lose.

The learner draws a skill in every episode until the first success (T1, T5). The witness is its mixture of
policies, and the claim is about exactly these policies, written as rational numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.goals import goal_support
from metaregret.theory.certificates.check import BUDGET
from metaregret.theory.certificates.drafting import Document, certificate, proved
from metaregret.theory.certificates.write_capacity import skill_learners

if TYPE_CHECKING:
    from metaregret.theory.proposals.proposal import Proposal

__all__ = ["proposal_certificate"]

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
    claim = {
        "problem": "proposal",
        "learner": "memoryless",
        "criterion": "regret",
        "detect": "end",
        "episodes": "inf",
        "tasks": {"goals": goals},
    }
    learners = skill_learners(process, weights, [skill.policy for skill in skills], len(goals))
    document = proved(certificate(process, claim, {"learners": learners}), budget=budget)
    if np.isfinite(proposal.regret.upper) and document["claim"]["upper"] == "inf":
        raise UnsupportedError("Some skill is too unlikely for a certificate; its regret is nearly infinite.")
    return document
