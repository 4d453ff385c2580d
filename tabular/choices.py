"""Reading an option that has a fixed set of values: an enum member, or the word that stands for it.

Every public entry reads its options here, so that nothing falls through to a default:

    >>> from enum import Enum
    >>> class Side(Enum):
    ...     LEFT = "left"
    ...     RIGHT = "right"
    >>> choice(Side, "left", "side") is choice(Side, Side.LEFT, "side")
    True
    >>> choice(Side, "up", "side")
    Traceback (most recent call last):
    ...
    metaregret.tabular.errors.InvalidArgumentError: Expected side to be one of 'left', 'right', but got 'up'.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Iterator
from enum import EnumMeta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError

__all__ = [
    "Option",
    "as_path",
    "check_progress",
    "check_seed",
    "check_tolerance",
    "choice",
    "did_you_mean",
    "expect",
    "flag",
    "one_of",
]

Kind = TypeVar("Kind")


class _Named(type):
    def __iter__(cls: type[Kind]) -> Iterator[Kind]:
        for word, member in vars(cls).items():
            if word.isupper() and isinstance(member, cls):
                yield member


class Option(metaclass=_Named):
    """A kind of options that are objects: some have names, others a user passes.

    The named ones are attributes of the kind in capital letters; iterating it gives them in order, as for an
    Enum, and they are pickled by name.

    Attributes
    ----------
    value : str
        The option's name.
    """

    value: str

    def __reduce__(self) -> Any:
        for kind in type(self).__mro__:
            for word, member in vars(kind).items():
                if member is self:
                    return getattr, (kind, word)
        return super().__reduce__()

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lstrip('_')}: {self.value!r}>"


def choice(kind: type[Kind], value: object, name: str) -> Kind:
    """Return the member of `kind` that `value` is or names.

    Parameters
    ----------
    kind : type of Enum, or of `Option`
        The values of its members are the words; where a value is a sentence, the member's name in lower case.
    value : member or str
    name : str
        Name of the option, for the message.

    Raises
    ------
    InvalidArgumentError
        If `value` is neither a member nor a word of `kind`; the message lists the words.
    """
    if isinstance(value, kind):
        return value
    words = _words_once(kind) if isinstance(kind, EnumMeta) else _words(kind)
    return words[one_of(words, value, name)]


def _words(kind: Any) -> dict[str, Any]:
    return {_word(member): member for member in kind}


_words_once = cache(_words)
"""Of an Enum, whose members are known for good: this costs a third of planning on ten states."""


def _word(member: Any) -> str:
    value = str(member.value)
    return str(member.name).lower() if " " in value else value


def expect(kinds: type | tuple[type, ...], value: object, name: str, remedy: str = "") -> Any:
    """Return `value` if it is an instance of one of `kinds`.

    Raises
    ------
    InvalidArgumentError
        If it is not; the message names the kinds, the type that was given, and the remedy.
    """
    if isinstance(value, kinds):
        return value
    spelled = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
    given = value.__name__ if isinstance(value, type) else type(value).__name__
    hint = f"; {remedy}" if remedy else ""
    raise InvalidArgumentError(f"Expected {name} to be a {spelled}, but got {value!r:.60} ({given}){hint}.")


def check_tolerance(tolerance: object, *, below: float = 1.0) -> None:
    """Raise `InvalidArgumentError` unless a tolerance is a number between 0 and `below`, both excluded."""
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 < tolerance < below:
        allowed = "between 0 and 1" if below == 1 else "> 0"
        raise InvalidArgumentError(
            f"Expected a tolerance {allowed}, but got tolerance={tolerance!r:.60}; 1e-9 is usual."
        )


def one_of(words: Collection[str], value: object, name: str) -> str:
    """Return `value` if it is one of `words`.

    Raises
    ------
    InvalidArgumentError
        If it is not; the message lists the words.
    """
    if isinstance(value, str) and value in words:
        return value
    allowed = ", ".join(repr(word) for word in words)
    raise InvalidArgumentError(
        f"Expected {name} to be one of {allowed}, but got {value!r:.60}.{did_you_mean(value, words)}"
    )


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return a sentence that names the known word that a misspelt one is nearest to, or nothing.

    >>> did_you_mean("griid", ["grid", "garnet"])
    " Did you mean 'grid'?"
    >>> did_you_mean("zebra", ["grid", "garnet"])
    ''
    """
    plain = {name.casefold(): name for name in reversed(list(islice(known, MOST_COMPARED)))}
    near = difflib.get_close_matches(str(word)[:80].casefold(), plain, n=1, cutoff=0.7)
    return f" Did you mean {plain[near[0]]!r:.80}?" if near else ""


MOST_COMPARED = 2000
"""Names that a misspelt one is compared with."""


def flag(value: object, name: str) -> bool:
    """Return `value` if it is True or False; words such as ``"no"`` would count as true.

    Raises
    ------
    InvalidArgumentError
        If it is anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise InvalidArgumentError(f"Expected {name} to be True or False, but got {value!r:.60}.")
    return bool(value)


def check_seed(seed: object) -> int:
    """Return a seed of random generators: a whole number, not negative.

    Raises
    ------
    InvalidArgumentError
        If it is anything else.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InvalidArgumentError(f"Expected seed to be a whole number >= 0, but got {seed!r:.60}.")
    return int(seed)


def check_progress(progress: object) -> None:
    """Raise `InvalidArgumentError` unless `progress` is None or can be called."""
    if progress is not None and not callable(progress):
        raise InvalidArgumentError(
            f"Expected progress to be a function of the bounds, or None, but got {progress!r:.60}."
        )


def as_path(path: object) -> Path:
    """Return the path of a file that a user named.

    Raises
    ------
    InvalidArgumentError
        If it is neither text nor a path.
    """
    if isinstance(path, str | os.PathLike) and isinstance(os.fspath(path), str):
        return Path(path)
    raise InvalidArgumentError(
        f"Expected the path of a file, but got {path!r:.60} of type {type(path).__name__}."
    )
