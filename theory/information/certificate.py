"""The certificate of a capacity: ``I(p) <= C <= max_x KL(W_x || p W)`` for any input distribution ``p``.

The lower bound is the definition of capacity, the upper one its dual (Gallager 1968, theorem 4.5.1; Csiszar
and Koerner 1981, theorem 2.3.4): for *every* output distribution ``q``

    ``C = max_p min_q sum_x p_x KL(W_x || q) <= max_x KL(W_x || q)``.

Both are recomputed from ``p`` alone and widened outward by a bound on the rounding errors, so that they hold
for the real numbers that the floating-point matrix stands for (each row divided by its sum).

Rounding
--------
Write ``H_x`` for the entropy of row ``x``, ``c_x = -sum_y W(y|x) log q_y``, and ``g(n)`` for
`relative_error`. Both are sums of terms of one sign, with at most ``n = row_terms`` terms. An entry is
divided by a row sum (``n`` roundings), its logarithm is within 4 units in the last place, and the products
are added (``n`` roundings), so the error of ``D_x = c_x - H_x + log sum(q)`` is at most
``g(2 n + 32) (H_x + c_x + 1) + g(Y)``.

For the lower bound the computed ``q`` is not exactly ``p W``, but
``I(p) = sum_x p_x KL(W_x || q) - KL(p W || q)`` for every ``q``, and the last term is of second order in the
relative error of ``q``.

References
----------
R. G. Gallager, *Information Theory and Reliable Communication*, Wiley 1968, sec. 4.5.
N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM 2002, sec. 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from metaregret.tabular.bounds import Bracket, relative_error
from metaregret.theory.information.channel import Channel, ChannelLike, Vector, as_channel, as_distribution

__all__ = ["Evaluation", "capacity_bracket", "evaluate"]

_LOGARITHM_ROUNDINGS = 32
"""Roundings granted to logarithms and to the handful of operations around the long sums."""


@dataclass(frozen=True)
class Evaluation:
    """An input distribution with all that an algorithm and its certificate need of it.

    Attributes
    ----------
    inputs : ndarray, shape (X,)
        The distribution ``p``.
    outputs : ndarray, shape (Y,)
        ``p W`` with the floor of `Channel.output`.
    divergences : ndarray, shape (X,)
        ``KL(W_x || p W)`` in nats.
    information : float
        ``I(p)`` in nats as computed, not widened.
    lower, upper : float
        The certified bounds of the capacity.
    """

    inputs: Vector
    outputs: Vector
    divergences: Vector
    information: float
    lower: float
    upper: float

    @property
    def gap(self) -> float:
        """``upper - lower`` of the certified bounds, in nats."""
        return self.upper - self.lower

    @property
    def raw_gap(self) -> float:
        """``max_x D_x - I(p)`` as computed, which unlike `gap` can fall below the rounding allowance."""
        return float(self.divergences.max()) - self.information


def evaluate(channel: Channel, input_distribution: Vector) -> Evaluation:
    """Evaluate an input distribution that is known to be valid: two products with the matrix."""
    q = channel.output(input_distribution)
    divergences = channel.divergences(q)
    total = input_distribution.sum()
    information = float(input_distribution @ divergences / total)

    allowance = _divergence_allowance(channel, divergences)
    upper = float((divergences + allowance).max())
    lower = information - _information_allowance(channel, input_distribution, divergences, allowance)
    return Evaluation(input_distribution, q, divergences, information, max(0.0, lower), upper)


def capacity_bracket(channel: ChannelLike, input_distribution: ArrayLike) -> Bracket:
    """Return the bracket of the capacity that an input distribution certifies, in nats.

    Parameters
    ----------
    channel : array_like or scipy.sparse array, shape (X, Y)
        ``channel[x, y] = W(y|x)``.
    input_distribution : array_like, shape (X,)
        Any distribution ``p`` on the inputs.

    Returns
    -------
    Bracket
        ``[I(p), max_x KL(W_x || p W)]`` widened outward by the rounding allowance of this module. Both bounds
        are finite: outputs that ``p`` does not reach enter with probability `SMALLEST_OUTPUT`.

    Raises
    ------
    InvalidArgumentError
        If `channel` is not a channel, or `input_distribution` is not a distribution on its inputs.
    """
    valid = as_channel(channel)
    p = as_distribution(input_distribution, "input_distribution", valid.inputs)
    return bracket_of(evaluate(valid, p))


def bracket_of(evaluation: Evaluation) -> Bracket:
    """Return the certified bounds of an evaluation as a bracket."""
    return Bracket(
        evaluation.lower,
        evaluation.upper,
        lower_from="mutual information at the returned input distribution",
        upper_from="largest divergence of a row from the returned output distribution",
    )


def _divergence_allowance(channel: Channel, divergences: Vector) -> Vector:
    """Bound the errors of the computed ``D_x``, shape (X,)."""
    per_term = relative_error(2 * channel.row_terms + _LOGARITHM_ROUNDINGS)
    # c_x = D_x + H_x up to the constant log sum(q), which is a rounding error itself.
    return per_term * (divergences + 2.0 * channel.entropies + 1.0) + relative_error(channel.outputs)


def _information_allowance(channel: Channel, p: Vector, divergences: Vector, allowance: Vector) -> float:
    """Bound the error of the computed ``I(p)``: the mean of the rows' errors, of the mean, and of ``q``."""
    total = p.sum()
    mean = float(p @ allowance / total)
    weighing = relative_error(2 * int(np.count_nonzero(p)) + 8) * float(p @ np.abs(divergences) / total)
    output = relative_error(2 * channel.column_terms + 2 * channel.row_terms + _LOGARITHM_ROUNDINGS)
    return mean * (1.0 + 1e-6) + weighing + 2.0 * output**2
