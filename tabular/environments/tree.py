"""A tree given by the parent of each non-root node; one can walk to a neighbour or stay.

With slip probability ``q`` any move, staying included, is replaced by one to a uniformly random neighbour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction

from metaregret.tabular.environments.options import Environment, Options
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction

__all__ = ["ENVIRONMENT", "tree"]


def tree(
    parents: Sequence[int],
    *,
    slip: Fraction | int = Fraction(0),
    start: int = 0,
    horizon: Horizon | int | None = None,
) -> ControlledMarkovProcess:
    """Return a tree on ``len(parents) + 1`` nodes; node 0 is the root.

    Parameters
    ----------
    parents : sequence of int
        ``parents[i]`` is the parent of node ``i + 1`` and is smaller than ``i + 1``.
    slip : Fraction
        Probability that the move is replaced by one to a uniformly random neighbour.
    start : int
        Index of the initial node.
    horizon : Horizon or int, optional
        By default the distance of the farthest node from the start (at least one).

    Notes
    -----
    Action 0 stays; action ``k`` walks to the k-th neighbour (the parent first, then the children in
    order), so nodes have different action sets.

    Raises
    ------
    EnvironmentSpecError
        If a parent is not an earlier node, the start is not a node, or `slip` is not a probability.
    """
    slip = parse_fraction(slip, "slip")
    if not 0 <= slip <= 1:
        raise EnvironmentSpecError(f"Expected slip between 0 and 1, but got slip={slip}.")
    nodes = len(parents) + 1
    if not 0 <= start < nodes:
        raise EnvironmentSpecError(f"Expected start in 0..{nodes - 1}, but got start={start}.")
    neighbours: list[list[int]] = [[] for _ in range(nodes)]
    for child, parent in enumerate(parents, start=1):
        if not 0 <= parent < child:
            raise EnvironmentSpecError(
                f"Expected the parent of node {child} to be one of 0..{child - 1}, but got {parent}; "
                "number parents before their children."
            )
        neighbours[child].append(parent)
        neighbours[parent].append(child)
    rows = []
    for node, near in enumerate(neighbours):
        for action, to in enumerate([node, *near]):
            chances = {next_node: slip / len(near) for next_node in near if slip}
            chances[to] = chances.get(to, Fraction(0)) + 1 - sum(chances.values())
            rows += [(node, action, next_node, p) for next_node, p in chances.items() if p]
    degree = max(len(near) for near in neighbours)
    return ControlledMarkovProcess.from_transitions(
        rows,
        states=nodes,
        actions=("stay", *(f"to-{k}" for k in range(1, degree + 1))),
        initial=start,
        horizon=max(1, _eccentricity(neighbours, start)) if horizon is None else horizon,
        name="tree:"
        + ",".join(map(str, parents))
        + (f",slip={slip}" if slip else "")
        + (f",start={start}" if start else ""),
    )


def _eccentricity(neighbours: list[list[int]], start: int) -> int:
    distance = {start: 0}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for near in neighbours[node]:
            if near not in distance:
                distance[near] = distance[node] + 1
                queue.append(near)
    return max(distance.values())


def _build(body: str, options: Options) -> ControlledMarkovProcess:
    parts = [part for part in body.split(",") if part]
    if len(parts) > 100_000:
        raise EnvironmentSpecError(f"Expected at most 100000 nodes, but got {len(parts) + 1}.")
    for position, part in enumerate(parts):
        if not part.isdecimal() or len(part) > 9:
            raise EnvironmentSpecError(
                f"Expected tree parents to be node numbers, but got {part!r} at index {position}; "
                "for example tree:0,0,1,1."
            )
    numbers = [int(part) for part in parts]
    return tree(numbers, slip=options.probability("slip"), start=options.integer("start", 0))


ENVIRONMENT = Environment(
    "tree",
    "tree:PARENT,PARENT,...[,slip=P/Q][,start=NODE]",
    "a tree (parent of each non-root node); walk to a neighbour or stay",
    ("tree:0,0,1,1,2,2",),
    _build,
)
