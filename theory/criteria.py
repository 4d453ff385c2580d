"""Criteria: what the adversary maximises. A criterion of your own is a subclass of `Criterion`, passed as an
object wherever the name of one is expected; see ``docs/how-to/adversaries.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from metaregret.tabular.choices import Option
from metaregret.tabular.errors import UnsupportedError
from metaregret.theory.regret import LossForm, Relative

if TYPE_CHECKING:
    from metaregret.theory.learners import Learner

__all__ = ["Criterion"]


class Criterion(Option):
    """What a learner is judged by: ``REGRET``, ``HITTING_TIME``, ``RATIO``, or a criterion of your own.

    Attributes
    ----------
    value : str
        Its name.
    costs : bool
        Whether costs until the first success are counted (episodes where goals are detected at the end,
        steps where detected on the way), rather than rewards. General reward tables have no first success.
    relative : bool
        Whether tasks that cost nothing are left out, because costs are divided by the smallest possible.

    Examples
    --------
    >>> import metaregret as mr
    >>> tasks = mr.goals(mr.make("line:3", horizon=2))
    >>> mr.solve(tasks, criterion=mr.Criterion.HITTING_TIME, exact=True).value.exact
    Fraction(3, 1)
    """

    REGRET: ClassVar[Criterion]
    HITTING_TIME: ClassVar[Criterion]
    RATIO: ClassVar[Criterion]

    value: str
    costs: bool = False
    relative: bool = False

    def form(self, learner: Learner) -> LossForm:
        """Return the loss of a learner without memory, as a function of its success probability.

        Raises
        ------
        UnsupportedError
            If the learner's losses are no such function.
        """
        raise UnsupportedError(f"The criterion {self.value!r} has no loss without memory; define form.")

    def weigh(self, known: Any) -> tuple[Any, Any]:
        """Return ``scale`` and ``offset`` of the losses ``scale (offset - R)`` of learners with memory.

        ``R`` is the learner's payoff over all episodes (rewards, or minus the costs) and `known` that of the
        learner who knows the task: an array, or a Fraction.
        """
        raise UnsupportedError(f"The criterion {self.value!r} has no loss with memory; define weigh.")


class _Regret(Criterion):
    """Oracle-baseline regret, in units of reward."""

    value = "regret"

    def form(self, learner: Learner) -> LossForm:
        return learner.regret

    def weigh(self, known: Any) -> tuple[Any, Any]:
        return 0 * known + 1, known


class _HittingTime(Criterion):
    """Expected cost until the first success, at most the whole budget."""

    value, costs = "hitting-time", True

    def form(self, learner: Learner) -> LossForm:
        return learner.cost

    def weigh(self, known: Any) -> tuple[Any, Any]:
        return 0 * known + 1, 0 * known


class _Ratio(Criterion):
    """That cost over the smallest possible for the task."""

    value, costs, relative = "ratio", True, True

    def form(self, learner: Learner) -> LossForm:
        return Relative(learner.cost)

    def weigh(self, known: Any) -> tuple[Any, Any]:
        return -1 / known, 0 * known


Criterion.REGRET, Criterion.HITTING_TIME, Criterion.RATIO = _Regret(), _HittingTime(), _Ratio()
