"""Redundancy, solved on its own as a convex program, equals capacity (T7)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import channel_capacity
from metaregret.theory.skills import process_capacity, process_redundancy
from metaregret.theory.skills.dual_bound import TerminalPolytope
from metaregret.theory.skills.redundancy import _solve
from tests.theory.skills.small_processes import processes, z_channel


@pytest.mark.parametrize("name", ["z-channel", "line:4", "grid:2x2,slip=1/10"])
def test_dual_equals_primal(name: str) -> None:
    process = z_channel() if name == "z-channel" else make(name)
    primal, dual = process_capacity(process), process_redundancy(process)
    assert primal.known
    assert dual.value.gap <= 1e-5
    assert dual.value.lower <= primal.mutual_information.upper
    assert primal.mutual_information.lower <= dual.value.upper
    np.testing.assert_allclose(dual.reference, primal.goal_distribution, atol=1e-3)


@given(processes())
@settings(max_examples=8, deadline=None)
def test_dual_equals_primal_on_drawn_processes(process: ControlledMarkovProcess) -> None:
    primal, dual = process_capacity(process), process_redundancy(process)
    assert dual.value.gap <= 1e-5
    assert dual.value.lower <= primal.mutual_information.upper
    assert primal.mutual_information.lower <= dual.value.upper


def test_unknown_vertices_are_refused() -> None:
    process = make("grid:3x3,slip=1/10").replaced(horizon=4)
    with pytest.raises(InstanceTooLargeError, match="process_capacity"):
        process_redundancy(process, max_points=1000)


@pytest.mark.parametrize("error", [1e-3, 1e-6])
def test_both_bounds_allow_for_the_error_of_the_rows(error: float) -> None:
    """The rows are those of a channel that is better, or worse, than the true one by their stated error."""
    for crossover in (0.1, 0.3):
        true = channel_capacity(np.array([[1 - crossover, crossover], [crossover, 1 - crossover]])).capacity
        for wrong in (crossover - error, crossover + error):
            rows = np.array([[1 - wrong, wrong], [wrong, 1 - wrong]])
            low, high = _solve(TerminalPolytope(rows, error, "off by the error"), 1e-7)
            assert low.lower <= true.lower
            assert high.upper >= true.upper
            assert high.upper - low.lower < 1e4 * error
