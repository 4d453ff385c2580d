"""CARML by its definition: the reward of a task, written with the posterior as in the paper."""

from __future__ import annotations

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.theory.proposals import carml, propose


def test_the_reward_is_that_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """``r_z(s) = (lambda - 1) log q(s|z) + log q(z|s)`` for a mixture that is given, not fitted."""
    prior = np.array([0.25, 0.75])
    components = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    monkeypatch.setattr(carml, "fit_mixture", lambda *_, **__: (prior, components, ()))
    found = propose(make("line:3"), "carml", skills=2, certify=False)
    joint = prior[:, None] * components
    posterior = joint / joint.sum(axis=0)
    reward = (carml.LAMBDA - 1) * np.log(components) + np.log(posterior)
    np.testing.assert_allclose([skill.reward for skill in found.skills], reward, atol=1e-12)
    # The planted error: log q(s|z) in place of log q(z|s).
    assert np.abs(reward - carml.LAMBDA * np.log(components)).max() > 0.1


def test_the_most_informative_round_is_returned() -> None:
    found = propose(make("grid:3x3,slip=1/10").replaced(horizon=4), "carml", certify=False)
    rounds = np.concatenate(found.curves)
    assert found.mutual_information.lower == pytest.approx(rounds.max(), abs=1e-9)
    assert rounds.min() < rounds.max() - 0.01
