"""Models for the tests of the planner: hypothesis strategies, analytic examples and a brute-force oracle."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes

INFINITE = "infinite"
"""The oracle's word for a value that is infinite or does not exist."""


def chain_with_reset(stages: int, back: Fraction = Fraction(1, 2)) -> ControlledMarkovProcess:
    """A line of stages, each of which falls back to the start with probability `back`; the end is a coin
    toss.

    From the last stage the good end (state ``stages``) comes with probability 7/10 of the steps that leave.
    """
    good, bad = stages, stages + 1
    rows: list[tuple[int, int, int, object]] = []
    for stage in range(stages - 1):
        rows += [(stage, 0, 0, back), (stage, 0, stage + 1, 1 - back)]
    rows += [(stages - 1, 0, good, Fraction(7, 10)), (stages - 1, 0, bad, Fraction(3, 10))]
    rows += [(good, 0, good, 1), (bad, 0, bad, 1)]
    merged: dict[tuple[int, int, int], Fraction] = {}
    for s, a, t, p in rows:
        merged[s, a, t] = merged.get((s, a, t), Fraction(0)) + Fraction(str(p))
    return ControlledMarkovProcess.from_transitions(
        [(*key, p) for key, p in merged.items()], states=stages + 2, actions=1, initial=0, horizon=1
    )


def near_periodic_cycle(length: int, leak: Fraction) -> ControlledMarkovProcess:
    """A cycle that stays in step but for a tiny leak; action 1 jumps two states."""
    rows: list[tuple[int, int, int, object]] = []
    for state in range(length):
        ahead, skip = (state + 1) % length, (state + 2) % length
        if length == 1:
            rows.append((state, 0, state, 1))
            continue
        if ahead != state and leak:
            rows += [(state, 0, ahead, 1 - leak), (state, 0, state, leak)]
        else:
            rows.append((state, 0, ahead, 1))
        rows.append((state, 1, skip, 1))
    return ControlledMarkovProcess.from_transitions(rows, states=length, actions=2, initial=0, horizon=1)


def models(max_states: int = 5) -> st.SearchStrategy[ControlledMarkovProcess]:
    """Random rational processes, near-periodic cycles and long chains with resets."""
    return st.one_of(
        processes(max_states=max_states, max_actions=3),
        st.builds(
            near_periodic_cycle,
            st.integers(1, 9),
            st.sampled_from([Fraction(0), Fraction(1, 1000), Fraction(1, 10**6), Fraction(1, 10**9)]),
        ),
        st.builds(chain_with_reset, st.integers(1, 16), st.sampled_from([Fraction(1, 2), Fraction(1, 10)])),
    )


def small_fractions(low: int = -3, high: int = 3) -> st.SearchStrategy[Fraction]:
    """Fractions with small numerators and denominators, zero often."""
    return st.one_of(st.just(Fraction(0)), st.builds(Fraction, st.integers(low, high), st.integers(1, 4)))


def reward_arrays(process: ControlledMarkovProcess, low: int = -3) -> st.SearchStrategy[np.ndarray]:
    """Rational rewards of the transitions, as an object array of shape (M,)."""
    count = process.n_transitions
    return st.lists(small_fractions(low), min_size=count, max_size=count).map(as_objects)


def as_objects(items: Sequence[object]) -> np.ndarray:
    """Pack rationals, or what should be some, into an object array."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


# -------------------------------------------------------------------------------- brute force over policies


def gaussian(system: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solve a regular rational system by elimination."""
    size = len(right)
    rows = [[*system[i], right[i]] for i in range(size)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [x / rows[column][column] for x in rows[column]]
        for i in range(size):
            if i != column and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[column], strict=True)]
    return [row[-1] for row in rows]


def policies_of(process: ControlledMarkovProcess) -> list[tuple[int, ...]]:
    """All deterministic memoryless policies, as choices."""
    return list(itertools.product(*(process.choices(s) for s in range(process.n_states))))


def chain_of(
    process: ControlledMarkovProcess, policy: tuple[int, ...]
) -> list[dict[int, tuple[Fraction, int]]]:
    """For every state: successor -> (probability, transition)."""
    return [
        {
            int(process.successors[m]): (process.exact_probabilities[m], m)
            for m in range(int(process.offsets[c]), int(process.offsets[c + 1]))
        }
        for c in policy
    ]


def brute_force_discounted(
    process: ControlledMarkovProcess, rewards: np.ndarray, gamma: Fraction, *, maximise: bool
) -> list[Fraction]:
    """Best discounted values over all policies."""
    best: list[Fraction] | None = None
    pick = max if maximise else min
    for policy in policies_of(process):
        chain = chain_of(process, policy)
        size = process.n_states
        system = [
            [Fraction(int(i == j)) - gamma * chain[i].get(j, (Fraction(0), 0))[0] for j in range(size)]
            for i in range(size)
        ]
        right = [sum((p * rewards[m] for p, m in chain[i].values()), Fraction(0)) for i in range(size)]
        values = gaussian(system, right)
        best = values if best is None else [pick(a, b) for a, b in zip(best, values, strict=True)]
    assert best is not None
    return best


def closed_classes(chain: list[dict[int, tuple[Fraction, int]]]) -> list[set[int]]:
    """The recurrent classes of a chain."""
    reach = [closure(chain, s) for s in range(len(chain))]
    return [
        group
        for s in range(len(chain))
        if s == min(group := reach[s]) and all(reach[t] == group for t in group)
    ]


def closure(chain: list[dict[int, tuple[Fraction, int]]], start: int) -> set[int]:
    """All states that can be visited from `start`, itself included."""
    seen, stack = {start}, [start]
    while stack:
        for t in chain[stack.pop()]:
            if t not in seen:
                seen.add(t)
                stack.append(t)
    return seen


def total_of_policy(
    process: ControlledMarkovProcess, policy: tuple[int, ...], rewards: np.ndarray, targets: set[int]
) -> list[float | Fraction | str]:
    """Total reward of a policy: rational, infinite, or `INFINITE` where it does not converge."""
    chain = chain_of(process, policy)
    paid = [{t: (p, rewards[m]) for t, (p, m) in row.items()} for row in chain]
    for s in targets:
        chain[s], paid[s] = {s: (Fraction(1), -1)}, {s: (Fraction(1), Fraction(0))}
    size = len(chain)
    answer: list[float | Fraction | str | None] = [None] * size
    for group in closed_classes(chain):
        worth = worth_of_class(chain, paid, sorted(group))
        for s in group:
            answer[s] = worth
    open_states = [s for s in range(size) if answer[s] is None]
    for s in open_states:
        ends = {answer[t] for t in closure(chain, s) if answer[t] is not None}
        infinite = {e for e in ends if e != 0}
        if infinite:
            answer[s] = infinite.pop() if len(infinite) == 1 else INFINITE
    finite = [s for s in open_states if answer[s] is None]
    place = {s: i for i, s in enumerate(finite)}
    system = [
        [Fraction(int(i == j)) - chain[s].get(t, (Fraction(0), 0))[0] for j, t in enumerate(finite)]
        for i, s in enumerate(finite)
    ]
    right = [sum((p * r for p, r in paid[s].values()), Fraction(0)) for s in finite]
    for s, value in zip(finite, gaussian(system, right), strict=True):
        answer[s] = value
    assert len(place) == len(finite)
    return [INFINITE if value is None else value for value in answer]


def worth_of_class(
    chain: list[dict[int, tuple[Fraction, int]]],
    paid: list[dict[int, tuple[Fraction, Fraction]]],
    group: list[int],
) -> float | Fraction | str:
    """0 where nothing is ever paid; plus or minus infinity by the sign of the mean reward; else undefined."""
    if all(r == 0 for s in group for _, r in paid[s].values()):
        return Fraction(0)
    # Stationary distribution: pi P = pi, sum pi = 1 (the last equation replaces a redundant one).
    system = [
        [chain[s].get(t, (Fraction(0), 0))[0] - Fraction(int(s == t)) for s in group] for t in group[:-1]
    ] + [[Fraction(1)] * len(group)]
    stationary = gaussian(system, [Fraction(0)] * (len(group) - 1) + [Fraction(1)])
    gain = sum(
        (w * p * r for w, s in zip(stationary, group, strict=True) for p, r in paid[s].values()), Fraction(0)
    )
    return INFINITE if gain == 0 else float("inf") if gain > 0 else float("-inf")


def brute_force_total(
    process: ControlledMarkovProcess, rewards: np.ndarray, targets: set[int], *, maximise: bool
) -> list[float | Fraction | str]:
    """Best total rewards over all policies; `INFINITE` for a state where some policy's total does not
    converge."""
    answers = [total_of_policy(process, policy, rewards, targets) for policy in policies_of(process)]
    result: list[float | Fraction | str] = []
    for s in range(process.n_states):
        column = [answer[s] for answer in answers]
        numbers = [value for value in column if not isinstance(value, str)]
        result.append(INFINITE if len(numbers) < len(column) else max(numbers) if maximise else min(numbers))
    return result
