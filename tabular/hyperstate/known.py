"""Planning for a task that is known: how a learner goes on once one class of tasks is left.

Backward induction over all episodes and steps, for every class at once:

    V[e, t, s] = toll + max_a sum_s' P(s' | s, a) ( r + (V[e, t + 1, s'], or `after` where the goal is
    found) )

with ``V[e, T, .] = start[e + 1]``, the value of beginning the next episode (Puterman 1994, sec. 4.5). The
same code runs in floating point and in rational arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from metaregret.tabular.backup import backup
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
    process, steps = signals.process, signals.steps
    given = signals.exact_pay if exact else signals.pay
    if given is None or (exact and not process.is_exact):
        raise NotExactError(
            f"Exact values of {process.name!r} need rational probabilities and rewards; build the process "
            "and the reward tables from fractions."
        )
    operator = backup(process, "rational" if exact else "sparse")
    pay, toll = operator.array(given), operator.array(signals.toll)
    nothing = operator.number(Fraction(0))
    values = np.full((episodes, steps + 1, process.n_states, signals.n_classes), nothing)
    start = np.full((episodes + 1, signals.n_classes), nothing)
    after = np.full((episodes, signals.n_classes), nothing)
    for episode in reversed(range(episodes)):
        if signals.restarts:
            after[episode] = start[episode + 1]
        values[episode, steps] = start[episode + 1]

        def told(signal: np.ndarray, onward: np.ndarray, later: np.ndarray = after[episode]) -> np.ndarray:
            return np.asarray(pay[signal] + np.where(signals.closes[signal], later, onward))

        for step in reversed(range(steps)):
            signal = signals.last if step == steps - 1 else signals.during
            payoff = told(signal, values[episode, step + 1][process.successors])
            values[episode, step] = toll[step + 1] + operator.best(operator.averaged(payoff))
        start[episode] = toll[0] + operator.initial() @ told(signals.start, values[episode, 0])
    if exact:
        from metaregret.tabular.backup.rational import from_flint

        values, start, after = (from_flint(part) for part in (values, start, after))
    return KnownTaskValues(values, start, after)
