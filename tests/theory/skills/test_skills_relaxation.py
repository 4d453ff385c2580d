"""The relaxation bounds every policy of a node, is exact where all is fixed, and is not vacuous."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import kl_divergence
from metaregret.theory.skills.global_search import search_globally
from metaregret.theory.skills.relaxation import Nodes, Relaxation
from tests.theory.skills.small_processes import all_markov_rows, processes


def relaxed(process: ControlledMarkovProcess, weights: list[int]) -> tuple[Relaxation, np.ndarray]:
    support = np.flatnonzero(goal_support(process))
    q = np.zeros(process.n_states)
    q[support] = np.asarray(weights, dtype=float)[support]
    q /= q.sum()
    return Relaxation(process, q, support), q


@given(processes(), st.lists(st.integers(1, 9), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_search_finds_the_maximum_that_brute_force_finds(
    process: ControlledMarkovProcess, weights: list[int]
) -> None:
    relaxation, q = relaxed(process, weights)
    truth = max(kl_divergence(row, q) for row in all_markov_rows(process))
    assert relaxation.evaluate(relaxation.root()).bounds[0] >= truth - 1e-12
    proved = search_globally(relaxation, truth + 1e-9, max_nodes=100_000)
    assert proved.upper <= truth + 2e-9
    assert proved.choices.shape[-1] == 0
    # A target below the maximum must be refuted by a policy.
    refuted = search_globally(relaxation, truth - 1e-6, max_nodes=100_000)
    assert refuted.choices.shape[-1] > 0


@given(processes(geometric=True), st.lists(st.integers(1, 9), min_size=3, max_size=3))
@settings(max_examples=15, deadline=None)
def test_geometric_horizons(process: ControlledMarkovProcess, weights: list[int]) -> None:
    relaxation, q = relaxed(process, weights)
    truth = max(kl_divergence(row, q) for row in all_markov_rows(process))
    proved = search_globally(relaxation, truth + 1e-8, max_nodes=100_000)
    assert proved.choices.shape[-1] == 0
    assert proved.upper <= truth + 3e-8
    assert search_globally(relaxation, truth - 1e-6, max_nodes=100_000).choices.shape[-1] > 0


def test_bounds_tighten_as_decisions_are_fixed() -> None:
    process = make("grid:3x3,slip=3/10").replaced(horizon=3)
    relaxation, _ = relaxed(process, [1] * 9)
    node = relaxation.root()
    bounds = [relaxation.evaluate(node).bounds[0]]
    rng = np.random.default_rng(0)
    for level in range(3):
        for state in range(9):
            node[0, level, state] = rng.integers(relaxation.counts[state])
        found = relaxation.evaluate(node)
        bounds.append(found.bounds[0])
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(bounds))
    assert found.bounds[0] == pytest.approx(found.values[0], abs=1e-10)


def test_a_search_that_is_cut_short_still_bounds() -> None:
    process = make("grid:3x3,slip=3/10").replaced(horizon=3)
    relaxation, _ = relaxed(process, [1] * 9)
    # No policy exceeds log 9, and the root's bound alone proves 5 nats.
    assert search_globally(relaxation, 5.0, max_nodes=1).upper == 5.0
    short = search_globally(relaxation, 1.4, max_nodes=1)
    longer = search_globally(relaxation, 1.4, max_nodes=2000)
    assert short.nodes == 1
    assert 1.4 <= longer.upper < short.upper


@pytest.mark.parametrize("gamma", [Fraction(1, 2), Fraction(99, 100), Fraction(999, 1000)])
def test_values_at_a_geometric_horizon_are_upper_bounds(gamma: Fraction) -> None:
    """Two states and one action: ``(1 - g) (I - g P)^-1 r`` in rational numbers; no tolerance."""
    on, back = Fraction(1, 3), Fraction(1, 4)
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, on), (0, 0, 0, 1 - on), (1, 0, 0, back), (1, 0, 1, 1 - back)],
        states=2,
        actions=1,
        initial=0,
        horizon=GeometricHorizon(gamma),
    )
    relaxation, _ = relaxed(process, [1, 1])
    rewards = np.random.default_rng(0).normal(size=(1, 2, 20))
    upper, _ = relaxation._best(rewards, relaxation.root())
    # The first row of the inverse, by Cramer's rule.
    first, second = 1 - gamma * (1 - back), gamma * on
    determinant = (1 - gamma * (1 - on)) * first - second * gamma * back
    for bound, column in zip(upper[0], rewards[0].T, strict=True):
        paid = [Fraction(float(r)) for r in column]
        exact = (1 - gamma) * (first * paid[0] + second * paid[1]) / determinant
        assert exact <= Fraction(float(bound)) <= exact + Fraction(1, 10**8)


def test_a_node_without_free_decisions_keeps_its_bound() -> None:
    """Its bound stays open however far it is above the target: nothing below it was searched."""

    class Stub:
        process, support, width, levels = make("line:2"), np.arange(2), 1, 1
        counts, node_cost = np.array([1, 1]), 1.0

        def root(self) -> np.ndarray:
            return np.full((1, 1, 2), -1)

        def evaluate(self, fixed: np.ndarray) -> Nodes:
            return Nodes(
                np.array([0.7]), np.array([0.1]), np.zeros((1, 1, 2), dtype=np.int64), np.ones((1, 1, 2))
            )

        def choices(self, actions: np.ndarray) -> np.ndarray:
            return np.zeros((1, 2, len(actions)), dtype=np.int64)

    assert search_globally(cast(Relaxation, Stub()), 0.5, max_nodes=None).upper == 0.7
