"""Covers and packings of goals by episodes: what memory is worth where the dynamics are deterministic.

`fractional_cover` finds the fractional covering number of a process, an optimal cover and an optimal
packing, with the planner as oracle; `set_systems` holds the same for families of sets given as bit masks,
with the exact value of searching them with memory; `closed_forms` what T23 to T25 say.
"""

from __future__ import annotations

from metaregret.theory.covers.fractional import CoverPath, FractionalCover, fractional_cover
from metaregret.theory.covers.set_systems import (
    SetSystem,
    fractional_numbers,
    search_value,
    smallest_cover,
)

__all__ = [
    "CoverPath",
    "FractionalCover",
    "SetSystem",
    "fractional_cover",
    "fractional_numbers",
    "search_value",
    "smallest_cover",
]
