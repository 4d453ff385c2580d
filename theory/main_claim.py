"""The main claim of the source, on one process: does maximising mutual information find the minimax task distribution?

On a deterministic controllable process the minimax exploration, the least-favourable task distribution and the
goal marginal that maximises mutual information are all uniform (T4, T6). Elsewhere this module says by how much the
mutual-information proposal misses: its worst-case regret minus the minimax regret.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabular.bounds import Bracket
from tabular.goals import goal_support
from tabular.process import ControlledMarkovProcess
from theory.claims.assumption import CONTROLLABLE
from theory.minimax.solution import MinimaxSolution
from theory.minimax.without_memory import solve_without_memory
from theory.regret import memoryless_regret
from theory.skills import process_capacity
from theory.tasks import GoalTasks

__all__ = ["UNIFORM_TOLERANCE", "MainClaim", "check_main_claim"]

UNIFORM_TOLERANCE = 1e-6
"""Largest difference between two probabilities that are called equal."""


@dataclass(frozen=True, eq=False)
class MainClaim:
    """The three distributions of the main claim on one process, and the regrets.

    Attributes
    ----------
    process : ControlledMarkovProcess
    goals : ndarray of int, shape (K,)
        The reachable goals.
    controllable : bool
        Whether every goal can be reached with certainty.
    minimax : MinimaxSolution
    mutual_information : Bracket
        In nats; its upper bound is certified only where `capacity_known`.
    capacity_known : bool
    marginal : ndarray, shape (K,)
        The goal marginal that maximises mutual information.
    proposal_regret : float
        Worst-case regret of exploring with that marginal.
    """

    process: ControlledMarkovProcess
    goals: np.ndarray
    controllable: bool
    minimax: MinimaxSolution
    mutual_information: Bracket
    capacity_known: bool
    marginal: np.ndarray
    proposal_regret: float

    @property
    def exploration(self) -> np.ndarray:
        """The minimax exploration's goal probabilities, shape (K,)."""
        assert self.minimax.exploration is not None
        return self.minimax.exploration[self.goals]

    def distance_to_uniform(self, distribution: np.ndarray) -> float:
        """Largest absolute difference of a distribution over the goals from the uniform one."""
        return float(np.abs(distribution - 1.0 / len(self.goals)).max())

    @property
    def all_uniform(self) -> bool:
        """Whether all three distributions are uniform up to `UNIFORM_TOLERANCE`."""
        three = (self.exploration, self.minimax.least_favourable, self.marginal)
        return all(self.distance_to_uniform(each) <= UNIFORM_TOLERANCE for each in three)

    @property
    def gap(self) -> float:
        """Worst-case regret of the mutual-information proposal minus the certified lower bound of the minimax regret."""
        return self.proposal_regret - self.minimax.value.lower

    @property
    def expected_uniform(self) -> bool:
        """Whether the theory promises that all three are uniform."""
        return self.controllable and self.process.is_deterministic


def check_main_claim(process: ControlledMarkovProcess) -> MainClaim:
    """Compute the three distributions of the main claim on `process` (goals detected at the end, ``N = inf``)."""
    goals = np.flatnonzero(goal_support(process))
    minimax = solve_without_memory(GoalTasks(process, goals))
    capacity = process_capacity(process)
    marginal = capacity.goal_distribution[goals]
    optimum = minimax.details["marked"].optimum.values
    return MainClaim(
        process=process,
        goals=goals,
        controllable=CONTROLLABLE.holds(process),
        minimax=minimax,
        mutual_information=capacity.mutual_information,
        capacity_known=capacity.known,
        marginal=marginal,
        proposal_regret=float(memoryless_regret(marginal, optimum, None).max()),
    )
