"""Drawing: looks of venues, maps of states, pictures of results.

Public names are listed in `__init__.pyi`; matplotlib is loaded when something is drawn.

>>> import metaregret as mr
>>> process = mr.make("grid:3x3", horizon=4)
>>> panel = mr.plotting.Panel("uniform", {state: 1 / 9 for state in range(9)})
>>> figure = mr.plotting.states_figure(process, [panel], label="probability")
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
