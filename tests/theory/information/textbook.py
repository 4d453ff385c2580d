"""Channels whose capacity has a closed form: the oracle of the tests and a source of examples.

Each function returns the matrix (rows are inputs) and the capacity in nats.

References
----------
T. M. Cover and J. A. Thomas, *Elements of Information Theory*, 2nd ed., Wiley 2006, sec. 7.1 and 7.2; the
Z-channel is problem 7.8.
"""

from __future__ import annotations

import math

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.information.channel import Vector

__all__ = [
    "binary_erasure",
    "binary_symmetric",
    "erasure",
    "noiseless",
    "noisy_typewriter",
    "symmetric",
    "useless",
    "z_channel",
]


def noiseless(symbols: int) -> tuple[Vector, float]:
    """Return the identity channel of `symbols` inputs: ``C = log k``."""
    _check(symbols, 0.0, 1)
    return np.eye(symbols), math.log(symbols)


def useless(symbols: int, outputs: int) -> tuple[Vector, float]:
    """Return the channel whose `symbols` rows are all uniform on `outputs`: ``C = 0``."""
    _check(symbols, 0.0, 1)
    return np.full((symbols, outputs), 1.0 / outputs), 0.0


def symmetric(symbols: int, error: float) -> tuple[Vector, float]:
    """Return the k-ary symmetric channel, an error being uniform on the other symbols.

    ``C = log k - H(e) - e log(k - 1)``.
    """
    _check(symbols, error, 2)
    matrix = np.full((symbols, symbols), error / (symbols - 1))
    np.fill_diagonal(matrix, 1.0 - error)
    return matrix, math.log(symbols) - _binary_entropy(error) - error * math.log(symbols - 1)


def binary_symmetric(error: float) -> tuple[Vector, float]:
    """Return the binary symmetric channel: ``C = log 2 - H(e)``."""
    return symmetric(2, error)


def erasure(symbols: int, error: float) -> tuple[Vector, float]:
    """Return the k-ary erasure channel, whose last output reports a loss: ``C = (1 - e) log k``."""
    _check(symbols, error, 1)
    matrix = np.zeros((symbols, symbols + 1))
    matrix[:, :symbols] = (1.0 - error) * np.eye(symbols)
    matrix[:, symbols] = error
    return matrix, (1.0 - error) * math.log(symbols)


def binary_erasure(error: float) -> tuple[Vector, float]:
    """Return the binary erasure channel: ``C = (1 - e) log 2``."""
    return erasure(2, error)


def z_channel(error: float) -> tuple[Vector, float]:
    """Return the Z-channel, whose second input becomes the first output with probability `error`.

    ``C = log(1 + (1 - e) e^(e / (1 - e)))``; at ``e = 1/2`` that is ``log(5/4)``.
    """
    _check(2, error, 2)
    matrix = np.array([[1.0, 0.0], [error, 1.0 - error]])
    if error == 1.0:
        return matrix, 0.0
    return matrix, math.log1p((1.0 - error) * error ** (error / (1.0 - error)))


def noisy_typewriter(symbols: int) -> tuple[Vector, float]:
    """Return the channel that prints each letter or the next one, each half the time: ``C = log(k / 2)``."""
    _check(symbols, 0.0, 2)
    matrix = 0.5 * (np.eye(symbols) + np.roll(np.eye(symbols), 1, axis=1))
    return matrix, math.log(symbols / 2)


def _binary_entropy(error: float) -> float:
    return -sum(p * math.log(p) for p in (error, 1.0 - error) if p > 0.0)


def _check(symbols: int, error: float, fewest: int) -> None:
    if symbols < fewest:
        raise InvalidArgumentError(f"Expected at least {fewest} symbols, but got symbols={symbols}.")
    if not 0.0 <= error <= 1.0:
        raise InvalidArgumentError(f"Expected error to be a probability, but got error={error!r}.")
