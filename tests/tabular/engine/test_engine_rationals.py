"""Exact planning by its parts, against all policies of small random models.

Drawn by a seed; what is expected is kept, as mutants ask for it again and again.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import Any

import flint
import numpy as np
import pytest

from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.engine import Objective, PlanningSolution, exact, gain, solve
from metaregret.tabular.engine.exact import ExactModel, chain_values, policy_iteration, row_sums
from metaregret.tabular.engine.graph import ChoiceGraph
from metaregret.tabular.errors import (
    ConvergenceError,
    InstanceTooLargeError,
    NotExactError,
    SolverError,
    UnsupportedError,
)
from metaregret.tabular.process import ControlledMarkovProcess
from tests.tabular.engine.models import (
    INFINITE,
    as_objects,
    brute_force_discounted,
    brute_force_total,
    gaussian,
    total_of_policy,
)
from tests.tabular.engine.test_engine_undiscounted import drawn

Asked = tuple[ControlledMarkovProcess, np.ndarray, np.ndarray, bool]
"""A process, rewards as they are given (of states, choices or transitions), those of the transitions, and
whether they are maximised."""

DETAIL = "policy iteration; the exact Bellman residual is zero"


@cache
def asked(seed: int, low: int = -2, high: int = 3) -> Asked:
    process, generator = drawn(seed)
    units = [np.arange(process.n_transitions), process.transition_choice]
    units.append(process.choice_state[process.transition_choice])
    unit = units[seed % 3]
    size = int(unit.max()) + 1
    numbers = generator.integers(low, high, size) * (generator.random(size) < 0.8)
    given = as_objects([Fraction(int(number), 3) for number in numbers])
    return process, given, given[unit], seed % 5 < 3


def assert_exact(found: PlanningSolution, expected: list[Any], objective: Objective) -> None:
    """Values as rational numbers, and as the nearest floats around them."""
    assert found.exact is not None
    assert (found.objective, found.status) == (objective, Status.EXACT)
    for state, value in enumerate(expected):
        bounds = (found.lower[state], found.upper[state])
        if isinstance(value, Fraction):
            assert found.exact[state] == value
            assert bounds == (Bracket.of(value).lower, Bracket.of(value).upper)
        else:
            assert found.exact[state] is None
            assert bounds == ((-np.inf, np.inf) if value == INFINITE else (value, value))
    for array in (found.lower, found.upper, found.exact):
        assert not array.flags.writeable


@cache
def discounted(seed: int, gamma: Fraction) -> list[Fraction]:
    process, _, paid, maximise = asked(seed)
    return brute_force_discounted(process, paid, gamma, maximise=maximise)


GAMMAS = (Fraction(0), Fraction(2, 3), Fraction(99, 100))


@pytest.mark.parametrize("seed", range(18))
@pytest.mark.parametrize("gamma", GAMMAS)
def test_discounted_values_and_a_policy_that_attains_them(seed: int, gamma: Fraction) -> None:
    process, given, paid, maximise = asked(seed)
    expected = discounted(seed, gamma)
    found = solve(
        process, given, objective="discounted", gamma=gamma, maximise=maximise, exact=True, max_iterations=30
    )
    assert_exact(found, expected, Objective.DISCOUNTED)
    assert (found.method, found.detail, found.iterations) == ("exact-policy-iteration", DETAIL, 1)
    assert found.process is process
    assert found.policy is not None
    for state, choice in enumerate(found.policy.tolist()):
        assert choice in process.choices(state)
        items = range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
        worth = (
            process.exact_probabilities[m] * (paid[m] + gamma * expected[process.successors[m]])
            for m in items
        )
        assert sum(worth, Fraction(0)) == expected[state]


@cache
def totals(seed: int) -> tuple[frozenset[int], list[Any]]:
    process, _, paid, maximise = asked(seed, *[(-2, 3), (0, 3), (-2, 1), (-1, 2)][seed % 4])
    targets = frozenset({seed % process.n_states}) if seed % 2 else frozenset()
    return targets, brute_force_total(process, paid, set(targets), maximise=maximise)


TOTALS = range(60)


@pytest.mark.parametrize("seed", TOTALS)
def test_totals_and_a_policy_that_attains_them(seed: int) -> None:
    process, given, paid, maximise = asked(seed, *[(-2, 3), (0, 3), (-2, 1), (-1, 2)][seed % 4])
    targets, expected = totals(seed)
    question: dict[str, Any] = {
        "objective": "total",
        "maximise": maximise,
        "exact": True,
        "max_iterations": 30,
    }
    if targets:
        question["targets"] = sorted(targets)
    if not isinstance(expected[0], Fraction):
        with pytest.raises(UnsupportedError, match="infinit"):
            solve(process, given, **question)
        return
    found = solve(process, given, **question)
    best = np.inf if maximise else -np.inf
    surely = found.lower == best
    assert_exact(
        found,
        [best if value == INFINITE and sure else value for value, sure in zip(expected, surely, strict=True)],
        Objective.TOTAL,
    )
    assert (found.method, found.detail) == ("exact-policy-iteration", DETAIL)
    assert found.iterations >= 1
    assert found.policy is not None
    attained = total_of_policy(process, tuple(found.policy.tolist()), paid, set(targets))
    for state, value in enumerate(expected):
        assert not isinstance(value, Fraction) or attained[state] == value


@cache
def chances(seed: int) -> tuple[int, list[Any]]:
    process, _, _, maximise = asked(seed)
    target = seed % process.n_states
    entering = as_objects([Fraction(int(state == target)) for state in process.successors.tolist()])
    expected = brute_force_total(process, entering, {target}, maximise=maximise)
    expected[target] = Fraction(1)
    return target, expected


@pytest.mark.parametrize("seed", range(100, 130))
def test_probabilities_of_reaching(seed: int) -> None:
    """States that reach the target surely, or cannot, are settled; others lead to them."""
    process, _, _, maximise = asked(seed)
    target, expected = chances(seed)
    found = solve(
        process, objective="reach", targets=[target], maximise=maximise, exact=True, max_iterations=30
    )
    assert_exact(found, expected, Objective.REACH)
    if all(value in (0, 1) for value in expected):
        assert found.iterations == 1


def test_no_value_elsewhere_is_no_number() -> None:
    """A start that rests; a loop whose rewards cancel, one that gains, one that loses, and steps that end."""
    rows = [(0, 0, 0, 1), (1, 0, 2, 1), (2, 0, 1, 1), (3, 0, 3, 1), (4, 0, 4, 1), (5, 0, 0, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=6, actions=1, initial=0, horizon=1)
    rewards = as_objects([Fraction(n) for n in (0, 1, -1, 1, -1, 7)])
    found = solve(process, rewards, objective="total", exact=True)
    assert_exact(found, [Fraction(0), INFINITE, INFINITE, np.inf, -np.inf, Fraction(7)], Objective.TOTAL)
    found = solve(process, rewards, objective="total", exact=True, maximise=False)
    assert_exact(found, [Fraction(0), INFINITE, INFINITE, np.inf, -np.inf, Fraction(7)], Objective.TOTAL)


@pytest.mark.parametrize(("back", "gains"), [(10**15 - 1, True), (10**15, True), (10**15 + 1, False)])
def test_a_gain_that_neither_floats_nor_size_decide(
    back: int, gains: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earns 10^15, and pays about as much to go back; or ends. Rational policy iteration sees it."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, 1), (1, 0, 0, 1), (1, 1, 2, 1), (2, 0, 2, 1)], states=3, actions=2, initial=0, horizon=1
    )
    rewards = as_objects([Fraction(10**15), Fraction(-back), Fraction(0), Fraction(0)])
    monkeypatch.setattr(gain, "DECIDED_STATES", 1)
    if gains:
        with pytest.raises(UnsupportedError, match="some policy stays for ever in a loop"):
            solve(process, rewards, objective="total", exact=True, max_iterations=30)
        return
    found = solve(process, rewards, objective="total", exact=True, max_iterations=30)
    assert_exact(found, [Fraction(10**15), Fraction(0), Fraction(0)], Objective.TOTAL)


def stays(size: int) -> ControlledMarkovProcess:
    """Every state leads to itself, but for the last step of a choice to the next one."""
    rows: list[tuple[int, int, int, object]] = [(state, 0, state, 1) for state in range(size)]
    rows += [(state, 1, state + 1, 1) for state in range(size - 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=size, actions=2, initial=0, horizon=1)


def test_numbers_that_no_float_holds_need_no_float() -> None:
    """10^-400 or 10^307 a step."""
    tiny, huge = Fraction(1, 10**400), Fraction(10**307)
    process = stays(3)
    for paid in (tiny, huge):
        rewards = as_objects([Fraction(0), Fraction(0), paid])
        found = solve(process, rewards, objective="discounted", gamma="1/2", exact=True)
        assert_exact(found, [paid / 2, paid, 2 * paid], Objective.DISCOUNTED)
        assert found.iterations == 3
        found = solve(process, -rewards, objective="discounted", gamma="1/2", maximise=False, exact=True)
        assert_exact(found, [-paid / 2, -paid, -2 * paid], Objective.DISCOUNTED)
        step = -10 * paid  # the sum of two is beyond the largest float
        found = solve(process, as_objects([step, step, 0]), objective="total", targets=[2], exact=True)
        assert_exact(found, [2 * step, step, Fraction(0)], Objective.TOTAL)


@cache
def stepwise(seed: int, steps: int) -> tuple[list[Fraction], list[list[int]], np.ndarray]:
    process, _, paid, maximise = asked(seed)
    sign = 1 if maximise else -1
    terminal = as_objects([Fraction(state - 1, 3) for state in range(process.n_states)])
    values, decisions = [sign * value for value in terminal.tolist()], []
    for _ in range(steps):
        worth = [
            sum(
                process.exact_probabilities[m] * (sign * paid[m] + values[process.successors[m]])
                for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
            )
            for choice in range(process.n_choices)
        ]
        best = [max(process.choices(state), key=worth.__getitem__) for state in range(process.n_states)]
        values = [Fraction(worth[choice]) for choice in best]
        decisions.insert(0, best)
    return [sign * value for value in values], decisions, terminal


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("seed", range(12))
def test_finite_horizons_step_by_step(seed: int, steps: int) -> None:
    process, given, _, maximise = asked(seed)
    expected, decisions, terminal = stepwise(seed, steps)
    for keep in (True, False):
        found = solve(
            process, given, steps=steps, terminal=terminal, maximise=maximise, exact=True, keep_policy=keep
        )
        assert_exact(found, expected, Objective.FINITE)
        assert (found.method, found.detail) == ("exact-backward-induction", "rational backward induction")
        assert found.iterations == steps
        if keep and steps:
            assert found.policy is not None
            assert found.policy.tolist() == decisions
        elif not keep:
            assert found.policy is None


def test_rewards_or_terminal_values_may_be_left_out() -> None:
    process = stays(2)
    found = solve(process, steps=1, terminal=as_objects([Fraction(1, 3), Fraction(1, 2)]), exact=True)
    assert_exact(found, [Fraction(1, 2), Fraction(1, 2)], Objective.FINITE)
    found = solve(process, as_objects([Fraction(1, 3), Fraction(1, 7)]), steps=2, exact=True)
    assert_exact(found, [Fraction(2, 3), Fraction(2, 7)], Objective.FINITE)


@pytest.mark.parametrize("steps", [1, 3])
def test_work_over_the_limit_is_refused(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps times transitions times words of a number, 20 operations each."""
    process, given, _, _ = asked(1)
    common = math.lcm(*(p.denominator for p in process.exact_probabilities))
    work = 20 * steps * process.n_transitions * (1 + steps * math.log2(common + 1) / 64)
    monkeypatch.setattr(exact, "LARGEST_WORK", work * (1 + 1e-12))
    assert solve(process, given, steps=steps, exact=True).exact is not None
    monkeypatch.setattr(exact, "LARGEST_WORK", work * (1 - 1e-12))
    with pytest.raises(InstanceTooLargeError, match="word operations; use exact=False"):
        solve(process, given, steps=steps, exact=True)


def test_a_float_process_is_refused_at_every_objective() -> None:
    process = ControlledMarkovProcess.from_dense(np.array([[[0.3, 0.7], [0.5, 0.5]]]), horizon=1)
    discounted = {"objective": "discounted", "gamma": 0.5}
    questions: list[dict[str, Any]] = [{"steps": 1}, discounted, {"objective": "total"}]
    for question in questions:
        with pytest.raises(NotExactError, match="floating point only"):
            solve(process, np.ones(2), **question, exact=True)


# -------------------------------------------------------------------------------- parts


def rationals(*items: object) -> np.ndarray:
    return as_objects([flint.fmpq(Fraction(str(x)).numerator, Fraction(str(x)).denominator) for x in items])


def test_sums_of_rows_some_of_them_empty() -> None:
    sums = row_sums(np.array([0, 0, 2, 2, 3, 3]), rationals(1, "1/2", 5))
    assert sums.tolist() == [0, flint.fmpq(3, 2), 0, 5, 0]
    assert row_sums(np.array([0, 0, 0]), rationals()).tolist() == [0, 0]
    assert all(isinstance(value, flint.fmpq) for value in sums)


@cache
def random_chain(seed: int) -> tuple[ExactModel, np.ndarray, list[Fraction]]:
    """A model that leaks in every row, a policy, and its values by elimination."""
    process, generator = drawn(seed)
    policy = np.array([generator.choice(process.choices(state)) for state in range(process.n_states)])
    gamma = Fraction(4, 5)
    paid = [Fraction(int(number)) for number in generator.integers(-3, 4, process.n_choices)]
    system, right = [], []
    for state, choice in enumerate(policy.tolist()):
        row = [Fraction(int(state == other)) for other in range(process.n_states)]
        for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1])):
            row[process.successors[m]] -= gamma * process.exact_probabilities[m]
        system.append(row)
        right.append(paid[choice])
    graph = ChoiceGraph(process.choice_offsets, process.offsets, process.successors)
    model = ExactModel(graph, rationals(*(gamma * p for p in process.exact_probabilities)), rationals(*paid))
    return model, policy, gaussian(system, right)


def fractions(values: np.ndarray) -> list[Fraction]:
    return [Fraction(int(value.p), int(value.q)) for value in values.tolist()]


@pytest.mark.parametrize("seed", range(30))
def test_values_of_a_chain(seed: int) -> None:
    model, policy, expected = random_chain(seed)
    assert fractions(chain_values(model, policy)) == expected


@pytest.mark.parametrize(("largest", "fits"), [(3, True), (2, False)])
def test_a_strong_component_over_the_limit_is_refused(
    largest: int, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three states in a circle, and two that lead to it."""
    graph = ChoiceGraph(np.arange(6), np.arange(6), np.array([1, 2, 0, 0, 3]))
    model = ExactModel(graph, rationals(*["1/2"] * 5), rationals(1, 0, 0, 0, 0))
    monkeypatch.setattr(exact, "LARGEST_COMPONENT", largest)
    if fits:
        found = fractions(chain_values(model, np.arange(5)))
        assert found == [Fraction(n, 7) for n in (8, 2, 4, 4, 2)]
        return
    with pytest.raises(InstanceTooLargeError, match="strong component of 3 states, more than 2; an exact"):
        chain_values(model, np.arange(5))


def line(*rewards: object) -> ExactModel:
    """Two states; the first may stay, or go to the second, which stays: half of everything is lost a step."""
    graph = ChoiceGraph(np.array([0, 2, 3]), np.arange(4), np.array([0, 1, 1]))
    return ExactModel(graph, rationals("1/2", "1/2", "1/2"), rationals(*rewards))


def test_policy_iteration_counts_its_rounds() -> None:
    """A change for a strict gain only, to the first of the best choices."""
    for rewards, start, end, rounds in (
        ((1, 1, 3), [0, 2], [1, 2], 2),
        ((1, 1, 3), [1, 2], [1, 2], 1),
        ((1, 1, 1), [0, 2], [0, 2], 1),
        ((1, 1, 1), [1, 2], [1, 2], 1),
    ):
        model = line(*rewards)
        values, policy, count = policy_iteration(model, np.array(start), 9)
        assert (policy.tolist(), count) == (end, rounds)
        assert all(residual == 0 for residual in model.residual(values))
        assert policy_iteration(model, np.array(start), rounds)[2] == rounds
        if rounds > 1:
            with pytest.raises(ConvergenceError, match=r"did not finish in max_iterations=1 rounds; raise"):
                policy_iteration(model, np.array(start), rounds - 1)
    three = ExactModel(
        ChoiceGraph(np.array([0, 3]), np.arange(4), np.zeros(3, int)),
        rationals("1/2", "1/2", "1/2"),
        rationals(1, 3, 3),
    )
    assert policy_iteration(three, np.array([0]), 9)[1].tolist() == [1]


def test_a_chain_that_is_solved_wrongly_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values too large have a negative residual, which no better choice explains."""
    model, right = line(1, 1, 3), chain_values(line(1, 1, 3), np.array([1, 2]))
    monkeypatch.setattr(exact, "chain_values", lambda *rest: right + rationals("1/1000", "1/1000"))
    with pytest.raises(SolverError, match="the rational solve is wrong"):
        policy_iteration(model, np.array([1, 2]), 9)


def test_a_policy_that_never_ends_is_refused() -> None:
    """The sink is the last state; a loop keeps from it."""
    graph = ChoiceGraph(np.array([0, 2, 3, 4]), np.arange(5), np.array([0, 2, 0, 2]))
    exact._require_proper(graph, np.array([1, 2, 3]))
    with pytest.raises(UnsupportedError, match="some policy stays for ever in a loop"):
        exact._require_proper(graph, np.array([0, 2, 3]))
    # To leave costs 1, a loop that gains 1 is better, and leaves no more.
    graph = ChoiceGraph(np.array([0, 2, 3]), np.arange(4), np.array([0, 1, 1]))
    model = ExactModel(graph, rationals(1, 0, 0), rationals(1, -1, 0))
    with pytest.raises(UnsupportedError, match="some policy stays for ever in a loop"):
        policy_iteration(model, np.array([1, 2]), 9, proper_sink=True)


@pytest.mark.parametrize("states", [2, 1])
def test_a_loop_whose_gain_is_open_is_refused(states: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Policy iteration over the rationals ends with tight choices that stay for ever: the rewards cancel."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, 1), (1, 0, 0, 1), (1, 1, 2, 1), (2, 0, 2, 1)], states=3, actions=2, initial=0, horizon=1
    )
    monkeypatch.setattr(gain, "DECIDED_STATES", states - 1)
    rewards = as_objects([Fraction(1), Fraction(-1), Fraction(0), Fraction(0)])
    with pytest.raises(UnsupportedError, match="infinit" if states == 2 else "infinit|cancel"):
        solve(process, rewards, objective="total", targets=[2], exact=True)
    rewards[1] = Fraction(-2)
    found = solve(process, rewards, objective="total", targets=[2], exact=True)
    assert_exact(found, [Fraction(1), Fraction(0), Fraction(0)], Objective.TOTAL)
