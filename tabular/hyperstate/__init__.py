"""The Bayes-adaptive graph of learners with memory (numba is imported only when a graph is built)."""

from __future__ import annotations

from tabular.hyperstate.graph import HyperstateGraph, build_graph
from tabular.hyperstate.known import KnownTaskValues, known_task_values
from tabular.hyperstate.learner import BayesResponse, DeterministicLearner
from tabular.hyperstate.signals import Signals, goal_signals, reward_signals
from tabular.hyperstate.size import GraphSize, size_bound

__all__ = [
    "BayesResponse",
    "DeterministicLearner",
    "GraphSize",
    "HyperstateGraph",
    "KnownTaskValues",
    "Signals",
    "build_graph",
    "goal_signals",
    "known_task_values",
    "reward_signals",
    "size_bound",
]
