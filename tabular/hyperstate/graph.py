"""The hyperstate graph of learners with memory, for any process, task family and number of episodes.

Layers ``0..N (T + 1) - 1``: layer ``e (T + 1)`` holds the beginnings of episode ``e`` (one hyperstate for
each set of tasks), layer ``e (T + 1) + 1 + t`` its hyperstates with ``t`` steps taken. The graph is built
forward from the root by compiled breadth-first search; hyperstates are merged exactly, since both their
state and their set of tasks are integers. A set of one class is not expanded: its continuation is planning
for a known task.

`HyperstateGraph.bayes_optimal` solves the Bayes-adaptive problem exactly for any task weights: value
iteration backward through the layers, then one walk along the greedy learner for its payoff on each class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from metaregret.tabular.hyperstate.known import KnownTaskValues, known_task_values
from metaregret.tabular.hyperstate.learner import BayesResponse, DeterministicLearner
from metaregret.tabular.hyperstate.root import full_dynamics, full_set, no_choices
from metaregret.tabular.hyperstate.signals import Signals
from metaregret.tabular.hyperstate.size import GraphSize, refuse, require_room

if TYPE_CHECKING:
    from metaregret.tabular.hyperstate.kernels import Dynamics, Layer, Payoffs, SetTable, SplitTable

__all__ = ["HyperstateGraph", "build_graph"]


@dataclass(frozen=True, eq=False)
class HyperstateGraph:
    """All hyperstates reachable by some learner, layer by layer.

    Attributes
    ----------
    signals : Signals
    episodes : int
        ``N``.
    known : KnownTaskValues
    layers : list of Layer, length N (T + 1), or empty where a single class is left at the root
    sets, splits : tables of task sets and of how signals split them
    dynamics : Dynamics
    size : GraphSize
    """

    signals: Signals
    episodes: int
    known: KnownTaskValues
    layers: list[Layer]
    sets: SetTable
    splits: SplitTable
    dynamics: Dynamics
    size: GraphSize
    _scratch: np.ndarray = field(repr=False)

    def bayes_optimal(self, weights: np.ndarray) -> BayesResponse:
        """Return the best learner for unnormalised class weights, shape (K,); ``O(edges)``."""
        from metaregret.tabular.hyperstate.kernels import backward, set_masses

        weights = np.ascontiguousarray(weights, dtype=np.float64)
        if not self.layers:
            start = np.asarray(self.known.start[0], dtype=np.float64)
            return BayesResponse(float(weights @ start), start.copy(), no_choices(self.sets.words.shape[1]))
        masses = set_masses(self.sets.words[: self.sets.used], weights)
        values: list[np.ndarray] = [np.empty(0)]
        for index in reversed(range(len(self.layers))):
            values.append(
                backward(
                    self.layers[index], values[-1], self.signal(index), self.dynamics, self.splits,
                    self.payoffs(index), weights, masses,
                )
            )  # fmt: skip
        values.reverse()
        return self._walk(values, weights, masses)

    def _walk(self, values: list[np.ndarray], weights: np.ndarray, masses: np.ndarray) -> BayesResponse:
        """Follow the greedy learner of the values (one array for each layer, then an empty one)."""
        from metaregret.tabular.hyperstate.kernels import forward

        payoff, lost = np.zeros(self.signals.n_classes), np.zeros(self.signals.n_classes)
        nodes, reach = np.zeros(1, dtype=np.int64), np.ones(1)
        rows: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = []
        for index, layer in enumerate(self.layers):
            choices, following, onward = forward(
                nodes, reach, layer, values[index + 1], self.signal(index), self.dynamics, self.splits,
                self.payoffs(index), weights, masses, self.sets.words, payoff, lost, self._scratch,
            )  # fmt: skip
            if index % (self.signals.steps + 1):
                rows.append((index, nodes, choices, reach))
            nodes, reach = following, onward
        return BayesResponse(float(values[0][0]), payoff + lost, self._learner(rows))

    def _learner(self, rows: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]) -> DeterministicLearner:
        period = self.signals.steps + 1
        layer = np.repeat([row[0] for row in rows], [len(row[1]) for row in rows])
        numbers = np.concatenate([self.layers[index].sets[nodes] for index, nodes, _, _ in rows])
        return DeterministicLearner(
            episode=(layer // period).astype(np.int32),
            step=(layer % period - 1).astype(np.int32),
            state=np.concatenate([self.layers[index].state[nodes] for index, nodes, _, _ in rows]),
            words=self.sets.words[numbers],
            choice=np.concatenate([choices for _, _, choices, _ in rows]),
            reach=np.concatenate([reach for _, _, _, reach in rows]),
        )

    def signal(self, index: int) -> np.ndarray:
        """Return the signals of the transitions out of a layer, the beginnings of episodes included."""
        return _signal(self.signals, index)

    def payoffs(self, index: int) -> Payoffs:
        """Return what the steps out of a layer pay."""
        from metaregret.tabular.hyperstate.kernels import Payoffs

        episode, place = divmod(index, self.signals.steps + 1)
        return Payoffs(
            self.signals.pay,
            self.signals.closes,
            self.known.values[episode, place],
            self.known.after[episode],
            float(self.signals.toll[place]),
        )


def build_graph(signals: Signals, episodes: int, *, max_edges: int = 2 * 10**8) -> HyperstateGraph:
    """Build the hyperstate graph forward from the beginning of the first episode.

    Parameters
    ----------
    episodes : int
        ``N >= 1``.
    max_edges : int
        Limit on the number of edges, about 16 bytes each.

    Raises
    ------
    InstanceTooLargeError
        Before memory is spent, with the estimated size and what to reduce.
    """
    from metaregret.tabular.hyperstate.kernels import Layer, SetTable, SplitTable, expand

    require_room(signals, episodes, max_edges)
    known = known_task_values(signals, episodes)
    dynamics, sets, splits = full_dynamics(signals), full_set(signals), _empty_splits(len(signals.labels))
    layers: list[Layer] = []
    period = signals.steps + 1
    state = np.array([signals.process.n_states], dtype=np.int32)
    numbers = np.zeros(1, dtype=np.int32)
    fan_out = np.diff(dynamics.offsets[dynamics.choice_offsets])
    # A later step of an episode has the hyperstates of this one where one can stay. So has a later episode,
    # as one can wait for it at the beginning, with every set known so far; and where a single goal is told,
    # at the end, while at least two are left.
    stays = _staying_tells_nothing(signals, dynamics)
    begin = int(dynamics.successors[-1])
    waits = (
        stays
        and np.array_equal(signals.last, signals.during)
        and int((signals.process.initial > 0).sum()) == 1
    )
    repeats = waits or (signals.n_classes > 2 and bool(signals.closes.any()) and not signals.during.any())
    nodes = edges = before = 0
    for index in range(episodes * period if signals.n_classes > 1 else 0):
        ends = index % period == period - 1
        destination = (
            np.full_like(dynamics.successors, signals.process.n_states) if ends else dynamics.successors
        )
        room = int(fan_out[state].sum())
        if index % period == 0:
            before = edges
        least = edges + room
        if index % period and stays:
            least += (period - index % period - 1) * room
        begun = index > 0 and len(state) > 0  # two tasks are left once the first state has told what it tells
        again = least - before if repeats and begun else 0
        if waits and begun:
            known_sets = sets.words[np.unique(numbers)]
            again = max(
                again, _walked_again(signals, known_sets, int(fan_out[begin]), int(fan_out[:-1].min()))
            )
        least += (episodes - index // period - 1) * again
        if least > max_edges:
            refuse(signals, episodes, max_edges, least, index, period)
        first_child, child, following, next_numbers, complete, *tables = expand(
            state, numbers, destination, index == episodes * period - 1, _signal(signals, index),
            signals.labels,
            dynamics.choice_offsets, dynamics.offsets, sets, splits, room, max_edges - edges,
        )  # fmt: skip
        sets, splits = SetTable(*tables[0]), SplitTable(*tables[1])
        if not complete:
            refuse(signals, episodes, max_edges, max_edges, index, period)
        layers.append(Layer(state, numbers, first_child, child))
        nodes, edges = nodes + len(state), edges + room
        state, numbers = following, next_numbers
    widest = max((len(layer.state) for layer in layers), default=1)
    return HyperstateGraph(
        signals, episodes, known, layers, sets, splits, dynamics,
        GraphSize(nodes, edges, sets.used if layers else 0), np.full(widest, -1, dtype=np.int32),
    )  # fmt: skip


def _empty_splits(n_signals: int) -> SplitTable:
    from metaregret.tabular.hyperstate.kernels import SplitTable

    return SplitTable(
        np.full(64 * n_signals, -1, dtype=np.int32), np.zeros(64, dtype=np.int64),
        np.empty(64, dtype=np.int32), np.empty(64, dtype=np.int32), 0, 0, n_signals,
    )  # fmt: skip


def _walked_again(signals: Signals, words: np.ndarray, at_begin: int, least: int) -> int:
    """Edges of an episode that begins with one of these sets and learns nothing, at least; for signals that
    `waits` describes.

    One waits at the beginning, with `at_begin` edges a step, or walks again to what one has seen and waits
    there. Who has ruled out ``k`` goals has seen ``k`` states or more, and the one seen ``i``-th, from 0, is
    at most ``i`` steps away.
    """
    seen = np.ones(len(words), dtype=np.int64)
    if signals.closes.any():
        left = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
        seen = np.clip(signals.n_classes - left, 1, signals.steps)
    return int((signals.steps * at_begin + least * (seen - 1) * (2 * signals.steps - seen) // 2).sum())


def _staying_tells_nothing(signals: Signals, dynamics: Dynamics) -> bool:
    """Whether one can stay everywhere, and is told there what one was told on any way that leads there."""
    source = np.repeat(
        np.arange(len(dynamics.choice_offsets) - 1), np.diff(dynamics.offsets[dynamics.choice_offsets])
    )
    told = np.empty(signals.process.n_states, dtype=np.int32)
    told[dynamics.successors] = signal = _signal(signals, 0)
    stays = np.isin(dynamics.successors, dynamics.successors[source == dynamics.successors])
    return bool(stays.all() and (told[dynamics.successors] == signal).all())


def _signal(signals: Signals, index: int) -> np.ndarray:
    begins = signals.start[np.flatnonzero(signals.process.initial)]
    ends = index % (signals.steps + 1) == signals.steps
    return np.append(signals.last if ends else signals.during, begins).astype(np.int32)
