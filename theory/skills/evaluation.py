"""Terminal distributions of many deterministic policies at once.

``mu_{t+1} = sum_s mu_t(s) P(. | s, pi_t(s))`` for all policies in one sparse product a step. These are
working values; what is reported is evaluated again, with certified bounds, by
`metaregret.tabular.policy.terminal_distribution`.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import deterministic_policy, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["distinct", "groups", "terminal_rows"]


def terminal_rows(process: ControlledMarkovProcess, choices: np.ndarray) -> np.ndarray:
    """Return the terminal distributions of ``K`` deterministic policies, each row divided by its sum.

    Parameters
    ----------
    choices : ndarray of int, shape (T, S, K) or (S, K)
        The choice of every state (and step), as `metaregret.tabular.goals` returns them.

    Returns
    -------
    ndarray, shape (K, S)
    """
    count, size = choices.shape[-1], process.n_states
    if not isinstance(process.horizon, FiniteHorizon):
        policies = (deterministic_policy(process, choices[:, k]) for k in range(count))
        rows = np.stack([terminal_distribution(process, policy).probabilities for policy in policies])
        return np.asarray(rows / rows.sum(axis=1, keepdims=True))
    distribution = np.broadcast_to(process.initial, (count, size))
    starts = np.arange(0, count * size + 1, size)
    for step in choices:
        weights = sp.csr_array(
            (distribution.ravel(), step.T.ravel(), starts), shape=(count, process.n_choices)
        )
        distribution = sp.csr_array(weights @ process.matrix).toarray()
    return np.asarray(distribution / distribution.sum(axis=1, keepdims=True))


def distinct(rows: np.ndarray, digits: int = 12) -> np.ndarray:
    """Return the indices of the first of each group of rows that agree to `digits` decimals."""
    return np.sort(groups(rows, digits)[0])


def groups(rows: np.ndarray, digits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first index of each group of rows that agree to `digits` decimals, and the group of each
    row."""
    rounded = np.ascontiguousarray(np.round(rows, digits) + 0.0)  # no negative zero: rows compare as bytes
    as_bytes = rounded.view(np.dtype((np.void, rounded.shape[1] * rounded.itemsize))).ravel()
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    return first, group.ravel()
