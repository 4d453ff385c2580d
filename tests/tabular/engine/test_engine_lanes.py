"""Passes over many terminal rewards against plain backward inductions: with dyadic numbers all is exact."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp

from metaregret.tabular.engine import goal_kernels, lanes
from metaregret.tabular.engine.lanes import Lanes, lanes_of
from metaregret.tabular.engine.problem import DATA_ROUNDINGS
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.process import ControlledMarkovProcess

HERE: Any = goal_kernels
"""The functions of the module, also those that the compiler puts into others."""


def plain(name: str) -> Any:
    function = getattr(HERE, name)
    return getattr(function, "py_func", function)


@pytest.mark.parametrize("seed", range(3))
def test_lanes_do_not_mix(seed: int) -> None:
    """Whole numbers, all different, so that every lane shows; a sum and a comparison of each."""
    generator = np.random.default_rng(seed)
    table = generator.permutation(64).reshape(4, 16).astype(float)
    a, b, c, d = (tuple(row) for row in table)
    tied = tuple(x if n % 3 else y for n, (x, y) in enumerate(zip(a, b, strict=True)))
    assert plain("_load")(table, 2) == c
    assert plain("_plus")(a, 3.0, table, 1) == tuple(x + 3 * y for x, y in zip(a, b, strict=True))
    assert plain("_add")(a, 3.0, b) == tuple(x + 3 * y for x, y in zip(a, b, strict=True))
    assert plain("_times")(a, b) == tuple(x * y for x, y in zip(a, b, strict=True))
    assert plain("_total")(a) == sum(a)
    for other in (b, tied, tuple(x + 1 for x in a), tuple(x - 1 for x in a)):
        expected = tuple(z if x > y else w for x, y, z, w in zip(a, other, c, d, strict=True))
        assert plain("_where")(a, other, c, d) == expected
    assert plain("_all")(2.5) == (2.5,) * 16
    ranks = np.arange(32, dtype=np.uint16).reshape(2, 16) % 5
    for rank in range(6):
        kept = tuple(x if r == rank else 0.0 for x, r in zip(a, ranks[1], strict=True))
        assert plain("_chosen")(a, ranks, 1, rank) == kept
    stored = np.zeros((2, 16))
    plain("_store")(stored, 1, a)
    assert stored.tolist() == [[0.0] * 16, list(a)]


def test_a_weighed_sum() -> None:
    if plain("_weighed") is HERE._weighed:  # compiled, it is a part of what calls it
        assert HERE._weighed(tuple(range(16)), (2.0,) * 16) == 240


class Case(NamedTuple):
    process: ControlledMarkovProcess
    terminal: np.ndarray
    shares: np.ndarray
    steps: int


@cache
def drawn(seed: int) -> Case:
    """Up to seven states, some never reached, some choices with common successors; up to 40 columns."""
    generator = np.random.default_rng(seed)
    states, columns = int(generator.integers(2, 8)), int(generator.choice([1, 5, 16, 17, 40]))
    rows: list[tuple[int, int, int, object]] = []
    for state in range(states):
        slip = int(generator.integers(states)) if generator.random() < 0.5 else None
        for action in range(int(generator.integers(1, 4))):
            parts: dict[int, Fraction] = {} if slip is None else {slip: Fraction(1, 4)}
            for share in (Fraction(1, 2), Fraction(1, 4), Fraction(1, 4))[: 3 if slip is None else 2]:
                to = int(generator.integers(states))
                parts[to] = parts.get(to, Fraction(0)) + share
            rows += [(state, action, to, share) for to, share in parts.items()]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=states, actions=3, initial=0, horizon=int(generator.integers(1, 5))
    )
    sure = generator.random() < 0.5
    exact = [Fraction(int(state == states - 1)) for state in range(states)]
    if not sure:
        exact[states - 1], exact[0] = Fraction(3, 4), Fraction(1, 4)
    process = replace(process, initial=np.array(exact, dtype=float), exact_initial=tuple(exact))
    terminal = generator.integers(0, 4, (states, columns)) * (generator.random((states, columns)) < 0.3)
    return Case(process, terminal / 4, generator.integers(0, 5, columns) / 4, int(generator.integers(0, 6)))


def laid_out(process: ControlledMarkovProcess) -> Lanes:
    """The layout of a process that may have one from another test."""
    lanes._laid_out.pop(process, None)
    return lanes_of(process)


def test_what_is_hardly_ever_reached_is_followed_like_the_rest() -> None:
    """Three rare events in five steps, in any of ten orders."""
    rows: list[tuple[int, int, int, object]] = []
    for state in range(3):
        rows += [(state, 0, state + 1, Fraction(1, 10**9)), (state, 0, state, 1 - Fraction(1, 10**9))]
    process = ControlledMarkovProcess.from_transitions(
        [*rows, (3, 0, 3, 1)], states=4, actions=1, initial=0, horizon=5
    )
    found = laid_out(process).run(sp.csc_array(np.eye(4)), reached=True, shares=np.full(4, 0.25))
    assert found.at_start[3] == pytest.approx(1e-26, rel=1e-6)
    assert found.reached[:, 3] == pytest.approx(np.full(4, 1e-26), rel=1e-6)
    assert found.flow[4, 2] == pytest.approx(6e-18, rel=1e-6)


def planned(case: Case, steps: int, turns: bool) -> tuple[list[np.ndarray], np.ndarray]:
    """Values before and after every step, and ranks; ties go to the first choice, from the step on if so."""
    process, values, ranks = case.process, [case.terminal], []
    for step in range(steps - 1, -1, -1):
        q = process.matrix @ values[-1]
        here = np.empty_like(case.terminal)
        rank = np.empty(here.shape, dtype=int)
        for state in range(process.n_states):
            of_state = q[process.choices(state)]
            count = len(of_state)
            order = np.roll(np.arange(count), -step) if turns else np.arange(count)
            rank[state] = order[np.argmax(of_state[order], axis=0)]
            here[state] = of_state.max(axis=0)
        values.append(here)
        ranks.append(rank)
    return values, np.array(ranks[::-1]).reshape(steps, *case.terminal.shape)


def followed(case: Case, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the policies end, and the flow of their mixture."""
    process, columns = case.process, case.terminal.shape[1]
    mass = np.repeat(process.initial[:, None], columns, axis=1)
    flow = np.zeros((len(ranks), process.n_choices))
    for step, rank in enumerate(ranks):
        chosen = np.zeros((process.n_choices, columns))
        for state in range(process.n_states):
            for column in range(columns):
                chosen[process.choices(state)[rank[state, column]], column] = mass[state, column]
        flow[step] = chosen @ case.shares
        mass = process.matrix.T @ chosen
    return mass.T, flow


@pytest.mark.parametrize("seed", range(40))
def test_a_pass_is_a_backward_induction_of_every_column(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing else asked for, with everything kept, and where the policies are followed; all tiles in
    one job, their flows in one or two, or one job each."""
    monkeypatch.setattr(lanes, "FLOW_PARTS", 1 + seed % 2)
    monkeypatch.setattr(lanes, "MAX_RANKS", 2**31 if seed % 3 else 1)
    case = drawn(seed)
    layout, columns = laid_out(case.process), sp.csc_array(case.terminal)
    for steps in (None, case.steps):
        count = case.process.steps_for("lanes") if steps is None else steps
        (values, ranks), turned = planned(case, count, False), planned(case, count, True)[1]
        at_start = (case.process.initial @ values[-1]).tolist()
        found = layout.run(columns, steps=steps)
        assert found.at_start.tolist() == at_start
        assert (found.everywhere.shape, found.reached.shape, found.ranks.shape) == ((0, 0), (0, 0), (0, 0, 0))
        assert found.flow.shape == (0, case.process.n_choices)
        found = layout.run(columns, steps=steps, everywhere=True)
        assert found.everywhere.tolist() == values[-1].tolist()
        assert (found.at_start.tolist(), found.reached.size, found.flow.size) == (at_start, 0, 0)
        found = layout.run(columns, steps=steps, policies=True)
        assert (found.at_start.tolist(), found.ranks.tolist()) == (at_start, ranks.tolist())
        assert found.ranks.dtype == np.uint16
        ends, flow = followed(case, turned)
        questions: list[dict[str, Any]] = [{"reached": True}, {"shares": case.shares}]
        for asked in (*questions, {"reached": True, "shares": case.shares}):
            found = layout.run(columns, steps=steps, **asked)
            assert found.at_start.tolist() == at_start
            assert found.reached.tolist() == (ends.tolist() if "reached" in asked else [])
            assert found.flow.tolist() == (flow.tolist() if "shares" in asked else [])
        everything = layout.run(
            columns, steps=steps, everywhere=True, reached=True, shares=case.shares, policies=True
        )
        assert everything.everywhere.tolist() == values[-1].tolist()
        assert everything.ranks.tolist() == turned.tolist()
        assert everything.reached.tolist() == ends.tolist()
        assert everything.flow.tolist() == flow.tolist()
        assert everything.at_start.tolist() == at_start


@pytest.mark.parametrize(
    ("shared", "limit", "columns", "parts"),
    [
        (False, 10**9, 33, 3), (False, 10**9, 32, 2), (False, 10**9, 1, 1), (False, 10**9, 0, 1),
        (True, 10**9, 33, 2), (True, 10**9, 16, 1), (True, 10**9, 0, 1),
        (False, 2 * 16 * 3 * 4 * 2, 48, 2), (False, 2 * 16 * 3 * 4 * 2 - 1, 48, 1), (False, 1, 48, 1),
    ],
)  # fmt: skip
def test_tiles_are_shared_out(
    shared: bool, limit: int, columns: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many jobs as tiles, or as flows are added up, but for the room that ranks take."""
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(goal_kernels, "induct", lambda *rest: seen.append(rest))
    monkeypatch.setattr(lanes, "FLOW_PARTS", 2)
    monkeypatch.setattr(lanes, "MAX_RANKS", limit)
    process = ControlledMarkovProcess.from_transitions(
        [(state, 0, (state + 1) % 4, 1) for state in range(4)], states=4, actions=1, initial=0, horizon=3
    )
    shares = np.ones(columns) if shared else None
    lanes_of(process).run(sp.csc_array((4, columns)), shares=shares)
    lanes_of(process).run(sp.csc_array((4, columns)), shares=shares, steps=0)
    assert seen[0][8] == parts
    assert seen[0][3].tolist() == [1, 2, 3, 4]
    assert seen[0][13].shape == (parts, 3 if shared else 0, 4 if shared else 0)
    assert seen[1][3].tolist() == [1]


@pytest.mark.parametrize("seed", range(30))
def test_a_layout_holds_all_rows_in_the_order_of_arrival(seed: int) -> None:
    """What all choices of a state have in common stands once; what is never entered is last."""
    process = drawn(seed).process
    layout = laid_out(process)
    since = np.where(process.initial > 0, 0, np.iinfo(np.int64).max)
    for step in range(process.n_states):
        for state in np.flatnonzero(since == step).tolist():
            for choice in process.choices(state):
                to = process.successors[process.offsets[choice] : process.offsets[choice + 1]]
                since[to] = np.minimum(since[to], step + 1)
    order = sorted(range(process.n_states), key=lambda state: int(since[state]))
    assert layout.order.tolist() == order
    assert layout.since.tolist() == since[order].tolist()
    choices = [choice for state in order for choice in process.choices(state)]
    assert layout.choices.tolist() == choices
    offsets, common_offsets, common_to, common_p, rest_offsets, rest_to, rest_p = layout.arrays
    assert offsets.tolist() == np.cumsum([0, *(len(process.choices(state)) for state in order)]).tolist()
    assert not any(array.flags.writeable for array in layout.arrays)
    rows = process.matrix.toarray()
    for place, state in enumerate(order):
        mine = process.choices(state)
        shared = np.zeros(process.n_states)
        span = slice(int(common_offsets[place]), int(common_offsets[place + 1]))
        shared[np.array(order)[common_to[span]]] = common_p[span]
        expected = rows[mine].min(axis=0) if len(mine) > 1 else np.zeros(process.n_states)
        assert shared.tolist() == expected.tolist()
        assert (common_p[span] > 0).all()
        for number, choice in enumerate(mine):
            row = int(offsets[place]) + number
            span = slice(int(rest_offsets[row]), int(rest_offsets[row + 1]))
            beyond = np.zeros(process.n_states)
            beyond[np.array(order)[rest_to[span]]] = rest_p[span]
            assert (shared + beyond).tolist() == rows[choice].tolist()
            assert (rest_p[span] > 0).all()
    starts, into = layout.backward
    for place, state in enumerate(order):
        sources = {order[before] for before in into[starts[place] : starts[place + 1]].tolist()}
        assert sources == {
            source for source in range(process.n_states) if rows[process.choices(source)][:, state].any()
        }
    longest = int(np.diff(process.offsets).max())
    assert layout.roundings == longest + DATA_ROUNDINGS + 4
    again = lanes_of(process)
    assert again.process is process
    assert again.order is layout.order


def test_too_many_choices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(0, 0, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 2, 1, 1)]
    for limit in (3, 2):
        process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=3, initial=0, horizon=1)
        monkeypatch.setattr(lanes, "MAX_CHOICES", limit)
        if limit == 3:
            assert lanes_of(process).order.tolist() == [0, 1]
            continue
        with pytest.raises(
            InstanceTooLargeError, match=r"'1' \(index 1\) has 3 choices, over the limit of 2"
        ):
            lanes_of(process)


def test_less_than_what_is_negligible_is_not_followed() -> None:
    """A chance of 2^-964 (6e-291) stays where it is; 2^-963 (1.3e-290) goes on."""
    for power, ends in ((963, [0.0, 2.0**-963]), (964, [0.0, 0.0])):
        chance = Fraction(1, 2**power)
        process = ControlledMarkovProcess.from_transitions(
            [(0, 0, 1, chance), (0, 0, 3, 1 - chance), (1, 0, 2, 1), (2, 0, 2, 1), (3, 0, 3, 1)],
            states=4, actions=1, initial=0, horizon=2,
        )  # fmt: skip
        found = lanes_of(process).run(sp.csc_array(np.array([[0.0], [0.0], [1.0], [0.0]])), reached=True)
        assert found.at_start.tolist() == [2.0**-power]
        assert found.reached.tolist() == [[0.0, *ends, 1.0]]


# -------------------------------------------------------------------------------- without arithmetic


@pytest.mark.parametrize("columns", [3, 64, 70])
@pytest.mark.parametrize("seed", range(6))
def test_what_can_be_reached_in_bits(seed: int, columns: int) -> None:
    """Sets of goals, and the first choice that keeps one in reach."""
    generator = np.random.default_rng(seed)
    states, steps = int(generator.integers(1, 6)), int(generator.integers(0, 4))
    counts = generator.integers(1, 4, states)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    successors = generator.integers(0, states, int(counts.sum()))
    goals = generator.random((states, columns)) < 0.2
    words = np.zeros((states, (columns + 63) // 64), dtype=np.uint64)
    for state, column in zip(*np.nonzero(goals), strict=True):
        words[state, column // 64] |= np.uint64(1 << (int(column) % 64))
    values, ranks = goals, np.zeros((steps, states, columns), dtype=np.uint16)
    for step in range(steps - 1, -1, -1):
        before = values
        values = np.zeros_like(goals)
        for state in range(states):
            reach = before[successors[offsets[state] : offsets[state + 1]]]
            values[state] = reach.any(axis=0)
            ranks[step, state] = np.argmax(reach, axis=0)
    for shape in ((steps, states, columns), (0, 0, columns)):
        policies = np.zeros(shape, dtype=np.uint16)
        found = goal_kernels.reach_bits(offsets, successors, words, steps, policies)
        bits = [[bool(int(found[s, k // 64]) >> (k % 64) & 1) for k in range(columns)] for s in range(states)]
        assert bits == values.tolist()
        assert policies.tolist() == (ranks.tolist() if shape[0] else [])
