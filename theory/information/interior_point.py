"""A primal-dual interior-point method for channel capacity.

The optimality conditions of ``max_p I(p)`` (Gallager 1968, theorem 4.5.1) with slacks ``s`` and multiplier
``nu = C``:

    ``KL(W_x || p W) + s_x = nu``,  ``p_x s_x = 0``,  ``sum_x p_x = 1``,  ``p, s >= 0``.

Newton's method on them with ``p_x s_x = mu`` in place of zero, ``mu`` driven to zero by Mehrotra's predictor
and corrector, needs about ten steps whatever the size. The derivative of the divergences is
``-W diag(1/q) W'``; in the variable ``u = dp / sqrt(p)`` a step solves
``(B B' + diag(s)) u + sqrt(p) dnu = r`` with one right-hand side each for the step and for ``sqrt(p)``
(`metaregret.theory.information.normal_equations`).

Nothing here is trusted: the loop stops on the certified gap, returns the best point it has met, and its
caller recomputes the bracket on the whole channel.

References
----------
S. Mehrotra, "On the implementation of a primal-dual interior point method", *SIAM J. Optim.* 2 (1992)
575-601.
S. J. Wright, *Primal-Dual Interior-Point Methods*, SIAM 1997.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.errors import SolverError
from metaregret.theory.information.certificate import Evaluation, evaluate
from metaregret.theory.information.channel import Channel, Vector
from metaregret.theory.information.normal_equations import Solve, factorise

__all__ = ["interior_point_steps"]

_TO_THE_BOUNDARY = 0.99
_PATIENCE = 8
"""Steps without a smaller gap after which the method gives up: about as many as a whole run takes."""

_LAST_TARGET = 0.02
"""Share of the asked gap at which the complementarity of all inputs together is no longer reduced."""

_INTERIOR_SHARE = 0.1
"""Share of the uniform distribution mixed into a start, which may lie on the boundary."""


@dataclass(frozen=True)
class _Iterate:
    point: Evaluation
    slack: Vector
    multiplier: float

    @property
    def complementarity(self) -> float:
        return float(self.point.inputs @ self.slack) / self.slack.size


@dataclass(frozen=True)
class _Direction:
    inputs: Vector
    slack: Vector
    multiplier: float


def interior_point_steps(
    channel: Channel, start: Evaluation, tolerance: float, max_iterations: int
) -> tuple[Evaluation, int]:
    """Run the interior-point method until the certified gap is at most `tolerance`, or until it stalls.

    Parameters
    ----------
    channel : Channel
        The channel, with ``X`` inputs.
    start : Evaluation
        Where to start; it is first mixed with the uniform distribution.
    tolerance : float
        Asked gap in nats.
    max_iterations : int
        Most steps.

    Returns
    -------
    tuple of Evaluation and int
        The best point met (the start among them) and the steps taken. Check its gap.
    """
    best, last_gain = start, 0
    if start.gap <= tolerance:
        return start, 0
    iterate = _interior(channel, start)
    for iteration in range(max_iterations):
        if iterate.point.raw_gap < best.raw_gap:
            best, last_gain = iterate.point, iteration
        if best.gap <= tolerance or iteration - last_gain >= _PATIENCE:
            return best, iteration
        try:
            iterate = _step(channel, iterate, _LAST_TARGET * tolerance / channel.inputs)
        except SolverError:
            return best, iteration
        if not np.isfinite(iterate.point.information):
            return best, iteration
    return min(best, iterate.point, key=lambda point: point.raw_gap), max_iterations


def _interior(channel: Channel, start: Evaluation) -> _Iterate:
    """Start strictly inside, with ``nu`` above every divergence: all slacks are positive and consistent."""
    mixed = (1.0 - _INTERIOR_SHARE) * start.inputs + _INTERIOR_SHARE / channel.inputs
    point = evaluate(channel, mixed / mixed.sum())
    margin = max(0.1 * point.raw_gap, 1e-12)
    multiplier = float(point.divergences.max()) + margin
    return _Iterate(point, multiplier - point.divergences, multiplier)


def _step(channel: Channel, iterate: _Iterate, smallest_target: float) -> _Iterate:
    """Take one predictor-corrector step towards a complementarity of at least `smallest_target`.

    Without that floor the complementarity can run ahead of the residuals by orders of magnitude; the systems
    are then singular before the gap is closed.
    """
    p, slack, mu = iterate.point.inputs, iterate.slack, iterate.complementarity
    solve = factorise(channel, p, iterate.point.outputs, slack)
    tangent = solve(np.sqrt(p))

    predictor = _direction(iterate, solve, tangent, -p * slack)
    reached = (p + _longest(p, predictor.inputs) * predictor.inputs) @ (
        slack + _longest(slack, predictor.slack) * predictor.slack
    )
    reached_mu = max(0.0, float(reached) / slack.size)
    centred = max(smallest_target, (reached_mu / mu) ** 3 * mu)
    target = centred - p * slack - predictor.inputs * predictor.slack
    corrector = _direction(iterate, solve, tangent, target)

    primal = min(1.0, _TO_THE_BOUNDARY * _longest(p, corrector.inputs))
    dual = min(1.0, _TO_THE_BOUNDARY * _longest(slack, corrector.slack))
    return _Iterate(
        evaluate(channel, p + primal * corrector.inputs),
        slack + dual * corrector.slack,
        iterate.multiplier + dual * corrector.multiplier,
    )


def _direction(iterate: _Iterate, solve: Solve, tangent: Vector, target: Vector) -> _Direction:
    """Solve the linearised conditions with ``p ds + s dp = target``, shape ``(X,)``."""
    p, slack = iterate.point.inputs, iterate.slack
    root = np.sqrt(p)
    residual = iterate.multiplier - slack - iterate.point.divergences
    free = solve(target / root - root * residual)
    # The multiplier's step is what keeps the probabilities summing to one.
    multiplier = (float(root @ free) - (1.0 - float(p.sum()))) / float(root @ tangent)
    inputs = root * (free - multiplier * tangent)
    return _Direction(inputs, (target - slack * inputs) / p, multiplier)


def _longest(values: Vector, step: Vector) -> float:
    """Return the longest step in ``[0, 1 / _TO_THE_BOUNDARY]`` that keeps ``values + step`` non-negative."""
    falling = step < 0.0
    if not falling.any():
        return 1.0 / _TO_THE_BOUNDARY
    return min(1.0 / _TO_THE_BOUNDARY, float((-values[falling] / step[falling]).min()))
