"""The polytope of success probabilities in exact arithmetic: its vertices, its support function, its
mixtures.

Every vertex of ``M`` is the success vector of a deterministic Markov policy (stationary at a geometric
horizon), the support function ``U(w) = max_{rho in M} w . rho`` is one exact dynamic program, and a mixture
of policies achieves the same success as the single Markov policy with the averaged occupancy measure
(Puterman 1994, sec. 6.9).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from tabular.backup import Backup, backup
from tabular.backup.rational import from_flint, to_flint
from tabular.errors import InstanceTooLargeError, NotExactError
from tabular.goals import TerminalValues, optimal_terminal_values
from tabular.horizon import FiniteHorizon
from tabular.policy import deterministic_policy, terminal_distribution
from theory.success import SuccessTasks

__all__ = ["Achievable"]

MAX_TASKS = 400
MAX_WORK = 2_000_000
"""Largest number of transitions times steps, and of states times tasks, of an exact dynamic program."""

MAX_DISCOUNTED_STATES = 400
"""Largest number of states of an exact linear solve at a geometric horizon."""


class Achievable:
    """The achievable success vectors ``M`` of `tasks`.

    A deterministic policy is an array of choice indices, shape (T, S) or (S,).

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    InstanceTooLargeError
        If one exact dynamic program would take more than seconds.
    """

    def __init__(self, tasks: SuccessTasks) -> None:
        self.tasks, self.process = tasks, tasks.process
        self._check_size()
        self._marks = (tasks.success.indices, np.repeat(np.arange(self.count), np.diff(tasks.success.indptr)))
        self._exact: Backup = backup(self.process, "rational")
        self._floats: Backup = backup(self.process, "sparse")

    @property
    def count(self) -> int:
        """Number of tasks ``K``."""
        return len(self.tasks.names)

    def _check_size(self) -> None:
        process = self.process
        if not process.is_exact:
            raise NotExactError(
                f"{self.tasks.base.name!r} is known in floating point only; call rationalised() first."
            )
        finite = isinstance(process.horizon, FiniteHorizon)
        steps = process.horizon.steps if isinstance(process.horizon, FiniteHorizon) else 1
        sizes = (
            ("tasks", self.count, MAX_TASKS),
            ("transitions times steps", process.n_transitions * steps, MAX_WORK),
            ("states times tasks", process.n_states * self.count, MAX_WORK),
            ("states at a geometric horizon", 0 if finite else process.n_states, MAX_DISCOUNTED_STATES),
        )
        for what, size, limit in sizes:
            if size > limit:
                raise InstanceTooLargeError(
                    f"Exact arithmetic on {process.name!r} is limited to {limit} {what}, but there are "
                    f"{size}; solve without it, reduce the process, or name fewer goals."
                )

    # ---------------------------------------------------------------- vertices

    def optimum(self) -> TerminalValues:
        """Return the exact ``v*`` of every task with an optimal deterministic policy for each."""
        columns = np.full((self.process.n_states, self.count), Fraction(0), dtype=object)
        columns[self._marks] = Fraction(1)
        return optimal_terminal_values(self.process, columns, representation="rational", policies=True)

    def support(self, weights: np.ndarray) -> tuple[Any, np.ndarray]:
        """Return ``U(w)`` and the choices of a policy that attains it.

        Parameters
        ----------
        weights : ndarray of fmpq, shape (K,)
            Non-negative.
        """
        states, tasks = self._marks
        column = np.full(self.process.n_states, flint.fmpq(0), dtype=object)
        np.add.at(column, states, weights[tasks])
        found = optimal_terminal_values(
            self.process, column[:, None], representation="rational", policies=True
        )
        assert found.exact is not None
        assert found.policies is not None
        return to_flint(found.exact)[0], found.policies[..., 0]

    def success(self, policy: np.ndarray) -> np.ndarray:
        """Return the success vector of a policy (weights on choices), fmpq, shape (K,)."""
        terminal = terminal_distribution(self.process, policy, representation="rational").exact
        assert terminal is not None
        states, tasks = self._marks
        result = np.full(self.count, flint.fmpq(0), dtype=object)
        np.add.at(result, tasks, to_flint(terminal)[states])
        return result

    def vertex(self, choices: np.ndarray) -> np.ndarray:
        """Return the success vector of a deterministic policy, fmpq, shape (K,)."""
        return self.success(deterministic_policy(self.process, choices))

    # ---------------------------------------------------------------- occupancy measures

    def _occupancy(self, operator: Backup, policy: np.ndarray) -> np.ndarray:
        """Return the probability of each (step and) choice, shape (T, C) or (C,)."""
        weights, state = operator.array(policy), self.process.choice_state
        if isinstance(self.process.horizon, FiniteHorizon):
            distribution, rows = operator.initial(), []
            for step in range(len(weights)):
                rows.append(distribution[state] * weights[step])
                distribution = operator.push(rows[-1])
            return np.array(rows)
        exact = operator.dtype is object
        found = terminal_distribution(self.process, policy, representation="rational" if exact else None)
        stationary = operator.array(found.exact) if found.exact is not None else found.probabilities
        return stationary[state] * weights

    def mixture(self, vertices: Sequence[np.ndarray], weights: Sequence[Any]) -> np.ndarray:
        """Return the Markov policy with the averaged occupancy of deterministic policies, `Fraction`.

        States that never occur keep the choices of the first of them.
        """
        policies = [deterministic_policy(self.process, choices) for choices in vertices]
        flow = sum(
            weight * self._occupancy(self._exact, policy)
            for weight, policy in zip(weights, policies, strict=True)
        )
        counts = np.diff(self.process.choice_offsets)
        totals = np.add.reduceat(flow, self.process.choice_offsets[:-1], axis=-1)
        unused = np.repeat(totals == 0, counts, axis=-1)
        share = np.repeat(totals, counts, axis=-1)
        share[unused] = flint.fmpq(1)
        return from_flint(np.where(unused, to_flint(policies[0]), flow / share))

    def decompose(self, policy: np.ndarray, most: int) -> list[np.ndarray]:
        """Return deterministic policies of which `policy` is (nearly) a mixture, at most `most`.

        Each takes the likeliest remaining choice everywhere and then as much of the remaining flow as it can,
        which empties at least one choice; a basic solution of a linear program with ``K`` goal rows has at
        most ``K`` randomised states, hence a short decomposition. In floating point: these are starting
        points.
        """
        remaining = self._occupancy(self._floats, policy)
        total = float(remaining.sum())
        found: list[np.ndarray] = []
        while len(found) < most and remaining.sum() > 1e-9 * total:
            top = np.repeat(
                np.maximum.reduceat(remaining, self.process.choice_offsets[:-1], axis=-1),
                np.diff(self.process.choice_offsets),
                axis=-1,
            )
            index = np.broadcast_to(np.arange(self.process.n_choices), remaining.shape)
            candidates = np.where(remaining == top, index, self.process.n_choices)
            choices = np.minimum.reduceat(candidates, self.process.choice_offsets[:-1], axis=-1)
            flow = self._occupancy(self._floats, deterministic_policy(self.process, choices))
            used = flow > 1e-13
            share = float(np.min(remaining[used] / flow[used]))
            found.append(choices)
            remaining = np.maximum(remaining - share * flow, 0.0)
            remaining[remaining < 1e-13] = 0.0
            if share <= 0.0:
                break
        return found
