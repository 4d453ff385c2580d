"""Divergences of known vertices against 60-digit arithmetic, whatever their error is."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_values
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.theory.information import as_order
from metaregret.theory.skills import dual_bound
from metaregret.theory.skills.dual_bound import TerminalPolytope, known_polytope, support_bound
from metaregret.theory.skills.vertices import terminal_vertices
from tests.theory.information.channels import channels, distributions
from tests.theory.skills.small_processes import z_channel


def relative_entropy(row: list[Fraction], reference: list[Fraction]) -> Decimal:
    pairs = [(_decimal(x), _decimal(q)) for x, q in zip(row, reference, strict=True) if x]
    return sum((x * (x / q).ln() for x, q in pairs), Decimal(0))


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


@settings(max_examples=25)
@given(data=st.data())
def test_divergences_hold_for_every_row_within_the_error(data: st.DataObject) -> None:
    """Mass moved from one state to another by up to the error, in every direction; and the bound is near."""
    rows = data.draw(channels())
    reference = data.draw(distributions(rows.shape[1]))
    q = 0.5 * reference + 0.5 / rows.shape[1]
    step = data.draw(st.sampled_from([0.0, 2.0**-30]))
    error = np.where(rows > 0, step, 0.0)
    bound = TerminalPolytope(rows, error, "drawn").divergences(q)
    exactly = [Fraction(float(x)) for x in q]
    with localcontext(prec=60):
        for row, known in zip(rows, bound, strict=True):
            masses = [Fraction(float(x)) for x in row]
            masses = [x / sum(masses) for x in masses]
            near = relative_entropy(masses, exactly) + _decimal(sum(exactly)).ln()
            support = np.flatnonzero(row).tolist()
            moves = [(0, 0, Fraction(0))]
            moves += [
                (s, t, min(Fraction(step), masses[s])) for s, t in itertools.permutations(support[:4], 2)
            ]
            for source, target, moved in moves:
                other = masses.copy()
                other[source] -= moved
                other[target] += moved
                assert Decimal(float(known)) >= relative_entropy(other, exactly) + _decimal(sum(exactly)).ln()
            slack = Decimal(float(known)) - near
            assert slack <= Decimal("1e-12") + 200 * len(support) * Decimal(step)


def test_every_vertex_has_an_error_of_its_own() -> None:
    """The error of one row does not widen another."""
    rows = np.array([[0.5, 0.5], [0.25, 0.75]])
    q = np.array([0.5, 0.5])
    plain = TerminalPolytope(rows, np.zeros((2, 2)), "").divergences(q)
    moved = TerminalPolytope(rows, np.array([[1e-3, 1e-3], [0.0, 0.0]]), "").divergences(q)
    assert moved[1] == plain[1]
    assert moved[0] > plain[0] + 1e-3
    squared = TerminalPolytope(rows, np.array([[1e-3, 1e-3], [0.0, 0.0]]), "").divergences(q, as_order(2))
    assert squared[0] >= math.log(2 * 2 * 0.501**2)


def test_a_row_whose_sum_is_off_moves_as_a_whole() -> None:
    """(0.11, 0.9) for (0.1, 0.9): only the first entry is wrong, but normalised the second is, too."""
    found = TerminalPolytope(np.array([[0.11, 0.9]]), np.array([[0.0101, 0.0]]), "")
    q = np.array([1 - 1e-10, 1e-10])
    assert found.divergences(q)[0] >= 0.1 * math.log(0.1 / q[0]) + 0.9 * math.log(0.9 / q[1])
    squared = found.divergences(q, as_order(2))[0]
    assert squared >= math.log(0.1**2 / q[0] + 0.9**2 / q[1])


@pytest.mark.parametrize("name", ["1", "2"])
def test_a_state_that_the_reference_misses_is_infinitely_far(name: str) -> None:
    """From the rows that end there, and no farther than usual from the others."""
    rows = np.array([[0.5, 0.5], [1.0, 0.0]])
    found = TerminalPolytope(rows, np.zeros((2, 2)), "").divergences(np.array([1.0, 0.0]), as_order(name))
    assert found[0] == np.inf
    assert 0 <= found[1] < 1e-12
    elsewhere = TerminalPolytope(rows[1:, ::-1], np.zeros((1, 2)), "")
    assert elsewhere.divergences(np.array([1.0, 0.0]), as_order(name))[0] == np.inf


def test_point_masses_and_vertices_are_told() -> None:
    line = known_polytope(make("line:3").replaced(horizon=FiniteHorizon(1)))
    assert line is not None
    assert line.rows.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert line.error.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert line.how == "deterministic dynamics: the vertices are point masses"
    slippery = make("grid:2x2,slip=1/5").replaced(horizon=FiniteHorizon(1))
    noisy, (rows, error) = known_polytope(slippery), terminal_vertices(slippery)
    assert noisy is not None
    assert noisy.rows.tolist() == rows.tolist()
    assert noisy.error.tolist() == error.tolist()
    assert f"all {len(noisy.rows)} candidate vertices" in noisy.how
    assert known_polytope(make("grid:3x3,slip=1/5").replaced(horizon=FiniteHorizon(6)), max_points=50) is None
    assert known_polytope(z_channel(2), max_points=1) is None


def test_the_allowance_of_the_leakage_is_that_of_its_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """``log 3/2`` for the Z-channel, two roundings of the logarithm and ``S + 8`` of the sum."""
    monkeypatch.setattr(dual_bound, "relative_error", lambda roundings: roundings * 2.0**-30)
    leakage = float(np.minimum(goal_values(z_channel(1)).upper, 1.0).sum())
    assert 1.5 <= leakage <= 1.5 + 1e-14
    expected = math.log(leakage) * (1 + 4e-16) + (2 + 8) * 2.0**-30
    assert support_bound(z_channel(1)) == pytest.approx(expected, rel=4e-16, abs=0)


LEAKAGE = [("line:3", 2.0), ("attempts:1,1/2", 2.0), ("grid:2x2,slip=1/5", 2.6), ("attempts:1/2,1/4", 1.5)]


@pytest.mark.parametrize(("name", "most"), LEAKAGE)
def test_the_bound_of_the_support_is_the_maximal_leakage(name: str, most: float) -> None:
    """``log sum_g v_g``, the most that one step can tell: by hand."""
    found = support_bound(make(name).replaced(horizon=FiniteHorizon(1)))
    assert math.log(most) <= found <= math.log(most) + 1e-12


def test_the_bound_of_the_support_is_at_most_its_size() -> None:
    """Three states, each reached surely in two steps."""
    found = support_bound(make("line:3").replaced(horizon=FiniteHorizon(2)))
    assert math.log(3) <= found <= math.log(3) + 1e-15
