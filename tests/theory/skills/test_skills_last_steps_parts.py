"""The parts of the bound of the last steps, each against the formula of its proof."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import as_order
from metaregret.theory.skills import last_steps
from metaregret.theory.skills.last_steps import SHARES, LastSteps, _astray, _entropy_and_more
from metaregret.theory.skills.skill import entropy_change, entropy_modulus
from tests.theory.skills.small_processes import z_channel

ORDERS = ["1", "3/2", "2", "4"]


def g(roundings: int) -> float:
    """A rougher arithmetic, in which every term shows."""
    return roundings * 2.0**-30


def resting(initial: int | dict[int, Fraction], horizon: int = 1) -> ControlledMarkovProcess:
    """Two states that nobody leaves."""
    rows = [(0, 0, 0, 1), (1, 0, 1, 1)]
    return ControlledMarkovProcess.from_transitions(
        rows, states=2, actions=1, initial=initial, horizon=horizon
    )


def floats(first: float, second: float, horizon: int) -> ControlledMarkovProcess:
    """Rows of stored floats, one of which sums to ``first + second``."""
    rows = [(0, 0, 0, first), (0, 0, 1, second), (1, 0, 1, 1.0)]
    return ControlledMarkovProcess.from_transitions(rows, states=2, actions=1, initial=0, horizon=horizon)


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("apart", [0.0, 2.0**-12, 2.0**-3])
@pytest.mark.parametrize("share", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("listed", [True, False])
def test_every_term_of_the_convex_functions(
    listed: bool, share: float, apart: float, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry at a time: the function up to the share, the line from there; a point that is off by twice
    its error and twice what merged points are apart, where every point is a policy's by no more than the
    best chance leaves; 32 roundings of all that is summed."""
    monkeypatch.setattr(last_steps, "relative_error", g)
    order = as_order(name)
    last = LastSteps(z_channel(3), order, max_points=5_000 if listed else 0)
    assert last.steps == (3 if listed else 1)
    last._apart = apart
    most = np.array([1.0, 1 - 0.5**3])
    assert last._most == pytest.approx(most, rel=1e-15)
    unit = np.ones(2) if order.is_one else most
    points = last._points.toarray()
    e = g(4 * (2 + 3))

    def f(z: float) -> float:
        if order.is_one:
            return z * math.log(z) if z else 0.0
        return float(z**order.alpha)

    def h(z: float, u: float) -> tuple[float, float]:
        bend = math.inf if listed else min(share, 0.999) * u
        if z <= bend:
            return f(z), abs(f(z))
        value = f(bend) + (f(u) - f(bend)) / (u - bend) * (z - bend)
        return value, abs(f(bend)) + (abs(f(u)) + abs(f(bend))) / (u - bend) * (z + bend)

    factors, values = np.zeros_like(points), np.zeros_like(points)
    sizes = np.zeros_like(points)
    for (i, s), x in np.ndenumerate(points / unit):
        if not x:
            continue
        u, w = most[s] / unit[s], 2 * apart / unit[s]
        off = 2 * e * x + w
        if listed and not order.is_one:
            off = min(off, max(u - x, 0.0) + 2 * e * x)
        if order.is_one:
            value, size = h(x, u)
            error = g(32) * size + (1 + abs(math.log(u))) * off
            error += float(entropy_change(np.array([x]), np.array([off]))[0])
            factors[i, s], values[i, s], sizes[i, s] = x + off, value + error, abs(value) + error
        else:
            value, size = h(x + off, u)
            factors[i, s] = value + g(32) * size
    zeros = 2 * apart / unit
    found = last._terms(share)
    assert found.factors.toarray() == pytest.approx(factors, rel=1e-12, abs=0)
    if order.is_one:
        none = float(sum(entropy_modulus(zeros) + (1 + np.abs(np.log(most))) * zeros))
        fixed = values.sum(axis=1) + none + g(2 + 8) * (sizes.sum(axis=1) + none)
        assert found.merged == pytest.approx(zeros, rel=1e-14)
        assert found.fixed == pytest.approx(fixed, rel=1e-10, abs=1e-14)
    else:
        if listed:
            zeros = np.minimum(zeros, most / unit)
        pairs = [h(z, u) for z, u in zip(zeros.tolist(), (most / unit).tolist(), strict=True)]
        assert found.merged == pytest.approx([v + g(32) * size for v, size in pairs], rel=1e-12, abs=0)
        assert found.fixed.tolist() == [0.0] * len(points)


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize(
    ("process", "points"),
    [
        (z_channel(3), 5_000),
        (z_channel(3), 0),
        (make("line:4").replaced(horizon=3), 5_000),
        (make("line:4").replaced(horizon=4), 0),
        (make("noisy-goal:K=3,v=1/2"), 5_000),
        (make("garnet:S=5,A=2,b=2,seed=1").replaced(horizon=3), 0),
        (make("garnet:S=5,A=2,b=2,seed=1").replaced(horizon=5), 20),
    ],
)
@pytest.mark.parametrize(("favour", "planned"), [(3.0, 200), (0.5, 200), (3.0, 1)])
def test_columns_attain_what_they_are_chosen_for(
    favour: float,
    planned: int,
    process: ControlledMarkovProcess,
    points: int,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first attains the bound; of the others each is best where its goal counts more."""
    monkeypatch.setattr(last_steps, "PLANNED", planned)
    order = as_order(name)
    last = LastSteps(process, order, max_points=points)
    q = np.zeros(process.n_states)
    q[last.support] = np.arange(1, len(last.support) + 1)
    q = q / q.sum()
    at = q[last.support]
    for share in last._shares:
        terms = last._terms(share)
        upper, columns = last._respond(terms, at, favour)
        assert last._respond(terms, at, 0.0)[1] == pytest.approx(columns[:1], rel=1e-12)
        assert last._respond(terms, at, 0.0)[0] == pytest.approx(upper, rel=1e-13)
        assert len(columns) == 1 + len(at)
        worth = last._worth(columns, at)
        assert worth[0] == pytest.approx(upper, rel=1e-9, abs=1e-9)
        assert worth.max() <= upper + 1e-12
        if order.is_one:
            score = (columns[:, :-1] @ -np.log(at) + columns[:, -1])[:, None] + favour * columns[:, :-1]
        else:
            prices = last._unit**order.alpha * at ** (1 - order.alpha)
            assert worth == pytest.approx(np.log(columns @ prices) / (order.alpha - 1), rel=1e-10, abs=1e-12)
            score = (columns @ prices)[:, None] + favour * prices * columns
        assert np.diag(score[1:]) == pytest.approx(score.max(axis=0), rel=1e-10)


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("fixed", [[-0.25, -0.5], [-3.0, -4.0], [0.5, 0.25]])
@pytest.mark.parametrize("astray", [0.0, 2.0**-12])
def test_every_term_of_the_bound_of_given_functions(
    astray: float, fixed: list[float], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What factors cost, what is added for merged points and at order 1; roundings of each sum, of either
    sign; and masses that are not one."""
    monkeypatch.setattr(last_steps, "relative_error", g)
    order, q = as_order(name), np.array([0.25, 0.75])
    last = LastSteps(z_channel(1), order)
    last._astray = astray
    factors, merged = np.array([[0.75, 0.125], [0.25, 0.5]]), np.array([0.0625, 0.03125])
    given = replace(
        last._terms(1.0),
        factors=sp.csr_array(factors),
        fixed=np.array(fixed) if order.is_one else np.zeros(2),
        merged=merged,
    )
    prices, dearest, size = -np.log(q), 0.0, 0.0
    if not order.is_one:
        logs = order.alpha * np.log([1.0, 0.5]), (1 - order.alpha) * np.log(q)
        dearest, size = float((logs[0] + logs[1]).max()), float((abs(logs[0]) + abs(logs[1])).max())
        prices = np.exp(logs[0] + logs[1] - dearest)
    paid = factors @ prices + merged @ prices
    most = float((paid + given.fixed + g(2 * 2 + 64) * (paid + abs(given.fixed))).max())
    floor = min(most, 0.0)
    upper, unit, drift = (most - floor) * (1 + g(2 + 8)) + floor, g(2 * 2 + 64), 2 * astray
    if not order.is_one:
        power = order.alpha - 1
        upper = (dearest + math.log(upper) + g(8) * (1 + 2 * size)) / power
        unit, drift = unit * (1 + (1 + abs(dearest)) / power), 4 * astray * order.alpha / power
    expected = upper + (unit + drift) * (1 + abs(upper) + abs(floor))
    assert last._respond(given, q, 0.0)[0] == pytest.approx(expected, rel=1e-12)


def test_a_table_that_is_too_large_favours_no_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two points and two goals are six entries."""
    last, q = LastSteps(z_channel(1)), np.array([0.5, 0.5])
    for room, columns in ((6, 3), (5, 1)):
        monkeypatch.setattr(last_steps, "MOST_ENTRIES", room)
        assert len(last._respond(last._terms(1.0), q, 3.0)[1]) == columns


def test_one_step_is_never_too_many() -> None:
    last = LastSteps(z_channel(1), max_points=0)
    assert (last.steps, last._points.toarray().tolist()) == (1, [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("scale", [1.0, 1e-120, 1e120])
def test_the_best_reference_of_columns(name: str, scale: float) -> None:
    """Columns of one goal each: ``log sum exp c`` at order 1, ``log sum u^(a/(a-1))`` in units ``u`` above,
    whatever their scale; a column that another is above everywhere is dropped, not one of little weight."""
    order = as_order(name)
    last = LastSteps(make("noisy-goal:K=3,v=1/2"), order)
    c, size = np.array([0.3, -8.6, 0.1, 0.7, 0.0])[: len(last.support)], len(last.support)
    parts = np.exp(c)
    columns = np.eye(size)
    if order.is_one:
        columns = np.column_stack([columns, c])
        worse = np.append(columns[0, :-1], c[0] - 9)
    else:
        last._unit, worse = np.exp(c * order.power / order.alpha), np.zeros(size)
        columns, scale_ = scale * columns, math.log(scale) / order.power
    kept, q, found = last._mixed(np.vstack([columns, worse]))
    assert kept.tolist() == columns.tolist()
    assert q == pytest.approx(parts / parts.sum(), rel=1e-5)
    expected = math.log(parts.sum()) + (0.0 if order.is_one else scale_)
    assert found == pytest.approx(expected, rel=1e-8)


def test_the_objective_of_order_one() -> None:
    """``sum x log x`` less what is added, its slope and curvature; finite where a goal is missed."""
    x = np.array([0.25, 2.0, 0.0, 5.0])
    found, least = _entropy_and_more(), 1e-300
    log = np.log([0.25, 2.0, least])
    assert found.value(x) == pytest.approx([*(np.array([0.25, 2.0, least]) * log), -5.0], rel=1e-14, abs=0)
    assert found.slope(x) == pytest.approx([*(log + 1), -1.0], rel=1e-14)
    assert found.curvature(x) == pytest.approx([4.0, 0.5, 1 / least, 0.0], rel=1e-14)


@pytest.mark.parametrize(("first", "second"), [(0.333333333, 0.666666666), (0.3333333335, 0.6666666673)])
def test_how_far_masses_are_from_one(first: float, second: float) -> None:
    """The largest ratio, to the power of the steps, and its rounding; of a start as well."""
    rows = floats(first, second, 1000)
    exact = Fraction(first) + Fraction(second)
    ratio = float(max(exact, 1 / exact) ** 1000 - 1) + 2000 * relative_error(2)
    expected = ratio * (1 + 1e-6) + relative_error(2 + 4 * 1000 + 8)
    assert _astray(rows) == pytest.approx(expected, rel=2e-7, abs=0)
    assert _astray(z_channel(3)) == 0.0
    for more in (2e-10, -2e-10):
        given = rows.replaced(horizon=2, initial={0: 0.5, 1: 0.5 + more})
        off = abs(float(given.initial.sum()) - 1)
        assert off == pytest.approx(2e-10, rel=1e-5)
        assert _astray(given) == pytest.approx(2 * abs(float(exact) - 1) + off, rel=1e-4)


def test_rows_that_are_all_above_one_are_as_far_from_it() -> None:
    rows = [(s, 0, to, p) for s in (0, 1) for to, p in enumerate((0.3333333335, 0.6666666673))]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=1, initial=0, horizon=10)
    assert _astray(process) == pytest.approx(8e-9, rel=1e-4)


def test_the_rounding_of_masses_is_that_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_steps, "relative_error", g)
    assert _astray(floats(0.333333333, 0.666666666, 5)) == pytest.approx(g(2 + 4 * 5 + 8) + 5e-9, rel=1e-3)


def test_chances_are_no_more_than_one_and_as_far_astray_as_masses() -> None:
    """A policy's chance is at most the best; of literal masses three times what they may be off more."""
    process = floats(0.333333333, 0.666666666, 1000)
    last = LastSteps(process)
    chances = np.minimum(goal_values(process, last.support).upper, 1.0)
    assert last._most == pytest.approx(chances * (1 + 3 * _astray(process)), rel=1e-13, abs=0)
    assert LastSteps(resting(0, 3))._most.max() <= 1.0


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("start", [0, 1])
def test_who_never_moves_ends_where_it_started(start: int, name: str) -> None:
    process = resting(start)
    last = LastSteps(process, as_order(name))
    q = goal_support(process) * 1.0
    assert last._starts.tolist() == [0]
    assert last._shares == SHARES[:1]
    assert abs(last.bound(q)) <= 1e-11


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("steps", [1, 4])
def test_lines_do_away_with_what_chance_decides(
    steps: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who starts by chance in one of two states and stays has the mixture ``q`` itself; without a line the
    bound would be that of ends that are known, ``log 2``."""
    process = resting({0: Fraction(1, 2), 1: Fraction(1, 2)}, steps)
    last = LastSteps(process, as_order(name))
    assert last._shares == SHARES
    assert 0 <= last.bound(np.array([0.5, 0.5])) <= 1e-11
    monkeypatch.setattr(last, "_averaged", False)
    assert last.bound(np.array([0.5, 0.5])) == pytest.approx(math.log(2), rel=1e-11)


def test_the_search_for_the_best_reference_by_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the better start, of equal ones the first; columns are kept whose worth is above what is known by
    a fiftieth of what is open; the best reference of the columns is next, or half-way there if the last one
    did not pay; until what is open is narrow. Every number is a word of a script."""
    least = last_steps.NARROW
    last = LastSteps(z_channel(1))
    last._most = np.array([1.0, 0.25])
    monkeypatch.setattr(last, "_shares", (1.0, 0.5))
    given, spread = np.array([0.5, 0.5]), np.array([0.8, 0.2])
    rounds = [0.75, 0.75, 0.875, least]
    found = [-0.75, 0.25, 0.5, 0.0]
    optimum = [np.array(q) for q in ([0.25, 0.75], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7])]
    worth = [
        np.array([]),
        np.array([-0.75 + 0.02 * 1.5, -0.7, -0.76]),
        np.array([0.25 + 0.02 * 0.5, 0.75, 0.2605]),
        np.array([0.5, 0.6]),
    ]
    new = [np.full((n, 1), float(k)) for k, n in enumerate((2, 3, 3, 2))]
    asked: list[tuple[float, list[float], float]] = []
    mixed: list[list[float]] = []

    def respond(share: float, at: np.ndarray, favour: float) -> tuple[float, np.ndarray]:
        asked.append((share, at.tolist(), favour))
        if len(asked) <= 4:
            return (0.75 if share == 1.0 else 2.0), np.zeros((1, 1))
        return rounds[len(asked) - 5], new[len(asked) - 5]

    def mix(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        mixed.append(columns[:, 0].tolist())
        return columns, optimum[len(mixed) - 1], found[len(mixed) - 1]

    monkeypatch.setattr(last, "_terms", lambda share: share)
    monkeypatch.setattr(last, "_respond", respond)
    monkeypatch.setattr(last, "_mixed", mix)
    monkeypatch.setattr(last, "_worth", lambda more, at: worth[len(mixed)])
    monkeypatch.setattr(last, "bound", lambda q: 3.0)
    upper, reference = last.best(given)
    expected = [(s, x.tolist(), 0.0) for s in (1.0, 0.5) for x in (given, spread)]
    assert asked[:4] == expected
    assert [each[::2] for each in asked[4:]] == [(1.0, 3.0), (1.0, 0.5), (1.0, 0.5), (1.0, 0.5)]
    # The second round ties, which counts as paid; the third does not.
    third = np.sqrt(optimum[2] * optimum[0])
    ats = [given, optimum[0], optimum[1], third / third.sum()]
    for (_, at, _), wanted in zip(asked[4:], ats, strict=True):
        assert at == pytest.approx(wanted.tolist(), rel=1e-14)
    assert mixed == [[0, 0], [0, 0, 1], [0, 0, 1, 2, 2], [0, 0, 1, 2, 2, 3]]
    assert upper == least
    assert reference == pytest.approx(ats[3], rel=1e-14)


def test_powers_that_overflow_give_no_bound() -> None:
    """Errors of 1e10 to the power 64: infinite, without a warning and before any plan is made."""
    process = make("line:3,slip=1/3").replaced(horizon=2)
    last = LastSteps(process, as_order("64"))
    last._error = 1e10
    even = np.full(3, 1 / 3)
    assert last.bound(even) == np.inf
    assert last.best(even)[0] == np.inf
