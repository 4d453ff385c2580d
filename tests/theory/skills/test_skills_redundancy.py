"""Redundancy of order a: one solver whose ends are the capacity (T7) and the minimax regret (T4)."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.environments import make
from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError
from metaregret.tabular.goals import goal_values
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import Order, as_order, channel_redundancy, divergences
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.skills import (
    Redundancy,
    Skill,
    information_lower_bound,
    process_capacity,
    process_redundancy,
    skill_search,
    terminal_vertices,
)
from metaregret.theory.skills import redundancy as module
from metaregret.theory.skills.dual_bound import support_bound
from metaregret.theory.skills.redundancy import _bracket
from metaregret.theory.tasks import GoalTasks
from tests.theory.skills.small_processes import all_markov_rows, processes, z_channel

ORDERS = (1, "3/2", 2, 4, "inf")


def worst_regret(process: ControlledMarkovProcess, found: Redundancy) -> float:
    values = goal_values(process).values
    goals = values > 0
    return float((values[goals] / found.reference[goals]).max() - 1)


@given(processes())
@settings(max_examples=8, deadline=None)
def test_the_ends_are_capacity_and_regret_and_the_orders_rise(process: ControlledMarkovProcess) -> None:
    found = [process_redundancy(process, order) for order in ORDERS]
    assert all(each.known for each in found)
    assert all(low.value.lower <= high.value.upper for low, high in itertools.pairwise(found))
    assert found[0].value == process_capacity(process).mutual_information
    regret = solve_without_memory(GoalTasks.reachable(process)).value
    assert math.exp(found[-1].value.midpoint) - 1 == pytest.approx(regret.midpoint, rel=1e-8, abs=1e-8)
    # Every exploration is one: a mixture of policies.
    rows = np.array(all_markov_rows(process))
    for each in found[1:-1]:
        assert (divergences(each.order, rows, each.reference) <= each.value.upper + 1e-9).all()


@pytest.mark.parametrize("name", ["z-channel", "line:4", "grid:2x2,slip=1/10"])
def test_order_one_posed_in_cvxpy_is_the_capacity(name: str) -> None:
    process = z_channel() if name == "z-channel" else make(name)
    primal = process_capacity(process)
    rows, _ = terminal_vertices(process)
    dual = channel_redundancy(rows, 1, method="program")
    assert primal.known
    assert dual.value.gap <= 1e-6
    assert dual.value.lower <= primal.mutual_information.upper
    assert primal.mutual_information.lower <= dual.value.upper
    np.testing.assert_allclose(dual.reference, primal.goal_distribution, atol=1e-3)


@pytest.mark.parametrize("order", [2, 4])
def test_branch_and_bound_agrees_with_enumeration(order: int) -> None:
    process = make("grid:2x2,slip=1/5").replaced(horizon=2)
    listed = process_redundancy(process, order)
    searched = process_redundancy(process, order, max_points=0)
    assert listed.known
    assert searched.known
    assert "branch and bound" in searched.value.upper_from
    assert abs(listed.value.midpoint - searched.value.midpoint) <= 3e-6


@pytest.mark.parametrize("order", [2, 4])
def test_what_is_not_proved_is_bounded_by_order_infinity_and_leakage(order: int) -> None:
    process = make("grid:3x3,slip=3/10").replaced(horizon=4)
    found = process_redundancy(process, order, max_nodes=0)
    most = process_redundancy(process, "inf").value.upper
    bound = min(most, support_bound(process)) if order == 2 else most
    assert not found.known
    assert found.value.upper == pytest.approx(bound, rel=1e-6)
    assert 1.0 < found.value.lower < found.value.upper


def closed_form(count: int, luck: float, order: float) -> float:
    """T21: the worst-case regret of ``q_a`` on the family ``F(K, v)``."""
    if order == 1:
        entropy = -luck * math.log(luck) - (1 - luck) * math.log(1 - luck)
        return luck * (1 + (count * math.exp(entropy)) ** (1 / luck)) - 1
    if order == math.inf:
        return count + luck - 1
    inner = (count ** (order - 1) - (1 - luck) ** order) / luck**order
    return luck * (1 + inner ** (1 / (order - 1))) - 1


@pytest.mark.parametrize(("count", "luck"), [(2, "1/2"), (16, "1/2"), (16, "1/8"), (5, "2/3")])
@pytest.mark.parametrize("order", ORDERS)
def test_regret_on_the_noisy_goal_has_its_closed_form(count: int, luck: str, order: object) -> None:
    process = make(f"noisy-goal:K={count},v={luck}")
    found = process_redundancy(process, order)
    expected = closed_form(count, float(Fraction(luck)), as_order(order).alpha)
    assert found.known
    assert worst_regret(process, found) == pytest.approx(expected, rel=1e-6)


TYPEWRITER = [[0.5 if y in (x, (x + 1) % 26) else 0.0 for y in range(26)] for x in range(26)]
CHANNELS = {
    "binary symmetric": (
        [["9/10", "1/10"], ["1/10", "9/10"]],
        math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1),
    ),
    "erasure": ([["7/10", "3/10", 0], [0, "3/10", "7/10"]], 0.7 * math.log(2)),
    "Z": ([[1, 0], ["1/2", "1/2"]], math.log(1.25)),
    "noisy typewriter": (TYPEWRITER, math.log(13)),
    "weakly symmetric": (
        [["1/3", "1/6", "1/2"], ["1/3", "1/2", "1/6"]],
        math.log(3) - (math.log(3) / 3 + math.log(6) / 6 + math.log(2) / 2),
    ),
    "useless input": ([[1, 0], [0, 1], ["1/2", "1/2"]], math.log(2)),
    "identical rows": ([["1/3", "2/3"], ["1/3", "2/3"]], 0.0),
    "one input": ([["1/4", "1/4", "1/2"]], 0.0),
}


def one_step(rows: list[list[object]]) -> ControlledMarkovProcess:
    """The channel as a process: every action from the start is an input."""
    outputs = len(rows[0])
    moves = [(outputs, x, y, w) for x, row in enumerate(rows) for y, w in enumerate(row) if w]
    stay = [(y, 0, y, 1) for y in range(outputs)]
    return ControlledMarkovProcess.from_transitions(
        [*moves, *stay], states=outputs + 1, actions=len(rows), initial=outputs, horizon=1
    )


@pytest.mark.parametrize("name", CHANNELS)
def test_a_process_of_one_step_has_the_exact_capacity_of_its_channel(name: str) -> None:
    """Cover and Thomas (2006), sec. 7.1-7.2: one vertex a choice, so nothing is left to search."""
    rows, capacity = CHANNELS[name]
    found = process_capacity(one_step(rows))
    assert found.known
    assert found.upper is not None
    assert found.mutual_information.gap <= 1e-9
    assert found.mutual_information.lower - 1e-12 <= capacity <= found.mutual_information.upper + 1e-12


def test_orders_of_a_permutation_invariant_channel_are_those_of_the_uniform_output() -> None:
    """Symmetric rows: ``q_a`` is uniform, ``C_a = log n + log(sum w^a) / (a-1)``."""
    rows = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.3, 0.2, 0.5]])
    for order in (Fraction(3, 2), 2, 5):
        found = channel_redundancy(rows, order)
        expected = math.log(3) + math.log((rows[0] ** float(order)).sum()) / (float(order) - 1)
        assert found.value.lower - 1e-12 <= expected <= found.value.upper + 1e-12
        assert found.value.gap <= 1e-6


@given(
    st.lists(st.integers(0, 6), min_size=3, max_size=3).filter(any),
    st.lists(st.integers(1, 6), min_size=3, max_size=3),
    st.integers(2, 6),
)
@settings(max_examples=40, deadline=None)
def test_divergences_of_integer_order_are_rational_powers(
    first: list[int], second: list[int], order: int
) -> None:
    rho = [Fraction(x, sum(first)) for x in first]
    q = [Fraction(x, sum(second)) for x in second]
    exact = sum(r**order / s ** (order - 1) for r, s in zip(rho, q, strict=True))
    found = float(divergences(as_order(order), [np.array(rho, dtype=float)], np.array(q, dtype=float))[0])
    assert found == pytest.approx(math.log(exact) / (order - 1), abs=1e-12)
    assert found >= math.log(exact) / (order - 1) - 1e-15


def test_an_order_near_one_is_near_the_relative_entropy() -> None:
    rho, q = np.array([0.2, 0.8]), np.array([0.5, 0.5])
    entropy = float((rho * np.log(rho / q)).sum())
    near = Order(Fraction(1001, 1000))
    assert float(divergences(near, [rho], q)[0]) == pytest.approx(entropy, abs=1e-3)
    assert float(near.divergence(near.terms(rho, q).sum())) == pytest.approx(entropy, abs=1e-3)


def test_a_state_that_is_never_met_hides_no_vertex_at_a_geometric_horizon() -> None:
    """It has no error, so that a reference without it is near: ``(1, 0)`` and ``(2/3, 1/3)`` have 6/5."""
    rows = [(0, 0, 0, 1), (0, 1, 1, "1/2"), (0, 1, 0, "1/2"), (1, 0, 1, 1), (2, 0, 0, 1)]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=3, actions=2, initial=0, horizon=GeometricHorizon(Fraction(1, 2))
    )
    found = process_redundancy(process, 2)
    assert found.known
    assert found.value.lower <= math.log(6 / 5) <= found.value.upper


def test_leakage_bounds_no_order_far_above_two() -> None:
    """Two actions that end as (2/3, 1/3, 0) and (3/5, 0, 2/5): ``log sum v`` is 0.336, order 6 is 0.503."""
    rows = [(0, 0, 1, "2/3"), (0, 0, 2, "1/3"), (0, 1, 1, "3/5"), (0, 1, 3, "2/5")]
    rows += [(s, 0, s, 1) for s in (1, 2, 3)]
    process = ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial=0, horizon=1)
    lower = process_redundancy(process, 6).value.lower
    assert support_bound(process) + 0.1 < lower
    unproved = process_redundancy(process, 6, max_points=1, max_nodes=0).value
    assert unproved.upper_from == "redundancy of order infinity, which is no less"
    assert lower <= unproved.upper


def test_a_reference_that_misses_mass_is_infinitely_far() -> None:
    found = divergences(as_order(2), [[0.5, 0.5], [1.0, 0.0]], [1.0, 0.0])
    assert np.isinf(found[0])
    assert found[1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("order", [0, "1/2", "1.0001", 65, "nan", "two", None, -math.inf, True])
def test_orders_that_are_none_are_refused(order: object) -> None:
    with pytest.raises(InvalidArgumentError, match="Expected order to be 1, a number from"):
        process_redundancy(z_channel(), order)


def test_too_few_rounds_are_an_error_with_bounds() -> None:
    process = make("grid:3x3,slip=1/10").replaced(horizon=4)
    with pytest.raises(ConvergenceError, match="raise max_rounds") as caught:
        process_redundancy(process, 2, max_rounds=1, max_nodes=0)
    assert 1.9 < caught.value.lower < 2.0011448 < caught.value.upper


def test_the_skills_of_order_one_are_those_of_the_capacity() -> None:
    found = process_redundancy(z_channel())
    assert information_lower_bound(found.skills) == pytest.approx(found.value.lower, abs=1e-12)


def bracket(monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Bracket, list[np.ndarray]]:
    """The bracket of two skills, of what a search says; bounds of other kinds are 3 and 5 nats."""
    asked: list[np.ndarray] = []

    def of_regret(process: ControlledMarkovProcess, tolerance: float) -> SimpleNamespace:
        assert (process, tolerance) == (search.process, 1e-6)
        infinite = options.get("infinite", 3.0)
        if isinstance(infinite, ConvergenceError):
            raise infinite
        return SimpleNamespace(value=Bracket(0.0, infinite, lower_from="", upper_from=""))

    class Polytope:
        def divergences(self, low: np.ndarray, order: Order) -> np.ndarray:
            asked.append(low)
            return np.array([0.25, 0.75, 0.5])

    search: Any = SimpleNamespace(
        polytope=Polytope() if options.get("listed") else None,
        order=as_order(options.get("order", 3)),
        support=np.arange(2),
        tolerance=options.get("tolerance", 1e-3),
        process=z_channel(),
        proved_lower=lambda skills, reference: options["lower"],
        relaxed=lambda q: options.get("relaxed", (np.inf, "unknown")),
    )
    monkeypatch.setattr(module, "_of_regret", of_regret)
    monkeypatch.setattr(module, "support_bound", lambda _: 2.0)
    monkeypatch.setattr(module, "relative_error", lambda roundings: roundings * 2.0**-30)
    rows = np.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])
    errors = np.array(options.get("errors", [[0.0, 0.0, 0.0]] * 2))
    skills = tuple(Skill(0.5, np.zeros(0), row, error) for row, error in zip(rows, errors, strict=True))
    reference = np.array(options.get("reference", [0.375, 0.625, 0.0]))
    found = _bracket(search, (), reference, skills, options.get("upper", np.inf), "said so")
    return found, asked


def test_known_vertices_are_measured_from_what_is_left_of_the_mixture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each skill's error and the roundings of the sum below it, never less than nothing."""
    errors = [[0.125, 0.0, 1.0], [0.25, 0.5, 1.0]]
    found, (low,) = bracket(monkeypatch, listed=True, lower=0.75 - 5e-4, errors=errors)
    left = 1 - (2 * 2 + 8) * 2.0**-30
    np.testing.assert_allclose(low, [(0.375 - 0.1875) * left, (0.625 - 0.25) * left, 0.0], rtol=1e-15)
    assert (found.lower, found.upper, found.upper_from) == (0.75 - 5e-4, 0.75, "said so")
    assert found.lower_from == "tangent at the farthest policies, its maximum by value iteration"


@pytest.mark.parametrize(
    ("reference", "shift"),
    [([3.0, 5.0, 0.0], 0.0), ([1.0, 1.0, 8.0], -math.log(5)), ([5.0, 3.0, 0.0], math.log(5 / 3))],
)
def test_a_search_from_another_mixture_is_widened_by_the_largest_ratio(
    reference: list[float], shift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is that of the roundings where the mixtures agree; and nothing is taken off."""
    found, _ = bracket(monkeypatch, upper=1.0, reference=reference, lower=1.0, tolerance=1.0)
    rounding = -math.log1p(-12 * 2.0**-30)
    assert found.upper == pytest.approx(1.0 + max(0.0, shift + rounding) + 2e-15, rel=0, abs=4e-16)


def test_the_largest_ratio_is_infinite_where_nothing_is_left_of_the_mixture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, _ = bracket(monkeypatch, upper=1.0, errors=[[1.0, 0.0, 0.0]] * 2, lower=0.0, infinite=3.0)
    assert (found.upper, found.upper_from) == (3.0, "redundancy of order infinity, which is no less")


@pytest.mark.parametrize(
    ("options", "upper", "source"),
    [
        ({"order": 3}, 3.0, "redundancy of order infinity, which is no less"),
        ({"order": 2}, 2.0, "maximal leakage"),
        ({"order": 2, "infinite": 1.5}, 1.5, "redundancy of order infinity, which is no less"),
        ({"order": 3, "relaxed": (2.5, "last steps")}, 2.5, "last steps"),
        ({"order": 3, "listed": True}, 0.75, "said so"),
        ({"order": 2, "tolerance": np.inf}, np.inf, "said so"),
    ],
)
def test_what_is_not_closed_takes_the_least_of_the_other_bounds(
    options: dict[str, Any], upper: float, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = bracket(monkeypatch, lower=0.5, **options)
    assert (found.lower, found.upper, found.upper_from) == (0.5, upper, source)


def test_the_wanted_gap_is_relative_above_one_nat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap of 1/4 at -1/2, which no bound improves on; of 1 at 2 nats; and bounds never cross."""
    for lower, upper, tolerance, kept in (
        (2.0, 3.5, 0.75, True),
        (2.0, 3.5, 0.74, False),
        (0.5, 3.25, 2.75, True),
        (0.5, 3.25, 2.74, False),
    ):
        found, _ = bracket(
            monkeypatch, lower=lower, upper=upper, tolerance=tolerance + 1e-7, reference=[1.0, 1.0, 8.0]
        )
        assert (found.upper > 3.0) == kept
    crossed, _ = bracket(monkeypatch, listed=True, lower=0.8)
    assert (crossed.lower, crossed.upper) == (0.75, 0.75)


def test_order_infinity_takes_its_bounds_from_the_regret(monkeypatch: pytest.MonkeyPatch) -> None:
    """``log(1 + Reg)`` of either bound, with room for its rounding."""
    process = z_channel(2)
    regret = solve_without_memory(GoalTasks.reachable(process), tolerance=1e-6)

    def solved(tasks: GoalTasks, *, tolerance: float) -> Any:
        assert tasks.process in (process, line)
        assert tolerance in (1e-6, 1e-9)
        return solve_without_memory(tasks, tolerance=tolerance)

    line = make("line:1")
    monkeypatch.setattr("metaregret.theory.minimax.without_memory.solve_without_memory", solved)
    found = process_redundancy(process, "inf", tolerance=1e-6)
    assert found.value.lower == math.log1p(regret.value.lower) * (1 - 1e-15)
    assert found.value.upper == math.log1p(regret.value.upper) * (1 + 1e-15)
    assert found.value.lower_from == regret.value.lower_from
    assert found.value.upper_from == regret.value.upper_from
    (skill,) = found.skills
    assert skill.probability == 1.0
    np.testing.assert_array_equal(found.reference, skill.terminal)
    assert (found.known, found.status, str(found.order)) == (True, Status.CERTIFIED, "inf")
    assert found.process is process
    nothing = process_redundancy(line, "inf").value
    assert (nothing.lower, nothing.upper < 1e-12) == (0.0, True)


@pytest.mark.parametrize(("lower", "upper"), [(0.5, 0.75), (-math.inf, math.inf)])
def test_a_regret_that_is_not_found_has_bounds_in_nats(
    lower: float, upper: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were those of the regret, which is more than its logarithm; an order in between goes without."""

    def failed(tasks: GoalTasks, *, tolerance: float) -> Any:
        raise ConvergenceError("did not close", lower=lower, upper=upper)

    monkeypatch.setattr("metaregret.theory.minimax.without_memory.solve_without_memory", failed)
    with pytest.raises(ConvergenceError, match=r"^The regret .* was not found: did not close") as caught:
        process_redundancy(z_channel(), "inf")
    assert caught.value.lower == math.log1p(max(0.0, lower)) * (1 - 1e-15)
    assert caught.value.upper == math.log1p(upper) * (1 + 1e-15)
    found, _ = bracket(monkeypatch, lower=0.25, infinite=caught.value)
    assert found.upper == caught.value.upper
    assert found.upper_from == "redundancy of order infinity, which is no less"


@pytest.mark.parametrize("order", ["3/2", "4"])
def test_where_policies_are_a_table_too_large_one_ends_where_their_mixture_does(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty numbers hold the table of three skills of a z-channel of two steps, not four times one of
    choices; the lower bound is that of the last round's weights."""
    process = z_channel(2)
    whole = process_redundancy(process, order)
    monkeypatch.setattr(skill_search, "MOST_ENTRIES", 40)
    found = process_redundancy(process, order)
    assert len(whole.skills) > 1
    assert (len(found.skills), len(found.farthest)) == (1, 0)
    assert found.known
    assert found.value.lower <= whole.value.upper
    assert whole.value.lower <= found.value.upper
    assert found.reference == pytest.approx(whole.reference, abs=1e-5)
