"""Processes made from processes: with memory of visited goals, or of the whole trajectory."""

from __future__ import annotations

from metaregret.tabular.augment.exploring import AugmentedProcess, augment
from metaregret.tabular.augment.trajectories import leaves, remember_trajectory
from metaregret.tabular.augment.visits import remember_visits

__all__ = ["AugmentedProcess", "augment", "leaves", "remember_trajectory", "remember_visits"]
