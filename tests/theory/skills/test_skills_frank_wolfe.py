"""Certified minima over the terminal polytope against closed forms and brute force."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.environments import make
from metaregret.tabular.errors import ConvergenceError
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.policy import exact_terminal
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.skills import (
    Separable,
    Skill,
    frank_wolfe,
    inverse_sum,
    minimise_over_terminal,
    mixture,
    relative_entropy,
)
from metaregret.theory.skills.frank_wolfe import _astray, _certified
from tests.theory.skills.small_processes import all_markov_rows, processes, z_channel


def uniform(process: ControlledMarkovProcess) -> np.ndarray:
    support = goal_support(process)
    return np.asarray(support / support.sum())


def test_slopes_and_curvatures_by_hand() -> None:
    """``x ln(x / q)`` and ``w / x``, of a state that an episode may miss as well."""
    rho, other = np.array([0.5, 0.25, 0.0]), np.array([0.25, 0.25, 0.5])
    entropy, inverse, large = relative_entropy(other), inverse_sum(other), 300 * math.log(10)
    assert entropy.value(rho) == pytest.approx([math.log(2) / 2, 0.0, 0.0])
    assert entropy.slope(rho) == pytest.approx([math.log(2) + 1, 1.0, 1 - large + math.log(2)])
    assert entropy.curvature(rho) == pytest.approx([2.0, 4.0, 1e300])
    assert inverse.value(rho) == pytest.approx([0.5, 1.0, 0.5e100])
    assert inverse.slope(rho) == pytest.approx([-1.0, -4.0, -0.5e200])
    assert inverse.curvature(rho) == pytest.approx([4.0, 32.0, 1e300])


def test_maximum_entropy_of_the_z_channel_is_uniform() -> None:
    found = minimise_over_terminal(z_channel(), relative_entropy(np.array([0.5, 0.5])))
    np.testing.assert_allclose(found.terminal, [0.5, 0.5], atol=1e-7)
    assert found.value.lower <= 0 <= found.value.upper


def test_a_target_outside_the_polytope_is_projected_to_its_edge() -> None:
    """Z-channel: rho(2) <= 1/2, so the closest to (1/5, 4/5) is (1/2, 1/2)."""
    found = minimise_over_terminal(z_channel(), relative_entropy(np.array([0.2, 0.8])))
    expected = 0.5 * np.log(0.5 / 0.2) + 0.5 * np.log(0.5 / 0.8)
    assert found.value.lower - 1e-12 <= expected <= found.value.upper + 1e-12
    assert found.value.gap <= 1e-8
    np.testing.assert_allclose(found.terminal, [0.5, 0.5], atol=1e-6)


def test_square_root_law() -> None:
    weights = np.array([0.6, 0.3, 0.1])
    found = minimise_over_terminal(make("line:3"), inverse_sum(weights))
    assert found.value.lower <= np.sqrt(weights).sum() ** 2 <= found.value.upper
    np.testing.assert_allclose(found.terminal, np.sqrt(weights) / np.sqrt(weights).sum(), atol=1e-6)


@given(processes())
@settings(max_examples=20, deadline=None)
def test_no_mixture_of_policies_is_below_the_certified_minimum(process: ControlledMarkovProcess) -> None:
    rows = all_markov_rows(process)
    mixed = np.random.default_rng(0).dirichlet(np.full(len(rows), 0.2), size=200) @ rows
    for objective in (
        relative_entropy(uniform(process)),
        inverse_sum(uniform(process) * goal_values(process).values),
    ):
        found = minimise_over_terminal(process, objective)
        assert found.value.gap <= 2e-9 * max(1.0, abs(found.value.upper))
        np.testing.assert_allclose(mixture(found.skills), found.terminal, atol=1e-12)
        assert float(objective.value(found.terminal).sum()) == pytest.approx(found.value.upper, abs=1e-7)
        covered = mixed[(mixed[:, goal_support(process)] > 0).all(axis=1)]
        values = np.array([objective.value(rho).sum() for rho in covered])
        assert (values >= found.value.lower - 1e-9 * max(1.0, abs(found.value.lower))).all()


@pytest.mark.parametrize(
    "name", ["gym:FrozenLake-v1,map_name=4x4", "garnet:S=8,A=3,b=3,seed=2", "grid:3x3,slip=6/10"]
)
def test_a_loose_bracket_still_holds(name: str) -> None:
    """Stopped early, the linearisation must be a true bound: halving the Frank-Wolfe gap would exceed the
    minimum."""
    process = make(name).replaced(horizon=6)
    target = np.where(goal_support(process), np.arange(1.0, process.n_states + 1) ** 3, 0.0)
    objective = relative_entropy(target / target.sum())
    tight = minimise_over_terminal(process, objective)
    gaps = []
    for tolerance in (1.0, 0.1, 0.01):
        loose = minimise_over_terminal(process, objective, tolerance=tolerance)
        assert loose.value.lower <= tight.value.upper
        assert loose.value.upper >= tight.value.lower
        gaps.append(loose.value.upper - tight.value.lower)
    assert gaps == sorted(gaps, reverse=True)


@pytest.mark.parametrize("size", [1, 2, 64])
@pytest.mark.parametrize("exponent", [0, 10])
def test_the_allowances_of_a_minimum_without_a_choice(size: int, exponent: int) -> None:
    """Every state is its own end, of probability ``1/S`` and weight ``2^-k``: below, the rounding of the
    linearisation; above, the error of the terminal distribution and the rounding of the sum."""
    process = ControlledMarkovProcess.from_transitions(
        [(s, 0, s, 1) for s in range(size)],
        states=size,
        actions=1,
        initial={s: Fraction(1, size) for s in range(size)},
        horizon=1,
    )
    found = minimise_over_terminal(process, relative_entropy(np.full(size, 2.0**-exponent)))
    value = (exponent - math.log2(size)) * math.log(2)
    slack = relative_error(8 * size + 64) * (abs(value + 1) + abs(value))
    assert value - found.value.lower == pytest.approx(slack, rel=1e-2, abs=3 * math.ulp(value))
    (skill,) = found.skills
    error = skill.error.sum() + relative_error(1 + 4)
    above = abs(value + 1) * error + relative_error(size + 16) * abs(value)
    assert found.value.upper - value == pytest.approx(above, rel=1e-2, abs=3 * math.ulp(value))


@given(
    st.lists(st.integers(1, 40), min_size=3, max_size=3),
    st.lists(st.integers(1, 40), min_size=3, max_size=3),
    st.lists(st.fractions(0, 1, max_denominator=8), min_size=3, max_size=3),
    st.sampled_from([relative_entropy, inverse_sum]),
)
def test_the_error_of_what_a_policy_attains_is_added(
    first: list[int], second: list[int], shares: list[Fraction], objective: Any
) -> None:
    """Entries off by up to their error, in either direction, are no worse than the upper bound."""
    rho, target = np.array(first) / sum(first), np.array(second) / sum(second)
    error = rho * np.array(shares, dtype=float)
    problem = objective(target)
    halves = tuple(Skill(p, np.zeros(0), rho, error) for p in (0.25, 0.75))
    found = _certified(problem, -np.inf, halves)
    for signs in itertools.product((-1, 0, 1), repeat=3):
        moved = rho + np.array(signs) * error
        assert problem.value(moved).sum() <= found.value.upper + 1e-12
    at, exact = problem.value(rho).sum(), _certified(problem, 2.0, halves[1:]).value
    assert exact.lower == min(2.0, exact.upper)
    if not any(shares):
        assert found.value.upper == pytest.approx(at, abs=1e-12)
    np.testing.assert_allclose(found.terminal, rho, rtol=1e-15)


@pytest.mark.parametrize(("digits", "seed"), [(3, 27), (5, 2), (7, 4), (9, 0)])
def test_ends_that_do_not_sum_to_one_prove_nothing_too_much(digits: int, seed: int) -> None:
    """At a discount near one the ends of the only policy sum to one up to ``u / (1 - g)``; the linearisation
    at them, which takes them for a distribution, lay above the minimum."""
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 5))
    parts = generator.integers(1, 30, (size, size))
    process = ControlledMarkovProcess.from_transitions(
        [
            (s, 0, t, Fraction(int(parts[s, t]), int(parts[s].sum())))
            for s in range(size)
            for t in range(size)
        ],
        states=size,
        actions=1,
        initial=0,
        horizon=GeometricHorizon(1 - Fraction(1, 10**digits)),
    )
    exact = sum(1 / x for x in exact_terminal(process, np.full(size, Fraction(1))))
    found = minimise_over_terminal(process, inverse_sum(np.ones(size))).value
    assert exact * (1 - Fraction(1, 10**11)) < found.lower <= exact <= found.upper


def test_the_upper_bound_term_by_term(monkeypatch: pytest.MonkeyPatch) -> None:
    """``x ln(x / q)`` is steepest at the upper end where it rises and at the lower one where it falls; the
    mixture and the sum round, in an arithmetic of six digits."""
    monkeypatch.setattr(frank_wolfe, "relative_error", lambda roundings: roundings * 2.0**-20)
    rho, target, error = np.array([0.5, 0.5]), np.array([0.01, 0.99]), np.array([0.25, 0.375])
    skills = tuple(Skill(p, np.zeros(0), rho, error) for p in (0.25, 0.75))
    off = error + 0.5 * (2 + 4) * 2.0**-20
    slopes = np.log([(0.5 + off[0]) / 0.01 * math.e, 0.99 / math.e / (0.5 - off[1])])
    terms = 0.5 * np.log(0.5 / target)
    value = _certified(relative_entropy(target), -1.0, skills).value
    expected = terms.sum() + slopes @ off + (2 + 16) * 2.0**-20 * np.abs(terms).sum()
    assert value.upper == pytest.approx(expected, rel=1e-14)
    assert (value.lower, value.lower_from) == (-1.0, "linearisation, by value iteration")
    assert value.upper_from == "evaluation"


@pytest.mark.parametrize(
    ("scale", "gaps", "closes"),
    [(1.0, [0.6, 0.5], True), (1.0, [0.6, 0.7], False), (0.1, [0.3, 0.15], False), (0.1, [0.3, 0.09], True)],
)
def test_rounds_go_on_until_the_gap_is_closed(
    scale: float, gaps: list[float], closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gap is relative where the value exceeds one; what responses gain on the slope is what is left of
    it; the largest lower bound counts. Skills of the weights 1/2 and 1/2, and one of next to none."""
    process, asked = z_channel(), list[int]()
    objective, rows = inverse_sum(scale * np.ones(2)), np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]])
    value = scale * (4 / 3 + 4)  # at (3/4, 1/4), where the slope is -(16/9, 16)

    def corrected(given: np.ndarray, problem: Separable, weights: np.ndarray) -> np.ndarray:
        assert problem is objective
        assert given.tolist() == rows[: len(given)].tolist()
        asked.append(len(given))
        return np.array([0.5, 0.5 - 1e-14, 1e-14][: len(given)]) if len(given) > 2 else np.array([0.5, 0.5])

    def responded(given: ControlledMarkovProcess, rewards: np.ndarray, *, keep: bool) -> SimpleNamespace:
        assert (given is process, keep) == (True, True)
        assert rewards == pytest.approx(np.array([[0.0], [scale * 128 / 9]]), rel=1e-12, abs=1e-12)
        most = np.array([scale * 32 / 9 + gaps[len(asked) - 1]])
        choices = np.array([[[1], [2]]])
        return SimpleNamespace(optimum=SimpleNamespace(upper=most), terminal=rows[2:], choices=choices)

    monkeypatch.setattr(frank_wolfe, "MAX_ROUNDS", 2)
    monkeypatch.setattr(frank_wolfe, "minimise_over_hull", corrected)
    monkeypatch.setattr(frank_wolfe, "best_responses", responded)
    if closes:
        found = minimise_over_terminal(process, objective, tolerance=0.1)
        lower, upper = found.value.lower, found.value.upper
        assert [skill.probability for skill in found.skills] == pytest.approx([0.5, 0.5], abs=1e-13)
        assert [skill.terminal.tolist() for skill in found.skills] == rows[:2].tolist()
    else:
        with pytest.raises(
            ConvergenceError, match=r"^The gap of 0\.\d+ did not close to 0\.1 in 2 rounds"
        ) as caught:
            minimise_over_terminal(process, objective, tolerance=0.1)
        lower, upper = caught.value.lower, caught.value.upper
    assert lower == pytest.approx(value - min(gaps), abs=1e-11)
    assert upper == pytest.approx(value, abs=1e-11)
    assert asked == [2, 3]


@pytest.mark.parametrize("off", [9e-10, -9e-10])
@pytest.mark.parametrize("horizon", [FiniteHorizon(400), GeometricHorizon(Fraction(99, 100))])
def test_rows_of_floats_that_do_not_sum_to_one_are_taken_literally(off: float, horizon: Horizon) -> None:
    """One policy, so that the minimum is its value: by powers of the stored rows in rational arithmetic."""
    stored = [[0.9 + off, 0.1], [0.2, 0.8 + off]]
    rows = [(s, 0, t, p) for s, row in enumerate(stored) for t, p in enumerate(row)]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=2, actions=1, initial={0: 1}, horizon=horizon
    )
    matrix = flint.fmpq_mat([[flint.fmpq(*p.as_integer_ratio()) for p in row] for row in stored])
    if isinstance(horizon, FiniteHorizon):
        powers = matrix**horizon.steps
    else:
        gamma = flint.fmpq(99, 100)
        one = flint.fmpq_mat([[1, 0], [0, 1]])
        powers = (one - matrix * gamma).inv() * (1 - gamma)
    true = 3 / powers[0, 0] + 1 / powers[0, 1]
    found = minimise_over_terminal(process, inverse_sum(np.array([3.0, 1.0])), tolerance=1e-4).value
    assert flint.fmpq(*found.lower.as_integer_ratio()) <= true <= flint.fmpq(*found.upper.as_integer_ratio())


TINY = Fraction(1, 2**31)


@pytest.mark.parametrize(
    ("over", "under", "extra"), [(TINY, 0, TINY / 4), (0, TINY, -TINY / 4), (TINY, 0, 0)]
)
@pytest.mark.parametrize("horizon", [FiniteHorizon(3), GeometricHorizon(Fraction(7, 8))])
def test_how_far_the_sum_of_ends_may_be_from_one(
    over: Fraction, under: Fraction, extra: Fraction, horizon: Horizon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step multiplies by the largest sum of a row, or by the least one; then roundings of either."""
    half, start = Fraction(1, 2), 1 + extra
    rows = [(0, 0, 0, float(half + over)), (0, 0, 1, 0.5), (1, 0, 0, float(half - under)), (1, 0, 1, 0.5)]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=2, actions=1, initial={0: float(half + extra), 1: 0.5}, horizon=horizon
    )
    if isinstance(horizon, FiniteHorizon):
        stop, most, least = Fraction(1), (1 + over) ** 3, (1 - under) ** 3
    else:
        stop = 1 - horizon.gamma
        most, least = (stop / (1 - horizon.gamma * row) for row in (1 + over, 1 - under))
    monkeypatch.setattr(frank_wolfe, "row_mass", lambda process: (float(1 - under), float(1 + over)))
    astray, rounding = max(most * start - 1, 1 - least * start), relative_error(66) / float(stop)
    assert 0.8 * rounding <= float(Fraction(_astray(process)) - astray) <= 1.2 * rounding
    assert _astray(z_channel()) == 0


def test_ends_of_rows_that_gain_nearly_what_the_discount_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum of ends is ``(1 - g) / (1 - g (1 + x))``; what it is divided by is all but rounded away."""
    mass = 1.0 + 7e-10
    gain = Fraction(mass) - 1
    monkeypatch.setattr(frank_wolfe, "row_mass", lambda process: (1.0, mass))
    for rest in range(8, 60):
        stop = (gain + Fraction(rest, 10**16)) / Fraction(mass)
        process = ControlledMarkovProcess.from_transitions(
            [(0, 0, 0, mass)], states=1, actions=1, initial=0, horizon=GeometricHorizon(1 - stop)
        )
        most = stop / (1 - (1 - stop) * Fraction(mass)) - 1
        assert most <= Fraction(_astray(process)) <= 1.01 * float(most)


def test_ends_of_rows_that_gain_more_than_the_discount_takes_have_no_bound() -> None:
    rows = [(0, 0, 0, 1.0 + float(TINY))]
    for nines, bounded in ((9, True), (10, False)):
        horizon = GeometricHorizon(1 - Fraction(1, 10**nines))
        process = ControlledMarkovProcess.from_transitions(
            rows, states=1, actions=1, initial={0: 1}, horizon=horizon
        )
        assert math.isfinite(_astray(process)) is bounded
