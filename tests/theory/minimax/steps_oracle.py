"""An oracle for hitting times in steps: all policies that remember visits, in plain fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from vertex_enumeration import Vector, rows_of

from metaregret.tabular.environments import make
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess


def line(states: int, start: int, steps: int) -> ControlledMarkovProcess:
    return make(f"line:{states},start={start}").replaced(horizon=FiniteHorizon(steps))


def random_process(seed: int) -> ControlledMarkovProcess:
    rng = np.random.default_rng(seed)
    states = int(rng.integers(2, 4))
    rows = []
    for state in range(states):
        for action in range(2):
            weights = rng.integers(0, 3, states)
            # Something other than the start can always be found.
            weights[1 if (state, action) == (0, 0) else rng.integers(states)] += 1
            total = int(weights.sum())
            rows += [(state, action, s, Fraction(int(w), total)) for s, w in enumerate(weights) if w]
    return ControlledMarkovProcess.from_transitions(rows, states=states, actions=2, initial=0, horizon=2)


def mean(parts: list[tuple[Fraction, Vector]]) -> Vector:
    columns = zip(*[[p * x for x in vector] for p, vector in parts], strict=True)
    return tuple(sum(column, Fraction(0)) for column in columns)


def achieved(process: ControlledMarkovProcess, start: int = 0) -> set[tuple[Vector, Vector]]:
    """Costs and visit probabilities of all deterministic policies that remember what they have visited."""
    rows, size = rows_of(process), process.n_states
    assert isinstance(process.horizon, FiniteHorizon)
    steps = process.horizon.steps

    def mixed(row: dict[int, Fraction], step: int, seen: frozenset[int]) -> set[tuple[Vector, Vector]]:
        parts = [[(p, pair) for pair in onward(step, s, seen | {s})] for s, p in row.items()]
        return {
            (mean([(p, cost) for p, (cost, _) in chosen]), mean([(p, found) for p, (_, found) in chosen]))
            for chosen in itertools.product(*parts)
        }

    def onward(step: int, state: int, seen: frozenset[int]) -> set[tuple[Vector, Vector]]:
        unseen = tuple(Fraction(int(g not in seen)) for g in range(size))
        if step == steps:
            return {(tuple(Fraction(0) for _ in unseen), tuple(1 - u for u in unseen))}
        return {
            (tuple(u + c for u, c in zip(unseen, cost, strict=True)), found)
            for row in rows[state]
            for cost, found in mixed(row, step + 1, seen)
        }

    return onward(0, start, frozenset({start}))
