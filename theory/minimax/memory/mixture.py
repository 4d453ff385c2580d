"""The minimax learner in two equivalent forms: a mixture of deterministic learners, and one behaviour policy.

A mixture draws a learner before the first episode and keeps it. The behaviour policy chooses afresh in every
hyperstate ``h``, with probability

    sigma(a | h) = sum_j lambda_j x_j(h) [d_j(h) = a] / sum_j lambda_j x_j(h),

where ``x_j(h)`` is learner ``j``'s realisation weight. Both have the same realisation weights and therefore
the same expected payoff on every task (Kuhn 1953; von Stengel 1996 for the sequence form).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.hyperstate.learner import DeterministicLearner, classes_of_words

__all__ = ["BehaviourPolicy", "Mixture"]


@dataclass(frozen=True, eq=False)
class BehaviourPolicy:
    """Probabilities of choices in hyperstates; hyperstate ``i`` owns the rows ``offsets[i]:offsets[i + 1]``.

    Attributes
    ----------
    episode, step, state : ndarray of int32, shape (H,)
    words : ndarray of uint64, shape (H, W)
        Sets of task classes as bit words.
    offsets : ndarray of int64, shape (H + 1,)
    choice : ndarray of int32, shape (R,)
        State-action pairs of the process.
    probability : ndarray of float64, shape (R,)
        Positive; sums to one in each hyperstate.
    """

    episode: np.ndarray
    step: np.ndarray
    state: np.ndarray
    words: np.ndarray
    offsets: np.ndarray
    choice: np.ndarray
    probability: np.ndarray

    def table(self) -> dict[tuple[int, int, int, frozenset[int]], dict[int, float]]:
        """Return ``{(episode, step, state, classes): {choice: probability}}``."""
        result = {}
        for index, classes in enumerate(classes_of_words(self.words)):
            rows = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
            key = (int(self.episode[index]), int(self.step[index]), int(self.state[index]), classes)
            result[key] = {
                int(c): float(p) for c, p in zip(self.choice[rows], self.probability[rows], strict=True)
            }
        return result


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of deterministic learners.

    Attributes
    ----------
    weights : ndarray, shape (m,)
        Positive, sums to one.
    learners : tuple of DeterministicLearner, length m
    losses : ndarray, shape (m, Z)
        Loss of each learner on each task.
    task_class : ndarray of int64, shape (Z,)
        The class of each task; the learners' sets are sets of classes.
    """

    weights: np.ndarray
    learners: tuple[DeterministicLearner, ...]
    losses: np.ndarray
    task_class: np.ndarray

    def behaviour(self) -> BehaviourPolicy:
        """Return the equivalent behaviour policy."""
        learners, weights = self.learners, self.weights
        mass = np.concatenate([w * learner.reach for w, learner in zip(weights, learners, strict=True)])
        columns = [
            np.concatenate([np.asarray(getattr(learner, name), dtype=np.uint64) for learner in learners])
            for name in ("episode", "step", "state")
        ]
        words = np.concatenate([learner.words for learner in learners])
        choice = np.concatenate([learner.choice for learner in learners])
        keys = np.column_stack([*columns, words])
        hyperstates, node = np.unique(keys, axis=0, return_inverse=True)
        pairs, row = np.unique(np.column_stack([node.ravel(), choice]), axis=0, return_inverse=True)
        weight = np.bincount(row.ravel(), mass)
        total = np.bincount(pairs[:, 0], weight)
        return BehaviourPolicy(
            episode=hyperstates[:, 0].astype(np.int32),
            step=hyperstates[:, 1].astype(np.int32),
            state=hyperstates[:, 2].astype(np.int32),
            words=hyperstates[:, 3:].copy(),
            offsets=np.searchsorted(pairs[:, 0], np.arange(len(hyperstates) + 1)),
            choice=pairs[:, 1].astype(np.int32),
            probability=weight / total[pairs[:, 0]],
        )
