"""SMM, "State marginal matching": a mixture of policies whose state marginal is as close as possible to a
target.

Objective: ``min KL(rho || p*)`` over ``M``, the maximum-entropy marginal for the default target, uniform on
the reachable states. In the paper a two-player game: a density model ``q`` fits the past, the policy
answers the reward ``log p*(s) - log q(s)``; the *historical average* of the policies converges, the last
one does not.

Made discrete: tabular densities, best responses by value iteration. The historical averaging is run as
published and its curve kept; what is returned is the game's certified value
(`metaregret.theory.skills.minimise_over_terminal`), or, with ``skills=K``, the average of the first ``K``
responses.

Differs from the paper: no skills ``z`` (the paper's SM4 variant adds them); ``states="end"`` matches the
last state, ``"all"`` the state at a random step, which is the paper's.

Source: L. Lee, B. Eysenbach, E. Parisotto, E. Xing, S. Levine, R. Salakhutdinov, "Efficient exploration via
state marginal matching", arXiv 1906.05274 (2019).
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.policy import deterministic_policy
from metaregret.tabular.response import best_responses, ends_of
from metaregret.theory.information import kl_divergence
from metaregret.theory.proposals.request import Draft, Method, Part, Request
from metaregret.theory.skills import minimise_over_terminal, relative_entropy

__all__ = ["METHOD", "smm"]

ROUNDS_PER_STATE = 4


def smm(request: Request) -> Draft:
    """Return the marginal-matching mixture."""
    process, support = request.outcome.process, request.support
    target = np.zeros(process.n_states)
    target[support] = 1.0 / len(support)
    responses, curve = _historical_averaging(request, target)
    best = minimise_over_terminal(process, relative_entropy(target))
    if request.skills is None:
        probabilities = np.array([skill.probability for skill in best.skills])
        policies = tuple(skill.policy for skill in best.skills)
        rows = np.stack([skill.terminal for skill in best.skills])
    else:
        choices = responses[..., : request.skills]
        rows = ends_of(process, choices)
        probabilities = np.full(len(rows), 1.0 / len(rows))
        policies = tuple(deterministic_policy(process, choices[..., i]) for i in range(len(rows)))
    marginal = probabilities @ rows
    reward = np.zeros(process.n_states)
    reward[support] = np.log(target[support] / np.maximum(marginal[support], 1e-30))
    rewards = np.broadcast_to(reward, rows.shape)
    return Draft((Part(1.0, request.outcome, probabilities, policies, rewards),), (curve,), proof=best)


def _historical_averaging(request: Request, target: np.ndarray) -> tuple[np.ndarray, tuple[float, ...]]:
    """Play the game as published: responses to the average so far, and ``KL(average || p*)`` by round."""
    process, support = request.outcome.process, request.support
    rng = request.generators(1)[0]
    rounds = max(ROUNDS_PER_STATE * len(support), request.skills or 0)
    reward = rng.uniform(size=process.n_states)
    average, curve, responses = np.zeros(process.n_states), [], []
    for played in range(rounds):
        response = best_responses(process, reward[:, None], keep=True)
        responses.append(response.choices)
        average += (response.terminal[0] - average) / (played + 1)
        curve.append(kl_divergence(average, target))
        gain = np.zeros(process.n_states)
        # Where nobody has been the reward has no bound; a floor far below any frequency stands for it.
        gain[support] = np.log(target[support] / np.maximum(average[support], 1e-12))
        reward = np.where(target > 0, gain - gain[support].min(), 0.0)
    return np.concatenate(responses, axis=-1), tuple(curve)


METHOD = Method("smm", "match the uniform state marginal: maximum entropy", smm)
