"""Every policy, evaluated in rational numbers, is within the error of a listed point: no rounding and no
merging is left out, whatever the number of steps listed."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.groups import distinct, groups
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.skills import last_steps, make_skills, terminal_vertices, vertices
from metaregret.theory.skills.last_steps import LastSteps
from metaregret.theory.skills.vertices import Merging
from tests.theory.skills.small_processes import processes, z_channel

Point = tuple[Fraction, ...]


def combined(weights: list[Fraction], sets: list[set[Point]]) -> set[Point]:
    """The weighted Minkowski sum."""
    return {
        tuple(
            sum(w * x for w, x in zip(weights, column, strict=True)) for column in zip(*points, strict=True)
        )
        for points in itertools.product(*sets)
    }


def exact_points(process: ControlledMarkovProcess, steps: int) -> list[set[Point]]:
    """What the deterministic policies of the last steps achieve from each state, one step at a time."""
    states = range(process.n_states)
    found: list[set[Point]] = [{tuple(Fraction(int(s == t)) for t in states)} for s in states]
    for _ in range(steps):
        following, found = found, []
        for state in states:
            found.append(set())
            for choice in process.choices(state):
                row = range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
                weights = [process.exact_probabilities[m] for m in row]
                found[-1] |= combined(weights, [following[process.successors[m]] for m in row])
    return found


def assert_covered(points: set[Point], rows: np.ndarray, error: np.ndarray) -> None:
    """Each exact point is near a listed one, and each listed one near an exact point."""
    listed = [[Fraction(x) for x in row] for row in rows.tolist()]
    allowed = [[Fraction(e) for e in row] for row in error.tolist()]

    def near(point: Point, k: int) -> bool:
        return all(abs(x - y) <= e for x, y, e in zip(point, listed[k], allowed[k], strict=True))

    assert all(any(near(point, k) for k in range(len(listed))) for point in points)
    assert all(any(near(point, k) for point in points) for k in range(len(listed)))
    assert error.max() <= 1e-12


def listed_points(
    process: ControlledMarkovProcess, last: LastSteps
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """The points of every state, and how far they may be off."""
    rows = np.zeros((len(last._states), process.n_states))
    rows[:, last.support] = last._points.toarray()
    error = rows * last._error + last._apart * (1 + last._error)
    return {int(s): (rows[last._states == s], error[last._states == s]) for s in np.unique(last._states)}


def assert_all_listed(process: ControlledMarkovProcess) -> None:
    assert isinstance(process.horizon, FiniteHorizon)
    total = process.horizon.steps
    rows, error = terminal_vertices(process)
    initial = process.exact_initial
    assert initial is not None
    starts = [s for s, mass in enumerate(initial) if mass]
    points = exact_points(process, total)
    assert_covered(combined([initial[s] for s in starts], [points[s] for s in starts]), rows, error)
    for most in (1, 4, 5_000):
        last = LastSteps(process, max_points=most)
        points = exact_points(process, last.steps)
        for state, (rows, error) in listed_points(process, last).items():
            assert_covered(points[state], rows, error)
        assert last.steps == total or most < 5_000


@given(st.one_of(processes(max_states=2), processes(max_states=3, max_steps=1)))
@settings(max_examples=30, deadline=None)
def test_every_policy_is_near_a_listed_point(process: ControlledMarkovProcess) -> None:
    assert_all_listed(process)


@given(st.integers(1, 3), st.lists(st.integers(-3, 3), min_size=4, max_size=4))
@settings(max_examples=20, deadline=None)
def test_points_that_are_merged_are_counted(steps: int, nudges: list[int]) -> None:
    """Choices that differ by some 1e-14 are one point, and their distance is in the error of what is left."""
    rows = []
    for k, nudge in enumerate(nudges):
        one = Fraction(1, 3) + Fraction(nudge, 10**14)
        rows += [(k % 2, k // 2, k % 2, one), (k % 2, k // 2, 1 - k % 2, 1 - one)]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=2, actions=2, initial={0: Fraction(1, 7), 1: Fraction(6, 7)}, horizon=steps
    )
    assert_all_listed(process)
    assert len(terminal_vertices(process)[0]) < 4


def test_what_was_merged_rounds_as_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an arithmetic of three digits: ``g rows + (1 + g) d`` for points that were ``d`` apart."""
    monkeypatch.setattr(vertices, "relative_error", lambda roundings: roundings * 2.0**-10)
    monkeypatch.setattr(last_steps, "relative_error", lambda roundings: roundings * 2.0**-10)
    apart = 2.0**-45
    process = ControlledMarkovProcess.from_transitions(
        [
            *((0, 0, to, Fraction(1, 2)) for to in range(2)),
            (0, 1, 0, Fraction(1, 2) - Fraction(apart)),
            (0, 1, 1, Fraction(1, 2) + Fraction(apart)),
            (1, 0, 1, 1),
        ],
        states=2,
        actions=2,
        initial=0,
        horizon=1,
    )
    off = 2 * (2 + 3) * 2.0**-10
    for rows, error in (terminal_vertices(process), listed_points(process, LastSteps(process))[0]):
        assert rows.tolist() == [[0.5, 0.5]]
        assert error - off * rows == pytest.approx((1 + off) * apart, rel=1e-4, abs=0)


def test_rows_are_one_up_to_roundings() -> None:
    """To so many decimals; -0 is 0; the first of each group, in order."""
    rows = np.array([[0.5, 0.0], [0.25, 0.25], [0.5 + 4e-13, -0.0], [0.5 + 6e-13, 0.0]])
    assert distinct(rows).tolist() == [0, 1, 3]
    first, group = groups(rows, 13)
    assert rows[first][group].tolist() == rows.tolist()
    assert sorted(first) == [0, 1, 2, 3]
    assert groups(rows, 3)[1].tolist() == [1, 0, 1, 1]
    assert len(groups(np.array([[1e-17], [3e-17]]), 17)[0]) == 2


def test_the_limit_is_on_the_points_of_a_set() -> None:
    """Two points after one step, three after two: 1, 1/2, 1/4 of the mass stay in state 1."""
    assert len(terminal_vertices(z_channel(2), max_points=3)[0]) == 3
    assert LastSteps(z_channel(2), max_points=2).steps == 2
    with pytest.raises(InstanceTooLargeError, match="about 2 points, over the limit of 1"):
        terminal_vertices(z_channel(2), max_points=1)
    assert LastSteps(z_channel(2), max_points=1).steps == 1


@pytest.mark.parametrize("steps", [1, 3, 40])
@pytest.mark.parametrize("starts", [1, 2])
def test_the_error_counts_the_roundings_of_every_step(steps: int, starts: int) -> None:
    """``g((T + 1) (n + 3))`` of each entry, ``n`` the terms of the longest sum, the one over starts included;
    the points, powers of 1/2, have none."""
    lazy = [(0, 0, 0, Fraction(1, 2)), (0, 0, 1, Fraction(1, 2)), (1, 0, 1, 1)] if starts == 1 else []
    process = ControlledMarkovProcess.from_transitions(
        lazy or [(0, 0, 0, 1), (1, 0, 1, 1)],
        states=2,
        actions=1,
        initial={s: Fraction(1, starts) for s in range(starts)},
        horizon=steps,
    )
    rows, error = terminal_vertices(process)
    assert error == pytest.approx(rows * relative_error((steps + 1) * (2 + 3)), rel=1e-12, abs=0)
    widest = 2 if lazy else 1
    assert LastSteps(process)._error == relative_error((steps + 1) * (widest + 3))


@pytest.mark.parametrize(("entries", "steps"), [(6, 2), (5, 1), (4, 1), (3, 1)])
def test_the_limit_of_all_sets_of_a_step(entries: int, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one step left there are two points of one state and one of the other, of two entries each; the
    rows of a step are never too many."""
    monkeypatch.setattr(vertices, "MAX_ENTRIES", entries)
    last = LastSteps(z_channel(2))
    assert last.steps == steps
    assert len(np.unique(last._states)) == 3 - steps
    if entries == 5:
        with pytest.raises(InstanceTooLargeError, match="about 3 points, over the limit of 2;"):
            terminal_vertices(z_channel(2))
        monkeypatch.setattr(vertices, "MAX_ENTRIES", 3)
        with pytest.raises(InstanceTooLargeError, match="about 2 points, over the limit of 1;"):
            terminal_vertices(z_channel(2))


def test_a_policy_for_every_weight_and_a_set_for_every_successor() -> None:
    with pytest.raises(ValueError, match="zip"):
        make_skills(z_channel(), [0.5, 0.5], [np.array([[1.0, 0.0, 1.0]])])
    with pytest.raises(ValueError, match="zip"):
        Merging(z_channel(), 9)._minkowski(np.array([1.0]), [])
    policy = np.array([[1.0, 0.0, 1.0]])
    one, two = make_skills(z_channel(), [1, 3], [policy, policy])
    assert (one.probability, two.probability) == (0.25, 0.75)
    assert one.policy is policy


def test_the_limit_is_on_pairs_before_they_are_merged() -> None:
    """(1, 0), (1/2, 1/2) twice and (0, 1); and on the policies of a geometric horizon."""
    weights, sets = np.array([0.5, 0.5]), [np.eye(2), np.eye(2)]
    assert len(Merging(z_channel(), 4)._minkowski(weights, sets)) == 3
    with pytest.raises(InstanceTooLargeError, match="'z-channel' needs about 4 points, over the limit of 3;"):
        Merging(z_channel(), 3)._minkowski(weights, sets)
    with pytest.raises(InstanceTooLargeError, match="'z-channel' needs about 2 points, over the limit of 1;"):
        terminal_vertices(z_channel(GeometricHorizon(Fraction(1, 2))), max_points=1)


@given(
    st.lists(st.integers(-3, 3), min_size=4, max_size=4), st.fractions(0, Fraction(9, 10), max_denominator=10)
)
@settings(max_examples=20, deadline=None)
def test_stationary_policies_at_a_geometric_horizon(nudges: list[int], gamma: Fraction) -> None:
    """``(1 - g) mu (I - g P)^-1`` of two states by Cramer's rule, with choices that differ by some 1e-14."""
    onward = [Fraction(1, 3) + Fraction(nudge, 10**14) for nudge in nudges]
    rows = [
        (k % 2, k // 2, to, mass)
        for k, p in enumerate(onward)
        for to, mass in ((1 - k % 2, p), (k % 2, 1 - p))
    ]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=2, actions=2, initial=0, horizon=GeometricHorizon(gamma)
    )
    points = set()
    for leave, back in itertools.product(onward[::2], onward[1::2]):
        first, second = 1 - gamma * (1 - leave), 1 - gamma * (1 - back)
        stays = (1 - gamma) * second / (first * second - gamma**2 * leave * back)
        points.add((stays, 1 - stays))
    listed, error = terminal_vertices(process)
    assert_covered(points, listed, error)


def test_only_states_where_an_episode_can_end_have_points() -> None:
    """A chain of three states in two steps ends in the last one, of which alone the recursion begins."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, 1), (1, 0, 2, 1), (2, 0, 2, 1)], states=3, actions=1, initial=0, horizon=2
    )
    assert terminal_vertices(process)[0].tolist() == [[0.0, 0.0, 1.0]]
    assert [sorted(sets) for sets in Merging(process, 9).backwards(2)] == [[2], [1], [0]]


def test_choices_of_states_without_a_visit_are_no_policies() -> None:
    rows = [(0, 0, 0, 1), *((1, a, a % 2, 1) for a in range(3))]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=2, actions=3, initial=0, horizon=GeometricHorizon(Fraction(1, 2))
    )
    rows, error = terminal_vertices(process, max_points=1)
    assert rows.tolist() == [[1.0, 0.0]]
    assert 0 < error[0, 0] < 1e-13
    assert error[0, 1] == 0.0
