"""Task sets as rows of 64-bit words, interned: every distinct set has one number.

Bit ``c % 64`` of word ``c // 64`` says that class ``c`` is still possible; any number of classes fits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaregret.tabular.jit import njit

__all__ = ["SetTable", "contains", "empty_slots", "first_set", "grown", "intern", "plain_sets", "set_masses"]


class SetTable(NamedTuple):
    """The sets entered so far are ``words[:used]``; `slots` is an open-addressing table of their numbers.

    Shapes: `words` (room, W) of uint64; `slots` (a power of two) of int32, -1 where empty.
    """

    words: np.ndarray
    slots: np.ndarray
    used: int


@njit(cache=True)
def plain_sets(table: SetTable) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the fields. What Python calls must return tuples without names: numba makes those with names by
    Python code, and does not look whether a signal (an interrupt) ended it, but goes on with a null pointer.
    """
    return table.words, table.slots, table.used


@njit(cache=True)
def contains(row: np.ndarray, member: int) -> bool:
    """Whether class `member` is in the set `row`."""
    return (row[member >> 6] >> np.uint64(member & 63)) & np.uint64(1) != np.uint64(0)


@njit(cache=True)
def grown(array: np.ndarray, used: int) -> np.ndarray:
    """Return a copy of a one-dimensional array with twice the room."""
    larger = np.empty(2 * len(array), dtype=array.dtype)
    for index in range(used):
        larger[index] = array[index]
    return larger


@njit(cache=True)
def empty_slots(count: int) -> np.ndarray:
    """Return `count` numbers -1, as int32. (Loops, because numba compiles slice assignment slowly.)"""
    slots = np.empty(count, dtype=np.int32)
    for index in range(count):
        slots[index] = -1
    return slots


@njit(cache=True)
def _hash(row: np.ndarray) -> np.int64:
    """A 62-bit hash of a row of words (the finaliser of splitmix64, word by word)."""
    mixed = np.uint64(0x9E3779B97F4A7C15)
    for word in row:
        mixed ^= word
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return np.int64(mixed >> np.uint64(2))


@njit(cache=True)
def _larger(table: SetTable) -> SetTable:
    """Return the table with twice the room for sets and slots."""
    words = np.empty((2 * len(table.words), table.words.shape[1]), dtype=np.uint64)
    slots = empty_slots(2 * len(table.slots))
    for number in range(table.used):
        for place in range(words.shape[1]):
            words[number, place] = table.words[number, place]
        at = _hash(words[number]) & (len(slots) - 1)
        while slots[at] >= 0:
            at = (at + 1) & (len(slots) - 1)
        slots[at] = number
    return SetTable(words, slots, table.used)


@njit(cache=True)
def intern(row: np.ndarray, table: SetTable) -> tuple[int | np.int64, SetTable]:
    """Return the number of the set `row`, entering it if it is new, and the table, possibly reallocated."""
    if table.used == len(table.words) or 2 * (table.used + 1) > len(table.slots):
        table = _larger(table)
    mask = len(table.slots) - 1
    at = _hash(row) & mask
    while table.slots[at] >= 0:
        known = table.words[table.slots[at]]
        same = True
        for place in range(len(row)):
            same = same and known[place] == row[place]
        if same:
            return np.int64(table.slots[at]), table
        at = (at + 1) & mask
    for place in range(len(row)):
        table.words[table.used, place] = row[place]
    table.slots[at] = table.used
    return table.used, SetTable(table.words, table.slots, table.used + 1)


@njit(cache=True)
def first_set(row: np.ndarray, empty: SetTable) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the table that holds the set `row` as number 0; see `plain_sets`."""
    return plain_sets(intern(row, empty)[1])


@njit(cache=True)
def set_masses(words: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the sum of the weights of the classes in each set, shape (sets,)."""
    masses = np.zeros(len(words))
    for number in range(len(words)):
        for member in range(len(weights)):
            if contains(words[number], member):
                masses[number] += weights[member]
    return masses
