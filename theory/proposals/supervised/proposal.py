"""Proposals of classification tasks, compared in the worst case over class subsets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.choices import one_of
from metaregret.theory.presentation import number
from metaregret.theory.proposals.supervised.cactus import cactus_partitions, cactus_scatter
from metaregret.theory.proposals.supervised.data import LabelledItems
from metaregret.theory.proposals.supervised.learner import (
    SubsetErrors,
    learn_metric,
    subset_errors,
    within_class_scatter,
)
from metaregret.theory.proposals.supervised.umtra import umtra_scatter
from metaregret.theory.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SupervisedProposal", "propose_supervised", "supervised_methods"]


@dataclass(frozen=True, eq=False, repr=False)
class SupervisedProposal(Result):
    """What a learner trained on proposed classification tasks loses.

    Attributes
    ----------
    method : str
    ways : int
        ``N``, the classes of a task.
    seed : int
    errors : SubsetErrors
        Of the learner trained on the proposal.
    oracle : SubsetErrors
        Of the learner trained on the true classes, with the same support sets.
    """

    method: str
    ways: int
    seed: int
    errors: SubsetErrors
    oracle: SubsetErrors

    @property
    def worst_case_error(self) -> float:
        """The error on the class subset that is hardest for this learner."""
        return self.errors.worst

    @property
    def worst_case_regret(self) -> float:
        """The largest excess over the learner trained on the true classes, over class subsets."""
        return float(self._regrets.max())

    @property
    def hardest(self) -> tuple[int, ...]:
        """The class subset of the worst-case regret."""
        return self.errors.subsets[int(self._regrets.argmax())]

    @property
    def _regrets(self) -> np.ndarray:
        return np.asarray(self.errors.errors - self.oracle.errors)

    def parts(self) -> Iterator[str]:
        yield f"digits: {self.ways}-way tasks proposed by {self.method}"
        yield f"worst case error     {number(self.worst_case_error)}"
        yield f"mean error           {number(self.errors.mean)}"
        yield f"worst case regret    {number(self.worst_case_regret)}"
        yield f"hardest              {list(self.hardest)}"

    def _document(self) -> dict[str, Any]:
        return {
            "format": "metaregret-supervised-proposal/1",
            "seed": self.seed,
            "method": self.method,
            "ways": self.ways,
            "worst_case_error": self.worst_case_error,
            "mean_error": self.errors.mean,
            "worst_case_regret": self.worst_case_regret,
            "hardest": list(self.hardest),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per class subset: the errors of both learners, and the regret."""
        import pandas as pd

        names = pd.Index([" ".join(map(str, subset)) for subset in self.errors.subsets], name="classes")
        columns = {"error": self.errors.errors, "oracle": self.oracle.errors, "regret": self._regrets}
        return pd.DataFrame(columns, index=names)

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw the regret by pair of classes; write it where a path is given.

        Raises
        ------
        InvalidArgumentError
            If the file is no .pdf, .png or .svg, or cannot be written.
        """
        from metaregret.theory.plotting.proposals import supervised_figure

        return supervised_figure(self, path)

    def __repr__(self) -> str:
        return f"<SupervisedProposal of {self.method!r}: worst-case regret {self.worst_case_regret:.6g}>"


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
    method = one_of(tuple(_SCATTERS), method, "method")
    errors, oracle = (
        subset_errors(test, learn_metric(scatter(train, seed)), ways, episodes=episodes, seed=seed)
        for scatter in (_SCATTERS[method], _true_classes)
    )
    return SupervisedProposal(method, ways, seed, errors, oracle)
