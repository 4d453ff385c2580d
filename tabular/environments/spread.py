"""The spread process: one step, action ``j`` ends in a uniformly random goal other than ``j``.

State 0 is the start, goals are the states ``1..K``. All goals are equally reachable, ``v* = 1 / (K -
1)``, and yet a learner with memory does ``K`` times better than one without (C11).
"""

from __future__ import annotations

from fractions import Fraction

from metaregret.tabular.environments.options import Environment, Options, check_transitions, whole_number
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["ENVIRONMENT", "spread"]


def spread(count: int) -> ControlledMarkovProcess:
    """Return the process on `count` goals.

    Raises
    ------
    EnvironmentSpecError
        With fewer than two goals.
    """
    if count < 2:
        raise EnvironmentSpecError(f"Expected at least two goals to spread over, but got {count}.")
    check_transitions(count * count, f"spread:{count}")
    share = Fraction(1, count - 1)
    goals = range(1, count + 1)
    rows: list[tuple[int, int, int, object]] = [(0, j - 1, g, share) for j in goals for g in goals if g != j]
    rows += [(g, 0, g, Fraction(1)) for g in goals]
    return ControlledMarkovProcess.from_transitions(
        rows,
        states=count + 1,
        actions=tuple(f"not-{goal}" for goal in goals),
        initial=0,
        horizon=1,
        name=f"spread:{count}",
    )


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    return spread(whole_number(body, "the number of goals", minimum=2, maximum=5000))


ENVIRONMENT = Environment(
    "spread",
    "spread:K",
    "one step: action j ends in a uniformly random one of the other K - 1 goals",
    ("spread:3",),
    _build,
)
