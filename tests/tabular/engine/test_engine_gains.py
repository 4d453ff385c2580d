"""The signs of mean payoffs against all ways to stay in a small model, over the rationals.

Drawn by a seed; what is expected is kept, as mutants ask for it again and again.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from metaregret.tabular.engine import gain
from metaregret.tabular.engine.gain import decide_gains
from metaregret.tabular.engine.graph import ChoiceGraph
from metaregret.tabular.engine.problem import Problem, read_problem
from metaregret.tabular.process import ControlledMarkovProcess
from tests.tabular.engine.models import as_objects, closed_classes, gaussian

Classes = dict[frozenset[int], tuple[Fraction, bool, bool]]
"""Closed sets of states, by choices of equal weight: the best gain; whether one of gain zero pays something;
whether one never loses and sometimes gains."""


class Drawn(NamedTuple):
    """A model, its components, and which of its states cancel, or have to be looked at."""

    problem: Problem
    graph: ChoiceGraph
    allowed: np.ndarray
    least: np.ndarray
    greatest: np.ndarray
    components: list[frozenset[int]]
    gains: list[Fraction]
    cancelling: np.ndarray
    mixed: np.ndarray

    @property
    def arguments(self) -> tuple[Problem, ChoiceGraph, np.ndarray, np.ndarray, np.ndarray]:
        return self.problem, self.graph, self.allowed, self.least, self.greatest

    @property
    def positive(self) -> np.ndarray:
        return self.members([number for number, value in enumerate(self.gains) if value > 0])

    def members(self, numbers: list[int]) -> np.ndarray:
        mask = np.zeros(self.graph.n_states, dtype=bool)
        mask[[state for number in numbers for state in self.components[number]]] = True
        return mask


def posed(process: ControlledMarkovProcess, rewards: np.ndarray, maximise: bool) -> Problem:
    return read_problem(
        process, rewards, "total", steps=None, gamma=None, terminal=None, targets=None, maximise=maximise,
        tolerance=1e-9, max_iterations=10,
    )  # fmt: skip


def parts_of(generator: np.random.Generator, count: int, dyadic: bool) -> list[Fraction]:
    shares = [[4], [1, 3], [1, 2, 1]][count - 1] if dyadic else generator.integers(1, 4, count).tolist()
    return [Fraction(share, sum(shares)) for share in shares]


@cache
def drawn(seed: int, dyadic: bool = False) -> Drawn:
    """Two to four states with one or two choices; rewards of states, choices or transitions."""
    generator = np.random.default_rng(seed)
    states = int(generator.integers(2, 5))
    rows: list[tuple[int, int, int, object]] = []
    for state in range(states):
        for action in range(int(generator.integers(1, 3))):
            successors = generator.permutation(states)[: int(generator.integers(1, min(states, 3) + 1))]
            shares = parts_of(generator, len(successors), dyadic)
            rows += [(state, action, to, p) for to, p in zip(successors.tolist(), shares, strict=True)]
    process = ControlledMarkovProcess.from_transitions(rows, states=states, actions=2, initial=0, horizon=1)
    units = [np.arange(process.n_transitions), process.transition_choice]
    units.append(process.choice_state[process.transition_choice])
    unit = units[seed % 3]
    size = int(unit.max()) + 1
    low, high = [(-1, 2), (-2, 2), (-1, 3)][seed % 4 % 3]
    given = generator.integers(low, high, size) * (generator.random(size) < 0.8)
    if seed >= 2000:  # what is paid is paid back on every way around, but for a fee here and there
        unit, heights = units[0], generator.integers(0, 3, states) * (generator.random(states) < 0.5)
        given = heights[process.choice_state[process.transition_choice]] - heights[process.successors]
        given -= (generator.random(process.n_choices) < 0.3)[process.transition_choice]
    if dyadic:
        given[0] = 4 * (-1) ** seed
    sign = -1 if seed % 5 == 0 else 1
    size = 1 if dyadic else 3  # rewards are thirds
    problem = posed(process, as_objects([Fraction(int(sign * n), size) for n in given]), sign > 0)
    paid = given[unit]
    least, greatest = (by.reduceat(paid, process.offsets[:-1]) / size for by in (np.minimum, np.maximum))
    allowed = generator.random(process.n_choices) < 0.9
    graph = ChoiceGraph(process.choice_offsets, process.offsets, process.successors)
    classes = classes_of(process, allowed, [Fraction(int(n), size) for n in paid])
    components = [group for group in classes if not any(group < other for other in classes)]
    inside = [[(c, of) for c, of in classes.items() if c <= group] for group in components]
    best = [max(of[0] for _, of in parts) for parts in inside]
    cancelling = np.zeros(states, dtype=bool)
    looked_at = np.zeros(states, dtype=bool)
    for group, value, parts in zip(components, best, inside, strict=True):
        for part, (of_part, pays, _) in parts:
            cancelling[list(part)] |= value == of_part == 0 and pays
        gains_something = any(
            allowed[choice] and greatest[choice] > 0 and set(led_to(process, choice)) <= group
            for state in group
            for choice in process.choices(state)
        )
        looked_at[list(group)] = gains_something and not any(sure for _, (_, _, sure) in parts)
    return Drawn(
        problem, graph, allowed, least, greatest, components, best, cancelling, looked_at,
    )  # fmt: skip


def led_to(process: ControlledMarkovProcess, choice: int) -> list[int]:
    return process.successors[process.offsets[choice] : process.offsets[choice + 1]].tolist()


def classes_of(process: ControlledMarkovProcess, allowed: np.ndarray, paid: list[Fraction]) -> Classes:
    """All closed sets, by the choices that are taken with equal weight in every state (none: stop)."""
    options = [
        [taken for n in range(3) for taken in itertools.combinations(np.flatnonzero(mine).tolist(), n)]
        for mine in (allowed & (process.choice_state == state) for state in range(process.n_states))
    ]
    found: Classes = {}
    for taken in itertools.product(*options):
        chain: list[dict[int, tuple[Fraction, int]]] = []
        rewards: list[Fraction] = []
        for choices in taken:
            row: dict[int, tuple[Fraction, int]] = {}
            items = [m for c in choices for m in range(int(process.offsets[c]), int(process.offsets[c + 1]))]
            for m in items:
                to = int(process.successors[m])
                share = process.exact_probabilities[m] / len(choices)
                row[to] = (row.get(to, (Fraction(0), 0))[0] + share, 0)
            chain.append(row)
            earned = (process.exact_probabilities[m] * paid[m] for m in items)
            rewards.append(sum(earned, Fraction(0)) / max(1, len(choices)))
        for group in closed_classes(chain):
            members = sorted(group)
            if not all(taken[state] for state in members):
                continue
            system = [[chain[s].get(t, (Fraction(0), 0))[0] - (s == t) for s in members] for t in members]
            system[-1] = [Fraction(1)] * len(members)
            weights = gaussian(system, [Fraction(0)] * (len(members) - 1) + [Fraction(1)])
            worth = sum((w * rewards[s] for w, s in zip(weights, members, strict=True)), Fraction(0))
            amounts = [
                paid[m]
                for s in members
                for c in taken[s]
                for m in range(int(process.offsets[c]), int(process.offsets[c + 1]))
            ]
            cancels, sure = worth == 0 and any(amounts), min(amounts) >= 0 < max(amounts)
            before = found.get(frozenset(group), (worth, False, False))
            found[frozenset(group)] = (max(worth, before[0]), cancels or before[1], sure or before[2])
    return found


SEEDS = (
    0, 1, 3, 4, 5, 12, 13, 14, 15, 17, 19, 22, 23, 24, 30, 31, 33, 36, 43, 45, 48, 50, 54, 56, 69, 70, 97,
    123, 141, 194, 201, 230, 265, 276, 375, 399, 430, 444, 449, 479, 578, 582, 639, 687, 693, 751, 975, 1045,
    1105, 1136, 1140, 1170, 1399, 2040, 2077, 2128, 2272, 2518,
)  # fmt: skip
"""One to three of every kind: components, their signs and sizes, with choices left out or not."""


@pytest.mark.parametrize("bounds", ["found", "none", "exact"])
@pytest.mark.parametrize("seed", SEEDS)
def test_signs_and_what_cancels(seed: int, bounds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By bounds, over the rationals alone, and where the bounds are the gain itself; only components that may
    have either sign are looked at."""
    case = drawn(seed)
    bracketed, asked = gain._bracketed, np.zeros(case.graph.n_states, dtype=bool)

    def seen(problem: Problem, graph: ChoiceGraph, inner: Any, labels: Any, mixed: Any) -> Any:
        asked[:] = (labels >= 0) & mixed[labels]
        high, low, greedy = bracketed(problem, graph, inner, labels, mixed)
        if bounds == "none":
            high[:], low[:] = np.inf, -np.inf
        for group, value in zip(case.components, case.gains, strict=True):
            if bounds == "exact":
                high[labels[min(group)]] = low[labels[min(group)]] = float(value)
        return high, low, greedy

    monkeypatch.setattr(gain, "_bracketed", seen)
    monkeypatch.setattr(gain, "SWEEPS", 20)
    monkeypatch.setattr(gain, "EXACT_ROUNDS", 20)
    found = decide_gains(*case.arguments)
    assert found.positive.tolist() == case.positive.tolist()
    assert found.cancelling.tolist() == case.cancelling.tolist()
    assert not found.undecided.any()
    assert asked.tolist() == case.mixed.tolist()
    assert {mask.dtype for mask in (found.positive, found.cancelling, found.undecided)} == {np.dtype(bool)}


@pytest.mark.parametrize(
    "seed", [seed for seed in range(60) if seed % 3 and drawn(seed, dyadic=True).mixed.any()]
)
def test_bounds_are_those_of_half_steps(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dyadic numbers, so that all is exact: the best bounds of some sweeps, in units of the largest reward,
    each with an allowance for the longest row, and the first best choices at the last one."""
    case, process = drawn(seed, dyadic=True), drawn(seed, dyadic=True).problem.process
    monkeypatch.setattr(gain, "backup_roundoff", lambda length: length * 2.0**-20)
    labels = case.graph.end_components(case.allowed)
    inner = gain._inner(case.graph, case.allowed, labels)
    groups = {int(labels[state]): group for group in case.components for state in group}
    assert sorted(groups) == list(range(int(labels.max(initial=-1)) + 1))
    mixed = np.array([case.mixed[min(groups[label])] for label in sorted(groups)])
    stays = [
        bool(case.allowed[choice])
        and any({int(owner), *led_to(process, choice)} <= group for group in case.components)
        for choice, owner in enumerate(process.choice_state)
    ]
    assert inner.tolist() == stays
    kept = {
        int(state): [choice for choice in process.choices(int(state)) if stays[choice]]
        for state in np.flatnonzero(case.mixed)
    }
    longest = max(len(led_to(process, choice)) for choices in kept.values() for choice in choices)
    for sweeps in (1, 2, 5):
        monkeypatch.setattr(gain, "SWEEPS", sweeps)
        values = dict.fromkeys(kept, 0.0)
        high, low = np.full(len(mixed), np.inf), np.full(len(mixed), -np.inf)
        for _ in range(sweeps):
            worth = {
                choice: case.problem.rewards[choice] / 4
                + sum(
                    process.probabilities[m] * values[int(process.successors[m])]
                    for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
                )
                for choices in kept.values()
                for choice in choices
            }
            residual = {
                state: max(worth[c] for c in choices) - values[state] for state, choices in kept.items()
            }
            allowance = longest * 2.0**-20 * (1 + max(map(abs, values.values())))
            for label in np.flatnonzero(mixed).tolist():
                change = [residual[state] for state in groups[label]]
                high[label] = min(high[label], max(change) + allowance)
                low[label] = max(low[label], min(change) - allowance)
            if all(high[label] < 0 or low[label] > 0 for label in np.flatnonzero(mixed)):
                break
            values = {state: value + residual[state] / 2 for state, value in values.items()}
            tops = {
                label: max(values[state] for state in groups[label])
                for label in np.flatnonzero(mixed).tolist()
            }
            values = {state: value - tops[int(labels[state])] for state, value in values.items()}
        greedy = np.full(case.graph.n_states, -1)
        for state, choices in kept.items():
            greedy[state] = max(choices, key=worth.__getitem__)
        found = gain._bracketed(case.problem, case.graph, inner, labels, mixed)
        assert [array.tolist() for array in found] == [high.tolist(), low.tolist(), greedy.tolist()]
        for label in np.flatnonzero(mixed).tolist():
            value = case.gains[case.components.index(groups[label])] / 4
            assert low[label] <= value <= high[label]


def looped(*rewards: object, excess: float = 0.0) -> tuple[Problem, ChoiceGraph, np.ndarray]:
    """A cycle with these rewards, in which nothing else can be done; rows of floats may not sum to one."""
    size = len(rewards)
    process = ControlledMarkovProcess.from_transitions(
        [(state, 0, (state + 1) % size, 1) for state in range(size)],
        states=size,
        actions=1,
        initial=0,
        horizon=1,
    )
    if excess:
        rows = np.zeros((1, size, size))
        rows[0, np.arange(size), (np.arange(size) + 1) % size] = 1 + excess
        process = ControlledMarkovProcess.from_dense(rows, horizon=1)
    paid = as_objects([Fraction(str(reward)) for reward in rewards])
    graph = ChoiceGraph(process.choice_offsets, process.offsets, process.successors)
    return posed(process, paid, True), graph, np.array(paid, dtype=float)


def decided(
    problem: Problem, graph: ChoiceGraph, paid: np.ndarray
) -> tuple[list[bool], list[bool], list[bool]]:
    found = decide_gains(problem, graph, np.ones(len(paid), dtype=bool), paid, paid)
    return found.positive.tolist(), found.cancelling.tolist(), found.undecided.tolist()


@pytest.mark.parametrize("excess", [0.0, 2.0**-40, -(2.0**-40)])
def test_components_too_large_for_rationals_are_left_open(
    excess: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a gain too near to zero; also where policy iteration does not end in its rounds."""
    case = looped(1, -1, 0, excess=excess)
    assert decided(*case) == ([False] * 3, [True] * 3, [False] * 3)
    monkeypatch.setattr(gain, "DECIDED_STATES", 3)
    assert decided(*case) == ([False] * 3, [True] * 3, [False] * 3)
    monkeypatch.setattr(gain, "EXACT_ROUNDS", 0)
    assert decided(*case) == ([False] * 3, [False] * 3, [True] * 3)
    monkeypatch.setattr(gain, "DECIDED_STATES", 2)
    assert decided(*case) == ([False] * 3, [False] * 3, [True] * 3)
    for rewards, positive in (((2, -1, 0), True), ((1, -2, 0), False)):
        assert decided(*looped(*rewards, excess=excess)) == ([positive] * 3, [False] * 3, [False] * 3)


@pytest.mark.parametrize("small_first", [False, True])
def test_a_large_component_hides_no_small_one(small_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gain, "DECIDED_STATES", 2)
    loops = [[0, 1], [2, 3, 4]] if small_first else [[0, 1, 2], [3, 4]]
    rows = [(s, 0, loop[n - 1], 1) for loop in loops for n, s in enumerate(loop)]
    process = ControlledMarkovProcess.from_transitions(rows, states=5, actions=1, initial=0, horizon=1)
    paid = np.array([1.0, -1.0, 0.0, 1.0, -1.0] if not small_first else [1.0, -1.0, 1.0, -1.0, 0.0])
    graph = ChoiceGraph(process.choice_offsets, process.offsets, process.successors)
    small = [state in loops[not small_first] for state in range(5)]
    assert decided(posed(process, paid, True), graph, paid) == (
        [False] * 5,
        small,
        [not mine for mine in small],
    )


@pytest.mark.parametrize("seed", [2, 8, 10, 22, 36, 40, 87, 91, 95])
def test_gain_and_bias_of_a_policy(seed: int) -> None:
    """``h = r - g + P h`` over the rationals, with zero at the anchor, where a policy walks to one class."""
    case = drawn(seed)
    labels = case.graph.end_components(case.allowed)
    inner = gain._inner(case.graph, case.allowed, labels)
    for group, best in zip(case.components, case.gains, strict=True):
        part = gain._Component(case.problem, case.graph, np.array(sorted(group)), inner)
        graph, rates = part.graph, []
        options = (range(graph.choice_offsets[s], graph.choice_offsets[s + 1]) for s in range(graph.n_states))
        for choices in itertools.product(*options):
            for closed in part.recurrent(np.array(choices)):
                policy, anchor = part.toward(closed, np.array(choices)), int(closed[-1])
                rate, bias = part.gain_and_bias(policy, anchor)
                assert bias[anchor] == 0
                assert (part.model.action_values(bias)[policy] - rate == bias).all()
                rates.append(Fraction(int(rate.p), int(rate.q)))
        assert max(rates) == best


def test_stored_chances_are_made_to_sum_to_one() -> None:
    rows = np.array([[[0.3, 0.7 - 1e-10], [0.5, 0.5]]])
    process = ControlledMarkovProcess.from_dense(rows, horizon=1)
    problem = posed(process, np.ones(2), True)
    chances = [Fraction(int(p.p), int(p.q)) for p in gain._chances(problem, range(2))]
    literal = [Fraction(p) for p in rows[0, 0].tolist()]
    assert chances == [p / sum(literal) for p in literal]


@pytest.mark.parametrize(
    "seed",
    [
        13, 15, 17, 22, 30, 36, 40, 43, 50, 56, 91, 97, 975, 1170, 2002, 2004, 2009, 2011, 2040, 2077, 2080,
        2128, 2143, 2184, 2213, 2235, 2272, 2315, 2518, 2668,
    ],
)  # fmt: skip
def test_policy_iteration_ends_at_the_sign_wherever_it_begins(seed: int) -> None:
    case, generator = drawn(seed), np.random.default_rng(seed)
    inner = gain._inner(case.graph, case.allowed, case.graph.end_components(case.allowed))
    for group, value in zip(case.components, case.gains, strict=True):
        members = np.array(sorted(group))
        for _ in range(6):
            start = np.full(case.graph.n_states, -1)
            for state in members.tolist():
                start[state] = generator.choice(np.flatnonzero(inner & (case.graph.choice_state == state)))
            sign, cancelling = gain._over_rationals(
                case.problem, case.graph, members, inner, case.least, case.greatest, start
            )
            assert sign == (value > 0) - (value < 0)
            expected = case.cancelling[members].tolist()
            assert np.broadcast_to(cancelling, len(members)).tolist() == expected


@pytest.mark.parametrize(
    ("loops", "moves", "start", "sign"),
    [
        # 0 rests; 1 pays 5 to go there, or 1: the way is improved while the loop stays the best.
        ({0: 0}, [(0, 1, -9), (1, 0, -5), (1, 0, -1)], [0, 0], 0),
        # 0 loses 3 a step, and 1 only 1: a second loop beside the first, which 1 led to.
        ({0: -3, 1: -1}, [(0, 1, -9), (1, 0, -9)], [0, 1], -1),
        ({1: -3, 0: -1}, [(0, 1, -9), (1, 0, -9)], [1, 0], -1),
    ],
)
def test_a_policy_that_is_improved_beside_its_loop(
    loops: dict[int, int],
    moves: list[tuple[int, int, int]],
    start: list[int],
    sign: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = sorted(
        [*((state, state, paid) for state, paid in loops.items()), *moves], key=lambda item: item[0]
    )
    actions = [sum(other[0] == item[0] for other in listed[:n]) for n, item in enumerate(listed)]
    process = ControlledMarkovProcess.from_transitions(
        [(state, action, to, 1) for (state, to, _), action in zip(listed, actions, strict=True)],
        states=2, actions=3, initial=0, horizon=1,
    )  # fmt: skip
    paid = np.array([float(item[2]) for item in listed])
    graph = ChoiceGraph(process.choice_offsets, process.offsets, process.successors)
    monkeypatch.setattr(gain, "EXACT_ROUNDS", 9)
    begin = np.array([process.choices(state)[start[state]] for state in range(2)])
    found = gain._over_rationals(
        posed(process, paid, True), graph, np.arange(2), np.ones(len(paid), dtype=bool), paid, paid, begin
    )
    assert found[0] == sign
    assert not np.any(found[1])
