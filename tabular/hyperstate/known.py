"""Planning for a task that is known: how a learner goes on once one class of tasks is left.

Backward induction over all episodes and steps, for every class at once:

    V[e, t, s] = toll + max_a sum_s' P(s' | s, a) ( r + (V[e, t + 1, s'], or `after` where the goal is
    found) )

with ``V[e, T, .] = start[e + 1]``, the value of beginning the next episode (Puterman 1994, sec. 4.5). The
same code runs in floating point and on arrays of `Fraction`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.errors import NotExactError
from metaregret.tabular.hyperstate.signals import Signals

__all__ = ["KnownTaskValues", "known_task_values"]


@dataclass(frozen=True, eq=False)
class KnownTaskValues:
    """Best future payoffs of each class when it is known.

    Attributes
    ----------
    values : ndarray, shape (N, T + 1, S, K)
        ``values[e, t, s, c]``: after arriving in ``s`` at time ``t`` of episode ``e`` (its signal already
        paid), the goal of class ``c`` not yet found in this episode.
    start : ndarray, shape (N + 1, K)
        From the beginning of each episode; row ``N`` is zero.
    after : ndarray, shape (N, K)
        After the goal was found in each episode.
    """

    values: np.ndarray
    start: np.ndarray
    after: np.ndarray


def known_task_values(signals: Signals, episodes: int, *, exact: bool = False) -> KnownTaskValues:
    """Return the known-task values by backward induction, ``O(N T M K)``.

    Raises
    ------
    NotExactError
        If `exact` and the process or the rewards are known in floating point only.
    """
    process, steps, classes = signals.process, signals.steps, signals.n_classes
    dtype: Any = object if exact else float
    pay, probability, initial = _numbers(signals, exact)
    toll = [Fraction(int(value)) if exact else float(value) for value in signals.toll]
    values = np.zeros((episodes, steps + 1, process.n_states, classes), dtype=dtype)
    start = np.zeros((episodes + 1, classes), dtype=dtype)
    after = np.zeros((episodes, classes), dtype=dtype)
    begins = np.flatnonzero(process.initial)
    for episode in reversed(range(episodes)):
        if signals.restarts:
            after[episode] = start[episode + 1]
        values[episode, steps] = start[episode + 1]
        for step in reversed(range(steps)):
            signal = signals.last if step == steps - 1 else signals.during
            arrived = values[episode, step + 1][process.successors]
            payoff = pay[signal] + np.where(signals.closes[signal], after[episode], arrived)
            choice = np.add.reduceat(probability[:, None] * payoff, process.offsets[:-1], axis=0)
            values[episode, step] = toll[step + 1] + np.maximum.reduceat(
                choice, process.choice_offsets[:-1], axis=0
            )
        signal = signals.start[begins]
        opening = pay[signal] + np.where(signals.closes[signal], after[episode], values[episode, 0][begins])
        start[episode] = toll[0] + (initial[begins][:, None] * opening).sum(axis=0)
    return KnownTaskValues(values, start, after)


def _numbers(signals: Signals, exact: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rewards, transition probabilities and initial distribution, in the arithmetic asked for."""
    process = signals.process
    if not exact:
        return signals.pay, process.probabilities, process.initial
    if signals.exact_pay is None or process.exact_initial is None:
        raise NotExactError(
            f"Exact values of {process.name!r} need rational probabilities and rewards; build the process "
            "and the reward tables from fractions."
        )
    initial = np.empty(process.n_states, dtype=object)
    initial[:] = list(process.exact_initial)
    return signals.exact_pay, process.exact_probabilities, initial
