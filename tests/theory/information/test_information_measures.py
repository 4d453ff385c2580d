"""Entropy, relative entropy and mutual information: values, identities, conventions and errors."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.information import (
    capacity_bracket,
    entropy,
    kl_divergence,
    mutual_information,
    output_distribution,
    row_divergences,
)
from metaregret.theory.information.channel import Vector, as_channel
from tests.theory.information.channels import channels, distributions


@st.composite
def inputs_and_channel(draw: st.DrawFn) -> tuple[Vector, Vector]:
    channel = draw(channels())
    return draw(distributions(channel.shape[0])), channel


def test_entropy_is_in_nats() -> None:
    assert entropy([0.5, 0.5]) == pytest.approx(math.log(2), abs=1e-15)
    assert entropy([0.25, 0.75]) == pytest.approx(0.5623351446188083, abs=1e-15)
    assert entropy(np.array([Fraction(1, 3)] * 3)) == pytest.approx(math.log(3), abs=1e-15)


def test_distributions_are_divided_by_their_sum() -> None:
    p, much = np.array([0.25, 0.75]), 1 + 9e-10
    assert entropy(much * p) == pytest.approx(entropy(p), rel=1e-13, abs=0)
    assert kl_divergence(p, much * p[::-1]) == pytest.approx(kl_divergence(p, p[::-1]), rel=1e-13, abs=0)


def test_zero_log_zero_is_zero_and_a_missed_mass_is_infinite() -> None:
    assert entropy([1.0, 0.0]) == 0.0
    assert kl_divergence([1.0, 0.0], [0.5, 0.5]) == pytest.approx(math.log(2), abs=1e-15)
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == math.inf
    rows = row_divergences([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], [0.5, 0.0, 0.5])
    assert rows[0] == math.inf
    assert rows[1] == pytest.approx(math.log(2), abs=1e-15)


def test_mutual_information_of_a_noiseless_channel_is_the_entropy_of_its_input() -> None:
    assert mutual_information([0.2, 0.8], np.eye(2)) == pytest.approx(entropy([0.2, 0.8]), abs=1e-15)


@given(inputs_and_channel())
def test_mutual_information_is_the_divergence_of_the_joint_from_the_product(
    case: tuple[Vector, Vector],
) -> None:
    p, channel = case
    joint = p[:, np.newaxis] * channel
    product = np.outer(p, joint.sum(axis=0))
    expected = kl_divergence(joint.ravel(), product.ravel())
    assert mutual_information(p, channel) == pytest.approx(expected, abs=1e-13)


@given(inputs_and_channel())
def test_mutual_information_is_output_entropy_less_noise(case: tuple[Vector, Vector]) -> None:
    p, channel = case
    noise = float(p @ as_channel(channel).entropies)
    expected = entropy(output_distribution(p, channel)) - noise
    assert mutual_information(p, channel) == pytest.approx(expected, abs=1e-13)


@given(inputs_and_channel())
def test_mutual_information_is_symmetric_under_bayes_rule(case: tuple[Vector, Vector]) -> None:
    p, channel = case
    q = output_distribution(p, channel)
    reached = q > 0
    posterior = (p[:, np.newaxis] * channel)[:, reached] / q[reached]
    backward = mutual_information(q[reached], posterior.T)
    assert mutual_information(p, channel) == pytest.approx(backward, abs=1e-13)


@given(inputs_and_channel())
def test_rows_agree_with_vectors(case: tuple[Vector, Vector]) -> None:
    p, channel = case
    q = output_distribution(p, channel)
    assert as_channel(channel).entropies == pytest.approx([entropy(row) for row in channel], abs=1e-14)
    assert row_divergences(channel, q) == pytest.approx([kl_divergence(row, q) for row in channel], abs=1e-13)


@given(inputs_and_channel())
def test_dense_and_sparse_agree(case: tuple[Vector, Vector]) -> None:
    p, dense = case
    for sparse in (
        scipy.sparse.csr_array(dense),
        scipy.sparse.csc_matrix(dense),
        scipy.sparse.coo_array(dense),
    ):
        assert mutual_information(p, sparse) == pytest.approx(mutual_information(p, dense), abs=1e-14)
        assert as_channel(sparse).entropies == pytest.approx(as_channel(dense).entropies, abs=1e-14)
        assert output_distribution(p, sparse) == pytest.approx(output_distribution(p, dense), abs=1e-15)


@given(st.data())
def test_divergence_is_non_negative_and_zero_only_between_equals(data: st.DataObject) -> None:
    p = data.draw(distributions(4))
    q = data.draw(distributions(4))
    divergence = kl_divergence(p, q)
    # Pinsker's inequality bounds it from below by the total variation.
    assert divergence >= 0.5 * float(np.abs(p - q).sum()) ** 2 - 1e-14
    assert kl_divergence(p, p) <= 1e-15


@pytest.mark.parametrize("wrap", [np.array, scipy.sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    ("rows", "fragments"),
    [
        ([[0.5, 0.5], [0.7, 0.2]], ["row 1 sums to 0.8999999999999999", "transpose"]),
        ([[0.5, 0.5], [1.5, -0.5]], ["channel[1, 1]=-0.5", "row 1"]),
        ([[0.0, 1.0], [1.5, -0.5]], ["channel[1, 1]=-0.5", "row 1"]),
        ([[np.nan, 1.0], [0.5, 0.5]], ["channel[0, 0]=nan"]),
        ([[0.5, 0.5], [np.inf, 0.0]], ["channel[1, 0]=inf"]),
        ([[0.5, 0.5], [0.0, 0.0]], ["row 1 sums to 0.0"]),
        ([[0.0, 0.0]], ["row 0 sums to 0.0"]),
        ([[-1.0]], ["channel[0, 0]=-1.0"]),
    ],
)
def test_a_malformed_channel_is_named_by_row_and_value(
    wrap: type, rows: list[list[float]], fragments: list[str]
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        as_channel(wrap(rows))
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("channel", "problem"),
    [
        ([0.5, 0.5], r"channel to have two dimensions \(inputs, outputs\), but got shape=\(2,\)"),
        (scipy.sparse.coo_array([0.5, 0.5]), r"channel to have two dimensions \(inputs, outputs\)"),
        (np.ones((0, 3)), r"a channel with at least one input and one output, but got shape=\(0, 3\)"),
        (np.ones((2, 0)), r"a channel with at least one input and one output, but got shape=\(2, 0\)"),
        ([[1.0], [0.5, 0.5]], "channel to be a rectangular array of numbers"),
        ("no", "channel to be a rectangular array of numbers"),
    ],
)
def test_a_channel_of_wrong_shape_is_refused(channel: object, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"Expected {problem}"):
        as_channel(channel)


def test_a_sparse_channel_is_left_as_it_was_given() -> None:
    """Stored zeros, and entries in two parts."""
    given = scipy.sparse.csr_array((np.array([1, 0, 1]), np.array([0, 1, 1]), np.array([0, 2, 3])))
    channel = as_channel(given)
    assert (given.nnz, channel.matrix.nnz, channel.row_terms) == (3, 2, 1)
    assert channel.matrix.dtype == np.float64


@pytest.mark.parametrize("wrap", [np.array, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_what_is_kept_of_a_channel(wrap: type) -> None:
    """Neither of the outputs that no row has, the last among them; the longest sums; the sums of rows."""
    rows = np.array([[0.5, 0.0, 0.25, 0.25, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]])
    rows = np.vstack([rows, (1 + 2.0**-31) * rows])
    channel = as_channel(wrap(rows))
    kept = channel.matrix.toarray() if channel.is_sparse else channel.matrix
    assert kept.tolist() == rows[:, [0, 2, 3]].tolist()
    assert channel.reachable.tolist() == [True, False, True, True, False]
    assert (channel.row_terms, channel.column_terms) == (3, 4)
    assert channel.inverse_sums.tolist() == [1.0, 1.0, *[1 / (1 + 2.0**-31)] * 2]
    assert channel.entropies == pytest.approx(math.log(2) * np.array([1.5, 0, 1.5, 0]), rel=0, abs=1e-15)
    assert channel.is_sparse == (wrap is scipy.sparse.csr_array)
    # Rows are divided by their sums, alone and among others.
    few = channel.restrict(np.array([3, 1]))
    assert (few.inputs, few.outputs, few.row_terms, few.column_terms) == (2, 1, 1, 2)
    assert few.inverse_sums.tolist() == channel.inverse_sums[[3, 1]].tolist()
    assert few.entropies.tolist() == channel.entropies[[3, 1]].tolist()
    assert channel.reached(np.array([0, 0, 0.5, 0.5])) == pytest.approx([0.75, 0.125, 0.125], rel=1e-15)
    crossed = channel.cross_entropies(np.array([0.25, 0.5, 0.25])) / math.log(2)
    assert crossed == pytest.approx([1.75, 2.0] * 2, rel=1e-15)


def test_channels_may_be_fractions() -> None:
    matrix = as_channel([[Fraction(1, 3), Fraction(2, 3)]]).matrix
    assert matrix.dtype == np.float64


def test_distributions_are_checked() -> None:
    with pytest.raises(InvalidArgumentError, match=r"distribution\[1\]=-0.5"):
        entropy([1.5, -0.5])
    with pytest.raises(InvalidArgumentError, match=r"sum=0\.9"):
        entropy([0.4, 0.5])
    with pytest.raises(InvalidArgumentError, match="one length"):
        kl_divergence([1.0], [0.5, 0.5])
    with pytest.raises(InvalidArgumentError, match="one dimension"):
        entropy([[1.0]])
    with pytest.raises(InvalidArgumentError, match="distribution to be an array of numbers, but got 'half'"):
        entropy("half")


def test_a_transposed_channel_is_caught_by_its_shape_or_sums() -> None:
    channel = np.array([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]])
    with pytest.raises(InvalidArgumentError, match="transpose"):
        mutual_information([0.5, 0.5], channel.T)
    with pytest.raises(InvalidArgumentError, match="transpose"):
        mutual_information([0.2, 0.3, 0.5], channel)


def test_a_reference_need_not_sum_to_one() -> None:
    """``KL(W_x || q / sum(q))``: the certificate relies on it for outputs that carry rounding."""
    channel = as_channel([[0.9, 0.1], [0.25, 0.75]])
    reference = np.array([0.3, 0.7])
    np.testing.assert_allclose(
        channel.divergences(3 * reference), row_divergences(channel, reference), atol=1e-14
    )


EYE = np.eye(2)
HALF, THIRD = [0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]


@pytest.mark.parametrize("wrong", [[0.5, 0.6], THIRD, [1.5, -0.5]])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda p: kl_divergence(p, HALF), "distribution"),
        (lambda p: kl_divergence(HALF, p), "reference"),
        (lambda p: row_divergences(EYE, p), "reference"),
        (lambda p: output_distribution(p, EYE), "input_distribution"),
        (lambda p: mutual_information(p, EYE), "input_distribution"),
        (lambda p: capacity_bracket(EYE, p), "input_distribution"),
    ],
)
def test_what_is_no_distribution_on_the_symbols_is_named(call: Any, name: str, wrong: list[float]) -> None:
    """A sum, a length and a sign."""
    with pytest.raises(InvalidArgumentError, match=rf"(Expected|of|and) {name}\b"):
        call(np.array(wrong))


def test_entropy_names_what_it_was_given() -> None:
    with pytest.raises(InvalidArgumentError, match=r"\bdistribution\b"):
        entropy([0.5, 0.6])
