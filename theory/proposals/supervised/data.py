"""Unlabelled data with hidden labels: scikit-learn's handwritten digits, split into items to propose from
and to test on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError, MissingExtraError

__all__ = ["LabelledItems", "digits"]


@dataclass(frozen=True, eq=False)
class LabelledItems:
    """Items with labels that no proposal may look at.

    Attributes
    ----------
    items : ndarray, shape (n, d)
    labels : ndarray of int, shape (n,)
        Classes ``0..L-1``.
    shape : tuple of int
        Height and width of an item as an image.
    """

    items: np.ndarray
    labels: np.ndarray
    shape: tuple[int, int]

    @property
    def classes(self) -> int:
        """The number of classes ``L``."""
        return int(self.labels.max()) + 1


def digits(seed: int = 0, *, share: float = 0.5) -> tuple[LabelledItems, LabelledItems]:
    """Return the 1797 digits of 8 x 8 pixels in [0, 1]: items to propose from, and items to test on.

    Parameters
    ----------
    seed : int
        Of the split.
    share : float
        Share of the items to propose from, strictly between 0 and 1.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    InvalidArgumentError
        If `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise InvalidArgumentError(f"Expected 0 < share < 1, but got share={share!r}; both parts need items.")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError(
            "The digits come with scikit-learn; install the extra: pip install 'metaregret[supervised]'."
        ) from error
    bunch = load_digits()
    items, labels = np.asarray(bunch.data) / 16.0, np.asarray(bunch.target, dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(items))
    cut = int(share * len(items))
    parts = [LabelledItems(items[part], labels[part], (8, 8)) for part in (order[:cut], order[cut:])]
    return parts[0], parts[1]
