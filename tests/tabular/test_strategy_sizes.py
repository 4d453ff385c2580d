"""Processes of up to 100 states, their policies and tasks generate in time: no health check fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.strategies import (
    controllable_processes,
    deterministic_processes,
    distributions,
    policies,
    processes,
    stochastic_processes,
)
from metaregret.theory.strategies import goal_tasks, reward_tasks

LARGE = processes(min_states=100, max_states=100, max_actions=4)
STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "forty": processes(min_states=40, max_states=40, max_actions=4),
    "any": LARGE,
    "deterministic": deterministic_processes(min_states=100, max_states=100, max_actions=4),
    "stochastic": stochastic_processes(min_states=100, max_states=100, max_actions=4),
    "controllable": controllable_processes(min_states=100, max_states=100),
    "policies": LARGE.flatmap(policies),
    "goals": goal_tasks(LARGE),
    "rewards": reward_tasks(LARGE),
    "distributions": distributions(100),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_large_sizes_generate_in_time(name: str) -> None:
    drawn = []

    @settings(max_examples=12, deadline=None)
    @given(STRATEGIES[name])
    def draw(value: Any) -> None:
        drawn.append(value)

    draw()
    assert len(drawn) >= 10


@given(processes(min_states=9, max_states=60))
@settings(max_examples=20, deadline=None)
def test_large_processes_keep_their_promises(process: Any) -> None:
    assert process.is_exact
    assert 9 <= process.n_states <= 60


def test_the_same_arguments_give_the_same_strategy() -> None:
    """Hypothesis examines a new one at a third of the cost of an instance; what is drawn is kept by it."""
    assert distributions(3) is distributions(3)
    assert distributions(3) is not distributions(2)
    assert processes(max_states=3) is processes(max_states=3)
    assert processes(max_states=3) is not processes()
