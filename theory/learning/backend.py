"""The one door to JAX and optax, which are an extra: loaded when first used, in double precision.

Everything else of the toolkit works without them.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from functools import cache
from typing import Any

from metaregret.tabular.errors import MissingExtraError

__all__ = ["load_jax", "load_optax", "require_extra"]


@cache
def load_jax() -> Any:
    """Return the module ``jax``, set to double precision.

    Studies run one process a core, so that all keep to few threads. XLA cuts its longest sums into as many
    parts as it has threads: two, whatever the machine, so that the same seed gives the same numbers on it.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    if "jax" not in sys.modules:
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
        os.environ.setdefault("PJRT_NPROC", "2")
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax = _load("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


@cache
def load_optax() -> Any:
    """Return the module ``optax``.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    load_jax()
    return _load("optax")


def require_extra() -> None:
    """Raise `MissingExtraError` unless JAX and optax are installed, without loading them."""
    for name in ("jax", "optax"):
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            raise _missing(name)


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _missing(name) from error


def _missing(name: str) -> MissingExtraError:
    return MissingExtraError(
        f"Learners that learn need {name}, which is not installed: pip install 'metaregret[learn]'"
    )
