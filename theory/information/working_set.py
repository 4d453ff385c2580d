"""The interior-point method on the inputs that matter.

An optimal input distribution uses few inputs (at most ``Y``, usually far fewer), so the method

1. works on a *working set* of inputs, to a gap below the asked one;
2. computes the divergences of *all* inputs from the output distribution found: two products with the matrix;
3. adds the inputs whose divergence is too large, and repeats.

The set only grows, so this ends; that the first working set suffices is usual, and never assumed, because the
gap that counts is the one over all inputs. Appending rows to a channel and solving again from the old
solution is the same loop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metaregret.theory.information.certificate import Evaluation, evaluate
from metaregret.theory.information.channel import Channel
from metaregret.theory.information.interior_point import interior_point_steps

__all__ = ["working_set_steps"]

_INNER_SHARE = 0.25
"""Share of the asked gap left to the restricted problem."""

_SMALLEST_ADDITION = 100
_NEGLIGIBLE = 1e-2
"""Inputs below this share of the uniform probability are left out of the first set unless they violate."""


def working_set_steps(
    channel: Channel, start: Evaluation, tolerance: float, max_iterations: int
) -> tuple[Evaluation, int]:
    """Run the interior-point method on growing sets of inputs until the certified gap is at most `tolerance`.

    Parameters
    ----------
    channel : Channel
        The channel, with ``X`` inputs.
    start : Evaluation
        Where to start; the better it is, the smaller the first working set.
    tolerance : float
        Asked gap in nats, over all inputs.
    max_iterations : int
        Most interior-point steps, over all rounds.

    Returns
    -------
    tuple of Evaluation and int
        The best point met and the steps taken. Check its gap: it stalls where the restricted method does.
    """
    best, used = start, 0
    chosen = start.inputs * channel.inputs > _NEGLIGIBLE
    chosen |= _violators(start, np.zeros_like(chosen), channel.inputs)
    while best.gap > tolerance and used < max_iterations:
        rows = np.flatnonzero(chosen)
        point, steps = _restricted(channel, rows, start, _INNER_SHARE * tolerance, max_iterations - used)
        used += steps
        if point.raw_gap < best.raw_gap:
            best = point
        added = _violators(point, chosen, max(_SMALLEST_ADDITION, rows.size)) & ~chosen
        if not added.any():
            break
        chosen, start = chosen | added, point
    return best, used


def _restricted(
    channel: Channel, rows: NDArray[np.intp], start: Evaluation, tolerance: float, max_iterations: int
) -> tuple[Evaluation, int]:
    """Solve the channel restricted to `rows` and evaluate its solution on the whole channel."""
    small = channel if rows.size == channel.inputs else channel.restrict(rows)
    inputs = start.inputs[rows]
    mass = inputs.sum()
    first = inputs / mass if mass > 0.0 else np.full(rows.size, 1.0 / rows.size)
    solution, steps = interior_point_steps(small, evaluate(small, first), tolerance, max_iterations)
    full = np.zeros(channel.inputs)
    full[rows] = solution.inputs
    return evaluate(channel, full), steps


def _violators(point: Evaluation, chosen: NDArray[np.bool_], limit: int) -> NDArray[np.bool_]:
    """Mark the at most `limit` inputs outside `chosen` of largest divergence above ``I(p)``."""
    excess = np.where(chosen, -np.inf, point.divergences - point.information)
    marked = excess > 0.0
    if np.count_nonzero(marked) > limit:
        marked &= excess >= np.partition(excess, -limit)[-limit]
    return marked
