"""The named processes on which every claim is checked, besides generated ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from metaregret.tabular.environments import make
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["ZOO", "Specimen"]


@dataclass(frozen=True)
class Specimen:
    """A process by specification and horizon.

    Attributes
    ----------
    specification : str
    horizon : int
        Steps per episode.
    """

    specification: str
    horizon: int

    @property
    def name(self) -> str:
        """The specification, with the horizon."""
        return f"{self.specification} T={self.horizon}"

    def process(self) -> ControlledMarkovProcess:
        """Build the process (once)."""
        return _build(self.specification, self.horizon)


@cache
def _build(specification: str, horizon: int) -> ControlledMarkovProcess:
    return make(specification).replaced(horizon=horizon)


ZOO = (
    Specimen("grid:5x5", 8),
    Specimen("line:7", 6),
    Specimen("tree:0,0,1,1,2,2", 3),
    Specimen("gym:FrozenLake-v1,map_name=4x4,is_slippery=false", 8),
    Specimen("gym:FrozenLake-v1,map_name=8x8,is_slippery=false", 16),
    Specimen("gym:FrozenLake-v1,map_name=4x4,is_slippery=true", 10),
    Specimen("grid:3x3,slip=1/10", 4),
    Specimen("grid:4x4,slip=3/10", 6),
    Specimen("garnet:S=8,A=3,b=3,seed=1", 4),
    Specimen("garnet:S=20,A=3,b=3,seed=2", 6),
    Specimen("gym:Taxi-v4", 20),
)
