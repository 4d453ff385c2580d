"""cvxpy, imported without what the project never asks it for.

To see which solvers are installed cvxpy imports what each of them needs. MPAX needs JAX, which takes longer
to import than all of cvxpy: it is hidden meanwhile, unless it is there already.
"""

from __future__ import annotations

import sys
from typing import Any, cast

__all__ = ["cvxpy"]

_modules = cast(dict[str, Any], sys.modules)
_hidden = "jax" not in _modules
if _hidden:
    _modules["jax"] = None  # an import of it fails at once
try:
    import cvxpy
finally:
    if _hidden:
        del _modules["jax"]
