"""The polytope of success probabilities in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Any

import flint
import numpy as np

from metaregret.tabular.backup.rational import to_flint
from metaregret.tabular.goals import optimal_terminal_values
from metaregret.tabular.policy import exact_terminal
from metaregret.theory.minimax.exact.achievable import Achievable
from metaregret.theory.success import SuccessTasks

__all__ = ["AchievableSuccess"]


class AchievableSuccess(Achievable):
    """The achievable success vectors of 0-1 tasks."""

    def __init__(self, tasks: SuccessTasks) -> None:
        super().__init__(tasks.process, len(tasks.names))
        self._marks = (tasks.success.indices, np.repeat(np.arange(self.count), np.diff(tasks.success.indptr)))

    def optimum(self) -> tuple[list[Fraction], list[np.ndarray]]:
        """See `Achievable.optimum`."""
        return self._optimum

    @cached_property
    def _optimum(self) -> tuple[list[Fraction], list[np.ndarray]]:
        columns = np.full((self.process.n_states, self.count), Fraction(0))
        columns[self._marks] = Fraction(1)
        values, policies = self._plan(columns)
        return list(values), list(np.moveaxis(policies, -1, 0))

    def support(self, weights: np.ndarray) -> tuple[Any, np.ndarray]:
        """Plan for the weighted sum of the tasks; see `Achievable.support`."""
        states, tasks = self._marks
        column = np.full(self.process.n_states, flint.fmpq(0))
        np.add.at(column, states, weights[tasks])
        values, policies = self._plan(column[:, None])
        return to_flint(values)[0], policies[..., 0]

    def achieved(self, policy: np.ndarray) -> np.ndarray:
        """Evaluate a policy on every task; see `Achievable.achieved`."""
        terminal = exact_terminal(self.process, policy)
        states, tasks = self._marks
        result = np.full(self.count, flint.fmpq(0))
        np.add.at(result, tasks, to_flint(terminal)[states])
        return result

    def _plan(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Plan exactly for terminal rewards, shape (S, columns): values and policies."""
        found = optimal_terminal_values(self.process, columns, representation="rational", policies=True)
        assert found.exact is not None
        assert found.policies is not None
        return found.exact, found.policies
