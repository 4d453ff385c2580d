"""The Bellman backup as an operator on value functions, for any representation of the probabilities.

With ``Q = P v`` (expectation over successors, one row per choice) and the maximum over each state's choices,

    (T v)(s) = max_{c in choices(s)} sum_{s'} P(s' | c) v(s').

Many value functions are backed up at once as the columns of ``v``. Source: Puterman (1994), sec. 4.3 and 6.2.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.process import ControlledMarkovProcess, Representation, check_representation

__all__ = ["Backup", "backup"]

DENSE_BELOW = 64
"""Processes with at most this many states are backed up densely when no representation is asked for."""

MAX_ENTRIES = 2**28
"""Largest dense matrix (2 GiB)."""


class Backup:
    """The backup in floating point, on sparse rows or on a dense matrix (for BLAS).

    Attributes
    ----------
    process : ControlledMarkovProcess
    dtype : type
        ``float``, or ``object`` (rationals).
    roundings : int
        Floating-point roundings in one expectation along any path; 0 for rationals.

    Raises
    ------
    InstanceTooLargeError
        Before a dense matrix of more than two gibibytes is allocated.
    """

    dtype: Any = float

    def __init__(self, process: ControlledMarkovProcess, *, dense: bool = False) -> None:
        self.process = process
        entries = process.n_choices * process.n_states
        if dense and entries > MAX_ENTRIES:
            raise InstanceTooLargeError(
                f"A dense matrix of {process.n_choices} choices by {process.n_states} states needs "
                f"{8 * entries / 2**30:.1f} GiB; use the sparse representation."
            )
        self._matrix: Any = process.matrix.toarray() if dense else process.matrix
        # A row of n terms: n products, n - 1 sums, and the rounding of each stored probability.
        self.roundings = (process.n_states if dense else int(np.diff(process.offsets).max())) + 3
        self._starts = process.choice_offsets[:-1]
        self._chances = process.probabilities
        # Choice number k of every state that has one: whole columns are compared at once, one k at a time.
        counts = np.diff(process.choice_offsets)
        self._later_choices: list[tuple[np.ndarray | slice, np.ndarray]] = []
        for k in range(1, int(counts.max())):
            states = np.flatnonzero(counts > k)
            everywhere = len(states) == process.n_states
            self._later_choices.append((slice(None) if everywhere else states, self._starts[states] + k))

    def expected(self, values: np.ndarray) -> np.ndarray:
        """Return ``P v``: shape (S, K) to (C, K), or (S,) to (C,)."""
        return np.asarray(self._matrix @ values)

    def averaged(self, amounts: np.ndarray) -> np.ndarray:
        """Return the expectation of amounts by transition: shape (M, K) to (C, K), or (M,) to (C,)."""
        chances = self._chances if amounts.ndim == 1 else self._chances[:, None]
        return np.asarray(np.add.reduceat(chances * amounts, self.process.offsets[:-1], axis=0))

    def push(self, weights: np.ndarray) -> np.ndarray:
        """Return ``P^T x``, the successor distribution of choice weights: shape (C,) to (S,)."""
        return np.asarray(weights @ self._matrix)

    def number(self, value: Fraction) -> Any:
        """Return a rational number in this representation's arithmetic."""
        return float(value)

    def array(self, values: np.ndarray) -> np.ndarray:
        """Return `values` (floats, integers or `Fraction`) in this representation's arithmetic."""
        return np.asarray(values, dtype=float)

    def initial(self) -> np.ndarray:
        """The initial distribution, shape (S,)."""
        return self.process.initial

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

    def induct(
        self, terminal: np.ndarray, steps: int, paid: np.ndarray | None = None, *, policies: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Backward induction, ``V_T = h``, ``V_t = max_a (r_t + P_a V_{t+1})`` (Puterman 1994, sec. 4.5).

        Parameters
        ----------
        terminal : ndarray, shape (S, K)
        steps : int
            ``T``.
        paid : ndarray, shape (T, C, K) or (1, C, K), optional
            Expected reward of each choice, at every step or the same at all.
        policies : bool
            Whether to keep the first best choices.

        Returns
        -------
        values : ndarray, shape (S, K)
        policies : ndarray of int64, shape (T, S, K), or None
        """
        values, kept = terminal, []
        for step in reversed(range(steps)):
            q = self.expected(values)
            if paid is not None:
                q = q + paid[step % len(paid)]
            values = self.best(q)
            if policies:
                kept.append(self.greedy(q))
        return values, stacked(kept, values.shape) if policies else None


def stacked(kept: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Decisions from the last step to the first, in the order of time; there may be no step."""
    return np.array(kept[::-1], dtype=np.int64).reshape(len(kept), *shape)


def backup(process: ControlledMarkovProcess, representation: Representation | None = None) -> Backup:
    """Return the Bellman backup of `process` in a representation (by default dense when small, else sparse).

    Raises
    ------
    NotExactError
        If ``"rational"`` is asked for and the process is known in floating point only.
    """
    check_representation(representation)
    if representation == "rational":
        from metaregret.tabular.backup.rational import RationalBackup

        return RationalBackup(process)
    dense = process.n_states <= DENSE_BELOW if representation is None else representation == "dense"
    return Backup(process, dense=dense)
