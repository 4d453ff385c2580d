"""What capacities and redundancies make of what a method or a solver says, from stubs of all of these."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest
import scipy.sparse

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError, SolverError
from metaregret.theory.information import as_order, capacity, channel_capacity, channel_redundancy, redundancy
from metaregret.theory.information.capacity import CapacityMethod
from metaregret.theory.information.certificate import Evaluation, evaluate
from metaregret.theory.information.channel import Channel, Vector, as_channel
from metaregret.theory.information.orders import Order
from metaregret.theory.information.redundancy import Tangent, _evaluated, tangent

CHANNEL = as_channel([[0.75, 0.25, 0.0], [0.25, 0.75, 0.0]])
"""Symmetric: the even distribution is the best; an output that is never met."""

EVEN, ODD = np.array([0.5, 0.5]), np.array([0.625, 0.375])
GAPS = {name: evaluate(CHANNEL, p).gap for name, p in (("even", EVEN), ("odd", ODD))}
"""What is left open at either point, in nats: next to nothing, and about a ninth."""

WORDS: dict[str, CapacityMethod] = {
    "interior_point_steps": "interior-point",
    "accelerated_steps": "accelerated",
    "blahut_arimoto_steps": "blahut-arimoto",
}
Answer = tuple[Vector, int]


class Methods:
    """Stubs of the methods: each gives its next answer, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[Answer]) -> None:
        self.asked: list[tuple[str, list[float], float, int]] = []
        self.polished: list[Evaluation] = []
        for name in (*WORDS, "working_set_steps"):
            monkeypatch.setattr(capacity, name, self._stub(name, iter(answers.get(name, []))))
        monkeypatch.setattr(capacity, "polished", self._polish)

    def _stub(self, name: str, answers: Any) -> Callable[..., tuple[Evaluation, int]]:
        def steps(
            channel: Channel, start: Evaluation, tolerance: float, limit: int
        ) -> tuple[Evaluation, int]:
            assert channel is CHANNEL
            self.asked.append((name, start.inputs.tolist(), tolerance, limit))
            inputs, used = next(answers)
            return evaluate(channel, inputs), used

        return steps

    def _polish(self, channel: Channel, point: Evaluation) -> Evaluation:
        assert channel is CHANNEL
        self.polished.append(point)
        return point


def assert_evaluated(found: capacity.ChannelCapacity, inputs: Vector) -> None:
    """The distributions, and the bounds that they prove, whatever the weights were."""
    point = evaluate(CHANNEL, inputs)
    assert found.input_distribution.tolist() == inputs.tolist()
    assert found.output_distribution.tolist() == [*point.outputs.tolist(), 0.0]
    assert (found.capacity.lower, found.capacity.upper) == (point.lower, point.upper)


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("initial", [None, [0.75, 0.25], [1.0]])
def test_a_method_begins_where_it_is_told(
    name: str, initial: list[float] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Multiplicative steps never move a zero, so that they begin beside it; weights are normalised; the
    interior-point method's answer alone is polished."""
    methods = Methods(monkeypatch, **{name: [(4 * EVEN, 7)]})
    found = channel_capacity(CHANNEL, tolerance=0.5, max_iterations=9, method=WORDS[name], initial=initial)
    start = {0: [0.5, 0.5], 1: [1.0, 0.0], 2: [0.75, 0.25]}[len(initial or [])]
    if initial == [1.0] and name != "interior_point_steps":
        start = [1 - 1e-6 + 0.5e-6, 0.5e-6]
    assert len(methods.asked) == 1
    assert methods.asked[0][::2] == (name, 0.5)
    assert methods.asked[0][1] == pytest.approx(start, rel=1e-15)
    assert methods.asked[0][3] == 9
    assert_evaluated(found, EVEN)
    assert (found.iterations, found.method) == (7, WORDS[name])
    assert len(methods.polished) == (name == "interior_point_steps")


AUTOMATIC: list[tuple[dict[str, list[Answer]], bool, list[tuple[str, list[float], int]], int, str]] = [
    (
        {"accelerated_steps": [(EVEN, 3)]},
        False,
        [("accelerated_steps", [0.5, 0.5], 20)],
        3,
        "accelerated",
    ),
    (
        {"accelerated_steps": [(ODD, 20)], "working_set_steps": [(EVEN, 4)]},
        False,
        [("accelerated_steps", [0.5, 0.5], 20), ("working_set_steps", [0.625, 0.375], 10)],
        24,
        "interior-point",
    ),
    (
        {"accelerated_steps": [(ODD, 20), (EVEN, 5)], "working_set_steps": [(ODD, 4)]},
        False,
        [
            ("accelerated_steps", [0.5, 0.5], 20),
            ("working_set_steps", [0.625, 0.375], 10),
            ("accelerated_steps", [0.625, 0.375], 6),
        ],
        29,
        "accelerated",
    ),
    (
        {"accelerated_steps": [(EVEN, 5)], "working_set_steps": [(np.array([1.0, 0.0]), 4)]},
        True,
        [("working_set_steps", [0.75, 0.25], 30), ("accelerated_steps", [1 - 0.5e-6, 0.5e-6], 26)],
        9,
        "accelerated",
    ),
    ({}, True, [], 0, "accelerated"),
]


@pytest.mark.parametrize(("answers", "warm", "asked", "iterations", "method"), AUTOMATIC)
def test_what_is_tried_until_the_gap_is_closed(
    answers: dict[str, list[Answer]],
    warm: bool,
    asked: list[tuple[str, list[float], int]],
    iterations: int,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some multiplicative steps unless the start is warm, the interior-point method, then what moves."""
    methods, tolerance = Methods(monkeypatch, **answers), GAPS["even"]
    initial = None if not warm else [0.75, 0.25] if asked else EVEN
    found = channel_capacity(CHANNEL, tolerance=tolerance, max_iterations=30, initial=initial)
    assert [(name, limit) for name, _, _, limit in methods.asked] == [(name, most) for name, _, most in asked]
    for (_, start, given, _), (_, expected, _) in zip(methods.asked, asked, strict=True):
        assert start == pytest.approx(expected, rel=1e-15)
        assert given == tolerance
    assert_evaluated(found, EVEN)
    assert (found.iterations, found.method) == (iterations, method)
    assert [point.inputs.tolist() for point in methods.polished] == [[0.5, 0.5]]


@pytest.mark.parametrize("first", ["working", "accelerated", "limit"])
def test_the_better_of_two_points_counts_where_none_is_good(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the error that has the bounds, the number of steps and what no step can mend; and nothing is
    polished."""
    worse = np.array([0.75, 0.25])
    answers: dict[str, list[Answer]] = {
        "working_set_steps": [(worse if first == "accelerated" else ODD, 4)],
        "accelerated_steps": [(ODD if first == "accelerated" else worse, 2)],
    }
    methods, limit = Methods(monkeypatch, **answers), 4 if first == "limit" else 7
    with pytest.raises(ConvergenceError) as caught:
        channel_capacity(CHANNEL, tolerance=0.01, max_iterations=limit, initial=[0.9, 0.1])
    point = evaluate(CHANNEL, ODD)
    assert (caught.value.lower, caught.value.upper) == (point.lower, point.upper)
    steps = 4 if first == "limit" else 6
    assert str(caught.value) == (
        f"Expected a capacity bracket of 0.01 nats, but got [{point.lower!r}, {point.upper!r}], gap "
        f"{point.gap:.3g}, of which {point.gap - point.raw_gap:.3g} is the rounding allowance, after {steps} "
        "iterations; raise max_iterations, use method='auto', or ask for a tolerance above the allowance."
    )
    assert len(methods.asked) == (1 if first == "limit" else 2)
    assert methods.polished == []


def test_a_polished_point_is_no_better_than_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the polish returns is what is bounded, and refused where it is worse."""
    Methods(monkeypatch, interior_point_steps=[(EVEN, 1)] * 2)
    monkeypatch.setattr(capacity, "polished", lambda channel, _: evaluate(channel, ODD))
    options: dict[str, Any] = {"method": "interior-point"}
    assert_evaluated(channel_capacity(CHANNEL, tolerance=GAPS["odd"], **options), ODD)
    with pytest.raises(ConvergenceError):
        channel_capacity(CHANNEL, tolerance=0.99 * GAPS["odd"], **options)


def test_rounding_of_a_point_whose_bounds_are_its_allowance_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    Methods(monkeypatch, accelerated_steps=[(EVEN, 1)])
    with pytest.raises(ConvergenceError, match="rounding allowance") as caught:
        channel_capacity(CHANNEL, tolerance=GAPS["even"] / 2, method="accelerated")
    raw = max(0.0, evaluate(CHANNEL, EVEN).raw_gap)
    assert f"of which {GAPS['even'] - raw:.3g} is the" in str(caught.value)


@pytest.mark.parametrize(("information", "rounding"), [(0.5, "0.5"), (2.0, "1"), (-1.0, "0")])
def test_the_rounding_is_what_the_gap_has_above_the_computed_one(information: float, rounding: str) -> None:
    """Never less than nothing, never more than the gap."""
    point = Evaluation(EVEN, EVEN, np.array([1.0, 0.5]), information, 0.25, 1.25)
    assert f", gap 1, of which {rounding} is" in str(capacity._not_converged(point, 3, 0.125))


def test_what_is_no_channel_no_number_of_steps_and_no_start_is_refused() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"method": "simplex"}, "Expected method to be one of 'auto', 'interior-point', 'accelerated', 'bl"),
        ({"tolerance": math.inf}, "Expected a tolerance > 0, but got tolerance=inf; 1e-9 is usual."),
        ({"max_iterations": -1}, "Expected max_iterations to be at least 0, but got -1."),
        ({"initial": [0.5, 0.25, 0.25]}, "Expected initial to have at most 2 entries, one for each input, "),
        ({"initial": [0.5, 0.25]}, "Expected initial to sum to 1"),
    ]
    for options, words in cases:
        with pytest.raises(InvalidArgumentError) as caught:
            channel_capacity(CHANNEL, **options)
        assert str(caught.value).startswith(words)
    with pytest.raises(InvalidArgumentError, match="Expected every channel row to sum to 1"):
        channel_capacity(np.ones((2, 2)))


def test_a_capacity_of_no_steps_and_the_usual_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """1e-9 nats, 10,000 steps, of which 20 are the first; none are enough for a start that is the optimum."""
    assert channel_capacity(CHANNEL, max_iterations=0).iterations == 0
    methods = Methods(monkeypatch, accelerated_steps=[(ODD, 5)], working_set_steps=[(EVEN, 0)])
    channel_capacity(CHANNEL)
    assert [(tolerance, limit) for _, _, tolerance, limit in methods.asked] == [(1e-9, 20), (1e-9, 9995)]


def test_weights_within_the_accepted_error_start_from_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    methods = Methods(monkeypatch, interior_point_steps=[(EVEN, 0)])
    channel_capacity(CHANNEL, initial=(1 + 8e-10) * ODD, method="interior-point")
    assert methods.asked[0][1] == pytest.approx(ODD, rel=1e-15)


# Redundancies


@pytest.mark.parametrize("name", ["1", "2", "inf"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("lowers", "uppers"), [((0.1, 0.3), (0.6, 0.9)), ((0.0, 0.75), (0.5, 0.8))])
def test_a_redundancy_is_the_least_above_and_the_largest_below(
    name: str,
    sparse: bool,
    lowers: tuple[float, float],
    uppers: tuple[float, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the candidate that is least above and of the one that is largest below; where these cross, the one
    above gives way. Rows are divided by their sums; an output without mass stays so."""
    rows, order = (1 + 4e-10) * np.array([[0.5, 0.0, 0.5], [0.25, 0.0, 0.75]]), as_order(name)
    low = redundancy._Candidate(lowers[0], uppers[0], np.array([0.25, 0.75]), np.array([1.0, 2.0]))
    high = redundancy._Candidate(lowers[1], uppers[1], np.array([0.5, 0.5]), np.array([3.0, 4.0]))

    def solved(given: object, shares: Vector, tolerance: float, known: object) -> tuple[object, object]:
        assert (str(given), known) == (name, None)
        assert isinstance(shares, np.ndarray)
        np.testing.assert_allclose(shares, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-15)
        assert tolerance == 0.125
        return low, high

    monkeypatch.setattr(redundancy, "_solved", solved)
    given = scipy.sparse.csr_array(rows) if sparse else rows
    found = channel_redundancy(given, order, tolerance=0.125, method="program")
    assert found.order is order
    assert found.value == Bracket(
        max(lowers) if max(lowers) < 0.7 else 0.75,
        max(uppers[0], lowers[1]),
        lower_from="tangent at the multipliers of the rows",
        upper_from="largest divergence of a row from the returned mixture",
    )
    assert found.mixture is low.mixture
    assert found.reference == pytest.approx([0.3125, 0.0, 0.6875], rel=1e-14)
    assert found.weights.tolist() == ([3.0, 0.0, 4.0] if name == "inf" else [3.0, 4.0])


@pytest.mark.parametrize("passes", [0, 1])
def test_where_solvers_fail_what_is_known_is_the_answer(passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The free reference where the first pass fails, that of the first pass where the second does; with
    neither the failure is one."""
    rows, left, honest = (
        np.array([[0.9, 0.1], [0.1, 0.9], [0.45, 0.55]]),
        [passes],
        redundancy.solve_certified,
    )

    def failing(*given: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise SolverError("none")
        return honest(*given, **options)

    monkeypatch.setattr(redundancy, "solve_certified", failing)
    one = redundancy._Candidate(0.01, 0.9, np.ones(3) / 3, np.ones(3) / 3)
    low, high = redundancy._solved(as_order(2), rows, 1e-15, (one, one))
    assert (low is one, high is one) == (passes == 0, passes == 0)
    left[0] = 0
    with pytest.raises(SolverError):
        redundancy._solved(as_order(2), rows, 1e-15, None)


def test_order_one_is_solved_as_a_channel_unless_it_is_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact, asked = channel_capacity(CHANNEL), list[float]()

    def as_capacity(channel: Channel, *, tolerance: float) -> capacity.ChannelCapacity:
        assert channel is CHANNEL
        asked.append(tolerance)
        return exact

    def as_program(order: Order, rows: Vector, tolerance: float, known: object) -> object:
        if known is not None:
            return known
        asked.append(-tolerance)
        one = redundancy._Candidate(0.0, 1.0, np.array([0.5, 0.5]), np.array([0.5, 0.5]))
        return one, one

    monkeypatch.setattr(redundancy, "channel_capacity", as_capacity)
    monkeypatch.setattr(redundancy, "_solved", as_program)
    found = channel_redundancy(CHANNEL, tolerance=0.25)
    assert (found.value, str(found.order)) == (exact.capacity, "1")
    assert found.mixture is found.weights is exact.input_distribution
    assert found.reference is exact.output_distribution
    channel_redundancy(CHANNEL)
    channel_redundancy(CHANNEL, method="program")
    channel_redundancy(CHANNEL, 2, tolerance=2.0, method="program")
    assert asked == [0.25, 1e-7, -1e-7, -2.0]
    assert channel_redundancy(CHANNEL, 2).value.gap <= 1e-11
    assert asked == [0.25, 1e-7, -1e-7, -2.0]
    with pytest.raises(InvalidArgumentError, match="Expected method to be one of 'auto', 'program'"):
        channel_redundancy(CHANNEL, method=cast("Any", "simplex"))
    with pytest.raises(InvalidArgumentError, match=r"Expected a tolerance > 0, but got tolerance=0\.0"):
        channel_redundancy(CHANNEL, tolerance=0.0)
    with pytest.raises(InvalidArgumentError, match="Expected order to be 1"):
        channel_redundancy(CHANNEL, 0)


def test_where_nothing_is_gained_or_nothing_bounds_it_the_bound_is_zero() -> None:
    for level, best in ((0.0, 1.0), (1.0, 0.0), (0.0, 0.0), (math.nan, 1.0), (1.0, math.nan)):
        assert Tangent(as_order(2), np.ones(2), level, 3.0).bound(best) == 0.0


def test_multipliers_that_a_solver_meant_to_be_zero_are_zero() -> None:
    """A share of 1e-13 is the limit, whatever the unit."""
    weights = 1e4 * np.array([1.0, 1e-14, 1e-12])
    found = _evaluated(as_order(2), np.eye(3), np.full(3, 1 / 3), weights)
    assert found.weights.tolist() == [weights[0], 0.0, weights[2]]


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_a_tangent_in_fractions(order: int, seed: int) -> None:
    """``c = sum_i w_i row_i^a``: the slope is ``c q^-a``, the level ``sum c q^(1-a)``, in one unit; a state
    that no weighted row has, one that the reference misses and a row without weight do not count."""
    generator = np.random.default_rng(seed)
    parts = generator.integers(0, 5, (4, 5))
    parts[:, 0] += 1
    parts[:3, 4] = 0
    rows, weights = parts / 16, np.array([*generator.integers(1, 5, 3), 0]) / 2
    reference = np.array([*generator.integers(1, 5, 3), 0, 3]) / 8
    found = tangent(as_order(order), rows, weights, reference)
    share = [Fraction(w) / Fraction(sum(weights)) for w in weights]
    slopes = [
        sum(
            (w * (Fraction(x) / Fraction(q)) ** order for w, x in zip(share, column, strict=True)),
            Fraction(0),
        )
        if q
        else Fraction(0)
        for column, q in zip(rows.T, reference, strict=True)
    ]
    assert math.exp(found.log_scale) == pytest.approx(float(max(slopes)), rel=1e-14)
    assert found.reward == pytest.approx([float(x / max(slopes)) for x in slopes], rel=1e-13, abs=0)
    level = sum(x * Fraction(q) for x, q in zip(slopes, reference, strict=True)) / max(slopes)
    assert found.level == pytest.approx(float(level), rel=1e-13)
    assert str(found.order) == str(order)


def test_a_tangent_of_rare_states() -> None:
    """Powers far beyond the range of floating point are one power times numbers within it."""
    rows, reference = np.array([[1e-200, 1.0], [1e-250, 1.0]]), np.array([1e-220, 1.0])
    found = tangent(as_order(4), rows, np.array([1.0, 3.0]), reference)
    assert found.log_scale == pytest.approx(80 * math.log(10) - math.log(4), rel=1e-14)
    assert found.reward == pytest.approx([1.0, 4e-80], rel=1e-11)
    assert found.level == pytest.approx(4e-80, rel=1e-11)
