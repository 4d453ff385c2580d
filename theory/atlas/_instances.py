"""What the methods of the atlas draw on: small processes, outcome sets, exact games."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import distributions, processes
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.minimax.exact.matrix_game import solve_game

__all__ = ["MOST", "POINTS", "SMALL", "document", "game", "goals_of", "one_step", "outcomes_of", "reach"]

MOST = 60
"""Instances a method looks at, at most: each is decided exactly."""

SMALL = processes(max_states=3, max_actions=3, max_steps=2, geometric=False)

POINTS = st.integers(2, 3).flatmap(
    lambda size: st.lists(distributions(size), min_size=2, max_size=4, unique_by=tuple)
)
"""Outcome sets of one-step processes: distinct distributions over two or three states."""


def document(moves: Sequence[Sequence[object]], steps: int, states: Sequence[str] = ()) -> dict[str, Any]:
    """Return a process of so many steps from its transitions; it starts in the first state, and states and
    actions come in the order in which the transitions name them, unless `states` are given."""
    names = list(states) or list(dict.fromkeys(str(move[place]) for move in moves for place in (0, 2)))
    return {
        "format": "metaregret-cmp/1",
        "states": names,
        "actions": list(dict.fromkeys(move[1] for move in moves)),
        "initial": {names[0]: 1},
        "horizon": steps,
        "transitions": [list(move) for move in moves],
    }


def one_step(points: Sequence[Sequence[Fraction]]) -> dict[str, Any]:
    """Return the document of the one-step process whose actions end in `points`; it starts in the first
    state."""
    count = len(points[0])
    names = [f"s{k}" for k in range(count)]
    moves = [
        ["s0", f"a{a}", names[t], str(p)] for a, point in enumerate(points) for t, p in enumerate(point) if p
    ]
    return document(moves + [[name, "a0", name, "1"] for name in names[1:]], 1, names)


def outcomes_of(process: ControlledMarkovProcess) -> list[tuple[Fraction, ...]]:
    """Return the terminal distributions of the deterministic policies of a small process."""
    return deterministic_outcomes(process, limit=500)


def goals_of(points: Sequence[Sequence[Fraction]]) -> list[int]:
    """Return the states that some policy can end in."""
    return [g for g in range(len(points[0])) if any(point[g] for point in points)]


def reach(process: ControlledMarkovProcess) -> tuple[list[tuple[Fraction, ...]], list[int], list[Fraction]]:
    """Return `outcomes_of` a process, the goals among its states, and the best probability of each goal."""
    points = outcomes_of(process)
    goals = goals_of(points)
    return points, goals, [max(point[g] for point in points) for g in goals]


def game(rows: Sequence[Sequence[Fraction]]) -> tuple[Fraction, list[Fraction], list[Fraction]]:
    """Return the value of a matrix game, the mixture of the maximiser (columns) and of the minimiser
    (rows)."""
    payoff = np.array([[flint.fmpq(x.numerator, x.denominator) for x in map(Fraction, row)] for row in rows])
    found = solve_game(payoff)
    spelled: Any = lambda x: Fraction(int(x.p), int(x.q))
    value = found.value if isinstance(found.value, flint.fmpq) else flint.fmpq(found.value)
    return (
        spelled(value),
        [*map(spelled, map(flint.fmpq, found.columns))],
        [*map(spelled, map(flint.fmpq, found.rows))],
    )
