"""The hyperstate graph: sizes, merging, many tasks, refusal, the collapsed graph against the full one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import strategies
from metaregret.tabular.environments import make
from metaregret.tabular.environments.line import line
from metaregret.tabular.errors import InstanceTooLargeError, UnsupportedError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.hyperstate import (
    build,
    build_episode_graph,
    build_graph,
    goal_signals,
    kernels,
    reward_signals,
    size_bound,
)
from metaregret.tabular.hyperstate.learner import classes_of_words
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables

LIMIT = 10**7


def processes() -> list[ControlledMarkovProcess]:
    two_starts = make("grid:2x2,slip=1/10").replaced(
        horizon=2, initial={0: Fraction(1, 3), 3: Fraction(2, 3)}
    )
    return [
        line(4, start=1, horizon=2),
        line(5, start=2, horizon=4),
        make("grid:3x2,slip=1/10").replaced(horizon=3),
        make("garnet:S=5,A=2,b=2,seed=3").replaced(horizon=2),
        two_starts,
    ]


@pytest.mark.parametrize("process", processes(), ids=lambda p: p.name)
@pytest.mark.parametrize("costs", [False, True])
@pytest.mark.parametrize("goals", ["all", "some"])
def test_collapsed_graph_is_the_full_graph(process: ControlledMarkovProcess, costs: bool, goals: str) -> None:
    chosen = np.arange(process.n_states) if goals == "all" else np.arange(1, process.n_states, 2)
    signals = goal_signals(process, chosen, costs=costs)
    full = build_graph(signals, 3, max_edges=LIMIT)
    collapsed = build_episode_graph(signals, 3, max_edges=LIMIT)
    rng = np.random.default_rng(0)
    for _ in range(5):
        weights = rng.dirichlet(np.ones(len(chosen)))
        one, other = full.bayes_optimal(weights), collapsed.bayes_optimal(weights)
        assert one.value == pytest.approx(other.value, abs=1e-12)
        assert weights @ one.payoff == pytest.approx(one.value, abs=1e-12)
        assert weights @ other.payoff == pytest.approx(other.value, abs=1e-12)
    if len(chosen) > 1:
        assert full.size.hyperstates == collapsed.size.hyperstates
        assert full.size.edges == collapsed.size.edges


def test_size_of_the_line_by_hand() -> None:
    """Line of 3 from the middle, T = 1, N = 2: an episode has one state, three moves and its beginning.

    First episode: one set, 1 + 1 hyperstates, 1 + 3 edges. Second: three sets of two goals, 3 (1 + 1) and 3
    (1 + 3).
    """
    size = build_graph(goal_signals(line(3, start=1, horizon=1), np.arange(3)), 2, max_edges=LIMIT).size
    assert (size.hyperstates, size.edges) == (8, 16)


def test_published_edge_counts() -> None:
    """Line of 9, T = 8, N = 9: about 358 thousand edges."""
    collapsed = build(goal_signals(line(9, start=4, horizon=8), np.arange(9)), 9, max_edges=LIMIT)
    assert collapsed.size.edges == 359_059


@pytest.mark.parametrize("states", [63, 64, 65, 130])
@pytest.mark.parametrize("visit", [False, True])
def test_more_than_64_tasks(states: int, visit: bool) -> None:
    """A star: one step to any of n leaves; searching n equally likely leaves takes T12's regret."""
    rows = [(0, a, a + 1, 1) for a in range(states)] + [(s, 0, s, 1) for s in range(1, states + 1)]
    star = ControlledMarkovProcess.from_transitions(
        rows, states=states + 1, actions=states, initial=0, horizon=1
    )
    graph = build(goal_signals(star, np.arange(1, states + 1), visit=visit), 2, max_edges=LIMIT)
    response = graph.bayes_optimal(np.full(states, 1.0 / states))
    expected_regret = 2 - 2 * 3 / (2 * states)  # N - N (N + 1) / (2 K)
    assert 2 - response.value == pytest.approx(expected_regret, abs=1e-12)
    assert {len(b) for b in classes_of_words(response.learner.words)} == {states, states - 1}


def test_rewards_split_into_blocks_of_equal_reward() -> None:
    """Five tasks, three reward levels on the only transition: one step leaves {0, 3}, {1, 4} or 2."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (0, 1, 0, 1)], states=1, actions=2, initial=0, horizon=2
    )
    levels = [[1, 0], [2, 0], [3, 0], [1, 1], [2, 1]]
    tables = RewardTables.from_exact(
        process, Labels(5, "task"), [[Fraction(v) for v in row] for row in levels]
    )
    signals = reward_signals(tables)
    graph = build_graph(signals, 1, max_edges=LIMIT)
    sets = set(classes_of_words(graph.sets.words[: graph.sets.used]))
    groups = {
        frozenset(int(signals.task_class[t]) for t in group)
        for group in [(0, 1, 2, 3, 4), (0, 3), (1, 4), (0, 1, 2), (3, 4)]
    }
    assert sets == groups


def test_tasks_with_equal_rewards_are_one_class() -> None:
    process = line(3, start=1, horizon=1)
    row = [Fraction(i) for i in range(process.n_transitions)]
    other = [Fraction(0)] * process.n_transitions
    signals = reward_signals(RewardTables.from_exact(process, Labels(3, "task"), [row, other, row]))
    assert signals.n_classes == 2
    assert signals.task_class[0] == signals.task_class[2] != signals.task_class[1]


def test_signal_zero_is_silent_whatever_the_rewards() -> None:
    process = line(3, start=1, horizon=1)
    rewards = [[Fraction(1)] * process.n_transitions, [Fraction(2)] * process.n_transitions]
    signals = reward_signals(RewardTables.from_exact(process, Labels(2, "task"), rewards))
    assert not signals.pay[0].any()
    assert (signals.during > 0).all()


def test_refused_before_memory_is_spent() -> None:
    process = make("grid:6x6").replaced(horizon=10)
    for visit in (False, True):
        with pytest.raises(InstanceTooLargeError, match="Reduce the number of"):
            build(goal_signals(process, np.arange(36), visit=visit), 12, max_edges=10**6)


def test_size_bound_is_a_bound() -> None:
    for process in processes():
        for visit in (False, True):
            signals = goal_signals(process, np.arange(process.n_states), visit=visit)
            size, bound = build_graph(signals, 3, max_edges=LIMIT).size, size_bound(signals, 3)
            assert size.edges <= bound.edges
            assert size.hyperstates <= bound.hyperstates
            assert size.sets <= bound.sets


@given(strategies.processes(geometric=False), st.booleans(), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_nothing_is_refused_that_fits(process: ControlledMarkovProcess, visit: bool, episodes: int) -> None:
    """The bound by which graphs are refused while they grow is never above their size."""
    signals = goal_signals(process, np.arange(process.n_states), visit=visit)
    size = build_graph(signals, episodes, max_edges=LIMIT).size
    assert build_graph(signals, episodes, max_edges=max(size.edges, 1)).size == size
    if size.edges > 1:
        with pytest.raises(InstanceTooLargeError):
            build_graph(signals, episodes, max_edges=size.edges - 1)


def test_large_graphs_are_refused_by_their_first_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """One can stay in every cell, so that every later step has at least as many hyperstates as this one."""
    grown, grow = [], kernels.expand
    monkeypatch.setattr(
        kernels, "expand", lambda state, *rest: (grown.append(len(state)), grow(state, *rest))[1]
    )
    signals = goal_signals(make("four-rooms:2").replaced(horizon=16), np.arange(20), visit=True)
    with pytest.raises(InstanceTooLargeError, match="known in episode 1 of 9"):
        build_graph(signals, 9, max_edges=10**6)
    assert sum(grown) < 10**6 / 200


@pytest.mark.parametrize("episodes", [1, 2, 3])
@pytest.mark.parametrize("specification", ["line:4", "line:6", "grid:2x2", "grid:3x2,slip=1/10", "ring:5"])
def test_nothing_is_refused_that_fits_where_one_can_stay(specification: str, episodes: int) -> None:
    """Later episodes are bounded by walks to what was seen; every number of goals, every first state."""
    process = make(specification)
    for horizon in (1, 2, 3):
        for goals in range(2, process.n_states + 1):
            signals = goal_signals(process.replaced(horizon=horizon), np.arange(goals), visit=True)
            size = build_graph(signals, episodes, max_edges=LIMIT).size
            assert build_graph(signals, episodes, max_edges=max(size.edges, 1)).size == size


def test_geometric_horizon_is_refused_with_the_reason() -> None:
    process = line(3).replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="infinite"):
        goal_signals(process, np.arange(3))
