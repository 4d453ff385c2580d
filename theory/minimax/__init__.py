"""Minimax learners: `solve` chooses the solver for a learner class, criterion and task family."""

from __future__ import annotations

from collections.abc import Callable

from metaregret.tabular.errors import UnsupportedError
from metaregret.theory.minimax.solution import Criterion, Learner, MinimaxSolution
from metaregret.theory.tasks import TaskFamily, TrajectoryTasks

__all__ = ["Criterion", "Learner", "MinimaxSolution", "solve"]


def solve(
    tasks: TaskFamily,
    *,
    learner: Learner = Learner.MEMORYLESS,
    criterion: Criterion = Criterion.REGRET,
    episodes: int | None = None,
    tolerance: float = 1e-9,
    exact: bool = False,
    progress: Callable[[float, float], None] | None = None,
) -> MinimaxSolution:
    """Return the minimax learner of a class, the least-favourable task distribution and a certified bracket.

    Parameters
    ----------
    tasks : TaskFamily
    learner : Learner
    criterion : Criterion
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
    UnsupportedError
        For combinations that the theory does not define.
    ConvergenceError
        If the bracket does not close to the tolerance.
    """
    if learner is Learner.MEMORY:
        if isinstance(tasks, TrajectoryTasks):
            raise UnsupportedError(
                "Learners with memory are solved for goals and rewards; choose one of those."
            )
        from metaregret.theory.minimax.memory import solve_memory

        return solve_memory(
            tasks, episodes, criterion=criterion, tolerance=tolerance, exact=exact, progress=progress
        )
    from metaregret.theory.minimax.without_memory import solve_without_memory

    return solve_without_memory(
        tasks,
        learner=learner,
        criterion=criterion,
        episodes=episodes,
        tolerance=tolerance,
        exact=exact,
        progress=progress,
    )
