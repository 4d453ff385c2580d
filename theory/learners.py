"""Learner classes: what a learner uses of what it saw. A class of your own is a subclass of `Learner` (or of
`WithoutMemory`), passed as an object where a name is expected (``docs/how-to/adversaries.md``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from metaregret.tabular.choices import Option
from metaregret.tabular.errors import UnsupportedError
from metaregret.theory.regret import BlindRegret, HittingTime, LossForm, MemorylessRegret

if TYPE_CHECKING:
    from metaregret.theory.minimax.solution import MinimaxSolution
    from metaregret.theory.question import Question

__all__ = ["Learner", "Progress", "WithoutMemory"]

Progress = Callable[[float, float], None]
"""Called with the bounds so far."""


class Learner(Option):
    """A class of learning procedures: ``BLIND``, ``MEMORYLESS`` or ``MEMORY``, each larger than the one
    before (iterating gives them in this order), or one of your own.

    Attributes
    ----------
    value : str
        Its name.

    Examples
    --------
    >>> import metaregret as mr
    >>> tasks = mr.goals(mr.make("line:3", horizon=2))
    >>> [str(mr.solve(tasks, learner=one, episodes=3, exact=True).value.exact)
    ...     for one in (mr.Learner.BLIND, mr.Learner.MEMORY)]
    ['2', '1']
    """

    BLIND: ClassVar[Learner]
    MEMORYLESS: ClassVar[Learner]
    MEMORY: ClassVar[Learner]

    value: str

    def refuse(self, question: Question) -> None:
        """Raise `UnsupportedError` for questions that this class cannot be asked, before any work."""

    def solve(self, question: Question, progress: Progress | None) -> MinimaxSolution:
        """Return a certified answer."""
        raise UnsupportedError(f"The learners {self.value!r} cannot be solved for; define solve.")

    @property
    def regret(self) -> LossForm:
        """The regret as a function of one success probability, for classes that have one."""
        raise UnsupportedError(
            "A learner with memory is not a function of one success probability; solve its game."
        )

    @property
    def cost(self) -> LossForm:
        """The expected number of episodes until the first success, for the same classes."""
        return self.regret


class WithoutMemory(Learner):
    """Learners that explore by one policy until the first success: their losses are functions of its success
    probability."""

    cost = HittingTime()

    def refuse(self, question: Question) -> None:
        from metaregret.theory.minimax.without_memory import refuse

        refuse(question)

    def solve(self, question: Question, progress: Progress | None) -> MinimaxSolution:
        from metaregret.theory.minimax.without_memory import answer

        return answer(question, progress)


class _Blind(WithoutMemory):
    """One fixed policy for all episodes."""

    value, regret = "blind", BlindRegret()


class _Memoryless(WithoutMemory):
    """Explores until the first success and plays an optimal policy for the task from then on."""

    value, regret = "memoryless", MemorylessRegret()


class _Memory(Learner):
    """Any history-dependent procedure."""

    value = "memory"

    def refuse(self, question: Question) -> None:
        from metaregret.theory.minimax.memory.solve import refuse

        refuse(question)

    def solve(self, question: Question, progress: Progress | None) -> MinimaxSolution:
        from metaregret.theory.minimax.memory.solve import answer

        return answer(question, progress)


Learner.BLIND, Learner.MEMORYLESS, Learner.MEMORY = _Blind(), _Memoryless(), _Memory()
