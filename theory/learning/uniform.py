"""Uniform random numbers, those of `jax.random.uniform`, in one pass over the numbers wanted.

The block cipher Threefry-2x32 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011)
written out: JAX runs its rounds in a loop on CPUs, which costs many times as much for the small arrays here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from metaregret.theory.learning.backend import load_jax

__all__ = ["uniform"]

ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)


def uniform(key: Any, shape: tuple[int, ...]) -> Any:
    """Return ``jax.random.uniform(key, shape, float32)``."""
    jax = load_jax()
    jnp = jax.numpy
    first, second = jax.random.key_data(key)
    keys = first, second, first ^ second ^ np.uint32(0x1BD11BDA)
    left, right = keys[0], jnp.arange(math.prod(shape), dtype=jnp.uint32) + keys[1]
    for group in range(5):
        for turn in ROTATIONS[group % 2]:
            left = left + right
            right = left ^ ((right << np.uint32(turn)) | (right >> np.uint32(32 - turn)))
        left = left + keys[(group + 1) % 3]
        right = right + keys[(group + 2) % 3] + np.uint32(group + 1)
    mantissa = ((left ^ right) >> np.uint32(9)) | np.uint32(0x3F800000)
    return (jax.lax.bitcast_convert_type(mantissa, jnp.float32) - 1).reshape(shape)
