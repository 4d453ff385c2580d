"""What proposals on one process are measured against; computed once where several methods ask in turn."""

from __future__ import annotations

from functools import lru_cache

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.skills import ProcessCapacity, process_capacity
from metaregret.theory.tasks import GoalTasks

__all__ = ["capacity_of", "memory_minimax_of", "minimax_of"]


@lru_cache(maxsize=8)
def capacity_of(process: ControlledMarkovProcess, seed: int) -> ProcessCapacity:
    """The capacity of a process object, with the seed of the search for skills."""
    return process_capacity(process, seed=seed)


@lru_cache(maxsize=8)
def minimax_of(process: ControlledMarkovProcess) -> MinimaxSolution:
    """The memoryless minimax solution for the reachable goals, detected at the end, ``N = inf``."""
    return solve_without_memory(GoalTasks.reachable(process))


@lru_cache(maxsize=4)
def memory_minimax_of(process: ControlledMarkovProcess, episodes: int) -> MinimaxSolution:
    """The minimax solution with memory for the reachable goals, detected at the end."""
    return solve_memory(GoalTasks.reachable(process), episodes)
