"""Typed errors: each message names the item, its position, its value and the remedy.

>>> import metaregret as mr
>>> try:
...     mr.make("grid:3y3")
... except mr.errors.MetaregretError as error:
...     kind = type(error)
>>> issubclass(kind, mr.errors.MetaregretError)
True
"""

from __future__ import annotations

__all__ = [
    "ContradictionError",
    "ConvergenceError",
    "EnvironmentSpecError",
    "FileFormatError",
    "InstanceTooLargeError",
    "InvalidArgumentError",
    "InvalidProcessError",
    "MetaregretError",
    "MissingExtraError",
    "NotExactError",
    "SolverError",
    "UnknownNameError",
    "UnreachableGoalError",
    "UnsupportedError",
]


class MetaregretError(Exception):
    """Base class of every error that this project raises on purpose."""


class InvalidArgumentError(MetaregretError, ValueError):
    """An argument has a wrong type, shape or value."""


class InvalidProcessError(InvalidArgumentError):
    """A controlled Markov process is malformed (row sums, negative or NaN entries, shapes, horizons)."""


class FileFormatError(InvalidArgumentError):
    """A file from outside is not what its format promises."""


class EnvironmentSpecError(InvalidArgumentError):
    """A short specification such as ``grid:5x5`` cannot be read."""


class UnreachableGoalError(InvalidArgumentError):
    """A goal has ``v*_g = 0``: no policy reaches it, so regret against it is not defined by the theory."""


class UnknownNameError(InvalidArgumentError, KeyError):
    """A name that a mapping of results does not have."""

    def __str__(self) -> str:
        return str(self.args[0])


class NotExactError(InvalidArgumentError):
    """Exact arithmetic was asked for, but the process carries no rational probabilities."""


class UnsupportedError(MetaregretError, ValueError):
    """A combination of options that the theory, or this version, does not define."""


class InstanceTooLargeError(MetaregretError, ValueError):
    """The estimated size of a computation exceeds its limit; raised before any memory is spent."""


class MissingExtraError(MetaregretError, ImportError):
    """An optional dependency is not installed; the message says which extra brings it."""


class ConvergenceError(MetaregretError, RuntimeError):
    """An iteration limit was reached before the requested bracket was certified.

    Attributes
    ----------
    lower, upper : float
        The best certified bounds at the time of stopping.
    """

    def __init__(self, message: str, *, lower: float = float("-inf"), upper: float = float("inf")) -> None:
        super().__init__(message)
        self.lower = lower
        self.upper = upper


class SolverError(MetaregretError, RuntimeError):
    """No numerical solver returned variables from which a certified bracket could be recomputed."""


class ContradictionError(SolverError):
    """Certified bounds contradict each other: a programming error, never hidden by asking another solver."""
