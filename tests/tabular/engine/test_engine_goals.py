"""All goals in one pass: against one backward induction a goal, exact values, and what the policies
attain."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.engine import goal_values_all, solve
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes


def attained(process: ControlledMarkovProcess, policy: np.ndarray, goal: int) -> np.ndarray:
    """Probability of being at `goal` in the end under `policy`, shape (T, S), from every state."""
    values = (np.arange(process.n_states) == goal).astype(float)
    for decisions in policy[::-1]:
        values = process.matrix[decisions] @ values
    return np.asarray(values)


@given(processes(max_states=5, max_actions=3), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_every_goal_matches_its_own_backward_induction(process: ControlledMarkovProcess, steps: int) -> None:
    found = goal_values_all(process, steps=steps, keep_policies=True)
    for goal in range(process.n_states):
        indicator = (np.arange(process.n_states) == goal).astype(int)
        exact = solve(process, steps=steps, terminal=indicator, exact=True)
        assert exact.exact is not None
        for state, value in enumerate(exact.exact):
            assert Fraction(found.lower[state, goal]) <= value <= Fraction(found.upper[state, goal])
            assert found.upper[state, goal] - found.lower[state, goal] <= 1e-13
        policy = found.policy(process, goal)
        assert policy.shape == (steps, process.n_states)
        np.testing.assert_allclose(attained(process, policy, goal), found.values[:, goal], atol=1e-14)


@pytest.mark.parametrize("specification", ["grid:9x9", "grid:9x9,slip=1/10", "tree:0,0,1,1,2,2"])
def test_more_goals_than_lanes_and_more_than_one_word(specification: str) -> None:
    process = make(specification)
    found = goal_values_all(process, steps=7, keep_policies=True)
    for goal in (0, process.n_states // 2, process.n_states - 1):
        terminal = (np.arange(process.n_states) == goal).astype(float)
        single = solve(process, steps=7, terminal=terminal)
        np.testing.assert_allclose(found.values[:, goal], single.values, atol=1e-14)
        np.testing.assert_allclose(
            attained(process, found.policy(process, goal), goal), found.values[:, goal], atol=1e-14
        )


def test_a_subset_of_goals_keeps_its_order_and_repeats() -> None:
    process = make("grid:4x4,slip=1/5")
    everything = goal_values_all(process, steps=5)
    some = goal_values_all(process, np.array([7, 3, 7]), 5)
    np.testing.assert_array_equal(some.values, everything.values[:, [7, 3, 7]])
    deterministic = make("grid:4x4")
    everything = goal_values_all(deterministic, steps=5)
    some = goal_values_all(deterministic, np.array([7, 3, 7]), 5)
    np.testing.assert_array_equal(some.values, everything.values[:, [7, 3, 7]])


def test_refusals() -> None:
    process = make("line:4")
    with pytest.raises(InvalidArgumentError, match=r"goals\[1\] = 4 is not a state"):
        goal_values_all(process, np.array([0, 4]), 3)
    with pytest.raises(InvalidArgumentError, match="steps=-1"):
        goal_values_all(process, steps=-1)
    with pytest.raises(InvalidArgumentError, match="keep_policies=True"):
        goal_values_all(process, steps=2).policy(process, 0)
    with pytest.raises(InstanceTooLargeError, match="GiB"):
        goal_values_all(make("grid:30x30"), steps=1_000_000, keep_policies=True)


def test_importing_the_engine_loads_nothing_heavy() -> None:
    code = (
        "import sys, metaregret.tabular.engine; heavy = [m for m in ('numba', 'cvxpy', 'flint', 'sympy', "
        "'scipy.linalg', "
        "'scipy.sparse.linalg', 'gymnasium', 'pandas') if m in sys.modules]; sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
