"""Minimax learners: `solve` answers a `Question`."""

from __future__ import annotations

from metaregret.tabular.choices import check_progress
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.adversaries import Adversary
from metaregret.theory.learners import Progress
from metaregret.theory.minimax.solution import Criterion, Learner, MinimaxSolution
from metaregret.theory.question import DEFAULT_MAX_EDGES, Method, Question
from metaregret.theory.tasks import TaskFamily

__all__ = ["Criterion", "Learner", "Method", "MinimaxSolution", "Question", "solve"]


def solve(
    tasks: TaskFamily | Question,
    *,
    learner: Learner | str = Learner.MEMORYLESS,
    criterion: Criterion | str = Criterion.REGRET,
    episodes: int | str | None = None,
    adversary: Adversary | str | None = None,
    tolerance: float = 1e-9,
    exact: bool = False,
    method: Method | str = Method.AUTO,
    max_edges: int = DEFAULT_MAX_EDGES,
    progress: Progress | None = None,
) -> MinimaxSolution:
    """Return the minimax learner of a class, the least-favourable task distribution and a certified bracket.

    Parameters
    ----------
    tasks : GoalTasks, TrajectoryTasks, RewardTasks or Question
        A question has all other options but `progress` in it.
    learner : Learner or str
        ``"memoryless"``, ``"blind"`` (one policy for all episodes) or ``"memory"`` (any procedure).
    criterion : Criterion or str
        ``"regret"``, ``"hitting-time"`` or ``"ratio"``.
    episodes : int, "inf" or None
        ``N``; None or ``"inf"`` for infinitely many.
    adversary, tolerance, exact, method, max_edges
        As in `Question`: the allowed task distributions (None: all), the relative gap of the bracket,
        rational arithmetic, and how it is solved.
    progress : callable, optional
        Called with the current bounds.

    Returns
    -------
    MinimaxSolution
        A keyboard interrupt after the first bounds ends the search and returns the best bracket so far,
        with status ``BRACKETED``.

    Raises
    ------
    InvalidArgumentError
        If an option has a wrong type or value.
    UnsupportedError
        For combinations that the theory does not define.
    NotExactError, InstanceTooLargeError
        If rational bounds are asked for and the process is known in floating point only or too large.
    ConvergenceError
        If the bracket does not close to the tolerance; it carries the best bounds.

    Examples
    --------
    >>> import metaregret as mr
    >>> tasks = mr.goals(mr.make("grid:3x3,slip=1/10", horizon=4))
    >>> str(mr.solve(tasks, exact=True).value.exact)
    '2279601/320000'
    >>> mr.solve(tasks, learner="nobody")
    Traceback (most recent call last):
    metaregret.tabular.errors.InvalidArgumentError: ...
    """
    check_progress(progress)
    words = {
        "learner": learner,
        "criterion": criterion,
        "episodes": episodes,
        "adversary": adversary,
        "tolerance": tolerance,
        "exact": exact,
        "method": method,
        "max_edges": max_edges,
    }
    if isinstance(tasks, Question):
        usual = solve.__kwdefaults__ or {}
        changed = [name for name, value in words.items() if value is not usual[name]]
        if changed:
            raise InvalidArgumentError(
                f"Expected a question alone, but got {changed[0]}={words[changed[0]]!r:.60} beside it; put "
                "it into the question."
            )
        question = tasks
    else:
        question = Question(
            tasks, learner, criterion, episodes, adversary, tolerance, exact, method, max_edges
        )
    return question.learner.solve(question, progress)
