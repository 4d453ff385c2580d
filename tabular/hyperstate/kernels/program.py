"""The realisation-weight program of a hyperstate graph, as triplets (row, column, value).

One column for each pair of a hyperstate and a choice. The flow rows say that what leaves a hyperstate has
entered it; the payoff rows, one for each class, add up what the column pays to the tasks of the
hyperstate's set.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from metaregret.tabular.hyperstate.kernels.expansion import Layer
from metaregret.tabular.hyperstate.kernels.induction import Dynamics, Payoffs
from metaregret.tabular.hyperstate.kernels.sets import contains, grown
from metaregret.tabular.hyperstate.kernels.splits import SplitTable
from metaregret.tabular.jit import njit

__all__ = ["Triplets", "append", "layer_program", "no_triplets"]


class Triplets(NamedTuple):
    """A sparse matrix under construction: the first `used` entries count."""

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    used: int


def no_triplets() -> Triplets:
    """Return an empty matrix."""
    return Triplets(np.empty(1024, dtype=np.int64), np.empty(1024, dtype=np.int64), np.empty(1024), 0)


@njit(cache=True)
def append(matrix: Triplets, row: int, column: int, value: float) -> Triplets:
    """Return the matrix with one more entry."""
    if matrix.used == len(matrix.row):
        matrix = Triplets(
            grown(matrix.row, matrix.used), grown(matrix.column, matrix.used),
            grown(matrix.value, matrix.used),
            matrix.used,
        )  # fmt: skip
    matrix.row[matrix.used] = row
    matrix.column[matrix.used] = column
    matrix.value[matrix.used] = value
    return Triplets(matrix.row, matrix.column, matrix.value, matrix.used + 1)


@njit(cache=True)
def _append_members(payoff: Triplets, row: np.ndarray, n_classes: int, column: int, value: float) -> Triplets:
    for member in range(n_classes):
        if contains(row, member):
            payoff = append(payoff, member, column, value)
    return payoff


@njit(cache=True)
def layer_program(
    layer: Layer,
    first_row: int,
    first_column: int,
    leaf: bool,
    signal: np.ndarray,
    dynamics: Dynamics,
    splits: SplitTable,
    payoffs: Payoffs,
    words: np.ndarray,
    flow: Triplets,
    payoff: Triplets,
) -> tuple[tuple[Any, ...], tuple[Any, ...], int]:
    """Append the columns of one layer; return the matrices (without names: see `plain_sets`) and the number
    of columns so far.

    Parameters
    ----------
    first_row, first_column : int
        Row of the layer's first hyperstate, and the first new column.
    """
    column = first_column
    next_row = first_row + len(layer.state)
    n_classes = payoffs.pay.shape[1]
    for node in range(len(layer.state)):
        here, state, position = layer.sets[node], layer.state[node], layer.first_child[node]
        for choice in range(dynamics.choice_offsets[state], dynamics.choice_offsets[state + 1]):
            flow = append(flow, first_row + node, column, 1.0)
            if payoffs.toll != 0.0:
                payoff = _append_members(payoff, words[here], n_classes, column, payoffs.toll)
            for transition in range(dynamics.offsets[choice], dynamics.offsets[choice + 1]):
                told, chance = signal[transition], dynamics.probability[transition]
                first, after = 0, 1
                if told:
                    split = splits.at[here * splits.n_signals + told]
                    first, after = splits.offsets[split], splits.offsets[split + 1]
                for block in range(first, after):
                    target = splits.block_set[block] if told else here
                    if target < 0:
                        member = splits.block_class[block]
                        later = payoffs.known[dynamics.successors[transition], member]
                        if payoffs.closes[told, member]:
                            later = payoffs.after[member]
                        payoff = append(payoff, member, column, chance * (payoffs.pay[told, member] + later))
                        continue
                    pays = payoffs.pay[told, splits.block_class[block]] if told else 0.0
                    if pays != 0.0:
                        payoff = _append_members(payoff, words[target], n_classes, column, chance * pays)
                    if not leaf:
                        flow = append(flow, next_row + layer.child[position], column, -chance)
                        position += 1
            column += 1
    return (
        (flow.row, flow.column, flow.value, flow.used),
        (payoff.row, payoff.column, payoff.value, payoff.used),
        column,
    )
