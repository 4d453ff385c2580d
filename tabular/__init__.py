"""Controlled Markov processes on finite state spaces: objects and algorithms, exact where the data are.

    >>> from metaregret.tabular import goal_values, make
    >>> goal_values(make("grid:3x3"), representation="rational").exact.tolist() == [1] * 9
    True

Public names are listed in `__init__.pyi` and loaded when first used, so that importing the package
costs nothing.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
