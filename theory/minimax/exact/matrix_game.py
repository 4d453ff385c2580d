"""Finite zero-sum matrix games in rational arithmetic: the value and optimal strategies with tolerance zero.

With payoffs ``P >= 0`` to the maximiser, who picks columns, and a positive value ``V``, the minimiser's
strategy is ``p = V y`` where ``y`` solves ``max { sum y : P^T y <= 1, y >= 0 }``; the dual variables are ``x
= q / V`` for the maximiser's ``q`` (Dantzig 1951). Simplex pivots in floating point find a square *kernel* of
the payoff matrix; the strategies are then one rational linear solve away (Shapley & Snow 1950: every extreme
pair of optimal strategies comes from such a kernel) and are checked exactly. Where the check fails, the
pivots are repeated in rational arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from metaregret.tabular.errors import SolverError

__all__ = ["GameSolution", "solve_game"]

ROUNDING = 1e-10
"""Entries below this are zero to the floating-point pivots; nothing that is returned depends on it."""

GREEDY_PIVOTS = 4
"""Pivots per row of the tableau by the steepest rule, before Bland's rule, which ends, takes over."""

BLAND_PIVOTS = 2**14
"""Pivots by Bland's rule after which the search is given up."""


@dataclass(frozen=True, eq=False)
class GameSolution:
    """An exact solution of a matrix game.

    Attributes
    ----------
    value : fmpq
    columns : ndarray of fmpq, shape (m,)
        The maximiser's strategy ``q``: ``min_g sum_j P_gj q_j`` is the value.
    rows : ndarray of fmpq, shape (K,)
        The minimiser's strategy ``p``: ``max_j sum_g p_g P_gj`` is the value.
    """

    value: Any
    columns: np.ndarray
    rows: np.ndarray


def solve_game(payoff: np.ndarray) -> GameSolution:
    """Return the exact value and optimal strategies of the matrix game ``max_q min_p p^T P q``.

    Parameters
    ----------
    payoff : ndarray of fmpq, shape (K, m)
        ``P``; the minimiser picks a row, the maximiser a column.

    Returns
    -------
    GameSolution

    Raises
    ------
    SolverError
        If rational pivots have not ended after a limit that no game of sensible size meets.
    """
    lowest = min(payoff.ravel().tolist())
    every_row_pays = lowest >= 0 and all(any(row > 0) for row in payoff)
    shift = flint.fmpq(0) if every_row_pays else flint.fmpq(1 - math.floor(lowest))
    positive = payoff + shift
    solution = _from_kernel(positive)
    if solution is None:
        solution = _from_pivots(positive)
    return GameSolution(solution.value - shift, solution.columns, solution.rows)


def _from_kernel(payoff: np.ndarray) -> GameSolution | None:
    """Solve on the kernel that floating-point pivots point to; None unless it is exactly optimal."""
    try:
        floats = np.array([[int(v.p) / int(v.q) for v in row] for row in payoff.tolist()])
    except OverflowError:  # no pivots in floating point point the way
        return None
    end = _pivot(floats, 1.0, ROUNDING)
    if end is None:
        return None
    rows, columns = end.kernel()
    kernel = payoff[np.ix_(rows, columns)].tolist()
    matrix = flint.fmpq_mat(len(rows), len(columns), [v for row in kernel for v in row])
    ones = flint.fmpq_mat(len(rows), 1, [1] * len(rows))
    try:
        x, y = matrix.solve(ones), matrix.transpose().solve(ones)
    except ZeroDivisionError:
        return None
    full_x = _spread(x.entries(), columns, payoff.shape[1])
    full_y = _spread(y.entries(), rows, payoff.shape[0])
    optimal = (
        all(v >= 0 for v in full_x)
        and all(v >= 0 for v in full_y)
        and all(v >= 1 for v in payoff[:, columns] @ full_x[columns])
        and all(v <= 1 for v in full_y[rows] @ payoff[rows])
    )
    return _normalised(full_x, full_y) if optimal else None


def _from_pivots(payoff: np.ndarray) -> GameSolution:
    """Solve by rational pivots alone."""
    end = _pivot(payoff, flint.fmpq(1), flint.fmpq(0))
    if end is None:
        raise SolverError(
            f"Rational pivots on a {payoff.shape[0]} x {payoff.shape[1]} matrix game did not end."
        )
    return _normalised(*end.solution())


def _spread(values: Any, positions: Any, size: int) -> np.ndarray:
    """Return a vector that has `values` at `positions` and is zero elsewhere."""
    result = np.full(size, flint.fmpq(0))
    result[positions] = values
    return result


def _normalised(x: np.ndarray, y: np.ndarray) -> GameSolution:
    value = 1 / x.sum()
    return GameSolution(value, x * value, y * value)


@dataclass(frozen=True, eq=False)
class _Tableau:
    """A final tableau; labels below ``K`` are the variables ``y``, the others the slacks of the columns."""

    table: np.ndarray
    basic: np.ndarray
    outside: np.ndarray

    def kernel(self) -> tuple[list[int], list[int]]:
        """The rows and columns of the game on which both strategies are determined."""
        count = len(self.outside)
        rows = sorted(self.basic[self.basic < count].tolist())
        return rows, sorted((self.outside[self.outside >= count] - count).tolist())

    def solution(self) -> tuple[np.ndarray, np.ndarray]:
        """The optimal ``x`` and ``y``."""
        count = len(self.outside)
        paid, played = self.outside >= count, self.basic < count
        x = _spread(self.table[-1, :-1][paid], self.outside[paid] - count, len(self.basic))
        return x, _spread(self.table[:-1, -1][played], self.basic[played], count)


def _pivot(payoff: np.ndarray, one: Any, rounding: Any) -> _Tableau | None:
    """Run the simplex method on ``max { sum y : P^T y <= 1, y >= 0 }``; None if it does not end in time.

    The tableau is condensed: one row per column of the game, one column per row of the game. Bland's rule
    (1977) after the first pivots excludes cycles in exact arithmetic.
    """
    count, size = payoff.shape
    table = np.full((size + 1, count + 1), one - one)
    table[:-1, :-1], table[:-1, -1], table[-1, :-1] = payoff.T, one, -one
    basic, outside = np.arange(count, count + size), np.arange(count)
    greedy = GREEDY_PIVOTS * (count + size)
    for step in range(greedy + BLAND_PIVOTS):
        improving = np.flatnonzero(table[-1, :-1] < -rounding)
        if not len(improving):
            return _Tableau(table, basic, outside)
        order = table[-1] if step < greedy else outside
        enter = improving[np.argmin(order[improving])]
        column = table[:, enter].copy()
        limiting = [i for i in range(size) if column[i] > rounding]
        if not limiting:
            return None
        leave = min(limiting, key=lambda i: (table[i, -1] / column[i], int(basic[i])))
        _exchange(table, leave, enter, column, one)
        basic[leave], outside[enter] = outside[enter], basic[leave]
    return None


def _exchange(table: np.ndarray, leave: int, enter: int, column: np.ndarray, one: Any) -> None:
    """Exchange a basic and a non-basic variable in place."""
    pivot = column[leave]
    row = table[leave] / pivot
    touched = np.flatnonzero(column != 0)
    table[touched] -= np.multiply.outer(column[touched], row)
    table[:, enter] = -column / pivot
    table[leave] = row
    table[leave, enter] = one / pivot
