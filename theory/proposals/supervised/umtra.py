"""UMTRA: classification tasks from single items, each its own class, with augmented copies as further
examples.

Objective: none of its own; a task is ``N`` items drawn uniformly, which have different true classes with
probability ``N! C(L, N) / L^N`` for ``L`` equally frequent classes; its query set is an augmentation of the
items.

Made discrete: the augmentation of an image is a shift by at most one pixel in each direction, uniformly
among the nine.

Differs from the paper: no learned augmentation; the meta-learner is the closed form of
`metaregret.theory.proposals.supervised.learner`, for which only the scatter between an item and its copies
counts.

Source: S. Khodadadeh, L. Boloni, M. Shah, "Unsupervised meta-learning for few-shot image classification",
arXiv 1811.11819 (2018).
"""

from __future__ import annotations

import itertools

import numpy as np

from metaregret.theory.proposals.supervised.learner import within_class_scatter

__all__ = ["shifted_copies", "umtra_scatter"]


def shifted_copies(items: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return every image shifted by -1, 0, 1 pixels in both directions, shape (9, n, d); borders fill with
    zero."""
    images = np.pad(items.reshape(-1, *shape), ((0, 0), (1, 1), (1, 1)))
    height, width = shape
    moved = [
        images[:, down : down + height, right : right + width].reshape(len(items), -1)
        for down, right in itertools.product(range(3), repeat=2)
    ]
    return np.stack(moved)


def umtra_scatter(items: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the scatter within the classes of UMTRA's tasks, shape (d, d): that of each item's copies."""
    copies = shifted_copies(items, shape)
    labels = np.tile(np.arange(len(items)), len(copies))
    return within_class_scatter(copies.reshape(-1, items.shape[1]), labels)
