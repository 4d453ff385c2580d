"""An oracle for minimax learners without memory: all deterministic policies, all kernels, plain fractions.

Written without any of the project's solvers, dynamic programs or linear algebra: success vectors come from
pushing the distribution forward (or from Gaussian elimination at a geometric horizon), the value from trying
every square kernel of the payoff matrix until one gives strategies that are optimal against *all* vertices.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess

Vector = tuple[Fraction, ...]


def rows_of(process: ControlledMarkovProcess) -> list[list[dict[int, Fraction]]]:
    """The successor distributions of every state's choices."""
    probabilities = process.exact_probabilities
    return [
        [
            {
                int(process.successors[m]): probabilities[m]
                for m in range(int(process.offsets[c]), int(process.offsets[c + 1]))
            }
            for c in range(int(process.choice_offsets[s]), int(process.choice_offsets[s + 1]))
        ]
        for s in range(process.n_states)
    ]


def terminal_vectors(process: ControlledMarkovProcess) -> set[Vector]:
    """The terminal distributions of all deterministic Markov (or stationary) policies."""
    rows = rows_of(process)
    assert process.exact_initial is not None
    start = tuple(process.exact_initial)
    maps = list(itertools.product(*[range(len(choices)) for choices in rows]))
    if isinstance(process.horizon, FiniteHorizon):
        found = {start}
        for _ in range(process.horizon.steps):
            # The image of a distribution depends on one map; pairs with equal images are the same vertex.
            found = {push(rows, current, chosen) for current in found for chosen in maps}
        return found
    return {discounted(rows, start, chosen, process.horizon.gamma) for chosen in maps}


def push(rows: list[list[dict[int, Fraction]]], current: Vector, chosen: tuple[int, ...]) -> Vector:
    following = [Fraction(0)] * len(current)
    for state, mass in enumerate(current):
        if mass:
            for successor, p in rows[state][chosen[state]].items():
                following[successor] += mass * p
    return tuple(following)


def discounted(
    rows: list[list[dict[int, Fraction]]], start: Vector, chosen: tuple[int, ...], gamma: Fraction
) -> Vector:
    size = len(start)
    matrix = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    for state in range(size):
        for successor, p in rows[state][chosen[state]].items():
            matrix[successor][state] -= gamma * p
    solution = eliminate(matrix, [(1 - gamma) * p for p in start])
    assert solution is not None
    return solution


def eliminate(matrix: list[list[Fraction]], right: list[Fraction]) -> Vector | None:
    """Solve a square system by Gauss-Jordan elimination; None if it is singular."""
    size = len(matrix)
    table = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = next((i for i in range(column, size) if table[i][column]), None)
        if pivot is None:
            return None
        table[column], table[pivot] = table[pivot], table[column]
        table[column] = [value / table[column][column] for value in table[column]]
        for i in range(size):
            if i != column and table[i][column]:
                factor = table[i][column]
                table[i] = [a - factor * b for a, b in zip(table[i], table[column], strict=True)]
    return tuple(row[-1] for row in table)


def game_value(payoffs: set[Vector]) -> Fraction:
    """Max over mixtures, min over coordinates, of payoff vectors with a positive value (Shapley and Snow)."""
    undominated = sorted(
        v
        for v in payoffs
        if not any(w != v and all(a >= b for a, b in zip(w, v, strict=True)) for w in payoffs)
    )
    count = len(undominated[0])
    for size in range(1, count + 1):
        for rows in itertools.combinations(range(count), size):
            for columns in itertools.combinations(undominated, size):
                value = kernel_value(rows, columns, payoffs)
                if value is not None:
                    return value
    raise AssertionError("every matrix game has a kernel")


def kernel_value(rows: tuple[int, ...], columns: tuple[Vector, ...], payoffs: set[Vector]) -> Fraction | None:
    """The value if the kernel's strategies are optimal in the whole game."""
    ones = [Fraction(1)] * len(rows)
    x = eliminate([[v[g] for v in columns] for g in rows], ones)
    y = eliminate([[v[g] for g in rows] for v in columns], ones)
    if x is None or y is None or min(x) < 0 or min(y) < 0:
        return None
    value = 1 / sum(x)
    mixed = [value * sum(a * v[g] for a, v in zip(x, columns, strict=True)) for g in range(len(columns[0]))]
    best = max(value * sum(b * v[g] for b, g in zip(y, rows, strict=True)) for v in payoffs)
    return value if min(mixed) == value == best else None
