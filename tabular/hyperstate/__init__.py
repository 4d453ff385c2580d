"""The Bayes-adaptive graph of learners with memory (numba is imported only when a graph is built)."""

from __future__ import annotations

from metaregret.tabular.hyperstate.episodes import EpisodeGraph, build, build_episode_graph
from metaregret.tabular.hyperstate.graph import HyperstateGraph, build_graph
from metaregret.tabular.hyperstate.known import KnownTaskValues, known_task_values
from metaregret.tabular.hyperstate.learner import BayesResponse, DeterministicLearner
from metaregret.tabular.hyperstate.signals import Signals, goal_signals, reward_signals
from metaregret.tabular.hyperstate.size import GraphSize, size_bound

__all__ = [
    "BayesResponse",
    "DeterministicLearner",
    "EpisodeGraph",
    "GraphSize",
    "HyperstateGraph",
    "KnownTaskValues",
    "Signals",
    "build",
    "build_episode_graph",
    "build_graph",
    "goal_signals",
    "known_task_values",
    "reward_signals",
    "size_bound",
]
