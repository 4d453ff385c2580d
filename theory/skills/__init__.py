"""Skills: policies with probabilities and terminal distributions, and the capacity of a controlled Markov
process."""

from metaregret.theory.information.separable import Separable
from metaregret.theory.skills.capacity import ProcessCapacity, Round, process_capacity
from metaregret.theory.skills.frank_wolfe import (
    Minimum,
    inverse_sum,
    minimise_over_terminal,
    relative_entropy,
)
from metaregret.theory.skills.goal_skills import GoalSkills, goal_skills
from metaregret.theory.skills.outcome import Outcome, States, outcome, read_states, trajectory_outcome
from metaregret.theory.skills.redundancy import Redundancy, process_redundancy
from metaregret.theory.skills.skill import Skill, information_lower_bound, make_skills, mixture
from metaregret.theory.skills.vertices import terminal_vertices

__all__ = [
    "GoalSkills",
    "Minimum",
    "Outcome",
    "ProcessCapacity",
    "Redundancy",
    "Round",
    "Separable",
    "Skill",
    "States",
    "goal_skills",
    "information_lower_bound",
    "inverse_sum",
    "make_skills",
    "minimise_over_terminal",
    "mixture",
    "outcome",
    "process_capacity",
    "process_redundancy",
    "read_states",
    "relative_entropy",
    "terminal_vertices",
    "trajectory_outcome",
]
