"""The arithmetic of certified bounds against rational numbers: no result is inside the exact bound, ever."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from metaregret.tabular.bounds import UNIT_ROUNDOFF, Status, relative_error
from metaregret.tabular.engine import Objective, PlanningSolution, bound_kernels, finite, kernels, solve
from metaregret.tabular.engine.bound_kernels import macqueen
from metaregret.tabular.engine.certificate import ROUNDING, Certified, contraction, discounted_bounds, finish
from metaregret.tabular.engine.finite import _may_underflow, backward_induction
from metaregret.tabular.engine.layout import dense_rows
from metaregret.tabular.engine.problem import DATA_ROUNDINGS, Problem, backup_roundoff, read_problem
from metaregret.tabular.errors import ConvergenceError
from metaregret.tabular.process import ControlledMarkovProcess

U = Fraction(UNIT_ROUNDOFF)


def shift(excess: Fraction, low: Fraction, high: Fraction) -> Fraction:
    """``k c`` with ``c = excess / (1 - k)`` at the contraction ``k`` that makes it largest."""
    factor = high if excess >= 0 else low
    return factor * excess / (1 - factor)


@pytest.mark.parametrize(
    "contraction", [(0.0, 0.0), (0.3, 0.3), (0.7, 0.9), (0.5, 0.999), (0.999999, 1 - 2**-30)]
)
@pytest.mark.parametrize("roundoff", [0.0, 2.0**-50, 2.0**-20])
@pytest.mark.parametrize("unit", [UNIT_ROUNDOFF, 2.0**-30])
def test_macqueen_bounds_are_outside_the_exact_ones_and_near(
    contraction: tuple[float, float], roundoff: float, unit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Residuals of one sign and of both, values of every size: beyond the allowance of a backup are left 8
    roundings of all that is added, up to 8 of these sums themselves; as many as show if they are larger."""
    monkeypatch.setattr(bound_kernels, "UNIT_ROUNDOFF", unit)
    macqueen = getattr(bound_kernels.macqueen, "py_func", bound_kernels.macqueen)
    generator = np.random.default_rng(0)
    low, high = (Fraction(x) for x in contraction)
    for trial in range(60):
        size = int(generator.integers(1, 5))
        values = generator.normal(size=size) * 10.0 ** generator.integers(-3, 6)
        residual = (
            generator.normal(size=size) * 10.0 ** generator.integers(-9, 3) + (-1.0, 0.0, 1.0)[trial % 3]
        )
        least, greatest = float(residual.min()), float(residual.max())
        reward = float(generator.exponential() * 10.0 ** generator.integers(-3, 6))
        backed = [Fraction(v) + Fraction(r) for v, r in zip(values.tolist(), residual.tolist(), strict=True)]
        magnitude = max(abs(x) for x in backed) + max(abs(Fraction(least)), abs(Fraction(greatest)))
        slack = Fraction(roundoff) * (Fraction(reward) + magnitude)
        shifts = shift(Fraction(greatest) + slack, low, high), -shift(slack - Fraction(least), low, high)
        added = magnitude + max(map(abs, shifts))
        rise, fall = shifts[0] + slack, shifts[1] - slack
        lower, upper = values.copy(), residual.copy()
        macqueen(lower, upper, least, greatest, *contraction, roundoff, reward)
        left, rounded = 8 * Fraction(unit) * added, 8 * U * (added + slack)
        for below, middle, above in zip(lower.tolist(), backed, upper.tolist(), strict=True):
            assert max(0, left - rounded) <= Fraction(above) - middle - rise <= left + rounded
            assert max(0, left - rounded) <= middle + fall - Fraction(below) <= left + rounded


@pytest.mark.parametrize("high", [1.0, 1.5])
def test_no_contraction_no_bound(high: float) -> None:
    """A factor of one or more proves nothing above where the residual is positive, nothing below where it is
    negative."""
    lower, upper = np.array([1.0, 2.0]), np.array([0.5, -0.5])
    gap, _ = macqueen(lower, upper, -0.5, 0.5, 0.5, high, 0.0, 1.0)
    assert gap == np.inf
    assert list(lower) == [-np.inf, -np.inf]
    assert list(upper) == [np.inf, np.inf]


def test_a_residual_that_is_no_number_proves_nothing() -> None:
    lower, upper = np.array([1.0, np.nan, 2.0]), np.zeros(3)
    gap, _ = macqueen(lower, upper, 0.0, 0.0, 0.5, 0.5, 2.0**-50, 1.0)
    assert gap == np.inf
    assert not np.any(lower > 1.0)
    assert not np.any(upper < 2.0)


def resting(states: int) -> ControlledMarkovProcess:
    """Nothing happens: values stay what they are, to the last digit; what widens them is the allowance."""
    rows = [(state, 0, state, 1) for state in range(states)]
    return ControlledMarkovProcess.from_transitions(rows, states=states, actions=1, initial=0, horizon=1)


def mixing(states: int) -> ControlledMarkovProcess:
    """Every state leads to half of all, by a dense matrix: what is equal everywhere stays so."""
    half = 2 / states * (np.subtract.outer(np.arange(states), np.arange(states)) % states < states // 2)
    return ControlledMarkovProcess.from_dense(np.stack([half, half]), horizon=1)


def posed(process: ControlledMarkovProcess, **given: Any) -> Problem:
    """A planning problem as `solve` reads it."""
    usual: dict[str, Any] = {
        "rewards": None, "steps": None, "gamma": None, "terminal": None, "targets": None, "maximise": True,
        "tolerance": 1e-9, "max_iterations": 10**6,
    }  # fmt: skip
    objective = given.pop("objective", "finite")
    asked = usual | given
    return read_problem(process, asked.pop("rewards"), objective, **asked)


@pytest.mark.parametrize(("alone", "together"), [(3.0, 2.0), (2.0, 3.0), (2.0, 2.0)])
@pytest.mark.parametrize("large", [True, False])
def test_a_large_model_is_swept_with_threads_where_they_are_faster(
    large: bool, alone: float, together: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six sweeps are timed, the slowest of either kind not counted; two transitions are large enough here."""
    clock, taken = [0.0], list[bool]()

    def backup(*arguments: Any) -> None:
        taken.append(arguments[-1])
        clock[0] += (together if taken[-1] else alone) + 5 * (len(taken) <= 2)

    monkeypatch.setattr(kernels, "backup", backup)
    monkeypatch.setattr(finite, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(finite, "TRIED_WORK", 2 if large else 3)
    backward_induction(posed(resting(2), steps=9, terminal=np.ones(2)), keep_policy=False)
    assert taken == [large and (i % 2 == 1 if i < 6 else together < alone) for i in range(9)]


@pytest.mark.parametrize("reward", [0.0, 3.0, -3.0])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 3, 60])
def test_every_step_of_a_finite_horizon_adds_its_allowance(steps: int, dense: bool, reward: float) -> None:
    """``e_0 = 2 u |V|`` and ``e <- e + g(n + 10) (|r| + |V|)``; where nothing is negative also ``V (1 -+
    g)`` with the roundings of all steps, whichever is tighter."""
    process = mixing(32) if dense else resting(2)
    length = 32 if dense else 1
    each = relative_error(length + DATA_ROUNDINGS) * (1 + 1e-6)
    paid = np.full(process.n_choices, reward)
    for terminal in (np.full(32, -4.0) if dense else np.array([4.0, -1.0]), np.full(process.n_states, 4.0)):
        error, size = 8 * UNIT_ROUNDOFF, 4.0
        for step in range(1, steps + 1):
            error += each * (abs(reward) + size)
            size = float(np.abs(terminal + step * reward).max())
        right = terminal + steps * reward
        narrow = np.full(len(right), error)
        if terminal.min() >= 0 <= reward:
            narrow = np.minimum(error, right * relative_error((steps + 1) * (length + DATA_ROUNDINGS)))
        found = backward_induction(
            posed(process, rewards=paid, terminal=terminal, steps=steps), keep_policy=False
        )
        ulp = float(np.spacing(np.abs(right).max()))
        assert found.upper - right == pytest.approx(narrow, rel=1e-5, abs=ulp)
        assert right - found.lower == pytest.approx(narrow, rel=1e-5, abs=ulp)
        assert (found.iterations, found.limited_by, found.method) == (steps, ROUNDING, "backward-induction")
        assert found.detail == "backward induction with a rounding allowance"


@pytest.mark.parametrize("sign", [-1, 1])
def test_no_step_at_all_rounds_the_terminal_values(sign: int) -> None:
    """The nearest float is 1, and so was 1 plus half of an ulp."""
    value = sign * (1 + Fraction(99, 100) / 2**53)
    found = solve(resting(2), terminal=np.array([value, -value]), steps=0)
    for low, right, high in zip(found.lower.tolist(), (value, -value), found.upper.tolist(), strict=True):
        assert Fraction(low) <= right <= Fraction(high)
        assert high - low <= 2.0**-50


@pytest.mark.parametrize("seed", range(10))
def test_finite_horizons_against_rationals(seed: int) -> None:
    """Ragged rows and a dense matrix, with dyadic numbers: values, and the first best choices."""
    generator = np.random.default_rng(seed)
    states, parts, steps = (33, 256, 3) if seed % 5 == 0 else (int(generator.integers(2, 6)), 8, 4)
    rows: list[tuple[int, int, int, object]] = []
    for state in range(states):
        for action in range(int(generator.integers(1, 4))):
            shares = generator.multinomial(parts, np.full(states, 1 / states)).tolist()
            rows += [(state, action, to, Fraction(share, parts)) for to, share in enumerate(shares) if share]
    process = ControlledMarkovProcess.from_transitions(rows, states=states, actions=3, initial=0, horizon=1)
    assert (dense_rows(process) is not None) == (states == 33)
    sign = 1 if seed % 2 else -1
    paid, terminal = generator.integers(-4, 5, process.n_choices), generator.integers(-4, 5, states)
    if seed in (2, 3):
        paid, terminal = np.abs(paid), np.abs(terminal)
    question: dict[str, Any] = {"rewards": paid, "terminal": terminal, "steps": steps, "maximise": sign > 0}
    values, decisions = [sign * Fraction(int(value)) for value in terminal], []
    if seed == 4:
        question["terminal"], values = None, [Fraction(0)] * states
    for _ in range(steps):
        worth = [
            sign * int(paid[choice])
            + sum(
                process.exact_probabilities[m] * values[process.successors[m]]
                for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
            )
            for choice in range(process.n_choices)
        ]
        best = [max(process.choices(state), key=worth.__getitem__) for state in range(states)]
        values = [worth[choice] for choice in best]
        decisions.insert(0, best)
    for keep in (True, False):
        found = backward_induction(posed(process, **question), keep_policy=keep)
        for low, value, high in zip(found.lower.tolist(), values, found.upper.tolist(), strict=True):
            assert Fraction(low) <= value <= Fraction(high)
            assert high - low < 1e-12
        if keep:
            assert found.policy is not None
            assert found.policy.tolist() == decisions
            assert found.policy.dtype == np.int32
        else:
            assert found.policy is None


@pytest.mark.parametrize(("chance", "steps"), [(Fraction(1, 1024), 99), (Fraction(1, 1024), 120)])
def test_products_that_underflow_are_bounded_from_below_by_zero(chance: Fraction, steps: int) -> None:
    """``2^-990`` has its digits in floating point; ``2^-1200`` is zero there, and the bound above is not."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, chance), (0, 0, 1, 1 - chance), (1, 0, 1, 1)],
        states=2, actions=1, initial=0, horizon=1,
    )  # fmt: skip
    found = solve(process, steps=steps, terminal=np.array([1.0, 0.0]), tolerance=1e-9)
    assert 0 <= Fraction(found.lower[0]) <= chance**steps <= Fraction(found.upper[0])
    assert found.upper[0] <= 1e-290
    if steps == 99:
        assert found.upper[0] - found.lower[0] <= 1e-12 * 2.0**-990


@pytest.mark.parametrize(
    ("chance", "steps", "terminal", "reward", "underflows"),
    [
        (Fraction(1, 1024), 99, 1.0, 0.0, False),
        (Fraction(1, 1024), 100, 1.0, 0.0, True),
        (Fraction(1, 1024), 99, 2.0**-10, 0.0, True),
        (Fraction(1, 1024), 99, 1.0, 2.0**-10, True),
        (Fraction(1, 1024), 99, 8.0, -16.0, False),
        (Fraction(1, 1024), 100, 8.0, -16.0, True),
        (Fraction(1), 5, 2.0**-996, 0.0, False),
        (Fraction(1), 5, 2.0**-997, 0.0, True),
        (Fraction(1, 2**997), 1, 0.0, 0.0, True),
    ],
)
def test_a_finite_path_may_underflow(
    chance: Fraction, steps: int, terminal: float, reward: float, underflows: bool
) -> None:
    """The least probability to the power of the steps, times what is least paid: below 1e-300 (2^-996.6)?"""
    rows = [(0, 0, 0, chance), (1, 0, 1, 1), *([(0, 0, 1, 1 - chance)] if chance < 1 else [])]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=1, initial=0, horizon=1)
    paid, end = np.array([reward, 0.0]), np.array([0.0, -terminal])
    assert _may_underflow(posed(process, steps=steps, rewards=paid, terminal=end)) is underflows


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_a_random_start_widens_by_the_rounding_of_its_sum(size: int) -> None:
    """Sums of dyadic numbers are exact: ``g(n + 4) sum p |V|`` is left, outward; none for a sure start."""
    exact = tuple(Fraction(int(state < size), size) for state in range(8))
    process = replace(resting(8), initial=np.array(exact, dtype=float), exact_initial=exact)
    lower, upper = np.array([1.0, -3, 2, -5, 7, -1, 4, -8]), np.array([2.0, -2, 4, -4, 7, -1, 6, 8])
    value = PlanningSolution(
        process, Objective.DISCOUNTED, lower, upper, None, "m", 1, Status.CERTIFIED, None, "why"
    ).value
    slack = relative_error(size + 4) if size > 1 else 0.0
    for found, bounds, outward in ((value.lower, lower, -1), (value.upper, upper, 1)):
        middle, around = bounds[:size].mean(), slack * np.abs(bounds[:size]).mean()
        assert outward * (found - middle) == pytest.approx(around, rel=0, abs=np.spacing(abs(middle)))
    assert (value.exact, value.lower_from, value.upper_from) == (None, "why", "why")


def limited() -> Certified:
    """A gap of 2 at a scale of 6, and a state without a value."""
    return Certified.of(
        np.array([1.0, -8.0, -np.inf]), np.array([1.5, -6.0, np.inf]), np.arange(3), "m", 7, "d", ROUNDING,
        without=np.array([False, False, True]),
    )  # fmt: skip


def test_gaps_leave_out_states_without_a_value() -> None:
    found = limited()
    assert (found.gap, found.scale) == (2.0, 6.0)
    assert (found.method, found.iterations, found.detail) == ("m", 7, "d")
    assert found.policy is not None
    assert list(found.policy) == [0, 1, 2]
    assert found.limited_by == "rounding"
    everywhere = Certified.of(found.lower, found.upper, None, "m", 7, "d")
    assert (everywhere.gap, everywhere.limited_by) == (np.inf, "max_iterations")


@pytest.mark.parametrize("maximise", [True, False])
@pytest.mark.parametrize("tolerance", [1 / 3, 0.33])
def test_what_is_certified_is_as_narrow_as_asked(maximise: bool, tolerance: float) -> None:
    """A gap of 2 at a scale of 6, exactly the tolerance or a little more; signs are restored."""
    problem = posed(
        resting(3),
        rewards=np.zeros(3),
        objective="discounted",
        gamma=0.5,
        maximise=maximise,
        tolerance=tolerance,
    )
    found = limited()._replace(lower=np.array([1.0, -8.0, 0.0]), upper=np.array([1.5, -6.0, 0.0]))
    assert found.is_narrow(problem) == (tolerance == 1 / 3)
    if found.is_narrow(problem):
        solution = finish(problem, found)
        assert list(solution.lower) == ([1, -8, 0] if maximise else [-1.5, 6, 0])
        assert list(solution.upper) == ([1.5, -6, 0] if maximise else [-1, 8, 0])
        assert not solution.lower.flags.writeable
        assert not solution.upper.flags.writeable
        assert solution.objective is Objective.DISCOUNTED
        assert solution.policy is found.policy
        assert not np.signbit([solution.lower[2], solution.upper[2]]).any()
        assert (solution.method, solution.iterations, solution.detail) == ("m", 7, "d")
        assert solution.status is Status.CERTIFIED
        assert solution.exact is None
        return
    with pytest.raises(ConvergenceError, match="m stopped by rounding after 7 iterations") as caught:
        finish(problem, found)
    low, high = (1.0, 1.5) if maximise else (-1.5, -1.0)
    assert (caught.value.lower, caught.value.upper) == (low, high)


def test_a_contraction_is_bounded_by_the_neighbours_of_the_discount() -> None:
    """Rows of floating-point numbers whose sums are not one: ``gamma`` times the least and the greatest."""
    rows = np.array([[[0.1, 0.9 - 4e-10], [0.3, 0.7 + 4e-10]]])
    process = ControlledMarkovProcess.from_dense(rows, horizon=1)
    problem = posed(process, rewards=np.zeros(2), objective="discounted", gamma="9/10")
    low, high = contraction(problem)
    sums = [sum(Fraction(p) for p in row) for row in process.dense()[0].tolist()]
    assert Fraction(low) <= Fraction(9, 10) * min(sums)
    assert Fraction(high) >= Fraction(9, 10) * max(sums)
    assert (low, high) == pytest.approx((0.9 * float(min(sums)), 0.9 * float(max(sums))), rel=1e-14, abs=0)
    for least, greatest in ((-0.5, -0.25), (0.25, 0.5)):
        both = [np.array([[1.0, 2.0], [least, greatest]]) for _ in range(2)]
        found = discounted_bounds(problem, *both[0], least, greatest, 7)
        assert found == macqueen(*both[1], least, greatest, low, high, backup_roundoff(7), 0.0)
        assert both[0].tolist() == both[1].tolist()
