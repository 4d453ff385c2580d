"""Bounds of reduced problems: what is left of one where the value is known is the allowance that its proof
asks for, in an arithmetic so coarse that every term shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from metaregret.tabular.engine import problem, two_sided, undiscounted
from metaregret.tabular.engine.linear import DirectSolver, SweepSolver
from metaregret.tabular.engine.problem import read_problem
from metaregret.tabular.engine.reduction import settle
from metaregret.tabular.engine.undiscounted import (
    Reduced,
    _certify,
    _certify_above,
    _certify_below,
    _policy_residual,
    expand_bounds,
    lower_bound_of_policy,
    reduce_problem,
    reduced_allowance,
    settled_by_graph,
    solve_undiscounted,
)
from metaregret.tabular.errors import ConvergenceError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess

Row = tuple[int, int, int, object]
U = 2.0**-30


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem, "backup_roundoff", lambda length: length * U)


def reduced_problem(
    rows: list[Row], rewards: list[float] | None, objective: str = "total", **given: Any
) -> Reduced:
    """The total until the last state, from the first, or another question."""
    states = 1 + max(row[0] for row in rows)
    process = ControlledMarkovProcess.from_transitions(rows, states=states, actions=3, initial=0, horizon=1)
    asked: dict[str, Any] = {
        "steps": None, "gamma": None, "terminal": None, "targets": [states - 1], "maximise": True,
        "tolerance": 1e-9, "max_iterations": 1000,
    }  # fmt: skip
    paid = None if rewards is None else np.array(rewards)
    posed = read_problem(process, paid, objective, **(asked | given))
    return reduce_problem(posed, settle(posed), "policy-iteration")


LINE: list[Row] = [
    (0, 0, 0, "1/2"), (0, 0, 1, "1/4"), (0, 0, 2, "1/4"), (1, 0, 1, "1/2"), (1, 0, 2, "1/2"), (2, 0, 2, 1),
]  # fmt: skip
"""From the first state to the second or to the end, with loops: three transitions at most."""

VALUES, TIMES = np.array([7.0, 8.0, 0.0]), np.array([3.0, 2.0, 0.0])
"""With rewards 3/2 and 4: ``V(0) = 3/2 + V(0) / 2 + V(1) / 4``."""


def line() -> Reduced:
    return reduced_problem(LINE, [1.5, 4.0, 0.0])


def off(state: int, by: float) -> np.ndarray:
    return VALUES + by * np.eye(3)[state]


def test_the_allowance_of_a_reduced_backup() -> None:
    """A backup of twice the longest row, of the largest reward and value; a probability counts as one."""
    assert reduced_allowance(line(), np.array([-3.0, 2.0])) == 6 * U * (4 + 3)
    assert reduced_allowance(line(), np.array([-0.5, 0.25])) == 6 * U * (4 + 0.5)
    reach = reduced_problem(LINE, None, "reach", targets=[1])
    assert reduced_allowance(reach, np.array([0.5, 0.25])) == 6 * U * (0 + 1)
    assert reduced_allowance(reach, np.array([0.5, -2.0])) == 6 * U * (0 + 2)


@pytest.mark.parametrize(
    ("state", "by", "below", "above"),
    [
        (0, 0.0, 0.0, 0.0),
        (0, 0.5, 0.25, 0.0),
        (1, 0.5, 0.25, 0.125),
        (0, -0.5, 0.0, 0.25),
        (1, -0.5, 0.125, 0.25),
    ],
)
def test_values_that_are_off_are_moved_by_what_a_backup_shows(
    state: int, by: float, below: float, above: float
) -> None:
    """Twice the residual on the wrong side, and twice the allowance, for every step to the end."""
    values, reduced = off(state, by), line()
    slack = 2 * reduced_allowance(reduced, values)
    lower, upper = _certify(reduced, values)
    np.testing.assert_allclose(lower, values - (slack + 2 * below) * TIMES, rtol=1e-12)
    assert np.all(lower[:-1] < VALUES[:-1])
    assert np.all(upper[:-1] > VALUES[:-1])
    np.testing.assert_allclose(upper, values + (slack + 2 * above) * TIMES, rtol=1e-12)
    assert reduced.iterations == 1


@pytest.mark.parametrize(("share", "grown"), [(2.0, 1.0), (0.6, 1.0), (0.3, 4.0), (0.1, 16.0)])
def test_times_that_are_off_are_answered_by_a_larger_slack(share: float, grown: float) -> None:
    """Steps are counted `share` times: ``2 A share`` must not be below ``A``; above, true times follow."""
    reduced = line()
    slack = 2 * reduced_allowance(reduced, VALUES)
    for times, factor in ((share * TIMES, grown), (np.array([3.0, 0.4, 0.0]), 4.0)):
        lower = _certify_below(reduced, VALUES, times)
        np.testing.assert_allclose(lower, VALUES - factor * slack * times, rtol=1e-12)
    upper = _certify_above(reduced, VALUES, share * TIMES)
    expected = VALUES + (slack * share * TIMES if grown == 1 else 4 * slack * TIMES)
    np.testing.assert_allclose(upper, expected, rtol=1e-12)
    assert reduced.iterations == (1 if grown == 1 else 2)


def test_the_residual_of_a_policy() -> None:
    """``r + b + P V - V`` in every state but the last."""
    np.testing.assert_array_equal(_policy_residual(line(), VALUES), [0, 0, 0])
    np.testing.assert_array_equal(_policy_residual(line(), off(0, 1.0), 0.25), [-0.25, 0.25, 0])
    np.testing.assert_array_equal(_policy_residual(line(), off(1, 1.0), 0.25), [0.5, -0.25, 0])


def test_the_bounds_of_a_policy() -> None:
    reduced = line()
    lower = lower_bound_of_policy(reduced)
    np.testing.assert_allclose(lower, VALUES - 2 * reduced_allowance(reduced, VALUES) * TIMES, rtol=1e-12)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_bound(wrong: float) -> None:
    values = off(0, wrong) if np.isnan(wrong) else VALUES
    assert np.all(np.isneginf(_certify_below(line(), values, np.array([3.0, wrong, 0.0]))))
    assert np.all(np.isposinf(_certify_above(line(), values, np.array([3.0, wrong, 0.0]))))


def test_without_steps_nothing_is_proved_below() -> None:
    assert np.all(np.isneginf(_certify_below(line(), VALUES, 0 * TIMES)))


TIE: list[Row] = [(0, 0, 2, 1), (0, 1, 1, 1), (1, 0, 2, 1), (2, 0, 2, 1)]
"""To the end at once, or by way of another state."""


@pytest.mark.parametrize("longer", [0.0, -1e-9, -1e-3])
def test_above_the_longest_of_the_best_policies_counts(longer: float) -> None:
    """With as much for the longer way, or less by less than the slack, it is taken for the bound, and the
    policy is kept."""
    reduced = reduced_problem(TIE, [1.0, 1.0 + longer, 0.0, 0.0])
    values, kept = np.array([1.0, 0.0, 0.0]), reduced.policy.copy()
    assert reduced.quotient.origin[kept].tolist() == [0, 2, -1]
    slack = 2 * reduced_allowance(reduced, values)
    upper = _certify_above(reduced, values, np.array([1.0, 1.0, 0.0]))
    np.testing.assert_array_equal(reduced.policy, kept)
    if longer < -slack:
        np.testing.assert_allclose(upper, values + slack * np.array([1, 1, 0]), rtol=1e-12)
    else:
        np.testing.assert_allclose(upper, [1 + longer + 2 * slack, slack, 0], rtol=1e-12)


@pytest.mark.parametrize(("loss", "share"), [(8.0, 5.5), (4.0, 1.375), (0.5, np.inf)])
def test_above_a_slack_that_makes_a_loop_gain_is_made_smaller(loss: float, share: float) -> None:
    """Two steps cost `loss` times the allowance A: 22 A a step make them gain, a quarter or a sixteenth of it
    do not; what loses less than one allowance cannot be told from what gains."""
    rows: list[Row] = [(0, 0, 2, 1), (0, 1, 1, 1), (1, 0, 0, 1), (2, 0, 2, 1)]
    unit = 4 * U
    reduced = reduced_problem(rows, [1.0, 0.0, -loss * unit, 0.0])
    exact, times = np.array([1.0, 1.0 - loss * unit, 0.0]), np.array([1.0, 2.0, 0.0])
    kept = reduced.policy.copy()
    assert reduced_allowance(reduced, exact) == unit
    upper = _certify_above(reduced, exact - [10 * unit, 10 * unit, 0], times)
    expected = exact + share * unit * times if share < np.inf else np.full(3, np.inf)
    np.testing.assert_allclose(upper - 1, expected - 1, rtol=1e-6)
    np.testing.assert_array_equal(reduced.policy, kept)


WALK: list[Row] = [
    (0, 0, 1, "1/2"), (0, 0, 2, "1/4"), (0, 0, 3, "1/4"), (1, 0, 0, "1/2"), (1, 0, 3, "1/2"), (2, 0, 2, 1),
    (3, 0, 3, 1),
]  # fmt: skip


def test_bounds_are_carried_back_to_the_states() -> None:
    """Settled states keep what the graph says, probabilities are between zero and one, states without a value
    do not count for the gap."""
    for maximise, sign in ((True, 1), (False, -1)):
        reduced = reduced_problem(WALK, None, "reach", targets=[2], maximise=maximise)
        assert reduced.quotient.state_class.tolist() == [0, 1, 2, 2]
        found = expand_bounds(reduced, np.array([-2.0, -0.25, 0.0]), np.array([0.25, 2.0, 0.0]))
        limits = (0.0, 1.0) if maximise else (-1.0, 0.0)
        assert found.lower.tolist() == [limits[0], max(-0.25, limits[0]), float(sign), 0.0]
        assert found.upper.tolist() == [min(0.25, limits[1]), limits[1], float(sign), 0.0]
        assert (found.method, found.iterations, found.limited_by) == ("policy-iteration", 1, "rounding")
        assert found.detail == "inductive bounds checked by one backup each"
    reduced = line()
    reduced.method, reduced.iterations = "gauss-seidel", 7
    without = np.array([False, True, False])
    reduced.settled = replace(reduced.settled, mask=without, undefined=without)
    found = expand_bounds(reduced, np.array([-2.0, 0.0, 0.0]), np.array([3.0, 0.0, 0.0]))
    assert (found.lower.tolist(), found.upper.tolist()) == ([-2, -np.inf, 0], [3, np.inf, 0])
    assert (found.method, found.iterations) == ("gauss-seidel", 7)
    assert (found.gap, found.scale, found.limited_by) == (5, 2, "the accuracy of its values")
    alone = settled_by_graph(reduced.settled)
    assert (alone.lower.tolist(), alone.upper.tolist()) == ([0, -np.inf, 0], [0, np.inf, 0])
    assert alone.policy is reduced.settled.policy
    assert alone[3:] == ("graph", 1, "settled by the graph alone", 0, 1, "max_iterations")


def test_a_chain_is_factorised_where_it_is_small_or_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    posed, tie = line().problem, reduced_problem(TIE, [1.0, 1.0, 0.0, 0.0]).problem
    for question, method, limit, direct in (
        (posed, "auto", 3, True), (posed, "auto", 2, False), (tie, "auto", 3, False),
        (posed, "policy-iteration", 0, True), (tie, "policy-iteration", 0, True),
        (posed, "linear-programming", 0, True), (posed, "gauss-seidel", 3, False),
    ):  # fmt: skip
        monkeypatch.setattr(undiscounted, "DIRECT_STATES", limit)
        reduced = reduce_problem(question, settle(question), method)
        assert isinstance(reduced.solver, DirectSolver if direct else SweepSolver)
        assert reduced.method == ("policy-iteration" if direct else "gauss-seidel")
        if isinstance(reduced.solver, SweepSolver):
            assert reduced.solver._max_sweeps == 1000
        if method != "linear-programming":  # see below
            assert solve_undiscounted(question, method).method == reduced.method
        if question is posed:
            np.testing.assert_allclose(
                reduced.solver.solve(reduced.policy, np.array([1, 1, 0])), TIMES, rtol=1e-14
            )


@pytest.mark.parametrize(
    ("rows", "rewards", "policy"),
    [
        ([(0, 0, 1, 1), (0, 1, 0, 1), (1, 0, 0, 1), (1, 1, 2, 1), (2, 0, 2, 1)], [0, 0, 0, 5, 0], [0, 3, 4]),
        ([(0, 0, 2, 1), (0, 1, 1, 1), (1, 0, 0, 1), (1, 1, 1, 1), (2, 0, 2, 1)], [5, 0, 0, 0, 0], [0, 2, 4]),
        ([(0, 0, 2, 1), (0, 1, 1, 1), (1, 0, 0, 1), (1, 1, 1, 1), (2, 0, 2, 1)], [-5, 0, 0, 0, 0], [1, 3, 4]),
        (
            [(0, 0, 1, 1), (1, 0, 0, 1), (1, 1, 2, 1), (2, 0, 3, 1), (3, 0, 3, 1)],
            [0, 0, 0, 5, 0],
            [0, 2, 3, 4],
        ),
    ],
)
def test_the_exit_of_a_component_is_walked_to(
    rows: list[Row], rewards: list[float], policy: list[int]
) -> None:
    """Two states among which one moves for free, or rests in either; they are left where that pays."""
    found = solve_undiscounted(reduced_problem(rows, rewards).problem, "auto")
    assert found.policy is not None
    assert found.policy.tolist() == policy


def test_a_linear_program_is_bounded_like_any_other_proposal() -> None:
    solved = solve_undiscounted(line().problem, "linear-programming")
    assert solved.method == "linear-programming"
    assert np.all(solved.lower <= VALUES)
    np.testing.assert_allclose(solved.lower, VALUES, atol=1e-5)
    np.testing.assert_allclose(solved.upper, VALUES, atol=1e-5)


def test_a_reduced_state_that_cannot_end_is_a_defect() -> None:
    posed = reduced_problem(LINE, [1.5, 4.0, 0.0], targets=[2]).problem
    settled = settle(posed)
    with pytest.raises(AssertionError, match="a reduced state has no proper policy"):
        reduce_problem(posed, replace(settled, usable=np.array([False, True, False])), "auto")


def test_two_sided_probabilities_start_from_zero_and_one() -> None:
    for maximise, bounds in ((True, ([0, 0, 0], [1, 1, 0])), (False, ([-1, -1, 0], [0, 0, 0]))):
        reduced = reduced_problem(WALK, None, "reach", targets=[2], maximise=maximise)
        np.testing.assert_array_equal(two_sided._probabilities(reduced), bounds)


def test_two_sided_totals_start_from_a_policy_and_from_the_longest_time() -> None:
    """Three quarters, then half and a little, then ``5/16`` are under way at most: ``3 / (1 - 5/16)``."""
    reduced = line()
    error = reduced_allowance(reduced, np.ones(1))
    assert error == 30 * U
    first, second = 0.75 + error, 0.5 + error
    first, second = first / 2 + second / 4 + error, second / 2 + error
    first = first / 2 + second / 4 + error
    time = two_sided._longest_time(reduced)
    assert time == pytest.approx(3 / (1 - first), rel=1e-12)
    lower, upper = two_sided._totals(reduced)
    np.testing.assert_array_equal(lower, lower_bound_of_policy(reduced))
    np.testing.assert_allclose(upper, [4 * time, 4 * time, 0], rtol=1e-11)
    assert upper[0] > 4 * time
    for rewards in ([-1.5, -4.0, 0.0], [0.0, -4.0, 0.0]):
        np.testing.assert_array_equal(two_sided._totals(reduced_problem(LINE, rewards))[1], [0, 0, 0])


def test_two_sided_needs_an_end_where_something_is_earned() -> None:
    """A loop that costs, and an end that pays, or that is free."""
    rows: list[Row] = [(0, 0, 0, 1), (0, 1, 1, 1), (1, 0, 1, 1)]
    np.testing.assert_array_equal(two_sided._totals(reduced_problem(rows, [-1.0, 0.0, 0.0]))[1], [0, 0])
    with pytest.raises(
        UnsupportedError, match="knows no upper bound to start from: some rewards are positive"
    ):
        two_sided._totals(reduced_problem(rows, [-1.0, 0.5, 0.0]))


def test_two_sided_times_are_limited() -> None:
    with pytest.raises(ConvergenceError, match=r"After 2 steps .* up to 0\.5; raise max_iterations"):
        two_sided._longest_time(reduced_problem(LINE, [1.5, 4.0, 0.0], max_iterations=2))
    assert two_sided._longest_time(reduced_problem(LINE, [1.5, 4.0, 0.0], max_iterations=3)) < 4.4


@pytest.mark.parametrize("wrong", [-np.inf, np.nan])
def test_two_sided_needs_a_bound_to_start_from(wrong: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_sided, "lower_bound_of_policy", lambda reduced: np.array([0.0, wrong, 0.0]))
    with pytest.raises(ConvergenceError, match="use exact=True"):
        two_sided._totals(line())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("limit", [3, 4, 9])
def test_two_sided_backups_and_their_allowance(limit: int, sign: int) -> None:
    """Every backup is widened by the allowance of twice the largest starting bound, and no bound is given
    up for a worse one."""
    rewards = [sign * 1.5, sign * 4.0, 0.0]
    reduced = reduced_problem(LINE, rewards)
    lower, upper = (bound[:2].copy() for bound in two_sided._totals(reduced))
    slack = 6 * U * (4 + 2 * max(abs(lower).max(), abs(upper).max()))
    step, paid = np.array([[0.5, 0.25], [0.0, 0.5]]), np.array(rewards[:2])
    for _ in range(limit):
        upper = np.minimum(upper, paid + step @ upper + slack)
        lower = np.maximum(lower, paid + step @ lower - slack)
    found = two_sided.interval_iteration(reduced_problem(LINE, rewards, max_iterations=limit).problem)
    np.testing.assert_allclose(found.lower[:2], lower, rtol=1e-12)
    np.testing.assert_allclose(found.upper[:2], upper, rtol=1e-12)
    assert (found.iterations, found.limited_by) == (limit, "max_iterations")
    assert (found.lower[2], found.upper[2]) == (0, 0)


def test_two_sided_stops_at_the_tolerance_or_when_nothing_moves() -> None:
    """In units of the lesser bound, and of one at least; after three times as many backups as there are
    states without a smaller gap."""
    for unit, tolerance, rest in ((1000.0, 0.5, 0), (1e-3, 1e-4, 0), (1.0, 1e-12, 10)):
        rewards = [1.5 * unit, 4.0 * unit, 0.0]
        question = reduced_problem(LINE, rewards, tolerance=tolerance).problem
        found = two_sided.interval_iteration(question)
        assert found.limited_by == ("rounding" if rest else "max_iterations")
        gaps, wide = [], []
        for limit in range(3, found.iterations + 1):
            cut = two_sided.interval_iteration(question._replace(max_iterations=limit, tolerance=1e-15))
            gaps.append(cut.gap)
            wide.append(cut.gap > tolerance * max(1.0, np.abs(cut.lower).max()))
        assert all(wide[:-1])
        assert wide[-1] == bool(rest)
        if rest:
            assert gaps[-2 - rest] > min(gaps) == gaps[-1 - rest]
