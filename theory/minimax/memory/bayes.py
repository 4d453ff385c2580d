"""The Bayes-optimal meta-learner for a task distribution ``q``: what meta-training on ``q`` gives at best.

It minimises the expected loss under ``q`` over all history-dependent procedures. Meeting tasks from another
distribution ``p`` it loses ``p . loss``, at worst its largest per-task loss; the best learner for ``p``
shows how much of that is the price of having trained on ``q``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.choices import choice
from metaregret.tabular.hyperstate import DeterministicLearner
from metaregret.theory.adversaries import Adversary, Simplex, check_distribution
from metaregret.theory.distributions import distribution_of, parse_distribution
from metaregret.theory.minimax.memory.game import MemoryGame, memory_game
from metaregret.theory.minimax.solution import Criterion, MinimaxSolution
from metaregret.theory.presentation import number, table
from metaregret.theory.question import DEFAULT_MAX_EDGES
from metaregret.theory.results import MOST_ROWS, Result
from metaregret.theory.tasks import GoalTasks, RewardTasks

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["BayesLearner", "bayes_optimal"]


@dataclass(frozen=True, eq=False, repr=False)
class BayesLearner(Result):
    """The Bayes-optimal learner for a prior.

    Attributes
    ----------
    prior : ndarray, shape (K,)
    value : Bracket
        Its expected loss under the prior, the smallest of all learners.
    tasks : tuple of str
    per_task : ndarray, shape (K,)
        Its loss on each task.
    learner : DeterministicLearner
        Its choice in every hyperstate that it reaches.
    game : MemoryGame
    family : GoalTasks or RewardTasks
    against : mapping of str to ndarray
        Task distributions to tell of beside the prior, by what they are called; see `beside`.
    near : tuple of str and Adversary, or None
        A set of task distributions to tell of, and what it is called.
    """

    prior: np.ndarray
    value: Bracket
    tasks: tuple[str, ...]
    per_task: np.ndarray
    learner: DeterministicLearner
    game: MemoryGame
    family: GoalTasks | RewardTasks
    against: Mapping[str, np.ndarray] = field(default_factory=dict)
    near: tuple[str, Adversary] | None = None

    def beside(
        self, against: Mapping[str, np.ndarray], near: tuple[str, Adversary] | None = None
    ) -> BayesLearner:
        """Return the same learner whose text and document also tell of these distributions and this set."""
        return replace(self, against=dict(against), near=near)

    @cached_property
    def minimax(self) -> MinimaxSolution:
        """The learner of the smallest worst case over all tasks, computed on first use."""
        return self._minimax(None)

    def _minimax(self, adversary: Adversary | None) -> MinimaxSolution:
        from metaregret.theory.minimax.memory.solve import solve_memory

        return solve_memory(
            self.family, self.game.episodes, criterion=self.game.criterion, adversary=adversary
        )

    @cached_property
    def _within(self) -> MinimaxSolution | None:
        return None if self.near is None else self._minimax(self.near[1])

    def loss_against(self, p: np.ndarray) -> Bracket:
        """Return its expected loss when tasks come from `p`, shape (K,)."""
        p = check_distribution(p, len(self.tasks), "p")
        return self._around(float(p @ self.per_task))

    def excess_against(self, p: np.ndarray) -> Bracket:
        """Return how much more it loses under `p` than the learner that is Bayes-optimal for `p`."""
        p = check_distribution(p, len(self.tasks), "p")
        column = self.game.respond(p)
        own = self.loss_against(p)
        return Bracket(
            max(0.0, own.lower - float(p @ column.loss) - self.game.allowance),
            max(0.0, own.upper - column.lower),
        )

    def worst_case(self, adversary: Adversary | None = None) -> Bracket:
        """Return its largest expected loss over the adversary's distributions, all of them by default."""
        chosen = Simplex() if adversary is None else adversary
        found = float(chosen.response(self.per_task) @ self.per_task)
        upper = max(found, chosen.worst(self.per_task))
        return Bracket(found - self.game.allowance, upper + self.game.allowance)

    def _around(self, loss: float) -> Bracket:
        return Bracket(loss - self.game.allowance, loss + self.game.allowance)

    def parts(self) -> Iterator[str | Table]:
        name, count = self.family.process.name, self.game.episodes
        yield f"{name}: learner with memory that is best for q, N = {count}"
        yield f"{self.game.criterion.value + ' under q':25}  {self.value}"
        yield f"worst case over all tasks  {self.worst_case()}"
        yield f"smallest worst case        {self.minimax.value}"
        for text, p in self.against.items():
            yield f"under {text}: {self.loss_against(p)}"
            yield f"  of it due to training on q: {self.excess_against(p)}"
        if self.near is not None and self._within is not None:
            yield f"worst case within {self.near[0]}: {self.worst_case(self.near[1])}"
            yield f"  smallest possible: {self._within.value}"
        rows = [
            (task, number(p), number(loss))
            for task, p, loss in zip(self.tasks, self.prior, self.per_task, strict=True)
        ]
        title = "tasks" if len(rows) <= MOST_ROWS else f"the first {MOST_ROWS} of {len(rows)} tasks"
        yield table(title, ("task", "q", "loss"), rows[:MOST_ROWS])

    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "format": "metaregret-bayes/1",
            "process": self.family.process.name,
            "episodes": self.game.episodes,
            "criterion": self.game.criterion.value,
            "prior": dict(zip(self.tasks, self.prior.tolist(), strict=True)),
            "value": self.value.to_json(),
            "per_task": dict(zip(self.tasks, self.per_task.tolist(), strict=True)),
            "worst_case": self.worst_case().to_json(),
            "minimax": self.minimax.value.to_json(),
            "against": {
                text: {"loss": self.loss_against(p).to_json(), "excess": self.excess_against(p).to_json()}
                for text, p in self.against.items()
            },
        }
        if self.near is not None and self._within is not None:
            document["adversary"] = {
                "set": self.near[0],
                "worst_case": self.worst_case(self.near[1]).to_json(),
                "minimax": self._within.value.to_json(),
                "least_favourable": self._within.least_favourable.floats(),
            }
        return document

    def to_frame(self) -> pd.DataFrame:
        """Return one row per task: its probability under the prior, and the learner's loss on it."""
        import pandas as pd

        data = {"prior": self.prior, "loss": self.per_task}
        return pd.DataFrame(data, index=pd.Index(self.tasks, name="task"))

    def __repr__(self) -> str:
        return f"<BayesLearner on {self.family.process.name!r}: N = {self.game.episodes}, {self.value}>"


def bayes_optimal(
    tasks: GoalTasks | RewardTasks,
    prior: np.ndarray | Mapping[str, object] | str,
    episodes: int,
    *,
    criterion: Criterion | str = Criterion.REGRET,
    max_edges: int = DEFAULT_MAX_EDGES,
) -> BayesLearner:
    """Return the learner with memory of smallest expected loss when tasks are drawn from `prior`.

    Parameters
    ----------
    prior : ndarray, shape (K,), mapping or str
        One probability per task, in the order of ``tasks.names`` (for the ratio: of the goals with positive
        cost), or by name; as text ``"uniform"``, ``"A=P,B=P"`` or a file.

    Raises
    ------
    InvalidArgumentError
        If `prior` is not a distribution over the tasks.
    InstanceTooLargeError, UnsupportedError
        As in `solve_memory`.
    """
    game = memory_game(tasks, episodes, choice(Criterion, criterion, "criterion"), max_edges)
    if isinstance(prior, str):
        prior = parse_distribution(prior, game.names, "prior")
    elif isinstance(prior, Mapping):
        prior = distribution_of(prior, game.names, "prior")
    q = check_distribution(prior, len(game.names), "prior")
    column = game.respond(q)
    value = Bracket(column.lower, max(float(q @ column.loss) + game.allowance, column.lower))
    return BayesLearner(q, value, game.names, column.loss, column.learner, game, tasks)
