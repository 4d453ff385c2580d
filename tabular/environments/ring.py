"""A ring of n positions on which the agent moves with a speed of its own: faster, slower, coast.

State ``(speed, position)``, with speeds ``-V..V`` (the agent starts at rest at position 0). An action adds
one to the speed, takes one off or leaves it, within the limits; then the position moves on by the new speed
around the ring. States are numbered speed by speed: ``(v + V) n + position``.

Stands for the locomotion tasks of meta-reinforcement learning, where a task is a target speed (Finn, Abbeel
and Levine 2017, arXiv 1703.03400, sec. 5.3).
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.environments.options import Environment, Options, check_transitions, whole_number
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["ENVIRONMENT", "ring"]

CHANGES = {"slower": -1, "faster": 1, "coast": 0}


def ring(length: int, *, speed: int = 2, horizon: Horizon | int | None = None) -> ControlledMarkovProcess:
    """Return a ring of `length` positions with speeds from ``-speed`` to ``speed``.

    Parameters
    ----------
    length : int
        Number of positions ``n``.
    speed : int
        Largest speed ``V``, in positions per step.
    horizon : Horizon or int, optional
        By default ``2 V``: time to reach any speed and to hold it as long.

    Raises
    ------
    EnvironmentSpecError
        If `length` or `speed` is less than one.
    """
    if length < 1 or speed < 1:
        raise EnvironmentSpecError(
            f"Expected at least one position and a largest speed of at least 1, but got length={length}, "
            f"speed={speed}."
        )
    speeds = 2 * speed + 1
    check_transitions(3 * speeds * length, f"ring:{length},speed={speed}")
    state = np.arange(speeds * length)
    moving, position = state // length - speed, state % length
    keys = []
    for action, change in enumerate(CHANGES.values()):
        following = np.clip(moving + change, -speed, speed)
        to = (following + speed) * length + (position + following) % length
        keys.append(np.column_stack([state, np.full_like(state, action), to]))
    return ControlledMarkovProcess.from_counts(
        np.concatenate(keys),
        np.ones(3 * len(state), dtype=np.int64),
        1,
        states=len(state),
        actions=tuple(CHANGES),
        initial=speed * length,
        horizon=2 * speed if horizon is None else horizon,
        name=f"ring:{length},speed={speed}",
        picture=tuple(tuple(range(row * length, (row + 1) * length)) for row in reversed(range(speeds))),
    )


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    length = whole_number(body, "ring length")
    return ring(length, speed=options.integer("speed", 2, minimum=1, maximum=10_000))


ENVIRONMENT = Environment(
    "ring",
    "ring:LENGTH[,speed=MAX]",
    "a ring on which the agent has a speed; moves slower, faster, coast",
    ("ring:5", "ring:5,speed=4"),
    _build,
)
