"""The alternation behind DIAYN, VIC and VALOR: discriminator by Bayes' rule, every skill re-planned by
value iteration.

For any discriminator ``q(z|s)`` the variational bound (Barber and Agakov 2003)

    J(pi, q) = E_z E_{s ~ rho_z} [ log q(z|s) - log p(z) ] + w E_z H(pi_z)   <=   I(s; z) + w E_z H(pi_z)

is tight at Bayes' posterior ``q(z|s) = p(z) rho_z(s) / m(s)``, ``m = sum_z p(z) rho_z``. Both steps
maximise ``J`` in one argument: value iteration (soft where ``w > 0``) in the policies, Bayes' rule in
``q``; where ``p(z)`` is learned it is maximised as well, as a channel capacity. So ``I + w H`` never
decreases (T8).

Where no skill ends (``m(s) = 0``) every ``q(. | s)`` is a Bayes posterior. This freedom is used: each such
state is given to one skill, those that the discriminator knows least well first, which sends skills that
share a state to where nobody is. Without it the alternation stops where two skills share a goal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import best_responses
from metaregret.theory.information import Order, as_order, channel_capacity, mutual_information
from metaregret.theory.proposals.request import RESTARTS, Part, Request

__all__ = [
    "ONE",
    "Skills",
    "alternate",
    "best_of_restarts",
    "part_of",
    "plan",
    "posterior_rewards",
    "random_rewards",
]

ONE = as_order(1)

FLOOR = 1e-30
"""Smallest posterior probability inside a logarithm; mixing it in costs less than 1e-27 nats."""

MAX_ROUNDS = 500
STALLED = 2
"""Rounds without progress that end the alternation: the states nobody reaches are dealt anew in each."""


@dataclass(frozen=True, eq=False)
class Skills:
    """Skills in the course of an alternation.

    Attributes
    ----------
    prior : ndarray, shape (K,)
    rows : ndarray, shape (K, S)
        Terminal distributions.
    policies : tuple of ndarray
        Choice probabilities of each skill.
    rewards : ndarray, shape (K, S)
        What the policies were planned for.
    policy_entropy : float
        ``E_z E[sum_t H(pi_z(.|s_t))]`` in nats; 0 for deterministic policies.
    """

    prior: np.ndarray
    rows: np.ndarray
    policies: tuple[np.ndarray, ...]
    rewards: np.ndarray
    policy_entropy: float = 0.0

    @property
    def information(self) -> float:
        """``I(s; z)`` in nats, without certificate."""
        return mutual_information(self.prior, self.rows)

    def objective(self, entropy_weight: float, order: Order = ONE) -> float:
        """``I + w H`` in nats; at orders above 1 ``E_z E_s`` of the reward takes the place of ``I``."""
        bonus = entropy_weight * self.policy_entropy
        if order.is_one:
            return self.information + bonus
        marginal = self.prior @ self.rows
        terms = order.terms(self.rows, np.where(marginal > 0, marginal, 1.0))
        return float(self.prior @ terms.sum(axis=1)) + bonus


def random_rewards(count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``log D(z|s) + log K`` for a discriminator drawn uniformly from the simplex, shape (K, S)."""
    posterior = rng.dirichlet(np.ones(count), size=size).T
    return np.asarray(np.log(np.maximum(posterior, FLOOR)) + np.log(count))


def posterior_rewards(
    skills: Skills, support: np.ndarray, rng: np.random.Generator, order: Order = ONE
) -> np.ndarray:
    """Return ``log p(z|s) - log p(z)`` by Bayes' rule, shape (K, S); states nobody reaches are dealt to
    skills. At orders above 1 its Box-Cox transform."""
    prior, rows = skills.prior, skills.rows
    marginal = prior @ rows
    ratio = np.maximum(rows / np.where(marginal > 0, marginal, 1.0), FLOOR)
    missed = rng.permutation(support[marginal[support] <= 0])
    if len(missed):
        known = np.where(rows > 0, rows * order.transform(ratio), 0.0).sum(axis=1)
        known += np.log(np.where(prior > 0, prior, 1.0))
        # Skills that are never drawn have nothing to lose: they come first.
        known = np.where(prior > 0, known, -np.inf) + rng.uniform(0, 1e-9, len(prior))
        taker = np.resize(np.argsort(known), len(missed))
        ratio[:, missed] = FLOOR
        # A certain posterior is worth 1 / p(z); skills that are never drawn count as one of K.
        ratio[taker, missed] = 1.0 / np.where(prior[taker] > 0, prior[taker], 1.0 / len(prior))
    return order.transform(ratio)


def plan(
    process: ControlledMarkovProcess, prior: np.ndarray, rewards: np.ndarray, entropy_weight: float = 0.0
) -> Skills:
    """Plan every skill for its terminal reward, by value iteration.

    Parameters
    ----------
    prior : ndarray, shape (K,)
    rewards : ndarray, shape (K, S)
    entropy_weight : float
        ``w``, in units of reward per nat of policy entropy; soft value iteration where positive.

    Raises
    ------
    UnsupportedError
        For an entropy bonus at a geometric horizon.
    """
    if entropy_weight > 0:
        return _plan_softly(process, prior, rewards, entropy_weight)
    best = best_responses(process, (rewards - rewards.min(axis=1, keepdims=True)).T, keep=True)
    return Skills(prior, best.terminal, best.weights, rewards)


def _plan_softly(
    process: ControlledMarkovProcess, prior: np.ndarray, rewards: np.ndarray, weight: float
) -> Skills:
    """Soft value iteration: ``V_t = w log sum_a exp(P_a V_{t+1} / w)``, ``pi = exp((Q - V) / w)``."""
    from metaregret.tabular.engine.soft_kernels import soft_backward, soft_forward

    steps = process.steps_for("Bonuses for entropy (entropy_weight > 0)")
    arrays = process.offsets, process.successors, process.probabilities
    policies = np.empty((len(prior), steps, process.n_choices))
    mass, rows, entropy = (
        np.empty((steps + 1, process.n_states)),
        np.empty_like(rewards),
        np.zeros(len(prior)),
    )
    warmth, measure = np.full((steps, process.n_states), weight), np.ones((steps, process.n_choices))
    for skill, policy in enumerate(policies):
        soft_backward(process.choice_offsets, *arrays, rewards[skill], warmth, measure, policy)
        soft_forward(process.choice_state, *arrays, process.initial, policy, mass)
        rows[skill] = mass[-1] / mass[-1].sum()
        entropy[skill] = (mass[:-1, process.choice_state] * entr(policy)).sum()
    return Skills(prior, rows, tuple(policies), rewards, float(prior @ entropy))


def alternate(
    process: ControlledMarkovProcess,
    start: Skills,
    support: np.ndarray,
    rng: np.random.Generator,
    *,
    learn_prior: bool = False,
    entropy_weight: float = 0.0,
    order: Order = ONE,
) -> tuple[Skills, tuple[float, ...]]:
    """Alternate until nothing improves; return the best skills and the objective by round, which never
    decreases at order 1.

    Parameters
    ----------
    start : Skills
    support : ndarray of int
        The states where an episode can end.
    learn_prior : bool
        Whether ``p(z)`` is optimised (VIC) or stays as it is (DIAYN, VALOR).
    entropy_weight : float
        ``w`` of the policy-entropy bonus.
    order : Order
        Of the reward; finite.
    """
    skills = _with_best_prior(start) if learn_prior else start
    best, curve = skills, [skills.objective(entropy_weight, order)]
    stalled = 0
    for _ in range(MAX_ROUNDS):
        rewards = posterior_rewards(skills, support, rng, order)
        following = plan(process, skills.prior, rewards, entropy_weight)
        following = _with_best_prior(following) if learn_prior else following
        objective = following.objective(entropy_weight, order)
        stalled = 0 if objective > max(curve) + 1e-12 else stalled + 1
        if stalled > STALLED:
            break
        skills = following
        best = best if objective < max(curve) else skills
        curve.append(objective)
    return best, tuple(curve)


def best_of_restarts(
    request: Request, *, learn_prior: bool = False, entropy_weight: float = 0.0, order: Order = ONE
) -> tuple[Skills, tuple[tuple[float, ...], ...]]:
    """Alternate from several random discriminators under a uniform prior; return the best skills, and the
    curves of all runs. Options as for `alternate`."""
    process, count = request.outcome.process, request.count
    prior = np.full(count, 1.0 / count)
    runs = []
    for rng in request.generators(RESTARTS):
        first = plan(process, prior, random_rewards(count, process.n_states, rng), entropy_weight)
        runs.append(
            alternate(
                process,
                first,
                request.support,
                rng,
                learn_prior=learn_prior,
                entropy_weight=entropy_weight,
                order=order,
            )
        )
    skills, _ = max(runs, key=lambda run: max(run[1]))
    return skills, tuple(curve for _, curve in runs)


def part_of(request: Request, skills: Skills, weight: float = 1.0) -> Part:
    """Return the skills that are ever drawn as a part of a draft."""
    used = np.flatnonzero(skills.prior > 0)
    policies = tuple(skills.policies[z] for z in used)
    return Part(weight, request.outcome, skills.prior[used], policies, skills.rewards[used])


def _with_best_prior(skills: Skills) -> Skills:
    """Replace ``p(z)`` by the capacity-achieving one, unless it is that already."""
    channel = channel_capacity(skills.rows, tolerance=1e-10)
    if mutual_information(channel.input_distribution, skills.rows) <= mutual_information(
        skills.prior, skills.rows
    ):
        return skills
    prior = np.where(channel.input_distribution > 1e-12, channel.input_distribution, 0.0)
    return Skills(prior / prior.sum(), skills.rows, skills.policies, skills.rewards, skills.policy_entropy)
