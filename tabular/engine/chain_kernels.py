"""Compiled modified policy iteration: full backups, and sweeps of one policy's chain in between.

Source: Puterman & Shin, *Modified policy iteration algorithms*, Management Science 24 (1978).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from tabular.engine.bound_kernels import macqueen
from tabular.engine.kernels import CHUNK, MATH, backup, row_sum

__all__ = ["MOST_SWEEPS", "evaluate", "modified_policy_iteration", "plan"]

MOST_SWEEPS = 200
"""Inner sweeps of one round: a chain that mixes more slowly gets a new residual first."""


@njit(cache=True, nogil=True)
def _gather_range(
    first: int,
    last: int,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    policy: np.ndarray,
    gathered: np.ndarray,
    chain_successors: np.ndarray,
    chain_probabilities: np.ndarray,
) -> None:
    for state in range(first, last):
        choice = policy[state]
        if gathered[state] == choice:
            continue
        gathered[state] = choice
        for item in range(width):
            chain_successors[state * width + item] = successors[choice * width + item]
            chain_probabilities[state * width + item] = probabilities[choice * width + item]


@njit(cache=True, nogil=True, parallel=True)
def _gather_parallel(
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    policy: np.ndarray,
    gathered: np.ndarray,
    chain_successors: np.ndarray,
    chain_probabilities: np.ndarray,
) -> None:
    count = len(policy)
    for chunk in prange((count + CHUNK - 1) // CHUNK):
        first = chunk * CHUNK
        _gather_range(
            first,
            min(count, first + CHUNK),
            width,
            successors,
            probabilities,
            policy,
            gathered,
            chain_successors,
            chain_probabilities,
        )


@njit(cache=True, nogil=True, fastmath=MATH)
def _evaluate_range(
    first: int,
    last: int,
    rows: np.ndarray,
    lengths: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    constant: np.ndarray,
    gamma: float,
    shift: float,
    values: np.ndarray,
    following: np.ndarray,
) -> tuple[float, float]:
    least, greatest = values.dtype.type(np.inf), values.dtype.type(-np.inf)
    drift = values.dtype.type(shift)
    discount = values.dtype.type(gamma)
    for state in range(first, last):
        total = values.dtype.type(0)
        if width > 0:
            start = state * width
            total = row_sum(start, start + width, width, successors, probabilities, values)
        elif lengths[state] > 0:
            start = rows[state]
            stop = start + lengths[state]
            total = values.dtype.type(row_sum(start, stop, stop - start, successors, probabilities, values))
        total = constant[state] - drift + discount * total
        difference = total - values[state]
        following[state] = total
        least = difference if difference < least else least
        greatest = difference if difference > greatest else greatest
    return least, greatest


@njit(cache=True, nogil=True, parallel=True)
def _evaluate_parallel(
    rows: np.ndarray,
    lengths: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    constant: np.ndarray,
    gamma: float,
    shift: float,
    values: np.ndarray,
    following: np.ndarray,
) -> tuple[float, float]:
    count = len(values)
    chunks = (count + CHUNK - 1) // CHUNK
    least, greatest = np.empty(chunks), np.empty(chunks)
    for chunk in prange(chunks):
        first = chunk * CHUNK
        low, high = _evaluate_range(
            first,
            min(count, first + CHUNK),
            rows,
            lengths,
            width,
            successors,
            probabilities,
            constant,
            gamma,
            shift,
            values,
            following,
        )
        least[chunk], greatest[chunk] = low, high
    return least.min(), greatest.max()


@njit(cache=True, nogil=True)
def evaluate(
    rows: np.ndarray,
    lengths: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    constant: np.ndarray,
    gamma: float,
    shift: float,
    values: np.ndarray,
    following: np.ndarray,
    threads: bool,
) -> tuple[float, float]:
    """Write ``following = constant - shift + gamma P values`` for the chain of one policy; return the range
    of change."""
    if threads:
        return _evaluate_parallel(
            rows, lengths, width, successors, probabilities, constant, gamma, shift, values, following
        )
    return _evaluate_range(
        0,
        len(values),
        rows,
        lengths,
        width,
        successors,
        probabilities,
        constant,
        gamma,
        shift,
        values,
        following,
    )


@njit(cache=True, nogil=True)
def _gather(
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    policy: np.ndarray,
    chain: Any,
    threads: bool,
) -> None:
    """Bring the rows of the policy together: copied where the width is fixed, pointed at where it is not."""
    gathered, chain_successors, chain_probabilities, rows, lengths = chain
    if width == 0:
        for state in range(len(policy)):
            rows[state] = offsets[policy[state]]
            lengths[state] = offsets[policy[state] + 1] - rows[state]
    elif threads:
        _gather_parallel(
            width, successors, probabilities, policy, gathered, chain_successors, chain_probabilities
        )
    else:
        _gather_range(
            0,
            len(policy),
            width,
            successors,
            probabilities,
            policy,
            gathered,
            chain_successors,
            chain_probabilities,
        )


@njit(cache=True, nogil=True)
def _solve_chain(
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    chain: Any,
    gamma: float,
    work: Any,
    wanted: float,
    threads: bool,
) -> tuple[float, int]:
    """Sweep ``e <- constant + gamma P e`` until the span of the change is at most `wanted`; the result is
    ``work[1]``.

    Every sweep subtracts what the level drifted in the last one, so that single precision is not spent on the
    level.

    Returns
    -------
    tuple
        The level to be added to ``e``, times ``1 - gamma``, and the number of sweeps.
    """
    _, chain_successors, chain_probabilities, rows, lengths = chain
    constant, error, following = work
    low, high, shift, sweeps = -0.5, 0.5, 0.0, 0
    while high - low > wanted and sweeps < MOST_SWEEPS:
        shift += 0.5 * (low + high)
        if width > 0:
            low, high = evaluate(
                rows,
                lengths,
                width,
                chain_successors,
                chain_probabilities,
                constant,
                gamma,
                shift,
                error,
                following,
                threads,
            )
        else:
            low, high = evaluate(
                rows,
                lengths,
                width,
                successors,
                probabilities,
                constant,
                gamma,
                shift,
                error,
                following,
                threads,
            )
        sweeps += 1
        error, following = following, error
    if sweeps % 2 == 1:
        work[1][:] = error
    return shift + gamma * 0.5 * (low + high), sweeps


@njit(cache=True, nogil=True)
def modified_policy_iteration(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    rewards: np.ndarray,
    gamma: float,
    values: np.ndarray,
    residual: np.ndarray,
    policy: np.ndarray,
    precision: np.ndarray,
    unit_goal: float,
    max_sweeps: int,
    patience: int,
    threads: bool,
) -> tuple[float, float, int]:
    """Modified policy iteration as iterative refinement; `values`, `residual` and `policy` are overwritten.

    Each round computes the Bellman residual ``d = T V - V`` in double precision with a greedy policy, then
    solves ``(I - gamma P_policy) e = d`` approximately by sweeps in the type of `precision` (single precision
    halves their memory traffic), and adds ``e``. A constant part of ``d`` is solved in closed form, so the
    sweeps only work on what the chain mixes (the span of ``e`` contracts, its level would move by ``gamma``
    only). Stops when the span of the residual is at most ``unit_goal * max(1, |V|)``; the last backup is then
    at `values`.

    Parameters
    ----------
    precision : ndarray, shape (0,)
        Its element type is that of the inner sweeps.
    patience : int
        Stop when so many rounds in a row did not halve the span (slow mixing or the limit of rounding).

    Returns
    -------
    tuple
        Least and greatest residual, number of backups.
    """
    count, kind = len(values), precision.dtype
    ragged = count if width == 0 else 0
    chain = (
        np.full(count, -1, dtype=policy.dtype),
        np.empty(count * width, dtype=successors.dtype),
        np.empty(count * width, dtype=kind),
        np.empty(ragged, dtype=np.int64),
        np.empty(ragged, dtype=np.int64),
    )
    constant, error = np.empty(count, dtype=kind), np.empty(count, dtype=kind)
    work = (constant, error, np.empty(count, dtype=kind))
    backups, sweeps, slow = 0, 0, 0
    best_span, span_goal = np.inf, unit_goal
    while True:
        least, greatest, changed = backup(
            choice_offsets,
            offsets,
            width,
            successors,
            probabilities,
            rewards,
            gamma,
            values,
            residual,
            policy,
            threads,
        )
        backups += 1
        span = greatest - least
        slow = 0 if span <= 0.5 * best_span else slow + 1
        best_span = min(best_span, span)
        if not span > span_goal or backups + sweeps >= max_sweeps or slow >= patience:
            return least, greatest, backups
        _gather(offsets, width, successors, probabilities, policy, chain, threads)
        # Scale to unit span, so that single precision keeps its relative accuracy however small the residual
        # is.
        middle = 0.5 * (least + greatest)
        for state in range(count):
            constant[state] = (residual[state] - middle) / span
            error[state] = constant[state]
        # While many decisions still change, an accurate evaluation of this policy would be wasted.
        wanted = max(min(0.1, 10.0 * changed / count), 1e-5, 0.25 * span_goal / span)
        drift, used = _solve_chain(width, successors, probabilities, chain, gamma, work, wanted, threads)
        sweeps += used
        level = (drift * span + middle) / (1.0 - gamma)
        magnitude = 1.0
        for state in range(count):
            value = values[state] + span * error[state] + level
            values[state] = value
            magnitude = max(magnitude, abs(value))
        span_goal = unit_goal * magnitude


@njit(cache=True, nogil=True)
def plan(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    rewards: np.ndarray,
    reward_scale: float,
    gamma: float,
    low: float,
    high: float,
    roundoff: float,
    lower: np.ndarray,
    upper: np.ndarray,
    policy: np.ndarray,
    precision: np.ndarray,
    unit_goal: float,
    max_sweeps: int,
    patience: int,
    threads: bool,
) -> tuple[float, float, int]:
    """Modified policy iteration from zero and the bounds of its last backup, in one call: small models take
    less time than the calls around them.

    `lower`, `upper` and `policy` are written; see `modified_policy_iteration` and
    `tabular.engine.bound_kernels.macqueen` for the parameters.

    Returns
    -------
    tuple
        The largest gap, the scale of the tolerance, and the number of backups.
    """
    lower[:] = 0.0
    policy[:] = -1
    least, greatest, backups = modified_policy_iteration(
        choice_offsets,
        offsets,
        width,
        successors,
        probabilities,
        rewards,
        gamma,
        lower,
        upper,
        policy,
        precision,
        unit_goal,
        max_sweeps,
        patience,
        threads,
    )
    gap, scale = macqueen(lower, upper, least, greatest, low, high, roundoff, reward_scale)
    return gap, scale, backups
