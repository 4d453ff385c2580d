"""The decorator of every compiled kernel of this folder, and the one import of numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
compiled: Callable[[Kernel], Kernel] = cast(Any, numba.njit)(cache=True)
"""Compile on the first call and keep the machine code on disk, so that later processes only load it."""
