"""What every minimax solver returns: a bracket, the least-favourable task distribution, and how it was
obtained."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.choices import as_path
from metaregret.tabular.errors import InvalidArgumentError, NotExactError, UnsupportedError
from metaregret.tabular.labels import Labels
from metaregret.theory.adversaries import Adversary, Simplex
from metaregret.theory.by_name import NamedArray, OptionalNamedArray
from metaregret.theory.criteria import Criterion
from metaregret.theory.learners import Learner
from metaregret.theory.minimax.proof import Exact, MarkedProof, MixtureProof, PolicyProof, Proof
from metaregret.theory.presentation import length, number, state_map, table
from metaregret.theory.results import MOST_ROWS, Result, cells

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table

    from metaregret.tabular.process import ControlledMarkovProcess
    from metaregret.theory.question import Question
    from metaregret.theory.tasks import TaskFamily

__all__ = ["Criterion", "Learner", "MinimaxSolution"]

P = TypeVar("P", bound=Proof)


def _prior(solution: MinimaxSolution) -> tuple[Sequence[str], Sequence[Any] | None]:
    return solution.tasks, getattr(solution.proof.exact, "prior", None)


def _losses(solution: MinimaxSolution) -> tuple[Sequence[str], Sequence[Any] | None]:
    return solution.tasks, getattr(solution.proof.exact, "per_task", None)


def _explored(solution: MinimaxSolution) -> tuple[Sequence[str], Sequence[Any] | None]:
    process, exact = solution.process, getattr(solution.proof.exact, "exploration", None)
    stored = solution.__dict__["_exploration"]
    if process is not None and len(stored) == process.n_states:
        return process.states, exact
    return solution.tasks if len(stored) == len(solution.tasks) else Labels(len(stored)), exact


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MinimaxSolution(Result):
    """A certified solution of ``min_f max_p E_p[loss(f, z)]``.

    Attributes
    ----------
    value : Bracket
        Certified bounds on the minimax value.
    tasks : tuple of str
        Names of the ``K`` tasks.
    least_favourable : ByName, shape (K,)
        The task distribution whose best response proves ``value.lower``, by name of the task; rational in
        exact mode.
    per_task : ByName, shape (K,)
        Loss of the returned learner on each task; the largest is ``value.upper`` up to rounding.
    exploration : ByName, shape (S,), or None
        Terminal-state distribution of the returned exploration policy (by state), or its probabilities of
        success (by task), for learners that have one.
    learner, criterion : Learner, Criterion
    episodes : int or None
        ``N``; None stands for infinitely many.
    method : str
    status : Status
    seconds : float
    size : mapping
        Numbers of variables, rows, hyperstates, ... of what was solved.
    proof : Proof
        What proves the bounds: a policy and dual weights (`PolicyProof`), or a mixture of learners
        (`MixtureProof`).
    family : GoalTasks, TrajectoryTasks, RewardTasks or None
        The tasks that were solved; None where a part of the toolkit solved what is no task family.

    Examples
    --------
    >>> import metaregret as mr
    >>> solution = mr.solve(mr.goals(mr.make("line:3", horizon=2)), exact=True)
    >>> solution.value.exact, solution.least_favourable["0"], solution.to_frame().shape
    (Fraction(2, 1), Fraction(1, 3), (3, 2))
    """

    value: Bracket
    tasks: tuple[str, ...]
    least_favourable: NamedArray = NamedArray(_prior)
    per_task: NamedArray = NamedArray(_losses)
    exploration: OptionalNamedArray = OptionalNamedArray(_explored)
    learner: Learner
    criterion: Criterion
    episodes: int | None
    method: str
    status: Status
    seconds: float
    size: Mapping[str, int]
    proof: Proof = field(default_factory=Proof)
    family: TaskFamily | None = None

    @classmethod
    def answering(cls, question: Question, began: float, *, value: Bracket, **found: Any) -> MinimaxSolution:
        """Return the solution of `question` with bounds `value`, sought since `began` (by
        `time.perf_counter`)."""
        return cls(
            value=value,
            family=question.tasks,
            learner=question.learner,
            criterion=question.criterion,
            episodes=question.episodes,
            status=value.status(question.tolerance),
            seconds=time.perf_counter() - began,
            **found,
        )

    @property
    def process(self) -> ControlledMarkovProcess | None:
        """The process of the tasks, where known."""
        return None if self.family is None else self.family.process

    @property
    def adversary(self) -> Adversary:
        """The task distributions that the adversary was allowed."""
        return self.proof.adversary

    @property
    def policy_proof(self) -> PolicyProof:
        """What proves the value of a learner without memory.

        Raises
        ------
        UnsupportedError
            For learners with memory.
        """
        return self._proof(PolicyProof, "a policy and dual weights")

    @property
    def marked_proof(self) -> MarkedProof:
        """The same where an episode meets a task or does not, with the tasks marked on states.

        Raises
        ------
        UnsupportedError
            For reward tables and learners with memory.
        """
        return self._proof(MarkedProof, "a policy and dual weights on marked states")

    @property
    def mixture_proof(self) -> MixtureProof:
        """What proves the value of a learner with memory.

        Raises
        ------
        UnsupportedError
            For learners without memory, and infinitely many episodes on random dynamics.
        """
        return self._proof(MixtureProof, "a mixture of learners")

    @property
    def exact_proof(self) -> Exact:
        """The rational bounds and what proves them.

        Raises
        ------
        NotExactError
            If the solution is known in floating point only.
        """
        if self.proof.exact is None:
            raise NotExactError("The solution is known in floating point only; solve with exact=True.")
        return self.proof.exact

    def _proof(self, kind: type[P], what: str) -> P:
        if not isinstance(self.proof, kind):
            raise UnsupportedError(
                f"This value of the {self.learner.value} learner is not proved by {what}; see its proof."
            )
        return self.proof

    @property
    def _against(self) -> str:
        restricted = not isinstance(self.adversary, Simplex)
        return f", adversary restricted to {self.adversary}" if restricted else ""

    @property
    def interrupted(self) -> bool:
        """Whether a keyboard interrupt ended the search; the bracket is the best one found."""
        return self.proof.interrupted

    @property
    def by_state(self) -> dict[int, float] | None:
        """The least-favourable distribution by state index, for tasks that are states of a known process."""
        if self.process is None:
            return None
        try:
            positions = [self.process.states.position(name) for name in self.tasks]
        except InvalidArgumentError:
            return None
        return dict(zip(positions, self.least_favourable.tolist(), strict=True))

    def parts(self) -> Iterator[str | Table]:
        process, weights = self.process, self.by_state
        where = "" if process is None else f"{process.name}, {length(process)}: "
        yield (
            f"{where}minimax {self.criterion.value} of the {self.learner.value} learner, "
            f"N = {self._episodes}, {len(self.tasks)} tasks{self._against}"
        )
        low, high = self.value.lower, self.value.upper
        is_open = self.status is Status.BRACKETED
        yield f"value   between {low:.9g} and {high:.9g}" if is_open else f"value   {self.value}"
        yield f"status  {self.status.value}"
        size = ", ".join(f"{what} {count}" for what, count in self.size.items())
        yield f"method  {self.method}; {size}; {self.seconds:.2f} s"
        drawing = state_map(process, weights) if process is not None and weights is not None else None
        if drawing:
            yield "least-favourable task distribution:"
            yield drawing
        order = np.argsort(-self.least_favourable.array, kind="stable")[:MOST_ROWS].tolist()
        names = [self.tasks[i] for i in order]
        rows = [(n, number(self.least_favourable[n]), number(self.per_task[n])) for n in names]
        every = len(order) == len(self.tasks)
        title = "tasks" if every else f"the {MOST_ROWS} most likely of {len(self.tasks)}"
        yield table(title, ("task", "least favourable p", "loss"), rows)

    @property
    def _episodes(self) -> int | str:
        return "inf" if self.episodes is None else self.episodes

    def _document(self) -> dict[str, Any]:
        numbers = {"least_favourable": self.least_favourable, "per_task": self.per_task}
        if self.exploration is not None:
            numbers["exploration"] = self.exploration
        exact = {key: found for key, item in numbers.items() if (found := item.fractions()) is not None}
        document: dict[str, Any] = {
            "format": "metaregret-solution/1",
            "process": "" if self.process is None else self.process.name,
            "learner": self.learner.value,
            "criterion": self.criterion.value,
            "episodes": self._episodes,
            "adversary": str(self.adversary),
            "value": self.value.to_json(),
            **{key: item.floats() for key, item in numbers.items()},
            "exact": exact or None,
            "status": self.status.label,
            "method": self.method,
            "seconds": self.seconds,
            "size": dict(self.size),
        }
        if isinstance(self.proof, MixtureProof):
            document["history"] = [list(bounds) for bounds in self.proof.history]
        return document

    def to_frame(self) -> pd.DataFrame:
        """Return one row per task: its least-favourable probability and the learner's loss on it."""
        import pandas as pd

        columns = {"least_favourable": self.least_favourable, "loss": self.per_task}
        data = {key: cells(item.values()) for key, item in columns.items()}
        return pd.DataFrame(data, index=pd.Index(self.tasks, name="task"))

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw the least-favourable distribution over the states; write it where a path is given.

        Raises
        ------
        UnsupportedError
            If the tasks are not states of a process.
        InvalidArgumentError
            If the file is no .pdf, .png or .svg, or cannot be written.
        """
        from metaregret.theory.plotting.state_map import Panel, states_figure

        weights = self.by_state
        if self.process is None or weights is None:
            raise UnsupportedError("Only tasks that are states can be drawn on a map; see to_frame.")
        panel = Panel(self.process.name, weights)
        return states_figure(self.process, [panel], label="least-favourable probability", path=path)

    def _picture(self) -> Figure | None:
        has_layout = self.process is not None and self.process.picture is not None
        return self.plot() if has_layout and self.by_state is not None else None

    def certificate(self, path: Path | str | None = None) -> dict[str, Any]:
        """Return a certificate that `metaregret.check` proves, and write it where a path is given.

        Raises
        ------
        UnsupportedError
            If the tasks are not known.
        NotExactError, InstanceTooLargeError
            If the process is known in floating point only, or the checker would need too much work.
        """
        from metaregret.theory.certificates.drafting import write_certificate
        from metaregret.theory.certificates.write_minimax import minimax_certificate

        if self.family is None:
            raise UnsupportedError("A certificate needs the tasks that were solved; solve a task family.")
        document = minimax_certificate(self.family, self)
        if path is not None:
            write_certificate(document, as_path(path))
        return document

    def __repr__(self) -> str:
        where = "" if self.process is None else f" on {self.process.name!r}"
        return (
            f"<MinimaxSolution{where}: {self.criterion.value} of the {self.learner.value} learner, "
            f"N = {self._episodes}, {self.value}>"
        )
