"""`solve` on models with known answers, its refusals by name, and its limits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from metaregret.tabular.engine import METHODS, Objective, discounted, graph_kernels, solve
from metaregret.tabular.engine.layout import frozen
from metaregret.tabular.environments import make
from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from tests.tabular.engine.models import brute_force_total, chain_with_reset, near_periodic_cycle


def process_of(
    rows: list[tuple[int, int, int, object]], states: int, actions: int = 2
) -> ControlledMarkovProcess:
    return ControlledMarkovProcess.from_transitions(
        rows, states=states, actions=actions, initial=0, horizon=1
    )


@pytest.mark.parametrize("stages", [15, 20, 30])
def test_long_chain_with_a_fair_coin_back(stages: int) -> None:
    """A residual-based stop returns 0.6508 at 15 stages; the true value is 0.7 at any length."""
    found = solve(chain_with_reset(stages), objective="reach", targets=[stages])
    assert found.value.contains(Fraction(7, 10))
    assert found.gap <= 1e-9


def test_double_precision_says_where_it_ends() -> None:
    """With 30 stages rounding moves the value by more than the tolerance; a named method does not hide
    that."""
    with pytest.raises(ConvergenceError, match=r"stopped by rounding.*exact=True") as caught:
        solve(chain_with_reset(30), objective="reach", targets=[30], method="policy-iteration")
    assert caught.value.lower <= 0.7 <= caught.value.upper
    assert caught.value.upper - caught.value.lower < 1e-4


def test_two_sided_meets_in_the_middle() -> None:
    found = solve(chain_with_reset(8), objective="reach", targets=[8], method="two-sided", tolerance=1e-7)
    assert found.lower[0] <= 0.7 <= found.upper[0]
    assert found.gap <= 1e-7


@pytest.mark.parametrize("maximise", [True, False])
def test_two_sided_totals_with_rewards_of_both_signs(maximise: bool) -> None:
    """No policy goes on for ever, so an upper bound to start from is known although a reward is positive."""
    process = process_of(
        [(0, 0, 1, "1/2"), (0, 0, 2, "1/2"), (0, 1, 1, 1), (1, 0, 0, "1/3"), (1, 0, 2, "2/3"), (2, 0, 2, 1)],
        3,
        2,
    )
    # V1 = -3 + V0 / 3; action 0: V0 = 1 + V1 / 2 = -3/5, action 1: V0 = 2 + V1 = -3/2.
    found = solve(
        process, np.array([1.0, 2.0, -3.0, 0.0]), objective="total", method="two-sided", maximise=maximise
    )
    assert found.method == "two-sided"
    assert Fraction(found.lower[0]) <= Fraction(-3, 5 if maximise else 2) <= Fraction(found.upper[0])


def test_two_sided_shortest_path_on_a_slippery_grid() -> None:
    """The expected number of steps, against exact policy iteration."""
    process = make("grid:4x4,slip=1/10")
    question: dict[str, Any] = {
        "rewards": np.ones(16), "objective": "total", "targets": [15], "maximise": False,
    }  # fmt: skip
    exact = solve(process, **question, exact=True)
    found = solve(process, **question, method="two-sided")
    assert exact.exact is not None
    for state in range(16):
        assert Fraction(found.lower[state]) <= exact.exact[state] <= Fraction(found.upper[state])
    assert found.gap <= 1e-9 * max(1.0, float(found.upper.max()))


def test_two_sided_refuses_gains_next_to_loops() -> None:
    """A loop that costs, and a gain on the way out: no start from above, and the refusal says so."""
    process = process_of([(0, 0, 0, 1), (0, 1, 1, 1), (1, 0, 1, 1)], 2, 2)
    rewards = np.array([-1.0, 5.0, 0.0])
    assert solve(process, rewards, objective="total").value.contains(5)
    with pytest.raises(UnsupportedError, match="no upper bound to start from"):
        solve(process, rewards, objective="total", method="two-sided")


@pytest.mark.parametrize("method", METHODS[Objective.DISCOUNTED])
def test_a_dollar_a_day_for_ever(method: Any) -> None:
    """The value is 1 / (1 - 0.99) = 100; a limit of 250 sweeps without a bound returns 91.98."""
    process = process_of([(0, 0, 0, 1)], 1, 1)
    found = solve(process, np.ones(1), objective="discounted", gamma=0.99, method=method)
    assert found.lower[0] <= 100 <= found.upper[0]
    assert found.gap <= 1e-7


def test_a_float_discount_is_the_decimal_it_prints_and_an_equal_fraction_is_itself() -> None:
    """``Fraction(0.1) == 0.1`` in Python, but the first is a binary fraction and the second one tenth."""
    process = process_of([(0, 0, 0, 1)], 1, 1)
    for gamma, expected in ((0.1, Fraction(10, 9)), (Fraction(0.1), 1 / (1 - Fraction(0.1)))):
        found = solve(process, np.ones(1), objective="discounted", gamma=gamma, exact=True)
        assert found.value.exact == expected


@pytest.mark.parametrize("states", [discounted.ELIMINATED_STATES, discounted.ELIMINATED_STATES + 1])
def test_small_models_are_solved_by_elimination(states: int) -> None:
    """On both sides of the limit the bounds hold the same values, also where nothing mixes."""
    process = make(f"line:{states}")
    rewards = np.arange(float(states))
    found = solve(process, rewards, objective="discounted", gamma=0.999, maximise=False)
    assert (found.method == "policy-iteration") == (states <= discounted.ELIMINATED_STATES)
    exact = solve(process, rewards, objective="discounted", gamma=0.999, maximise=False, exact=True)
    assert exact.exact is not None
    for state in range(states):
        assert Fraction(found.lower[state]) <= exact.exact[state] <= Fraction(found.upper[state])


def test_two_state_deterministic_model() -> None:
    """A model on which another library overflows."""
    process = process_of([(0, 0, 1, 1), (0, 1, 0, 1), (1, 0, 0, 1), (1, 1, 1, 1)], 2)
    found = solve(process, np.array([5.0, 0.0, -10.0, 1.0]), objective="discounted", gamma=0.9)
    # From 1: stay for 1 / 0.1 = 10; from 0: 5 + 0.9 * 10.
    np.testing.assert_allclose(found.values, [14.0, 10.0], atol=1e-8)
    assert found.policy is not None
    assert found.policy.tolist() == [0, 3]


@pytest.mark.parametrize("gamma", ["9999/10000", "999999/1000000"])
def test_near_periodic_cycle_with_gamma_close_to_one(gamma: str) -> None:
    process = near_periodic_cycle(9, Fraction(1, 10**9))
    rewards = np.zeros(process.n_states)
    rewards[0] = 1.0
    exact = solve(process, rewards, objective="discounted", gamma=gamma, exact=True)
    found = solve(process, rewards, objective="discounted", gamma=gamma, tolerance=1e-8)
    assert np.all((found.lower <= exact.upper) & (exact.lower <= found.upper))


# -------------------------------------------------------------------------------- loops, infinities, improper
# policies


def test_a_loop_of_reward_zero_does_not_fool_the_upper_bound() -> None:
    """States 0 and 1 may swap for ever: naive iteration from above would keep the value 1."""
    process = process_of(
        [(0, 0, 1, 1), (1, 0, 0, 1), (1, 1, 2, "1/2"), (1, 1, 3, "1/2"), (2, 0, 2, 1), (3, 0, 3, 1)], 4
    )
    for method in METHODS[Objective.REACH]:
        found = solve(process, objective="reach", targets=[2], method=method)
        np.testing.assert_allclose(found.lower, [0.5, 0.5, 1, 0], atol=1e-9)
        np.testing.assert_allclose(found.upper, [0.5, 0.5, 1, 0], atol=1e-9)
    # The policy leaves the loop.
    assert found.policy is not None
    assert found.policy.tolist()[:2] == [0, 2]


def test_free_loops_are_worth_nothing_but_may_be_kept() -> None:
    """Maximising, a costly exit is not taken; minimising a cost, waiting for ever is free."""
    process = process_of([(0, 0, 1, 1), (1, 0, 0, 1), (1, 1, 2, 1), (2, 0, 2, 1)], 3)
    costly = np.array([0.0, 0.0, -5.0, 0.0])
    assert solve(process, costly, objective="total").value.midpoint == 0.0
    assert solve(process, -costly, objective="total", maximise=False).value.midpoint == 0.0
    assert solve(process, -costly, objective="total").value.midpoint == pytest.approx(5.0)


def test_endless_reward_is_refused_by_name() -> None:
    process = process_of([(0, 0, 1, 1), (1, 0, 0, 1), (1, 1, 2, 1), (2, 0, 2, 1)], 3)
    with pytest.raises(UnsupportedError, match=r"start state '0' \(index 0\) is plus infinity"):
        solve(process, np.array([1.0, 0.0, 0.0, 0.0]), objective="total")
    with pytest.raises(UnsupportedError, match=r"'0' \(index 0\) is minus infinity"):
        solve(process, np.array([-1.0, 0.0, 0.0, 0.0]), objective="total", maximise=False)


def test_no_way_out_of_a_costly_loop_is_refused_by_name() -> None:
    process = process_of([(0, 0, 1, 1), (1, 0, 0, 1)], 2, 1)
    with pytest.raises(UnsupportedError, match="minus infinity"):
        solve(process, -np.ones(2), objective="total")
    with pytest.raises(UnsupportedError, match="plus infinity"):
        solve(process, np.ones(2), objective="total", maximise=False)


def test_infinite_values_elsewhere_are_reported_as_such() -> None:
    """State 2 is a trap of cost 1 a step that nobody has to enter."""
    process = process_of([(0, 0, 1, 1), (0, 1, 2, 1), (1, 0, 1, 1), (2, 0, 2, 1)], 3)
    found = solve(process, np.array([-1.0, 0.0, 0.0, -1.0]), objective="total")
    assert found.lower.tolist()[2] == found.upper.tolist()[2] == -np.inf
    assert found.value.contains(-1.0)
    assert found.gap < 1e-12


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("back", [-1, "-1/1"])
def test_loops_whose_rewards_cancel_are_refused(exact: bool, back: object) -> None:
    """Plus one, minus one, for ever: the total has no limit."""
    process = process_of([(0, 0, 1, 1), (1, 0, 0, 1), (1, 1, 2, 1), (2, 0, 2, 1)], 3)
    rewards = np.array([1, back, 0, 0], dtype=object)
    with pytest.raises(UnsupportedError, match="cancel"):
        solve(process, rewards, objective="total", exact=exact)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("length", "rewards", "target", "maximise"),
    [
        (8, "1/2 -3 0 0 0 2/3 0 3/2 3/4 2 3 -1/2 -3 0 0 1/2", 7, False),
        (5, "0 -1/4 -1/2 1 0 0 -1/2 0 1/3 -1/2", 1, True),
    ],
)
def test_a_gaining_loop_found_by_sweeps_is_refused(
    length: int, rewards: str, target: int, maximise: bool, exact: bool
) -> None:
    """Ordered sweeps are drawn into the loop; found by a deep run of the certificate tests, which did not
    end."""
    process = near_periodic_cycle(length, Fraction(0))
    paid = np.array([Fraction(text) for text in rewards.split()], dtype=object)
    expected = brute_force_total(process, paid, {target}, maximise=maximise)
    assert isinstance(expected[0], (float, str))  # infinite, or no value at all
    with pytest.raises(UnsupportedError, match="infinit"):
        solve(process, paid, objective="total", targets=target, maximise=maximise, exact=exact)


def test_unreachable_target_is_worth_zero_and_says_so() -> None:
    process = process_of([(0, 0, 0, 1), (1, 0, 1, 1)], 2, 1)
    found = solve(process, objective="reach", targets=["1"])
    assert (found.value.lower, found.value.upper) == (0.0, 0.0)
    assert found.upper.tolist() == [0.0, 1.0]
    assert "graph" in found.detail


# -------------------------------------------------------------------------------- agreement and limits


@pytest.mark.parametrize("method", METHODS[Objective.TOTAL])
def test_methods_agree_on_a_slippery_grid(method: Any) -> None:
    process = make("grid:6x6,slip=1/5")
    exact = solve(process, np.ones(36), objective="total", targets=[35], maximise=False, exact=True)
    found = solve(
        process, np.ones(36), objective="total", targets=[35], maximise=False, method=method, tolerance=1e-6
    )
    assert found.value.contains(exact.value.exact or 0)
    assert found.method == {"auto": "policy-iteration"}.get(method, method)


@pytest.mark.parametrize("method", METHODS[Objective.DISCOUNTED])
def test_methods_agree_on_dense_sparse_and_ragged_rows(method: Any) -> None:
    random = np.random.default_rng(3)
    dense = random.dirichlet(np.ones(40), size=(3, 40))
    ragged = np.where(random.random((3, 40, 40)) < 0.05, dense, 0.0)
    ragged[:, :, 0] += 1e-3
    ragged[0, 0] = dense[0, 0]  # one full row among short ones
    ragged /= ragged.sum(axis=2, keepdims=True)
    for array in (dense, ragged):
        process = ControlledMarkovProcess.from_dense(array, horizon=1)
        rewards = random.normal(size=process.n_choices)
        found = solve(process, rewards, objective="discounted", gamma=0.95, method=method)
        values = np.zeros(40)
        for _ in range(2000):  # 0.95**2000 is 0 in double precision
            values = (rewards.reshape(40, 3) + 0.95 * np.swapaxes(array @ values, 0, 1)).max(axis=1)
        np.testing.assert_allclose(found.values, values, atol=1e-7)
        assert np.all((found.lower - 1e-10 <= values) & (values <= found.upper + 1e-10))


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("value-iteration", {"objective": "discounted", "gamma": 0.99, "max_iterations": 5}),
        ("modified-policy-iteration", {"objective": "discounted", "gamma": 0.99, "max_iterations": 5}),
        ("policy-iteration", {"objective": "discounted", "gamma": 0.99, "max_iterations": 1}),
        ("gauss-seidel", {"objective": "discounted", "gamma": 0.99, "max_iterations": 3}),
    ],
)
def test_limits_raise_with_the_best_bounds(method: Any, options: dict[str, Any]) -> None:
    process = make("garnet:S=60,A=3,b=3,seed=4")
    rewards = np.random.default_rng(0).random(process.n_choices)
    truth = solve(process, rewards, objective="discounted", gamma=0.99).value.midpoint
    with pytest.raises(ConvergenceError, match="wider than tolerance") as caught:
        solve(process, rewards, method=method, **options)
    assert caught.value.lower <= truth <= caught.value.upper
    assert np.isfinite(caught.value.upper - caught.value.lower)


def test_two_sided_limit_raises_with_true_bounds() -> None:
    with pytest.raises(ConvergenceError) as caught:
        solve(chain_with_reset(12), objective="reach", targets=[12], method="two-sided", max_iterations=50)
    assert 0.0 <= caught.value.lower <= 0.7 <= caught.value.upper <= 1.0


def test_tolerance_beyond_double_precision_raises() -> None:
    process = make("garnet:S=20,A=3,b=3,seed=1")
    with pytest.raises(ConvergenceError, match="exact=True"):
        solve(
            process,
            np.ones(20),
            objective="discounted",
            gamma=0.99,
            tolerance=1e-16,
            method="policy-iteration",
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "average"}, "objective"),
        ({"objective": "discounted", "rewards": np.ones(4)}, "needs gamma"),
        ({"objective": "discounted", "gamma": 0.9}, "needs rewards"),
        ({"objective": "discounted", "gamma": 1, "rewards": np.ones(4)}, "0 <= gamma < 1"),
        ({"objective": "finite", "rewards": np.ones(4)}, "needs steps"),
        ({"objective": "finite", "steps": -1, "rewards": np.ones(4)}, "steps"),
        ({"objective": "finite", "steps": 2}, "rewards or terminal"),
        ({"objective": "reach"}, "needs targets"),
        ({"objective": "reach", "targets": []}, "at least one target"),
        ({"objective": "reach", "targets": ["nowhere"]}, "nowhere"),
        ({"objective": "reach", "targets": [9]}, "0..3"),
        ({"objective": "reach", "targets": [1], "rewards": np.ones(4)}, "takes no rewards"),
        ({"objective": "reach", "targets": np.zeros(3, dtype=bool)}, "mask of shape"),
        ({"objective": "total"}, "needs rewards"),
        ({"objective": "total", "rewards": np.ones(3)}, "of shape"),
        ({"objective": "total", "rewards": np.array([1, np.nan, 0, 0])}, "finite"),
        ({"objective": "total", "rewards": np.array(["a"] * 4)}, "numbers"),
        ({"objective": ["total"]}, "objective"),
        ({"objective": "discounted", "gamma": 0.9, "rewards": np.array([1, np.nan, 0, 0])}, r"rewards\[1\]"),
        ({"objective": "discounted", "gamma": 0.9, "rewards": np.array([0, 0, -np.inf, 0])}, r"rewards\[2\]"),
        ({"objective": "discounted", "gamma": [0.9], "rewards": np.ones(4)}, "gamma to be a number"),
        ({"objective": "finite", "steps": 1, "terminal": np.ones(3)}, "terminal of shape"),
        ({"objective": "discounted", "gamma": 0.9, "rewards": np.ones(4), "tolerance": 0}, "tolerance"),
        ({"objective": "discounted", "gamma": 0.9, "rewards": np.ones(4), "method": "magic"}, "magic"),
        (
            {"objective": "discounted", "gamma": 0.9, "rewards": np.ones(4), "max_iterations": 0},
            "max_iterations",
        ),
    ],
)
def test_arguments_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        solve(make("line:4"), **options)


def test_a_method_of_another_objective_is_unsupported() -> None:
    with pytest.raises(UnsupportedError, match="is solved by"):
        solve(make("line:4"), objective="reach", targets=[1], method="value-iteration")


def test_results_are_frozen() -> None:
    found = solve(make("line:4"), objective="reach", targets=[3])
    with pytest.raises(AttributeError):
        found.method = "other"
    with pytest.raises(ValueError, match="read-only"):
        found.lower[0] = 1.0


def test_finite_horizon_keeps_relative_accuracy_of_tiny_probabilities() -> None:
    """Reaching the end of a chain of 60 coin tosses in 60 steps has probability 10**-60, to relative
    accuracy."""
    rows: list[tuple[int, int, int, object]] = []
    for s in range(60):
        rows += [(s, 0, s + 1, "1/10"), (s, 0, 0, "9/10")]
    rows.append((60, 0, 60, 1))
    process = process_of(rows, 61, 1)
    terminal = np.zeros(61)
    terminal[60] = 1.0
    found = solve(process, steps=60, terminal=terminal)
    assert Fraction(found.lower[0]) <= Fraction(1, 10**60) <= Fraction(found.upper[0])
    assert found.upper[0] - found.lower[0] <= 1e-12 * 1e-60


def test_zero_steps_return_the_terminal_values() -> None:
    found = solve(make("line:4"), steps=0, terminal=np.arange(4.0))
    np.testing.assert_allclose(found.values, np.arange(4.0), rtol=1e-14)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("single", [False, True])
def test_a_limit_of_backups_holds_in_either_precision(
    limit: int, single: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = make("garnet:S=40,A=4,b=5,seed=1")
    rewards = np.random.default_rng(2).random(process.n_choices)
    monkeypatch.setattr(discounted, "SINGLE_PRECISION_STATES", 0 if single else 10**9)
    with pytest.raises(ConvergenceError, match=rf"stopped by max_iterations after [1-{limit}] iterations"):
        solve(
            process,
            rewards,
            objective="discounted",
            gamma=0.99,
            method="modified-policy-iteration",
            max_iterations=limit,
        )


@pytest.mark.parametrize("goal", [0, 24, 47])
def test_sweeps_in_memory_order_settle_an_open_grid(goal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Down and up at most, without a search; the values are ``gamma ** distance / (1 - gamma)``."""
    monkeypatch.setattr(graph_kernels, "nearest_first", None)
    process = make("grid:7x7")
    rewards = (process.choice_state == goal).astype(float)
    found = solve(process, rewards, objective="discounted", gamma=0.9, method="gauss-seidel")
    assert found.iterations <= 2
    rows, columns = np.divmod(np.arange(49), 7)
    distance = abs(rows - goal // 7) + abs(columns - goal % 7)
    np.testing.assert_allclose(found.values, 0.9**distance / (1 - 0.9), atol=1e-8)


def test_states_are_ordered_by_their_distance_to_the_largest_reward() -> None:
    """On a ring of 6 that turns one way, with a state that never gets there."""
    rows = [(state, 0, (state + 1) % 6, 1) for state in range(6)] + [(6, 0, 6, 1)]
    process = process_of(rows, 7, 1)
    rewards = np.array([0.0, 0, 0, 5, 0, 0, 4])
    order = graph_kernels.nearest_first(
        frozen(process.choice_offsets), frozen(process.offsets), process.successors, frozen(rewards)
    )
    assert order.tolist() == [3, 2, 1, 0, 5, 4, 6]


@pytest.mark.parametrize("scale", [1e-280, 1e33, 1e35, 1e38, 1e300])
def test_rewards_beyond_single_precision(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The units of the rewards do not matter, also where the first sweeps would be in single precision."""
    process = make("garnet:S=40,A=4,b=5,seed=1")
    rewards = np.random.default_rng(2).random(process.n_choices)
    monkeypatch.setattr(discounted, "SINGLE_PRECISION_STATES", 0)
    question: dict[str, Any] = {"objective": "discounted", "gamma": 0.99, "tolerance": 1e-10}
    usual = solve(process, rewards, **question)
    found = solve(process, scale * rewards, **question)
    if scale < 1:  # the tolerance is absolute below 1
        assert found.gap <= 1e-10
    else:
        np.testing.assert_allclose(found.values / scale, usual.values, rtol=1e-8)


# -------------------------------------------------------------------------------- until a target


@pytest.mark.parametrize("exact", [False, True])
def test_waiting_for_ever_does_not_count_until_a_target(exact: bool) -> None:
    """Waiting is free and walking costs 2: waiting is cheapest, but does not reach the target."""
    process = process_of([(0, 0, 0, 1), (0, 1, 1, 1), (1, 0, 1, 1)], 2)
    cost = np.array([0.0, 2.0, 0.0])
    question: dict[str, Any] = {"objective": "total", "targets": [1], "maximise": False, "exact": exact}
    assert solve(process, cost, **question).value.contains(0)
    found = solve(process, cost, **question, must_reach=True)
    assert found.value.contains(2)
    assert found.value.gap < 1e-12
    assert found.policy is not None
    assert found.policy[0] == 1


@pytest.mark.parametrize("exact", [False, True])
def test_a_target_that_may_be_missed_is_refused_by_name(exact: bool) -> None:
    process = process_of([(0, 0, 1, "1/2"), (0, 0, 2, "1/2"), (1, 0, 1, 1), (2, 0, 2, 1)], 3)
    question: dict[str, Any] = {"objective": "total", "must_reach": True, "exact": exact}
    with pytest.raises(UnsupportedError, match=r"may be missed.*state '2' \(index 2\)"):
        solve(process, np.ones(4), **question, targets=[1])
    assert solve(process, np.ones(4), **question, targets=[1, 2]).value.contains(1)
    with pytest.raises(InvalidArgumentError, match="targets"):
        solve(process, np.ones(4), **question)


@pytest.mark.parametrize("maximise", [True, False])
def test_two_sided_iteration_waits_out_a_period(maximise: bool) -> None:
    """State 0 goes to 1, 1 wins, loses or goes back with 1/3 each: the gap falls at every other backup."""
    rows: list[Any] = [
        (0, 0, 1, 1),
        (1, 0, 0, "1/3"),
        (1, 0, 2, "1/3"),
        (1, 0, 3, "1/3"),
        (2, 0, 2, 1),
        (3, 0, 3, 1),
    ]
    found = solve(process_of(rows, 4), objective="reach", targets=[2], method="two-sided", maximise=maximise)
    assert found.value.contains(0.5)


# -------------------------------------------------------------------------------- huge rewards


@pytest.mark.parametrize("method", METHODS[Objective.DISCOUNTED])
@pytest.mark.parametrize("size", [1e200, 1.7e308])
def test_huge_rewards_are_right_or_refused(method: Any, size: float) -> None:
    """A linear program with rewards of 1e300 took the process along, sweeps of 1.7e308 ended in nan."""
    process = process_of([(0, 0, 0, "1/2"), (0, 0, 1, "1/2"), (0, 1, 1, 1), (1, 0, 0, 1)], 2)
    rewards = size * np.array([0.5, 1.0, -0.25])
    question: dict[str, Any] = {"objective": "discounted", "gamma": "9/10"}
    exact = solve(process, rewards, **question, exact=True)
    assert exact.value.exact is not None
    if size > 1e300:
        assert exact.value.upper == np.inf
        with pytest.raises(UnsupportedError, match="double precision"):
            solve(process, rewards, **question, method=method)
        return
    assert solve(process, rewards, **question, method=method).value.contains(exact.value.exact)


def test_a_small_value_beside_large_rewards_is_found() -> None:
    """The cheapest total is 0; rewards of 500000 leave double precision no 1e-9."""
    process = process_of([(0, 0, 1, 1), (0, 1, 0, 1), (1, 0, 1, 1)], 2)
    found = solve(process, np.array([500000.0, 0.0, 0.0]), objective="total", maximise=False)
    assert found.value.exact == 0


def test_an_exact_value_above_the_largest_float() -> None:
    process = process_of([(0, 0, 0, 1)], 1)
    found = solve(process, np.array([Fraction(10) ** 307], dtype=object), steps=30, exact=True)
    assert found.value.exact == 30 * Fraction(10) ** 307
    assert found.value.to_json() == {"lower": np.inf, "upper": np.inf, "exact": "3" + "0" * 308}
    assert "3e+308" in str(found.value)


@pytest.mark.parametrize("states", [2, 40])
@pytest.mark.parametrize(
    "question",
    [
        {"steps": 4},
        *({"objective": "discounted", "gamma": "9/10", "method": m} for m in ("auto", "gauss-seidel")),
    ],
)
def test_of_equal_choices_the_first_is_taken(states: int, question: dict[str, Any]) -> None:
    process = ControlledMarkovProcess.from_dense(np.tile(np.eye(states), (3, 1, 1)), horizon=1)
    policy = solve(process, np.ones(states), **question).policy
    assert policy is not None
    assert (policy == process.choice_offsets[:-1]).all()
