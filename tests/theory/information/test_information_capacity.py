"""Channel capacity against closed forms, independent methods and the identities that capacities obey."""

from __future__ import annotations

import math
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError
from metaregret.theory.information import (
    CapacityMethod,
    capacity_bracket,
    certificate,
    channel_capacity,
    interior_point,
    mutual_information,
    normal_equations,
    output_distribution,
    row_divergences,
    working_set,
)
from metaregret.theory.information.channel import Channel, Vector
from tests.theory.information import textbook
from tests.theory.information.channels import channels, distributions

METHODS: list[CapacityMethod] = ["auto", "interior-point", "accelerated", "blahut-arimoto"]
TEXTBOOK = {
    "noiseless-5": textbook.noiseless(5),
    "one input": textbook.noiseless(1),
    "useless": textbook.useless(4, 3),
    "one input, three outputs": textbook.useless(1, 3),
    "binary symmetric 1/10": textbook.binary_symmetric(0.1),
    "binary symmetric 1/2": textbook.binary_symmetric(0.5),
    "binary symmetric, inverting": textbook.binary_symmetric(1.0),
    "binary erasure 3/10": textbook.binary_erasure(0.3),
    "erasure of everything": textbook.binary_erasure(1.0),
    "7-ary erasure": textbook.erasure(7, 0.2),
    "Z 1/2": textbook.z_channel(0.5),
    "Z 1/100": textbook.z_channel(0.01),
    "Z 0.9": textbook.z_channel(0.9),
    "Z 1": textbook.z_channel(1.0),
    "typewriter of 26 letters": textbook.noisy_typewriter(26),
    "typewriter of 7 letters": textbook.noisy_typewriter(7),
    "9-ary symmetric": textbook.symmetric(9, 0.35),
}


def capacity_of(channel: object, tolerance: float = 1e-10) -> float:
    return channel_capacity(channel, tolerance=tolerance).capacity.midpoint


def random_channel(inputs: int, outputs: int, seed: int = 0) -> Vector:
    channel: Vector = np.random.default_rng(seed).exponential(size=(inputs, outputs))
    channel /= channel.sum(axis=1, keepdims=True)
    return channel


def assert_agrees_with_textbook(name: str, tolerance: float = 1e-12) -> None:
    channel, expected = TEXTBOOK[name]
    solved = channel_capacity(channel, tolerance=tolerance)
    assert solved.capacity.gap <= tolerance
    assert solved.capacity.midpoint == pytest.approx(expected, rel=0, abs=tolerance)


# Closed forms


@pytest.mark.parametrize("name", TEXTBOOK)
def test_textbook_channels_agree_with_their_closed_forms(name: str) -> None:
    assert_agrees_with_textbook(name)


@pytest.mark.parametrize("name", TEXTBOOK)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_solves_every_textbook_channel_dense_and_sparse(
    name: str, method: CapacityMethod
) -> None:
    channel, expected = TEXTBOOK[name]
    # Plain Blahut-Arimoto converges like 1/n where the optimum is degenerate (two equal rows beside a third).
    tolerance = 1e-6 if method in ("blahut-arimoto", "accelerated") else 1e-10
    for form in (channel, scipy.sparse.csr_array(channel)):
        bracket = channel_capacity(form, tolerance=tolerance, method=method).capacity
        assert bracket.lower - 1e-14 <= expected <= bracket.upper + 1e-14
        assert bracket.gap <= tolerance


def test_the_half_noisy_z_channel_has_capacity_log_five_quarters() -> None:
    solved = channel_capacity([[1.0, 0.0], [0.5, 0.5]], tolerance=1e-12)
    assert solved.capacity.contains(math.log(5 / 4))
    assert solved.input_distribution == pytest.approx([0.6, 0.4], abs=1e-6)
    assert solved.output_distribution == pytest.approx([0.8, 0.2], abs=1e-6)


# Independent methods


@given(channels(inputs=st.just(2)))
def test_two_inputs_agree_with_a_search_on_a_line(channel: Vector) -> None:
    found = scipy.optimize.minimize_scalar(
        lambda a: -mutual_information([a, 1.0 - a], channel),
        bounds=(0.0, 1.0),
        method="bounded",
        options={"xatol": 1e-10},
    )
    bracket = channel_capacity(channel, tolerance=1e-11).capacity
    assert bracket.lower - 1e-10 <= -found.fun <= bracket.upper + 1e-13


@settings(max_examples=25, deadline=None)
@given(channels())
def test_a_conic_solver_finds_the_same_capacity(channel: Vector) -> None:
    p = cp.Variable(channel.shape[0], nonneg=True)
    noise = np.array([-sum(w * math.log(w) for w in row if w > 0) for row in channel])
    objective = cp.sum(cp.entr(channel.T @ p)) - noise @ p
    value = cp.Problem(cp.Maximize(objective), [cp.sum(p) == 1]).solve(solver=cp.CLARABEL)
    assert capacity_of(channel) == pytest.approx(value, abs=2e-6)


@settings(max_examples=60, deadline=None)
@given(channels())
def test_all_methods_agree_where_all_converge(channel: Vector) -> None:
    reference = channel_capacity(channel)
    for method in METHODS[1:]:
        other = channel_capacity(channel, tolerance=1e-3, method=method)
        assert max(other.capacity.lower, reference.capacity.lower) <= min(
            other.capacity.upper, reference.capacity.upper
        )


# What the certificate says


@given(channels())
def test_the_bracket_is_what_the_returned_inputs_certify(channel: Vector) -> None:
    solved = channel_capacity(channel)
    recomputed = capacity_bracket(channel, solved.input_distribution)
    # Not equality: matrix products may add in another order when the matrix lies elsewhere in memory.
    assert solved.capacity.lower == pytest.approx(recomputed.lower, abs=1e-14)
    assert solved.capacity.upper == pytest.approx(recomputed.upper, abs=1e-14)
    assert solved.capacity.gap <= 1e-9
    assert solved.input_distribution.min() >= 0.0
    assert solved.input_distribution.sum() == pytest.approx(1.0, abs=1e-14)
    assert solved.output_distribution == pytest.approx(
        output_distribution(solved.input_distribution, channel), abs=1e-15
    )


@given(channels())
def test_kuhn_tucker_conditions_hold(channel: Vector) -> None:
    solved = channel_capacity(channel, tolerance=1e-10)
    divergences = row_divergences(channel, solved.output_distribution)
    assert divergences.max() <= solved.capacity.midpoint + 1e-10
    used = solved.input_distribution > 1e-3
    assert used.any()
    # sum_x p_x (max D - D_x) is the gap, so a used input is within gap / p_x of the capacity.
    assert divergences[used] == pytest.approx(solved.capacity.midpoint, abs=1e-10 / 1e-3)


@settings(deadline=None)
@given(channels())
def test_the_optimal_output_is_unique(channel: Vector) -> None:
    first = channel_capacity(channel, tolerance=1e-10)
    second = channel_capacity(channel, tolerance=1e-6, method="accelerated")
    distance = np.abs(first.output_distribution - second.output_distribution).sum()
    # KL(q* || q) <= gap, and Pinsker's inequality twice.
    assert distance <= math.sqrt(2 * 1e-10) + math.sqrt(2 * 1e-6)


# Identities and inequalities of capacities


@given(st.data())
def test_data_processing_never_raises_capacity(data: st.DataObject) -> None:
    channel = data.draw(channels())
    outputs = channel.shape[1]
    processed = channel @ data.draw(channels(inputs=st.just(outputs)))
    assert capacity_of(processed) <= capacity_of(channel) + 1e-9
    preprocessed = data.draw(channels(outputs=st.just(channel.shape[0]))) @ channel
    assert capacity_of(preprocessed) <= capacity_of(channel) + 1e-9


@given(channels(), channels())
def test_the_sum_of_channels_adds_exponentials(first: Vector, second: Vector) -> None:
    """Disjoint supports: ``exp C = exp C_1 + exp C_2`` (Shannon 1948, sec. 13)."""
    expected = np.logaddexp(capacity_of(first), capacity_of(second))
    blocks = scipy.sparse.block_diag([scipy.sparse.coo_array(first), second])
    assert capacity_of(blocks) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    channels(inputs=st.integers(1, 4), outputs=st.integers(1, 4)),
    channels(inputs=st.integers(1, 4), outputs=st.integers(1, 4)),
)
def test_the_product_of_channels_adds_capacities(first: Vector, second: Vector) -> None:
    expected = capacity_of(first) + capacity_of(second)
    assert capacity_of(np.kron(first, second)) == pytest.approx(expected, abs=1e-9)


@given(st.data())
def test_order_repetition_and_empty_outputs_do_not_matter(data: st.DataObject) -> None:
    channel = data.draw(channels())
    rows = data.draw(st.permutations(range(channel.shape[0])))
    columns = data.draw(st.permutations(range(channel.shape[1])))
    repeated = np.vstack([channel[rows][:, columns], channel[:, columns]])
    padded = np.insert(repeated, data.draw(st.integers(0, channel.shape[1])), 0.0, axis=1)
    assert capacity_of(padded) == pytest.approx(capacity_of(channel), abs=1e-9)


@given(channels(), st.integers(1, 9))
def test_splitting_an_output_in_fixed_shares_does_not_matter(channel: Vector, tenths: int) -> None:
    share = tenths / 10
    split = np.column_stack([channel[:, 1:], share * channel[:, 0], (1 - share) * channel[:, 0]])
    assert capacity_of(split) == pytest.approx(capacity_of(channel), abs=1e-9)


@given(st.data())
def test_another_input_never_lowers_capacity_and_a_mixture_never_raises_it(data: st.DataObject) -> None:
    channel = data.draw(channels())
    another = data.draw(distributions(channel.shape[1]))
    assert capacity_of(np.vstack([channel, another])) >= capacity_of(channel) - 1e-9
    mixture = data.draw(distributions(channel.shape[0])) @ channel
    assert capacity_of(np.vstack([channel, mixture])) == pytest.approx(capacity_of(channel), abs=1e-9)


# Warm starts


@settings(deadline=None)
@given(st.data())
def test_a_warm_start_reaches_the_capacity_of_the_enlarged_channel(data: st.DataObject) -> None:
    channel = data.draw(channels(outputs=st.just(4)))
    added = data.draw(channels(outputs=st.just(4)))
    old = channel_capacity(channel)
    both = np.vstack([channel, added])
    warm = channel_capacity(both, initial=old.input_distribution)
    assert warm.capacity.midpoint == pytest.approx(capacity_of(both), abs=2e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_warm_start_finds_a_row_it_gave_no_probability(method: CapacityMethod) -> None:
    channel = np.vstack([np.full((1, 3), 1 / 3), np.eye(3)])
    solved = channel_capacity(channel, initial=[1.0], tolerance=1e-6, method=method)
    assert solved.capacity.midpoint == pytest.approx(math.log(3), abs=1e-6)


def test_a_warm_start_at_the_optimum_takes_no_step_and_appended_rows_take_few() -> None:
    channel = random_channel(300, 200)
    cold = channel_capacity(channel[:280])
    assert cold.iterations > 20
    assert channel_capacity(channel[:280], initial=cold.input_distribution).iterations == 0
    useless_row = cold.output_distribution
    unchanged = channel_capacity(np.vstack([channel[:280], useless_row]), initial=cold.input_distribution)
    assert unchanged.iterations == 0
    warm = channel_capacity(channel, initial=cold.input_distribution)
    assert warm.iterations < cold.iterations
    assert warm.capacity.midpoint == pytest.approx(capacity_of(channel), abs=1e-9)


# Size


@pytest.mark.parametrize(("inputs", "outputs"), [(1000, 1000), (3000, 1000), (1000, 40), (40, 1000)])
def test_large_random_channels_are_bracketed(inputs: int, outputs: int) -> None:
    solved = channel_capacity(random_channel(inputs, outputs))
    assert solved.capacity.gap <= 1e-9
    assert solved.iterations < 60
    assert solved.method == "interior-point"


@pytest.mark.parametrize("closeness", [1e-2, 1e-4, 1e-8, 1e-12])
def test_nearly_equal_rows_are_bracketed(closeness: float) -> None:
    """All rows near one: the capacity is nearly zero."""
    channel = (1 - closeness) / 300 + closeness * random_channel(300, 300)
    assert channel_capacity(channel).capacity.gap <= 1e-9


@pytest.mark.parametrize("closeness", [1e-3, 1e-6, 1e-9, 1e-13])
def test_nearly_repeated_rows_are_bracketed(closeness: float) -> None:
    """Each row twice, all but equal: the optimal inputs are nearly a whole face."""
    channel = random_channel(200, 300)
    twice = np.vstack([channel, (1 - closeness) * channel + closeness * random_channel(200, 300, seed=1)])
    solved = channel_capacity(twice)
    assert solved.capacity.gap <= 1e-9
    assert solved.capacity.upper >= capacity_of(channel) - 1e-9


@pytest.mark.parametrize("sharpness", [1.0, 1e2, 1e4])
def test_smooth_channels_of_low_numerical_rank_are_bracketed(sharpness: float) -> None:
    """Gaussian rows along a line: neighbouring inputs are nearly interchangeable, few are optimal."""
    grid = np.linspace(0.0, 1.0, 250)
    channel = np.exp(-sharpness * (grid[:, np.newaxis] - grid) ** 2)
    channel /= channel.sum(axis=1, keepdims=True)
    solved = channel_capacity(channel)
    assert solved.capacity.gap <= 1e-9
    assert solved.method == "interior-point"


def test_extreme_probabilities_are_bracketed() -> None:
    tiny = 1e-300
    channel = np.array([[1.0 - tiny, tiny, 0.0], [0.5, 0.5, 0.0], [1.0 - 1e-15, 0.0, 1e-15]])
    assert capacity_of(channel) == pytest.approx(math.log(5 / 4), abs=1e-9)


def sparse_channel(inputs: int, outputs: int, nonzeros: int) -> scipy.sparse.csr_array:
    generator = np.random.default_rng(0)
    weights = generator.exponential(size=(inputs, nonzeros))
    weights /= weights.sum(axis=1, keepdims=True)
    columns = generator.integers(0, outputs, size=(inputs, nonzeros))
    rows = np.repeat(np.arange(inputs), nonzeros)
    return scipy.sparse.csr_array((weights.ravel(), (rows, columns.ravel())), shape=(inputs, outputs))


def test_a_large_sparse_channel_is_bracketed_without_forming_a_matrix() -> None:
    channel = sparse_channel(20_000, 2_500, 5)
    assert channel_capacity(channel).capacity.gap <= 1e-9


@pytest.mark.parametrize(("inputs", "outputs"), [(900, 300), (3000, 900), (300, 900)])
def test_sparse_and_dense_agree_and_so_do_factors_and_products(
    inputs: int, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = sparse_channel(inputs, outputs, 5)
    factored = channel_capacity(channel)
    assert capacity_of(channel.toarray()) == pytest.approx(factored.capacity.midpoint, abs=1e-9)
    monkeypatch.setattr(normal_equations, "LARGEST_FACTORED_SPARSE", 1)
    products = channel_capacity(channel)
    assert products.method == factored.method == "interior-point"
    assert products.capacity.midpoint == pytest.approx(factored.capacity.midpoint, abs=1e-9)


# Failure is loud, and the safeguards work


@pytest.mark.parametrize("method", METHODS)
def test_an_iteration_limit_raises_with_the_best_bounds(method: CapacityMethod) -> None:
    channel = random_channel(30, 30)
    with pytest.raises(ConvergenceError, match="max_iterations") as caught:
        channel_capacity(channel, method=method, max_iterations=2)
    assert 0.0 < caught.value.lower <= capacity_of(channel) <= caught.value.upper < math.log(30)


def test_a_tolerance_below_rounding_raises() -> None:
    with pytest.raises(ConvergenceError, match="rounding allowance") as caught:
        channel_capacity(random_channel(30, 30), tolerance=1e-16, max_iterations=200)
    assert caught.value.upper - caught.value.lower < 1e-11


def test_multiplicative_steps_take_over_where_newton_steps_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = random_channel(20, 10)
    expected = capacity_of(channel)
    monkeypatch.setattr(working_set, "interior_point_steps", lambda small, start, *_: (start, 1))
    solved = channel_capacity(channel, tolerance=1e-8)
    assert solved.method == "accelerated"
    assert solved.capacity.gap <= 1e-8
    assert solved.capacity.midpoint == pytest.approx(expected, abs=2e-8)


def test_a_failed_factorisation_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normal_equations, "_SHIFTS", ())
    assert channel_capacity(random_channel(20, 10), tolerance=1e-8).method == "accelerated"


def test_a_first_working_set_that_misses_the_optimum_is_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start at two useless inputs: every input of the support has to be found by its divergence."""
    monkeypatch.setattr(working_set, "_SMALLEST_ADDITION", 1)
    channel = np.vstack([np.full((2, 40), 1 / 40), random_channel(60, 40)])
    solved = channel_capacity(channel, initial=[0.5, 0.5])
    assert solved.capacity.midpoint == pytest.approx(capacity_of(channel), abs=1e-9)


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ({"method": "simplex"}, "method"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"tolerance": math.nan}, "tolerance"),
        ({"max_iterations": -1}, "max_iterations"),
        ({"initial": [0.5, 0.25, 0.25]}, "at most 2 entries"),
        ({"initial": [0.5, 0.4]}, "initial to sum to 1"),
    ],
)
def test_options_are_checked(options: dict[str, Any], fragment: str) -> None:
    with pytest.raises(InvalidArgumentError, match=fragment):
        channel_capacity(np.eye(2), **options)


# Planted errors: each must make the checks above fail


def _log2(channel: Channel, q: Vector) -> Vector:
    return ORIGINAL_DIVERGENCES(channel, q) / math.log(2)


def _without_entropies(channel: Channel, q: Vector) -> Vector:
    return channel.cross_entropies(q)


def _uniform_output(channel: Channel, _: Vector) -> Vector:
    return np.full(channel.outputs, 1.0 / channel.outputs)


def _transposed(channel: Channel, p: Vector) -> Vector:
    transposed: Vector = np.maximum(np.asarray(channel.matrix @ p), 1e-290)
    return transposed


ORIGINAL_DIVERGENCES = Channel.divergences


@pytest.mark.parametrize(
    ("attribute", "planted"),
    [
        ("divergences", _log2),
        ("divergences", _without_entropies),
        ("output", _uniform_output),
        ("output", _transposed),
    ],
)
def test_the_textbook_check_catches_planted_errors(
    attribute: str, planted: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Channel, attribute, planted)
    with pytest.raises((AssertionError, ConvergenceError, InvalidArgumentError)):
        assert_agrees_with_textbook("Z 1/2")


def test_a_solver_that_stops_early_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that claims success at its start: the certificate, not the claim, decides."""
    monkeypatch.setattr(interior_point, "_step", lambda channel, iterate, _: iterate)
    with pytest.raises(ConvergenceError):
        channel_capacity(random_channel(30, 30), method="interior-point")


def test_certificates_from_a_wrong_distribution_are_wide() -> None:
    bracket = certificate.capacity_bracket(np.eye(2), [0.9, 0.1])
    assert bracket.lower == pytest.approx(0.3250829733914482, abs=1e-12)
    assert bracket.upper == pytest.approx(math.log(10), abs=1e-12)
