"""Totals and probabilities of reaching, by every method, against all policies of small random models.

Drawn by a seed and not by hypothesis, which takes longer than what is tested: mutants are many.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from metaregret.tabular.engine import PlanningSolution, solve
from metaregret.tabular.errors import ConvergenceError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from tests.tabular.engine.models import (
    INFINITE,
    as_objects,
    brute_force_total,
    chain_of,
    closure,
    policies_of,
    total_of_policy,
)


def drawn(seed: int) -> tuple[ControlledMarkovProcess, np.random.Generator]:
    """Two to five states, one or two choices, one to three successors; every fourth state is a trap."""
    generator = np.random.default_rng(seed)
    states = int(generator.integers(2, 6))
    rows: list[tuple[int, int, int, object]] = []
    for state in range(states):
        for action in range(int(generator.integers(1, 3))):
            successors = generator.permutation(states)[: int(generator.integers(1, 4))].tolist()
            if generator.random() < 0.25:
                successors = [state]
            shares = generator.integers(1, 4, len(successors)).tolist()
            rows += [
                (state, action, to, Fraction(share, sum(shares)))
                for to, share in zip(successors, shares, strict=True)
            ]
    return (
        ControlledMarkovProcess.from_transitions(rows, states=states, actions=2, initial=0, horizon=1),
        generator,
    )


def assert_right(
    found: PlanningSolution, expected: list[Any], *, maximise: bool, tolerance: float = 1e-8
) -> None:
    """The bounds hold the best value of every state, infinite ones included."""
    best = np.inf if maximise else -np.inf
    tolerance *= max(1.0, *(abs(value) for value in expected if isinstance(value, Fraction)))
    for low, value, high in zip(found.lower.tolist(), expected, found.upper.tolist(), strict=True):
        if isinstance(value, Fraction):
            assert Fraction(low) <= value <= Fraction(high)
            assert high - low <= tolerance
        else:  # plus infinity may be found where another policy has no value
            assert (low, high) in (
                [(-np.inf, np.inf), (best, best)] if value == INFINITE else [(value, value)]
            )


def solved(
    process: ControlledMarkovProcess, rewards: np.ndarray, question: dict[str, Any], method: Any
) -> PlanningSolution | None:
    """The solution; None where two-sided iteration says that it knows no start from above."""
    try:
        return solve(process, rewards, **question, method=method)
    except UnsupportedError as error:
        refusal = str(error)
    assert method == "two-sided"
    assert "no upper bound to start from" in refusal
    return None


@pytest.mark.parametrize("seed", range(120))
def test_totals_are_the_best_over_all_policies(seed: int) -> None:
    process, generator = drawn(seed)
    low, high = [(-2, 3), (0, 3), (-2, 1), (-1, 2)][seed % 4]
    rewards = as_objects([Fraction(int(n)) for n in generator.integers(low, high, process.n_transitions)])
    rewards *= generator.random(process.n_transitions) < 0.7
    targets = set(generator.permutation(process.n_states)[: seed % 3 % 2].tolist())
    maximise = seed % 5 < 3
    expected = brute_force_total(process, rewards, targets, maximise=maximise)
    question: dict[str, Any] = {"objective": "total", "maximise": maximise}
    if targets:
        question["targets"] = sorted(targets)
    if not isinstance(expected[0], Fraction):
        word = {np.inf: "plus infinity", -np.inf: "minus infinity"}.get(expected[0], "infinit")
        for exact in (False, True):
            with pytest.raises(UnsupportedError, match=word):
                solve(process, rewards, **question, exact=exact)
        starts = [state for state, value in enumerate(expected) if isinstance(value, Fraction)]
        if not starts:
            return
        process = process.replaced(initial=starts[0])
    found = solve(process, rewards, **question, exact=True)
    assert found.exact is not None
    assert_right(found, expected, maximise=maximise, tolerance=1e-14)
    numbers = {state: value for state, value in enumerate(expected) if isinstance(value, Fraction)}
    assert {state: found.exact[state] for state in numbers} == numbers
    assert found.policy is not None
    attained = total_of_policy(process, tuple(found.policy.tolist()), rewards, targets)
    assert {state: attained[state] for state in numbers} == numbers
    for method in ("policy-iteration", "gauss-seidel", "two-sided"):
        rough = solved(process, rewards, question, method)
        if rough is None:
            continue
        assert_right(rough, expected, maximise=maximise)
        assert rough.policy is not None
        attained = total_of_policy(process, tuple(rough.policy.tolist()), rewards, targets)
        assert {state: attained[state] for state in numbers} == numbers


@pytest.mark.parametrize("seed", range(60))
def test_probabilities_of_reaching_are_the_best_over_all_policies(seed: int) -> None:
    process, generator = drawn(1000 + seed)
    targets = set(generator.permutation(process.n_states)[: 1 + seed % 2].tolist())
    maximise = seed % 3 > 0
    entering = as_objects([Fraction(int(state in targets)) for state in process.successors.tolist()])
    expected = brute_force_total(process, entering, targets, maximise=maximise)
    for state in targets:
        expected[state] = Fraction(1)
    question: dict[str, Any] = {"objective": "reach", "maximise": maximise, "targets": sorted(targets)}
    found = solve(process, **question, exact=True)
    assert found.exact is not None
    assert list(found.exact) == expected
    assert found.policy is not None
    for method in ("policy-iteration", "gauss-seidel", "two-sided"):
        rough = solve(process, **question, method=method)
        assert_right(rough, expected, maximise=maximise)
        for low, value, high in zip(rough.lower.tolist(), expected, rough.upper.tolist(), strict=True):
            assert low == value == high if value in (0, 1) else 0 < low < high < 1
        assert rough.policy is not None
        for policy in (found.policy, rough.policy):
            attained = total_of_policy(process, tuple(policy.tolist()), entering, targets)
            others = [state for state in range(process.n_states) if state not in targets]
            assert [attained[state] for state in others] == [expected[state] for state in others]


@pytest.mark.parametrize("seed", range(24))
def test_costs_until_a_target_are_the_least_over_policies_that_reach_it(seed: int) -> None:
    """A policy counts where whatever it meets leads to the target; where none does the cost is infinite."""
    process, generator = drawn(2000 + seed)
    costs = as_objects([Fraction(int(n)) for n in generator.integers(0, 3, process.n_transitions)])
    targets = set(generator.permutation(process.n_states)[: 1 + seed % 2].tolist())
    least: list[Any] = [np.inf] * process.n_states
    for policy in policies_of(process):
        chain, totals = chain_of(process, policy), total_of_policy(process, policy, costs, targets)
        for target in targets:
            chain[target] = {target: (Fraction(1), -1)}
        met = [closure(chain, state) for state in range(process.n_states)]
        for state in range(process.n_states):
            if all(met[other] & targets for other in met[state]):
                least[state] = min(least[state], totals[state])
    question: dict[str, Any] = {"objective": "total", "targets": sorted(targets), "must_reach": True}
    sign = 1 - seed % 4 // 2 * 2
    for method in ("exact", "policy-iteration", "two-sided")[seed % 3 :]:
        way: dict[str, Any] = {"exact": True} if method == "exact" else {"method": method}
        if least[0] == np.inf:
            with pytest.raises(UnsupportedError, match="may be missed: from the start state '0'"):
                solve(process, sign * costs, **question, **way, maximise=sign < 0)
            continue
        found = solve(process, sign * costs, **question, **way, maximise=sign < 0)
        expected = [value if value == np.inf else sign * value for value in least]
        bounds = list(zip(found.lower.tolist(), found.upper.tolist(), strict=True))
        for (low, high), value in zip(bounds, expected, strict=True):
            if value == np.inf:
                assert (low, high) == (sign * np.inf, sign * np.inf)
            else:
                assert Fraction(low) <= value <= Fraction(high) <= value + Fraction(1, 10**7)
        assert found.policy is not None
        attained = total_of_policy(process, tuple(found.policy.tolist()), sign * costs, targets)
        assert all(attained[s] == expected[s] for s in range(process.n_states) if least[s] < np.inf)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_both_sides_hold_whatever_the_limit(limit: int) -> None:
    """Reached with probability 1/2 or 3/4, in a loop that is left with probability 1/2."""
    rows: list[tuple[int, int, int, object]] = [
        (0, 0, 0, "1/2"), (0, 0, 1, "1/4"), (0, 0, 2, "1/4"), (0, 1, 0, "1/2"), (0, 1, 1, "3/8"),
        (0, 1, 2, "1/8"), (1, 0, 1, 1), (2, 0, 2, 1),
    ]  # fmt: skip
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)
    for maximise, value in ((True, 0.75), (False, 0.5)):
        with pytest.raises(ConvergenceError, match=f"stopped by max_iterations after {limit} iter") as caught:
            solve(
                process, objective="reach", targets=[1], maximise=maximise, method="two-sided",
                max_iterations=limit,
            )  # fmt: skip
        assert caught.value.lower < value < caught.value.upper
        # Every backup halves what is left of the loop.
        assert caught.value.upper - caught.value.lower == pytest.approx(2.0**-limit, rel=1e-9)


def test_two_sided_says_how_it_stopped() -> None:
    """A gain of 1000 a step until one leaves, with probability 1/2: 2000, by halves of the gap."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, "1/2"), (0, 0, 1, "1/2"), (1, 0, 1, 1)], states=2, actions=1, initial=0, horizon=1
    )
    question: dict[str, Any] = {"objective": "total", "method": "two-sided"}
    found = solve(process, np.array([1000.0, 0.0]), **question, tolerance=1e-3)
    assert found.value.contains(2000)
    assert 0.1 < found.gap <= 2  # the tolerance is relative to the value
    assert (found.method, found.detail) == ("two-sided", "backups of a bound from each side")
    assert found.policy is not None
    assert found.policy.tolist() == [0, 1]
    with pytest.raises(
        ConvergenceError, match=r"two-sided stopped by rounding after [4-9]. iterations"
    ) as caught:
        solve(process, np.array([1000.0, 0.0]), **question, tolerance=1e-18)
    assert caught.value.lower <= 2000 <= caught.value.upper
