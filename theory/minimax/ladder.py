"""The ladder of learner classes on one process:
``minimax(memory) <= minimax(memoryless) <= minimax(blind)`` (T18).

Each class contains the one before, so each minimax value is at most that of the class before. The
differences say what adaptation is worth (blind against memoryless) and what memory is worth (memoryless
against memory).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metaregret.tabular.bounds import Bracket
from metaregret.theory.minimax.solution import Learner, MinimaxSolution
from metaregret.theory.question import Question
from metaregret.theory.tasks import GoalTasks

__all__ = ["Ladder", "ladder"]


@dataclass(frozen=True, eq=False)
class Ladder:
    """The minimax solutions of the three learner classes for the same tasks, episodes and criterion.

    Attributes
    ----------
    blind, memoryless, memory : MinimaxSolution
    """

    blind: MinimaxSolution
    memoryless: MinimaxSolution
    memory: MinimaxSolution

    @property
    def rungs(self) -> tuple[MinimaxSolution, MinimaxSolution, MinimaxSolution]:
        """The solutions from the smallest class to the largest."""
        return self.blind, self.memoryless, self.memory

    @property
    def value_of_adaptation(self) -> Bracket:
        """``minimax(blind) - minimax(memoryless)``, in the units of the criterion."""
        return _difference(self.blind.value, self.memoryless.value)

    @property
    def value_of_memory(self) -> Bracket:
        """``minimax(memoryless) - minimax(memory)``, in the units of the criterion."""
        return _difference(self.memoryless.value, self.memory.value)

    @property
    def in_order(self) -> bool:
        """Whether no pair of brackets contradicts T18."""
        blind, memoryless, memory = (rung.value for rung in self.rungs)
        return memory.lower <= memoryless.upper and memoryless.lower <= blind.upper


def _difference(larger: Bracket, smaller: Bracket) -> Bracket:
    exact = None if larger.exact is None or smaller.exact is None else larger.exact - smaller.exact
    if exact is not None:
        return Bracket.of(exact)
    return Bracket(
        larger.lower - smaller.upper,
        larger.upper - smaller.lower,
        lower_from="difference of certified bounds",
        upper_from="difference of certified bounds",
    )


def ladder(
    tasks: GoalTasks, episodes: int, *, progress: Callable[[str], None] | None = None, **words: Any
) -> Ladder:
    """Solve the three learner classes for the same tasks.

    Parameters
    ----------
    tasks : GoalTasks
    episodes : int
        ``N``.
    progress : callable, optional
        Called with the name of the class that is being solved.
    **words
        Other options of the `Question`: criterion, adversary, tolerance, exact, ...

    Raises
    ------
    InvalidArgumentError, UnsupportedError, InstanceTooLargeError, ConvergenceError
        As `metaregret.theory.minimax.solve` raises for one class.
    """
    from metaregret.theory.minimax import solve

    questions = [Question(tasks, learner, episodes=episodes, **words) for learner in Learner]
    solutions = []
    for question in questions:
        if progress is not None:
            progress(question.learner.value)
        solutions.append(solve(question))
    return Ladder(*solutions)
