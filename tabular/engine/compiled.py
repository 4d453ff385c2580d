"""The compiled kernels, loaded when first used: importing the planner must not load the compiler."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

__all__ = ["compiled"]


@cache
def compiled(name: str) -> Any:
    """Return the module ``metaregret.tabular.engine.<name>``; a call costs a fifth of an import statement."""
    return importlib.import_module(f"metaregret.tabular.engine.{name}")
