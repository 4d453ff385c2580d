"""All goals in one pass: against one backward induction a goal, exact values, and what the policies
attain."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import goals
from metaregret.tabular.engine import solve
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.goals import TerminalValues, goal_values
from metaregret.tabular.process import ControlledMarkovProcess, Representation
from metaregret.tabular.strategies import processes


def attained(process: ControlledMarkovProcess, policy: np.ndarray, goal: int) -> np.ndarray:
    """Probability of being at `goal` in the end under `policy`, shape (T, S), from every state."""
    values = (np.arange(process.n_states) == goal).astype(float)
    for decisions in policy[::-1]:
        values = process.matrix[decisions] @ values
    return np.asarray(values)


def all_goals(process: ControlledMarkovProcess, which: np.ndarray | None = None) -> TerminalValues:
    """Everything about all goals; no process is small enough to do without the compiled pass."""
    with mock.patch.object(goals, "SMALL_WORK", -1):
        return goal_values(process, which, policies=True, everywhere=True)


@given(processes(max_states=5, max_actions=3), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_every_goal_matches_its_own_backward_induction(process: ControlledMarkovProcess, steps: int) -> None:
    process = process.replaced(horizon=steps)
    for found in (all_goals(process), goal_values(process, policies=True, everywhere=True)):
        assert found.everywhere is not None
        assert found.policies is not None
        lower, upper = found.everywhere
        for goal in range(process.n_states):
            indicator = (np.arange(process.n_states) == goal).astype(int)
            exact = solve(process, steps=steps, terminal=indicator, exact=True)
            assert exact.exact is not None
            assert found.lower[goal] <= exact.value.exact <= found.upper[goal]
            for state, value in enumerate(exact.exact):
                assert Fraction(lower[state, goal]) <= value <= Fraction(upper[state, goal])
                assert upper[state, goal] - lower[state, goal] <= 1e-13
            policy = found.policies[:, :, goal]
            assert policy.shape == (steps, process.n_states)
            np.testing.assert_allclose(attained(process, policy, goal), lower[:, goal], atol=1e-13)


@given(processes(max_states=4), st.sampled_from(["dense", "rational"]))
@settings(max_examples=30, deadline=None)
def test_bounds_from_every_state_are_those_of_starting_there(
    process: ControlledMarkovProcess, representation: Representation
) -> None:
    """At both kinds of horizon: the bounds overlap those of the process that starts in that state."""
    bounds = goal_values(process, representation=representation, everywhere=True).everywhere
    assert bounds is not None
    for state in range(process.n_states):
        there = goal_values(process.replaced(initial=state), representation="rational").exact
        assert there is not None
        for low, value, high in zip(bounds[0, state], there, bounds[1, state], strict=True):
            assert Fraction(low) <= value <= Fraction(high)
            assert high - low <= 1e-10


@pytest.mark.parametrize("specification", ["grid:9x9", "grid:9x9,slip=1/10", "tree:0,0,1,1,2,2"])
def test_more_goals_than_lanes_and_more_than_one_word(specification: str) -> None:
    process = make(specification).replaced(horizon=7)
    found = all_goals(process)
    assert found.everywhere is not None
    assert found.policies is not None
    for goal in (0, process.n_states // 2, process.n_states - 1):
        terminal = (np.arange(process.n_states) == goal).astype(float)
        single = solve(process, steps=7, terminal=terminal)
        np.testing.assert_allclose(found.everywhere[0, :, goal], single.values, atol=1e-13)
        np.testing.assert_allclose(
            attained(process, found.policies[:, :, goal], goal), single.values, atol=1e-13
        )


@pytest.mark.parametrize("specification", ["grid:4x4", "grid:4x4,slip=1/5"])
def test_a_subset_of_goals_keeps_its_order_and_repeats(specification: str) -> None:
    process = make(specification).replaced(horizon=5)
    everything, some = all_goals(process), all_goals(process, np.array([7, 3, 7]))
    assert everything.everywhere is not None
    assert some.everywhere is not None
    np.testing.assert_array_equal(some.everywhere, everything.everywhere[:, :, [7, 3, 7]])
    np.testing.assert_array_equal(some.values, everything.values[[7, 3, 7]])


@given(processes(max_states=3), st.sampled_from([None, "dense", "sparse", "rational"]))
@settings(max_examples=20, deadline=None)
def test_no_goals_and_goals_that_are_never_reached(
    process: ControlledMarkovProcess, representation: Representation | None
) -> None:
    none = goal_values(process, np.array([], dtype=int), representation=representation, policies=True)
    assert none.lower.shape == none.upper.shape == (0,)
    assert none.policies is not None
    assert none.policies.shape[-1] == 0
    found = goal_values(process, representation=representation)
    never = ~goals.goal_support(process)
    assert not np.any(found.lower[never])
    assert not np.any(found.upper[never])
    assert np.all(found.lower >= 0)
    assert np.all(found.upper[~never] > 0)


def test_chances_below_the_smallest_float_are_not_impossible() -> None:
    rare = Fraction(1, 10**200)
    rows = [(s, 0, s + 1, rare) for s in (0, 1)] + [(s, 0, 0, 1 - rare) for s in (0, 1)] + [(2, 0, 2, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=1, initial=0, horizon=2)
    for found in (all_goals(process), goal_values(process, policies=True, everywhere=True)):
        assert found.everywhere is not None
        for lower, upper in ((found.lower[2], found.upper[2]), found.everywhere[:, 0, 2]):
            assert lower == 0
            assert 0 < upper < 1e-300


def test_refusals() -> None:
    with pytest.raises(InvalidArgumentError, match=r"goals\[1\] = 4 is not a state"):
        goal_values(make("line:4"), np.array([0, 4]))
    with pytest.raises(InstanceTooLargeError, match="GiB"):
        goal_values(make("grid:30x30").replaced(horizon=1_000_000), policies=True)


@pytest.mark.parametrize("module", ["tabular.engine", "tabular.environments", "theory.minimax"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    """Nothing heavy beyond what SciPy's sparse matrices load, which depends on its version."""
    heavy = ("numba", "cvxpy", "sympy", "scipy.linalg", "scipy.sparse.linalg", "scipy.special", "gymnasium")
    code = (
        f"import sys, scipy.sparse; before = set(sys.modules); import metaregret.{module}; "
        f"sys.exit(', '.join(m for m in {(*heavy, 'pandas')} if m in sys.modules.keys() - before) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
