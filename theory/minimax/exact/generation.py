"""Exact column generation: ``max { t : rho_g >= base_g + t direction_g, rho in M }`` with equal rational
bounds.

The problem is the zero-sum game with payoff ``(rho_g - base_g) / direction_g`` between a learner who picks a
vertex of ``M`` and an adversary who picks a task. The game restricted to the vertices found so far is solved
exactly; its value is a lower bound on ``t*``. For the adversary's strategy ``p`` one exact dynamic program
gives the upper bound

    t* <= U(w) - w . base,   w_g = p_g / direction_g,   U(w) = max_{rho in M} w . rho,

and a vertex that attains it. If the bounds differ, the vertex is new; there are finitely many, so the method
ends (Dantzig & Wolfe 1960; McMahan, Gordon & Blum 2003, "double oracle"). Started from a floating-point
solution it ends at once unless the optimum is degenerate: its policy decomposes into the vertices of an
optimal basis, and its dual weights are tried rounded to small denominators first.

Where the policies that are best for one task each are all that the optimum mixes, and all tasks bind, nothing
need be searched: `equalise` solves for both strategies in this square game and proves them by one exact
dynamic program (`metaregret.theory.minimax.closed_form` is the same in floating point).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.errors import ConvergenceError
from metaregret.theory.minimax.exact.achievable import Achievable
from metaregret.theory.minimax.exact.matrix_game import solve_game

__all__ = ["LinearOptimum", "equalise", "solve_linear"]

MAX_ROUNDS = 2000
DENOMINATORS = (24, 720, 10**5)
"""Largest denominators of the roundings of the floating-point dual weights, tried in this order."""


@dataclass(frozen=True, eq=False)
class LinearOptimum:
    """Equal bounds on ``t*`` with their proofs.

    Attributes
    ----------
    level : Fraction
        ``t*``.
    prior : ndarray of Fraction, shape (K,)
        The adversary's strategy ``p``, a probability vector: its best response proves ``t* <= level``.
    policy : ndarray of Fraction, shape (T, C) or (C,)
        A policy that proves ``t* >= level``.
    success : ndarray of Fraction, shape (K,)
        Its success vector.
    weights : tuple of Fraction
    choices : tuple of ndarray
        The policy as a mixture of deterministic ones.
    rounds : int
        Restricted games solved.
    vertices : int
        Vertices of ``M`` in the last of them.
    """

    level: Fraction
    prior: np.ndarray
    policy: np.ndarray
    success: np.ndarray
    weights: tuple[Fraction, ...]
    choices: tuple[np.ndarray, ...]
    rounds: int
    vertices: int


def solve_linear(
    achievable: Achievable,
    base: Sequence[Fraction],
    direction: Sequence[Fraction],
    *,
    vertices: Sequence[np.ndarray],
    prior: np.ndarray | None = None,
) -> LinearOptimum:
    """Solve ``max { t : rho_g >= base_g + t direction_g, rho in M }`` exactly.

    Parameters
    ----------
    base, direction : sequence of Fraction, length K
        ``direction_g >= 0``, not all zero; tasks of direction 0 are left out.
    vertices : sequence of ndarray
        Deterministic policies to start from, at least one.
    prior : ndarray of float64, shape (K,), optional
        A guess of the adversary's strategy.

    Raises
    ------
    ConvergenceError
        After `MAX_ROUNDS` restricted games.
    """
    search = _Search(achievable, base, direction)
    for choices in vertices:
        search.add(choices)
    pending = roundings(prior[search.active]) if prior is not None else []
    for rounds in range(1, MAX_ROUNDS + 1):
        game = solve_game(search.payoff)
        for candidate in [*pending, game.rows]:
            bound, choices = search.respond(candidate)
            if bound == game.value:
                return search.finish(game.value, candidate, game.columns, rounds)
            search.add(choices)
        pending = []
    raise ConvergenceError(f"The exact bounds did not meet after {MAX_ROUNDS} restricted games.")


def equalise(
    achievable: Achievable,
    base: Sequence[Fraction],
    direction: Sequence[Fraction],
    policies: Sequence[np.ndarray],
) -> LinearOptimum | None:
    """Return the optimum of `solve_linear` where all tasks bind and it mixes these policies, None elsewhere.

    With the square payoff matrix ``P`` the strategies are ``P w = t 1`` and ``p^T P = t 1^T``, each with sum
    one; nothing is believed before ``w >= 0``, ``p >= 0`` and ``max_M (p / direction) . (rho - base) = t``.

    Parameters
    ----------
    policies : sequence of ndarray, length K
        Deterministic ones, usually the best for each task.
    """
    search = _Search(achievable, base, direction)
    for choices in policies:
        search.add(choices)
    if len(search.payoff.T) != len(search.active):
        return None
    size = len(search.active)
    matrix = flint.fmpq_mat(size, size, search.payoff.ravel().tolist())
    ones = flint.fmpq_mat(size, 1, [1] * size)
    prior = to_flint(list(direction))[search.active]
    try:
        shares = np.array(matrix.solve(ones).entries(), dtype=object)
        if len(set((prior @ search.payoff).tolist())) > 1:
            prior = np.array(matrix.transpose().solve(ones).entries(), dtype=object)
    except ZeroDivisionError:
        return None
    if not (shares.sum() > 0 and all(shares >= 0) and prior.sum() > 0 and all(prior >= 0)):
        return None
    level, prior = 1 / shares.sum(), prior / prior.sum()
    bound, _ = search.respond(prior)
    return search.finish(level, prior, shares * level, 0) if bound == level else None


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


class _Search:
    """The vertices found so far and their payoffs on the active tasks."""

    def __init__(
        self, achievable: Achievable, base: Sequence[Fraction], direction: Sequence[Fraction]
    ) -> None:
        self.achievable = achievable
        self.active = np.array([g for g, d in enumerate(direction) if d > 0])
        self._base, self._direction = to_flint(base)[self.active], to_flint(direction)[self.active]
        self._choices: list[np.ndarray] = []
        self._payoffs: list[np.ndarray] = []
        self._known: set[tuple[Any, ...]] = set()

    @property
    def payoff(self) -> np.ndarray:
        """The restricted game, shape (active tasks, vertices)."""
        return np.stack(self._payoffs, axis=1)

    def add(self, choices: np.ndarray) -> None:
        """Add the vertex of a deterministic policy, unless its success vector is known."""
        payoff = (self.achievable.vertex(choices)[self.active] - self._base) / self._direction
        key = tuple(payoff.tolist())
        if key not in self._known:
            self._known.add(key)
            self._choices.append(choices)
            self._payoffs.append(payoff)

    def respond(self, prior: np.ndarray) -> tuple[Any, np.ndarray]:
        """Return the upper bound on ``t*`` that `prior` proves, and a vertex that attains it."""
        weights = to_flint([Fraction(0)] * self.achievable.count)
        weights[self.active] = prior / self._direction
        support, choices = self.achievable.support(weights)
        return support - (prior / self._direction) @ self._base, choices

    def finish(self, level: Any, prior: np.ndarray, mixture: np.ndarray, rounds: int) -> LinearOptimum:
        """Return the optimum with its policy, evaluated afresh."""
        used = [j for j, weight in enumerate(mixture) if weight > 0]
        choices = tuple(self._choices[j] for j in used)
        policy = self.achievable.mixture(choices, [mixture[j] for j in used])
        success = self.achievable.achieved(policy)
        reached = min((success[self.active] - self._base) / self._direction)
        assert reached == level, "the policy of an averaged occupancy has the averaged success"
        full = to_flint([Fraction(0)] * self.achievable.count)
        full[self.active] = prior
        (value,) = from_flint(np.array([level]))
        weights = tuple(from_flint(mixture[used]))
        made = (from_flint(full), policy, from_flint(success), weights, choices)
        return LinearOptimum(value, *made, rounds, len(self._choices))
