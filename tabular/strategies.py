"""Hypothesis strategies that generate rational controlled Markov processes, for property-based tests of
one's own.

Everything is drawn as small integers and normalised exactly, so no generated row is ever off by a
rounding, and counterexamples shrink towards few states, few actions, short horizons and simple fractions.

>>> from hypothesis import given
>>> from metaregret.tabular.strategies import processes
>>> @given(processes())
... def test_rows_sum_to_one(process):
...     assert abs(process.matrix.sum(axis=1) - 1).max() < 1e-12
>>> test_rows_sum_to_one()
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.domains import generates, once
from metaregret.tabular.goals import exact_goal_values
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.policy import policy_shape
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = [
    "attempt_chances",
    "controllable_processes",
    "deterministic_processes",
    "distributions",
    "horizons",
    "policies",
    "processes",
    "set_systems",
    "stochastic_processes",
]

Row = list[tuple[int, int, int, Fraction]]
FEW = 32
"""Longest list of numbers that is drawn number by number."""
SMALL = 8
"""States up to which the rows of a process are drawn number by number; larger ones come from a drawn seed."""
SEEDS = st.integers(0, 2**32 - 1)
SEEDED_SUCCESSORS = 4


@once
def distributions(
    size: int, *, positive: bool = False, largest: int = 6
) -> st.SearchStrategy[list[Fraction]]:
    """Rational probability vectors of length `size`, as integer weights over their sum."""
    return integer_lists(size, 1 if positive else 0, largest).filter(any).map(_normalised)


@once
def integer_lists(size: int, lowest: int, largest: int) -> st.SearchStrategy[list[int]]:
    """Lists of `size` integers between `lowest` and `largest`: drawn one by one while they are few, which
    shrinks well, and else from one drawn seed, which is fast."""
    if size <= FEW:
        return st.lists(st.integers(lowest, largest), min_size=size, max_size=size)
    return SEEDS.map(lambda seed: np.random.default_rng(seed).integers(lowest, largest + 1, size).tolist())


def _normalised(weights: list[int]) -> list[Fraction]:
    total = sum(weights)
    return [Fraction(weight, total) for weight in weights]


@once
def horizons(*, max_steps: int = 4, geometric: bool = True) -> st.SearchStrategy[Horizon]:
    """Finite horizons up to `max_steps` and, unless excluded, geometric ones with gamma in {1/2, 2/3, 3/4,
    9/10}."""
    finite = st.integers(1, max_steps).map(FiniteHorizon)
    if not geometric:
        return finite
    gammas = st.sampled_from([Fraction(1, 2), Fraction(2, 3), Fraction(3, 4), Fraction(9, 10)])
    return st.one_of(finite, gammas.map(GeometricHorizon))


def _drawn_rows(draw: st.DrawFn, n_states: int, max_actions: int, deterministic: bool | None) -> Row:
    """Rows drawn number by number."""
    rows: Row = []
    for state in range(n_states):
        for action in range(draw(st.integers(1, max_actions))):
            single = deterministic or (deterministic is None and draw(st.booleans()))
            if single or n_states == 1:
                rows.append((state, action, draw(st.integers(0, n_states - 1)), Fraction(1)))
            else:
                for successor, p in enumerate(draw(distributions(n_states, largest=4))):
                    if p:
                        rows.append((state, action, successor, p))
    return rows


def _seeded_rows(
    random: np.random.Generator, n_states: int, max_actions: int, deterministic: bool | None
) -> Row:
    """Rows of a large process, with up to `SEEDED_SUCCESSORS` successors."""
    rows: Row = []
    for state in range(n_states):
        for action in range(int(random.integers(1, max_actions + 1))):
            single = deterministic or (deterministic is None and random.random() < 1 / 2)
            count = 1 if single else int(random.integers(1, SEEDED_SUCCESSORS + 1))
            weights = random.integers(1, 5, count).tolist()
            chosen = random.choice(n_states, count, replace=False).tolist()
            rows += [(state, action, to, p) for to, p in zip(chosen, _normalised(weights), strict=True)]
    return rows


def _drawn(
    process: ControlledMarkovProcess,
    *,
    min_states: int = 1,
    max_states: int = 4,
    max_actions: int = 3,
    max_steps: int = 4,
    deterministic: bool | None = None,
    geometric: bool = True,
    random_start: bool = True,
) -> bool:
    """Whether `processes` with these options can generate a process."""
    horizon = process.horizon
    return bool(
        min_states <= process.n_states <= max_states
        and int(np.diff(process.choice_offsets).max()) <= max_actions
        and (horizon.steps <= max_steps if isinstance(horizon, FiniteHorizon) else geometric)
        and deterministic in (None, process.is_deterministic)
        and (random_start or np.count_nonzero(process.initial) == 1)
    )


@generates(_drawn)
@st.composite
def processes(
    draw: st.DrawFn,
    *,
    min_states: int = 1,
    max_states: int = 4,
    max_actions: int = 3,
    max_steps: int = 4,
    deterministic: bool | None = None,
    geometric: bool = True,
    random_start: bool = True,
) -> ControlledMarkovProcess:
    """Rational processes with state-dependent action sets; some states may be unreachable.

    Up to 8 states everything is drawn number by number; larger processes (100 states take milliseconds) come
    from one drawn seed and have at most 4 successors per choice.

    Parameters
    ----------
    min_states, max_states, max_actions, max_steps : int
        Size limits.
    deterministic : bool, optional
        True: one successor per choice; False: at least one choice has two; None: either.
    geometric : bool
        Whether geometric horizons are drawn, too.
    random_start : bool
        Whether the initial state may be random.
    """
    lowest = max(min_states, 2) if deterministic is False else min_states
    n_states = draw(st.integers(lowest, max_states))
    if n_states > SMALL:
        rows = _seeded_rows(np.random.default_rng(draw(SEEDS)), n_states, max_actions, deterministic)
    else:
        rows = _drawn_rows(draw, n_states, max_actions, deterministic)
    if deterministic is False and len({row[:2] for row in rows}) == len(rows):
        rows = [row for row in rows if row[:2] != (0, 0)] + [
            (0, 0, 0, Fraction(1, 2)),
            (0, 0, 1, Fraction(1, 2)),
        ]
    initial: dict[int, object] = {0: 1}
    if random_start and draw(st.booleans()):
        initial = {s: p for s, p in enumerate(draw(distributions(n_states, largest=3))) if p}
    return ControlledMarkovProcess.from_transitions(
        rows,
        states=n_states,
        actions=max_actions,
        initial=initial,
        horizon=draw(horizons(max_steps=max_steps, geometric=geometric)),
        name="generated",
    )


def _deterministic(process: ControlledMarkovProcess, **sizes: Any) -> bool:
    return _drawn(process, deterministic=True, geometric=False, random_start=False, **sizes)


def _stochastic(process: ControlledMarkovProcess, **sizes: Any) -> bool:
    return _drawn(process, deterministic=False, geometric=False, **sizes)


@generates(_deterministic)
def deterministic_processes(
    *, min_states: int = 1, max_states: int = 4, max_actions: int = 3, max_steps: int = 4
) -> st.SearchStrategy[ControlledMarkovProcess]:
    """Processes with deterministic dynamics, one start and a finite horizon; sizes as in `processes`."""
    return processes(
        min_states=min_states,
        max_states=max_states,
        max_actions=max_actions,
        max_steps=max_steps,
        deterministic=True,
        geometric=False,
        random_start=False,
    )


@generates(_stochastic)
def stochastic_processes(
    *, min_states: int = 1, max_states: int = 4, max_actions: int = 3, max_steps: int = 4
) -> st.SearchStrategy[ControlledMarkovProcess]:
    """Processes with at least one random transition and a finite horizon; sizes as in `processes`."""
    return processes(
        min_states=min_states,
        max_states=max_states,
        max_actions=max_actions,
        max_steps=max_steps,
        deterministic=False,
        geometric=False,
    )


def _controllable(
    process: ControlledMarkovProcess,
    *,
    min_states: int = 1,
    max_states: int = 5,
    extra_steps: int = 2,
    noisy: bool = False,
) -> bool:
    """Whether every state can be the terminal state with certainty, from one start, and the sizes fit."""
    if not (
        min_states <= process.n_states <= max_states
        and isinstance(process.horizon, FiniteHorizon)
        and process.horizon.steps <= max(1, max_states - 1) + extra_steps
        and np.count_nonzero(process.initial) == 1
        and (noisy or process.is_deterministic)
    ):
        return False
    return min(exact_goal_values(process)) == 1


@generates(_controllable)
@st.composite
def controllable_processes(
    draw: st.DrawFn,
    *,
    min_states: int = 1,
    max_states: int = 5,
    extra_steps: int = 2,
    noisy: bool = False,
) -> ControlledMarkovProcess:
    """Processes where every state can be the terminal state with certainty.

    A tree of moves, drawn at random, leads from the start to every state, one can stay anywhere, and the
    horizon is at least the depth of the tree. Further moves are deterministic or, with `noisy`, may have
    random outcomes. (Deterministic processes from one start, `deterministic_processes`, reach what they
    reach at the horizon with certainty, too; many of them are periodic, as one cannot stay everywhere.)
    """
    n_states = draw(st.integers(min_states, max_states))
    depth = [0]
    targets: list[list[int]] = [[state] for state in range(n_states)]
    random = np.random.default_rng(draw(SEEDS)) if n_states > SMALL else None
    for child in range(1, n_states):
        parent = draw(st.integers(0, child - 1)) if random is None else int(random.integers(child))
        depth.append(depth[parent] + 1)
        targets[parent].append(child)
    for state in range(n_states):
        if random is None:
            targets[state] += draw(st.lists(st.integers(0, n_states - 1), max_size=2))
        else:
            targets[state] += random.integers(n_states, size=int(random.integers(3))).tolist()
    rows = [(s, a, to, Fraction(1)) for s in range(n_states) for a, to in enumerate(targets[s])]
    if noisy and draw(st.booleans()):
        state = draw(st.integers(0, n_states - 1))
        action = len(targets[state])
        targets[state].append(-1)
        rows += [(state, action, to, p) for to, p in enumerate(draw(distributions(n_states, largest=3))) if p]
    return ControlledMarkovProcess.from_transitions(
        rows,
        states=n_states,
        actions=max(len(t) for t in targets),
        initial=0,
        horizon=max(1, *depth) + draw(st.integers(0, extra_steps)),
        name="controllable",
    )


@st.composite
def policies(draw: st.DrawFn, process: ControlledMarkovProcess) -> np.ndarray:
    """Rational Markov policies of `process`: object arrays of `Fraction`, shape (T, C) or (C,)."""
    shape = policy_shape(process)
    steps = shape[0] if len(shape) == 2 else 1
    counts = np.diff(process.choice_offsets).tolist()
    if process.n_states > SMALL:
        random = np.random.default_rng(draw(SEEDS))
        rows = [[p for count in counts for p in _seeded_distribution(random, count)] for _ in range(steps)]
    else:
        rows = [[p for count in counts for p in draw(distributions(count, largest=3))] for _ in range(steps)]
    policy = np.empty(shape, dtype=object)
    policy[...] = rows if len(shape) == 2 else rows[0]
    return policy


def _seeded_distribution(random: np.random.Generator, size: int) -> list[Fraction]:
    weights = random.integers(0, 4, size).tolist()
    return _normalised(weights if any(weights) else [1] * size)


@once
@st.composite
def set_systems(
    draw: st.DrawFn, *, min_goals: int = 2, max_goals: int = 5, max_sets: int = 6
) -> list[list[int]]:
    """Sets that together hold goals ``0..K-1``, as `metaregret.tabular.environments.cover.cover` takes
    them."""
    count = draw(st.integers(min_goals, max_goals))
    goal = st.integers(0, count - 1)
    sets = draw(st.lists(st.sets(goal, min_size=1, max_size=count), min_size=1, max_size=max_sets))
    for missing in sorted(set(range(count)) - set().union(*sets)):
        sets[draw(st.integers(0, len(sets) - 1))].add(missing)
    return [sorted(one) for one in sets]


@once
def attempt_chances(
    *, min_goals: int = 2, max_goals: int = 4, largest: int = 6
) -> st.SearchStrategy[list[Fraction]]:
    """Chances in ``(0, 1]``, one per goal, as `metaregret.tabular.environments.attempts.attempts` takes
    them."""
    chance = st.integers(1, largest).flatmap(lambda q: st.integers(1, q).map(lambda p: Fraction(p, q)))
    return st.lists(chance, min_size=min_goals, max_size=max_goals)
