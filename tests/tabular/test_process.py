"""Construction: what is exact, what is refused, and by which words; labels and rational numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, InvalidProcessError, NotExactError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.strategies import (
    controllable_processes,
    deterministic_processes,
    processes,
    stochastic_processes,
)

Build = Callable[[], ControlledMarkovProcess]
TWO = np.array([[[0.5, 0.5], [0.0, 1.0]]])


@given(process=processes(max_states=4))
def test_dense_and_sparse_construction_agree(process: ControlledMarkovProcess) -> None:
    dense = process.dense()
    available = dense.sum(axis=2) > 0
    from_dense = ControlledMarkovProcess.from_dense(
        dense, initial=process.initial, horizon=process.horizon, available=available
    )
    from_sparse = ControlledMarkovProcess.from_sparse(
        [sp.csr_array(matrix) for matrix in dense], initial=process.initial, horizon=process.horizon
    )
    for other in (from_dense, from_sparse):
        assert (other.matrix != process.matrix).nnz == 0
        assert np.array_equal(other.choice_action, process.choice_action)
        assert np.array_equal(other.choice_offsets, process.choice_offsets)


@given(process=processes(max_states=5))
def test_generated_processes_are_exact_and_canonical(process: ControlledMarkovProcess) -> None:
    assert process.is_exact
    sums = [Fraction(0)] * process.n_choices
    for m, c in enumerate(process.transition_choice):
        sums[c] += process.exact_probabilities[m]
    assert all(total == 1 for total in sums)
    assert not process.probabilities.flags.writeable


@given(process=stochastic_processes())
def test_stochastic_processes_are_stochastic(process: ControlledMarkovProcess) -> None:
    assert not process.is_deterministic


@given(process=deterministic_processes())
def test_deterministic_processes_are_deterministic(process: ControlledMarkovProcess) -> None:
    assert process.is_deterministic
    assert np.count_nonzero(process.initial) == 1


@given(process=controllable_processes())
def test_controllable_processes_reach_every_state_surely(process: ControlledMarkovProcess) -> None:
    from metaregret.tabular.goals import goal_values

    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    assert exact.tolist() == [1] * process.n_states


REFUSED: list[tuple[str, Build, str]] = [
    ("NaN", lambda: ControlledMarkovProcess.from_dense(TWO * np.nan, horizon=1), "nan"),
    (
        "negative",
        lambda: ControlledMarkovProcess.from_dense(np.array([[[1.5, -0.5], [0, 1]]]), horizon=1),
        "-0.5",
    ),
    ("row sum", lambda: ControlledMarkovProcess.from_dense(TWO * 0.9, horizon=1), "0.9"),
    ("zero row", lambda: ControlledMarkovProcess.from_dense(TWO * 0, horizon=1), "unavailable"),
    ("shape", lambda: ControlledMarkovProcess.from_dense(np.ones((2, 3)), horizon=1), r"\(A, S, S\)"),
    ("not square", lambda: ControlledMarkovProcess.from_dense(np.ones((1, 2, 3)), horizon=1), r"\(A, S, S\)"),
    ("complex", lambda: ControlledMarkovProcess.from_dense(TWO * 1j, horizon=1), "complex"),
    ("text", lambda: ControlledMarkovProcess.from_dense(np.array([[["a"]]]), horizon=1), "dtype"),
    (
        "no actions",
        lambda: ControlledMarkovProcess.from_dense(np.ones((0, 2, 2)), horizon=1),
        "at least one action",
    ),
    (
        "initial list",
        lambda: ControlledMarkovProcess.from_dense(TWO, initial=cast("Any", [0.5, 0.5]), horizon=1),
        r"mapping from states to probabilities, or an array of shape \(2,\), but got \[0.5, 0.5\]",
    ),
    (
        "initial shape",
        lambda: ControlledMarkovProcess.from_dense(TWO, initial=np.array([1.0]), horizon=1),
        r"\(2,\)",
    ),
    ("initial index", lambda: ControlledMarkovProcess.from_dense(TWO, initial=2, horizon=1), "out of range"),
    (
        "initial minus one",
        lambda: ControlledMarkovProcess.from_dense(TWO, initial=-1, horizon=1),
        "out of range",
    ),
    (
        "initial sum",
        lambda: ControlledMarkovProcess.from_dense(TWO, initial=np.array([0.5, 0.4]), horizon=1),
        "0.9",
    ),
    (
        "initial NaN",
        lambda: ControlledMarkovProcess.from_dense(TWO, initial=np.array([np.nan, 1]), horizon=1),
        "nan",
    ),
    (
        "state names",
        lambda: ControlledMarkovProcess.from_dense(TWO, horizon=1, states=["a"]),
        "2 names of states",
    ),
    (
        "available shape",
        lambda: ControlledMarkovProcess.from_dense(TWO, horizon=1, available=np.ones(2)),
        "available",
    ),
    ("no matrix", lambda: ControlledMarkovProcess.from_sparse([], horizon=1), "at least one"),
    (
        "sparse shapes",
        lambda: ControlledMarkovProcess.from_sparse([sp.eye_array(2), sp.eye_array(3)], horizon=1),
        "matrix 1",
    ),
    ("horizon", lambda: make("line:2").replaced(horizon=0), "horizon >= 1"),
    ("huge horizon", lambda: make("line:2").replaced(horizon=10**7), "horizon <= 1000000"),
    ("fractional horizon", lambda: make("line:2").replaced(horizon=2.5), "whole number"),
    (
        "repeated",
        lambda: ControlledMarkovProcess.from_transitions(
            [(0, 0, 0, 1), (0, 0, 0, 0)], states=1, actions=1, initial=0, horizon=1
        ),
        "transition 1 repeats",
    ),
    (
        "out of range",
        lambda: ControlledMarkovProcess.from_transitions(
            [(0, 0, 1, 1)], states=1, actions=1, initial=0, horizon=1
        ),
        "successor index 1",
    ),
]

COUNTS: list[tuple[str, Any, Any, int, str]] = [
    ("negative weight", [[0, 0, 0], [0, 0, 1], [1, 0, 1]], [3, -2, 3], 3, r"numerators\[1\] = -2"),
    ("large weight", [[0, 0, 0], [1, 0, 1]], [4, 3], 3, r"numerators\[0\] = 4"),
    ("row sum", [[0, 0, 0], [1, 0, 1]], [2, 3], 3, "0.666"),
    ("negative index", [[0, 0, -1], [1, 0, 1]], [1, 1], 1, r"keys\[0\] = \[0, 0, -1\]"),
    ("large action", [[0, 1, 0], [1, 0, 1]], [1, 1], 1, r"keys\[0\]"),
    ("zero denominator", [[0, 0, 0], [1, 0, 1]], [1, 1], 0, "positive denominator"),
    ("no rows", np.zeros((0, 3), dtype=int), [], 1, r"\(M, 3\)"),
    ("shapes", [[0, 0, 0]], [1, 1], 1, r"\(M, 3\)"),
]


@pytest.mark.parametrize(("build", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_malformed_arguments_are_refused(build: Build, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        build()


@pytest.mark.parametrize(
    ("keys", "weights", "denominator", "words"), [c[1:] for c in COUNTS], ids=[c[0] for c in COUNTS]
)
def test_malformed_counts_are_refused(keys: Any, weights: Any, denominator: int, words: str) -> None:
    with pytest.raises(InvalidProcessError, match=words):
        ControlledMarkovProcess.from_counts(
            np.array(keys), np.array(weights, dtype=np.int64), denominator, states=2, actions=1, horizon=1
        )


@pytest.mark.parametrize("denominator", [2**30, 2**31, 2**40, 2**61, 10**30])
def test_long_denominators_of_counts(denominator: int) -> None:
    """Weights whose sums leave 64 bits are handled as rationals, not wrapped round."""
    weights = np.array([denominator // 3, denominator - denominator // 3 - 1, 1, denominator], dtype=object)
    keys = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 1], [1, 0, 1]])
    process = ControlledMarkovProcess.from_counts(keys, weights, denominator, states=2, actions=1, horizon=1)
    first = Fraction(denominator // 3, denominator)
    assert process.exact_probabilities.tolist() == [first, 1 - first, 1]


def test_probabilities_too_long_for_floats() -> None:
    tiny = Fraction(1, 10**390)
    rows = [(0, 0, 0, Fraction(1, 3) + tiny), (0, 0, 1, Fraction(2, 3) - tiny), (1, 0, 1, Fraction(1))]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=1, initial=0, horizon=1)
    assert process.exact_probabilities.tolist() == [row[3] for row in rows]
    assert process.probabilities[0] == 1 / 3


def test_floats_that_are_not_those_of_the_fractions_are_refused() -> None:
    process = make("line:2,start=1")
    with pytest.raises(InvalidProcessError, match="is not the float of"):
        ControlledMarkovProcess(
            **{
                name: getattr(process, name)
                for name in (
                    "states",
                    "actions",
                    "choice_offsets",
                    "choice_action",
                    "offsets",
                    "successors",
                    "initial",
                    "horizon",
                    "numerators",
                    "denominators",
                    "exact_initial",
                )
            },
            probabilities=np.full(process.n_transitions, 1.0 - 1e-12),
        )


def test_replacing_the_start_by_rounded_thirds_gives_a_floating_point_process() -> None:
    third = 1 / 3
    process = make("grid:2x2").replaced(initial={0: third, 1: third, 2: third})
    assert not process.is_exact
    with pytest.raises(NotExactError, match="floating point only"):
        process.require_exact()


def test_rationalised() -> None:
    process = ControlledMarkovProcess.from_dense(np.full((1, 3, 3), 1 / 3), horizon=1).rationalised()
    assert process.exact_probabilities.tolist() == [Fraction(1, 3)] * 9
    with pytest.raises(NotExactError, match="denominators up to 2"):
        ControlledMarkovProcess.from_dense(np.full((1, 3, 3), 1 / 3), horizon=1).rationalised(2)


# ---------------------------------------------------------------- numbers


@given(value=st.fractions())
def test_fractions_read_back(value: Fraction) -> None:
    assert parse_fraction(str(value)) == value
    assert parse_fraction(value) is value


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_floats_mean_what_they_print(value: float) -> None:
    assert parse_fraction(value) == Fraction(repr(value))
    assert float(parse_fraction(value)) == value
    assert parse_fraction(Decimal(repr(value))) == Fraction(repr(value))
    if abs(value) < 1e38:
        narrow = np.float32(value)
        assert parse_fraction(narrow) == Fraction(str(narrow))


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a",
        "1/",
        "/2",
        "1/2/3",
        "0x1",
        "1_000",
        "inf",
        "nan",
        "1 2",
        "--1",
        "1e5000",
        True,
        None,
        [1],
        {},
        b"1",
        1j,
        float("nan"),
        float("inf"),
        np.bool_(True),
    ],
)
def test_what_is_no_number(bad: object) -> None:
    with pytest.raises(InvalidArgumentError, match="Expected probability"):
        parse_fraction(bad, "probability")


@pytest.mark.parametrize("bad", ["1" * 401, 10**2000, "0." + "1" * 400])
def test_long_numbers_are_refused(bad: object) -> None:
    with pytest.raises(InvalidArgumentError, match="400"):
        parse_fraction(bad)


# ---------------------------------------------------------------- labels and horizons


def test_rows_by_name_are_rows_by_index() -> None:
    """Also where the names are numbers in another order: then text is a name and a number an index."""
    named = [("b", "go", "a", "1/3"), ("b", "go", "b", "2/3"), ("a", "go", "a", 1)]
    counted = [(0, 0, 1, "1/3"), (0, 0, 0, "2/3"), (1, 0, 1, 1)]
    for states, rows, start in (
        (["b", "a"], named, "b"),
        (["b", "a"], counted, 0),
        (["1", "0"], [(str(1 - s), "go", str(1 - t), p) for s, _, t, p in counted], "1"),
    ):
        process = ControlledMarkovProcess.from_transitions(
            rows, states=states, actions=["go"], initial=start, horizon=2
        )
        assert process.successors.tolist() == [0, 1, 1]
        assert list(process.exact_probabilities) == [Fraction(2, 3), Fraction(1, 3), 1]
        assert process.initial.tolist() == [1, 0]
    with pytest.raises(
        InvalidProcessError, match=r"transition 0: Unknown state 'bb'; the states are 'b', 'a'"
    ):
        ControlledMarkovProcess.from_transitions(
            [("bb", "go", "a", 1)], states=["b", "a"], actions=["go"], initial=0, horizon=2
        )


def test_counted_labels_cost_nothing_and_equal_spelled_ones() -> None:
    assert len(Labels(10**12)) == 10**12
    assert Labels(10**12) == Labels(10**12)
    assert Labels(3) == Labels(["0", "1", "2"])
    assert hash(Labels(3)) == hash(Labels(["0", "1", "2"]))
    assert Labels(3) != Labels(["0", "1", "x"])
    assert Labels(10**12).position("999999999999") == 999_999_999_999


@pytest.mark.parametrize("name", ["3", "-1", "00", "01", "+1", "1.0", "", " 1", "²", "9" * 5000])
def test_names_that_count_nothing(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Unknown state"):
        Labels(3).position(name)


@pytest.mark.parametrize("names", [0, -1, [], ["a", "a"], ["a", 1], "ab", True])
def test_malformed_labels(names: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        Labels(names)


@pytest.mark.parametrize("gamma", [1, Fraction(3, 2), -0.5, "x", float("nan"), None])
def test_malformed_gamma(gamma: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="gamma"):
        GeometricHorizon(gamma)


def test_gamma_is_exact() -> None:
    assert GeometricHorizon(0.9).gamma == Fraction(9, 10)
    assert FiniteHorizon(3).steps == 3


def test_reachable_states_of_a_long_line_are_found_at_once() -> None:
    """A search by layers took minutes: as many layers as states."""
    process = make("line:200000,start=0")
    assert process.reachable.all()
    one_way = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, 1), (1, 0, 1, 1), (2, 0, 0, 1), (3, 0, 3, 1)], states=4, actions=1,
        initial={0: Fraction(1, 2), 3: Fraction(1, 2)}, horizon=1,
    )  # fmt: skip
    assert one_way.reachable.tolist() == [True, True, False, True]
