"""Skills: policies with probabilities and terminal distributions, and the capacity of a controlled Markov
process."""

from theory.skills.capacity import ProcessCapacity, Round, process_capacity
from theory.skills.redundancy import Redundancy, process_redundancy
from theory.skills.skill import Skill, information_lower_bound, make_skills, mixture
from theory.skills.vertices import terminal_vertices

__all__ = [
    "ProcessCapacity",
    "Redundancy",
    "Round",
    "Skill",
    "information_lower_bound",
    "make_skills",
    "mixture",
    "process_capacity",
    "process_redundancy",
    "terminal_vertices",
]
