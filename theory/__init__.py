"""The theory of unsupervised meta-reinforcement learning on finite problems: tasks, regrets, minimax, claims.

    >>> from tabular import make
    >>> from theory import GoalTasks, solve_without_memory
    >>> solution = solve_without_memory(GoalTasks.reachable(make("grid:3x3")))
    >>> solution.value.contains(8)
    True

The names below are the public face; they are loaded when first used, so that importing the package costs
nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.minimax import solve
    from theory.minimax.memory import solve_memory
    from theory.minimax.solution import Criterion, Learner, MinimaxSolution
    from theory.minimax.without_memory import solve_without_memory
    from theory.regret import bayes_regret, expected_episodes, memoryless_regret, oracle_regret
    from theory.success import SuccessTasks, success_tasks
    from theory.tasks import Detection, GoalTasks, RewardTasks, TaskFamily, TrajectoryTasks

__all__ = [
    "Criterion",
    "Detection",
    "GoalTasks",
    "Learner",
    "MinimaxSolution",
    "RewardTasks",
    "SuccessTasks",
    "TaskFamily",
    "TrajectoryTasks",
    "bayes_regret",
    "expected_episodes",
    "memoryless_regret",
    "oracle_regret",
    "solve",
    "solve_memory",
    "solve_without_memory",
    "success_tasks",
]

_HOMES = {
    "minimax": ("solve",),
    "minimax.memory": ("solve_memory",),
    "minimax.solution": ("Criterion", "Learner", "MinimaxSolution"),
    "minimax.without_memory": ("solve_without_memory",),
    "regret": ("bayes_regret", "expected_episodes", "memoryless_regret", "oracle_regret"),
    "success": ("SuccessTasks", "success_tasks"),
    "tasks": ("Detection", "GoalTasks", "RewardTasks", "TaskFamily", "TrajectoryTasks"),
}
_HOME_OF = {name: f"theory.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'theory' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | {name for name in globals() if not name.startswith("_")})
