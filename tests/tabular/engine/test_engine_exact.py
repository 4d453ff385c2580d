"""Exact mode against brute force over all policies, in the standard library's rationals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.engine import solve
from metaregret.tabular.engine.exact import ExactModel, bellman_residual, chain_values
from metaregret.tabular.engine.graph import ChoiceGraph
from metaregret.tabular.errors import InstanceTooLargeError, NotExactError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from tests.tabular.engine.models import (
    INFINITE,
    brute_force_discounted,
    brute_force_total,
    chain_with_reset,
    reward_arrays,
)

some = settings(max_examples=60, deadline=None)
small = processes(max_states=3, max_actions=2)


@some
@given(st.data())
def test_discounted_is_the_best_over_all_policies(data: st.DataObject) -> None:
    process = data.draw(small)
    rewards = data.draw(reward_arrays(process))
    gamma = data.draw(st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(19, 20)]))
    maximise = data.draw(st.booleans())
    found = solve(process, rewards, objective="discounted", gamma=gamma, maximise=maximise, exact=True)
    assert found.exact is not None
    assert list(found.exact) == brute_force_discounted(process, rewards, gamma, maximise=maximise)


@some
@given(st.data())
def test_reach_is_the_best_over_all_policies(data: st.DataObject) -> None:
    process = data.draw(small)
    target = data.draw(st.integers(0, process.n_states - 1))
    maximise = data.draw(st.booleans())
    found = solve(process, objective="reach", targets=[target], maximise=maximise, exact=True)
    assert found.exact is not None
    entering = np.array([Fraction(int(s == target)) for s in process.successors], dtype=object)
    expected = brute_force_total(process, entering, {target}, maximise=maximise)
    for state in range(process.n_states):
        assert found.exact[state] == (1 if state == target else expected[state])


@some
@given(st.data())
def test_total_is_the_best_over_all_policies(data: st.DataObject) -> None:
    process = data.draw(small)
    rewards = data.draw(reward_arrays(process))
    targets = set(data.draw(st.sets(st.integers(0, process.n_states - 1), max_size=1)))
    maximise = data.draw(st.booleans())
    expected = brute_force_total(process, rewards, targets, maximise=maximise)
    if any(value == INFINITE for value in expected):
        return  # a policy without a value: see test_loops_whose_rewards_cancel_are_refused
    infinite = any(isinstance(value, float) for value in expected)
    options = {"objective": "total", "targets": sorted(targets) or None, "maximise": maximise, "exact": True}
    if infinite:
        with pytest.raises(UnsupportedError, match="infinit"):
            solve(process, rewards, **options)
        return
    found = solve(process, rewards, **options)
    assert found.exact is not None
    assert list(found.exact) == expected


@some
@given(st.data())
def test_the_returned_policy_attains_the_value(data: st.DataObject) -> None:
    process = data.draw(processes(max_states=4, max_actions=3))
    rewards = data.draw(reward_arrays(process))
    found = solve(process, rewards, objective="discounted", gamma=Fraction(9, 10), exact=True)
    assert found.policy is not None
    assert found.exact is not None
    only = ControlledMarkovProcess.from_transitions(
        [
            (s, 0, int(process.successors[m]), process.exact_probabilities[m])
            for s in range(process.n_states)
            for m in range(int(process.offsets[found.policy[s]]), int(process.offsets[found.policy[s] + 1]))
        ],
        states=process.n_states, actions=1, initial=0, horizon=1,
    )  # fmt: skip
    paid = np.concatenate([rewards[process.offsets[c] : process.offsets[c + 1]] for c in found.policy])
    again = solve(only, paid, objective="discounted", gamma=Fraction(9, 10), exact=True)
    assert again.exact is not None
    assert list(again.exact) == list(found.exact)


def test_long_chain_of_resets_is_exactly_seven_tenths() -> None:
    """Stopping at a step residual of 1e-6 gives 0.6508 for this model with 15 stages and 1.3e-6 with 20."""
    for stages in (15, 20):
        found = solve(chain_with_reset(stages), objective="reach", targets=[stages], exact=True)
        assert found.value.exact == Fraction(7, 10)


def test_a_planted_error_leaves_a_residual() -> None:
    import flint

    graph = ChoiceGraph(np.array([0, 1, 2]), np.array([0, 1, 2]), np.array([1, 1]))
    half = flint.fmpq(1, 2)
    model = ExactModel(graph, [half, half], [flint.fmpq(1), flint.fmpq(1)])
    values = chain_values(model, np.array([0, 1]))
    assert [str(value) for value in values] == ["2", "2"]
    assert all(residual == 0 for residual in bellman_residual(model, values))
    values[1] += flint.fmpq(1, 10**30)
    assert [residual != 0 for residual in bellman_residual(model, values)] == [True, True]


def test_floating_point_process_is_refused() -> None:
    process = ControlledMarkovProcess.from_dense(np.array([[[0.3, 0.7], [0.5, 0.5]]]), horizon=1)
    with pytest.raises(NotExactError, match="floating point only"):
        solve(process, np.ones(2), objective="discounted", gamma=0.5, exact=True)


def test_exact_finite_horizon_refuses_what_would_never_finish() -> None:
    process = chain_with_reset(200)
    with pytest.raises(InstanceTooLargeError, match="word operations"):
        solve(process, np.ones(process.n_states), steps=1_000_000, exact=True)
