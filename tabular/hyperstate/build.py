"""Choose the graph for a task family: collapsed to episodes where nothing is revealed before their end."""

from __future__ import annotations

from metaregret.tabular.hyperstate.episodes import EpisodeGraph, build_episode_graph, reveals_at_end_only
from metaregret.tabular.hyperstate.graph import HyperstateGraph, build_graph
from metaregret.tabular.hyperstate.signals import Signals

__all__ = ["build"]


def build(signals: Signals, episodes: int, *, max_edges: int) -> HyperstateGraph | EpisodeGraph:
    """Return the smaller of the graphs that describe the learners with memory.

    Raises
    ------
    InstanceTooLargeError
        Before memory is spent, with the estimated size and what to reduce.
    """
    if reveals_at_end_only(signals):
        return build_episode_graph(signals, episodes, max_edges=max_edges)
    return build_graph(signals, episodes, max_edges=max_edges)
