"""DADS, "Dynamics-aware unsupervised discovery of skills": skills whose consequences are predictable given
the skill.

Objective: ``I(s'; z | s)``, bounded through skill dynamics ``q(s'|s, z)``:

    J = E_z E_{(s, s') ~ pi_z} [ log q(s'|s, z) - log mean_z' q(s'|s, z') ],

with ``p(z)`` uniform. Alternate: fit ``q(.|s, z)``, then re-plan every skill for the bracket as reward.

Made discrete: ``q(s'|s, z)`` is the exact next-state frequency of skill ``z`` in ``s``, over all steps of
the episode; where a skill never is, that of uniformly random actions. The reward is a table over pairs
``(s, s')``; planning is exact.

Differs from the paper: the prior ``p(z')`` in the denominator, which the paper introduces as an
approximation of ``p(z'|s)``, is kept, so that ``J`` need not rise from round to round: the best round is
returned. ``states`` only says which marginal is reported, since the objective is about transitions.

Source: A. Sharma, S. Gu, S. Levine, V. Kumar, K. Hausman, "Dynamics-aware unsupervised discovery of
skills", arXiv 1907.01657 (2019).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.backup import backup
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import deterministic_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.proposals.request import RESTARTS, Draft, Method, Part, Request
from metaregret.theory.skills import outcome
from metaregret.theory.skills.skill_search import require_room

__all__ = ["METHOD", "dads"]

ROUNDS = 30
FLOOR = 1e-30


def dads(request: Request) -> Draft:
    """Return the skills of the best round of several restarts."""
    process = request.process
    count = int(np.count_nonzero(process.reachable)) if request.skills is None else request.skills
    require_room(process, count)
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    curves = []
    for rng in request.generators(RESTARTS):
        reward = rng.normal(size=(process.n_choices, count))
        curve: list[float] = []
        for _ in range(ROUNDS):
            choices = _plan(process, reward)
            gain = _gains(process, choices)
            value = _value(process, choices, gain)
            curve.append(value)
            if best is None or value > best[0] + 1e-12:
                best = value, choices, gain
            following = _choice_rewards(process, gain)
            if len(curve) > 1 and np.allclose(following, reward, atol=1e-12):
                break
            reward = following
        curves.append(tuple(curve))
    assert best is not None
    return Draft((_part(request, best[1], count),), tuple(curves))


def _part(request: Request, choices: np.ndarray, count: int) -> Part:
    """The skills on the outcome's process; the tasks they solve depend on transitions, so state rewards are
    zero."""
    seen = outcome(request.process, request.states)
    policies = []
    for z in range(count):
        policy = deterministic_policy(request.process, choices[..., z])
        if seen.process is not request.process:
            decided = np.where(seen.base_choice >= 0, seen.base_choice, 0)
            policy = np.where(seen.base_choice >= 0, policy[:, decided], 1.0)
        policies.append(policy)
    zero = np.zeros((count, seen.process.n_states))
    return Part(1.0, seen, np.full(count, 1.0 / count), tuple(policies), zero)


def _plan(process: ControlledMarkovProcess, reward: np.ndarray) -> np.ndarray:
    """Best choices for rewards on choices, shape (C, K), at every step: shape (T, S, K) or (S, K)."""
    operator, values = backup(process), np.zeros((process.n_states, reward.shape[1]))
    if isinstance(process.horizon, FiniteHorizon):
        _, chosen = operator.induct(values, process.horizon.steps, reward[None], policies=True)
        assert chosen is not None
        return chosen
    gamma = float(process.horizon.gamma)
    for _ in range(_sweeps(gamma)):
        q = reward + gamma * operator.expected(values)
        values = operator.best(q)
    return operator.greedy(q)


def _sweeps(gamma: float) -> int:
    return 1 if gamma == 0 else int(np.ceil(np.log(1e-12) / np.log(gamma))) + 1


def _flows(process: ControlledMarkovProcess, choices: np.ndarray) -> np.ndarray:
    """Expected number of plays of every choice in an episode, by skill: shape (C, K)."""
    columns = np.arange(choices.shape[-1])
    flows = np.zeros((process.n_choices, len(columns)))
    now = np.repeat(process.initial[:, None], len(columns), axis=1)
    if isinstance(process.horizon, FiniteHorizon):
        for step in choices:
            flow = np.zeros_like(flows)
            flow[step, columns] = now
            flows += flow
            now = process.matrix.T @ flow
        return flows
    gamma = float(process.horizon.gamma)
    for z in columns:
        chosen = process.matrix[choices[:, z]]
        system = sp.csc_array(sp.eye_array(process.n_states) - gamma * chosen.T)
        flows[choices[:, z], z] = sp.linalg.spsolve(system, process.initial)
    return flows


def _gains(process: ControlledMarkovProcess, choices: np.ndarray) -> np.ndarray:
    """``log q(s'|s, z) - log mean_z' q(s'|s, z')`` by transition, shape (M, K)."""
    flows = _flows(process, choices)
    owner = process.choice_state
    visits = np.add.reduceat(flows, process.choice_offsets[:-1], axis=0)[owner]
    counts = np.repeat(np.diff(process.choice_offsets), np.diff(process.choice_offsets))[:, None]
    share = np.where(visits > 0, flows / np.where(visits > 0, visits, 1.0), 1.0 / counts)
    moved = share[process.transition_choice] * process.probabilities[:, None]
    # Transitions with the same pair (s, s') share their probability.
    pair = owner[process.transition_choice] * process.n_states + process.successors
    _, inverse = np.unique(pair, return_inverse=True)
    table = np.zeros((int(inverse.max()) + 1, flows.shape[1]))
    np.add.at(table, inverse, moved)
    gains = np.log(np.maximum(table, FLOOR)) - np.log(np.maximum(table.mean(axis=1, keepdims=True), FLOOR))
    return np.asarray(gains[inverse])


def _choice_rewards(process: ControlledMarkovProcess, gains: np.ndarray) -> np.ndarray:
    """Expected gain of every choice, shape (C, K)."""
    return backup(process).averaged(gains)


def _value(process: ControlledMarkovProcess, choices: np.ndarray, gains: np.ndarray) -> float:
    """``J`` in nats, summed over the steps of an episode."""
    return float((_flows(process, choices) * _choice_rewards(process, gains)).sum() / choices.shape[-1])


METHOD = Method("dads", "predictable consequences: information about the next state", dads)
