"""Best probabilities of ending in each of many goals, from every state, in one pass.

Tiles of goals go through backward induction together, so that the transitions are read once a tile, not once
a goal; deterministic processes are solved by bit sets, exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["GoalValues", "goal_values_all"]

LARGEST_OUTPUT = 2**33
"""Largest number of bytes of values and policies together (8 GiB)."""


@dataclass(frozen=True, eq=False)
class GoalValues:
    """Values of ``K`` goals from every state.

    Attributes
    ----------
    goals : ndarray of int64, shape (K,)
    values : ndarray of float64, shape (S, K)
        ``values[s, k]``: the best probability of being at ``goals[k]`` after all steps, from ``s``.
    lower, upper : ndarray of float64, shape (S, K)
        Certified bounds; equal to `values` where the dynamics are deterministic.
    ranks : ndarray of uint16, shape (T, S, K), or None
        The decision after ``t`` steps, as a rank: the choice is ``process.choice_offsets[s] + ranks[t, s,
        k]``.
    """

    goals: np.ndarray
    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    ranks: np.ndarray | None

    def policy(self, process: ControlledMarkovProcess, position: int) -> np.ndarray:
        """Return the policy of the goal at `position` as choices, shape (T, S)."""
        if self.ranks is None:
            raise InvalidArgumentError(
                "The policies were not kept; call goal_values_all(..., keep_policies=True)."
            )
        return np.asarray(process.choice_offsets[:-1] + self.ranks[:, :, position].astype(np.int64))


def goal_values_all(
    process: ControlledMarkovProcess,
    goals: np.ndarray | None = None,
    steps: int = 1,
    *,
    keep_policies: bool = False,
) -> GoalValues:
    """Return the best probability of being at each goal after `steps` steps, from every state.

    Parameters
    ----------
    goals : ndarray of int, shape (K,), optional
        State indices; all states by default.
    steps : int
        Number of steps ``T``.
    keep_policies : bool
        Whether to keep the decisions: ``2 T S K`` bytes.

    Raises
    ------
    InvalidArgumentError
        If a goal is not a state, or `steps` is negative.
    InstanceTooLargeError
        If values and policies would exceed `LARGEST_OUTPUT` bytes.
    """
    chosen = _read_goals(process, goals)
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 0:
        raise InvalidArgumentError(f"Expected steps to be a whole number >= 0, but got steps={steps!r}.")
    size = process.n_states * len(chosen) * (24 + (2 * steps if keep_policies else 0))
    if size > LARGEST_OUTPUT:
        raise InstanceTooLargeError(
            f"{len(chosen)} goals, {process.n_states} states and {steps} steps need {size / 2**30:.1f} "
            "GiB; pass fewer goals at a time, or keep_policies=False."
        )
    shape = (int(steps) if keep_policies else 0, process.n_states if keep_policies else 0, len(chosen))
    ranks = np.zeros(shape, dtype=np.uint16)
    if process.is_deterministic:
        values = _by_bits(process, chosen, int(steps), ranks)
        lower = upper = values
    else:
        from metaregret.tabular.engine.lanes import lanes_of

        lanes = lanes_of(process)
        indicator = sp.csc_array(
            (np.ones(len(chosen)), chosen, np.arange(len(chosen) + 1)), shape=(process.n_states, len(chosen))
        )
        found = lanes.run(indicator, steps=int(steps), everywhere=True, policies=keep_policies)
        values, ranks = found.everywhere, found.ranks
        lower, upper = _bounds(process, values, int(steps), lanes.roundings)
    for array in (values, lower, upper, ranks):
        array.setflags(write=False)
    return GoalValues(chosen, values, lower, upper, ranks if keep_policies else None)


def _read_goals(process: ControlledMarkovProcess, goals: np.ndarray | None) -> np.ndarray:
    if goals is None:
        return np.arange(process.n_states)
    chosen = np.atleast_1d(np.asarray(goals)).astype(np.int64)
    bad = np.flatnonzero((chosen < 0) | (chosen >= process.n_states))
    if bad.size:
        raise InvalidArgumentError(
            f"goals[{int(bad[0])}] = {int(chosen[bad[0]])} is not a state; states are "
            f"0..{process.n_states - 1}."
        )
    return chosen


def _by_bits(
    process: ControlledMarkovProcess, goals: np.ndarray, steps: int, ranks: np.ndarray
) -> np.ndarray:
    from metaregret.tabular.engine.goal_kernels import reach_bits

    words = np.zeros((process.n_states, (len(goals) + 63) // 64), dtype=np.uint64)
    position = np.arange(len(goals))
    np.bitwise_or.at(
        words, (goals, position // 64), np.left_shift(np.uint64(1), (position % 64).astype(np.uint64))
    )
    bits = reach_bits(process.choice_offsets, process.successors, words, steps, ranks)
    flags = np.unpackbits(bits.astype("<u8", copy=False).view(np.uint8), axis=1, bitorder="little")
    return flags[:, : len(goals)].astype(np.float64)


def _bounds(
    process: ControlledMarkovProcess, values: np.ndarray, steps: int, roundings: int
) -> tuple[np.ndarray, np.ndarray]:
    """Widen by the relative rounding error of sums of products of non-negative numbers."""
    factor = relative_error(steps * roundings)
    tiny = 1e-300 if steps * math.log(float(process.probabilities.min())) < math.log(1e-300) else 0.0
    lower = np.maximum(values * (1.0 - factor) - tiny, 0.0)
    mass = 1.0 if process.is_exact else 1.0 + 1e-9 * steps
    return lower, np.minimum(values * (1.0 + factor) + tiny, max(1.0, mass))
