"""The pieces: Bayes' rewards (T8), soft planning, skill dynamics, mixtures. Planted errors are noticed."""

from __future__ import annotations

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.theory.proposals.alternation import (
    Skills,
    alternate,
    plan,
    posterior_rewards,
    random_rewards,
)
from metaregret.theory.proposals.carml import fit_mixture
from metaregret.theory.proposals.dads import dads
from metaregret.theory.proposals.diayn import diayn
from metaregret.theory.proposals.request import Request


def test_reward_is_log_posterior_over_prior() -> None:
    """By hand: p = (1/4, 3/4); only skill 0 ends in state 0; state 2 is nobody's and goes to one skill."""
    rows = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    skills = Skills(np.array([0.25, 0.75]), rows, (), np.zeros_like(rows))
    rewards = posterior_rewards(skills, np.arange(3), np.random.default_rng(0))
    assert rewards[0, 0] == pytest.approx(np.log(4))
    assert rewards[0, 1] == pytest.approx(np.log(0.125 / 0.875) - np.log(0.25))
    assert rewards[1, 1] == pytest.approx(np.log(0.75 / 0.875) - np.log(0.75))
    assert rewards[1, 0] < -60
    taken = rewards[:, 2]
    assert sorted(taken > 0) == [False, True]


def test_at_the_optimum_the_reward_is_goal_reaching() -> None:
    """T8: with one skill per state, r_z is largest exactly at skill z's state."""
    request = Request(make("grid:3x3"))
    part = diayn(request).parts[0]
    from metaregret.theory.skills.skill import make_skills

    rows = np.stack(
        [s.terminal for s in make_skills(part.outcome.process, part.probabilities, part.policies)]
    )
    rewards = posterior_rewards(
        Skills(part.probabilities, rows, (), rows), request.support, np.random.default_rng(0)
    )
    np.testing.assert_array_equal(rewards.argmax(axis=1), rows.argmax(axis=1))
    for reward, row in zip(rewards, rows, strict=True):
        assert reward[row == 1] == pytest.approx(np.log(9))
        assert (reward[row == 0] < 0).all()


def test_a_wrong_discriminator_loses_what_bayes_rule_keeps() -> None:
    """A planted error, the discriminator of the permuted skills, breaks the monotone curve."""
    process = make("grid:3x3,slip=3/10").replaced(horizon=3)
    support = np.flatnonzero(goal_support(process))
    rng = np.random.default_rng(0)
    prior = np.full(9, 1 / 9)
    skills, curve = alternate(process, plan(process, prior, random_rewards(9, 9, rng)), support, rng)
    assert (np.diff(curve) >= -1e-12).all()
    noisy = posterior_rewards(skills, support, rng).mean(axis=0, keepdims=True).repeat(9, axis=0)
    assert plan(process, prior, noisy).information < curve[-1] - 0.1


def test_soft_planning_maximises_reward_plus_entropy() -> None:
    process = make("line:3").replaced(horizon=2)
    assert isinstance(process.horizon, FiniteHorizon)
    reward, weight = np.array([[0.3, -0.2, 1.0]]), 0.5
    soft = plan(process, np.ones(1), reward, weight)
    best = float(soft.rows[0] @ reward[0]) + weight * soft.policy_entropy
    # The soft value by brute force: w log of the sum over action sequences, since the dynamics are
    # deterministic.
    step = np.asarray(process.matrix.toarray()).reshape(3, 3, 3).argmax(axis=2)
    total = sum(np.exp(reward[0, step[step[0, a], b]] / weight) for a in range(3) for b in range(3))
    assert best == pytest.approx(weight * np.log(total), abs=1e-9)
    hard = plan(process, np.ones(1), reward)
    assert float(hard.rows[0] @ reward[0]) == pytest.approx(1.0)


def test_entropy_bonus_keeps_the_curve_rising_and_the_policies_random() -> None:
    process = make("grid:2x2,slip=1/10").replaced(horizon=2)
    draft = diayn(Request(process), entropy_weight=0.1)
    for curve in draft.curves:
        assert (np.diff(curve) >= -1e-9).all()
    assert 0 < draft.parts[0].policies[0].max() < 1


def test_expectation_maximisation_never_loses_likelihood() -> None:
    rng = np.random.default_rng(5)
    data = rng.dirichlet(np.full(6, 0.4), size=12)
    prior, components, likelihood = fit_mixture(data, rng.dirichlet(np.ones(3), size=12), 5)
    assert prior.sum() == pytest.approx(1)
    np.testing.assert_allclose(components.sum(axis=1), 1)
    # The share of the uniform distribution in the components costs the last steps a little.
    assert (np.diff(likelihood) >= 0).all()
    assert likelihood[-1] > likelihood[0] + 1e-3


def test_predictable_skills_beat_a_single_one() -> None:
    """DADS: with one step from the middle of a line, two skills are log 2 nats apart; one has nothing."""
    process = make("line:5,start=2").replaced(horizon=1)
    best = [max(max(curve) for curve in dads(Request(process, skills=k)).curves) for k in (1, 2)]
    assert best == pytest.approx([0, np.log(2)], abs=1e-9)
