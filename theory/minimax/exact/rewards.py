"""The polytope of expected rewards of an episode, one entry for each reward table, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.engine import Objective, PlanningSolution, solve
from metaregret.tabular.errors import NotExactError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.theory.minimax.exact.achievable import Achievable
from metaregret.theory.tasks import RewardTasks

__all__ = ["AchievableRewards"]


class AchievableRewards(Achievable):
    """The achievable vectors ``E_pi[r_z]`` of expected (at a geometric horizon: discounted) sums of rewards.

    Raises
    ------
    NotExactError
        If the process or the rewards are known in floating point only.
    """

    def __init__(self, tasks: RewardTasks) -> None:
        super().__init__(tasks.process, len(tasks.tables.tasks))
        if tasks.tables.exact is None:
            raise NotExactError("The rewards are known in floating point only; give them as rationals.")
        self._rewards = to_flint(tasks.tables.exact)
        self._expected = self._exact.averaged(self._rewards.T).T

    def optimum(self) -> tuple[list[Fraction], list[np.ndarray]]:
        """See `Achievable.optimum`."""
        plans = [self._plan(row) for row in self._rewards]
        return [_value(plan) for plan in plans], [_policy(plan) for plan in plans]

    def support(self, weights: np.ndarray) -> tuple[Any, np.ndarray]:
        """Plan for the weighted sum of the tasks; see `Achievable.support`."""
        plan = self._plan(weights @ self._rewards)
        value = _value(plan)
        return flint.fmpq(value.numerator, value.denominator), _policy(plan)

    def achieved(self, policy: np.ndarray) -> np.ndarray:
        """Evaluate a policy on every task; see `Achievable.achieved`."""
        flow = self.occupancy(policy, exact=True)
        if isinstance(self.process.horizon, FiniteHorizon):
            return self._expected @ flow.sum(axis=0)
        stop = 1 - self.process.horizon.gamma
        return (self._expected @ flow) / flint.fmpq(stop.numerator, stop.denominator)

    def _plan(self, rewards: np.ndarray) -> PlanningSolution:
        """Plan exactly for rewards of the transitions, fmpq, shape (M,)."""
        given, horizon = from_flint(rewards), self.process.horizon
        if isinstance(horizon, FiniteHorizon):
            return solve(self.process, given, objective=Objective.FINITE, steps=horizon.steps, exact=True)
        return solve(self.process, given, objective=Objective.DISCOUNTED, gamma=horizon.gamma, exact=True)


def _value(plan: PlanningSolution) -> Fraction:
    assert plan.value.exact is not None
    return plan.value.exact


def _policy(plan: PlanningSolution) -> np.ndarray:
    assert plan.policy is not None
    return plan.policy
