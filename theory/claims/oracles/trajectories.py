"""The tree of trajectories as nested lists: node, actions, outcomes; for recursions that a reader can
follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["TrajectoryTree", "trajectory_tree"]


@dataclass(frozen=True)
class TrajectoryTree:
    """What can happen from one history on.

    Attributes
    ----------
    state : int
    actions : tuple of tuple of TrajectoryTree
        ``actions[a]`` holds the subtrees of the outcomes of the a-th available action; empty at a leaf.
    """

    state: int
    actions: tuple[tuple[TrajectoryTree, ...], ...]

    def count(self, combine: Callable[[Sequence[Sequence[int]]], int]) -> int:
        """Evaluate a recursion bottom up: 1 at a leaf, ``combine(counts[a][o])`` elsewhere."""
        if not self.actions:
            return 1
        return combine([[child.count(combine) for child in outcomes] for outcomes in self.actions])

    def leaves(
        self, policy: Callable[[TrajectoryTree], Sequence[Fraction]], weight: Fraction = Fraction(1)
    ) -> Iterator[Fraction]:
        """Yield ``prod_t pi(a_t | h_t)`` of every trajectory, in order."""
        if not self.actions:
            yield weight
            return
        for share, outcomes in zip(policy(self), self.actions, strict=True):
            for child in outcomes:
                yield from child.leaves(policy, weight * share)


def trajectory_tree(process: ControlledMarkovProcess) -> list[TrajectoryTree]:
    """Return one tree for every initial state of positive probability.

    Raises
    ------
    UnsupportedError
        At a geometric horizon.
    """
    length = process.steps_for("Trajectories")

    def grow(state: int, steps: int) -> TrajectoryTree:
        if not steps:
            return TrajectoryTree(state, ())
        actions = []
        for choice in process.choices(state):
            row = process.successors[int(process.offsets[choice]) : int(process.offsets[choice + 1])]
            actions.append(tuple(grow(int(successor), steps - 1) for successor in row))
        return TrajectoryTree(state, tuple(actions))

    return [grow(s, length) for s, mass in enumerate(process.initial) if mass > 0]
