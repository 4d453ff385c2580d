"""Memory layouts of the transition rows, chosen by structure and kept while the process lives.

* *dense*: a matrix, shape (C, S), for BLAS, where most entries are present;
* *fixed-width rows* (ELL): every row padded to the longest, where that costs little;
* *ragged rows*: the canonical arrays with 32-bit indices, otherwise.

Padding points to state 0 with probability zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Rows", "dense_rows", "frozen", "lay_out", "rows_of"]

PADDING_LIMIT = 1.5
"""Largest accepted ratio of padded to stored transitions."""

DENSE_SHARE = 0.25
"""Least share of non-zero entries for which BLAS on the full matrix beats rows."""

FEW_STATES = 32
"""Below this number of states rows are never slower than BLAS."""

DENSE_ENTRIES = 2**27
"""Largest dense matrix that is ever materialised (1 GiB)."""

THREADED_WORK = 4_000_000
"""Padded transitions from which a sweep is spread over threads (below, one thread wins as soon as the machine
is busy)."""


@dataclass(frozen=True)
class Rows:
    """Transition rows laid out for the compiled sweeps.

    Attributes
    ----------
    choice_offsets : ndarray of int64, shape (S + 1,)
    offsets : ndarray of int64, shape (C + 1,), or (0,) where the rows have a fixed width
    width : int
        Row width, 0 for ragged rows.
    successors : ndarray of int32, shape (C * width,) or (M,)
    probabilities : ndarray of float64, same shape
    longest : int
        The longest row, before padding.
    threaded : bool
        Whether a sweep is worth a parallel region.
    """

    choice_offsets: np.ndarray
    offsets: np.ndarray
    width: int
    successors: np.ndarray
    probabilities: np.ndarray
    longest: int
    threaded: bool

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.choice_offsets) - 1

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, int, np.ndarray, np.ndarray]:
        """What the kernels read, see `metaregret.tabular.engine.kernels`."""
        return self.choice_offsets, self.offsets, self.width, self.successors, self.probabilities


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a read-only view: one compiled version of every kernel serves all callers."""
    view = array.view()
    view.setflags(write=False)
    return view


NOTHING = frozen(np.empty(0, dtype=np.int64))
"""No offsets: the rows have a fixed width."""

_rows: WeakKeyDictionary[ControlledMarkovProcess, Rows] = WeakKeyDictionary()
_dense: WeakKeyDictionary[ControlledMarkovProcess, np.ndarray] = WeakKeyDictionary()


def rows_of(process: ControlledMarkovProcess) -> Rows:
    """Return the rows of `process`, laid out once."""
    known = _rows.get(process)
    if known is None:
        known = _rows[process] = lay_out(
            process.choice_offsets, process.offsets, process.successors, process.probabilities
        )
    return known


def lay_out(
    choice_offsets: np.ndarray, offsets: np.ndarray, successors: np.ndarray, probabilities: np.ndarray
) -> Rows:
    """Lay out rows given in the canonical form; rows may be empty or sum to less than one."""
    choice_offsets, offsets, probabilities = frozen(choice_offsets), frozen(offsets), frozen(probabilities)
    lengths = np.diff(offsets)
    longest = int(lengths.max())
    padded = longest * len(lengths)
    threaded = max(padded, len(successors)) >= THREADED_WORK
    if longest and padded == len(successors):
        return Rows(choice_offsets, NOTHING, longest, narrow(successors), probabilities, longest, threaded)
    if not longest or padded > PADDING_LIMIT * len(successors) + 64:
        return Rows(choice_offsets, offsets, 0, narrow(successors), probabilities, longest, threaded)
    place = np.repeat(np.arange(len(lengths)) * longest - offsets[:-1], lengths)
    place += np.arange(len(successors))
    wide_successors = np.zeros(padded, dtype=np.int32)
    wide_probabilities = np.zeros(padded)
    wide_successors[place] = successors
    wide_probabilities[place] = probabilities
    return Rows(
        choice_offsets,
        NOTHING,
        longest,
        frozen(wide_successors),
        frozen(wide_probabilities),
        longest,
        threaded,
    )


def narrow(indices: np.ndarray) -> np.ndarray:
    """Return indices in 32 bits, read-only."""
    return frozen(indices.astype(np.int32))


def dense_rows(process: ControlledMarkovProcess) -> np.ndarray | None:
    """Return the rows as a matrix, shape (C, S), where BLAS is the better kernel, else None.

    A process whose rows are all full is viewed, not copied.
    """
    if process.n_states < FEW_STATES:
        return None
    entries = process.n_choices * process.n_states
    if process.n_transitions < DENSE_SHARE * entries or entries > DENSE_ENTRIES:
        return None
    if process.n_transitions == entries:
        return process.probabilities.reshape(process.n_choices, process.n_states)
    known = _dense.get(process)
    if known is None:
        known = _dense[process] = frozen(process.matrix.toarray())
    return known
