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

from collections.abc import Sequence
from enum import Enum
from typing import Any, TypeVar

from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["check_tolerance", "choice", "expect", "one_of"]

Kind = TypeVar("Kind", bound=Enum)


def choice(kind: type[Kind], value: object, name: str) -> Kind:
    """Return the member of `kind` that `value` is or names.

    Parameters
    ----------
    kind : type of Enum
        Its values are the words; where a value is a sentence, the member's name in lower case is.
    value : Enum member or str
    name : str
        Name of the option, for the message.

    Raises
    ------
    InvalidArgumentError
        If `value` is neither a member nor a word of `kind`; the message lists the words.
    """
    if isinstance(value, kind):
        return value
    words = {_word(member): member for member in kind}
    return words[one_of(tuple(words), value, name)]


def _word(member: Enum) -> str:
    value = str(member.value)
    return member.name.lower() if " " in value else value


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
    number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    if not number or not 0 < tolerance < below:  # type: ignore[operator]
        allowed = "between 0 and 1" if below == 1 else "> 0"
        raise InvalidArgumentError(
            f"Expected a tolerance {allowed}, but got tolerance={tolerance!r:.60}; 1e-9 is usual."
        )


def one_of(words: Sequence[str], value: object, name: str) -> str:
    """Return `value` if it is one of `words`.

    Raises
    ------
    InvalidArgumentError
        If it is not; the message lists the words.
    """
    if isinstance(value, str) and value in words:
        return value
    allowed = ", ".join(repr(word) for word in words)
    raise InvalidArgumentError(f"Expected {name} to be one of {allowed}, but got {value!r:.60}.")
