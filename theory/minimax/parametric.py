"""The loop of all parametric methods: Newton's on a value, Dinkelbach's on a ratio, tangents that close in.

Each round solves one program at a parameter, whose answer is certified and gives a lower and an upper bound
on the value of the game; the better ones are kept, each with the point that proves it, and tell the next
parameter. The first solver is asked as long as it serves, all of them where it fails or nothing moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from metaregret.tabular.errors import ContradictionError, SolverError
from metaregret.theory.learners import Progress
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, Best

__all__ = ["Brackets", "close"]


class Bounded(Protocol):
    """A policy and dual weights with the bounds that they prove."""

    @property
    def lower(self) -> float: ...
    @property
    def upper(self) -> float: ...


P = TypeVar("P", bound=Bounded)


@dataclass
class Brackets(Generic[P]):
    """The points with the smallest upper and the largest lower bound so far.

    Attributes
    ----------
    primal, dual : point or None
        None before the first bounds.
    closed : bool
        Whether the bracket is as narrow as asked.
    interrupted : bool
        Whether a keyboard interrupt ended the search.
    rounds : int
        Programs asked for.
    """

    primal: P | None = None
    dual: P | None = None
    closed: bool = False
    interrupted: bool = False
    rounds: int = 0

    @property
    def best(self) -> tuple[P, P]:
        """The two points."""
        assert self.primal is not None
        assert self.dual is not None
        return self.primal, self.dual

    def stalled(self, new: Best[P]) -> bool:
        """Whether a new pair of bounds improves neither."""
        if self.primal is None or self.dual is None:
            return False
        return new.upper >= self.primal.upper and new.lower <= self.dual.lower

    def enter(self, new: Best[P]) -> tuple[float, float]:
        """Keep what is better and return the bounds.

        Raises
        ------
        ContradictionError
            If a lower bound exceeds an upper one by more than roundings.
        """
        if self.primal is None or new.upper < self.primal.upper:
            self.primal = new.lowest
        if self.dual is None or new.lower > self.dual.lower:
            self.dual = new.highest
        lower, upper = self.dual.lower, self.primal.upper
        if lower > upper * (1 + 1e-12):
            raise ContradictionError(
                f"The certified bounds contradict each other (lower {lower!r} > upper {upper!r}), which only "
                "a programming error or a wrong adversary can cause; please report it with the instance."
            )
        return lower, upper


def close(
    found: Brackets[P],
    ask: Callable[[Sequence[Attempt]], Best[P]],
    learn: Callable[[Best[P]], bool],
    tolerance: float,
    progress: Progress | None = None,
    *,
    rounds: int,
    patience: int = 1,
    attempts: Sequence[Attempt] = LINEAR_SOLVERS[:1],
) -> Brackets[P]:
    """Narrow the bracket in `found` to the relative `tolerance` where possible; return it.

    Parameters
    ----------
    found : Brackets
        What is known so far.
    ask : callable
        Solves the program at the present parameter with these solvers.
    learn : callable
        Moves the parameter after a pair of bounds; returns whether another program is worth it.
    progress : callable, optional
        Called with the bounds after every round.
    rounds : int
        Most programs asked for.
    patience : int
        Rounds without progress after which other solvers are asked, and the search ends.

    Raises
    ------
    SolverError
        If no solver returned anything that could be certified.
    ContradictionError
        If bounds contradict each other.
    KeyboardInterrupt
        Before the first bounds; later ones end the search.
    """
    idle = 0
    try:
        while found.rounds < rounds:
            found.rounds += 1
            try:
                new = ask(attempts)
            except ContradictionError:
                raise
            except SolverError:
                if attempts is LINEAR_SOLVERS:
                    if found.primal is None:
                        raise
                    break
                attempts = LINEAR_SOLVERS
                continue
            idle = idle + 1 if found.stalled(new) else 0
            lower, upper = found.enter(new)
            if progress is not None:
                progress(lower, upper)
            found.closed = upper - lower <= tolerance * max(1.0, abs(lower))
            if found.closed or not learn(new) or (idle >= patience and attempts is LINEAR_SOLVERS):
                break
            # Steps before the last are not tight by nature; other solvers are asked only where the first one
            # stalls.
            attempts = LINEAR_SOLVERS if idle >= patience else attempts
    except KeyboardInterrupt:
        if found.primal is None:
            raise
        found.interrupted = True
    return found
