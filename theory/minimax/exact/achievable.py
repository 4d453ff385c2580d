"""What policies can achieve, in exact arithmetic: vertices, support function and mixtures of a polytope.

Every vertex of the polytope of achievable vectors (success probabilities, expected rewards) belongs to a
deterministic Markov policy (stationary at a geometric horizon), its support function
``U(w) = max_{rho in M} w . rho`` is one exact dynamic program, and a mixture of policies achieves the same as
the single Markov policy with the averaged occupancy measure (Puterman 1994, sec. 6.9).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from metaregret.tabular.backup import Backup, backup
from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.errors import InstanceTooLargeError, NotExactError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import deterministic_policy, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Achievable"]

MAX_TASKS = 400
MAX_WORK = 2_000_000
"""Largest number of transitions times steps, and of states times tasks, of an exact dynamic program."""

MAX_DISCOUNTED_STATES = 400
"""Largest number of states of an exact linear solve at a geometric horizon."""


class Achievable(ABC):
    """A polytope ``M`` of vectors that policies of `process` achieve, one entry for each of `count` tasks.

    A deterministic policy is an array of choice indices, shape (T, S) or (S,).

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    InstanceTooLargeError
        If one exact dynamic program would take more than seconds.
    """

    def __init__(self, process: ControlledMarkovProcess, count: int) -> None:
        self.process, self.count = process, count
        self._check_size()
        self._exact: Backup = backup(process, "rational")
        self._floats: Backup = backup(process)

    def _check_size(self) -> None:
        process = self.process
        if not process.is_exact:
            raise NotExactError(
                f"{process.name!r} is known in floating point only; go on with process.rationalised()."
            )
        horizon = process.horizon
        steps, solved = (horizon.steps, 0) if isinstance(horizon, FiniteHorizon) else (1, process.n_states)
        sizes = (
            ("tasks", self.count, MAX_TASKS),
            ("transitions times steps", process.n_transitions * steps, MAX_WORK),
            ("states times tasks", process.n_states * self.count, MAX_WORK),
            ("states at a geometric horizon", solved, MAX_DISCOUNTED_STATES),
        )
        for what, size, limit in sizes:
            if size > limit:
                raise InstanceTooLargeError(
                    f"Exact arithmetic on {process.name!r} is limited to {limit} {what}, but there are "
                    f"{size}; solve without it, reduce the process, or name fewer tasks."
                )

    # ---------------------------------------------------------------- vertices

    @abstractmethod
    def optimum(self) -> tuple[list[Fraction], list[np.ndarray]]:
        """Return the exact ``v*`` of every task and an optimal deterministic policy for each."""

    @abstractmethod
    def support(self, weights: np.ndarray) -> tuple[Any, np.ndarray]:
        """Return ``U(w)`` and the choices of a deterministic policy that attains it.

        Parameters
        ----------
        weights : ndarray of fmpq, shape (K,)
            Non-negative.
        """

    @abstractmethod
    def achieved(self, policy: np.ndarray) -> np.ndarray:
        """Return the vector of a policy (weights on choices), fmpq, shape (K,)."""

    def vertex(self, choices: np.ndarray) -> np.ndarray:
        """Return the vector of a deterministic policy, fmpq, shape (K,)."""
        return self.achieved(deterministic_policy(self.process, choices))

    # ---------------------------------------------------------------- occupancy measures

    def occupancy(self, policy: np.ndarray, *, exact: bool) -> np.ndarray:
        """Return the probability of each (step and) choice, shape (T, C) or (C,), fmpq if `exact`."""
        operator = self._exact if exact else self._floats
        weights, state = operator.array(policy), self.process.choice_state
        if isinstance(self.process.horizon, FiniteHorizon):
            distribution, rows = operator.initial(), []
            for step in range(len(weights)):
                rows.append(distribution[state] * weights[step])
                distribution = operator.push(rows[-1])
            return np.array(rows)
        found = terminal_distribution(self.process, policy, representation="rational" if exact else None)
        stationary = operator.array(found.exact) if found.exact is not None else found.probabilities
        return stationary[state] * weights

    def mixture(self, vertices: Sequence[np.ndarray], weights: Sequence[Any]) -> np.ndarray:
        """Return the Markov policy with the averaged occupancy of deterministic policies, `Fraction`.

        States that never occur keep the choices of the first of them.
        """
        policies = [deterministic_policy(self.process, choices) for choices in vertices]
        flow = sum(
            weight * self.occupancy(policy, exact=True)
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
        remaining = self.occupancy(policy, exact=False)
        found: list[np.ndarray] = []
        while len(found) < most and remaining.sum() > 1e-9:
            top = np.repeat(
                np.maximum.reduceat(remaining, self.process.choice_offsets[:-1], axis=-1),
                np.diff(self.process.choice_offsets),
                axis=-1,
            )
            index = np.broadcast_to(np.arange(self.process.n_choices), remaining.shape)
            candidates = np.where(remaining == top, index, self.process.n_choices)
            choices = np.minimum.reduceat(candidates, self.process.choice_offsets[:-1], axis=-1)
            flow = self.occupancy(deterministic_policy(self.process, choices), exact=False)
            used = flow > 1e-13
            share = float(np.min(remaining[used] / flow[used]))
            found.append(choices)
            remaining = np.maximum(remaining - share * flow, 0.0)
            remaining[remaining < 1e-13] = 0.0
            if share <= 0.0:
                break
        return found
