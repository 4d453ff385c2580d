"""Attempt processes: one step, action ``g`` ends in goal ``g`` with probability ``v_g``, else nowhere.

State 0 is the start, where a failed attempt stays; it is no goal. Goals are the states ``1..K`` in the
order given. Searching boxes with imperfect looks is the classical form (Stone, *Theory of Optimal Search*
(1975), ch. 4).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from metaregret.tabular.environments.options import Environment, Options, check_transitions
from metaregret.tabular.errors import EnvironmentSpecError, InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction

__all__ = ["ENVIRONMENT", "attempts"]


def attempts(chances: Sequence[Fraction | int | str]) -> ControlledMarkovProcess:
    """Return the process of one attempt at one of ``K`` goals.

    Parameters
    ----------
    chances : sequence of Fraction
        ``v_g`` in ``(0, 1]``, one per goal.

    Raises
    ------
    EnvironmentSpecError
        If there is no goal, or a chance is not in ``(0, 1]``.
    """
    values: list[Fraction] = []
    for position, chance in enumerate(chances):
        try:
            value = parse_fraction(chance, "chance")
        except InvalidArgumentError as error:
            raise EnvironmentSpecError(f"attempts: goal {position + 1}: {error}") from None
        if not 0 < value <= 1:
            raise EnvironmentSpecError(
                f"Expected the chance of goal {position + 1} above 0 and at most 1, but got {value}; leave "
                "out goals that cannot be reached."
            )
        values.append(value)
    if not values:
        raise EnvironmentSpecError(
            "Expected a chance for each goal, such as attempts:1,1/2,1/4, but got none."
        )
    count = len(values)
    check_transitions(3 * count + 1, "attempts")
    rows: list[tuple[int, int, int, object]] = []
    for goal, chance in enumerate(values, start=1):
        rows.append((0, goal - 1, goal, chance))
        if chance < 1:
            rows.append((0, goal - 1, 0, 1 - chance))
        rows.append((goal, 0, goal, Fraction(1)))
    process = ControlledMarkovProcess.from_transitions(
        rows,
        states=count + 1,
        actions=tuple(f"try-{goal}" for goal in range(1, count + 1)),
        initial=0,
        horizon=1,
        name="attempts:" + ",".join(str(value) for value in values),
    )
    return dataclasses.replace(process, counts_as=np.array([-1, *range(1, count + 1)]))


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    return attempts([part.strip() for part in body.split(",")] if body.strip() else [])


ENVIRONMENT = Environment(
    "attempts",
    "attempts:P/Q,P/Q,...",
    "one attempt per episode: action g ends in goal g with the given chance, else in no goal",
    ("attempts:1,1/2,1/4",),
    _build,
)
