"""Proposals of classification tasks, compared in the worst case over class subsets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.proposals.supervised.cactus import cactus_partitions, cactus_scatter
from metaregret.theory.proposals.supervised.data import LabelledItems
from metaregret.theory.proposals.supervised.learner import (
    SubsetErrors,
    learn_metric,
    subset_errors,
    within_class_scatter,
)
from metaregret.theory.proposals.supervised.umtra import umtra_scatter

__all__ = ["SupervisedProposal", "propose_supervised", "supervised_methods"]


@dataclass(frozen=True, eq=False)
class SupervisedProposal:
    """What a learner trained on proposed classification tasks loses.

    Attributes
    ----------
    method : str
    ways : int
        ``N``, the classes of a task.
    errors : SubsetErrors
        Of the learner trained on the proposal.
    oracle : SubsetErrors
        Of the learner trained on the true classes, with the same support sets.
    """

    method: str
    ways: int
    errors: SubsetErrors
    oracle: SubsetErrors

    @property
    def worst_case_error(self) -> float:
        """The error on the class subset that is hardest for this learner."""
        return self.errors.worst

    @property
    def worst_case_regret(self) -> float:
        """The largest excess over the learner trained on the true classes, over class subsets."""
        return float((self.errors.errors - self.oracle.errors).max())

    @property
    def hardest(self) -> tuple[int, ...]:
        """The class subset of the worst-case regret."""
        return self.errors.subsets[int((self.errors.errors - self.oracle.errors).argmax())]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as plain types."""
        return {
            "method": self.method,
            "ways": self.ways,
            "worst_case_error": self.worst_case_error,
            "mean_error": self.errors.mean,
            "worst_case_regret": self.worst_case_regret,
            "hardest": list(self.hardest),
        }


Scatter = Callable[[LabelledItems, int], np.ndarray]


def _cactus(data: LabelledItems, seed: int) -> np.ndarray:
    return cactus_scatter(data.items, cactus_partitions(data.items, seed=seed))


def _umtra(data: LabelledItems, seed: int) -> np.ndarray:
    return umtra_scatter(data.items, data.shape)


def _random(data: LabelledItems, seed: int) -> np.ndarray:
    labels = np.random.default_rng(seed).integers(data.classes, size=len(data.labels))
    return within_class_scatter(data.items, labels)


def _scratch(data: LabelledItems, seed: int) -> np.ndarray:
    return np.eye(data.items.shape[1])


def _true_classes(data: LabelledItems, seed: int) -> np.ndarray:
    return within_class_scatter(data.items, data.labels)


_SCATTERS: dict[str, Scatter] = {
    "cactus": _cactus,
    "umtra": _umtra,
    "random": _random,
    "scratch": _scratch,
    "true-classes": _true_classes,
}


def supervised_methods() -> tuple[str, ...]:
    """Return the names of the methods, the baselines ``random``, ``scratch`` and ``true-classes``
    included."""
    return tuple(_SCATTERS)


def propose_supervised(
    method: str,
    train: LabelledItems,
    test: LabelledItems,
    *,
    ways: int = 5,
    episodes: int = 20,
    seed: int = 0,
) -> SupervisedProposal:
    """Train on the tasks that `method` proposes from `train` and return the errors on all class subsets of
    `test`.

    Parameters
    ----------
    method : str
        One of `supervised_methods`; only ``true-classes`` looks at the labels of `train`.
    train, test : LabelledItems
    ways : int
        ``N``.
    episodes : int
        Support sets drawn for each class subset.
    seed : int

    Raises
    ------
    InvalidArgumentError
        If there is no such method or not so many classes.
    MissingExtraError
        If scikit-learn is needed and not installed.
    """
    if method not in _SCATTERS:
        raise InvalidArgumentError(
            f"Expected method to be one of {', '.join(_SCATTERS)}, but got {method!r}."
        )
    errors, oracle = (
        subset_errors(test, learn_metric(scatter(train, seed)), ways, episodes=episodes, seed=seed)
        for scatter in (_SCATTERS[method], _true_classes)
    )
    return SupervisedProposal(method, ways, errors, oracle)
