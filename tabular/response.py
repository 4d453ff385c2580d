"""Best responses: for many terminal rewards at once, optimal policies and where they end.

For every column of terminal rewards: backward induction finds a deterministic Markov policy that maximises
``E[h(s_T)]``, then a forward pass gives its terminal distribution (at a geometric horizon: value iteration,
and the occupancy of a stationary policy). One compiled pass serves all columns, and breaks ties in turn
(`goal_kernels`); small processes take a few NumPy operations per step instead, so that no compiled code need
be loaded, and the first of equally good choices. Terminal distributions are working values: what is reported
is evaluated afresh, with certified bounds.

A compiled pass does not keep policies, which would take ``T S K`` numbers: it finds them again when they are
mixed, column by column in the same order of operations. The others are kept, because their ties are broken
by roundings that depend on which columns are planned for together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import (
    TerminalValues,
    compiled_values,
    goal_columns,
    goal_values,
    is_small,
    optimal_terminal_values,
    terminal_columns,
)
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.policy import deterministic_policy, exact_terminal, policy_shape, solve_discounted
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = [
    "Responses",
    "best_responses",
    "ends_of",
    "evenly_mixed",
    "exact_goal_ends",
    "goal_responses",
    "mixed_policy",
    "policy_of_mixture",
]


@dataclass(frozen=True, eq=False)
class Responses:
    """Optimal policies of ``K`` terminal rewards.

    Attributes
    ----------
    process : ControlledMarkovProcess
    optimum : TerminalValues
        Their certified values.
    terminal : ndarray, shape (K, S)
        Terminal distribution of each policy.
    rewards : sparse array, shape (S, K)
    policies : ndarray of int64, shape (T, S, K) or (S, K), or None
        Choices; None where they are found again when needed.
    """

    process: ControlledMarkovProcess
    optimum: TerminalValues
    terminal: np.ndarray
    rewards: sp.csc_array
    policies: np.ndarray | None

    def __len__(self) -> int:
        """Number of policies."""
        return len(self.terminal)

    @property
    def choices(self) -> np.ndarray:
        """The policies, where they were kept."""
        assert self.policies is not None
        return self.policies

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """The policies as weights on choices, where they were kept."""
        return tuple(deterministic_policy(self.process, one) for one in np.moveaxis(self.choices, -1, 0))

    def chosen(self, columns: np.ndarray) -> Responses:
        """Return the policies at these positions only."""
        best = self.optimum
        optimum = TerminalValues(best.values[columns], best.lower[columns], best.upper[columns], None, None)
        policies = None if self.policies is None else self.policies[..., columns]
        return Responses(self.process, optimum, self.terminal[columns], self.rewards[:, columns], policies)


def best_responses(
    process: ControlledMarkovProcess,
    rewards: np.ndarray | sp.csc_array | sp.csr_array,
    *,
    compiled: bool | None = None,
    keep: bool = False,
) -> Responses:
    """Return the values and the terminal distributions of optimal policies for every column of rewards.

    Parameters
    ----------
    rewards : ndarray or sparse array of float64, shape (S, K)
        Terminal rewards, not negative.
    compiled : bool, optional
        Whether to use the compiled pass (finite horizons only); by default where there is much to do.
    keep : bool
        Whether to keep the policies, see `Responses.choices`.

    Raises
    ------
    InvalidArgumentError
        If the shape does not match or a reward is negative.
    ConvergenceError
        If value iteration at a geometric horizon does not end.
    """
    columns = terminal_columns(process, rewards)
    if compiled is None:
        compiled = not is_small(process, columns.shape[1])
    if compiled and not keep and isinstance(process.horizon, FiniteHorizon):
        from metaregret.tabular.engine.lanes import lanes_of

        lanes = lanes_of(process)
        found = lanes.run(columns, reached=True)
        optimum = compiled_values(lanes, columns, found)
        return Responses(process, optimum, found.reached, columns, None)
    planned = optimal_terminal_values(process, columns, policies=True)
    _, terminal = _followed(process, planned.policies)
    return Responses(process, planned, terminal, columns, planned.policies)


def goal_responses(process: ControlledMarkovProcess, goals: np.ndarray) -> Responses:
    """Return the policies that are best for one goal each, kept; see `best_responses`."""
    return best_responses(process, goal_columns(process, goals), keep=True)


def exact_goal_ends(process: ControlledMarkovProcess, goals: np.ndarray) -> np.ndarray:
    """Return where the policies that are best for one goal each end, in fractions, shape (K, S).

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    """
    chosen = goal_values(process, goals, representation="rational", policies=True).policies
    assert chosen is not None
    return np.array(
        [exact_terminal(process, deterministic_policy(process, one)) for one in np.moveaxis(chosen, -1, 0)]
    )


def mixed_policy(parts: Sequence[Responses], shares: np.ndarray) -> np.ndarray:
    """Return the one Markov policy that ends where a mixture of best responses ends.

    Its choice probabilities at a step and state are proportional to the mixture's flow through them
    (Puterman 1994, thm 5.5.1); where the mixture never comes, the first choice is as good as any.

    Parameters
    ----------
    parts : sequence of Responses
        To rewards on one process, ``K`` in all.
    shares : ndarray of float64, shape (K,)
        Probability of each policy.

    Returns
    -------
    ndarray, shape (T, C) or (C,)

    Raises
    ------
    InvalidArgumentError
        If a share is negative.
    """
    if not np.all(shares >= 0):
        raise InvalidArgumentError(f"Expected shares that are not negative, but got {float(shares.min())}.")
    process = parts[0].process
    flow: np.ndarray = np.zeros(policy_shape(process))
    again: list[tuple[sp.csc_array, np.ndarray]] = []
    for part, mine in zip(parts, np.split(shares, np.cumsum([len(part) for part in parts])), strict=False):
        used = np.flatnonzero(mine)
        if part.policies is None:
            again.append((part.rewards[:, used], mine[used]))
        elif len(used):
            flow += _followed(process, part.policies[..., used], mine[used])[0]
    if again:
        from metaregret.tabular.engine.lanes import lanes_of

        columns, weights = zip(*again, strict=True)
        rewards = sp.csc_array(sp.hstack(columns, format="csc"))
        flow += lanes_of(process).run(rewards, shares=np.concatenate(weights)).flow
    return _normalised(process, flow)


def policy_of_mixture(
    process: ControlledMarkovProcess, policies: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Return the Markov policy, shape (T, C) or (C,), that ends where a mixture of deterministic policies,
    shape (T, S, K) or (S, K), ends; see `mixed_policy`."""
    return _normalised(process, _followed(process, policies, shares)[0])


def evenly_mixed(process: ControlledMarkovProcess, rewards: sp.csc_array) -> np.ndarray:
    """Return what `mixed_policy` returns for equal shares of the best responses to columns, in one compiled
    pass, at a finite horizon."""
    from metaregret.tabular.engine.lanes import lanes_of

    shares = np.full(rewards.shape[1], 1.0 / rewards.shape[1])
    return _normalised(process, lanes_of(process).run(rewards, shares=shares).flow)


def ends_of(process: ControlledMarkovProcess, policies: np.ndarray) -> np.ndarray:
    """Return the terminal distributions of deterministic policies, shape (T, S, K) or (S, K) to (K, S)."""
    return _followed(process, policies)[1]


def _followed(
    process: ControlledMarkovProcess, policies: np.ndarray | None, shares: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Follow deterministic policies, shape (T, S, K) or (S, K), from the start.

    Returns
    -------
    flow : ndarray, shape (T, C) or (C,)
        Of the mixture; zeros where no `shares` are given.
    terminal : ndarray, shape (K, S)
    """
    assert policies is not None
    weights = np.zeros(policies.shape[-1]) if shares is None else shares
    forward, columns = process.matrix.T.tocsr(), np.arange(policies.shape[-1])
    if policies.ndim == 2:
        ends = _occupancies(process, policies)
        flow = np.zeros(process.n_choices)
        np.add.at(flow, policies, ends.T * weights)
        return flow, ends
    mass = np.repeat(process.initial[:, None], policies.shape[-1], axis=1)
    flow = np.zeros((len(policies), process.n_choices))
    for step, chosen in enumerate(policies):
        through = np.zeros((process.n_choices, len(columns)))
        through[chosen, columns] = mass
        flow[step] = through @ weights
        mass = forward @ through
    return flow, mass.T


def _occupancies(process: ControlledMarkovProcess, policies: np.ndarray) -> np.ndarray:
    """Return the discounted occupancies of deterministic stationary policies, shape (S, K) to (K, S)."""
    assert isinstance(process.horizon, GeometricHorizon)
    gamma = float(process.horizon.gamma)
    start = float(1 - process.horizon.gamma) * process.initial
    ends = np.empty(policies.shape[::-1])
    for row, chosen in zip(ends, policies.T, strict=True):
        row[:] = solve_discounted(process.matrix[chosen].T, gamma, start)
    return ends


def _normalised(process: ControlledMarkovProcess, flow: np.ndarray) -> np.ndarray:
    """Divide the flow through each choice by that through its state; the first choice where none is."""
    starts, counts = process.choice_offsets[:-1], np.diff(process.choice_offsets)
    totals = np.repeat(np.add.reduceat(flow, starts, axis=-1), counts, axis=-1)
    first = deterministic_policy(process, np.broadcast_to(starts, (*flow.shape[:-1], len(starts))))
    return np.divide(flow, totals, out=first, where=totals > 0)
