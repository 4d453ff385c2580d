"""One step, K goals reached surely and one reached by luck: where mutual information pays most (T21).

The agent starts in state ``start`` and takes one action. Action ``g`` of ``1..K`` ends in goal ``g`` with
certainty; action 0 ends in goal 0 with probability ``v`` and otherwise in one of the goals ``1..K``,
uniformly. Skills that maximise mutual information all but leave the noisy action out.
"""

from __future__ import annotations

from fractions import Fraction

from metaregret.tabular.environments.options import Environment, Options, check_transitions
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["ENVIRONMENT", "noisy_goal"]


def noisy_goal(count: int, luck: Fraction) -> ControlledMarkovProcess:
    """Return the process with `count` sure goals; state 0 is the noisy goal, the last state the start.

    Parameters
    ----------
    count : int
        Number ``K`` of goals that are reached surely, at least one.
    luck : Fraction
        Probability ``v`` of ending in goal 0 when aiming at it, above 0 and at most 1.

    Raises
    ------
    EnvironmentSpecError
        If there is no sure goal, or the probability is not above 0 and at most 1.
    """
    name = f"noisy-goal:K={count},v={luck}"
    if count < 1:
        raise EnvironmentSpecError(f"Expected K >= 1 sure goals, but got {name}.")
    if not 0 < luck <= 1:
        raise EnvironmentSpecError(
            f"Expected a probability v above 0 and at most 1, but got {name}; at v=0 there is no goal 0."
        )
    check_transitions(4 * count, name)
    start = count + 1
    rows: list[tuple[int, int, int, Fraction]] = [(start, 0, 0, luck)]
    if luck < 1:
        rows += [(start, 0, goal, (1 - luck) / count) for goal in range(1, count + 1)]
    rows += [(start, goal, goal, Fraction(1)) for goal in range(1, count + 1)]
    rows += [(goal, 0, goal, Fraction(1)) for goal in range(count + 1)]
    return ControlledMarkovProcess.from_transitions(
        rows,
        states=[*(str(goal) for goal in range(count + 1)), "start"],
        actions=[str(goal) for goal in range(count + 1)],
        initial=start,
        horizon=1,
        name=name,
    )


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    if body:
        raise EnvironmentSpecError(f"noisy-goal takes K=NUMBER and v=PROBABILITY only, but got {body!r}.")
    count = options.integer("K", minimum=1, maximum=1_000_000)
    return noisy_goal(count, options.probability("v", Fraction(1, 2)))


ENVIRONMENT = Environment(
    "noisy-goal",
    "noisy-goal:K=NUMBER[,v=PROBABILITY]",
    "one step; K goals reached surely and goal 0 with probability v [default 1/2]",
    ("noisy-goal:K=4,v=1/2", "noisy-goal:K=16,v=1/8"),
    _build,
)
