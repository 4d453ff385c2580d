"""Sharpening: equal rational bounds on the minimax value, proved with tolerance zero.

The learners of the floating-point mixture are evaluated exactly and start the double oracle
(`metaregret.theory.minimax.exact.double_oracle`), whose best responses are exact Bayes-adaptive plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.hyperstate import DeterministicLearner
from metaregret.tabular.hyperstate.rational import RationalBayes
from metaregret.theory.minimax.memory.game import MemoryGame

__all__ = ["ExactMemory", "sharpen_memory"]


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
        As `double_oracle`.
    """
    from metaregret.tabular.backup.rational import from_flint, to_flint
    from metaregret.theory.minimax.exact.double_oracle import Strategy, double_oracle, roundings

    oracle, asked = RationalBayes(game.graph.signals, game.episodes, game.graph.size.edges), list[Any]()
    scale, offset = _loss_form(game, oracle)

    def strategy(payoff: Sequence[Fraction], learner: DeterministicLearner) -> Strategy[DeterministicLearner]:
        losses = _losses(game, payoff, scale, offset)
        return Strategy(-to_flint(losses), learner)

    def respond(p: np.ndarray) -> Strategy[DeterministicLearner]:
        asked.append(p)
        best = oracle.respond(_class_weights(game, from_flint(p).tolist(), scale))
        return strategy(best.payoff, best.learner)

    start = [strategy(oracle.payoff_of(learner), learner) for learner in learners]
    found = double_oracle(start, respond, roundings(prior), sign=-1)
    (value,) = from_flint(np.array([-found.value]))
    return ExactMemory(
        value,
        tuple(from_flint(found.prior)),
        tuple(from_flint(np.array([weight for weight, _ in found.mixture]))),
        tuple(each.plays for _, each in found.mixture),
        tuple(tuple(from_flint(-each.payoff)) for _, each in found.mixture),
        len(asked),
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
