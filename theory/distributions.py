"""Task distributions and polytopes of them as JSON files; formats in ``docs/how-to/adversaries.md``.

Both are read as data: sizes are limited, numbers are exact, names must be those of the tasks, and every
mistake is named with the place where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular.choices import did_you_mean
from metaregret.tabular.documents import abridged, read_document, require
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError
from metaregret.tabular.labels import split_pairs
from metaregret.tabular.rationals import parse_fraction
from metaregret.theory.adversaries import Polytope

__all__ = ["DISTRIBUTION", "POLYTOPE", "distribution_of", "parse_distribution", "read_polytope"]

DISTRIBUTION = "metaregret-distribution/1"
"""``{"format": ..., "tasks": {name: probability}}``; tasks that are not named have probability 0."""

POLYTOPE = "metaregret-polytope/1"
"""``{"format": ..., "rows": [{"weights": {name: weight}, "at_most": number, "at_least": number}]}``."""

MAX_ROWS = 10_000
MAX_ENTRIES = 10_000_000
"""Largest number of rows of a polytope, and of rows times tasks."""


def parse_distribution(text: str, names: Sequence[str], what: str) -> np.ndarray:
    """Read a task distribution: ``uniform``, ``A=P,"4,3"=P,...`` (0 for the others) or a JSON file.

    Parameters
    ----------
    text : str
    names : sequence of str
        The ``K`` tasks.
    what : str
        Where it was given, for messages.

    Returns
    -------
    ndarray, shape (K,)

    Raises
    ------
    InvalidArgumentError
        Naming `what`, the task and the value.
    """
    if text == "uniform":
        return np.full(len(names), 1.0 / len(names))
    if "=" in text or text[:1] in ("[", "{"):
        pairs = split_pairs(text, f"{what} task")
        if len({name for name, _ in pairs}) < len(pairs):
            raise InvalidArgumentError(f"{what} {text}: a task is named twice; give each once.")
        return distribution_of(dict(pairs), names, what)
    return distribution_of(require(read_document(Path(text), DISTRIBUTION), "tasks", dict, text), names, what)


def distribution_of(given: Mapping[str, Any], names: Sequence[str], what: str) -> np.ndarray:
    """Return probabilities by name as an array in the order of the tasks; 0 where none is given.

    Raises
    ------
    InvalidArgumentError
        If a name is no task's, or the numbers are no distribution.
    """
    known = set(names)
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidArgumentError(
            f"{what}: {unknown[0]!r} is none of the {len(names)} tasks {', '.join(map(repr, names[:8]))}"
            f"{', ...' * (len(names) > 8)}; give 'uniform', A=P,B=P,... or a {DISTRIBUTION} file."
            + did_you_mean(unknown[0], names)
        )
    shares = [parse_fraction(given.get(name, 0), f"{what}: probability of {name!r}") for name in names]
    total = sum(shares, Fraction(0))
    if min(shares) < 0 or abs(total - 1) > Fraction(1, 10**9):
        raise InvalidArgumentError(
            f"{what}: expected probabilities >= 0 that sum to one, but got the smallest {min(shares)} and "
            f"the sum {total}; normalise them."
        )
    return np.array([float(share) for share in shares]) / float(total)


def read_polytope(path: Path, names: Sequence[str]) -> Polytope:
    """Read a polytope of task distributions; see `POLYTOPE`.

    Raises
    ------
    FileFormatError
        Naming the file, the row and what is wrong in it.
    """
    rows = require(read_document(path, POLYTOPE), "rows", list, str(path))
    if not 1 <= len(rows) <= MAX_ROWS or len(rows) * len(names) > MAX_ENTRIES:
        raise FileFormatError(
            f"{path}: expected 1 to {MAX_ROWS} rows and at most {MAX_ENTRIES} rows times tasks, but got "
            f"{len(rows)} rows and {len(names)} tasks; leave out rows that do not bind."
        )
    position = {name: index for index, name in enumerate(names)}
    matrix, limits = list[np.ndarray](), list[float]()
    for index, row in enumerate(rows):
        where = f"{path}: row {index}"
        weights, ends = _row(row, position, where)
        for key, sign in (("at_most", 1.0), ("at_least", -1.0)):
            if key in ends:
                matrix.append(sign * weights)
                limits.append(sign * ends[key])
    return Polytope(np.array(matrix), np.array(limits))


def _row(row: object, position: Mapping[str, int], where: str) -> tuple[np.ndarray, dict[str, float]]:
    """Return the weights of a row and its limits by key."""
    if not isinstance(row, dict):
        raise FileFormatError(
            f"{where}: expected an object with weights and limits, but got {abridged(row)}."
        )
    extra = sorted(set(row) - {"weights", "at_most", "at_least"})
    if extra:
        raise FileFormatError(
            f"{where}: unknown field {abridged(extra[0])}; it has weights, at_most and at_least."
        )
    given = require(row, "weights", dict, where)
    unknown = [name for name in given if name not in position]
    if unknown or not given:
        named = f"{abridged(unknown[0])} is none" if unknown else "the weights name none"
        raise FileFormatError(f"{where}: {named} of the {len(position)} tasks; give names of tasks.")
    ends = {key: _number(row[key], f"{where}: {key}") for key in ("at_most", "at_least") if key in row}
    if not ends:
        raise FileFormatError(f"{where}: neither at_most nor at_least is given; add one.")
    weights = np.zeros(len(position))
    for name, value in given.items():
        weights[position[name]] = _number(value, f"{where}: weight of {name!r}")
    return weights, ends


def _number(value: object, what: str) -> float:
    try:
        return float(parse_fraction(value, what))
    except FileFormatError:
        raise
    except (InvalidArgumentError, OverflowError) as error:
        raise FileFormatError(f"{error}" if what in str(error) else f"{what}: {error}") from None
