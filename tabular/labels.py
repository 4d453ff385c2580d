"""Names of states and actions: an explicit tuple, or a count whose names are ``"0", "1", ...``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from metaregret.tabular.choices import did_you_mean
from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["Labels", "split_names", "split_pairs"]


class Labels(Sequence[str]):
    """An immutable sequence of distinct names that costs no memory when the names are just numbers.

    Parameters
    ----------
    names : int or sequence of str
        A count ``n`` (names ``"0"`` to ``str(n - 1)``) or the names themselves.
    what : str
        What is named, for error messages ("state", "action", "goal").

    Raises
    ------
    InvalidArgumentError
        If there is no name, a name repeats, or a name is not a string.
    """

    __slots__ = ("_count", "_index", "_names", "what")

    def __init__(self, names: int | Sequence[str], what: str = "state") -> None:
        self.what = what
        self._names: tuple[str, ...] | None = None
        self._index: dict[str, int] | None = None
        if isinstance(names, (str, bool)):
            raise InvalidArgumentError(
                f"Expected a count or a list of {what} names, but got {names!r}; mend it."
            )
        if isinstance(names, (int, np.integer)):
            self._count = int(names)
        else:
            self._names = tuple(names)
            self._count = len(self._names)
            self._index = {}
            for position, name in enumerate(self._names):
                self._register(position, name)
        if self._count < 1:
            raise InvalidArgumentError(
                f"Expected at least one {what}, but got {self._count}; name or count them."
            )

    def _register(self, position: int, name: str) -> None:
        assert self._index is not None
        if not isinstance(name, str):
            raise InvalidArgumentError(
                f"Expected {self.what} names to be strings, but got {name!r} at index {position}; quote it."
            )
        if name in self._index:
            raise InvalidArgumentError(
                f"Expected distinct {self.what} names, but {name!r} stands at index {self._index[name]} and "
                f"again at index {position}; rename one."
            )
        self._index[name] = position

    @property
    def counted(self) -> bool:
        """Whether the names are just numbers."""
        return self._names is None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, item: int) -> str: ...
    @overload
    def __getitem__(self, item: slice) -> tuple[str, ...]: ...
    def __getitem__(self, item: int | slice) -> str | tuple[str, ...]:
        if isinstance(item, slice):
            return tuple(self[i] for i in range(*item.indices(self._count)))
        position = int(item) + self._count if item < 0 else int(item)
        if not 0 <= position < self._count:
            raise IndexError(f"{self.what} index {item} is out of range for {self._count} {self.what}s")
        return str(position) if self._names is None else self._names[position]

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(self._count))

    def position(self, name: str) -> int:
        """Return the index of `name`.

        Raises
        ------
        InvalidArgumentError
            If the name is not there; the message lists some that are.
        """
        if self._index is not None and name in self._index:
            return self._index[name]
        short = len(name) <= 20  # longer numbers name nothing, and are not worth converting
        if (
            self._names is None
            and short
            and name.isdecimal()
            and str(int(name)) == name
            and int(name) < self._count
        ):
            return int(name)
        some = ", ".join(repr(known[:40]) for known in self[:8])
        more = f" and {self._count - 8} more" if self._count > 8 else ""
        raise InvalidArgumentError(
            f"Unknown {self.what} {name[:80]!r}; the {self.what}s are {some}{more}."
            + ("" if self._names is None else did_you_mean(name, self._names))
        )

    def __contains__(self, name: object) -> bool:
        if self._index is not None:
            return name in self._index
        short = isinstance(name, str) and len(name) <= 20 and name.isdecimal()
        return short and str(int(str(name))) == name and int(str(name)) < self._count

    def select(self, text: str) -> list[int]:
        """Return the indices of the names that `text` lists: see `split_names`; a whole name is itself.

        Raises
        ------
        InvalidArgumentError
            If a name is not there or is listed twice.
        """
        names = [text] if text in self else split_names(text, self.what)
        for index, name in enumerate(names):
            if name in names[:index]:
                raise InvalidArgumentError(f"The {self.what} {name[:80]!r} is named twice; name it once.")
        return [self.position(name) for name in names]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Labels) or len(self) != len(other):
            return False
        return (self.counted and other.counted) or tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash((self._count, self[0]))  # counted and spelled-out names that are equal hash alike

    def __repr__(self) -> str:
        return f"Labels({self._count})" if self._names is None else f"Labels({list(self._names)!r})"


def split_names(text: str, what: str = "name") -> list[str]:
    """Return the names in ``A,B,"4,3"`` (names with commas in double quotes, escaped as in JSON) or a JSON
    list.

    Raises
    ------
    InvalidArgumentError
        If a quote or the list does not close, or there is no name.
    """
    return [name for name, _ in _items(text, what, pairs=False)]


def split_pairs(text: str, what: str = "name") -> list[tuple[str, str]]:
    """Return the pairs in ``A=P,"4,3"=Q``, in a JSON list of pairs, or in a JSON object.

    Raises
    ------
    InvalidArgumentError
        If an item has no ``=``, a quote or bracket does not close, or there is no item.
    """
    return _items(text, what, pairs=True)


def _items(text: str, what: str, *, pairs: bool) -> list[tuple[str, str]]:
    found = _json_items(text, what, pairs=pairs) if text.lstrip()[:1] in ("[", "{") else None
    if found is None:
        found, rest = [], text
        while rest:
            name, rest = _quoted(rest, what) if rest.startswith('"') else ("", rest)
            plain, comma, rest = rest.partition(",")
            value = ""
            if pairs:
                front, equals, value = plain.rpartition("=")
                if not equals or (name and front):
                    raise InvalidArgumentError(f"Expected {what}=NUMBER, but got {(name + plain)[:80]!r}.")
                name = name or front
            elif name and plain:
                raise InvalidArgumentError(
                    f"Expected a comma after the quoted {what} {name[:80]!r}, but got {plain[:40]!r}."
                )
            if name or plain:
                found.append((name or plain, value))
            if comma and not rest:
                break
    if not found:
        raise InvalidArgumentError(
            f"Expected at least one {what}, but the list {text[:80]!r} is empty; name one."
        )
    return found


def _quoted(text: str, what: str) -> tuple[str, str]:
    """Split off the JSON string that `text` begins with."""
    try:
        name, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        raise InvalidArgumentError(
            f'The quotes of the {what} {text[:80]!r} do not close; write names with commas as "4,3".'
        ) from None
    return str(name), text[end:]


def _json_items(text: str, what: str, *, pairs: bool) -> list[tuple[str, str]] | None:
    """The items of a JSON list or object; None where `text` is none."""
    try:
        value = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    items = list(value.items()) if isinstance(value, dict) else value
    if not pairs:
        items = [(name, "") for name in items]
    for item in items:
        if not (isinstance(item, (list, tuple)) and len(item) == 2 and all(isinstance(x, str) for x in item)):
            form = '[["A", "1/2"], ...]' if pairs else '["A", "B"]'
            raise InvalidArgumentError(f"Expected a list of {what}s such as {form}, but got {text[:80]!r}.")
    return [(item[0], item[1]) for item in items]
