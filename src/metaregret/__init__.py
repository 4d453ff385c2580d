"""metaregret: the theory of unsupervised meta-reinforcement learning on tabular problems, exactly.

    >>> import metaregret as mr
    >>> tasks = mr.goals(mr.make("grid:3x3,slip=1/10", horizon=4))
    >>> solution = mr.solve(tasks, exact=True)
    >>> f"{solution.value:.4f}", str(solution.value.exact)
    ('7.1238', '2279601/320000')

Public names are listed in `__init__.pyi` and loaded when first used, so that importing the package
costs nothing.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
