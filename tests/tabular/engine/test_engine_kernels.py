"""Backups, layouts and graph searches against plain Python: with dyadic numbers every result is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from metaregret.tabular.engine import graph_kernels, kernels, layout
from metaregret.tabular.engine.graph import ChoiceGraph
from metaregret.tabular.engine.layout import Rows, dense_rows, frozen, lay_out, rows_of
from metaregret.tabular.engine.operator import Operator
from metaregret.tabular.process import ControlledMarkovProcess

Choice = dict[int, int]
"""Successor -> probability in sixteenths; it may be empty or sum to less than one."""


def drawn(seed: int, longest: int = 9, empty: bool = True) -> tuple[list[list[Choice]], np.random.Generator]:
    """Choices of some states, in rows of equal length (a fixed width) or of any length, and the generator.

    Not drawn by hypothesis, which takes longer than what is tested: mutants are many.
    """
    generator = np.random.default_rng(seed)
    states = int(generator.integers(1, 10))
    longest = min(states, longest)
    fixed = int(generator.integers(1, longest + 1)) if seed % 2 else None

    def choice() -> Choice:
        size = int(generator.integers(0 if empty else 1, longest + 1)) if fixed is None else fixed
        successors = sorted(generator.permutation(states)[:size].tolist())
        return dict(zip(successors, generator.integers(1, 17, size).tolist(), strict=True))

    table = [[choice() for _ in range(int(generator.integers(1, 4)))] for _ in range(states)]
    if not empty:
        for trap in np.flatnonzero(generator.random(states) < 0.25).tolist():
            table[trap] = [{trap: 16}]
    return table, generator


def mask(generator: np.random.Generator, size: int) -> np.ndarray:
    return generator.random(size) < generator.random()


def graph_of(table: list[list[Choice]]) -> ChoiceGraph:
    choices = [choice for state in table for choice in state]
    successors = [state for choice in choices for state in choice]
    return ChoiceGraph(
        frozen(np.cumsum([0, *map(len, table)])),
        frozen(np.cumsum([0, *map(len, choices)])),
        frozen(np.array(successors, dtype=np.int64)),
    )


def rows_from(table: list[list[Choice]]) -> Rows:
    graph = graph_of(table)
    sixteenths = [p for state in table for choice in state for p in choice.values()]
    return lay_out(graph.choice_offsets, graph.offsets, graph.successors, np.array(sixteenths) / 16)


def backed_up(
    table: list[list[Choice]], rewards: list[float], gamma: float, values: list[float]
) -> list[tuple[float, int]]:
    """The best value of every state, and the first choice that attains it."""
    paid, best, number = iter(rewards), [], 0
    for state in table:
        worth = [
            next(paid) + gamma * sum(p / 16 * values[to] for to, p in choice.items()) for choice in state
        ]
        best.append((max(worth), number + worth.index(max(worth))))
        number += len(state)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_a_backup_is_what_the_formula_says(seed: int) -> None:
    """In one piece and in pieces, as rows and as a matrix, with and without a vector to subtract."""
    table, generator = drawn(seed)
    rows, states = rows_from(table), len(table)
    count = sum(map(len, table))
    spread = int(generator.choice([2, 40]))
    rewards = (generator.integers(-spread, spread + 1, count) / 4).tolist()
    paid = frozen(np.array(rewards))
    values = (generator.integers(-spread, spread + 1, states) / 4).tolist()
    gamma = float(generator.choice([0.5, 0.25, 1.0, 0.0]))
    before = generator.integers(-1, count, states).tolist()
    expected = backed_up(table, rewards, gamma, values)
    change = [best - value for (best, _), value in zip(expected, values, strict=True)]
    decisions = [choice for _, choice in expected]
    switched = sum(a != b for a, b in zip(decisions, before, strict=True))

    matrix = np.zeros((count, states))
    for number, choice in enumerate(choice for state in table for choice in state):
        for to, p in choice.items():
            matrix[number, to] = p / 16
    for form in (None, matrix):
        operator = Operator(rows, form, paid, gamma)
        assert (operator.policy == -1).all()
        operator.policy[:] = before
        assert operator.backup(np.array(values)) == (min(change), max(change), switched)
        assert operator.residual.tolist() == change
        assert operator.policy.tolist() == decisions
        assert operator.longest_sum() == (states if form is not None else rows.longest)

    parallel = getattr(kernels._backup_parallel, "py_func", kernels._backup_parallel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "CHUNK", int(generator.integers(1, 5)))
        residual, policy = np.full(states, np.nan), np.array(before)
        array = np.array(values)
        found = parallel(*rows.arrays, paid, gamma, array, array, residual, policy)
    assert found == (min(change), max(change), switched)
    assert (residual.tolist(), policy.tolist()) == (change, decisions)

    expected = backed_up(table, rewards, 1.0, values)
    first, last = sorted(generator.integers(0, states + 1, 2).tolist())
    residual[:] = np.nan
    kernels.backup_range(first, last, *rows.arrays, paid, 1.0, array, array, residual, policy)
    assert np.flatnonzero(~np.isnan(residual)).tolist() == list(range(first, last))

    following, policy = np.full(states, np.nan), np.full(states, -7, dtype=np.int32)
    kernels.backup(*rows.arrays, paid, 0.5, array, None, following, policy, False)
    assert list(zip(following.tolist(), policy.tolist(), strict=True)) == expected


@pytest.mark.parametrize("seed", range(8))
def test_dense_rows_that_cannot_be_optimal_are_left_out(seed: int) -> None:
    """What is left gives the same backups at all values between the bounds; nothing else is left out."""
    generator = np.random.default_rng(seed)
    states, counts = 12, generator.integers(1, 6, 12)
    offsets = frozen(np.concatenate([[0], np.cumsum(counts)]))
    matrix = frozen(generator.dirichlet(np.ones(states), offsets[-1]))
    paid, gamma = frozen(generator.random(offsets[-1])), 0.5
    owner = np.repeat(np.arange(states), counts)
    rows = Rows(offsets, layout.NOTHING, 0, frozen(np.empty(0, np.int32)), frozen(np.empty(0)), states, False)
    whole, part = Operator(rows, matrix, paid, gamma), Operator(rows, matrix, paid, gamma)
    best = np.zeros(states)
    for _ in range(60):
        whole.backup(best)
        best = best + whole.residual
    values = best + generator.uniform(-0.05, 0.05, states)
    lower, upper = best - 0.02, best + 0.03
    part.backup(values)
    part.leave_out(values, lower, upper, 1e-12)
    worth = paid + gamma * matrix @ values
    rise = float((upper - values).max())
    assert part.kept.tolist() == np.flatnonzero(worth + rise + 1e-12 >= lower[owner]).tolist()
    assert len(part.kept) < len(owner)
    for _ in range(5):
        somewhere = generator.uniform(lower, upper)
        returns = paid + gamma * matrix @ somewhere
        found = part.backup(somewhere)
        expected = np.array([returns[owner == state].max() for state in range(states)])
        np.testing.assert_allclose(part.residual, expected - somewhere, rtol=0, atol=1e-14)
        np.testing.assert_allclose(returns[part.policy], expected, rtol=0, atol=1e-14)
        assert found[:2] == (part.residual.min(), part.residual.max())


def test_nothing_is_left_out_where_bounds_are_wide_or_no_choice_would_be_left() -> None:
    rows, matrix = (
        rows_from([[{0: 16}, {1: 16}], [{1: 16}, {0: 16}]]),
        np.array([[1.0, 0], [0, 1], [0, 1], [1, 0]]),
    )
    operator = Operator(rows, matrix, np.array([0.0, 1, 2, 3]), 0.5)
    values = np.zeros(2)
    operator.backup(values)
    operator.leave_out(values, np.array([-9.0, -9]), np.array([9.0, 9]), 0.0)
    assert operator.kept.tolist() == [0, 1, 2, 3]
    operator.leave_out(values, np.array([8.0, 8]), np.array([0.0, 0]), 0.0)
    assert operator.kept.tolist() == [0, 1, 2, 3]
    operator.leave_out(values, np.array([0.6, 2.5]), np.array([0.0, 0]), 0.0)
    assert operator.kept.tolist() == [1, 3]
    assert operator.backup(np.array([1.0, 1.0])) == (0.5, 2.5, 2)
    assert operator.policy.tolist() == [1, 3]
    assert operator.backup(values) == (1.0, 3.0, 0)


@pytest.mark.parametrize(("upper", "spare", "kept"), [(0, 0, 1), (2, 0, 2), (0, 2, 2), (1, 1, 2), (-9, 0, 1)])
def test_a_choice_is_left_out_if_it_is_worth_less_whatever_the_bounds_and_roundings(
    upper: int, spare: int, kept: int
) -> None:
    """Rewards 0 and 2 of one state that is worth 2 at least; equal to that is kept. Values that are bounded
    from above by less than they are do not make a choice worse."""
    operator = Operator(rows_from([[{0: 16}, {0: 16}]]), np.ones((2, 1)), np.array([0.0, 2]), 0.5)
    operator.backup(np.zeros(1))
    operator.leave_out(np.zeros(1), np.array([2.0]), np.array([float(upper)]), float(spare))
    assert len(operator.kept) == kept


def test_threads_are_used_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways take the same arguments; which is taken is a matter of speed."""
    taken: list[tuple[Any, ...]] = []
    backup = getattr(kernels.backup, "py_func", kernels.backup)
    monkeypatch.setattr(kernels, "_backup_parallel", lambda *rest: taken.append(rest))
    monkeypatch.setattr(kernels, "backup_range", lambda *rest: taken.append(rest))
    arguments = [np.zeros(3) if number == 7 else number for number in range(11)]
    backup(*arguments, True)
    backup(*arguments, False)
    assert taken[0] == tuple(arguments)
    assert taken[1] == (0, 3, *arguments)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], (0, 0)),
        ([3], (3, 3)),
        ([1, -2, 5, 0], (-2, 5)),
        ([5, 4, -3], (-3, 5)),
        ([-np.inf, np.inf], (-np.inf, np.inf)),
    ],
)
def test_extremes(numbers: list[float], expected: tuple[float, float]) -> None:
    assert kernels.extremes(np.array(numbers, dtype=float)) == expected


@pytest.mark.parametrize("at", [0, 1, 2])
def test_extremes_of_no_number(at: int) -> None:
    numbers = np.ones(3)
    numbers[at] = np.nan
    assert np.isnan(kernels.extremes(numbers)).all()


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ([], [], (0, 1)),
        ([0.25], [0.5], (0.25, 1)),
        ([-8], [-6], (2, 6)),
        ([6], [8], (2, 6)),
        ([-5], [7], (12, 5)),
        ([3, 1, -9], [3, 2, -9], (1, 9)),
        ([2, 4, 1], [5, 6, 2], (3, 4)),
        ([1, -np.inf, np.inf, 7], [2, -np.inf, np.inf, 7], (1, 7)),
        ([1, -np.inf, 0], [2, np.inf, 9], (np.inf, 1)),
        ([3, np.nan], [5, 1], (np.inf, 3)),
        ([3, 2], [5, np.nan], (np.inf, 3)),
        ([-np.inf], [0], (np.inf, 1)),
    ],
)
def test_gap_and_scale(lower: list[float], upper: list[float], expected: tuple[float, float]) -> None:
    """The scale is the size of the bound nearer to zero; what is surely infinite counts for neither."""
    assert kernels.gap_and_scale(np.array(lower, dtype=float), np.array(upper, dtype=float)) == expected


def test_midpoints_do_not_overflow() -> None:
    lower, upper = [1.0, 1.5e308, -np.inf, -np.inf], [4.0, 1.7e308, 3.0, np.inf]
    with np.errstate(invalid="ignore"):
        middle = kernels.midpoints(np.array(lower), np.array(upper))
    assert middle[:3].tolist() == [2.5, 1.6e308, -np.inf]
    assert np.isnan(middle[3])


# -------------------------------------------------------------------------------- layouts


LONG: Choice = {0: 1, 1: 2, 2: 3}


@pytest.mark.parametrize(
    "table",
    [
        *(drawn(seed)[0] for seed in range(12)),
        [[{}, {}]],
        [[LONG], *[[{0: 1}]] * 20, [{}]],
        [[LONG], *[[{0: 1}]] * 150, [{}]],
        *([[{0: 1, 1: 2}], *[[{0: 1}]] * number] for number in (130, 131)),  # 2 (n + 1) <= 1.5 (n + 2) + 64
    ],
)
def test_a_layout_holds_the_rows(table: list[list[Choice]]) -> None:
    """Padded to the longest where that costs at most half more and 64 entries; padding has probability 0."""
    rows, graph = rows_from(table), graph_of(table)
    choices = [choice for state in table for choice in state]
    lengths = [len(choice) for choice in choices]
    stored, padded = sum(lengths), max(lengths) * len(choices)
    assert rows.choice_offsets.tolist() == graph.choice_offsets.tolist()
    assert rows.longest == max(lengths)
    assert rows.width == (max(lengths) if stored and padded <= 1.5 * stored + 64 else 0)
    assert rows.successors.dtype == np.int32
    assert rows.n_states == len(table)
    assert rows.arrays == (rows.choice_offsets, rows.offsets, rows.width, rows.successors, rows.probabilities)
    if rows.width:
        assert not len(rows.offsets)
        starts = [number * rows.width for number in range(len(choices))]
    else:
        assert rows.offsets.tolist() == graph.offsets.tolist()
        starts = rows.offsets.tolist()
    for start, choice in zip(starts, choices, strict=False):
        stop = start + len(choice)
        pairs = zip(
            rows.successors[start:stop].tolist(), (16 * rows.probabilities[start:stop]).tolist(), strict=True
        )
        assert dict(pairs) == choice
        padding = slice(stop, start + rows.width)
        assert not rows.probabilities[padding].any()
        assert not rows.successors[padding].any()
    for array in (rows.choice_offsets, rows.offsets, rows.successors, rows.probabilities):
        assert not array.flags.writeable
        assert array.flags.c_contiguous


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize(
    ("table", "work"),
    [([[{0: 1, 1: 1}, {0: 2, 1: 3}]], 4), ([[LONG], [{0: 1}]], 6), ([[LONG], *[[{0: 1}]] * 150], 453)],
)
def test_threads_from_a_number_of_padded_transitions_on(
    table: list[list[Choice]], work: int, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "THREADED_WORK", work + more)
    rows = rows_from(table)
    assert rows.threaded is (more <= 0)
    asked: list[Any] = []
    monkeypatch.setattr(kernels, "backup", lambda *arguments: asked.append(arguments[-1]))
    Operator(rows, None, np.zeros(len(table)), 0.5).backup(np.zeros(len(table)))
    assert asked == [rows.threaded]


def test_rows_are_laid_out_once() -> None:
    process = ControlledMarkovProcess.from_dense(np.full((2, 3, 3), 1 / 3), horizon=1)
    assert rows_of(process) is rows_of(process)
    assert rows_of(process).width == 3


@pytest.mark.parametrize(
    ("states", "successors", "dense"),
    [(31, 31, False), (32, 32, True), (32, 8, True), (32, 7, False), (40, 20, True)],
)
def test_a_matrix_from_a_quarter_of_all_entries_on(
    states: int, successors: int, dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.zeros((1, states, states))
    for state in range(states):
        rows[0, state, (state + np.arange(successors)) % states] = 1 / successors
    process = ControlledMarkovProcess.from_dense(rows, horizon=1)
    matrix = dense_rows(process)
    if not dense:
        assert matrix is None
        return
    assert matrix is not None
    assert np.array_equal(matrix, rows[0])
    again = dense_rows(process)
    assert again is not None
    assert np.shares_memory(matrix, again)
    assert np.shares_memory(matrix, process.probabilities) == (successors == states)
    for entries, expected in ((states * states, True), (states * states - 1, False)):
        monkeypatch.setattr(layout, "DENSE_ENTRIES", entries)
        assert (dense_rows(process) is not None) == expected


# -------------------------------------------------------------------------------- searches


def successors_of(table: list[list[Choice]]) -> list[tuple[int, list[int]]]:
    """State and successors of every choice."""
    return [(state, list(choice)) for state, choices in enumerate(table) for choice in choices]


@pytest.mark.parametrize("seed", range(30))
def test_searches_find_the_nearest_first(seed: int) -> None:
    """Distances by relaxation."""
    table, generator = drawn(seed, longest=3, empty=False)
    graph, choices, states = graph_of(table), successors_of(table), len(table)
    sources = mask(generator, states)
    allowed = mask(generator, len(choices))

    starts, into = graph_kernels.predecessors(states, graph.offsets, graph.successors)
    for state in range(states):
        listed = into[starts[state] : starts[state + 1]].tolist()
        assert listed == [number for number, (_, to) in enumerate(choices) if state in to]

    for usable in (None, allowed):
        distance = np.where(sources, 0.0, np.inf)
        for _ in range(states):
            for number, (state, to) in enumerate(choices):
                if usable is None or usable[number]:
                    distance[state] = min(distance[state], 1 + min(distance[to]))
        order, through = graph.search_back(sources, usable)
        assert sorted(order.tolist()) == np.flatnonzero(np.isfinite(distance)).tolist()
        assert (np.diff(distance[order]) >= 0).all()
        assert graph.can_reach(sources, usable).tolist() == np.isfinite(distance).tolist()
        for state in range(states):
            if distance[state] in (0, np.inf):
                assert through[state] == (-1 if sources[state] else -2)
            else:
                owner, to = choices[through[state]]
                assert owner == state
                assert usable is None or usable[through[state]]
                assert min(distance[to]) == distance[state] - 1


@pytest.mark.parametrize("seed", range(30))
def test_sure_avoidance_and_sure_reachability(seed: int) -> None:
    """As least and greatest fixed points."""
    table, generator = drawn(seed, longest=3, empty=False)
    graph, choices, states = graph_of(table), successors_of(table), len(table)
    sources = mask(generator, states)
    avoiding = ~sources
    for _ in range(states):
        for state in range(states):
            avoiding[state] &= any(all(avoiding[to]) for owner, to in choices if owner == state)
    assert graph.can_avoid(sources).tolist() == avoiding.tolist()

    surely, policy = graph.almost_surely(sources)
    inside = np.ones(states, dtype=bool)
    for _ in range(states):  # the greatest set from which its sources are reached without leaving it
        found = sources.copy()
        for _ in range(states):
            for state, to in choices:
                found[state] |= any(found[to]) and all(inside[to] | sources[to])
        inside = found
    assert surely.tolist() == inside.tolist()
    for state in np.flatnonzero(surely & ~sources):
        owner, to = choices[policy[state]]
        assert owner == state
        assert all(surely[to])
    assert (policy[sources] == -1).all()

    staying = [all(sources[to]) for _, to in choices]
    assert graph.staying(sources).tolist() == staying


@pytest.mark.parametrize("seed", range(40))
def test_end_components_are_the_largest_closed_strong_sets(seed: int) -> None:
    """By their definition: every subset of the states is tried."""
    table, generator = drawn(seed, longest=2, empty=False)
    graph, choices, states = graph_of(table), successors_of(table), len(table)
    allowed = mask(generator, len(choices))
    best: list[set[int]] = []
    for bits in range(1, 2**states):
        inside = {state for state in range(states) if bits >> state & 1}
        kept = [
            (s, to)
            for ok, (s, to) in zip(allowed, choices, strict=True)
            if ok and s in inside and set(to) <= inside
        ]
        if {s for s, _ in kept} == inside and all(reach(kept, start) == inside for start in inside):
            best = [other for other in best if not other <= inside] + [inside] * (
                not any(inside <= b for b in best)
            )
    labels = graph.end_components(allowed)
    found = [
        set(np.flatnonzero(labels == label).tolist()) for label in range(int(labels.max(initial=-1)) + 1)
    ]
    assert sorted(map(sorted, found)) == sorted(map(sorted, best))
    assert (labels == -1).sum() == states - sum(map(len, best))


def reach(choices: list[tuple[int, list[int]]], start: int) -> set[int]:
    seen = {start}
    for _ in choices:
        seen |= {to for state, successors in choices if state in seen for to in successors}
    return seen


@pytest.mark.parametrize(
    ("start", "wanted", "expected"),
    [
        (0, 1, (1, 0)),
        (0, 2, (3, 1)),
        (0, 3, (3, 1)),
        (0, 4, (5, 2)),
        (0, 6, (5, 3)),
        (3, 3, (2, 2)),
        (5, 2, (1, 1)),
    ],
)
def test_levels_to_see(start: int, wanted: int, expected: tuple[int, int]) -> None:
    """0 leads to 1 and 2, by two choices; 1 to 3; 2 to 4; 3 to 4; 4 and 5 to themselves."""
    graph = graph_of([[{1: 1}, {1: 1, 2: 1}], [{3: 1}], [{4: 1}], [{4: 1}], [{4: 1}], [{5: 1}]])
    found = graph_kernels.levels_to_see(graph.choice_offsets, graph.offsets, graph.successors, start, wanted)
    assert found == expected


@pytest.mark.parametrize("seed", range(30))
def test_nearest_first_is_in_the_order_of_the_distance(seed: int) -> None:
    table, generator = drawn(seed, longest=3, empty=False)
    graph, choices, states = graph_of(table), successors_of(table), len(table)
    rewards = generator.integers(0, 3, len(choices)).astype(float)
    distance = np.full(states, np.inf)
    for (state, _), reward in zip(choices, rewards, strict=True):
        if reward == rewards.max():
            distance[state] = 0
    for _ in range(states):
        for state, to in choices:
            distance[state] = min(distance[state], 1 + min(distance[to]))
    order = graph_kernels.nearest_first(graph.choice_offsets, graph.offsets, graph.successors, rewards)
    assert sorted(order.tolist()) == list(range(states))
    assert (np.diff(np.nan_to_num(distance[order], posinf=99)) >= 0).all()
