"""cvxpy, imported without what the project never asks it for.

To see which solvers are installed cvxpy imports what each of them needs. MPAX needs JAX, which takes longer
to import than all of cvxpy: it is hidden meanwhile, unless it is there already. Of SciPy's statistics, which
take half of the rest, one atom needs one function: it is found when it is called.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, cast

__all__ = ["cvxpy"]


def _entropy(*given: Any, **options: Any) -> Any:
    from scipy.stats import entropy

    return entropy(*given, **options)


_modules = cast(dict[str, Any], sys.modules)
_light = {"jax": None, "scipy.stats": SimpleNamespace(entropy=_entropy)}  # an import of None fails at once
_hidden = _light.keys() - _modules
_modules.update((name, _light[name]) for name in _hidden)
try:
    import cvxpy
finally:
    for _name in _hidden:
        del _modules[_name]
