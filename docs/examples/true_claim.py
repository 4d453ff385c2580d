"""A true claim: `metaregret verify --new docs/examples/true_claim.py` finds no counterexample and says
where it looked."""

from fractions import Fraction

import numpy as np

from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.claims import property_claim
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks


def margin(process: ControlledMarkovProcess) -> float:
    """The minimax regret is at least the sum of the best probabilities minus one: weight the regrets by
    ``rho``."""
    goals = np.flatnonzero(goal_support(process))
    optimum = goal_values(process, goals, representation="rational").exact
    assert optimum is not None
    bound = float(sum(optimum, Fraction(0)) - 1)
    return solve_without_memory(GoalTasks(process, goals)).value.upper - bound + 1e-9


THEOREM = property_claim(
    uid="X02",
    title="The minimax regret is at least the sum of the best probabilities minus one",
    statement=r"\min_{\rho\in M}\max_g\Bigl(\frac{v^*_g}{\rho_g}-1\Bigr)\ge\sum_g v^*_g-1",
    strategy=processes(max_states=3, max_steps=3, geometric=False),
    margin=margin,
    uses=("T04",),
)
