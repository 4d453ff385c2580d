"""Options of a short specification such as ``grid:5x5,slip=1/10``: read, typed, and refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from metaregret.tabular.choices import did_you_mean
from metaregret.tabular.errors import EnvironmentSpecError, InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction

if TYPE_CHECKING:
    from metaregret.tabular.importers.imported import Imported

__all__ = ["MAX_STATES", "MAX_TRANSITIONS", "Environment", "Options", "check_transitions", "whole_number"]

MAX_STATES = 20_000_000
"""Largest number of states that a specification may ask for."""


MAX_TRANSITIONS = 50_000_000
"""Largest number of transitions (before repeated ones are merged); about 100 bytes each while building."""


def check_transitions(count: int, what: str) -> None:
    """Raise `InstanceTooLargeError` if an environment asks for too many transitions."""
    if count > MAX_TRANSITIONS:
        raise InstanceTooLargeError(
            f"{what} needs {count} transitions, over the limit of {MAX_TRANSITIONS}; ask for fewer "
            "states, actions or "
            "successors."
        )


def whole_number(text: str, what: str, minimum: int = 1, maximum: int = MAX_STATES) -> int:
    """Read a whole number in a range, or raise `EnvironmentSpecError` naming it."""
    if not text.isdecimal() or len(text) > 12 or not minimum <= int(text) <= maximum:
        raise EnvironmentSpecError(
            f"Expected {what} to be a whole number from {minimum} to {maximum}, but got {text[:40]!r}."
        )
    return int(text)


class Options:
    """The ``key=value`` part of a specification; every key must be taken, or `finish` names it."""

    def __init__(self, values: Mapping[str, str], where: str) -> None:
        self._values: dict[str, Any] = dict(values)
        self._where = where
        self._asked: list[str] = []  # the options that the environment has
        self._of = where.removesuffix(":")

    def integer(
        self, key: str, default: int | None = None, minimum: int = 0, maximum: int = MAX_STATES
    ) -> int:
        """Take a whole number."""
        text = self._take(key)
        if text is None:
            if default is None:
                raise EnvironmentSpecError(f"{self._where} needs {key}=NUMBER.")
            return default
        return whole_number(text, f"{self._of}: {key}", minimum, maximum)

    def probability(self, key: str, default: Fraction = Fraction(0)) -> Fraction:
        """Take a rational number in [0, 1]."""
        text = self._take(key)
        if text is None:
            return default
        try:
            value = parse_fraction(text, f"{self._of}: {key}")
        except InvalidArgumentError as error:
            raise EnvironmentSpecError(str(error)) from None
        if not 0 <= value <= 1:
            raise EnvironmentSpecError(f"Expected {self._of}: {key} between 0 and 1, but got {text}.")
        return value

    def _take(self, key: str) -> str | None:
        self._asked.append(key)
        return self._values.pop(key, None)

    def put(self, key: str, value: Any) -> None:
        """Set an option, whatever the specification says."""
        self._values[key] = value

    def rest(self) -> dict[str, Any]:
        """Take everything that is left, as text."""
        values, self._values = self._values, {}
        return values

    def finish(self) -> None:
        """Raise `EnvironmentSpecError` if an option was not understood."""
        if self._values:
            key = next(iter(self._values))
            raise EnvironmentSpecError(
                f"{self._where} has no option {key!r}; see `metaregret env list`."
                + did_you_mean(key, self._asked)
            )


@dataclass(frozen=True)
class Environment:
    """An environment that specifications can name; each environment file defines one as ``ENVIRONMENT``.

    Attributes
    ----------
    name : str
        The word before the colon.
    usage : str
        The form of the specification, for ``env list``.
    summary : str
        One line.
    examples : tuple of str
        Specifications that work, with a horizon suggestion in parentheses left out.
    build : callable
        ``build(body, options)`` returns the process, or a model with rewards and notes; `body` is the text
        before the first comma.
    takes_start : bool
        Whether the model depends on where episodes start, so that ``start=`` belongs to the specification.
    """

    name: str
    usage: str
    summary: str
    examples: tuple[str, ...]
    build: Callable[[str, Options], ControlledMarkovProcess | Imported]
    takes_start: bool = False
