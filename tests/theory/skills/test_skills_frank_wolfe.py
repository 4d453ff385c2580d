"""Certified minima over the terminal polytope against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.skills import inverse_sum, minimise_over_terminal, mixture, relative_entropy
from tests.theory.skills.small_processes import all_markov_rows, processes, z_channel


def uniform(process: ControlledMarkovProcess) -> np.ndarray:
    support = goal_support(process)
    return np.asarray(support / support.sum())


def test_maximum_entropy_of_the_z_channel_is_uniform() -> None:
    found = minimise_over_terminal(z_channel(), relative_entropy(np.array([0.5, 0.5])))
    np.testing.assert_allclose(found.terminal, [0.5, 0.5], atol=1e-7)
    assert found.value.lower <= 0 <= found.value.upper


def test_a_target_outside_the_polytope_is_projected_to_its_edge() -> None:
    """Z-channel: rho(2) <= 1/2, so the closest to (1/5, 4/5) is (1/2, 1/2)."""
    found = minimise_over_terminal(z_channel(), relative_entropy(np.array([0.2, 0.8])))
    expected = 0.5 * np.log(0.5 / 0.2) + 0.5 * np.log(0.5 / 0.8)
    assert found.value.lower - 1e-12 <= expected <= found.value.upper + 1e-12
    assert found.value.gap <= 1e-8
    np.testing.assert_allclose(found.terminal, [0.5, 0.5], atol=1e-6)


def test_square_root_law() -> None:
    weights = np.array([0.6, 0.3, 0.1])
    found = minimise_over_terminal(make("line:3"), inverse_sum(weights))
    assert found.value.lower <= np.sqrt(weights).sum() ** 2 <= found.value.upper
    np.testing.assert_allclose(found.terminal, np.sqrt(weights) / np.sqrt(weights).sum(), atol=1e-6)


@given(processes())
@settings(max_examples=20, deadline=None)
def test_no_mixture_of_policies_is_below_the_certified_minimum(process: ControlledMarkovProcess) -> None:
    rows = all_markov_rows(process)
    mixed = np.random.default_rng(0).dirichlet(np.full(len(rows), 0.2), size=200) @ rows
    for objective in (
        relative_entropy(uniform(process)),
        inverse_sum(uniform(process) * goal_values(process).values),
    ):
        found = minimise_over_terminal(process, objective)
        assert found.value.gap <= 2e-9 * max(1.0, abs(found.value.upper))
        np.testing.assert_allclose(mixture(found.skills), found.terminal, atol=1e-12)
        assert float(objective.value(found.terminal).sum()) == pytest.approx(found.value.upper, abs=1e-7)
        covered = mixed[(mixed[:, goal_support(process)] > 0).all(axis=1)]
        values = np.array([objective.value(rho).sum() for rho in covered])
        assert (values >= found.value.lower - 1e-9 * max(1.0, abs(found.value.lower))).all()


@pytest.mark.parametrize(
    "name", ["gym:FrozenLake-v1,map_name=4x4", "garnet:S=8,A=3,b=3,seed=2", "grid:3x3,slip=6/10"]
)
def test_a_loose_bracket_still_holds(name: str) -> None:
    """Stopped early, the linearisation must be a true bound: halving the Frank-Wolfe gap would exceed the
    minimum."""
    process = make(name).replaced(horizon=6)
    target = np.where(goal_support(process), np.arange(1.0, process.n_states + 1) ** 3, 0.0)
    objective = relative_entropy(target / target.sum())
    tight = minimise_over_terminal(process, objective)
    gaps = []
    for tolerance in (1.0, 0.1, 0.01):
        loose = minimise_over_terminal(process, objective, tolerance=tolerance)
        assert loose.value.lower <= tight.value.upper
        assert loose.value.upper >= tight.value.lower
        gaps.append(loose.value.upper - tight.value.lower)
    assert gaps == sorted(gaps, reverse=True)
