"""Hypothesis strategies for channels and distributions.

Entries are small integer weights divided by their sum, never arbitrary floats: examples shrink to readable
ones, and zeros, repeated rows and unreachable outputs come up by themselves.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from metaregret.theory.information.channel import Vector

__all__ = ["channels", "distributions", "weights"]


@st.composite
def weights(draw: st.DrawFn, size: int, largest: int = 9) -> list[int]:
    """Draw `size` integers in ``0..largest``, not all zero."""
    values = draw(st.lists(st.integers(0, largest), min_size=size, max_size=size))
    if not any(values):
        values[draw(st.integers(0, size - 1))] = 1
    return values


@st.composite
def distributions(draw: st.DrawFn, size: int) -> Vector:
    """Draw a probability vector, shape ``(size,)``."""
    values = np.array(draw(weights(size)), dtype=np.float64)
    result: Vector = values / values.sum()
    return result


@st.composite
def channels(
    draw: st.DrawFn,
    inputs: st.SearchStrategy[int] | None = None,
    outputs: st.SearchStrategy[int] | None = None,
) -> Vector:
    """Draw a channel matrix, shape ``(X, Y)``, each from 1 to 6 unless given."""
    rows = draw(inputs if inputs is not None else st.integers(1, 6))
    columns = draw(outputs if outputs is not None else st.integers(1, 6))
    return np.array([draw(distributions(columns)) for _ in range(rows)])
