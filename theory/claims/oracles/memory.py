"""The Bayes-optimal learner with memory, by plain recursion over hyperstates in rational arithmetic.

A hyperstate is (episodes left, step, state, goals still possible). Where a possible goal is detected, the
branch on which it is the task ends the search (the task is known from then on), and the other branch goes
on without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import fmpq

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.choices import choice as read_choice
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.tasks import Detection

__all__ = ["bayes_learner", "bayes_regret_at"]

Returns = tuple[Fraction, ...]


class _Recursion:
    """The recursion for one prior, in FLINT's rationals; `returns` are per goal, so that one learner can be
    judged on every task."""

    def __init__(
        self,
        process: ControlledMarkovProcess,
        goals: Sequence[int],
        prior: Sequence[Fraction],
        detect: Detection,
    ) -> None:
        steps = process.steps_for("Learners with memory")
        process.require_exact()
        assert process.exact_initial is not None
        self.process, self.steps = process, steps
        self.prior, self.start = to_flint(prior).tolist(), to_flint(process.exact_initial).tolist()
        self.chances = to_flint(process.exact_probabilities).tolist()
        self.place = {int(goal): position for position, goal in enumerate(goals)}
        self.on_the_way = detect is Detection.VISIT
        self.optimum: list[Any] = []
        self._best = cache(self._best_uncached)
        self._begin = cache(self._begin_uncached)

    def run(self, episodes: int) -> Returns:
        found = self._begin(episodes, frozenset(self.place.values()))
        return tuple(from_flint(np.array(found, dtype=object)).tolist())

    def _begin_uncached(self, episodes: int, possible: frozenset[int]) -> list[Any]:
        total = [fmpq()] * len(self.prior)
        if episodes and possible:
            for state, chance in enumerate(self.start):
                if chance:
                    self._arrive(total, chance, (episodes, 0), state, possible)
        return total

    def _arrive(
        self,
        total: list[Any],
        chance: Any,
        clock: tuple[int, int],
        state: int,
        possible: frozenset[int],
    ) -> None:
        """Add what follows from being in `state`; the clock shows (episodes left, step)."""
        episodes, step = clock
        found = self.place.get(int(self.process.goal_of[state]) if self.on_the_way else state, -1)
        if found in possible and (self.on_the_way or step == self.steps):
            later = (episodes - 1) * self.optimum[found] if self.optimum else 0
            total[found] += chance * (1 + later)
            possible = possible - {found}
        last = step == self.steps
        rest = self._begin(episodes - 1, possible) if last else self._best(episodes, step, state, possible)
        for position, value in enumerate(rest):
            total[position] += chance * value

    def _best_uncached(self, episodes: int, step: int, state: int, possible: frozenset[int]) -> list[Any]:
        best, worth = list[Any](), None
        for choice in self.process.choices(state):
            total = [fmpq()] * len(self.prior)
            for m in range(int(self.process.offsets[choice]), int(self.process.offsets[choice + 1])):
                successor = int(self.process.successors[m])
                self._arrive(total, self.chances[m], (episodes, step + 1), successor, possible)
            value = sum(p * r for p, r in zip(self.prior, total, strict=True))
            if worth is None or value > worth:
                best, worth = total, value
        return best


def _optimum(process: ControlledMarkovProcess, goals: Sequence[int], detect: Detection) -> Returns:
    """``v*_g`` of each goal: the recursion with one episode and all mass on one goal."""
    count = len(goals)
    priors = [[Fraction(int(g == h)) for h in range(count)] for g in range(count)]
    return tuple(_Recursion(process, goals, prior, detect).run(1)[g] for g, prior in enumerate(priors))


def bayes_learner(
    process: ControlledMarkovProcess,
    goals: Sequence[int],
    prior: Sequence[Fraction],
    episodes: int,
    detect: Detection | str = Detection.END,
) -> tuple[Returns, Returns]:
    """Return ``v*_g`` and the returns ``R(f, g)`` of one Bayes-optimal learner ``f`` for `prior`, exactly.

    Parameters
    ----------
    goals : sequence of int
    prior : sequence of Fraction
        One entry per goal.
    episodes : int
        ``N``.

    Returns
    -------
    optimum, returns : tuple of Fraction, length K
    """
    detect = read_choice(Detection, detect, "detect")
    optimum = _optimum(process, goals, detect)
    recursion = _Recursion(process, goals, prior, detect)
    recursion.optimum = to_flint(optimum).tolist()
    return optimum, recursion.run(episodes)


def bayes_regret_at(
    process: ControlledMarkovProcess,
    goals: Sequence[int],
    prior: Sequence[Fraction],
    episodes: int,
    detect: Detection | str = Detection.END,
) -> Fraction:
    """Return ``min_f Reg_O(f, p)`` over learners with memory: a lower bound on the minimax regret,
    exactly."""
    detect = read_choice(Detection, detect, "detect")
    optimum, returns = bayes_learner(process, goals, prior, episodes, detect)
    return sum((p * (episodes * v - r) for p, v, r in zip(prior, optimum, returns, strict=True)), Fraction(0))
