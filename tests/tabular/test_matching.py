"""Policies with a given terminal distribution: found where all actions can be in the support."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import make, matching
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.goals import goal_values
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


def test_states_that_are_hardly_ever_reached_are_matched_like_others() -> None:
    """Every move of a line slips nine times in ten: its ends are reached with probability 1e-8 at most."""
    process = make("line:17,slip=9/10").replaced(horizon=8)
    best = goal_values(process).values
    target = best / best.sum()
    found = matching_policy(process, target)
    assert found is not None
    assert target.min() < 1e-7
    reached = terminal_distribution(process, found).probabilities
    np.testing.assert_allclose(reached, target, rtol=1e-10)


def test_any_start_that_takes_all_choices_leads_to_the_target() -> None:
    process = make("line:7,slip=1/5").replaced(horizon=5)
    best = goal_values(process).values
    skewed = np.tile([0.7, 0.1, 0.2], (5, 7))
    for start in (None, skewed):
        found = matching_policy(process, best / best.sum(), start=start)
        assert found is not None
        reached = terminal_distribution(process, found).probabilities
        np.testing.assert_allclose(reached, best / best.sum(), rtol=1e-10)


@pytest.mark.parametrize(
    "target", [[0.5, 0.5], [np.nan, 0.5, 0.5], [-0.5, 0.5, 1.0], [0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]
)
def test_a_target_that_is_no_distribution_is_refused(target: list[float]) -> None:
    with pytest.raises(InvalidArgumentError, match="Expected a target of shape"):
        matching_policy(make("line:3").replaced(horizon=2), np.array(target))


def test_what_is_not_asked_for_may_end_anywhere_else() -> None:
    """Of two classes of states only one is asked for."""
    rows: list[Any] = [(s, a, 2 * (s // 2) + a, 1) for s in range(4) for a in range(2)]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=4, actions=2, initial={0: "1/2", 2: "1/2"}, horizon=1
    )
    found = matching_policy(process, np.array([0.1, 0.4, 0.0, 0.0]))
    assert found is not None
    reached = terminal_distribution(process, found).probabilities
    np.testing.assert_allclose(reached[:2], [0.1, 0.4], rtol=1e-10)


def test_mass_moves_to_where_nothing_is_asked() -> None:
    """From the middle of a line all moves alike ask for 2/3 at the ends, where 1/2 is wanted."""
    process = make("line:3,start=1").replaced(horizon=1)
    found = matching_policy(process, np.array([0.2, 0.0, 0.3]))
    assert found is not None
    reached = terminal_distribution(process, found).probabilities
    np.testing.assert_allclose(reached, [0.2, 0.5, 0.3], rtol=1e-10)


def test_a_start_that_is_no_policy_is_refused() -> None:
    process = make("line:3").replaced(horizon=2)
    with pytest.raises(InvalidArgumentError):
        matching_policy(process, np.full(3, 1 / 3), start=np.ones((2, process.n_choices)))


def test_passes_are_limited() -> None:
    process = make("line:17,slip=9/10").replaced(horizon=8)
    best = goal_values(process).values
    assert matching_policy(process, best / best.sum(), passes=20) is None


def test_a_separating_reward_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the mass ends at each of two states whatever is done: no step is needed to see it."""
    rows: list[Any] = [(0, 0, 1, "1/2"), (0, 0, 2, "1/2"), (1, 0, 1, 1), (2, 0, 2, 1), (0, 1, 1, "1/2")]
    rows += [(0, 1, 2, "1/2")]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)
    steps = list[float]()
    newton = matching._Search.newton

    def counted(search: matching._Search, passes: int) -> float:
        steps.append(newton(search, passes))
        return steps[-1]

    monkeypatch.setattr(matching._Search, "newton", counted)
    assert matching_policy(process, np.array([0.0, 0.6, 0.4])) is None
    assert len(steps) == 1


def test_geometric_horizons_are_refused() -> None:
    process = make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        matching_policy(process, np.full(3, 1 / 3))
