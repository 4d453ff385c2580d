r"""Small probabilities, made right: Newton steps on the conditions at the optimum.

A gap of ``e`` nats says little of inputs whose probability is below ``e``: leaving one out costs less than
the gap. Where worst cases are asked of the output distribution (regret is ``v_s / q_s``, and mutual
information may pay exponentially in ``1 / v``, T20) these are the ones that matter. At the optimum every
used input has divergence ``C``. With ``B = diag(p)^(1/2) W diag(q)^(-1/2)`` a Newton step in ``log p`` solves

    B B' (sqrt(p) d) = sqrt(p) (D - C),        p <- p exp(d),

which is well scaled however small a probability is; inputs that no optimum uses are taken out before. The
result is kept if the inputs left are closer to one divergence and the gap is no wider.

Source: S. J. Wright, *Primal-Dual Interior-Point Methods*, SIAM 1997 (the system); the scaling is ours.
"""

from __future__ import annotations

import numpy as np

from metaregret.theory.information.certificate import Evaluation, evaluate
from metaregret.theory.information.channel import Channel, Vector

__all__ = ["polished"]

MAX_INPUTS = 400
"""Largest number of used inputs: a step costs the cube of it."""

MAX_STEPS = 60
LONGEST = 4.0
"""Longest step in a logarithm: Newton's model is no good beyond."""
UNUSED = -30.0
"""Where an input's divergence lacks so many times what its own removal would add, no optimum uses it."""


def polished(channel: Channel, point: Evaluation) -> Evaluation:
    """Return a point whose used inputs are as nearly equidistant from its output as can be had.

    Its gap is no wider than that of `point`, the rounding allowance apart.
    """
    best = point
    for _ in range(MAX_STEPS):
        moved = _step(channel, point)
        if moved is None:
            break
        point = moved
        if _spread(point) <= 1e-13 * (1.0 + point.information):
            break
    rounding = best.gap - max(0.0, best.raw_gap)
    improved = _spread(point) < _spread(best) and point.gap <= max(best.gap, 2 * rounding)
    return point if improved else best


def _spread(point: Evaluation) -> float:
    """The largest distance of a used input's divergence from their mean."""
    return float(np.abs(point.divergences[point.inputs > 0] - point.information).max())


def _step(channel: Channel, point: Evaluation) -> Evaluation | None:
    used = np.flatnonzero(point.inputs > 0)
    if not 1 < len(used) <= MAX_INPUTS:
        return None
    matrix = channel.matrix[used]
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    root = np.sqrt(point.inputs[used])
    scaled = dense * (root * channel.inverse_sums[used])[:, None] / np.sqrt(point.outputs)
    right = root * (point.divergences[used] - point.information)
    # What taking the input out alone would add to its divergence, against what it lacks.
    alone = right / (root * np.maximum(np.einsum("xy,xy->x", scaled, scaled), 1e-300))
    kept = alone > UNUSED
    try:
        found, *_ = np.linalg.lstsq(scaled[kept] @ scaled[kept].T, right[kept], rcond=1e-14)
    except np.linalg.LinAlgError:
        return None
    inputs: Vector = np.zeros_like(point.inputs)
    step = np.clip(found / root[kept], -LONGEST, LONGEST)
    inputs[used[kept]] = point.inputs[used[kept]] * np.exp(step)
    total = float(inputs.sum())
    return evaluate(channel, inputs / total) if np.isfinite(total) and total > 0 else None
