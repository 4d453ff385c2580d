"""An exact oracle for learners without memory, in `Fraction` arithmetic only and sharing no code with the
solver.

The vertices of the achievable success vectors are found by recursion over deterministic policies; whether
a level of loss can be achieved is a matrix game, solved by a tableau simplex with Bland's rule and
constraints added as needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction

from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess

Vector = tuple[Fraction, ...]
LossFunction = Callable[[Fraction, Fraction], Fraction]


def terminal_vertices(process: ControlledMarkovProcess) -> set[Vector]:
    """Terminal distributions of all deterministic policies (history-dependent at a finite horizon)."""
    if isinstance(process.horizon, FiniteHorizon):
        return _finite(process, process.horizon.steps)
    assert isinstance(process.horizon, GeometricHorizon)
    return {
        _stationary(process, chosen)
        for chosen in itertools.product(*map(process.choices, range(process.n_states)))
    }


def _rows(process: ControlledMarkovProcess) -> list[list[tuple[int, Fraction]]]:
    p = process.exact_probabilities
    return [
        [(int(process.successors[m]), p[m]) for m in range(process.offsets[c], process.offsets[c + 1])]
        for c in range(process.n_choices)
    ]


def _mixed(weights: Sequence[Fraction], vectors: Sequence[Vector]) -> Vector:
    return tuple(
        sum((w * x for w, x in zip(weights, column, strict=True)), Fraction(0))
        for column in zip(*vectors, strict=True)
    )


def _finite(process: ControlledMarkovProcess, steps: int) -> set[Vector]:
    n, rows = process.n_states, _rows(process)
    after: list[set[Vector]] = [{tuple(Fraction(int(s == g)) for g in range(n))} for s in range(n)]
    for _ in range(steps):
        after = [
            {
                _mixed([p for _, p in rows[c]], picked)
                for c in process.choices(s)
                for picked in itertools.product(*(after[to] for to, _ in rows[c]))
            }
            for s in range(n)
        ]
    assert process.exact_initial is not None
    starts = [(s, p) for s, p in enumerate(process.exact_initial) if p]
    return {
        _mixed([p for _, p in starts], picked) for picked in itertools.product(*(after[s] for s, _ in starts))
    }


def _stationary(process: ControlledMarkovProcess, chosen: Sequence[int]) -> Vector:
    """Solve ``rho = (1 - gamma) mu0 + gamma P^T rho`` by elimination."""
    assert isinstance(process.horizon, GeometricHorizon)
    assert process.exact_initial is not None
    n, rows, gamma = process.n_states, _rows(process), process.horizon.gamma
    table = [
        [Fraction(int(i == j)) for j in range(n)] + [(1 - gamma) * process.exact_initial[i]] for i in range(n)
    ]
    for state, choice in enumerate(chosen):
        for to, p in rows[choice]:
            table[to][state] -= gamma * p
    for i in range(n):
        pivot = next(r for r in range(i, n) if table[r][i])
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [x / table[i][i] for x in table[i]]
        for r in range(n):
            if r != i and table[r][i]:
                table[r] = [x - table[r][i] * y for x, y in zip(table[r], table[i], strict=True)]
    return tuple(row[n] for row in table)


def game_value(rows: Sequence[Vector]) -> Fraction:
    """Value of the game with non-negative payoffs `rows` (row player maximises); each column has a
    positive entry.

    ``1 / max { sum y : A y <= 1, y >= 0 }``; violated rows are added until none is left.
    """
    used = [max(rows, key=lambda row: row[g]) for g in range(len(rows[0]))]
    while True:
        y = _pack(used)
        worst = max(rows, key=lambda row: sum(a * b for a, b in zip(row, y, strict=True)))
        if sum(a * b for a, b in zip(worst, y, strict=True)) <= 1:
            return 1 / sum(y)
        used.append(worst)


def _pack(rows: Sequence[Vector]) -> list[Fraction]:
    """Maximise ``sum y`` subject to ``A y <= 1, y >= 0``: tableau simplex from the slack basis, Bland's
    rule."""
    m, n = len(rows), len(rows[0])
    table = [
        list(row) + [Fraction(int(i == j)) for j in range(m)] + [Fraction(1)] for i, row in enumerate(rows)
    ]
    cost = [Fraction(1)] * n + [Fraction(0)] * (m + 1)
    basis = list(range(n, n + m))
    while (entering := next((j for j in range(n + m) if cost[j] > 0), None)) is not None:
        ratios = [(row[-1] / row[entering], basis[i], i) for i, row in enumerate(table) if row[entering] > 0]
        _, _, leaving = min(ratios)
        pivot = table[leaving][entering]
        table[leaving] = [x / pivot for x in table[leaving]]
        for i in range(m):
            if i != leaving and table[i][entering]:
                factor = table[i][entering]
                table[i] = [x - factor * y for x, y in zip(table[i], table[leaving], strict=True)]
        factor = cost[entering]
        cost = [x - factor * y for x, y in zip(cost, table[leaving], strict=True)]
        basis[leaving] = entering
    result = [Fraction(0)] * n
    for i, variable in enumerate(basis):
        if variable < n:
            result[variable] = table[i][-1]
    return result


# ---------------------------------------------------------------- losses


def episodes_until_success(rho: Fraction, episodes: int | None) -> Fraction:
    return 1 / rho if episodes is None else sum(((1 - rho) ** i for i in range(episodes)), Fraction(0))


def memoryless(episodes: int | None) -> LossFunction:
    return lambda rho, v: episodes_until_success(rho, episodes) * (v - rho)


def blind(episodes: int) -> LossFunction:
    return lambda rho, v: episodes * (v - rho)


def hitting_time(episodes: int | None) -> LossFunction:
    return lambda rho, v: episodes_until_success(rho, episodes)


def ratio(episodes: int | None) -> LossFunction:
    return lambda rho, v: episodes_until_success(rho, episodes) / episodes_until_success(v, episodes)


def _required(loss: LossFunction, v: Fraction, theta: Fraction) -> tuple[Fraction, Fraction] | None:
    """Rationals around the smallest ``rho`` with ``loss(rho) <= theta``; None if even ``v`` is not enough."""
    if loss(v, v) > theta:
        return None
    low, high = Fraction(0), v
    for _ in range(90):
        middle = (low + high) / 2
        low, high = (low, middle) if loss(middle, v) <= theta else (middle, high)
    return low, high


def is_below(loss: LossFunction, vertices: set[Vector], theta: float) -> bool:
    """Whether ``theta <= min_rho max_g loss(rho_g)``, decided exactly (but for 2**-90 of the required
    ``rho``)."""
    best = [max(column) for column in zip(*vertices, strict=True)]
    needed = [_required(loss, v, Fraction(theta)) for v in best]
    if any(bounds is None for bounds in needed):
        return True
    return _level(vertices, [bounds[1] for bounds in needed if bounds is not None]) <= 1


def is_above(loss: LossFunction, vertices: set[Vector], theta: float) -> bool:
    """Whether ``theta >= min_rho max_g loss(rho_g)``, decided exactly (but for 2**-90 of the required
    ``rho``)."""
    if theta == float("inf"):
        return True
    best = [max(column) for column in zip(*vertices, strict=True)]
    needed = [_required(loss, v, Fraction(theta)) for v in best]
    if any(bounds is None for bounds in needed):
        return False
    lows = [bounds[0] for bounds in needed if bounds is not None]
    asking = [g for g, low in enumerate(lows) if low > 0]
    if not asking:
        return True
    return _level({tuple(vertex[g] for g in asking) for vertex in vertices}, [lows[g] for g in asking]) >= 1


def _level(vertices: set[Vector], needed: list[Fraction]) -> Fraction:
    """The largest ``s`` with some achievable ``rho_g >= s needed_g`` for all ``g``."""
    return game_value([tuple(x / r for x, r in zip(vertex, needed, strict=True)) for vertex in vertices])
