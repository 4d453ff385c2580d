"""Discrete memoryless channels: validation, and the two products every capacity algorithm is made of.

One orientation holds in the whole project: *rows are inputs*, ``channel[x, y] = W(y|x)``. A `Channel` stores
the matrix once, dense or sparse, without the outputs that no input reaches (they carry no information, and a
Newton method would divide by their probability), and offers

- ``output(p)``: the output distribution ``q = p W``, shape ``(Y,)``,
- ``divergences(q)``: ``D_x = KL(W_x || q)`` in nats, shape ``(X,)``,

where ``W`` stands for the given matrix with every row divided by its sum: the sums may differ from one by the
rounding of whoever computed them, and by no more than `SUM_TOLERANCE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["SUM_TOLERANCE", "Channel", "ChannelLike", "as_channel", "as_distribution"]

Vector: TypeAlias = NDArray[np.float64]
SparseRows: TypeAlias = "scipy.sparse.csr_array[np.float64, tuple[int, int]]"
ChannelLike: TypeAlias = Any
"""An array-like of two dimensions, any scipy.sparse array or matrix, or a `Channel`."""

SUM_TOLERANCE = 1e-9
"""Largest accepted ``|sum - 1|`` of a distribution. Anything wider is an error of the caller, not
rounding."""

SMALLEST_OUTPUT = 1e-290
"""Floor of an output probability inside a logarithm; see `Channel.output`."""


@dataclass(frozen=True)
class Channel:
    """A validated channel; build it with `as_channel`.

    Attributes
    ----------
    matrix : ndarray of shape (X, Y) or csr_array of shape (X, Y)
        The entries as given, without unreachable outputs.
    reachable : ndarray of bool, shape (all outputs,)
        Which outputs of the given matrix are columns of `matrix`.
    inverse_sums : ndarray, shape (X,)
        One over the row sums of `matrix`.
    entropies : ndarray, shape (X,)
        ``H(W_x)`` in nats of the rows divided by their sums.
    row_terms, column_terms : int
        Largest number of non-zero entries in a row and in a column: the lengths of the longest sums.
    """

    matrix: Vector | SparseRows
    reachable: NDArray[np.bool_]
    inverse_sums: Vector
    entropies: Vector
    row_terms: int
    column_terms: int

    @property
    def inputs(self) -> int:
        """The number of inputs ``X``."""
        return int(self.inverse_sums.size)

    @property
    def outputs(self) -> int:
        """The number of reachable outputs ``Y``."""
        return int(self.matrix.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether the matrix is held in compressed rows."""
        return not isinstance(self.matrix, np.ndarray)

    def output(self, input_distribution: Vector) -> Vector:
        """Return ``max(p W, SMALLEST_OUTPUT)``, shape ``(Y,)``.

        The floor keeps every divergence finite where ``p`` puts no mass, or less than the smallest float, on
        the only inputs of an output. *Every* positive ``q`` gives a true upper bound on the capacity, so the
        floor costs no validity; it moves the lower bound by less than 1e-280.
        """
        floored: Vector = np.maximum(self.reached(input_distribution), SMALLEST_OUTPUT)
        return floored

    def reached(self, input_distribution: Vector) -> Vector:
        """Return ``p W`` itself, shape ``(Y,)``."""
        return np.asarray(self.matrix.T @ (input_distribution * self.inverse_sums))

    def divergences(self, output_distribution: Vector) -> Vector:
        """Return ``KL(W_x || q / sum(q))`` of every row, shape ``(X,)``, in nats.

        That is ``sum_y W(y|x) log(W(y|x) / q_y) + log sum(q)``.

        Parameters
        ----------
        output_distribution : ndarray, shape (Y,)
            A positive ``q``, such as `output` returns; it need not sum to one.
        """
        surplus = np.log(output_distribution.sum())
        result: Vector = self.cross_entropies(output_distribution) - self.entropies + surplus
        return result

    def cross_entropies(self, output_distribution: Vector) -> Vector:
        """Return ``-sum_y W(y|x) log q_y`` for a positive ``q``, shape ``(X,)``, in nats."""
        products: Vector = self.matrix @ np.log(output_distribution)
        products *= -self.inverse_sums
        return products

    def restrict(self, inputs: NDArray[np.intp]) -> Channel:
        """Return the channel of the rows `inputs`, an array of indices, without the outputs it loses."""
        return _assemble(self.matrix[inputs], self.inverse_sums[inputs], self.entropies[inputs])

    def expand_output(self, values: Vector) -> Vector:
        """Put `values`, shape ``(Y,)``, back among the unreachable outputs, whose value is zero."""
        full = np.zeros(self.reachable.size)
        full[self.reachable] = values
        return full


def as_channel(channel: ChannelLike) -> Channel:
    """Validate a channel matrix.

    Parameters
    ----------
    channel : array_like or scipy.sparse array, shape (X, Y)
        ``channel[x, y] = W(y|x)``. A `Channel` is returned as it is. An ndarray of float64 in C order is not
        copied: leave it alone for as long as the `Channel` is in use.

    Raises
    ------
    InvalidArgumentError
        If the matrix has not two dimensions or no entries, or if an entry is negative, infinite or NaN, or if
        a row does not sum to one; the message names the row.
    """
    if isinstance(channel, Channel):
        return channel
    matrix = _sparse_rows(channel) if scipy.sparse.issparse(channel) else _dense_rows(channel)
    if matrix.shape[0] == 0 or matrix.shape[1] == 0:
        raise InvalidArgumentError(
            f"Expected a channel with at least one input and one output, but got shape={matrix.shape}."
        )
    _check_entries(matrix)
    sums: Vector = matrix.sum(axis=1)
    _check_sums(sums)
    entropies = _entropy_sums(matrix) / sums + np.log(sums)
    return _assemble(matrix, 1.0 / sums, entropies)


def as_distribution(distribution: ArrayLike, name: str, size: int | None = None) -> Vector:
    """Validate one probability vector and return it as float64, shape ``(n,)``, *not* renormalised.

    Parameters
    ----------
    distribution : array_like, shape (n,)
        Non-negative weights that sum to one within `SUM_TOLERANCE`.
    name : str
        What to call it in an error message.
    size : int, optional
        The expected ``n``.

    Raises
    ------
    InvalidArgumentError
        If the shape, an entry or the sum is wrong; the message names the index and the value.
    """
    try:
        vector = np.asarray(distribution, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"Expected {name} to be an array of numbers, but got {distribution!r}."
        ) from error
    if vector.ndim != 1 or vector.size == 0:
        raise InvalidArgumentError(
            f"Expected {name} to have one dimension and an entry, but got shape={vector.shape}."
        )
    if size is not None and vector.size != size:
        raise InvalidArgumentError(
            f"Expected {name} to have {size} entries, but got {vector.size}; channel rows are inputs, "
            "so transpose the channel if its rows are outputs."
        )
    bad = np.flatnonzero(~(np.isfinite(vector) & (vector >= 0)))
    if bad.size:
        raise InvalidArgumentError(
            f"Expected {name} to be finite and non-negative, but got {name}[{bad[0]}]="
            f"{float(vector[bad[0]])!r}; correct that entry."
        )
    if abs(vector.sum() - 1.0) > SUM_TOLERANCE:
        raise InvalidArgumentError(
            f"Expected {name} to sum to 1 within {SUM_TOLERANCE:g}, but got sum={float(vector.sum())!r}; "
            "divide it by its sum if it holds weights."
        )
    return vector


def _assemble(matrix: Vector | SparseRows, inverse_sums: Vector, entropies: Vector) -> Channel:
    """Drop the unreachable outputs and count the terms of the longest sums."""
    column_counts = _nonzeros(matrix, 0)
    reachable = column_counts > 0
    if not reachable.all():
        matrix = matrix[:, np.flatnonzero(reachable)]
    row_terms = int(_nonzeros(matrix, 1).max())
    return Channel(matrix, reachable, inverse_sums, entropies, row_terms, int(column_counts.max()))


def _dense_rows(channel: object) -> Vector:
    try:
        matrix = np.ascontiguousarray(channel, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError("Expected channel to be a rectangular array of numbers.") from error
    if matrix.ndim != 2:
        raise InvalidArgumentError(
            f"Expected channel to have two dimensions (inputs, outputs), but got shape={matrix.shape}."
        )
    return matrix


def _sparse_rows(channel: Any) -> SparseRows:
    if channel.ndim != 2:
        raise InvalidArgumentError(
            f"Expected channel to have two dimensions (inputs, outputs), but got shape={channel.shape}."
        )
    matrix: SparseRows = scipy.sparse.csr_array(channel, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _check_entries(matrix: Vector | SparseRows) -> None:
    values = matrix if isinstance(matrix, np.ndarray) else matrix.data
    # A NaN makes the minimum NaN, which fails the comparison: one pass tests everything.
    if values.size == 0 or (values.min() >= 0.0 and values.max() < np.inf):
        return
    bad = ~(np.isfinite(values) & (values >= 0.0))
    if isinstance(matrix, np.ndarray):
        row, column = (int(i) for i in np.argwhere(bad)[0])
    else:
        position = int(np.flatnonzero(bad)[0])
        row = int(np.searchsorted(matrix.indptr, position, side="right")) - 1
        column = int(matrix.indices[position])
    raise InvalidArgumentError(
        f"Expected channel entries to be finite and non-negative, but got channel[{row}, {column}]="
        f"{float(matrix[row, column])!r}; correct row {row}."
    )


def _check_sums(sums: Vector) -> None:
    wrong = np.flatnonzero(~(np.abs(sums - 1.0) <= SUM_TOLERANCE))
    if wrong.size:
        raise InvalidArgumentError(
            f"Expected every channel row to sum to 1 within {SUM_TOLERANCE:g}, but row {wrong[0]} sums to "
            f"{float(sums[wrong[0]])!r}; rows are inputs, channel[x, y] = W(y|x): transpose the matrix if "
            "its columns sum to 1, or divide each row by its sum."
        )


def _entropy_sums(matrix: Vector | SparseRows) -> Vector:
    """Return ``-sum_y w log w`` of every row, shape ``(X,)``, with ``0 log 0 = 0``."""
    if isinstance(matrix, np.ndarray):
        return np.asarray(entr(matrix).sum(axis=1))
    terms = matrix.copy()
    terms.data = entr(matrix.data)
    return np.asarray(terms.sum(axis=1))


def _nonzeros(matrix: Vector | SparseRows, axis: int) -> NDArray[np.intp]:
    if isinstance(matrix, np.ndarray):
        return np.asarray(np.count_nonzero(matrix, axis=axis))
    return np.diff(matrix.indptr) if axis == 1 else np.bincount(matrix.indices, minlength=matrix.shape[1])
