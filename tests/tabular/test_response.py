"""Best responses: two ways of computing them agree, with each other and with the planner; mixtures end where
their policies end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import goals, make
from metaregret.tabular.engine.lanes import lanes_of
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import goal_values, optimal_terminal_values
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import best_responses, evenly_mixed, mixed_policy, policy_of_mixture
from metaregret.tabular.strategies import processes


@contextmanager
def compiled() -> Iterator[None]:
    """Within, no process is small enough to do without the compiled pass."""
    with mock.patch.object(goals, "SMALL_WORK", -1):
        yield


@settings(max_examples=40, deadline=None)
@given(processes(), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_best_response_attains_the_best_value(
    process: ControlledMarkovProcess, count: int, seed: int
) -> None:
    """The value is that of the rational recursion for goals, and of the generic one for any rewards."""
    rewards = np.random.default_rng(seed).random((process.n_states, count))
    expected = optimal_terminal_values(process, rewards, representation="dense")
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    for found, sure in (
        (best_responses(process, rewards), best_responses(process, np.eye(process.n_states))),
    ):
        _check(process, rewards, found.terminal, expected.values)
        np.testing.assert_allclose(np.diag(sure.terminal), exact.astype(float), atol=1e-10)
    with compiled():
        found, sure = best_responses(process, rewards), best_responses(process, np.eye(process.n_states))
    _check(process, rewards, found.terminal, expected.values)
    for lower, value, upper in zip(sure.optimum.lower, exact, sure.optimum.upper, strict=True):
        assert Fraction(float(lower)) <= value <= Fraction(float(upper))
        assert (upper == 0) == (value == 0)


def _check(
    process: ControlledMarkovProcess, rewards: np.ndarray, terminal: np.ndarray, values: np.ndarray
) -> None:
    assert terminal.shape == rewards.T.shape
    np.testing.assert_allclose(terminal.sum(axis=1), 1.0, rtol=1e-10)
    np.testing.assert_allclose(np.sum(terminal * rewards.T, axis=1), values, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(processes(), st.integers(2, 40), st.integers(0, 2**32 - 1), st.booleans())
def test_a_mixture_ends_where_its_policies_end(
    process: ControlledMarkovProcess, count: int, seed: int, small: bool
) -> None:
    random = np.random.default_rng(seed)
    rewards, shares = random.random((process.n_states, count)), random.dirichlet(np.ones(count))
    with mock.patch.object(goals, "SMALL_WORK", 10**9 if small else -1):
        found = best_responses(process, rewards)
        policy = mixed_policy([found], shares)
        ends = shares @ found.terminal
        parts = [best_responses(process, rewards[:, :1]), best_responses(process, rewards[:, 1:])]
        ends_of_parts = shares @ np.concatenate([part.terminal for part in parts])
    np.testing.assert_allclose(terminal_distribution(process, policy).probabilities, ends, atol=1e-9)
    joined = terminal_distribution(process, mixed_policy(parts, shares)).probabilities
    np.testing.assert_allclose(joined, ends_of_parts, atol=1e-9)
    kept = best_responses(process, rewards, keep=True)
    assert kept.choices is not None
    policy = policy_of_mixture(process, kept.choices, shares)
    kept_ends = shares @ kept.terminal
    np.testing.assert_allclose(terminal_distribution(process, policy).probabilities, kept_ends, atol=1e-9)
    if not isinstance(process.horizon, GeometricHorizon):
        even = terminal_distribution(process, evenly_mixed(process, sp.csc_array(rewards))).probabilities
        with compiled():
            both = best_responses(process, rewards).terminal.mean(axis=0)
        np.testing.assert_allclose(even, both, atol=1e-9)
    wrong = shares[::-1] @ found.terminal  # the planted error: the shares of other policies
    if np.abs(wrong - ends).max() > 1e-6:
        assert np.abs(joined - wrong).max() > 1e-9 or np.abs(ends_of_parts - ends).max() > 1e-9


@settings(max_examples=40, deadline=None)
@given(processes(geometric=False))
def test_the_layout_has_the_transitions_of_the_process(process: ControlledMarkovProcess) -> None:
    """What a state's choices share and what each has beyond that add up to the transitions, term by term."""
    lanes = lanes_of(process)
    offsets, common, shared_to, shared, rest, to, probabilities = lanes.arrays
    matrix = np.zeros((process.n_choices, process.n_states))
    for place, state in enumerate(lanes.order.tolist()):
        rows = range(int(offsets[place]), int(offsets[place + 1]))
        first, last = process.choice_offsets[state : state + 2].tolist()
        assert lanes.choices[list(rows)].tolist() == list(range(first, last))
        for row in rows:
            choice = int(lanes.choices[row])
            part = slice(int(common[place]), int(common[place + 1]))
            matrix[choice, lanes.order[shared_to[part]]] += shared[part]
            part = slice(int(rest[row]), int(rest[row + 1]))
            matrix[choice, lanes.order[to[part]]] += probabilities[part]
    np.testing.assert_allclose(matrix, process.matrix.toarray(), rtol=1e-15)
    assert np.all(np.diff(lanes.since) >= 0)


def test_slips_are_summed_once_a_state() -> None:
    lanes = lanes_of(make("grid:5x5,slip=1/10"))
    process = lanes.process
    stored = len(lanes.arrays[3]) + len(lanes.arrays[6])
    assert stored < 0.5 * process.n_transitions


def test_what_cannot_be_reached_in_time_is_never_planned_for() -> None:
    """Planning for the far end of a line visits only what can still matter, and finds the same."""
    process = make("line:40").replaced(horizon=6)
    with compiled():
        found = best_responses(process, np.eye(40))
    everywhere = lanes_of(process).run(sp.csc_array(np.eye(40)), everywhere=True)
    np.testing.assert_array_equal(found.optimum.values, process.initial @ everywhere.everywhere)
    assert 0 < np.count_nonzero(found.optimum.values) <= 13


def test_equally_good_choices_take_turns() -> None:
    """Where nothing pays: in turn where decisions are found again, the first where they are returned."""
    process = make("line:3").replaced(horizon=4)
    nothing = np.zeros((3, 1))
    first = mixed_policy([best_responses(process, nothing)], np.ones(1))
    assert set(np.flatnonzero(first.any(axis=0))) == set(process.choice_offsets[:-1])
    with compiled():
        policy = mixed_policy([best_responses(process, nothing)], np.ones(1))
        kept = optimal_terminal_values(process, nothing, policies=True).policies
    for step, chosen in enumerate(policy):  # where the agent never is, the first choice stands
        choices = np.flatnonzero(chosen)
        ranks = choices - process.choice_offsets[process.choice_state[choices]]
        assert {step % 3} <= set(ranks.tolist()) <= {0, step % 3}
    assert kept is not None
    np.testing.assert_array_equal(kept[..., 0], np.tile(process.choice_offsets[:-1], (4, 1)))


def test_lost_mass_does_not_pile_up() -> None:
    """Ties to the first choice (all values zero: it is lost) would take what misses its goal to one wall."""
    process = make("grid:9x9,slip=1/10").replaced(horizon=14)
    with compiled():
        terminal = best_responses(process, np.eye(81)).terminal
    reached = np.flatnonzero(np.diag(terminal) > 0)
    target = np.diag(terminal)[reached]
    shares = np.linalg.solve(terminal[np.ix_(reached, reached)].T, target / target.sum())
    assert shares.min() > 0.1 * shares.max()


def test_decisions_are_held_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little memory there is for decisions, one tile is planned at a time and nothing changes."""
    process = make("grid:5x5,slip=1/10").replaced(horizon=8)
    lanes, columns = lanes_of(process), sp.csc_array(np.eye(25))
    shares = np.random.default_rng(3).dirichlet(np.ones(25))
    plenty = lanes.run(columns, reached=True, shares=shares)
    monkeypatch.setattr("metaregret.tabular.engine.lanes.MAX_RANKS", 1)
    little = lanes.run(columns, reached=True, shares=shares)
    np.testing.assert_array_equal(plenty.reached, little.reached)
    np.testing.assert_allclose(plenty.flow, little.flow, rtol=1e-12)


@pytest.mark.parametrize("horizon", [3, GeometricHorizon(Fraction(1, 2))])
def test_bad_rewards_and_shares_are_named(horizon: int | GeometricHorizon) -> None:
    process = make("line:3").replaced(horizon=horizon)
    with pytest.raises(InvalidArgumentError, match=r"shape \(3, K\), but got \(2, 2\)"):
        best_responses(process, np.eye(2))
    with pytest.raises(InvalidArgumentError, match="Expected non-negative terminal rewards"):
        best_responses(process, -np.eye(3))
    with pytest.raises(InvalidArgumentError, match="shares that are not negative, but got -0"):
        mixed_policy([best_responses(process, np.eye(3))], np.array([1.0, -0.5, 0.5]))


def test_a_state_with_too_many_choices_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from metaregret.tabular.errors import InstanceTooLargeError

    monkeypatch.setattr("metaregret.tabular.engine.lanes.MAX_CHOICES", 2)
    with pytest.raises(InstanceTooLargeError, match=r"State '0' .index 0. has 3 choices"):
        lanes_of(make("line:3"))
