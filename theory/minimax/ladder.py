"""The ladder of learner classes on one process:
``minimax(memory) <= minimax(memoryless) <= minimax(blind)`` (T18).

Each class contains the one before, so each minimax value is at most that of the class before. The
differences say what adaptation is worth (blind against memoryless) and what memory is worth (memoryless
against memory).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaregret.tabular.bounds import Bracket
from metaregret.theory.minimax.solution import Learner, MinimaxSolution
from metaregret.theory.presentation import state_map
from metaregret.theory.question import Question
from metaregret.theory.results import Result
from metaregret.theory.tasks import GoalTasks

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Ladder", "ladder"]


@dataclass(frozen=True, eq=False, repr=False)
class Ladder(Result):
    """The minimax solutions of the three learner classes for the same tasks, episodes and criterion.

    Attributes
    ----------
    tasks : GoalTasks
    blind, memoryless, memory : MinimaxSolution
    """

    tasks: GoalTasks
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

    @property
    def _weights(self) -> dict[str, dict[int, float]]:
        """The least-favourable distributions by learner class and state."""
        return {rung.learner.value: rung.by_state or {} for rung in self.rungs}

    def parts(self) -> Iterator[str]:
        process, first = self.tasks.process, self.blind
        yield (
            f"{process.name}: minimax {first.criterion.value}, N = {first.episodes}, goals noticed: "
            f"{self.tasks.detect.value}"
        )
        for rung in self.rungs:
            yield f"{rung.learner.value:<11} {rung.value}"
            if drawing := state_map(process, self._weights[rung.learner.value]):
                yield drawing
        yield f"adaptation is worth {self.value_of_adaptation}"
        yield f"memory is worth     {self.value_of_memory}"

    def _document(self) -> dict[str, Any]:
        return {
            "format": "metaregret-ladder/1",
            "process": self.tasks.process.name,
            "episodes": self.blind.episodes,
            "detect": self.tasks.detect.value,
            "criterion": self.blind.criterion.value,
            "value_of_adaptation": self.value_of_adaptation.to_json(),
            "value_of_memory": self.value_of_memory.to_json(),
            "in_order": self.in_order,
            "learners": {
                rung.learner.value: {
                    "value": rung.value.to_json(),
                    "status": rung.status.label,
                    "least_favourable": rung.least_favourable.floats(),
                }
                for rung in self.rungs
            },
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the least-favourable distributions, one row per task and one column per learner class."""
        import pandas as pd

        columns = {rung.learner.value: pd.Series(rung.least_favourable.floats()) for rung in self.rungs}
        return pd.DataFrame(columns).rename_axis("task")

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw the three distributions side by side; write them where a path is given.

        Raises
        ------
        InvalidArgumentError
            If the file is no .pdf, .png or .svg, or cannot be written.
        """
        from metaregret.theory.plotting import Panel, states_figure

        panels = [Panel(learner, weights) for learner, weights in self._weights.items()]
        label = "least-favourable probability"
        return states_figure(self.tasks.process, panels, label=label, path=path)

    def __repr__(self) -> str:
        values = ", ".join(f"{rung.learner.value} {rung.value}" for rung in self.rungs)
        return f"<Ladder on {self.tasks.process.name!r}: {values}>"


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
    return Ladder(tasks, *solutions)
