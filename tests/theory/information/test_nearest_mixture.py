"""The interior-point method for finite orders: against the program, and what happens where it fails."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.errors import ContradictionError, SolverError
from metaregret.theory.information import as_order, channel_capacity, channel_redundancy, nearest_mixture
from metaregret.theory.information import redundancy as module
from metaregret.theory.information.channel import Vector
from metaregret.theory.information.nearest_mixture import _Point
from metaregret.theory.information.orders import divergences
from tests.theory.information.channels import channels

ORDERS = ("1.001", "3/2", "2", "5", "64")
ROWS = np.random.default_rng(3).dirichlet(0.3 * np.ones(9), size=7)


def used(rows: Vector) -> Vector:
    """Return the rows without columns that none of them uses."""
    return rows[:, rows.max(axis=0) > 0]


@settings(max_examples=60, deadline=None)
@given(channels(), st.sampled_from(ORDERS))
def test_it_agrees_with_the_program(rows: Vector, name: str) -> None:
    rows = used(rows)
    found = module._direct(as_order(name), rows)
    program = channel_redundancy(rows, name, method="program").value
    assert found is not None
    assert found[1].lower <= program.upper
    assert program.lower <= found[0].upper
    assert found[0].upper <= program.upper + 1e-5 * max(1.0, program.upper)


@pytest.mark.parametrize("name", ["1", *ORDERS])
@pytest.mark.parametrize(
    ("count", "size", "spread"), [(1, 3, 1.0), (7, 9, 0.3), (40, 12, 1.0), (60, 80, 0.1)]
)
def test_it_closes_the_bracket(name: str, count: int, size: int, spread: float) -> None:
    rows = used(np.random.default_rng(count).dirichlet(spread * np.ones(size), size=count))
    found = module._direct(as_order(name), rows)
    assert found is not None
    assert found[0].upper - found[1].lower <= 2e-8
    if name == "1":
        capacity = channel_capacity(rows).capacity
        assert found[1].lower <= capacity.upper
        assert capacity.lower <= found[0].upper


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, 0.0, 1e-300], [0.5, 0.5, 0.0], [0.2, 0.8, 1e-310]],  # q^2 underflows
        [[1.0, 0.0]] * 99 + [[1 - 1e-6, 1e-6]],  # copies
        [[1.0, 0.0]] * 99 + [[1 - 1e-13, 1e-13], [0.0, 1.0]],
    ],
)
def test_it_closes_the_bracket_of_rare_outcomes_and_of_copies(rows: list[list[float]], name: str) -> None:
    found = module._direct(as_order(name), np.array(rows))
    assert found is not None
    assert found[0].upper - found[1].lower <= 2e-8


@pytest.mark.parametrize("name", ORDERS)
def test_a_mean_that_underflows_is_no_warning(name: str) -> None:
    """The mean of 5e-324 and 0 is 0: where solvers give up that is said, and no more than that."""
    try:
        value = channel_redundancy([[1.0, 0.0, 5e-324], [0.5, 0.5, 0.0]], name).value
    except SolverError:
        return
    known = channel_redundancy([[1.0, 0.0], [0.5, 0.5]], name).value
    assert value.lower <= known.upper
    assert known.lower <= value.upper


@pytest.mark.parametrize("name", ["1", *ORDERS])
def test_divergences_and_their_slopes(name: str) -> None:
    """The slopes in the weights of the mixture, by differences along directions that keep their sum."""
    order, step = as_order(name), 1e-6
    point = _Point(order, ROWS)
    if not order.is_one:
        assert point._far == pytest.approx(divergences(order, ROWS, ROWS.mean(axis=0)), abs=1e-9)
    slope, along = point._slope.copy(), np.random.default_rng(0).normal(size=len(ROWS))
    along -= along.mean()
    far = []
    for sign in (1.0, -1.0):
        point.mixture = 1.0 / len(ROWS) + sign * step * along
        point._evaluate()
        far.append(point._far.copy())
    assert slope @ along == pytest.approx((far[0] - far[1]) / (2 * step), rel=1e-4, abs=1e-6)


def test_multipliers_are_told_from_roundings() -> None:
    """Of two rows that are the same mixture of the others no multiplier outweighs the slack."""
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.5, 0.5]])
    mixture, (all_, only) = nearest_mixture.nearest_mixture(as_order(2), rows)
    assert mixture @ rows == pytest.approx([0.5, 0.5])
    assert np.all(all_ > 0)
    assert only == pytest.approx([0.5, 0.5, 0.0, 0.0], abs=1e-6)
    assert only[2:].tolist() == [0.0, 0.0]


def answering(monkeypatch: pytest.MonkeyPatch, mixture: Vector, weights: Vector) -> None:
    monkeypatch.setattr(
        module, "nearest_mixture", lambda order, rows: (mixture, np.array([weights, weights]))
    )


@pytest.mark.parametrize("wrong", [np.nan, 1.0])
def test_the_program_mends_what_it_leaves_open(wrong: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it fails, and where it is far off."""
    value = channel_redundancy(ROWS, 2).value
    answering(monkeypatch, np.full(7, wrong / 7), np.full(7, wrong / 7))
    again = channel_redundancy(ROWS, 2).value
    assert again.gap <= 1e-6
    assert max(value.lower, again.lower) <= min(value.upper, again.upper)


def test_a_true_bracket_outlives_a_program_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise SolverError("no solver")

    answering(monkeypatch, np.full(7, 1 / 7), np.full(7, 1 / 7))
    value = channel_redundancy(ROWS, 2, method="program").value
    monkeypatch.setattr(module, "solve_certified", failing)
    kept = channel_redundancy(ROWS, 2).value
    assert kept.lower < value.lower
    assert value.upper < kept.upper
    with pytest.raises(SolverError, match="no solver"):
        channel_redundancy(ROWS, 2, method="program")

    def contradicting(*_: object, **__: object) -> None:
        raise ContradictionError("lower above upper")

    monkeypatch.setattr(module, "solve_certified", contradicting)
    with pytest.raises(ContradictionError):
        channel_redundancy(ROWS, 2)
