"""Play a tabulated behaviour policy against one task after another, by the definitions alone.

The learner sees states and rewards; what it believes is computed here from the rewards, not taken from the
solver. Once a single class of tasks is left it plans, and the best it can then earn is computed here too.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.hyperstate import Signals

Table = dict[tuple[int, int, int, frozenset[int]], dict[int, float]]


def payoffs(signals: Signals, episodes: int, table: Table) -> np.ndarray:
    """The expected payoff of the policy on each class, shape (K,)."""
    return np.array([_Player(signals, episodes, table, z).begin(0, frozenset(range(signals.n_classes)))
                     for z in range(signals.n_classes)])  # fmt: skip


class _Player:
    def __init__(self, signals: Signals, episodes: int, table: Table, task: int) -> None:
        self.signals, self.episodes, self.table, self.task = signals, episodes, table, task
        self.memo: dict[tuple, float] = {}

    def begin(self, episode: int, classes: frozenset[int]) -> float:
        if episode == self.episodes:
            return 0.0
        process = self.signals.process
        total = float(self.signals.toll[0])
        for state in np.flatnonzero(process.initial):
            told = int(self.signals.start[state])
            total += float(process.initial[state]) * self.arrive(episode, 0, int(state), told, classes)
        return total

    def arrive(self, episode: int, step: int, state: int, told: int, classes: frozenset[int]) -> float:
        """Earn the reward of a signal, learn from it, go on."""
        label = self.signals.labels[told]
        left = frozenset(z for z in classes if label[z] == label[self.task])
        paid = float(self.signals.pay[told, self.task])
        if self.signals.closes[told, self.task]:
            return paid + (self.begin(episode + 1, left) if self.signals.restarts else 0.0)
        return paid + self.go_on(episode, step, state, left)

    def go_on(self, episode: int, step: int, state: int, classes: frozenset[int]) -> float:
        if step == self.signals.steps:
            return self.begin(episode + 1, classes)
        key = (episode, step, state, classes)
        if key not in self.memo:
            process = self.signals.process
            if len(classes) == 1:
                worth = max(self.play(key, choice) for choice in process.choices(state))
            else:
                worth = sum(p * self.play(key, choice) for choice, p in self.table[key].items())
            self.memo[key] = float(self.signals.toll[step + 1]) + worth
        return self.memo[key]

    def play(self, key: tuple[int, int, int, frozenset[int]], choice: int) -> float:
        episode, step, _, classes = key
        process = self.signals.process
        told = self.signals.last if step == self.signals.steps - 1 else self.signals.during
        return sum(
            float(process.probabilities[m])
            * self.arrive(episode, step + 1, int(process.successors[m]), int(told[m]), classes)
            for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
        )


def planned(signals: Signals, episodes: int) -> np.ndarray:
    """The first best choice for every class when it is known, shape (N, T, S, K)."""
    shape = (episodes, signals.steps, signals.process.n_states, signals.n_classes)
    result = np.empty(shape, dtype=int)
    for episode, step, state, task in np.ndindex(*shape):
        player, key = _Player(signals, episodes, {}, task), (episode, step, state, frozenset([task]))
        worth = {choice: player.play(key, choice) for choice in signals.process.choices(state)}
        result[episode, step, state, task] = max(worth, key=lambda choice: worth[choice])
    return result
