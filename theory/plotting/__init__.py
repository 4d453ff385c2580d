"""Drawing: looks of venues, maps of states, pictures of results.

The public face stands in `__init__.pyi`; matplotlib is loaded when something is drawn.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
