"""The controlled Markov process: a Markov decision process without a reward.

``C = (S, A, P, mu0, T)``: states, state-dependent actions, transition probabilities, an initial
distribution and a horizon. One canonical, validated, immutable layout (see `ControlledMarkovProcess`)
serves three representations of the same data: *dense* (matrices for BLAS), *sparse* (compressed rows) and
*rational* (exact fractions).

Source: Puterman, *Markov Decision Processes* (1994), ch. 2; the reward-free form is that of the source,
arXiv 1806.04640.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.choices import one_of
from metaregret.tabular.errors import InvalidArgumentError, NotExactError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon, Horizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.rationals import fractions_array, spelled_distribution, split_fractions
from metaregret.tabular.validation import (
    check_counts_as,
    check_dense_shapes,
    check_exact_rows,
    check_float_rows,
    check_initial,
    check_layout,
    choice_name,
    number_array,
)

__all__ = ["ControlledMarkovProcess", "Representation", "check_representation"]

Representation = Literal["dense", "sparse", "rational"]


def check_representation(representation: object) -> None:
    """Raise `InvalidArgumentError` unless this is a `Representation`, or None for whichever suits."""
    if representation is not None:
        one_of(get_args(Representation), representation, "representation")


@dataclass(frozen=True, eq=False, repr=False)
class ControlledMarkovProcess:
    """A validated controlled Markov process in its canonical layout.

    Build one with `from_transitions`, `from_dense`, `from_sparse` or an environment of
    `metaregret.tabular.environments`; the constructor takes the canonical arrays themselves.

    Attributes
    ----------
    states, actions : Labels
        Names of the ``S`` states and ``A`` actions.
    choice_offsets : ndarray of int64, shape (S + 1,)
        The choices (available state-action pairs) of state ``s`` are
        ``choice_offsets[s]:choice_offsets[s + 1]``.
    choice_action : ndarray of int64, shape (C,)
        The action of each choice, increasing within a state.
    offsets : ndarray of int64, shape (C + 1,)
        The transitions of choice ``c`` are ``offsets[c]:offsets[c + 1]``.
    successors : ndarray of int64, shape (M,)
        Successor state of each transition, increasing within a choice.
    probabilities : ndarray of float64, shape (M,)
        Transition probabilities, all positive; each choice's sum to one.
    initial : ndarray of float64, shape (S,)
        The distribution ``mu0`` of the first state.
    horizon : FiniteHorizon or GeometricHorizon
    numerators, denominators : ndarray, shape (M,), or None
        The exact probabilities; None for a process known in floating point only.
    exact_initial : tuple of Fraction, length S, or None
    picture : tuple of tuple of (int or None), or None
        Rows of state indices for drawing the states as a map (None: a wall or a gap).
    counts_as : ndarray of int64, shape (S,), or None
        Where given, being in state ``s`` counts as a visit to goal ``counts_as[s]`` (or to none: -1), so
        that an episode may come by one goal on several paths and remember on which. None: every state is
        its own goal.

    Raises
    ------
    InvalidProcessError
        Naming the state, action, value and remedy, if anything is malformed.

    Examples
    --------
    >>> import metaregret as mr
    >>> rows = [(0, 0, 1, "1/2"), (0, 0, 0, "1/2"), (0, 1, 0, 1), (1, 0, 1, 1)]
    >>> process = mr.ControlledMarkovProcess.from_transitions(
    ...     rows, states=["a", "b"], actions=["go", "stay"], initial=0, horizon=2
    ... )
    >>> process.n_states, process.is_exact, process.is_deterministic
    (2, True, False)
    """

    states: Labels
    actions: Labels
    choice_offsets: np.ndarray
    choice_action: np.ndarray
    offsets: np.ndarray
    successors: np.ndarray
    probabilities: np.ndarray
    initial: np.ndarray
    horizon: Horizon
    numerators: np.ndarray | None = None
    denominators: np.ndarray | None = None
    exact_initial: tuple[Fraction, ...] | None = None
    name: str = "process"
    picture: tuple[tuple[int | None, ...], ...] | None = None
    counts_as: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_layout(self)
        check_counts_as(self)
        check_float_rows(self)
        check_initial(self)
        if self.numerators is not None:
            check_exact_rows(self)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    # ---------------------------------------------------------------- construction

    @classmethod
    def from_transitions(
        cls,
        transitions: Iterable[tuple[int | str, int | str, int | str, object]],
        *,
        states: int | Sequence[str] | Labels,
        actions: int | Sequence[str] | Labels,
        initial: Mapping[int, object] | int | str,
        horizon: Horizon | int,
        name: str = "process",
        picture: tuple[tuple[int | None, ...], ...] | None = None,
    ) -> ControlledMarkovProcess:
        """Build a process from rows ``(state, action, successor, probability)``, by index or name.

        Probabilities are read as rationals (`metaregret.tabular.parse_fraction`). The process is exact when
        every row and the initial distribution sum to one exactly; where decimals such as 0.333 leave a
        remainder below 1e-9, it is a floating-point process; anything worse is an error. An action without a
        transition from a state is not available there.

        Raises
        ------
        InvalidProcessError
            For negative, repeated or out-of-range entries, rows that do not sum to one, a state without
            actions.
        """
        from metaregret.tabular.assemble import assemble

        return cls(**assemble(transitions, states, actions, initial, horizon), name=name, picture=picture)

    @classmethod
    def from_counts(
        cls,
        keys: np.ndarray,
        numerators: np.ndarray,
        denominator: int,
        *,
        states: int | Sequence[str] | Labels,
        actions: int | Sequence[str] | Labels,
        initial: Mapping[int, object] | int = 0,
        horizon: Horizon | int,
        name: str = "process",
        picture: tuple[tuple[int | None, ...], ...] | None = None,
    ) -> ControlledMarkovProcess:
        """Build an exact process from integer arrays: probability ``numerators[i] / denominator`` for row
        ``i``.

        Parameters
        ----------
        keys : ndarray of int, shape (M, 3)
            Rows ``(state, action, successor)`` in any order; repeated rows are summed.
        numerators : ndarray of int, shape (M,)
            Non-negative weights; the weights of each state-action pair sum to `denominator`.
        """
        from metaregret.tabular.assemble import assemble_counts

        fields = assemble_counts(keys, numerators, denominator, states, actions, initial, horizon)
        return cls(**fields, name=name, picture=picture)

    @classmethod
    def from_dense(
        cls,
        transition: np.ndarray,
        *,
        initial: np.ndarray | int | str = 0,
        horizon: Horizon | int,
        available: np.ndarray | None = None,
        states: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
        name: str = "process",
    ) -> ControlledMarkovProcess:
        """Build a process from a dense array ``P[a, s, s']``, shape (A, S, S).

        Parameters
        ----------
        transition : ndarray, shape (A, S, S)
            Floats, or an object array of `Fraction` (then the process is exact).
        initial : ndarray, shape (S,), int or str
            Initial distribution, or the one initial state.
        available : ndarray of bool, shape (A, S), optional
            Which actions each state has; rows of unavailable actions are ignored. All, by default.

        Raises
        ------
        InvalidProcessError
            If the shape is wrong or any row is not a probability distribution.
        """
        from metaregret.tabular.assemble import assemble_dense

        transition = number_array(transition, "transition")
        available = None if available is None else number_array(available, "available")
        check_dense_shapes(transition, available, states, actions)
        return cls(**assemble_dense(transition, initial, horizon, available, states, actions), name=name)

    @classmethod
    def from_sparse(
        cls,
        transition: Sequence[sp.csr_array | sp.csc_array | sp.coo_array | sp.csr_matrix | sp.csc_matrix],
        *,
        initial: np.ndarray | int | str = 0,
        horizon: Horizon | int,
        states: Sequence[str] | None = None,
        actions: Sequence[str] | None = None,
        name: str = "process",
    ) -> ControlledMarkovProcess:
        """Build a process from one sparse (S, S) matrix per action; an empty row makes the action
        unavailable."""
        from metaregret.tabular.assemble import assemble_sparse

        return cls(**assemble_sparse(transition, initial, horizon, states, actions), name=name)

    def replaced(
        self,
        *,
        horizon: Horizon | int | None = None,
        initial: int | str | Mapping[Any, object] | None = None,
        name: str | None = None,
    ) -> ControlledMarkovProcess:
        """Return the same dynamics with another horizon, initial distribution or name."""
        from metaregret.tabular.assemble import read_horizon, read_initial

        changes: dict[str, Any] = {}
        if horizon is not None:
            changes["horizon"] = read_horizon(horizon)
        if initial is not None:
            floats, exact = read_initial(initial, self.states)
            changes |= {"initial": floats, "exact_initial": exact}
            if exact is None:  # a process is exact as a whole or not at all
                changes |= {"numerators": None, "denominators": None}
        if name is not None:
            changes["name"] = name
        return dataclasses.replace(self, **changes)

    def rationalised(self, max_denominator: int | None = 1000) -> ControlledMarkovProcess:
        """Return the exact process whose probabilities are the numbers that the floats spell.

        Each distribution is read as the decimals that its floats print (0.1 is one tenth); where these do not
        sum to one, as the fractions with denominators up to `max_denominator` whose nearest floats they
        are (0.333... is one third). A float never becomes a number that another float is nearer to.

        Parameters
        ----------
        max_denominator : int or None
            None: decimals only.

        Raises
        ------
        NotExactError
            Naming the state and action whose probabilities are neither.
        """
        exact: list[Fraction] = []
        for choice, (start, stop) in enumerate(itertools.pairwise(self.offsets.tolist())):
            row = self.probabilities[start:stop].tolist()
            exact += spelled_distribution(row, max_denominator, choice_name(self, choice))
        starts = self.initial.tolist()
        initial = spelled_distribution(starts, max_denominator, "the initial distribution")
        numerators, denominators = split_fractions(exact)
        return dataclasses.replace(
            self, numerators=numerators, denominators=denominators, exact_initial=tuple(initial)
        )

    # ---------------------------------------------------------------- sizes and views

    @property
    def n_states(self) -> int:
        """Number of states ``S``."""
        return len(self.states)

    @property
    def n_actions(self) -> int:
        """Number of actions ``A``."""
        return len(self.actions)

    @property
    def n_choices(self) -> int:
        """Number of available state-action pairs ``C``."""
        return len(self.choice_action)

    @property
    def n_transitions(self) -> int:
        """Number of transitions of positive probability ``M``."""
        return len(self.successors)

    @property
    def is_exact(self) -> bool:
        """Whether all probabilities are known as rational numbers."""
        return self.numerators is not None and self.exact_initial is not None

    @cached_property
    def is_deterministic(self) -> bool:
        """Whether every choice has one successor (the initial state may still be random)."""
        return self.n_transitions == self.n_choices

    @cached_property
    def goal_of(self) -> np.ndarray:
        """The goal that being in each state counts as a visit to, -1 for none; shape (S,)."""
        return np.arange(self.n_states) if self.counts_as is None else self.counts_as

    @property
    def has_copies(self) -> bool:
        """Whether several states count as one goal."""
        kept = self.goal_of[self.goal_of >= 0]
        return len(np.unique(kept)) < len(kept)

    @cached_property
    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """The states where an episode can start, and their probabilities."""
        support = np.flatnonzero(self.initial)
        return support, self.initial[support]

    @cached_property
    def choice_state(self) -> np.ndarray:
        """The state of each choice, shape (C,)."""
        return np.repeat(np.arange(self.n_states), np.diff(self.choice_offsets))

    @cached_property
    def transition_choice(self) -> np.ndarray:
        """The choice of each transition, shape (M,)."""
        return np.repeat(np.arange(self.n_choices), np.diff(self.offsets))

    @cached_property
    def matrix(self) -> sp.csr_array:
        """The transition probabilities as a sparse matrix, shape (C, S); rows are choices."""
        return sp.csr_array(
            (self.probabilities, self.successors, self.offsets), shape=(self.n_choices, self.n_states)
        )

    @cached_property
    def exact_probabilities(self) -> np.ndarray:
        """The transition probabilities as an object array of `Fraction`, shape (M,).

        Raises
        ------
        NotExactError
            If the process is known in floating point only.
        """
        self.require_exact()
        assert self.numerators is not None
        assert self.denominators is not None
        return fractions_array(self.numerators, self.denominators)

    def require_exact(self) -> None:
        """Raise `NotExactError` unless all probabilities are rational."""
        if not self.is_exact:
            raise NotExactError(
                f"Process {self.name!r} is known in floating point only; write its probabilities as "
                '"p/q" strings or exact decimals, or call rationalised(), which reads floats as the decimals '
                "or small fractions that they print."
            )

    def dense(self) -> np.ndarray:
        """Return ``P[a, s, s']`` as a float array, shape (A, S, S); rows of unavailable actions are zero."""
        result = np.zeros((self.n_actions, self.n_states, self.n_states))
        choice = self.transition_choice
        result[self.choice_action[choice], self.choice_state[choice], self.successors] = self.probabilities
        return result

    def choices(self, state: int) -> range:
        """The choices of `state`."""
        return range(int(self.choice_offsets[state]), int(self.choice_offsets[state + 1]))

    @cached_property
    def graph(self) -> sp.csr_array:
        """Which states can follow which: shape (S, S), a positive number where one can."""
        owner = self.choice_state[self.transition_choice].astype(np.int32)  # SciPy 1.14 searches no others
        pairs = owner, self.successors.astype(np.int32)
        ones = np.ones(self.n_transitions, dtype=np.int32)
        return sp.csr_array((ones, pairs), shape=(self.n_states, self.n_states))

    @cached_property
    def reachable(self) -> np.ndarray:
        """Which states can be visited at all from the initial distribution, in any number of steps; shape
        (S,)."""
        from scipy.sparse.csgraph import breadth_first_order

        starts = np.flatnonzero(self.initial > 0)
        source = np.append(self.choice_state[self.transition_choice], np.full(len(starts), self.n_states))
        target = np.append(self.successors, starts)  # one node more leads to all starts
        size = self.n_states + 1
        graph = sp.csr_array((np.ones(len(source)), (source, target)), shape=(size, size))
        found = breadth_first_order(graph, self.n_states, return_predecessors=False)
        seen = np.zeros(size, dtype=bool)
        seen[found] = True
        return seen[:-1]

    def steps_for(self, what: str) -> int:
        """Return ``T``; `what` needs one.

        Raises
        ------
        UnsupportedError
            At a geometric horizon.
        """
        if isinstance(self.horizon, FiniteHorizon):
            return self.horizon.steps
        raise UnsupportedError(
            f"{what} need a finite horizon, but {self.name!r} has gamma={self.horizon.gamma}; give it a "
            "number of steps."
        )

    @property
    def layers(self) -> int:
        """At how many steps a policy decides anew: ``T``, or once for all at a geometric horizon."""
        return self.horizon.steps if isinstance(self.horizon, FiniteHorizon) else 1

    def __repr__(self) -> str:
        kind = "deterministic" if self.is_deterministic else "stochastic"
        exact = "exact" if self.is_exact else "floating-point"
        horizon = (
            f"horizon={self.horizon.steps}"
            if isinstance(self.horizon, FiniteHorizon)
            else f"gamma={self.horizon.gamma}"
        )
        return (
            f"<ControlledMarkovProcess {self.name!r}: {self.n_states} states, {self.n_actions} actions, "
            f"{self.n_transitions} transitions, {kind}, {exact}, {horizon}>"
        )


def state_index(process: ControlledMarkovProcess, state: int | str) -> int:
    """Return the index of a state given by name or index, checked.

    Raises
    ------
    InvalidArgumentError
        If there is no such state.
    """
    if isinstance(state, str):
        return process.states.position(state)
    if (
        isinstance(state, bool)
        or not isinstance(state, int | np.integer)
        or not 0 <= state < process.n_states
    ):
        raise InvalidArgumentError(
            f"Expected a state's name or its index in 0..{process.n_states - 1}, but got {state!r:.60}; see "
            "process.states."
        )
    return int(state)
