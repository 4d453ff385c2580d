"""Deterministic learners with memory: a choice for every hyperstate that they reach.

A **hyperstate** is ``(episode, t, s, B)``: episode ``0..N - 1``, steps taken in it ``t = 0..T - 1``, state,
and the set ``B`` of task classes still consistent with the rewards seen. Once one class is left the learner
plans for it (`metaregret.tabular.hyperstate.known`), so learners are tabulated for two or more classes only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["BayesResponse", "DeterministicLearner"]


@dataclass(frozen=True, eq=False)
class DeterministicLearner:
    """The choices of a deterministic learner, one row for each hyperstate that it reaches.

    Attributes
    ----------
    episode, step, state : ndarray of int32, shape (n,)
    words : ndarray of uint64, shape (n, W)
        The set of classes: bit ``c % 64`` of word ``c // 64``.
    choice : ndarray of int32, shape (n,)
        Index of the state-action pair in the process's canonical layout.
    reach : ndarray of float64, shape (n,)
        Realisation weight: probability of chance's moves on the way, given any task of the set.
    """

    episode: np.ndarray
    step: np.ndarray
    state: np.ndarray
    words: np.ndarray
    choice: np.ndarray
    reach: np.ndarray

    def __len__(self) -> int:
        return len(self.choice)

    @property
    def nbytes(self) -> int:
        """Memory of the table."""
        columns = (self.episode, self.step, self.state, self.words, self.choice, self.reach)
        return sum(column.nbytes for column in columns)

    def rows(self) -> Iterator[tuple[int, int, int, frozenset[int], int]]:
        """Iterate over ``(episode, step, state, classes, choice)`` in plain Python objects."""
        sets = classes_of_words(self.words)
        for index, classes in enumerate(sets):
            yield (
                int(self.episode[index]),
                int(self.step[index]),
                int(self.state[index]),
                classes,
                int(self.choice[index]),
            )


@dataclass(frozen=True, eq=False)
class BayesResponse:
    """The Bayes-optimal learner for unnormalised task weights.

    Attributes
    ----------
    value : float
        ``W(root)``, the largest weighted sum of payoffs over all learners.
    payoff : ndarray of float64, shape (K,)
        Expected payoff of the learner on each class.
    learner : DeterministicLearner
    """

    value: float
    payoff: np.ndarray
    learner: DeterministicLearner


def classes_of_words(words: np.ndarray) -> list[frozenset[int]]:
    """Return the members of each row of bit words."""
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
    return [frozenset(map(int, np.flatnonzero(row))) for row in bits]
