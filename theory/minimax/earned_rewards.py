"""Reward tables as a linear image of the flow polytope, for the blind learner.

A blind learner plays one policy in all episodes, so that its game against reward tables,

    min_pi max_{p in U} sum_z p_z N (v_z - E_pi r_z),   v_z = max_pi E_pi r_z,

is the game of success probabilities (`metaregret.theory.success`) with expected rewards of an episode in
their place, both linear in the occupancy measure (Puterman 1994, sec. 6.9). An episode's reward is the sum
over its steps (at a geometric horizon: the discounted sum). Regret does not change when a table is shifted by
a constant: tables are shifted to be positive, so that rounding errors are relative.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.backup import backup
from metaregret.tabular.bounds import relative_error, underflow_allowance
from metaregret.tabular.engine import Objective, PlanningSolution, solve
from metaregret.tabular.goals import TerminalValues
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.occupancy import FlowPolytope
from metaregret.tabular.policy import forward_error, terminal_distribution
from metaregret.theory.success import Achieved
from metaregret.theory.tasks import RewardTasks

__all__ = ["EarnedRewards"]

TRIFLE = 1e-290
"""The smallest entry of a shifted table: every best reward is positive, and nothing else changes."""


class EarnedRewards:
    """What policies earn on each of ``Z`` tables; same interface as `metaregret.theory.success.SuccessTasks`.

    Attributes
    ----------
    rewards : ndarray, shape (Z, M)
        The tables, each shifted so that its smallest entry is `TRIFLE`.
    """

    what = "rewards"

    def __init__(self, tasks: RewardTasks, tolerance: float) -> None:
        self.process, self.names, tables = tasks.process, tasks.names, tasks.tables
        # Floats of rationals that are large and differ by little have lost their difference.
        given = tables.values if tables.exact is None else tables.exact
        self.rewards = (given - given.min(axis=1, keepdims=True)).astype(np.float64) + TRIFLE
        self._tolerance = max(1e-13, 0.01 * tolerance)

    def plan(self, rewards: np.ndarray) -> PlanningSolution:
        """Return the best expected reward of an episode, for rewards of transitions, shape (M,)."""
        horizon, tolerance = self.process.horizon, self._tolerance
        if isinstance(horizon, FiniteHorizon):
            return solve(self.process, rewards, steps=horizon.steps, tolerance=tolerance)
        return solve(
            self.process, rewards, objective=Objective.DISCOUNTED, gamma=horizon.gamma, tolerance=tolerance
        )

    @cached_property
    def optimum(self) -> TerminalValues:
        """Bounds on ``v_z`` of the shifted tables; the shift rounds twice."""
        found, error = [self.plan(row).value for row in self.rewards], relative_error(3)
        lower = np.maximum(np.array([value.lower for value in found]) * (1 - error), TRIFLE / 2)
        upper = np.array([value.upper for value in found]) * (1 + error)
        return TerminalValues(0.5 * (lower + upper), lower, upper, None, None)

    @cached_property
    def scale(self) -> np.ndarray:
        """What makes the largest of the best rewards one, unless nothing is earned anywhere; shape (Z,)."""
        largest = float(self.optimum.values.max())
        return np.full(len(self.names), 1.0 / largest if largest > 1e10 * TRIFLE else 1.0)

    @cached_property
    def expected(self) -> np.ndarray:
        """Expected reward of each choice, shape (Z, C)."""
        return backup(self.process).averaged(self.rewards.T).T

    def image(self, polytope: FlowPolytope) -> sp.csr_array:
        """Return the rewards as a function of the flow, shape (Z, variables)."""
        horizon = self.process.horizon
        unit = 1.0 if isinstance(horizon, FiniteHorizon) else 1.0 / float(1 - horizon.gamma)
        return sp.csr_array(self.expected[:, polytope.choice] * unit)

    def support(self, weights: np.ndarray) -> float:
        """Return an upper bound on what policies earn on the weighted sum of the tables."""
        return self.plan(weights @ self.rewards).value.upper

    def evaluate(self, policy: np.ndarray) -> Achieved:
        """Return what a policy earns on each task, with lower bounds."""
        state, horizon = self.process.choice_state, self.process.horizon
        longest = int(np.diff(self.process.offsets).max()) + self.process.n_choices + 8
        if isinstance(horizon, FiniteHorizon):
            operator = backup(self.process)
            distribution, total = operator.initial(), np.zeros(len(self.rewards))
            for weights in policy:
                flow = distribution[state] * weights
                total += self.expected @ flow
                distribution = operator.push(flow)
            error, tiny = forward_error(self.process, horizon.steps, more=horizon.steps + longest)
            tiny *= horizon.steps
        else:
            stop = float(1 - horizon.gamma)
            flow = terminal_distribution(self.process, policy).lower[state] * policy
            total = self.expected @ flow / stop
            error, tiny = relative_error(longest), underflow_allowance(self.process.n_transitions) / stop
        # A flow that underflows was worth at most its reward, and so was its product with it.
        lost = tiny * (1 + self.expected.sum(axis=1))
        return Achieved(np.maximum(total * (1 - error) - lost, 0.0), total, None)
