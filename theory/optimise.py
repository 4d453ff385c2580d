"""Certified brackets from solvers that are not trusted, through the one door `metaregret.tabular.optimise`.

A caller hands over a problem and a function that recomputes a certified bracket from whatever variables
came back. Solvers are tried in turn until a bracket is tight enough; brackets of several attempts are
intersected, since each of them is true on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from metaregret.tabular.errors import SolverError
from metaregret.tabular.optimise import CONVEX_SOLVERS, LINEAR_SOLVERS, Attempt, run

if TYPE_CHECKING:
    import cvxpy as cp

__all__ = ["CONVEX_SOLVERS", "LINEAR_SOLVERS", "Attempt", "Best", "Certified", "solve_certified"]


class Certified(Protocol):
    """What a certifying function returns."""

    @property
    def lower(self) -> float: ...
    @property
    def upper(self) -> float: ...


Candidate = TypeVar("Candidate", bound=Certified)


@dataclass(frozen=True)
class Best(Generic[Candidate]):
    """The best candidates over the attempts: their brackets hold separately, so the intersection does."""

    lowest: Candidate
    highest: Candidate
    method: str

    @property
    def lower(self) -> float:
        """The largest certified lower bound."""
        return self.highest.lower

    @property
    def upper(self) -> float:
        """The smallest certified upper bound."""
        return self.lowest.upper


def solve_certified(
    problem: cp.Problem,
    certify: Callable[[], Candidate | None],
    *,
    tolerance: float,
    attempts: Sequence[Attempt] = LINEAR_SOLVERS,
) -> Best[Candidate]:
    """Solve `problem` until the bracket recomputed from its variables is tight.

    Parameters
    ----------
    certify : callable
        Reads the variables of `problem` (values may be missing or wrong) and returns a candidate with
        certified ``lower`` and ``upper``, or None if nothing can be made of them.
    tolerance : float
        Wanted relative gap ``(upper - lower) / max(1, |lower|)``.
    attempts : sequence of Attempt
        Solvers to try, in order.

    Returns
    -------
    Best
        The candidate with the smallest upper and that with the largest lower bound; the gap may be wider
        than the tolerance if every attempt failed to close it.

    Raises
    ------
    SolverError
        If no attempt returned variables that could be certified; the message lists what was tried.
    """
    lowest: Candidate | None = None
    highest: Candidate | None = None
    tried = []
    for attempt in attempts:
        tried.append(f"{attempt.name}: {run(problem, attempt)}")
        candidate = certify()
        if candidate is None:
            continue
        lowest = candidate if lowest is None or candidate.upper < lowest.upper else lowest
        highest = candidate if highest is None or candidate.lower > highest.lower else highest
        if lowest.upper - highest.lower <= tolerance * max(1.0, abs(highest.lower)):
            break
    if lowest is None or highest is None:
        raise SolverError("No solver returned usable variables; tried " + "; ".join(tried) + ".")
    return Best(lowest, highest, attempts[len(tried) - 1].name)
