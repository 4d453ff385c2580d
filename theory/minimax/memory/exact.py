"""Sharpening: equal rational bounds on the minimax value, proved with tolerance zero.

The learners of the floating-point mixture are evaluated exactly, and their matrix game is solved in
rational arithmetic (`metaregret.theory.minimax.exact`). For the adversary's strategy the Bayes-adaptive
problem is solved exactly; if its value is that of the matrix game, the value is proved. Otherwise the exact
best response is a learner that the game lacked, and the search goes on: there are finitely many learners, so
it ends. The floating-point prior, rounded to small denominators, is tried first, because the matrix game's
own optimum is not unique where the game is degenerate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from metaregret.tabular.errors import ConvergenceError
from metaregret.tabular.hyperstate import DeterministicLearner
from metaregret.tabular.hyperstate.rational import RationalBayes
from metaregret.theory.minimax.memory.game import MemoryGame

__all__ = ["ExactMemory", "sharpen_memory"]

MAX_ROUNDS = 500
DENOMINATORS = (24, 720, 10**5)
"""Largest denominators of the roundings of the floating-point prior, tried in this order."""


@dataclass(frozen=True, eq=False)
class ExactMemory:
    """A proved value.

    Attributes
    ----------
    value : Fraction
    prior : tuple of Fraction, length Z
        A least-favourable task distribution: the exact Bayes-optimal loss is the value.
    weights : tuple of Fraction, length m
        Mixture whose largest exact loss is the value.
    learners : tuple of DeterministicLearner, length m
    losses : tuple of tuple of Fraction, shape (m, Z)
    rounds : int
        Exact best responses computed.
    """

    value: Fraction
    prior: tuple[Fraction, ...]
    weights: tuple[Fraction, ...]
    learners: tuple[DeterministicLearner, ...]
    losses: tuple[tuple[Fraction, ...], ...]
    rounds: int


def sharpen_memory(
    game: MemoryGame, prior: np.ndarray, learners: Sequence[DeterministicLearner]
) -> ExactMemory:
    """Return the exact value, starting from a floating-point solution.

    Raises
    ------
    InstanceTooLargeError
        If the graph is too large for rational arithmetic.
    NotExactError
        If the process or the rewards are known in floating point only.
    ConvergenceError
        If the bounds still differ after a limit on rounds that no game of sensible size meets.
    """
    oracle = RationalBayes(game.graph.signals, game.episodes, game.graph.size.edges)
    scale, offset = _loss_form(game, oracle)
    pool = list(learners)
    losses = [_losses(game, oracle.payoff_of(learner), scale, offset) for learner in pool]
    tried = list(_roundings(prior))
    for count in range(1, MAX_ROUNDS + 1):
        value, strategy, weights = _matrix_game(losses)
        p = tried.pop(0) if tried else strategy
        response = oracle.respond(_class_weights(game, p, scale))
        loss = _losses(game, response.payoff, scale, offset)
        lower = sum(x * y for x, y in zip(p, loss, strict=True))
        if lower == value:
            kept = [index for index, weight in enumerate(weights) if weight]
            return ExactMemory(
                value,
                tuple(p),
                tuple(weights[index] for index in kept),
                tuple(pool[index] for index in kept),
                tuple(tuple(losses[index]) for index in kept),
                count,
            )
        if loss not in losses:
            pool.append(response.learner)
            losses.append(loss)
    raise ConvergenceError(
        f"After {MAX_ROUNDS} exact best responses the rational bounds are {float(lower)!r} and "
        f"{float(value)!r}; solve in floating point, whose bracket is certified too.",
        lower=float(lower),
        upper=float(value),
    )


def _loss_form(game: MemoryGame, oracle: RationalBayes) -> tuple[list[Fraction], list[Fraction]]:
    """Return the exact scale and offset of each task's loss; see `metaregret.theory.minimax.memory.game`."""
    weighed = [game.criterion.weigh(oracle.known_start[task]) for task in game.task_class]
    return [scale for scale, _ in weighed], [offset for _, offset in weighed]


def _losses(
    game: MemoryGame, payoff: Sequence[Fraction], scale: Sequence[Fraction], offset: Sequence[Fraction]
) -> list[Fraction]:
    return [s * (o - payoff[c]) for s, o, c in zip(scale, offset, game.task_class, strict=True)]


def _class_weights(game: MemoryGame, p: Sequence[Fraction], scale: Sequence[Fraction]) -> list[Fraction]:
    weights = [Fraction(0)] * game.graph.signals.n_classes
    for task, (probability, factor) in enumerate(zip(p, scale, strict=True)):
        weights[int(game.task_class[task])] += probability * factor
    return weights


def _roundings(prior: np.ndarray) -> list[list[Fraction]]:
    """Return the prior rounded to small denominators, where the rounding is a distribution."""
    rounded = [[Fraction(float(x)).limit_denominator(limit) for x in prior] for limit in DENOMINATORS]
    return [p for p in rounded if sum(p) == 1]


def _matrix_game(losses: list[list[Fraction]]) -> tuple[Fraction, list[Fraction], list[Fraction]]:
    """Return value, adversary's and learner's strategies of the game over the learners found so far."""
    from metaregret.tabular.backup.rational import from_flint, to_flint
    from metaregret.theory.minimax.exact import solve_game

    solution = solve_game(to_flint(np.array(losses)))
    value = from_flint(np.array([solution.value]))[0]
    return value, list(from_flint(solution.columns)), list(from_flint(solution.rows))
