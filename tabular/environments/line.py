"""A line of n states: left, right, stay; the ends keep the agent in place.

With slip probability ``q`` any move, staying included, is replaced by left or right with equal probability.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from metaregret.tabular.environments.options import Environment, Options, check_transitions, whole_number
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction

__all__ = ["ENVIRONMENT", "line"]


def line(
    length: int,
    *,
    slip: Fraction | int = Fraction(0),
    start: int = 0,
    horizon: Horizon | int | None = None,
) -> ControlledMarkovProcess:
    """Return a line of `length` states with moves left, right and stay.

    Parameters
    ----------
    length : int
        Number of states.
    slip : Fraction
        Probability that the move is replaced by left or right.
    start : int
        Index of the initial state.
    horizon : Horizon or int, optional
        By default the smallest number of steps that reaches every state (at least one).

    Raises
    ------
    EnvironmentSpecError
        If `start` is not on the line or `slip` is not a probability.
    """
    slip = parse_fraction(slip, "slip")
    if not 0 <= slip <= 1:
        raise EnvironmentSpecError(f"Expected slip between 0 and 1, but got slip={slip}.")
    if not 0 <= start < length:
        raise EnvironmentSpecError(f"Expected start in 0..{length - 1}, but got start={start}.")
    check_transitions((9 if slip else 3) * length, f"line:{length}")
    state = np.arange(length)
    successors = [np.maximum(state - 1, 0), np.minimum(state + 1, length - 1), state]
    keys, weights = [], []
    for action, to in enumerate(successors):
        keys.append(np.column_stack([state, np.full(length, action), to]))
        weights.append(np.full(length, 2 * (slip.denominator - slip.numerator)))
        for direction in successors[:2] if slip else ():
            keys.append(np.column_stack([state, np.full(length, action), direction]))
            weights.append(np.full(length, slip.numerator))
    return ControlledMarkovProcess.from_counts(
        np.concatenate(keys),
        np.concatenate(weights),
        2 * slip.denominator,
        states=length,
        actions=("left", "right", "stay"),
        initial=start,
        horizon=max(1, start, length - 1 - start) if horizon is None else horizon,
        name=f"line:{length}" + (f",slip={slip}" if slip else "") + (f",start={start}" if start else ""),
        picture=(tuple(range(length)),),
    )


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    length = whole_number(body, "line length")
    return line(length, slip=options.probability("slip"), start=options.integer("start", 0))


ENVIRONMENT = Environment(
    "line",
    "line:LENGTH[,slip=P/Q][,start=INDEX]",
    "a line; moves left, right, stay",
    ("line:7", "line:7,start=3"),
    _build,
)
