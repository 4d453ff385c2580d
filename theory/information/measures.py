"""Shannon's measures in nats: entropy, relative entropy, mutual information.

Conventions: natural logarithms; ``0 log 0 = 0``; ``p log(p / 0) = inf`` for ``p > 0``; channel rows are
inputs, ``channel[x, y] = W(y|x)``. Distributions must sum to one within rounding and are then divided by
their sum, so that a sum of ``1 + 1e-16`` is no reason for a negative divergence. Results carry rounding
errors; where a bound is needed, `metaregret.theory.information.certificate` gives one.

References
----------
T. M. Cover and J. A. Thomas, *Elements of Information Theory*, 2nd ed., Wiley 2006, chapter 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.information.channel import ChannelLike, Vector, as_channel, as_distribution

__all__ = [
    "entropy",
    "kl_divergence",
    "mutual_information",
    "output_distribution",
    "row_divergences",
]


def entropy(distribution: ArrayLike) -> float:
    """Return ``H(p) = -sum_i p_i log p_i`` in nats.

    Parameters
    ----------
    distribution : array_like, shape (n,)
        A probability vector.

    Raises
    ------
    InvalidArgumentError
        If `distribution` is not a probability vector.
    """
    p = _normalised(distribution, "distribution")
    support = p[p > 0.0]
    return max(0.0, -float(support @ np.log(support)))


def kl_divergence(distribution: ArrayLike, reference: ArrayLike) -> float:
    """Return ``KL(p || q) = sum_i p_i log(p_i / q_i)`` in nats; infinite where ``q`` misses mass of ``p``.

    Parameters
    ----------
    distribution, reference : array_like, shape (n,)
        The probability vectors ``p`` and ``q``.

    Raises
    ------
    InvalidArgumentError
        If either is not a probability vector, or their lengths differ.
    """
    p = _normalised(distribution, "distribution")
    q = _normalised(reference, "reference")
    if p.size != q.size:
        raise InvalidArgumentError(
            f"Expected distribution and reference of one length, but got {p.size} and {q.size} entries."
        )
    support = p > 0.0
    if not q[support].all():
        return np.inf
    return max(0.0, float(p[support] @ (np.log(p[support]) - np.log(q[support]))))


def row_divergences(channel: ChannelLike, reference: ArrayLike) -> Vector:
    """Return ``KL(W_x || q)`` of every row, shape ``(X,)``, in nats; infinite where ``q`` misses its mass.

    Parameters
    ----------
    channel : array_like or scipy.sparse array, shape (X, Y)
        ``channel[x, y] = W(y|x)``.
    reference : array_like, shape (Y,)
        The output distribution ``q``.

    Raises
    ------
    InvalidArgumentError
        If `channel` is not a channel, or `reference` is not a distribution on its outputs.
    """
    valid = as_channel(channel)
    q = _normalised(reference, "reference", valid.reachable.size)[valid.reachable]
    missed = q == 0.0
    cross = valid.cross_entropies(q + missed)
    result: Vector = np.maximum(cross - valid.entropies, 0.0)
    if missed.any():
        lost = np.asarray(valid.matrix @ missed)
        result[lost > 0.0] = np.inf
    return result


def output_distribution(input_distribution: ArrayLike, channel: ChannelLike) -> Vector:
    """Return ``q = p W``, shape ``(Y,)``, exactly zero on outputs that no used input reaches.

    Parameters
    ----------
    input_distribution : array_like, shape (X,)
        The probability vector ``p``.
    channel : array_like or scipy.sparse array, shape (X, Y)
        ``channel[x, y] = W(y|x)``.

    Raises
    ------
    InvalidArgumentError
        If `channel` is not a channel, or `input_distribution` is not a distribution on its inputs.
    """
    valid = as_channel(channel)
    p = _normalised(input_distribution, "input_distribution", valid.inputs)
    return valid.expand_output(valid.reached(p))


def mutual_information(input_distribution: ArrayLike, channel: ChannelLike) -> float:
    """Return ``I(p, W) = sum_x p_x KL(W_x || p W)`` in nats.

    Parameters
    ----------
    input_distribution : array_like, shape (X,)
        The probability vector ``p``.
    channel : array_like or scipy.sparse array, shape (X, Y)
        ``channel[x, y] = W(y|x)``.

    Raises
    ------
    InvalidArgumentError
        If `channel` is not a channel, or `input_distribution` is not a distribution on its inputs.
    """
    valid = as_channel(channel)
    p = _normalised(input_distribution, "input_distribution", valid.inputs)
    return max(0.0, float(p @ valid.divergences(valid.output(p))))


def _normalised(distribution: ArrayLike, name: str, size: int | None = None) -> Vector:
    vector = as_distribution(distribution, name, size)
    result: Vector = vector / vector.sum()
    return result
