"""Skills: policies with probabilities and terminal distributions, and the capacity of a controlled Markov
process."""

from theory.skills.capacity import ProcessCapacity, Round, process_capacity
from theory.skills.skill import Skill, information_lower_bound, make_skills, mixture
from theory.skills.vertices import terminal_vertices

__all__ = [
    "ProcessCapacity",
    "Round",
    "Skill",
    "information_lower_bound",
    "make_skills",
    "mixture",
    "process_capacity",
    "terminal_vertices",
]
