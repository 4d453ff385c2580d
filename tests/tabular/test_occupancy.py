"""The flow polytope: balance, terminal image, policies from flows, sizes refused before memory is spent."""

from __future__ import annotations

import time
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.occupancy import FlowPolytope, flow_polytope
from metaregret.tabular.policy import check_policy, terminal_distribution, uniform_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import policies, processes


def occupancy(polytope: FlowPolytope, policy: np.ndarray) -> np.ndarray:
    """The occupancy measure of a rational policy on the polytope's variables, in exact arithmetic, as
    floats."""
    process = polytope.process
    assert process.exact_initial is not None
    p = process.exact_probabilities
    if isinstance(process.horizon, FiniteHorizon):
        now = list(process.exact_initial)
        layers = []
        for row in policy:
            flow = [now[process.choice_state[c]] * row[c] for c in range(process.n_choices)]
            layers.append(flow)
            now = [Fraction(0)] * process.n_states
            for m, c in enumerate(process.transition_choice):
                now[process.successors[m]] += flow[c] * p[m]
        return np.array([float(layers[t][c]) for t, c in zip(polytope.step, polytope.choice, strict=True)])
    rho = terminal_distribution(process, policy, representation="rational").exact
    assert rho is not None
    return np.array([float(rho[process.choice_state[c]] * policy[c]) for c in polytope.choice])


@given(process=processes(max_states=4), data=st.data())
def test_occupancies_satisfy_balance_and_map_to_the_terminal_distribution(
    process: ControlledMarkovProcess, data: st.DataObject
) -> None:
    polytope = flow_polytope(process)
    policy = data.draw(policies(process))
    flow = occupancy(polytope, policy)
    assert np.all(flow >= 0)
    assert np.abs(polytope.balance @ flow - polytope.supply).max() < 1e-14
    exact = terminal_distribution(process, policy, representation="rational").exact
    assert exact is not None
    assert np.abs(polytope.terminal @ flow - exact.astype(float)).max() < 1e-14


@given(process=processes(max_states=4), data=st.data())
def test_policy_of_a_flow_gives_the_flow_back(process: ControlledMarkovProcess, data: st.DataObject) -> None:
    """Round trip: policy -> occupancy -> policy -> the same terminal distribution (unused states are
    free)."""
    polytope = flow_polytope(process)
    policy = data.draw(policies(process))
    again = polytope.policy(occupancy(polytope, policy))
    check_policy(process, again)
    exact = terminal_distribution(process, policy, representation="rational").exact
    result = terminal_distribution(process, again)
    assert exact is not None
    assert np.abs(result.probabilities - exact.astype(float)).max() < 1e-13


@given(process=processes(max_states=4), data=st.data())
def test_any_flow_whatever_becomes_a_policy(process: ControlledMarkovProcess, data: st.DataObject) -> None:
    polytope = flow_polytope(process)
    numbers = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(0.0))
    flow = np.array(
        data.draw(st.lists(numbers, min_size=len(polytope.choice), max_size=len(polytope.choice)))
    )
    check_policy(process, polytope.policy(flow))


def test_only_states_that_can_occur_have_variables() -> None:
    """line:5 from 0: one state at step 0, two at step 1, three at step 2; three choices each."""
    polytope = flow_polytope(make("line:5").replaced(horizon=3))
    assert np.bincount(polytope.step).tolist() == [3, 6, 9]
    assert polytope.balance.shape == (1 + 2 + 3, 18)


def test_a_wrong_balance_sign_is_noticed() -> None:
    """The balance check above is not vacuous: a flipped inflow fails it."""
    process = make("line:3").replaced(horizon=2)
    polytope = flow_polytope(process)
    policy = np.full((2, process.n_choices), Fraction(1, 3), dtype=object)
    flow = occupancy(polytope, policy)
    assert np.abs(polytope.balance @ flow - polytope.supply).max() < 1e-15
    assert np.abs(abs(polytope.balance) @ flow - polytope.supply).max() > 0.1


@pytest.mark.parametrize("specification", ["line:2", "line:3", "line:1000", "grid:30x30"])
def test_huge_polytopes_are_refused_before_memory_is_spent(specification: str) -> None:
    process = make(specification).replaced(horizon=10**6)
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(InstanceTooLargeError, match="variables, over the limit"):
        flow_polytope(process)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.perf_counter() - began < 10
    assert peak < 200 * 2**20


def test_memory_is_linear_in_the_horizon() -> None:
    """A quadratic table of blocks would need 800 MB here."""
    process = make("line:2").replaced(horizon=10_000)
    tracemalloc.start()
    polytope = flow_polytope(process)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert polytope.balance.shape == (19_999, 59_997)
    assert peak < 50 * 2**20
    flow = np.ones(len(polytope.choice))
    assert polytope.policy(flow).shape == uniform_policy(process).shape
