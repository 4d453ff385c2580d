"""The searcher itself: hard counterexamples are planted, and must be found and shrunk to the smallest."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import (
    deterministic_processes,
    distributions,
    processes,
    stochastic_processes,
)
from metaregret.theory.claims import Context, find_witness
from metaregret.theory.claims.shrinking import smaller_processes, smallest_process


def test_a_needle_among_numbers_is_found_by_climbing():
    """A sum within 3 of 60,000 of a target: hopeless by chance (one in 10**4), reached by targeted search."""

    def excess(pair: tuple[int, int]) -> float:
        return 4.0 - abs(sum(pair) - 41_111)

    found = find_witness(
        st.tuples(st.integers(0, 30_000), st.integers(0, 30_000)), excess, Context(), name="needle"
    )
    assert found is not None
    assert abs(sum(found) - 41_111) < 4


def test_a_goal_two_steps_away_is_shrunk_to_three_states():
    def excess(process: ControlledMarkovProcess) -> Fraction | None:
        now = goal_values(process, representation="rational").exact
        earlier = goal_values(process.replaced(horizon=1), representation="rational").exact
        assert now is not None
        assert earlier is not None
        return max(Fraction(a - b) for a, b in zip(now, earlier, strict=True))

    strategy = deterministic_processes(max_states=5, max_steps=5)
    found = find_witness(strategy, excess, Context(), name="two steps")
    assert found is not None
    assert found.n_states <= 3
    assert found.horizon.steps == 2  # finite by construction


def test_a_rare_probability_is_found_and_shrunk_to_two_states():
    """A goal reached with probability strictly between 0 and 1/4, at best."""

    def excess(process: ControlledMarkovProcess) -> float | None:
        values = goal_values(process).values
        positive = values[values > 0]
        return float(0.25 - positive.min()) if len(positive) else None

    found = find_witness(stochastic_processes(max_states=4), excess, Context(), name="rare")
    assert found is not None
    assert found.n_states == 2
    assert np.any(goal_values(found).values < 0.25)


def test_distributions_shrink_to_small_weights():
    found = find_witness(
        distributions(3, largest=50), lambda p: max(p) - Fraction(9, 10), Context(), name="peak"
    )
    assert found is not None
    assert sorted(found) == [0, 0, 1]


def test_a_true_claim_has_no_witness():
    found = find_witness(distributions(3), lambda p: sum(p) - 1, Context(), name="true", most_examples=200)
    assert found is None


@pytest.mark.parametrize("specification", ["grid:3x3,slip=1/10", "line:7", "tree:0,0,1,1"])
def test_large_processes_shrink_to_what_matters(specification: str):
    """The claim "only one state can end an episode": two states and one step refute it."""
    process = make(specification)
    smallest = smallest_process(process, lambda smaller: bool(goal_support(smaller).sum() > 1))
    assert smallest.n_states == 2
    assert smallest.horizon.steps == 1  # finite by construction
    assert smallest.n_choices <= 3


def test_shrinking_keeps_what_fails_and_stops_in_time():
    process = make("grid:3x3")
    calls = []
    smallest = smallest_process(process, lambda smaller: calls.append(smaller) is not None, most_tries=7)
    assert smallest is process
    assert len(calls) == 7


@given(processes(max_states=4))
def test_neighbours_are_valid_and_smaller(process: ControlledMarkovProcess):
    for smaller in smaller_processes(process):
        sizes = (smaller.n_states, smaller.n_choices, getattr(smaller.horizon, "steps", 0))
        assert sizes < (process.n_states, process.n_choices, getattr(process.horizon, "steps", 0))
        assert smaller.is_exact
