"""The main claim of the source, on one process: does maximising mutual information find the minimax task
distribution?

Where every goal can be reached with certainty the minimax exploration, the least-favourable task
distribution and the goal marginal that maximises mutual information are all uniform (T4, T6). Elsewhere this
module says by how much the mutual-information proposal misses: its worst-case regret minus the minimax
regret.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims.assumption import CONTROLLABLE
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.regret import memoryless_regret
from metaregret.theory.skills import goal_skills, process_capacity
from metaregret.theory.skills.dual_bound import support_bound
from metaregret.theory.tasks import GoalTasks

__all__ = ["UNIFORM_TOLERANCE", "MainClaim", "check_main_claim"]

UNIFORM_TOLERANCE = 1e-6
"""Largest difference between two probabilities that are called equal."""

MAX_SEARCHED_STATES = 64
"""Largest process with noise whose skills are searched among all policies."""


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
        In nats, of skills found; its upper bound is that of all policies, certified.
    capacity_known : bool
        Whether the two agree, so that it is the capacity of the process.
    all_skills : bool
        Whether skills range over all policies; on processes of more than `MAX_SEARCHED_STATES` states only
        over one optimal policy per goal.
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
    all_skills: bool
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
        three = (self.exploration, self.minimax.least_favourable.array, self.marginal)
        return all(self.distance_to_uniform(each) <= UNIFORM_TOLERANCE for each in three)

    @property
    def gap(self) -> float:
        """Worst-case regret of the mutual-information proposal minus the certified lower bound of the
        minimax regret."""
        return self.proposal_regret - self.minimax.value.lower

    @property
    def expected_uniform(self) -> bool:
        """Whether the theory promises that all three are uniform."""
        return self.controllable


@lru_cache(
    maxsize=32
)  # processes are immutable and compared by identity; the same one is asked for repeatedly
def check_main_claim(process: ControlledMarkovProcess) -> MainClaim:
    """Compute the three distributions of the main claim on `process` (goals detected at the end,
    ``N = inf``)."""
    goals = np.flatnonzero(goal_support(process))
    minimax = solve_without_memory(GoalTasks(process, goals))
    simple = process.is_deterministic and np.count_nonzero(process.initial) == 1
    all_skills = bool(simple or process.n_states <= MAX_SEARCHED_STATES)
    if all_skills:
        capacity = process_capacity(process)
        information, known = capacity.mutual_information, capacity.known
        marginal = capacity.goal_distribution[goals]
    else:
        skills = goal_skills(process)
        information, known = (
            Bracket(
                skills.information,
                support_bound(process),
                lower_from="one optimal policy per goal",
                upper_from="logarithm of the sum of the best probabilities",
            ),
            False,
        )
        marginal = skills.goal_distribution[goals]
    optimum = minimax.marked_proof.marked.optimum.values
    return MainClaim(
        process=process,
        goals=goals,
        controllable=CONTROLLABLE.holds(process),
        minimax=minimax,
        mutual_information=information,
        capacity_known=known,
        all_skills=all_skills,
        marginal=marginal,
        proposal_regret=float(memoryless_regret(marginal, optimum, None).max()),
    )
