"""CARML: cluster behaviour into a mixture over a latent task, reward fitting the cluster, meta-train, repeat.

Objective: ``I(s; z)`` through ``r_z(s) = (lambda - 1) log q(s|z) + log q(z|s)``, where the mixture ``q(s) =
sum_z p(z) q(s|z)`` is fitted to trajectories collected by the current learner; ``lambda < 1`` rewards
states that are rare for the task.

Made discrete: behaviour is the histogram of the states of 20 episodes of one policy (of their last states
with ``states="end"``), in expectation; ``q(s|z)`` is a table, fitted by expectation-maximisation with every
histogram in one cluster; the learner's behaviour on task ``z`` is the exactly optimal policy for ``r_z``.
Data are the histograms of these policies and of all rounds before, starting with policies of random rewards.

Differs from the paper: no learned features; the meta-learner adapts perfectly; ``q(s|z)`` keeps a share of
1e-3 of the uniform distribution so that no logarithm is infinite. The objective need not rise: the most
informative round is returned.

Source: A. Jabri, K. Hsu, B. Eysenbach, A. Gupta, S. Levine, C. Finn, "Unsupervised curricula for visual
meta-reinforcement learning", arXiv 1912.04226 (2019).
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.horizon import FiniteHorizon
from metaregret.theory.proposals.alternation import Skills, plan
from metaregret.theory.proposals.request import RESTARTS, Draft, Method, Part, Request

__all__ = ["METHOD", "carml", "fit_mixture"]

ROUNDS = 20
SHARE = 1e-3
LAMBDA = 0.99
ROLLOUTS = 20
"""Episodes of one policy that are clustered together."""


def carml(request: Request) -> Draft:
    """Return the skills of the most informative round of several restarts."""
    best: Skills | None = None
    curves = []
    for rng in request.generators(RESTARTS):
        curve = []
        for skills in _rounds(request, rng):
            curve.append(skills.information)
            if best is None or curve[-1] > best.information + 1e-12:
                best = skills
        curves.append(tuple(curve))
    assert best is not None
    part = Part(1.0, request.outcome, best.prior, best.policies, best.rewards)
    return Draft((part,), tuple(curves))


def _rounds(request: Request, rng: np.random.Generator) -> list[Skills]:
    process, support, count = request.outcome.process, request.support, request.count
    horizon = request.process.horizon
    seen = horizon.steps if isinstance(horizon, FiniteHorizon) and request.states == "all" else 1
    length = ROLLOUTS * seen
    random = rng.uniform(size=(2 * count, process.n_states))
    data = plan(process, np.full(2 * count, 0.5 / count), random).rows[:, support]
    responsibilities = rng.dirichlet(np.ones(count), size=len(data))
    found = []
    for _ in range(ROUNDS):
        prior, components, _ = fit_mixture(data, responsibilities, length)
        mixed = prior @ components
        rewards = np.full((count, process.n_states), -100.0)
        rewards[:, support] = LAMBDA * np.log(components) - np.log(mixed) + np.log(prior)[:, None]
        found.append(plan(process, prior, rewards))
        data = np.concatenate([data, found[-1].rows[:, support]])
        # Tasks keep their meaning from round to round: the new data start in the cluster they were
        # collected for.
        old, _ = _assign(data[:-count], prior, components, length)
        responsibilities = np.concatenate([old, np.eye(count)])
    return found


def fit_mixture(
    data: np.ndarray, responsibilities: np.ndarray, length: int, *, steps: int = 50
) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Fit a mixture of categorical distributions to histograms by expectation-maximisation.

    Parameters
    ----------
    data : ndarray, shape (n, S)
        One histogram (a distribution) for every trajectory.
    responsibilities : ndarray, shape (n, K)
        Where to start.
    length : int
        Number of states in a trajectory, the weight of a histogram.

    Returns
    -------
    prior : ndarray, shape (K,)
    components : ndarray, shape (K, S)
        ``q(s|z)``, with its share of the uniform distribution.
    likelihood : tuple of float
        Log-likelihood per trajectory by step, in nats.
    """
    likelihood: list[float] = []
    for _ in range(steps):
        prior = np.maximum(responsibilities.mean(axis=0), 1e-12)
        prior /= prior.sum()
        mass = responsibilities.T @ data
        components = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-300)
        components = (1 - SHARE) * components + SHARE / data.shape[1]
        components /= components.sum(axis=1, keepdims=True)
        responsibilities, value = _assign(data, prior, components, length)
        if likelihood and value <= likelihood[-1] + 1e-12:
            break
        likelihood.append(value)
    return prior, components, tuple(likelihood)


def _assign(
    data: np.ndarray, prior: np.ndarray, components: np.ndarray, length: int
) -> tuple[np.ndarray, float]:
    """Responsibilities, shape (n, K), and the mean log-likelihood."""
    joint = length * (data @ np.log(components).T) + np.log(prior)
    top = joint.max(axis=1, keepdims=True)
    weights = np.exp(joint - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, float((top + np.log(total)).mean())


METHOD = Method("carml", "cluster behaviour, reward the clusters, meta-train, repeat", carml)
