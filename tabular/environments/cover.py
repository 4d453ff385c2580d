"""A set system as a process: one action per set, whose goals an episode comes by one after the other.

Every set is a path of its own through copies of its goals (`ControlledMarkovProcess.counts_as`): a process in
which each goal is a single state cannot hold every set system, since two paths through one state can be
spliced there. Goals are noticed on the way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from metaregret.tabular.environments.options import Environment, Options, check_transitions, whole_number
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["ENVIRONMENT", "cover", "read_sets"]

MAX_GOALS = 100_000


def cover(sets: Sequence[Sequence[int]]) -> ControlledMarkovProcess:
    """Return the process whose episodes come by the goals of one of the sets.

    States ``0..K-1`` are the goals, each the one of the first set that holds it; ``g@j`` is goal ``g`` on the
    path of set ``j`` and counts as ``g``; ``start`` counts as no goal. The horizon is the largest size of
    a set.

    Parameters
    ----------
    sets : sequence of sequence of int
        Not empty; together they hold every goal from 0 to the largest, and no set holds one twice.

    Raises
    ------
    EnvironmentSpecError
        Naming the set and the goal, otherwise.
    """
    paths = [list(one) for one in sets]
    _check(paths)
    count = 1 + max(goal for one in paths for goal in one)
    check_transitions(2 * sum(map(len, paths)), "cover")
    names, counts_as = [str(goal) for goal in range(count)], list(range(count))
    start, placed = count, set[int]()
    names.append("start")
    counts_as.append(-1)
    rows: list[tuple[int, int, int, object]] = []
    for number, path in enumerate(paths):
        here, action = start, number
        for goal in path:
            state = goal if goal not in placed else len(names)
            if state != goal:
                names.append(f"{goal}@{number}")
                counts_as.append(goal)
            placed.add(goal)
            rows.append((here, action, state, Fraction(1)))
            here, action = state, 0
        rows.append((here, 0, here, Fraction(1)))
    process = ControlledMarkovProcess.from_transitions(
        rows,
        states=names,
        actions=tuple(f"set-{number}" for number in range(len(paths))),
        initial=start,
        horizon=max(map(len, paths)),
        name="cover:" + ";".join(".".join(map(str, path)) for path in paths),
    )
    return dataclasses.replace(process, counts_as=np.array(counts_as))


def _check(paths: list[list[int]]) -> None:
    if not paths:
        raise EnvironmentSpecError("Expected at least one set, such as cover:0.1;1.2, but got none.")
    for number, path in enumerate(paths):
        if not path:
            raise EnvironmentSpecError(f"Set {number} is empty; give it a goal or leave it out.")
        if min(path) < 0:
            raise EnvironmentSpecError(f"Set {number} holds goal {min(path)}; goals are numbered from 0.")
        twice = next((goal for goal in path if path.count(goal) > 1), None)
        if twice is not None:
            raise EnvironmentSpecError(f"Set {number} holds goal {twice} twice; name each goal once.")
    held = {goal for path in paths for goal in path}
    missing = next((goal for goal in range(max(held)) if goal not in held), None)
    if missing is not None:
        raise EnvironmentSpecError(f"No set holds goal {missing}; number the goals 0..K-1 without gaps.")


def read_sets(text: str) -> list[list[int]]:
    """Read ``0.1.2;0.3.4``: sets apart by semicolons, goals by full stops.

    Raises
    ------
    EnvironmentSpecError
        If something is not a goal's number.
    """
    return [
        [
            whole_number(goal.strip(), f"a goal of set {number}", minimum=0, maximum=MAX_GOALS - 1)
            for goal in one.split(".")
        ]
        for number, one in enumerate(text.split(";"))
    ]


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    if not body.strip():
        raise EnvironmentSpecError("Expected at least one set, such as cover:0.1;1.2, but got none.")
    return cover(read_sets(body))


ENVIRONMENT = Environment(
    "cover",
    "cover:G.G...;G.G...;...",
    "a set system: one action per set, whose goals are noticed on the way (ask for --detect visit)",
    ("cover:0.1.2;0.3.4;0.5.6;1.3.5;1.4.6;2.3.6;2.4.5",),
    _build,
)
