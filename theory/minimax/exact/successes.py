"""The polytope of success probabilities in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Any

import flint
import numpy as np

from metaregret.tabular.backup.rational import to_flint
from metaregret.tabular.goals import TerminalValues, optimal_terminal_values
from metaregret.tabular.policy import exact_terminal
from metaregret.theory.minimax.exact.achievable import Achievable
from metaregret.theory.success import SuccessTasks

__all__ = ["AchievableSuccess"]


class AchievableSuccess(Achievable):
    """The achievable success vectors of 0-1 tasks."""

    def __init__(self, tasks: SuccessTasks) -> None:
        super().__init__(tasks.process, len(tasks.names))
        self._marks = (tasks.success.indices, np.repeat(np.arange(self.count), np.diff(tasks.success.indptr)))

    def optimum(self) -> TerminalValues:
        """Return the exact ``v*`` of every task with an optimal deterministic policy for each."""
        return self._optimum

    @cached_property
    def _optimum(self) -> TerminalValues:
        columns = np.full((self.process.n_states, self.count), Fraction(0))
        columns[self._marks] = Fraction(1)
        return self._plan(columns)

    def support(self, weights: np.ndarray) -> tuple[Any, np.ndarray]:
        """Plan for the weighted sum of the tasks; see `Achievable.support`."""
        states, tasks = self._marks
        column = np.full(self.process.n_states, flint.fmpq(0))
        np.add.at(column, states, weights[tasks])
        found = self._plan(column[:, None])
        assert found.exact is not None
        assert found.policies is not None
        return to_flint(found.exact)[0], found.policies[..., 0]

    def achieved(self, policy: np.ndarray) -> np.ndarray:
        """Evaluate a policy on every task; see `Achievable.achieved`."""
        terminal = exact_terminal(self.process, policy)
        states, tasks = self._marks
        result = np.full(self.count, flint.fmpq(0))
        np.add.at(result, tasks, to_flint(terminal)[states])
        return result

    def _plan(self, columns: np.ndarray) -> TerminalValues:
        """Plan exactly for terminal rewards, shape (S, columns)."""
        return optimal_terminal_values(self.process, columns, representation="rational", policies=True)
