"""The collapsed hyperstate graph for goals detected at the end of an episode.

Before the end of an episode nothing is revealed, so the steps of an episode are not stored: a hyperstate is
``(episode, B)``, and its value comes from planning towards terminal payoffs
(`metaregret.tabular.hyperstate.kernels.episodes`). The learners, their payoffs and their tables are those of
the full graph; only the work is smaller, by the number of steps times states for deterministic dynamics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metaregret.tabular.hyperstate.graph import HyperstateGraph, build_graph
from metaregret.tabular.hyperstate.known import KnownTaskValues, known_task_values
from metaregret.tabular.hyperstate.learner import BayesResponse, DeterministicLearner
from metaregret.tabular.hyperstate.root import full_dynamics, full_set, no_choices
from metaregret.tabular.hyperstate.signals import Signals
from metaregret.tabular.hyperstate.size import GraphSize, reachable_layers, refuse_sets, require_layers

if TYPE_CHECKING:
    from metaregret.tabular.hyperstate.kernels import Dynamics, SetTable
    from metaregret.tabular.hyperstate.kernels.episodes import Episode, Plan

__all__ = ["EpisodeGraph", "build", "build_episode_graph"]


def _reveals_at_end_only(signals: Signals) -> bool:
    """Whether only the last state of an episode tells anything, and each signal reveals a single class."""
    return bool(signals.closes.any()) and not signals.during.any() and not signals.start.any()


@dataclass(frozen=True, eq=False)
class EpisodeGraph:
    """All pairs of an episode and a set of goals that some learner can reach.

    Attributes
    ----------
    signals : Signals
    episodes : int
        ``N``.
    known : KnownTaskValues
    counts : ndarray of int64, shape (N,)
        Sets possible in each episode: the first `counts[e]` of the table.
    sets, dynamics, episode
        Tables for the kernels.
    size : GraphSize
        Of the graph of single steps that this one stands for.
    """

    signals: Signals
    episodes: int
    known: KnownTaskValues
    counts: np.ndarray
    sets: SetTable
    dynamics: Dynamics
    episode: Episode
    size: GraphSize

    def bayes_optimal(self, weights: np.ndarray) -> BayesResponse:
        """Return the best learner for unnormalised class weights, shape (K,)."""
        from metaregret.tabular.hyperstate.kernels import set_masses
        from metaregret.tabular.hyperstate.kernels.episodes import episode_values

        weights = np.ascontiguousarray(weights, dtype=np.float64)
        if self.signals.n_classes == 1:
            start = np.asarray(self.known.start[0], dtype=np.float64)
            return BayesResponse(float(weights @ start), start.copy(), no_choices(self.sets.words.shape[1]))
        process = self.signals.process
        deterministic = process.is_deterministic and int((process.initial > 0).sum()) == 1
        masses = set_masses(self.sets.words[: self.sets.used], weights)
        values: list[np.ndarray] = [np.empty(0)]
        for index in reversed(range(self.episodes)):
            values.append(
                episode_values(
                    int(self.counts[index]), self.sets.words, self.episode, self.plan(index), values[-1],
                    self.dynamics, self.signals.steps, deterministic, weights, masses,
                )
            )  # fmt: skip
        values.reverse()
        return self._walk(values, weights)

    def _walk(self, values: list[np.ndarray], weights: np.ndarray) -> BayesResponse:
        """Follow the greedy learner of the values (one array for each episode, then an empty one)."""
        from metaregret.tabular.hyperstate.kernels.episodes import play_episode

        payoff, lost = np.zeros(self.signals.n_classes), np.zeros(self.signals.n_classes)
        numbers, reach = np.zeros(1, dtype=np.int64), np.ones(1)
        parts: list[tuple[int, int, np.ndarray, np.ndarray]] = []
        for index in range(self.episodes):
            following = values[index + 1]
            onward, dropped = np.zeros(len(following)), np.zeros(len(following))
            all_rows, all_mass = play_episode(
                numbers, reach, self.sets.words, self.episode, self.plan(index), following, self.dynamics,
                self.signals.steps, weights, payoff, lost, onward, dropped,
            )  # fmt: skip
            for number, rows, mass in zip(numbers, all_rows, all_mass, strict=True):
                parts.append((index, int(number), rows, mass))
            numbers = np.flatnonzero(onward)
            reach = onward[numbers] + dropped[numbers]
        return BayesResponse(float(values[0][0]), payoff + lost, self._learner(parts))

    def _learner(self, parts: list[tuple[int, int, np.ndarray, np.ndarray]]) -> DeterministicLearner:
        lengths = [len(rows) for _, _, rows, _ in parts]
        rows = np.concatenate([rows for _, _, rows, _ in parts])
        return DeterministicLearner(
            episode=np.repeat([index for index, _, _, _ in parts], lengths).astype(np.int32),
            step=rows[:, 0].copy(),
            state=rows[:, 1].copy(),
            words=self.sets.words[np.repeat([number for _, number, _, _ in parts], lengths)],
            choice=rows[:, 2].copy(),
            reach=np.concatenate([mass for _, _, _, mass in parts]),
        )

    def plan(self, index: int) -> Plan:
        """Return the payoffs of episode `index`."""
        from metaregret.tabular.hyperstate.kernels.episodes import Plan

        targets = self.episode.targets
        pay = self.signals.pay[_arrival(self.signals)[self.episode.cells], targets]
        return Plan(
            pay + np.asarray(self.known.after[index], dtype=np.float64)[targets],
            np.asarray(self.known.start[index + 1], dtype=np.float64),
            float(self.signals.toll[0]),
        )


def build_episode_graph(signals: Signals, episodes: int, *, max_edges: int) -> EpisodeGraph:
    """Build the collapsed graph.

    Raises
    ------
    InstanceTooLargeError
        Before memory is spent: the number of sets, a sum of binomial coefficients, is known beforehand.
    """
    from metaregret.tabular.hyperstate.kernels import SetTable
    from metaregret.tabular.hyperstate.kernels.episodes import Episode, goal_sets

    require_layers(signals, episodes)
    within = reachable_layers(signals.process)
    cells = np.flatnonzero(within[-1])
    signal = _arrival(signals)[cells]
    goal = np.argmax(signals.closes, axis=1)
    refuse_sets(signals, episodes, int((signal > 0).sum()), max_edges)
    targets = goal[signal[signal > 0]].astype(np.int64)
    sets = full_set(signals)
    child, counts = np.empty((0, len(targets)), dtype=np.int32), np.ones(episodes, dtype=np.int64)
    if signals.n_classes > 1:
        table, child, counts = goal_sets(targets, signals.n_classes, sets, episodes, 2**31 - 2)
        sets = SetTable(*table)
    first = np.concatenate([[0], np.cumsum(within.sum(axis=1))])
    episode = Episode(
        targets, cells[signal > 0], cells[signal == 0], child, first, np.nonzero(within)[1].astype(np.int64)
    )
    return EpisodeGraph(
        signals, episodes, known_task_values(signals, episodes), counts, sets, full_dynamics(signals),
        episode,        _size_of_steps(signals, counts, len(episode.others) > 0, within),
    )  # fmt: skip


def _arrival(signals: Signals) -> np.ndarray:
    """Return what the last state of an episode tells, shape (S,)."""
    arrival = np.zeros(signals.process.n_states, dtype=np.int64)
    arrival[signals.process.successors] = signals.last
    return arrival


def _size_of_steps(signals: Signals, counts: np.ndarray, idle: bool, within: np.ndarray) -> GraphSize:
    """Return the size of the full graph: in each episode every possible set in every state within reach."""
    process = signals.process
    if signals.n_classes == 1:
        return GraphSize(0, 0, 0)
    out = np.add.reduceat(np.diff(process.offsets), process.choice_offsets[:-1])
    possible = counts - np.where(idle | (np.arange(len(counts)) == 0), 0, 1)  # the full set, left at once
    return GraphSize(
        int(possible.sum() * (within[:-1].sum() + 1)),
        int(possible.sum() * ((within[:-1] * out).sum() + (process.initial > 0).sum())),
        int(counts[-1]),
    )


def build(signals: Signals, episodes: int, *, max_edges: int) -> HyperstateGraph | EpisodeGraph:
    """Return the smaller of the graphs that describe the learners with memory.

    Raises
    ------
    InstanceTooLargeError
        Before memory is spent, with the estimated size and what to reduce.
    """
    if _reveals_at_end_only(signals):
        return build_episode_graph(signals, episodes, max_edges=max_edges)
    return build_graph(signals, episodes, max_edges=max_edges)
