"""A line of n states: left, right, stay; the ends keep the agent in place."""

from __future__ import annotations

import numpy as np

from tabular.environments.options import Environment, Options, check_transitions, whole_number
from tabular.errors import EnvironmentSpecError
from tabular.horizon import Horizon
from tabular.process import ControlledMarkovProcess

__all__ = ["ENVIRONMENT", "line"]


def line(length: int, *, start: int = 0, horizon: Horizon | int | None = None) -> ControlledMarkovProcess:
    """Return a line of `length` states with moves left, right and stay.

    Parameters
    ----------
    length : int
        Number of states.
    start : int
        Index of the initial state.
    horizon : Horizon or int, optional
        By default the smallest number of steps that reaches every state (at least one).

    Raises
    ------
    EnvironmentSpecError
        If `start` is not on the line.
    """
    if not 0 <= start < length:
        raise EnvironmentSpecError(f"Expected start in 0..{length - 1}, but got start={start}.")
    check_transitions(3 * length, f"line:{length}")
    state = np.arange(length)
    successors = [np.maximum(state - 1, 0), np.minimum(state + 1, length - 1), state]
    keys = np.concatenate(
        [np.column_stack([state, np.full(length, action), to]) for action, to in enumerate(successors)]
    )
    return ControlledMarkovProcess.from_counts(
        keys,
        np.ones(len(keys), dtype=np.int64),
        1,
        states=length,
        actions=("left", "right", "stay"),
        initial=start,
        horizon=max(1, start, length - 1 - start) if horizon is None else horizon,
        name=f"line:{length}" + (f",start={start}" if start else ""),
        picture=(tuple(range(length)),),
    )


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    length = whole_number(body, "line length")
    return line(length, start=options.integer("start", 0))


ENVIRONMENT = Environment(
    "line",
    "line:LENGTH[,start=INDEX]",
    "a line; moves left, right, stay",
    ("line:7", "line:7,start=3"),
    _build,
)
