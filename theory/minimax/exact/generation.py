"""Exact column generation: ``max { t : rho_g >= base_g + t direction_g, rho in M }`` with equal rational
bounds.

The problem is the zero-sum game with payoff ``(rho_g - base_g) / direction_g`` between a learner who picks a
vertex of ``M`` and an adversary who picks a task, solved by `double_oracle`. For the adversary's strategy
``p`` one exact dynamic program gives the upper bound

    t* <= U(w) - w . base,   w_g = p_g / direction_g,   U(w) = max_{rho in M} w . rho,

and a vertex that attains it. Started from a floating-point solution, its policy decomposes into the vertices
of an optimal basis.

Where the policies that are best for one task each are all that the optimum mixes, and all tasks bind, nothing
need be searched: `equalise` solves for both strategies in this square game and proves them by one exact
dynamic program (`metaregret.theory.minimax.closed_form` is the same in floating point).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.theory.minimax.exact.achievable import Achievable
from metaregret.theory.minimax.exact.double_oracle import Played, Strategy, double_oracle, roundings

__all__ = ["LinearOptimum", "equalise", "solve_linear"]


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
        As `double_oracle`.
    """
    game = _Vertices(achievable, base, direction)
    start = [game.vertex(choices) for choices in vertices]
    found = double_oracle(start, game.respond, [] if prior is None else roundings(prior[game.active]))
    return game.finish(found)


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
    game = _Vertices(achievable, base, direction)
    strategies = [game.vertex(policies[task]) for task in game.active]
    size, payoff = len(game.active), np.stack([each.payoff for each in strategies], axis=1)
    if payoff.shape != (size, size):
        return None
    matrix = flint.fmpq_mat(size, size, payoff.ravel().tolist())
    ones = flint.fmpq_mat(size, 1, [1] * size)
    prior = to_flint(list(direction))[game.active]
    try:
        shares = np.array(matrix.solve(ones).entries(), dtype=object)
        if len(set((prior @ payoff).tolist())) > 1:
            prior = np.array(matrix.transpose().solve(ones).entries(), dtype=object)
    except ZeroDivisionError:
        return None
    if not (shares.sum() > 0 and all(shares >= 0) and prior.sum() > 0 and all(prior >= 0)):
        return None
    level, prior = 1 / shares.sum(), prior / prior.sum()
    if prior @ game.respond(prior).payoff != level:
        return None
    mixture = [(share, each) for share, each in zip(shares * level, strategies, strict=True) if share]
    return game.finish(Played(level, prior, mixture, 0, size))


class _Vertices:
    """The game on the active tasks; the learner plays vertices, deterministic policies."""

    def __init__(
        self, achievable: Achievable, base: Sequence[Fraction], direction: Sequence[Fraction]
    ) -> None:
        self.achievable = achievable
        self.active = np.array([g for g, d in enumerate(direction) if d > 0])
        self._base, self._direction = to_flint(base)[self.active], to_flint(direction)[self.active]

    def _payoff(self, success: np.ndarray) -> np.ndarray:
        return (success[self.active] - self._base) / self._direction

    def vertex(self, choices: np.ndarray) -> Strategy[np.ndarray]:
        """Return a deterministic policy with its payoffs."""
        return Strategy(self._payoff(self.achievable.vertex(choices)), choices)

    def respond(self, prior: np.ndarray) -> Strategy[np.ndarray]:
        """Return a vertex that attains the upper bound on ``t*`` that `prior` proves."""
        weights = to_flint([Fraction(0)] * self.achievable.count)
        weights[self.active] = prior / self._direction
        return self.vertex(self.achievable.support(weights)[1])

    def finish(self, found: Played[np.ndarray]) -> LinearOptimum:
        """Return the optimum with its policy, evaluated afresh."""
        weights, choices = zip(*((weight, each.plays) for weight, each in found.mixture), strict=True)
        policy = self.achievable.mixture(choices, weights)
        success = self.achievable.achieved(policy)
        assert min(self._payoff(success)) == found.value, "an averaged occupancy has the averaged success"
        prior = to_flint([Fraction(0)] * self.achievable.count)
        prior[self.active] = found.prior
        (level,) = from_flint(np.array([found.value]))
        shares = tuple(from_flint(np.array(weights)))
        made = (from_flint(prior), policy, from_flint(success), shares, tuple(choices))
        return LinearOptimum(level, *made, found.rounds, found.strategies)
