"""How signals split sets of tasks: computed once for each pair (set, signal), looked up afterwards."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaregret.tabular.hyperstate.kernels.sets import SetTable, contains, empty_slots, grown, intern
from metaregret.tabular.jit import njit

__all__ = ["SplitTable", "add_split", "plain_splits", "split_number"]


class SplitTable(NamedTuple):
    """Blocks of split ``i`` are ``offsets[i]:offsets[i + 1]`` into `block_set` and `block_class`.

    ``at[set * n_signals + signal]`` is the number of the split, -1 where it was not needed yet. A block of
    one class is written as set -1 (its continuation is closed by planning); ``block_class`` is the smallest
    class of the block.
    """

    at: np.ndarray
    offsets: np.ndarray
    block_set: np.ndarray
    block_class: np.ndarray
    n_splits: int
    n_blocks: int
    n_signals: int


@njit(cache=True)
def plain_splits(
    splits: SplitTable,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, int, int]:
    """Return the fields; see `metaregret.tabular.hyperstate.kernels.sets.plain_sets`."""
    return (
        splits.at, splits.offsets, splits.block_set, splits.block_class,
        splits.n_splits, splits.n_blocks, splits.n_signals,
    )  # fmt: skip


@njit(cache=True)
def split_number(here: int, told: int, splits: SplitTable) -> int:
    """Return the number of a split computed before, or -1."""
    place = here * splits.n_signals + told
    return splits.at[place] if place < len(splits.at) else -1


@njit(cache=True)
def add_split(
    here: int, told: int, labels: np.ndarray, sets: SetTable, splits: SplitTable
) -> tuple[SetTable, SplitTable]:
    """Compute how signal `told` splits set `here` and append it."""
    at, offsets = splits.at, splits.offsets
    while here * splits.n_signals + told >= len(at):
        longer = empty_slots(2 * len(at))
        for place in range(len(at)):
            longer[place] = at[place]
        at = longer
    if splits.n_splits + 2 > len(offsets):
        offsets = grown(offsets, splits.n_splits + 1)
    block_set, block_class, n_blocks = splits.block_set, splits.block_class, splits.n_blocks
    label = labels[told]
    remaining = sets.words[here].copy()
    block = np.zeros_like(remaining)
    for first in range(len(label)):
        if not contains(remaining, first):
            continue
        for place in range(len(block)):
            block[place] = 0
        size = 0
        for other in range(first, len(label)):
            if label[other] == label[first] and contains(remaining, other):
                bit = np.uint64(1) << np.uint64(other & 63)
                block[other >> 6] |= bit
                remaining[other >> 6] ^= bit
                size += 1
        if n_blocks == len(block_set):
            block_set, block_class = grown(block_set, n_blocks), grown(block_class, n_blocks)
        block_class[n_blocks] = first
        block_set[n_blocks] = -1
        if size > 1:
            block_set[n_blocks], sets = intern(block, sets)
        n_blocks += 1
    at[here * splits.n_signals + told] = splits.n_splits
    offsets[splits.n_splits + 1] = n_blocks
    return sets, SplitTable(
        at, offsets, block_set, block_class, splits.n_splits + 1, n_blocks, splits.n_signals
    )
