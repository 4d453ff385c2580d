"""The exact double oracle: a zero-sum game between a learner and an adversary, solved with equal bounds.

The game restricted to the learner's strategies found so far is solved in rational arithmetic; its value is a
bound of one kind. For the adversary's strategy there, the learner's exact best response gives a bound of the
other kind. If they differ the response is new; there are finitely many, so the method ends (McMahan, Gordon &
Blum 2003; Dantzig & Wolfe 1960). Started from a floating-point solution it ends at once unless the optimum is
degenerate: the adversary's strategy is tried rounded to small denominators first, because that of the
restricted game is then not unique.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, TypeVar

import numpy as np

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.errors import ConvergenceError
from metaregret.tabular.rationals import nearest_float
from metaregret.theory.minimax.exact.matrix_game import solve_game

__all__ = ["Played", "Strategy", "double_oracle", "roundings"]

MAX_ROUNDS = 2000
DENOMINATORS = (24, 720, 10**5)
"""Largest denominators of the roundings of a floating-point strategy, tried in this order."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Strategy(Generic[T]):
    """A strategy of the learner and what it earns on each task, ndarray of fmpq, shape (K,)."""

    payoff: np.ndarray
    plays: T


@dataclass(frozen=True, eq=False)
class Played(Generic[T]):
    """Equal bounds and what proves them.

    Attributes
    ----------
    value : fmpq
        Payoff of the learner.
    prior : ndarray of fmpq, shape (K,)
        The adversary's strategy.
    mixture : list of (fmpq, Strategy)
        The learner's, with positive weights.
    rounds : int
        Restricted games solved.
    strategies : int
        Strategies of the learner in the last of them.
    """

    value: Any
    prior: np.ndarray
    mixture: list[tuple[Any, Strategy[T]]]
    rounds: int
    strategies: int


def double_oracle(
    start: Sequence[Strategy[T]],
    respond: Callable[[np.ndarray], Strategy[T]],
    tried: Sequence[np.ndarray] = (),
    sign: int = 1,
) -> Played[T]:
    """Solve a game exactly.

    Parameters
    ----------
    start : sequence of Strategy
        At least one.
    respond : callable
        Returns a best response to the adversary's strategy, an ndarray of fmpq.
    tried : sequence of ndarray of fmpq
        Guesses of the adversary's strategy.
    sign : int
        -1 where payoffs are losses with their sign reversed: an error reports losses.

    Raises
    ------
    ConvergenceError
        After `MAX_ROUNDS` restricted games.
    """
    found = {tuple(strategy.payoff.tolist()): strategy for strategy in reversed(start)}
    strategies, pending = list(reversed(found.values())), list(tried)
    for rounds in range(1, MAX_ROUNDS + 1):
        game = solve_game(np.stack([strategy.payoff for strategy in strategies], axis=1))
        for prior in [*pending, game.rows]:
            response = respond(prior)
            bound = prior @ response.payoff
            if bound == game.value:
                used = zip(game.columns.tolist(), strategies, strict=False)
                mixture = [(weight, strategy) for weight, strategy in used if weight]
                return Played(bound, prior, mixture, rounds, len(strategies))
            if found.setdefault(tuple(response.payoff.tolist()), response) is response:
                strategies.append(response)
        pending = []
    lower, upper = sorted(nearest_float(sign * x) for x in from_flint(np.array([game.value, bound])))
    raise ConvergenceError(
        f"The exact bounds {lower!r} and {upper!r} did not meet after {MAX_ROUNDS} restricted games; solve "
        "in floating point, whose bracket is certified too.",
        lower=lower,
        upper=upper,
    )


def roundings(prior: np.ndarray) -> list[np.ndarray]:
    """Return probability vectors with small denominators near `prior`, without repeats, as fmpq arrays."""
    found: list[list[Fraction]] = []
    positive = np.maximum(np.nan_to_num(prior), 0.0)
    if not positive.sum() > 0:
        return []
    for denominator in DENOMINATORS:
        entries = [Fraction(float(p)).limit_denominator(denominator) for p in positive / positive.sum()]
        total = sum(entries)
        if total and (scaled := [entry / total for entry in entries]) not in found:
            found.append(scaled)
    return [to_flint(entries) for entries in found]
