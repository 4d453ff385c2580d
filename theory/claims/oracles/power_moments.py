"""What T19 to T22 and C09 share: sets of distributions with rational entries, and the family F(K, v).

A set of rows stands for a terminal polytope: the process of one step with one action per row has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.strategies import distributions

__all__ = ["Rows", "best", "family", "mixed", "mixtures", "moment", "table"]

Rows = Sequence[Sequence[Fraction]]


def family(count: int, luck: Fraction) -> list[list[Fraction]]:
    """The rows of ``F(K, v)``: the noisy goal is column 0, its action row 0."""
    noisy = [luck, *[(1 - luck) / count] * count]
    return [noisy, *([Fraction(int(g == s)) for s in range(count + 1)] for g in range(1, count + 1))]


def table(rows: Rows) -> np.ndarray:
    """The rows in floating point, shape (n, S)."""
    return np.array([[float(x) for x in row] for row in rows])


def best(rows: Rows) -> list[Fraction]:
    """``v_g``, the largest probability of every goal."""
    return [max(column) for column in zip(*rows, strict=True)]


def mixed(rows: Rows, weights: Sequence[Fraction]) -> list[Fraction]:
    """The mixture of rows with given weights."""
    return [
        sum((w * x for w, x in zip(weights, column, strict=True)), Fraction(0))
        for column in zip(*rows, strict=True)
    ]


def moment(rho: Sequence[Fraction], q: Sequence[Fraction], order: int) -> Fraction:
    """``sum rho (rho / q)^(a-1) = exp((a-1) D_a)`` at an integer order, exactly."""
    return sum((r * (r / s) ** (order - 1) for r, s in zip(rho, q, strict=True) if r), Fraction(0))


@once
@st.composite
def mixtures(draw: st.DrawFn) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Draw rows without unreachable goals, and a mixture of all of them: ties, unequal ``v``, sure goals
    and fewer goals than rows all come up."""
    goals = draw(st.integers(1, 4))
    rows = draw(st.lists(distributions(goals, largest=6), min_size=1, max_size=4))
    reached = [s for s in range(goals) if any(row[s] for row in rows)]
    kept = [[row[s] for s in reached] for row in rows]
    return kept, mixed(kept, draw(distributions(len(kept), positive=True)))
