"""Branch and bound for ``max_{rho in M} D_a(rho || q)``: a maximum of a convex function, with proof.

Best first over nodes that fix the choices of some (step, state) pairs
(`metaregret.theory.skills.relaxation`): the node of the largest upper bound is split at the free decision
that its relaxed policy meets most often. The search ends when no node can exceed the target (then the target
is proved), or as soon as a policy exceeds it (then that policy is a better skill), or at its node limit
(then the largest open bound is still a true upper bound).

Sources: J. E. Falk and R. M. Soland, "An algorithm for separable nonconvex programming problems",
*Management Science* 15 (1969); the order of the search: A. H. Land and A. G. Doig, *Econometrica* 28
(1960).
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

import numpy as np

from metaregret.theory.skills.relaxation import Nodes, Relaxation

__all__ = ["GlobalSearch", "search_globally"]

WORK = 1e10
"""Floating-point operations after which a search without a limit gives up, some ten seconds."""

BATCH_ENTRIES = 2**21


@dataclass(frozen=True, eq=False)
class GlobalSearch:
    """What a search established.

    Attributes
    ----------
    upper : float
        ``max_{rho in M} D_a(rho || q) <= upper``, in nats; certified.
    choices : ndarray of int, shape (T, S, n) or (S, n)
        Policies found above the target (none if it was proved).
    nodes : int
        Nodes evaluated.
    """

    upper: float
    choices: np.ndarray
    nodes: int


def search_globally(relaxation: Relaxation, target: float, *, max_nodes: int | None) -> GlobalSearch:
    """Prove ``max D_a <= target``, or find policies above it.

    Parameters
    ----------
    relaxation : Relaxation
    target : float
        In nats.
    max_nodes : int or None
        Limit on the nodes evaluated; None allows some seconds.
    """
    limit = int(WORK / relaxation.node_cost) if max_nodes is None else max_nodes
    tree = _Tree(relaxation, target)
    better = tree.push(relaxation.root())
    while not len(better) and tree.open and tree.nodes < limit:
        better = tree.push(tree.children())
    return GlobalSearch(tree.upper, relaxation.choices(better), tree.nodes)


class _Tree:
    """The open nodes, largest upper bound first."""

    def __init__(self, relaxation: Relaxation, target: float) -> None:
        self.relaxation, self.target = relaxation, target
        self.nodes = 0
        self._heap: list[tuple[float, int, np.ndarray, int]] = []
        self._order = itertools.count()
        self._settled = target
        step = relaxation.width * 2 * len(relaxation.support)
        entries = relaxation.process.n_states * max(step, relaxation.levels)
        self._batch = max(1, BATCH_ENTRIES // entries)

    @property
    def open(self) -> bool:
        return bool(self._heap)

    @property
    def upper(self) -> float:
        """The largest bound of all nodes; those not kept are at or below the target."""
        return max(self._settled, -self._heap[0][0]) if self._heap else self._settled

    def push(self, fixed: np.ndarray) -> np.ndarray:
        """Evaluate nodes, keep those that may exceed the target, and return policies that do."""
        found: Nodes = self.relaxation.evaluate(fixed)
        self.nodes += len(fixed)
        free = np.where((fixed < 0) & (self.relaxation.counts > 1), found.visits, -1.0).reshape(
            len(fixed), -1
        )
        decision = free.argmax(axis=1)
        ended = free[np.arange(len(free)), decision] <= 0
        above = found.bounds > self.target
        # Every policy of a node that has ended ends alike: its bound is exact up to rounding.
        self._settled = max(self._settled, float(found.bounds[above & ended].max(initial=-np.inf)))
        for i in np.flatnonzero(above & ~ended):
            entry = (-float(found.bounds[i]), next(self._order), fixed[i], int(decision[i]))
            heapq.heappush(self._heap, entry)
        return found.actions[found.values > self.target]

    def children(self) -> np.ndarray:
        """Split the most promising nodes, as many as fit a batch."""
        parents, splits = list[np.ndarray](), list[tuple[int, int]]()
        while self._heap and len(splits) < self._batch:
            _, _, fixed, decision = heapq.heappop(self._heap)
            options = int(self.relaxation.counts[decision % fixed.shape[1]])
            parents += [fixed] * options
            splits += [(decision, action) for action in range(options)]
        batch = np.stack(parents)
        decisions, actions = np.transpose(splits)
        batch.reshape(len(batch), -1)[np.arange(len(batch)), decisions] = actions
        return batch
