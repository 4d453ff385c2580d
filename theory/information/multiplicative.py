"""First-order algorithms for capacity: multiplicative updates ``p_x <- p_x exp(eta D_x) / normaliser``.

- *Blahut-Arimoto* is ``eta = 1`` (Arimoto 1972; Blahut 1972): ``I`` never decreases, the gap falls like
  ``log X / iterations``, and near the optimum only linearly, at a rate that tends to one on large channels.
- *Accelerated* lets ``eta`` grow by half after each step that does not lower ``I`` (unless that step cut the
  gap to less than a third, when all is well), and divides it by four after a step that does, never below one
  (the step-size rule is ours; that larger steps are natural-gradient steps and often far better is due to
  Matz and Duhamel 2004). A rejected step costs as much as an accepted one. Since ``eta = 1`` cannot fail,
  ``I`` never decreases here either.

Both stop on the *certified* gap and not on a step size.

References
----------
S. Arimoto, "An algorithm for computing the capacity of arbitrary discrete memoryless channels", *IEEE Trans.
Inform. Theory* 18 (1972) 14-20.
R. E. Blahut, "Computation of channel capacity and rate-distortion functions", *IEEE Trans. Inform. Theory* 18
(1972) 460-473.
G. Matz and P. Duhamel, "Information geometric formulation and interpretation of accelerated
Blahut-Arimoto-type algorithms", *Proc. IEEE Information Theory Workshop* 2004, 66-70.
"""

from __future__ import annotations

import numpy as np

from metaregret.theory.information.certificate import Evaluation, evaluate
from metaregret.theory.information.channel import Channel, Vector

__all__ = ["accelerated_steps", "blahut_arimoto_steps"]

_GROWTH = 1.5
_SHRINKAGE = 0.25
_FAST = 0.3
"""Share of the gap left by a step that is good enough as it is: such channels are solved in ten steps, and
longer ones would overshoot."""

SMALLEST_INPUT = 1e-100
"""Floor of an input probability: updates are multiplicative, so a probability that underflows never
returns."""


def blahut_arimoto_steps(
    channel: Channel, start: Evaluation, tolerance: float, max_iterations: int
) -> tuple[Evaluation, int]:
    """Run plain Blahut-Arimoto until the certified gap is at most `tolerance`.

    Parameters
    ----------
    channel : Channel
        The channel, with ``X`` inputs.
    start : Evaluation
        Where to start; inputs of probability zero stay at zero but for the floor `SMALLEST_INPUT`.
    tolerance : float
        Asked gap in nats.
    max_iterations : int
        Most steps.

    Returns
    -------
    tuple of Evaluation and int
        The last point and the steps taken. Check its gap: the limit may have come first.
    """
    point = start
    for iteration in range(max_iterations):
        if point.gap <= tolerance:
            return point, iteration
        point = evaluate(channel, _reweighted(point, 1.0))
    return point, max_iterations


def accelerated_steps(
    channel: Channel, start: Evaluation, tolerance: float, max_iterations: int
) -> tuple[Evaluation, int]:
    """Run multiplicative updates with adaptive steps; arguments and result as `blahut_arimoto_steps`."""
    point, eta = start, 1.0
    for iteration in range(max_iterations):
        if point.gap <= tolerance:
            return point, iteration
        candidate = evaluate(channel, _reweighted(point, eta))
        # Near the optimum rounding can lower I at eta = 1 too: accept such a step, or nothing ever moves.
        if candidate.information >= point.information or eta == 1.0:
            fast = candidate.raw_gap < _FAST * point.raw_gap
            point, eta = candidate, eta if fast else _GROWTH * eta
        else:
            eta = max(1.0, _SHRINKAGE * eta)
    return point, max_iterations


def _reweighted(point: Evaluation, eta: float) -> Vector:
    """Return ``p exp(eta D)`` divided by its sum; the largest exponent is zero, so that nothing overflows."""
    weights: Vector = np.exp(eta * (point.divergences - point.divergences.max()))
    weights *= point.inputs
    weights /= weights.sum()
    np.maximum(weights, SMALLEST_INPUT, out=weights)
    return weights
