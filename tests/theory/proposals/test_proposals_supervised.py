"""CACTUs and UMTRA on digits, and the learner on data where the answer is known."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.proposals.supervised import (
    LabelledItems,
    cactus_partitions,
    digits,
    learn_metric,
    propose_supervised,
    shifted_copies,
    subset_errors,
    supervised_methods,
    within_class_scatter,
)


@pytest.fixture(scope="module")
def split() -> tuple[LabelledItems, LabelledItems]:
    pytest.importorskip("sklearn", reason="scikit-learn is an optional dependency")
    return digits(0)


def blobs(seed: int = 0, spread: float = 0.05) -> LabelledItems:
    """Four classes told apart by the first two coordinates; the third is loud noise."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]], dtype=float)
    labels = np.repeat(np.arange(4), 40)
    items = centres[labels] + rng.normal(size=(160, 3)) * np.array([spread, spread, 3.0])
    return LabelledItems(items, labels, (1, 3))


def test_the_learned_metric_ignores_noise() -> None:
    data, test = blobs(0), blobs(1)
    scatter = within_class_scatter(data.items, data.labels)
    np.testing.assert_allclose(np.diag(scatter), [0.0025, 0.0025, 9.0], rtol=0.5)
    trained = subset_errors(test, learn_metric(scatter), 4, episodes=10)
    plain = subset_errors(test, np.eye(3), 4, episodes=10)
    assert trained.worst < plain.worst
    assert plain.worst > 0.4


def test_scatter_is_the_pooled_covariance() -> None:
    items = np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 1.0], [5.0, 3.0]])
    labels = np.array([7, 7, 9, 9])
    np.testing.assert_allclose(within_class_scatter(items, labels), [[1.0, 0.0], [0.0, 1.0]])


def test_perfectly_separated_classes_have_no_error() -> None:
    items = np.repeat(np.eye(3), 5, axis=0)
    data = LabelledItems(items, np.repeat(np.arange(3), 5), (1, 3))
    found = subset_errors(data, np.eye(3), 2, episodes=3)
    assert found.subsets == ((0, 1), (0, 2), (1, 2))
    np.testing.assert_array_equal(found.errors, 0.0)


def test_shifts_move_every_pixel() -> None:
    image = np.zeros((1, 9))
    image[0, 4] = 1.0
    copies = shifted_copies(image, (3, 3))
    assert copies.shape == (9, 1, 9)
    assert sorted(int(copy.argmax()) for copy in copies) == list(range(9))


def test_proposals_on_digits(split: tuple[LabelledItems, LabelledItems]) -> None:
    found = {name: propose_supervised(name, *split, ways=3, episodes=5) for name in supervised_methods()}
    assert found["true-classes"].worst_case_regret == 0.0
    assert len(found["cactus"].errors.subsets) == math.comb(10, 3)
    # Clusters carry information about classes, random labels carry none.
    assert found["cactus"].worst_case_regret < found["random"].worst_case_regret
    assert found["cactus"].errors.mean < found["random"].errors.mean
    assert found["true-classes"].errors.mean < found["cactus"].errors.mean
    assert found["umtra"].worst_case_error < found["random"].worst_case_error
    assert set(found["umtra"].to_json()) >= {"method", "worst_case_regret", "hardest"}


def test_clusters_propose_class_subsets_unevenly(split: tuple[LabelledItems, LabelledItems]) -> None:
    """The majority classes of five random clusters: subsets with few tasks are holes in what is covered."""
    partition = cactus_partitions(split[0].items, partitions=1)[0]
    majority = [int(np.bincount(split[0].labels[partition == c]).argmax()) for c in np.unique(partition)]
    rng, found = np.random.default_rng(0), Counter[tuple[int, ...]]()
    for _ in range(2000):
        classes = {majority[i] for i in rng.choice(len(majority), size=5, replace=False)}
        if len(classes) == 5:  # no two clusters share their class
            found[tuple(sorted(classes))] += 1
    assert 0 < len(found) <= math.comb(10, 5)
    assert max(found.values()) > 2 * min(found.values())


def test_bad_options_are_refused() -> None:
    data = blobs()
    with pytest.raises(InvalidArgumentError, match="classes"):
        subset_errors(data, np.eye(3), 5)
    with pytest.raises(InvalidArgumentError, match="Expected method"):
        propose_supervised("nothing", data, data)
    with pytest.raises(InvalidArgumentError, match="share"):
        digits(share=1.0)
