"""Structure of a process: sure and almost-sure reachability, and maximal end components.

An *end component* is a set of states with choices that never leave it and connect it strongly: a policy can
stay in it for ever. Undiscounted values are the limit of value iteration only where end components are taken
care of.

Sources: de Alfaro, *Formal Verification of Probabilistic Systems* (1997); Baier & Katoen, *Principles of
Model Checking* (2008), sec. 10.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

__all__ = ["ChoiceGraph"]


@dataclass(eq=False)
class ChoiceGraph:
    """The bare graph of a process (or a quotient of one).

    Attributes
    ----------
    choice_offsets : ndarray of int64, shape (S + 1,)
    offsets : ndarray of int64, shape (C + 1,)
    successors : ndarray of int, shape (M,)
    """

    choice_offsets: np.ndarray
    offsets: np.ndarray
    successors: np.ndarray

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.choice_offsets) - 1

    @property
    def n_choices(self) -> int:
        """Number of choices."""
        return len(self.offsets) - 1

    @cached_property
    def choice_state(self) -> np.ndarray:
        """State of each choice, shape (C,)."""
        return np.repeat(np.arange(self.n_states), np.diff(self.choice_offsets))

    @cached_property
    def transition_choice(self) -> np.ndarray:
        """Choice of each transition, shape (M,)."""
        return np.repeat(np.arange(self.n_choices), np.diff(self.offsets))

    @cached_property
    def _backward(self) -> tuple[np.ndarray, np.ndarray]:
        from metaregret.tabular.engine.graph_kernels import predecessors

        return predecessors(self.n_states, self.offsets, self.successors)

    def staying(self, inside: np.ndarray) -> np.ndarray:
        """Return a mask of the choices all of whose successors are in the mask `inside`."""
        leaving = np.zeros(self.n_choices, dtype=bool)
        leaving[self.transition_choice[~inside[self.successors]]] = True
        return ~leaving

    def search_back(
        self, sources: np.ndarray, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the states that can reach `sources`, nearest first, and the choice by which each was found.

        See `metaregret.tabular.engine.graph_kernels.backward_search`.
        """
        from metaregret.tabular.engine.graph_kernels import backward_search

        everything = np.ones(self.n_choices, dtype=bool) if allowed is None else allowed
        return backward_search(*self._backward, self.choice_state, sources, everything)

    def can_reach(self, sources: np.ndarray, allowed: np.ndarray | None = None) -> np.ndarray:
        """Return a mask of the states from which some policy reaches `sources` with positive probability."""
        return np.asarray(self.search_back(sources, allowed)[1] > -2)

    def can_avoid(self, forbidden: np.ndarray) -> np.ndarray:
        """Return a mask of the states from which some policy surely never enters `forbidden`."""
        from metaregret.tabular.engine.graph_kernels import avoiding

        return avoiding(self.choice_offsets, *self._backward, self.choice_state, forbidden)

    def almost_surely(self, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a mask of the states from which some policy reaches `sources` with probability one, and such
        a policy.

        The policy, shape (S,), is the choice by which the state was found (negative at sources and outside
        the mask).
        """
        inside = np.ones(self.n_states, dtype=bool)
        while True:
            _, through = self.search_back(sources, self.staying(inside | sources))
            found = through > -2
            if np.array_equal(found, inside):
                return inside, through
            inside = found

    def end_components(self, allowed: np.ndarray) -> np.ndarray:
        """Return the maximal end components made of `allowed` choices: a label per state, -1 outside, shape
        (S,).

        Repeated strong components: choices that leave their component are dropped until none does.
        """
        live = allowed.copy()
        while True:
            has_choice = np.zeros(self.n_states, dtype=bool)
            has_choice[self.choice_state[live]] = True
            labels = self._strong_components(live)
            labels[~has_choice] = -1
            kept = live[self.transition_choice]
            sources = self.choice_state[self.transition_choice]
            crossing = kept & ((labels[sources] != labels[self.successors]) | (labels[self.successors] < 0))
            if not crossing.any():
                return _renumbered(labels)
            live[self.transition_choice[crossing]] = False

    def _strong_components(self, live: np.ndarray) -> np.ndarray:
        from scipy.sparse.csgraph import connected_components

        kept = live[self.transition_choice]
        sources = self.choice_state[self.transition_choice[kept]]
        shape = (self.n_states, self.n_states)
        graph = sp.csr_array((kept[kept], (sources, self.successors[kept])), shape=shape)
        labels: np.ndarray = connected_components(graph, connection="strong")[1]
        return labels


def _renumbered(labels: np.ndarray) -> np.ndarray:
    """Number the non-negative labels 0, 1, ... in increasing order."""
    inside = labels >= 0
    if inside.any():
        labels[inside] = np.unique(labels[inside], return_inverse=True)[1]
    return labels
