"""Dense = sparse = rational: goal values, policies and terminal distributions; brackets contain the exact
value."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.backup import backup
from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.bounds import Bracket
from metaregret.tabular.environments import make
from metaregret.tabular.errors import (
    InstanceTooLargeError,
    InvalidArgumentError,
    NotExactError,
    UnsupportedError,
)
from metaregret.tabular.goals import TerminalValues, goal_support, goal_values, optimal_terminal_values
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.policy import deterministic_policy, terminal_distribution, uniform_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import deterministic_processes, policies, processes

FLOATING: tuple[Any, ...] = ("dense", "sparse")


def plain_values(process: ControlledMarkovProcess) -> list[Fraction]:
    """``v*_g`` of every goal by the definition, in plain `Fraction` loops (finite horizons)."""
    assert isinstance(process.horizon, FiniteHorizon)
    p = process.exact_probabilities
    result = []
    for goal in range(process.n_states):
        value = [Fraction(int(s == goal)) for s in range(process.n_states)]
        for _ in range(process.horizon.steps):
            value = [
                max(
                    sum(
                        (
                            p[m] * value[process.successors[m]]
                            for m in range(process.offsets[c], process.offsets[c + 1])
                        ),
                        Fraction(0),
                    )
                    for c in process.choices(s)
                )
                for s in range(process.n_states)
            ]
        assert process.exact_initial is not None
        result.append(sum((q * v for q, v in zip(process.exact_initial, value, strict=True)), Fraction(0)))
    return result


def plain_distribution(process: ControlledMarkovProcess, policy: np.ndarray) -> list[Fraction]:
    """``rho_pi`` by pushing the distribution forward, in plain `Fraction` loops (finite horizons)."""
    assert process.exact_initial is not None
    now = list(process.exact_initial)
    p = process.exact_probabilities
    for row in policy:
        following = [Fraction(0)] * process.n_states
        for c in range(process.n_choices):
            for m in range(process.offsets[c], process.offsets[c + 1]):
                following[process.successors[m]] += now[process.choice_state[c]] * row[c] * p[m]
        now = following
    return now


def inside(bounds: TerminalValues, exact: list[Fraction]) -> bool:
    """Whether every exact value lies in its bracket, compared as rationals."""
    return all(
        Fraction(float(low)) <= value <= Fraction(float(high))
        for low, value, high in zip(bounds.lower, exact, bounds.upper, strict=True)
    )


@given(process=processes(max_states=4, geometric=False))
def test_exact_goal_values_are_those_of_the_definition(process: ControlledMarkovProcess) -> None:
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    assert exact.tolist() == plain_values(process)


@given(process=processes(max_states=5))
def test_goal_values_agree_and_are_bracketed(process: ControlledMarkovProcess) -> None:
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    for representation in FLOATING:
        values = goal_values(process, representation=representation)
        assert inside(values, exact.tolist())
        assert np.all(values.upper - values.lower <= 1e-11)


@given(process=processes(max_states=5))
def test_support_is_where_the_value_is_positive(process: ControlledMarkovProcess) -> None:
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    assert goal_support(process).tolist() == [value > 0 for value in exact]


@given(process=processes(max_states=4), data=st.data())
def test_terminal_distributions_agree_and_are_bracketed(
    process: ControlledMarkovProcess, data: st.DataObject
) -> None:
    policy = data.draw(policies(process))
    exact = terminal_distribution(process, policy, representation="rational").exact
    assert exact is not None
    assert sum(exact.tolist()) == 1
    if isinstance(process.horizon, FiniteHorizon):
        assert exact.tolist() == plain_distribution(process, policy)
    for representation in FLOATING:
        result = terminal_distribution(process, policy.astype(float), representation=representation)
        for low, value, high in zip(result.lower, exact, result.upper, strict=True):
            assert Fraction(float(low)) <= value <= Fraction(float(high))
        assert np.all(result.upper - result.lower <= 1e-12)


@given(process=processes(max_states=4), data=st.data())
def test_geometric_distribution_solves_its_equation(
    process: ControlledMarkovProcess, data: st.DataObject
) -> None:
    """``rho = (1 - gamma) mu0 + gamma P_pi^T rho``, checked in rationals."""
    process = process.replaced(horizon=GeometricHorizon(Fraction(3, 4)))
    policy = data.draw(policies(process))
    rho = terminal_distribution(process, policy, representation="rational").exact
    assert rho is not None
    assert process.exact_initial is not None
    right = [p / 4 for p in process.exact_initial]
    for m, c in enumerate(process.transition_choice):
        right[process.successors[m]] += (
            Fraction(3, 4) * rho[process.choice_state[c]] * policy[c] * process.exact_probabilities[m]
        )
    assert rho.tolist() == right


@given(process=processes(max_states=4), data=st.data())
def test_no_policy_beats_the_optimum(process: ControlledMarkovProcess, data: st.DataObject) -> None:
    best = goal_values(process, representation="rational").exact
    reached = terminal_distribution(process, data.draw(policies(process)), representation="rational").exact
    assert best is not None
    assert reached is not None
    assert all(reached <= best)


@given(process=processes(max_states=4))
def test_goal_policies_attain_the_optimum(process: ControlledMarkovProcess) -> None:
    for representation in ("dense", "sparse", "rational"):
        values = goal_values(process, representation=representation, policies=True)
        exact = goal_values(process, representation="rational").exact
        assert values.policies is not None
        assert exact is not None
        for goal in range(process.n_states):
            policy = deterministic_policy(process, values.policies[..., goal])
            rational = np.array([Fraction(int(x)) for x in policy.ravel()], dtype=object).reshape(
                policy.shape
            )
            reached = terminal_distribution(process, rational, representation="rational").exact
            assert reached is not None
            if representation == "rational":
                assert reached[goal] == exact[goal]
            else:  # a float policy may pick another of two choices that differ by a rounding
                assert exact[goal] - reached[goal] <= Fraction(1, 10**11)


@given(process=processes(max_states=4))
def test_blocks_of_columns_do_not_matter(process: ControlledMarkovProcess) -> None:
    from metaregret.tabular import goals

    whole = goal_values(process)
    kept = goals.BLOCK_ENTRIES
    try:
        goals.BLOCK_ENTRIES = 1
        parts = goal_values(process)
    finally:
        goals.BLOCK_ENTRIES = kept
    assert np.all(parts.lower <= whole.upper)
    assert np.all(whole.lower <= parts.upper)
    assert len(parts.values) == process.n_states


@given(process=deterministic_processes())
def test_expected_push_and_matrix_agree(process: ControlledMarkovProcess) -> None:
    """`push` is the transpose of `expected` in every representation."""
    weights = np.arange(1, process.n_choices + 1)
    values = np.arange(process.n_states)
    pairs = []
    for representation in ("dense", "sparse", "rational"):
        operator = backup(process, representation)
        left = operator.push(operator.array(weights)) @ operator.array(values)
        right = operator.array(weights) @ operator.expected(operator.array(values))
        assert left == right
        pairs.append(
            float(Fraction(int(left.p), int(left.q))) if representation == "rational" else float(left)
        )
    assert pairs[0] == pairs[1] == pairs[2]


def test_a_transposed_matrix_is_noticed() -> None:
    """The comparison above catches a transposed transition matrix (of a walk round a ring, stochastic both
    ways)."""
    ring = np.eye(3, dtype=object)[None] * Fraction(1, 4) + np.roll(np.eye(3, dtype=int), 1, axis=1)[
        None
    ] * Fraction(3, 4)
    process = ControlledMarkovProcess.from_dense(np.vectorize(Fraction)(ring), horizon=1)
    planted = ControlledMarkovProcess.from_dense(np.vectorize(Fraction)(np.swapaxes(ring, 1, 2)), horizon=1)
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    assert exact.tolist() == [Fraction(1, 4), Fraction(3, 4), 0]
    assert inside(goal_values(process), exact.tolist())
    assert not inside(goal_values(planted), exact.tolist())


# ---------------------------------------------------------------- rounding


def tiny_chain(p: Fraction, steps: int) -> ControlledMarkovProcess:
    """Two rare moves in a row; ``v*`` of the last state is ``p**2`` at two steps."""
    rows = [
        (0, 0, 0, Fraction(1)),
        (0, 1, 1, p),
        (0, 1, 0, 1 - p),
        (1, 0, 2, p),
        (1, 0, 1, 1 - p),
        (2, 0, 2, Fraction(1)),
    ]
    return ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=steps)


@pytest.mark.parametrize(
    "exponent", [1, 8, 15, 16, 17, 100, 150, 154, 158, 161, 162, 163, 170, 200, 300, 307]
)
@pytest.mark.parametrize("steps", [2, 3, 50])
def test_tiny_probabilities_stay_in_their_brackets(exponent: int, steps: int) -> None:
    """Also where products leave the normal range (1e-308) or vanish (below 5e-324)."""
    process = tiny_chain(Fraction(3, 10**exponent * 7), steps)
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    assert exact[2] > 0
    for representation in FLOATING:
        assert inside(goal_values(process, representation=representation), exact.tolist())
    policy = deterministic_policy(process, np.tile([1, 2, 3], (steps, 1)))
    truth = terminal_distribution(
        process, np.vectorize(Fraction)(policy.astype(int)), representation="rational"
    ).exact
    assert truth is not None
    for representation in FLOATING:
        result = terminal_distribution(process, policy, representation=representation)
        for low, value, high in zip(result.lower, truth, result.upper, strict=True):
            assert Fraction(float(low)) <= value <= Fraction(float(high))


def test_a_bracket_without_the_underflow_allowance_would_be_wrong() -> None:
    """The test above can fail: the relative bound alone puts the upper end at zero."""
    process = tiny_chain(Fraction(1, 10**200), 2)
    values = goal_values(process)
    assert values.values[2] == 0.0
    assert Fraction(float(values.upper[2])) > 0
    assert float(values.values[2] * (1 + 1e-10)) == 0.0


@pytest.mark.parametrize("representation", FLOATING)
def test_unreachable_goals_have_an_upper_bound_of_zero(representation: Any) -> None:
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (1, 0, 1, 1)], states=2, actions=1, initial=0, horizon=3
    )
    assert goal_values(process, representation=representation).upper[1] == 0.0
    assert goal_values(process.replaced(horizon=GeometricHorizon(Fraction(9, 10)))).upper[1] == 0.0


@pytest.mark.parametrize("steps", [1_000, 10_000])
def test_long_horizons(steps: int) -> None:
    """A fair walk away from the start with a closed form: ``Pr(still there) = (1 - 1/n)**T``."""
    rows = [(0, 0, 0, Fraction(steps - 1, steps)), (0, 0, 1, Fraction(1, steps)), (1, 0, 1, Fraction(1))]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=1, initial=0, horizon=steps)
    stays = Fraction(steps - 1, steps) ** steps
    for representation in FLOATING:
        assert inside(goal_values(process, representation=representation), [stays, 1 - stays])
        result = terminal_distribution(process, uniform_policy(process), representation=representation)
        assert Fraction(float(result.lower[0])) <= stays <= Fraction(float(result.upper[0]))
        assert result.upper[0] - result.lower[0] < 1e-10


@pytest.mark.parametrize("width", [100, 3000])
def test_wide_rows(width: int) -> None:
    """One choice with many successors whose probabilities are no binary fractions."""
    total = width * (width + 1) // 2
    rows = [(0, 0, s, Fraction(s + 1, total)) for s in range(width)]
    rows += [(s, 0, s, Fraction(1)) for s in range(1, width)]
    process = ControlledMarkovProcess.from_transitions(rows, states=width, actions=1, initial=0, horizon=2)
    first = Fraction(1, total)
    expected = [first * first] + [Fraction(s + 1, total) * (1 + first) for s in range(1, width)]
    assert inside(goal_values(process, representation="sparse"), expected)
    everything = np.ones((width, 1))
    total_value = optimal_terminal_values(process, everything, representation="sparse")
    assert inside(total_value, [Fraction(1)])


@pytest.mark.parametrize(
    "gamma", [Fraction(0), Fraction(99, 100), Fraction(9999, 10000), Fraction(10**9 - 1, 10**9)]
)
def test_gamma_near_one(gamma: Fraction) -> None:
    rows = [
        (0, 0, 0, 1),
        (0, 1, 1, "1/3"),
        (0, 1, 0, "2/3"),
        (1, 0, 1, "1/2"),
        (1, 0, 2, "1/2"),
        (2, 0, 0, 1),
    ]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=3, actions=2, initial=0, horizon=GeometricHorizon(gamma)
    )
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    for representation in FLOATING:
        values = goal_values(process, representation=representation)
        assert inside(values, exact.tolist())
        assert np.all(values.upper - values.lower < 1e-5)
    result = terminal_distribution(process, uniform_policy(process))
    half = np.array([Fraction(1, 2), Fraction(1, 2), Fraction(1), Fraction(1)], dtype=object)
    truth = terminal_distribution(process, half, representation="rational").exact
    assert truth is not None
    assert all(
        Fraction(float(a)) <= b <= Fraction(float(c))
        for a, b, c in zip(result.lower, truth, result.upper, strict=True)
    )


def test_gamma_beyond_floating_point_is_refused_but_exact_arithmetic_goes_on() -> None:
    gamma = 1 - Fraction(1, 10**18)
    process = make("line:2").replaced(horizon=GeometricHorizon(gamma))
    with pytest.raises(UnsupportedError, match="beyond the precision"):
        goal_values(process)
    with pytest.raises(UnsupportedError, match="beyond the precision"):
        terminal_distribution(process, uniform_policy(process))
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    assert exact.tolist() == [1, gamma]


def test_rows_that_are_off_by_a_billionth_widen_geometric_brackets() -> None:
    """A float row may sum to ``1 + 1e-9``; near gamma = 1 that moves the value by more than rounding does."""
    over = 5e-10
    matrix = np.array([[[1.0 - 0.25, 0.25 + over], [0.0, 1.0]]])
    process = ControlledMarkovProcess.from_dense(matrix, horizon=GeometricHorizon(Fraction(9999, 10000)))
    assert not process.is_exact
    gamma, p, q = Fraction(9999, 10000), Fraction(matrix[0, 0, 1]), Fraction(matrix[0, 0, 0])
    truth = gamma * p / (1 - gamma * q)  # V(1) = 1, V(0) = gamma (q V(0) + p V(1))
    values = goal_values(process)
    assert Fraction(float(values.lower[1])) <= truth <= Fraction(float(values.upper[1]))
    rho = terminal_distribution(process, np.ones(2))
    assert Fraction(float(rho.lower[1])) <= truth <= Fraction(float(rho.upper[1]))


# ---------------------------------------------------------------- limits and errors


def test_periodic_graph_at_a_huge_horizon_is_quick() -> None:
    cycle = [(s, 0, (s + 1) % 6, 1) for s in range(6)]
    process = ControlledMarkovProcess.from_transitions(cycle, states=6, actions=1, initial=0, horizon=10**6)
    assert np.flatnonzero(goal_support(process)).tolist() == [10**6 % 6]
    assert goal_support(process, visit=True).all()


@given(process=processes(max_states=5, geometric=False), steps=st.integers(1, 40))
def test_support_skips_periods_correctly(process: ControlledMarkovProcess, steps: int) -> None:
    now = set(np.flatnonzero(process.initial > 0).tolist())
    ever = set(now)
    for _ in range(steps):
        now = {
            int(t)
            for s in now
            for c in process.choices(s)
            for t in process.successors[process.offsets[c] : process.offsets[c + 1]]
        }
        ever |= now
    longer = process.replaced(horizon=steps)
    assert set(np.flatnonzero(goal_support(longer)).tolist()) == now
    assert set(np.flatnonzero(goal_support(longer, visit=True)).tolist()) == ever


def test_dense_matrix_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(InstanceTooLargeError, match="GiB"):
        backup(make("line:20000"), "dense")


def test_rational_needs_an_exact_process() -> None:
    third = 1.0 / 3.0
    process = ControlledMarkovProcess.from_dense(np.full((1, 3, 3), third), horizon=1)
    with pytest.raises(NotExactError, match="floating point only"):
        goal_values(process, representation="rational")


@pytest.mark.parametrize(
    ("shape", "value", "words"), [((2, 1), 1.0, "shape"), ((3, 1), -1.0, "non-negative")]
)
def test_terminal_rewards_are_checked(shape: tuple[int, int], value: float, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        optimal_terminal_values(make("line:3"), np.full(shape, value))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p[:1], "shape"),
        (lambda p: p * 2, "sum to"),
        (lambda p: np.where(p > 0, np.nan, p), "not negative"),
        (lambda p: p - 1, "not negative"),
    ],
)
def test_policies_are_checked(change: Any, words: str) -> None:
    process = make("line:3").replaced(horizon=2)
    with pytest.raises(InvalidArgumentError, match=words):
        terminal_distribution(process, change(uniform_policy(process)))


@given(values=st.lists(st.fractions(), min_size=1, max_size=4))
def test_flint_round_trip(values: list[Fraction]) -> None:
    assert from_flint(to_flint(values)).tolist() == values


# ---------------------------------------------------------------- brackets


@given(value=st.fractions(), scale=st.integers(-400, 400))
def test_exact_brackets_round_outward(value: Fraction, scale: int) -> None:
    value *= Fraction(10) ** scale
    bracket = Bracket.of(value)
    assert bracket.lower == -np.inf or Fraction(bracket.lower) <= value
    assert bracket.upper == np.inf or Fraction(bracket.upper) >= value
    assert bracket.exact == value


def test_brackets_refuse_to_be_upside_down() -> None:
    with pytest.raises(InvalidArgumentError, match="lower <= upper"):
        Bracket(2.0, 1.0)
    with pytest.raises(InvalidArgumentError, match="lower <= upper"):
        Bracket(float("nan"), 1.0)
