"""The bound of the last steps is above every policy, and near where they are all the steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import kl_divergence
from metaregret.theory.skills import process_capacity
from metaregret.theory.skills.last_steps import LastSteps
from tests.theory.skills.small_processes import all_markov_rows, processes


@given(processes(), st.lists(st.integers(1, 50), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_no_policy_is_above_the_bound_however_few_steps_are_listed(
    process: ControlledMarkovProcess, weights: list[int]
) -> None:
    q = goal_support(process) * np.array(weights)[: process.n_states]
    q = q / q.sum()
    truth = max(kl_divergence(row, q) for row in all_markov_rows(process))
    capacity = process_capacity(process).mutual_information
    for most in (1, 3, 5_000):
        last = LastSteps(process, max_points=most)
        assert last.bound(q, 0.0) >= truth - 1e-12
        assert last.bound(q, np.inf) >= capacity.lower - 1e-12


def test_what_comes_before_the_listed_steps_is_planned_for() -> None:
    """Two steps along a line, none listed: the far end, of weight 1/100, is reached, whatever the start is
    worth."""
    last = LastSteps(make("line:3").replaced(horizon=2), max_points=0)
    assert last.steps == 0
    assert last._respond(np.array([0.98, 0.01, 0.01]))[0] == pytest.approx(np.log(100), rel=1e-12)


def test_nothing_but_the_rate_of_the_method_is_lost_where_an_episode_has_no_other_steps() -> None:
    process = make("noisy-goal:K=4,v=1/2")
    capacity = process_capacity(process).mutual_information
    q = goal_support(process) / goal_support(process).sum()
    assert capacity.lower <= LastSteps(process).bound(q, np.inf) <= capacity.upper + 0.02


def test_it_improves_on_branch_and_bound_on_a_random_process() -> None:
    process = make("garnet:S=20,A=3,b=3,seed=2").replaced(horizon=6)
    found = process_capacity(process, max_nodes=1).mutual_information
    assert found.upper_from == "vertices of the last 2 steps, Jensen's inequality before"
    assert 1.26 < found.lower < found.upper < 1.87


def test_a_process_too_large_for_any_list_is_not_bounded_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even the states of the last step were too many, the bound was zero, and so was the capacity."""
    monkeypatch.setattr("metaregret.theory.skills.vertices.MAX_ENTRIES", 30)
    process = make("garnet:S=20,A=3,b=3,seed=2").replaced(horizon=6)
    found = process_capacity(process, max_nodes=1, random_starts=1).mutual_information
    assert 1.2 < found.lower < found.upper
