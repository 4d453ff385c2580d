"""The theory of unsupervised meta-reinforcement learning on finite problems: tasks, regrets, minimax, claims.

    >>> from metaregret.tabular import make
    >>> from metaregret.theory import GoalTasks, solve_without_memory
    >>> solution = solve_without_memory(GoalTasks.reachable(make("grid:3x3")))
    >>> solution.value.contains(8)
    True

Public names are listed in `__init__.pyi` and loaded when first used, so that importing the package
costs nothing.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
