"""Minimax learners: `solve` chooses the solver for a learner class, criterion and task family."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from metaregret.tabular.choices import choice, expect
from metaregret.tabular.errors import UnsupportedError
from metaregret.theory.minimax.solution import Criterion, Learner, MinimaxSolution
from metaregret.theory.tasks import GoalTasks, RewardTasks, TaskFamily, TrajectoryTasks

__all__ = ["Criterion", "Learner", "MinimaxSolution", "solve"]


def solve(
    tasks: TaskFamily,
    *,
    learner: Learner | str = Learner.MEMORYLESS,
    criterion: Criterion | str = Criterion.REGRET,
    episodes: int | None = None,
    tolerance: float = 1e-9,
    exact: bool = False,
    progress: Callable[[float, float], None] | None = None,
) -> MinimaxSolution:
    """Return the minimax learner of a class, the least-favourable task distribution and a certified bracket.

    Parameters
    ----------
    tasks : GoalTasks, TrajectoryTasks or RewardTasks
        From `metaregret.goals`, `metaregret.trajectories` or `metaregret.rewards`.
    learner : Learner or str
        What it uses of what it saw: ``"blind"`` nothing, ``"memoryless"`` only its first success,
        ``"memory"`` everything.
    criterion : Criterion or str
        ``"regret"``, ``"hitting-time"`` or ``"ratio"``.
    episodes : int or None
        ``N``; None for infinitely many.
    tolerance : float
        Wanted relative gap.
    exact : bool
        Find equal rational bounds.
    progress : callable, optional
        Called with the current bounds.

    Raises
    ------
    InvalidArgumentError
        If an argument has a wrong type or value.
    UnsupportedError
        For combinations that the theory does not define.
    ConvergenceError
        If the bracket does not close to the tolerance.
    """
    used, judged = choice(Learner, learner, "learner"), choice(Criterion, criterion, "criterion")
    expect(
        (GoalTasks, TrajectoryTasks, RewardTasks),
        tasks,
        "tasks",
        "make them from a process with metaregret.goals, trajectories or rewards",
    )
    if used is Learner.MEMORY:
        if isinstance(tasks, TrajectoryTasks):
            raise UnsupportedError(
                "Learners with memory are solved for goals and rewards; choose one of those."
            )
        from metaregret.theory.minimax.memory import solve_memory

        found = solve_memory(
            tasks, episodes, criterion=judged, tolerance=tolerance, exact=exact, progress=progress
        )
        return dataclasses.replace(found, family=tasks)
    from metaregret.theory.minimax.without_memory import solve_without_memory

    found = solve_without_memory(
        tasks,
        learner=used,
        criterion=judged,
        episodes=episodes,
        tolerance=tolerance,
        exact=exact,
        progress=progress,
    )
    return dataclasses.replace(found, family=tasks)
