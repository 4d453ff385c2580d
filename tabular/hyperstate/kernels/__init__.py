"""Compiled kernels of the hyperstate graph. Imported only where a graph is built, because it brings numba."""

from __future__ import annotations

from metaregret.tabular.hyperstate.kernels.expansion import Layer, expand
from metaregret.tabular.hyperstate.kernels.induction import Dynamics, Payoffs, backward, forward
from metaregret.tabular.hyperstate.kernels.sets import SetTable, first_set, set_masses
from metaregret.tabular.hyperstate.kernels.splits import SplitTable

__all__ = [
    "Dynamics",
    "Layer",
    "Payoffs",
    "SetTable",
    "SplitTable",
    "backward",
    "expand",
    "first_set",
    "forward",
    "set_masses",
]
