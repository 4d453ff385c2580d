"""Policies with a given terminal distribution: found where all actions can be in the support."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import make
from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.matching import matching_policy
from metaregret.tabular.policy import check_policy, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes


@settings(max_examples=30, deadline=None)
@given(processes(geometric=False, min_states=2), st.integers(0, 2**32 - 1))
def test_what_a_policy_with_full_support_achieves_is_matched(
    process: ControlledMarkovProcess, seed: int
) -> None:
    counts = np.diff(process.choice_offsets)
    random = np.random.default_rng(seed)
    assert not isinstance(process.horizon, GeometricHorizon)
    rows = [
        np.concatenate([random.dirichlet(5 * np.ones(n)) for n in counts])
        for _ in range(process.horizon.steps)
    ]
    policy = np.array(rows).reshape(-1, process.n_choices)
    target = terminal_distribution(process, policy).probabilities
    found = matching_policy(process, target, accuracy=1e-10)
    assert found is not None
    check_policy(process, found)
    reached = terminal_distribution(process, found).probabilities
    np.testing.assert_allclose(reached, target, rtol=1e-9, atol=1e-14)


def test_uniform_actions_match_what_they_reach_at_once() -> None:
    """Of all policies with its terminal distribution the uniform one has the largest entropy."""
    process = make("line:5").replaced(horizon=3)
    uniform = np.full((3, process.n_choices), 1 / 3)
    found = matching_policy(process, terminal_distribution(process, uniform).probabilities)
    assert found is not None
    np.testing.assert_allclose(found, uniform, atol=1e-12)


@pytest.mark.parametrize("target", [[0.0, 1.0, 0.0], [0.9, 0.05, 0.05], [0.0, 0.0, 1.0]])
def test_what_cannot_be_achieved_is_not_claimed(target: list[float]) -> None:
    """From the middle of a line that slips every other time no state is left alone for sure."""
    process = make("line:3,start=1,slip=1/2").replaced(horizon=1)
    assert matching_policy(process, np.array(target)) is None


def test_geometric_horizons_are_refused() -> None:
    process = make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        matching_policy(process, np.full(3, 1 / 3))
