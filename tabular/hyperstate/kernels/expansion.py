"""Breadth-first expansion of one layer of hyperstates into the next, equal successors merged."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from metaregret.tabular.hyperstate.kernels.sets import SetTable, empty_slots, grown, plain_sets
from metaregret.tabular.hyperstate.kernels.splits import SplitTable, add_split, plain_splits, split_number
from metaregret.tabular.jit import njit

__all__ = ["Layer", "expand"]


class Layer(NamedTuple):
    """Hyperstates of one layer, and for each the position of its first child (in the order they are walked).

    Children are numbers within the next layer, one for each (choice, transition, block of two or more
    classes). Shapes: `state`, `sets` (n,) of int32; `first_child` (n + 1,) of int64; `child` of int32.
    """

    state: np.ndarray
    sets: np.ndarray
    first_child: np.ndarray
    child: np.ndarray


@njit(cache=True)
def _slot(table: np.ndarray, states: np.ndarray, sets: np.ndarray, state: int, number: int) -> np.int64:
    """Return the slot of the table that holds this hyperstate, or the empty one where it belongs."""
    mixed = ((np.uint64(number) << np.uint64(32)) | np.uint64(state)) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(2)) & (len(table) - 1)
    while table[at] >= 0 and (sets[table[at]] != number or states[table[at]] != state):
        at = (at + 1) & (len(table) - 1)
    return at


@njit(cache=True)
def _larger_table(table: np.ndarray, states: np.ndarray, sets: np.ndarray, used: int) -> np.ndarray:
    """Return the table of the first `used` hyperstates with four times the slots."""
    larger = empty_slots(4 * len(table))
    for number in range(used):
        larger[_slot(larger, states, sets, states[number], sets[number])] = number
    return larger


@njit(cache=True)
def expand(
    state: np.ndarray,
    numbers: np.ndarray,
    destination: np.ndarray,
    leaf: bool,
    signal: np.ndarray,
    labels: np.ndarray,
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    sets: SetTable,
    splits: SplitTable,
    room: int,
    limit: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, bool, tuple[Any, ...], tuple[Any, ...]]:
    """Expand a layer of hyperstates by one step.

    Parameters
    ----------
    state, numbers : ndarray of int32, shape (n,)
        State and set number of each hyperstate of the layer.
    destination, signal : ndarray of int32, shape (M',)
        State of the next layer to which each transition leads, and what it tells.
    leaf : bool
        Whether the step is the very last one: splits are computed, but there is no next layer.
    room : int
        Number of children to make room for (pages not written are not taken from memory).
    limit : int
        The expansion stops once there are more children.

    Returns
    -------
    tuple
        ``(first_child, child, next_state, next_numbers, complete, sets, splits)``, the last two without names
        (see `plain_sets`).
    """
    first_child = np.empty(len(state) + 1, dtype=np.int64)
    child = np.empty(max(room, 1), dtype=np.int32)
    n_children = 0
    next_state, next_numbers = np.empty(1024, dtype=np.int32), np.empty(1024, dtype=np.int32)
    n_next = 0
    table = empty_slots(4096)
    for node in range(len(state)):
        first_child[node] = n_children
        here = numbers[node]
        if n_children > limit:
            return (
                first_child, child, next_state, next_numbers, False, plain_sets(sets), plain_splits(splits)
            )  # fmt: skip
        choices = choice_offsets[state[node]], choice_offsets[state[node] + 1]
        for transition in range(offsets[choices[0]], offsets[choices[1]]):
            told = signal[transition]
            first, after = 0, 1
            if told:
                split = split_number(here, told, splits)
                if split < 0:
                    sets, splits = add_split(here, told, labels, sets, splits)
                    split = splits.n_splits - 1
                first, after = splits.offsets[split], splits.offsets[split + 1]
            if leaf:
                continue
            for block in range(first, after):
                target = splits.block_set[block] if told else here
                if target < 0:
                    continue
                at = _slot(table, next_state, next_numbers, destination[transition], target)
                if table[at] < 0:
                    if n_next == len(next_state):
                        next_state, next_numbers = grown(next_state, n_next), grown(next_numbers, n_next)
                    next_state[n_next], next_numbers[n_next] = destination[transition], target
                    table[at] = n_next
                    n_next += 1
                if n_children == len(child):
                    child = grown(child, n_children)
                child[n_children] = table[at]
                n_children += 1
                if 2 * n_next > len(table):
                    table = _larger_table(table, next_state, next_numbers, n_next)
    first_child[len(state)] = n_children
    return (
        first_child, child[:n_children], next_state[:n_next].copy(), next_numbers[:n_next].copy(),
        True, plain_sets(sets), plain_splits(splits),
    )  # fmt: skip
