"""What is asked of a minimax solver: one object, read and checked once, handed to whoever answers it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from metaregret.tabular.choices import check_tolerance, choice, expect, flag
from metaregret.tabular.engine.problem import LARGEST_VALUE
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.theory.adversaries import Adversary, Simplex, parse_adversary
from metaregret.theory.criteria import Criterion
from metaregret.theory.learners import Learner
from metaregret.theory.regret import check_episodes
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TaskFamily, TrajectoryTasks

__all__ = ["DEFAULT_MAX_EDGES", "Method", "Question"]

DEFAULT_MAX_EDGES = 10**8


class Method(Enum):
    """How the problem of a learner without memory is solved.

    ``program``: one linear program over occupancy measures. ``decomposition``: best responses and a small
    game over them (finite horizons). ``auto``: whichever is faster, by a rule from measurements.
    """

    AUTO = "auto"
    PROGRAM = "program"
    DECOMPOSITION = "decomposition"


@dataclass(frozen=True, eq=False, init=False)
class Question:
    """``min_f max_{p in U} E_p[loss(f, z)]`` for a task family, a learner class and a set of adversaries.

    Parameters
    ----------
    tasks : GoalTasks, TrajectoryTasks or RewardTasks
    learner : Learner or str
        The class of learners: ``"blind"``, ``"memoryless"``, ``"memory"``, or an object of your own.
    criterion : Criterion or str
        The loss: ``"regret"``, ``"hitting-time"``, ``"ratio"``, or an object of your own.
    episodes : int, "inf" or None
        ``N``; None or ``"inf"`` for infinitely many.
    adversary : Adversary, str or None
        Which task distributions ``U`` are allowed; None for all. A word (``"tv:1/10"``, ``"kl:0.1"``,
        ``"cvar:1/2"``, ``"polytope:FILE"``) stands for the set around the uniform distribution.
    tolerance : float
        Wanted relative gap of the bracket.
    exact : bool
        Find equal rational bounds.
    method : Method or str
        Of learners without memory.
    max_edges : int
        Largest hyperstate graph of learners with memory.

    Raises
    ------
    InvalidArgumentError
        If an option has a wrong type or value.
    UnsupportedError
        For combinations that the theory does not define or no solver here answers, before any work.

    Examples
    --------
    >>> import metaregret as mr
    >>> question = mr.Question(mr.goals(mr.make("line:3", horizon=2)), "memory", episodes=3, exact=True)
    >>> question.learner is mr.Learner.MEMORY, mr.solve(question).value.exact
    (True, Fraction(1, 1))
    """

    tasks: TaskFamily
    learner: Learner
    criterion: Criterion
    episodes: int | None
    adversary: Adversary
    tolerance: float
    exact: bool
    method: Method
    max_edges: int

    def __init__(
        self,
        tasks: TaskFamily,
        learner: Learner | str = Learner.MEMORYLESS,
        criterion: Criterion | str = Criterion.REGRET,
        episodes: int | str | None = None,
        adversary: Adversary | str | None = None,
        tolerance: float = 1e-9,
        exact: bool = False,
        method: Method | str = Method.AUTO,
        max_edges: int = DEFAULT_MAX_EDGES,
    ) -> None:
        learner, criterion = choice(Learner, learner, "learner"), choice(Criterion, criterion, "criterion")
        method = choice(Method, method, "method")
        expect(
            (GoalTasks, TrajectoryTasks, RewardTasks),
            tasks,
            "tasks",
            "make them from a process with metaregret.goals, trajectories or rewards",
        )
        if isinstance(episodes, (str, float)) and episodes in ("inf", math.inf):
            episodes = None
        check_episodes(episodes)
        check_tolerance(tolerance)
        if isinstance(max_edges, bool) or not isinstance(max_edges, (int, np.integer)) or max_edges < 1:
            raise InvalidArgumentError(
                f"Expected max_edges to be a whole number >= 1, but got {max_edges!r:.60}."
            )
        words = {
            "tasks": tasks,
            "learner": learner,
            "criterion": criterion,
            "episodes": None if episodes is None else int(episodes),
            "tolerance": float(tolerance),
            "exact": flag(exact, "exact"),
            "method": method,
            "max_edges": int(max_edges),
        }
        for name, value in words.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "adversary", self._read(adversary))
        self._refuse()

    @property
    def on_the_way(self) -> bool:
        """Whether goals are detected on the way."""
        return isinstance(self.tasks, GoalTasks) and self.tasks.detect is Detection.VISIT

    @property
    def in_steps(self) -> bool:
        """Whether the loss is counted in steps: costs until the first success, goals detected on the way."""
        return self.criterion.costs and self.on_the_way

    @property
    def restricted(self) -> bool:
        """Whether the adversary may not choose every task distribution."""
        return not isinstance(self.adversary, Simplex)

    def _read(self, adversary: Adversary | str | None) -> Adversary:
        """Return the adversary, checked against the number of tasks where that is known beforehand."""
        # Trajectories have to be listed first; the ratio leaves out goals that are found at the start.
        known = not isinstance(self.tasks, TrajectoryTasks) and not (
            self.criterion.relative and self.on_the_way
        )
        names = self.tasks.names if known and not isinstance(self.tasks, TrajectoryTasks) else None
        if isinstance(adversary, str) and adversary != "simplex":
            if names is None:
                raise UnsupportedError(
                    f"Which tasks there are is known only when they are solved, so that {adversary!r} has no "
                    "nominal distribution; pass a set of task distributions as an object."
                )
            return parse_adversary(adversary, names)
        found = Simplex() if adversary is None or adversary == "simplex" else adversary
        if not isinstance(found, Adversary):
            raise InvalidArgumentError(
                f"Expected adversary to be an Adversary, a word such as 'tv:1/10', or None, but got "
                f"{found!r:.60}."
            )
        if names is not None:
            found.start(len(names))
        return found

    def _refuse(self) -> None:
        """Raise for combinations that nobody can be asked; the learner class adds its own."""
        if self.criterion.costs and isinstance(self.tasks, RewardTasks):
            raise UnsupportedError(
                f"Criterion {self.criterion.value!r} counts the cost until the first success, which general "
                "rewards do not define (they have no first success); use criterion 'regret', or goals."
            )
        if isinstance(self.tasks, RewardTasks):
            self._refuse_huge(self.tasks)
        if isinstance(self.tasks, TrajectoryTasks):
            self.tasks.process.steps_for("Trajectory tasks")
        if self.exact and self.restricted:
            raise UnsupportedError(
                "Exact bounds are implemented for the unrestricted adversary only: the value against a ball "
                "is in general irrational (T16); ask for one of the two."
            )
        self.learner.refuse(self)

    def _refuse_huge(self, tasks: RewardTasks) -> None:
        """Refuse rewards whose sums leave the range of double precision: exact answers start there, too."""
        horizon, largest = tasks.process.horizon, float(np.abs(tasks.tables.values).max())
        steps = horizon.steps if isinstance(horizon, FiniteHorizon) else 1.0 / (1.0 - float(horizon.gamma))
        if not 4.0 * (self.episodes or 1) * steps * largest < LARGEST_VALUE:
            raise UnsupportedError(
                f"Rewards of up to {largest:.3g} may add up to more than double precision holds "
                f"({LARGEST_VALUE:.0e}); change the unit of the rewards."
            )
