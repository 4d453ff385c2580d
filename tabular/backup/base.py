"""The Bellman backup as an operator on value functions, for any representation of the probabilities.

With ``Q = P v`` (expectation over successors, one row per choice) and the maximum over each state's choices,

    (T v)(s) = max_{c in choices(s)} sum_{s'} P(s' | c) v(s').

Many value functions are backed up at once as the columns of ``v``. Source: Puterman (1994), sec. 4.3 and 6.2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Backup"]


class Backup(ABC):
    """One representation of the transition probabilities of a process.

    Attributes
    ----------
    process : ControlledMarkovProcess
    dtype : type
        ``float`` or ``object`` (rationals).
    roundings : int
        Floating-point roundings in one expectation along any path; 0 for rationals.
    """

    dtype: Any = float
    roundings: int

    def __init__(self, process: ControlledMarkovProcess) -> None:
        self.process = process
        self._starts = process.choice_offsets[:-1]
        # Choice number k of every state that has one: whole columns are compared at once, one k at a time.
        counts = np.diff(process.choice_offsets)
        self._later_choices: list[tuple[np.ndarray | slice, np.ndarray]] = []
        for k in range(1, int(counts.max())):
            states = np.flatnonzero(counts > k)
            everywhere = len(states) == process.n_states
            self._later_choices.append((slice(None) if everywhere else states, self._starts[states] + k))

    @abstractmethod
    def expected(self, values: np.ndarray) -> np.ndarray:
        """Return ``P v``: shape (S, K) to (C, K), or (S,) to (C,)."""

    @abstractmethod
    def push(self, weights: np.ndarray) -> np.ndarray:
        """Return ``P^T x``, the successor distribution of choice weights: shape (C,) to (S,)."""

    @abstractmethod
    def number(self, value: Fraction) -> Any:
        """Return a rational number in this representation's arithmetic."""

    @abstractmethod
    def array(self, values: np.ndarray) -> np.ndarray:
        """Return `values` (floats, integers or `Fraction`) in this representation's arithmetic."""

    @abstractmethod
    def initial(self) -> np.ndarray:
        """The initial distribution, shape (S,)."""

    def best(self, q: np.ndarray) -> np.ndarray:
        """Return the maximum of `q` over each state's choices: shape (C, K) to (S, K)."""
        result = q[self._starts]
        for states, choices in self._later_choices:
            result[states] = np.maximum(result[states], q[choices])
        return result

    def greedy(self, q: np.ndarray) -> np.ndarray:
        """Return the first best choice of each state: shape (C, K) to int64 (S, K)."""
        top = q[self._starts]
        result = np.empty(top.shape, dtype=np.int64)
        result[...] = self._starts.reshape((-1,) + (1,) * (q.ndim - 1))
        for states, choices in self._later_choices:
            following = q[choices]
            better = following > top[states]
            result[states] = np.where(better, choices.reshape((-1,) + (1,) * (q.ndim - 1)), result[states])
            top[states] = np.where(better, following, top[states])
        return result
