"""The bound of the last steps is above every policy, and near where they are all the steps."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import kl_divergence
from metaregret.theory.skills import last_steps, process_capacity
from metaregret.theory.skills.last_steps import LastSteps
from tests.theory.skills.small_processes import all_markov_rows, processes, z_channel


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
        with mock.patch.object(last_steps, "PLANNED", 1):
            assert LastSteps(process, max_points=most).bound(q, 0.0) >= truth - 1e-12


def test_of_a_long_horizon_the_last_steps_are_planned_for_from_the_best_state() -> None:
    """Where nothing of the first steps is left at the end, planning for fewer is as good."""
    process = make("grid:2x2,slip=1/7").replaced(horizon=40)
    q = np.array([0.4, 0.3, 0.2, 0.1])
    everything = LastSteps(process, max_points=100)._respond(q)
    with mock.patch.object(last_steps, "PLANNED", 30):
        some = LastSteps(process, max_points=100)._respond(q)
    assert everything[0] - 1e-12 <= some[0] <= everything[0] + 1e-6
    trap = ControlledMarkovProcess.from_transitions(  # the start is left, and never seen again
        [(0, 0, 1, 1), (1, 0, 1, 1), (2, 0, 2, 1)], states=3, actions=1, initial=0, horizon=5
    )
    with mock.patch.object(last_steps, "PLANNED", 2):
        assert LastSteps(trap, max_points=0)._respond(np.array([0.1, 0.8, 0.1]))[1].tolist() == [0, 1, 0]


@pytest.mark.parametrize(("planned", "steps", "anywhere"), [(10, 4, None), (4, 4, None), (3, 3, [0, 1])])
def test_how_many_steps_are_planned_for(planned: int, steps: int, anywhere: list[int] | None) -> None:
    """Of six steps two are listed and four are left; fewer begin wherever an episode comes by."""
    with mock.patch.object(last_steps, "PLANNED", planned):
        last = LastSteps(z_channel(6), max_points=2)
    assert last.steps == 2
    assert last._before is not None
    assert last._before.horizon == FiniteHorizon(steps)
    assert (None if last._anywhere is None else last._anywhere.tolist()) == anywhere


def test_planned_steps_begin_where_most_can_be_reached() -> None:
    """The far end of a line, of weight 1/100, is four steps away; one is planned for."""
    with mock.patch.object(last_steps, "PLANNED", 1):
        last = LastSteps(make("line:5").replaced(horizon=4), max_points=0)
    bound, row, cost = last._respond(np.array([0.9, 0.03, 0.03, 0.03, 0.01]))
    assert bound == pytest.approx(np.log(100), rel=1e-12)
    assert (row.tolist(), cost) == ([0, 0, 0, 0, 1], 0.0)


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
