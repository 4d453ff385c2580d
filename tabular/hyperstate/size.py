"""How large a hyperstate graph is, estimated before memory is spent on it.

An instance is refused at three points: when one episode alone is already over the limit, when there are
too many layers or known-task values, and while the graph grows, before each layer, as soon as the edges so
far and those of the next layer, times the episodes that repeat them, pass the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import NoReturn

import numpy as np

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.hyperstate.signals import LEARNERS, Signals
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = [
    "BYTES_PER_EDGE",
    "GraphSize",
    "reachable_layers",
    "refuse",
    "refuse_sets",
    "require_layers",
    "require_room",
    "size_bound",
]

BYTES_PER_EDGE = 16
"""Memory of an edge with its share of the hyperstates (measured: 9 to 16 with three choices per state)."""

MAX_KNOWN_VALUES = 2**26
"""Limit on the entries ``N (T + 1) S K`` of the table of known-task values (0.5 GiB)."""

MAX_LAYERS = 20_000
"""Limit on the layers ``N (T + 1)``: each costs about a millisecond, however small, in every round."""

PLANNING_PER_EDGE = 20
"""Transitions planned through in the time of one edge; random dynamics need a plan for every set of goals."""

MAX_SETS = 2**26
"""Limit on the number of sets of goals in the collapsed graph."""


@dataclass(frozen=True)
class GraphSize:
    """Size of a hyperstate graph.

    Attributes
    ----------
    hyperstates : int
    edges : int
        Triples (hyperstate, action, successor state).
    sets : int
        Distinct sets of tasks.
    """

    hyperstates: int
    edges: int
    sets: int

    @property
    def bytes(self) -> int:
        """Memory of the graph, roughly."""
        return self.edges * BYTES_PER_EDGE


def reachable_layers(process: ControlledMarkovProcess) -> np.ndarray:
    """Return which states can be reached after ``t = 0..T`` steps of an episode, shape (T + 1, S)."""
    steps = process.steps_for(LEARNERS)
    layers = np.zeros((steps + 1, process.n_states), dtype=bool)
    layers[0] = process.initial > 0
    source = process.choice_state[process.transition_choice]
    for step in range(steps):
        layers[step + 1][process.successors[layers[step][source]]] = True
    return layers


def size_bound(signals: Signals, episodes: int) -> GraphSize:
    """Return an upper bound on the size: every set that could be left, in every state that can be reached.

    A signal that reveals one class at a time (goals) leaves at most ``sum_{i <= m} binom(K, i)`` sets after
    ``m`` revealing steps; general signals at most ``2**K``.
    """
    process, classes = signals.process, signals.n_classes
    layers = reachable_layers(signals.process)
    out = np.add.reduceat(np.diff(process.offsets), process.choice_offsets[:-1])
    states = int(layers[:-1].sum())
    moves = int((layers[:-1] * out).sum()) + int((process.initial > 0).sum())
    one_by_one = bool(signals.closes.any())
    each = 1 if not signals.during.any() else signals.steps + 1
    possible = 0
    for count, last in _runs(episodes, -(-classes // each) + 1 if one_by_one else 1):
        revealed = min(classes, (last if each == 1 else (last + 1) * each)) if one_by_one else classes
        possible += count * sum(comb(classes, gone) for gone in range(revealed + 1))
    hyperstates, edges = possible * (states + 1), possible * moves
    return GraphSize(hyperstates, edges, min(2**classes, hyperstates))


def _runs(episodes: int, settled: int) -> Iterator[tuple[int, int]]:
    """Yield (1, episode) up to the episode from which nothing changes, then (episodes left, that one)."""
    for episode in range(min(episodes, settled)):
        yield 1, episode
    if episodes > settled:
        yield episodes - settled, settled


def require_layers(signals: Signals, episodes: int) -> None:
    """Refuse numbers of episodes and steps that no graph is built for, however few its hyperstates.

    Raises
    ------
    InstanceTooLargeError
    """
    process = signals.process
    layers = episodes * (signals.steps + 1)
    entries = layers * process.n_states * signals.n_classes
    if layers > MAX_LAYERS:
        raise InstanceTooLargeError(
            f"Learners with memory on {process.name!r} have N (T + 1) = {_short(episodes)} x "
            f"{signals.steps + 1} = {_short(layers)} layers of hyperstates, over the limit of "
            f"{MAX_LAYERS:,}; reduce the number of episodes or steps (for goals on deterministic dynamics "
            "infinitely many episodes cost no more than K of them)."
        )
    if entries > MAX_KNOWN_VALUES:
        raise InstanceTooLargeError(
            f"The known-task values of {process.name!r} have N (T + 1) S K = {episodes} x "
            f"{signals.steps + 1} x {process.n_states} x {signals.n_classes} = {entries:,} entries, over the "
            f"limit of {MAX_KNOWN_VALUES:,}; reduce the number of episodes, steps, states or tasks."
        )


def require_room(signals: Signals, episodes: int, max_edges: int) -> None:
    """Refuse what cannot fit, whatever the graph turns out to be.

    Raises
    ------
    InstanceTooLargeError
    """
    require_layers(signals, episodes)
    process = signals.process
    layers = reachable_layers(process)[:-1]
    out = np.add.reduceat(np.diff(process.offsets), process.choice_offsets[:-1])
    # A single task left is no hyperstate; at most one goal is met per step, other signals may tell all.
    unknown = max(signals.n_classes - 2, 0) if signals.closes.any() else int(signals.n_classes > 1)
    least = int((layers[:unknown] * out).sum())
    if least > max_edges:
        refuse(signals, episodes, max_edges, least, signals.steps + 1, signals.steps + 1)


def refuse(signals: Signals, episodes: int, limit: int, edges: int, index: int, period: int) -> NoReturn:
    """Raise the error for a graph with at least `edges` edges, as is known from the layers up to `index`."""
    bound = size_bound(signals, episodes)
    raise InstanceTooLargeError(
        f"The hyperstate graph of {signals.process.name!r} has at least {edges:,} edges (known in episode "
        f"{index // period + 1} of {episodes}), over the limit max_edges={limit:,} "
        f"(about {limit * BYTES_PER_EDGE / 2**30:.1f} GiB); the whole graph has at most "
        f"{_short(bound.edges)}. Reduce the number of tasks (K={signals.n_classes}), episodes (N={episodes}) "
        f"or steps (T={signals.steps}), or raise max_edges."
    )


def refuse_sets(signals: Signals, episodes: int, targets: int, limit: int) -> None:
    """Refuse a collapsed graph with more edges (episode, set, target) than `limit`.

    Raises
    ------
    InstanceTooLargeError
    """
    sets = total = 0
    for count, last in _runs(episodes, targets):
        sets = sum(comb(targets, gone) for gone in range(last + 1))
        total += count * sets
    edges = total * max(targets, 1)
    process = signals.process
    if not process.is_deterministic or int((process.initial > 0).sum()) > 1:
        edges = max(edges, total * signals.steps * process.n_transitions // PLANNING_PER_EDGE)
    if edges > limit or sets > MAX_SETS:
        raise InstanceTooLargeError(
            f"Learners with memory on {signals.process.name!r} need {_short(sets)} sets of goals and "
            f"{_short(edges)} edges (episode, set, goal, and planning where dynamics are random), over the "
            f"limits of {MAX_SETS:,} sets and "
            f"max_edges={limit:,}. Reduce the number of goals (K={signals.n_classes}), of episodes "
            f"(N={episodes}) or of steps (T={signals.steps})."
        )


def _short(count: int) -> str:
    return f"{count:,}" if count < 10**12 else f"10^{len(str(count)) - 1}"
