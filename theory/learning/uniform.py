"""Uniform random numbers: those of ``jax.random.uniform``, several times as fast.

Threefry-2x32 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011), written
out: on CPUs JAX runs its rounds in a loop, which costs more than they do for as few numbers as here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from metaregret.theory.learning.backend import load_jax

__all__ = ["uniform"]

TURNS = (13, 15, 26, 6), (17, 29, 16, 24)


def uniform(key: Any, shape: tuple[int, ...], stream: int | None = None) -> Any:
    """Return ``jax.random.uniform(key, shape, float32)``; a `stream` is first folded into the key."""
    jax = load_jax()
    jnp = jax.numpy
    pair = tuple(jax.random.key_data(key))
    if stream is not None:
        pair = _threefry(pair, np.uint32(stream))
    left, right = _threefry(pair, jnp.arange(math.prod(shape), dtype=jnp.uint32))
    mantissa = ((left ^ right) >> np.uint32(9)) | np.uint32(0x3F800000)  # of a number from 1 to 2
    return (jax.lax.bitcast_convert_type(mantissa, jnp.float32) - 1).reshape(shape)


def _threefry(pair: tuple[Any, Any], counter: Any) -> tuple[Any, Any]:
    keys = (*pair, pair[0] ^ pair[1] ^ np.uint32(0x1BD11BDA))
    left, right = keys[0], counter + keys[1]
    for group in range(5):
        for turn in TURNS[group % 2]:
            left = left + right
            right = left ^ ((right << np.uint32(turn)) | (right >> np.uint32(32 - turn)))
        left, right = left + keys[(group + 1) % 3], right + keys[(group + 2) % 3] + np.uint32(group + 1)
    return left, right
