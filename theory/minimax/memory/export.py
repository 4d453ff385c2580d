"""Learners as plain rows for certificates: ``[episode, t, state, B, action]``, names and task bit masks.

Bit ``z`` of ``B`` stands for task ``z`` in the order of the solution's tasks. Once a single task of several
is left a learner plans for it, which a checker can do for itself. Where several tasks have the same rewards
everywhere they are never told apart, and a family may have one task only; for these sets the planned
actions are written out too.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.backup import backup
from metaregret.tabular.hyperstate import DeterministicLearner, Signals
from metaregret.tabular.hyperstate.known import known_task_values
from metaregret.theory.minimax.memory.game import MemoryGame

__all__ = ["Row", "known_task_choices", "learner_rows"]

Row = list[int | str]


def learner_rows(game: MemoryGame, learner: DeterministicLearner) -> list[Row]:
    """Return the rows of a learner."""
    masks = [0] * game.graph.signals.n_classes
    for task, cls in enumerate(game.task_class):
        masks[int(cls)] |= 1 << task
    rows = [
        _row(game, episode, step, state, sum(masks[c] for c in classes), choice)
        for episode, step, state, classes, choice in learner.rows()
    ]
    everything = (1 << len(game.task_class)) - 1
    twins = [cls for cls, mask in enumerate(masks) if mask & (mask - 1) or mask == everything]
    if twins:
        planned = known_task_choices(game.graph.signals, game.episodes)
        rows += [
            _row(game, int(e), int(t), int(s), masks[cls], int(planned[e, t, s, cls]))
            for cls in twins
            for e, t, s in np.ndindex(planned.shape[:3])
        ]
    return rows


def known_task_choices(signals: Signals, episodes: int) -> np.ndarray:
    """Return the first best choice for every known class, shape (N, T, S, K) of int64."""
    process, known = signals.process, known_task_values(signals, episodes)
    operator = backup(process)
    shape = (episodes, signals.steps, process.n_states, signals.n_classes)
    result = np.zeros(shape, dtype=np.int64)
    for episode in range(episodes):
        for step in range(signals.steps):
            signal = signals.last if step == signals.steps - 1 else signals.during
            arrived = known.values[episode, step + 1][process.successors]
            payoff = signals.pay[signal] + np.where(signals.closes[signal], known.after[episode], arrived)
            result[episode, step] = operator.greedy(operator.averaged(payoff))
    return result


def _row(game: MemoryGame, episode: int, step: int, state: int, mask: int, choice: int) -> Row:
    process = game.graph.signals.process
    return [episode, step, process.states[state], mask, process.actions[int(process.choice_action[choice])]]
