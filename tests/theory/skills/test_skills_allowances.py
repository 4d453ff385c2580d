"""The allowance of the bounds over known vertices is what its proof asks for, term by term.

Rows and references are powers of two, whose divergence is known to the last digit: what is left of a bound is
its allowance.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import entr

from metaregret.tabular.bounds import relative_error
from metaregret.theory.information import as_order, capacity_bracket, kl_divergence
from metaregret.theory.skills import last_steps, terminal_vertices
from metaregret.theory.skills.dual_bound import TerminalPolytope
from metaregret.theory.skills.last_steps import LastSteps
from metaregret.theory.skills.skill import Skill, entropy_change, entropy_modulus, information_lower_bound
from tests.theory.skills.small_processes import z_channel

HALVES = [2.0 ** -min(k, 40) for k in range(1, 42)]
PAIRS = [
    ([1.0], [1.0]),
    ([0.5, 0.5], [0.5, 0.5]),
    ([0.5, 0.25, 0.25], [0.25, 0.25, 0.5]),
    ([0.5, 0.0, 0.5], [0.5, 0.25, 0.25]),
    (HALVES, HALVES),
    ([0.0] * 40 + [1.0], HALVES),
]


@pytest.mark.parametrize("error", [0.0, 2.0**-44, 2.0**-20, 2.0**-3])
@pytest.mark.parametrize("scale", [1.0, 1 + 2.0**-10, 1 - 2.0**-30])
@pytest.mark.parametrize(("row", "q"), PAIRS)
def test_relative_entropies(row: list[float], q: list[float], scale: float, error: float) -> None:
    """Every entry moves by its error and by what its row's sum lacks of one, rounding included: at most as
    far as the logarithm of the reference and the entropy of the entry let it; and sums of 2 S + 32
    roundings."""
    given = scale * np.array([row])
    found = float(TerminalPolytope(given, np.full(given.shape, error), "").divergences(np.array(q))[0])
    divergence = math.fsum(x * math.log(x / y) for x, y in zip(row, q, strict=True) if x)
    used = [(x, y) for x, y in zip(row, q, strict=True) if x]
    moved = []
    for x, y in used:
        e = error + (abs(scale - 1) + relative_error(len(q) + 4)) * scale * x
        most = -min(e, math.exp(-1)) * math.log(min(e, math.exp(-1)))
        moved.append(e * abs(math.log(y)))
        moved.append(min(most, e * (1 - math.log(x / 2))) if 2 * e <= x else most)
    size = max(abs(math.log(y)) for _, y in used) + divergence + 1
    allowance = math.fsum(moved) + relative_error(2 * len(q) + 32) * size
    assert found - divergence == pytest.approx(allowance, rel=1e-9, abs=2 * math.ulp(divergence))


@pytest.mark.parametrize("name", ["3/2", "2", "inf"])
def test_orders_above_one_take_rows_as_they_may_be(name: str) -> None:
    """A row known up to an error is read at its largest; an exact one as it is, up to rounding."""
    rows, q = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([0.5, 0.5])
    error = np.array([[0.0, 0.0], [2.0**-20, 2.0**-20]])
    exact, moved = TerminalPolytope(rows, error, "").divergences(q, as_order(name))
    assert 0 < exact < 1e-13
    order = as_order(name)
    power = 1.0 if order.is_infinite else order.alpha / order.power
    assert moved == pytest.approx(power * math.log1p(2 * 2.0**-20), rel=1e-6)


@pytest.mark.parametrize("name", ["1", "3/2", "4"])
@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("rare", [2.0**-30, 0.5])
def test_the_bound_of_the_last_steps_is_widened_by_its_own_sum(
    steps: int, rare: float, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the largest divergence of a point, and in a rougher arithmetic by all that its proof asks for:
    points are off by twice their error ``e``; a function by ``g(32)``, and along one that is not monotone by
    its slope and by the line's; sums by ``g(S + 8)`` and ``g(2 S + 64)``; logarithms by ``g(8)``."""
    order, q = as_order(name), np.array([rare, 1 - rare])
    process = z_channel(steps)
    last, rows = LastSteps(process, order), terminal_vertices(process)[0]
    if order.is_one:
        largest = max(kl_divergence(row, q) for row in rows)
    else:
        largest = math.log(max(float(row**order.alpha @ q**-order.power) for row in rows)) / order.power
    assert last.steps == steps
    assert largest < last.bound(q) <= largest + 1e-11 * (1 + largest)
    monkeypatch.setattr(last_steps, "relative_error", g)
    last, best = LastSteps(process, order), np.array([1.0, 1 - 0.5**steps])
    e, whole = g((steps + 1) * (2 + 3)), g(2 * 2 + 64)
    sums = [
        widened_relative_entropy(row, q, best, e)
        if order.is_one
        else (1 + whole) * float((row + 2 * e * row) ** order.alpha * (1 + g(32)) @ q**-order.power)
        for row in rows
    ]
    total = max(sums) * (1 + g(2 + 8))
    if order.is_one:
        expected = total + whole * (1 + total)
    else:
        logarithms = np.array([order.alpha * np.log(best), -order.power * np.log(q)])
        dearest, size = logarithms.sum(axis=0).max(), np.abs(logarithms).sum(axis=0).max()
        upper = (math.log(total) + g(8) * (1 + 2 * size)) / order.power
        expected = upper + whole * (1 + (1 + abs(dearest)) / order.power) * (1 + abs(upper))
    assert last.bound(q) - largest == pytest.approx(expected - largest, rel=1e-6, abs=0)


def g(roundings: int) -> float:
    """A rougher arithmetic, in which every term shows."""
    return roundings * 2.0**-30


def widened_relative_entropy(row: np.ndarray, q: np.ndarray, best: np.ndarray, e: float) -> float:
    """The relative entropy of a point, and what may be missing, before the sums over states."""
    terms, off = -entr(row), 2 * e * row
    error = g(32) * np.abs(terms) + (1 + np.abs(np.log(best))) * off + entropy_change(row, off)
    paid = float((row + off) @ -np.log(q))
    fixed = float((terms + error).sum() + g(2 + 8) * (np.abs(terms) + error).sum())
    return paid + fixed + g(2 * 2 + 64) * (paid + abs(fixed))


def test_the_information_of_exact_skills_is_lowered_by_the_rounding_of_their_rows() -> None:
    """``g(S + 4)`` of an entry moves ``-x ln x`` by ``1 - ln(x/2)`` times that, in mixture and rows."""
    skills = [Skill(0.5, np.zeros(0), row, np.zeros(2)) for row in np.eye(2)]
    moved = relative_error(2 + 4) * (1 + math.log(4) + 1 + math.log(2))
    expected = capacity_bracket(np.eye(2), [0.5, 0.5]).lower - moved
    assert information_lower_bound(skills) == pytest.approx(expected, rel=0, abs=2.5e-16)


@given(st.integers(0, 64), st.integers(0, 64))
def test_the_entropy_of_an_entry_that_is_off(entry: int, error: int) -> None:
    """No number within the error has another entropy than is said; ``h(e)`` is enough, ``1/e`` at most."""
    x, e = entry / 64, error / 64
    most = float(entropy_change(np.array([x]), np.array([e]))[0])
    others = np.linspace(max(x - e, 0.0), min(x + e, 1.0), 65)
    assert np.abs(entr(others) - entr(x)).max() <= most + 1e-15
    assert most <= entr(min(e, math.exp(-1))) == pytest.approx(entropy_modulus(np.array([e]))[0], rel=1e-15)


def test_the_information_of_rough_skills_is_lowered_by_all_that_their_entropies_may_move() -> None:
    rows, error = np.array([[0.9, 0.1], [0.1, 0.9]]), 0.001
    skills = [Skill(0.5, np.zeros(0), row, np.full(2, error)) for row in rows]
    off = [error + relative_error(2 + 4) * x for x in (0.5, 0.5, 0.9, 0.1)]
    moved = [e * (1 - math.log(x / 2)) for x, e in zip((0.5, 0.5, 0.9, 0.1), off, strict=True)]
    expected = capacity_bracket(rows, [0.5, 0.5]).lower - math.fsum(moved) * (1 + 1e-10)
    assert information_lower_bound(skills) == pytest.approx(expected, rel=1e-13, abs=0)
