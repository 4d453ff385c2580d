"""Independent checker of certificates: proves ``lower <= value <= upper`` exactly, trusting nothing.

Standard library only, integers and fractions only, no solver and no tolerance:
``python check.py FILE [--process FILE] [--budget UNITS]`` exits with 0 and the proved bracket, with 1 and
the first thing that fails, or with 2 for bad usage. `docs/certificates.md` defines the format
``metaregret-certificate/1`` and says for every kind of claim why what is evaluated here is a proof.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

MAX_BYTES, MAX_BITS = 1 << 25, 1 << 17  # the size of a file, and of a common denominator
DIGITS = 4000  # the digits of an integer: counted on the text, before any conversion
BUDGET = 20_000_000  # work units of about a microsecond
LITERAL = re.compile(rf"-?[0-9]{{1,{DIGITS}}}(/[0-9]{{1,{DIGITS}}}|(\.[0-9]{{1,400}})?([eE][-+]?[0-9]{{1,3}})?)")
PRECISION = 192  # bits of a logarithm
T = TypeVar("T")
Number = int | Fraction
Bound = Number | float  # a float only where the bound is infinite
Row = list[tuple[int, int]]  # (numerator of the probability, successor)
Node = tuple[int, int]  # (state, or -1 before an episode; bit set B of the tasks still possible)
Table = dict[tuple[int, int, int], Number]  # (state, action, successor) -> reward
Doc = Mapping[str, Any]


class Rejected(Exception):
    """The certificate does not prove its claim; the message is the first thing that fails."""


class Proof(NamedTuple):
    """A statement and the bracket proved for its value."""

    statement: str
    lower: Bound
    upper: Bound


# ------------------------------------------------------------------ reading: every byte may be hostile


def need(condition: bool, reason: str) -> None:
    """Reject unless the condition holds."""
    if not condition:
        raise Rejected(reason)


def rational(text: str) -> Fraction:
    """Read "p/q", an integer or a decimal exactly, its length checked before any conversion."""
    need(LITERAL.fullmatch(text) is not None, f"not a rational of at most {DIGITS} digits: {text[:40]!a}")
    _, _, denominator = text.partition("/")
    need(not denominator or bool(denominator.strip("0")), "a denominator of zero")
    return Fraction(text)


def parse(data: bytes) -> object:
    """Read JSON strictly: no key twice, no NaN or infinity, decimals exact, lengths and depth limited."""

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        need(len(dict(items)) == len(items), "an object has a key twice")
        return dict(items)

    hooks: dict[str, Any] = {
        "object_pairs_hook": pairs,
        "parse_float": rational,
        "parse_int": lambda text: rational(text).numerator,
        "parse_constant": lambda text: need(False, f"not a number: {text}"),
    }
    try:
        return json.loads(data.decode(), **hooks)
    except RecursionError:
        raise Rejected("nested too deeply") from None
    except ValueError as error:  # neither UTF-8 nor JSON
        raise Rejected(f"not a JSON document: {error}") from None


def typed(value: object, kind: type[T], where: str) -> T:
    """Return the value if it has that type; a Boolean is no integer."""
    if not isinstance(value, kind) or isinstance(value, bool) and kind is not bool:
        raise Rejected(f"{where}: expected {kind.__name__}")
    return value


def fields(value: object, where: str, required: str, optional: str = "") -> Doc:
    """Return an object that has all required fields and no unknown one."""
    doc = typed(value, dict, where)
    for name in required.split():
        need(name in doc, f"{where}: field {name!r} is missing")
    for name in doc:
        need(name in required.split() + optional.split(), f"{where}: unknown field {name!a}")
    return doc


def number(value: object, where: str) -> Fraction:
    """Return an exact number: an integer, a decimal literal or a string "p/q"."""
    return rational(value) if isinstance(value, str) else Fraction(typed(value, Fraction | int, where))


def integer(value: object, where: str, low: int, high: int = 10**9) -> int:
    """Return an integer of ``low..high``."""
    need(low <= typed(value, int, where) <= high, f"{where}: expected an integer of {low}..{high}")
    return typed(value, int, where)


def find(names: Mapping[str, int], name: object, where: str) -> int:
    """Return the index of a name."""
    need(isinstance(name, str) and name in names, f"{where}: unknown name {str(name)[:40]!a}")
    return names[str(name)]
