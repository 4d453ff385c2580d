"""VALOR, "Variational option discovery": a decoder reads the trajectory, and the number of skills grows by
a curriculum.

Objective: ``E log p(z|tau) + w E_z H(pi_z)`` with ``p(z)`` uniform over ``K`` skills; the decoder sees
states only, never actions. Curriculum: as soon as ``E p(z|tau) >= 0.86`` the number of skills becomes
``min(floor(1.5 K + 1), K_max)``.

Made discrete: the decoder is Bayes' rule. The paper's decoder reads a subsample of the trajectory's states;
``states="end"`` keeps only the last of them, ``states="all"`` the whole sequence of states. New skills
start from a random discriminator; the others go on from where they were.

Differs from the paper: exact planning; the entropy weight ``w`` is 0 by default; a phase ends when the
alternation has converged, and where the decoder is then still below 0.86 the curriculum stops, short of
``K_max``. The reported goal distribution is that of the last state in both variants.

Source: J. Achiam, H. Edwards, D. Amodei, P. Abbeel, "Variational option discovery algorithms", arXiv
1807.10299 (2018).
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.goals import goal_support
from metaregret.theory.proposals.alternation import Skills, alternate, plan, random_rewards
from metaregret.theory.proposals.request import RESTARTS, Draft, Method, Part, Request
from metaregret.theory.skills import trajectory_outcome

__all__ = ["METHOD", "valor"]

ACCURACY = 0.86
FIRST_SKILLS = 2


def valor(request: Request, *, entropy_weight: float = 0.0) -> Draft:
    """Return VALOR's skills; ``curves`` has one curve for every phase of the curriculum of every restart."""
    seen = trajectory_outcome(request.process) if request.states == "all" else request.outcome
    process = seen.process
    support = np.flatnonzero(goal_support(process))
    most = len(support) if request.skills is None else request.skills
    best: tuple[float, Skills] | None = None
    curves: list[tuple[float, ...]] = []
    for rng in request.generators(RESTARTS):
        count, rewards = min(FIRST_SKILLS, most), np.zeros((0, process.n_states))
        while True:
            prior = np.full(count, 1.0 / count)
            fresh = random_rewards(count, process.n_states, rng)
            fresh[: len(rewards)] = rewards
            first = plan(process, prior, fresh, entropy_weight)
            skills, curve = alternate(process, first, support, rng, entropy_weight=entropy_weight)
            curves.append(curve)
            if count == most or _accuracy(skills) < ACCURACY:
                break
            count, rewards = min(int(1.5 * count + 1), most), skills.rewards
        if best is None or curve[-1] > best[0]:
            best = curve[-1], skills
    assert best is not None
    chosen = best[1]
    part = Part(1.0, seen, chosen.prior, chosen.policies, chosen.rewards)
    return Draft((part,), tuple(curves))


def _accuracy(skills: Skills) -> float:
    """``E_z E_{rho_z} p(z|s)``, the decoder's probability of the right skill."""
    marginal = skills.prior @ skills.rows
    posterior = skills.prior[:, None] * skills.rows / np.where(marginal > 0, marginal, 1.0)
    return float(skills.prior @ (skills.rows * posterior).sum(axis=1))


METHOD = Method("valor", "tell skills apart by trajectory; curriculum on their number", valor, monotone=True)
