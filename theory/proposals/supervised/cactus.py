"""CACTUs: classification tasks from random subsets of k-means clusters.

Objective: none of its own; tasks are ``N`` clusters drawn uniformly from a partition drawn uniformly out of
``P``, with the clusters as classes.

Made discrete: the items are points of a data set and the partitions those that scikit-learn's k-means
returns on randomly scaled features.

Differs from the paper: features are pixels, not a learned embedding; the meta-learner is the closed form of
`metaregret.theory.proposals.supervised.learner`.

Source: K. Hsu, S. Levine, C. Finn, "Unsupervised learning via meta-learning", arXiv 1810.02334 (2018).
"""

from __future__ import annotations

import warnings

import numpy as np

from metaregret.tabular.errors import MissingExtraError
from metaregret.theory.proposals.supervised.learner import within_class_scatter

__all__ = ["cactus_partitions", "cactus_scatter"]


def cactus_partitions(
    items: np.ndarray, *, clusters: int = 30, partitions: int = 5, seed: int = 0
) -> np.ndarray:
    """Return the cluster of every item in every partition, shape (P, n).

    Parameters
    ----------
    items : ndarray, shape (n, d)
    clusters : int
        ``k`` of k-means.
    partitions : int
        ``P``; the first is on the features as they are, the others on randomly scaled ones.
    seed : int

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise MissingExtraError(
            "CACTUs clusters with scikit-learn; install the extra: pip install 'metaregret[supervised]'."
        ) from error
    rng = np.random.default_rng(seed)
    found = []
    for index in range(partitions):
        scale = np.ones(items.shape[1]) if index == 0 else rng.uniform(0.5, 1.5, items.shape[1])
        model = KMeans(clusters, n_init=2, random_state=seed + index)
        with warnings.catch_warnings():
            # Repeated items can leave fewer distinct clusters than asked for; the partition is still one.
            warnings.simplefilter("ignore")
            found.append(np.asarray(model.fit_predict(items * scale)))
    return np.stack(found)


def cactus_scatter(items: np.ndarray, partitions: np.ndarray) -> np.ndarray:
    """Return the scatter within the classes of CACTUs' tasks, shape (d, d), averaged over partitions."""
    scatter: np.ndarray = sum(
        (within_class_scatter(items, labels) for labels in partitions), np.zeros((items.shape[1],) * 2)
    )
    return scatter / len(partitions)
