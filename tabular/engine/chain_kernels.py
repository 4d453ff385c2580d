"""Compiled modified policy iteration: full backups, and sweeps of one policy's chain in between.

Source: Puterman & Shin, *Modified policy iteration algorithms*, Management Science 24 (1978).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from metaregret.tabular.engine.bound_kernels import macqueen
from metaregret.tabular.engine.kernels import CHUNK, FIRST, MATH, backup, reduce_choices, row_sum
from metaregret.tabular.jit import njit, prange

__all__ = ["MOST_SWEEPS", "plan", "plan_roughly_first"]

MOST_SWEEPS = 200
"""Inner sweeps of one round: a chain that mixes more slowly gets a new residual first."""

UNSETTLED, FIRST_BACKUPS = 0.02, 6
"""While more than this share of the decisions changes, and at most so many times, a round is a backup alone:
to evaluate a policy that is about to change costs more than it brings."""

USUAL_SHARE, LEAST_SHARE = 1e-5, 2e-6
"""Shares of the residual that a correction leaves: as a rule, and where that reaches the goal at once. Single
precision has no more to give."""

SINGLE_GOAL = 1e-5
"""Span of the residual, relative to the largest value, down to which single precision is enough."""

LARGEST_SINGLE = 1e36
"""Values up to this size, with sums of them, are finite in single precision."""


@njit(cache=True, nogil=True)
def _gather_range(first: int, last: int, rows: Any, policy: np.ndarray, chain: Any) -> None:
    _, _, width, successors, probabilities = rows
    gathered, chain_successors, chain_probabilities = chain
    for state in range(first, last):
        choice = policy[state]
        if gathered[state] == choice:
            continue
        gathered[state] = choice
        for item in range(width):
            chain_successors[state * width + item] = successors[choice * width + item]
            chain_probabilities[state * width + item] = probabilities[choice * width + item]


@njit(cache=True, nogil=True, parallel=True)
def _gather_parallel(rows: Any, policy: np.ndarray, chain: Any) -> None:
    count = len(policy)
    for chunk in prange((count + CHUNK - 1) // CHUNK):
        first = chunk * CHUNK
        _gather_range(first, min(count, first + CHUNK), rows, policy, chain)


@njit(cache=True, nogil=True, fastmath=MATH)
def _evaluate_range(
    first: int,
    last: int,
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    policy: np.ndarray,
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
        else:
            start, stop = offsets[policy[state]], offsets[policy[state] + 1]
            if stop > start:
                total = values.dtype.type(
                    row_sum(start, stop, stop - start, successors, probabilities, values)
                )
        total = constant[state] - drift + discount * total
        difference = total - values[state]
        following[state] = total
        least = difference if difference < least else least
        greatest = difference if difference > greatest else greatest
    return least, greatest


@njit(cache=True, nogil=True, parallel=True)
def _evaluate_parallel(
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    policy: np.ndarray,
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
        least[chunk], greatest[chunk] = _evaluate_range(
            first, min(count, first + CHUNK), offsets, width, successors, probabilities, policy, constant,
            gamma, shift, values, following,
        )  # fmt: skip
    return least.min(), greatest.max()


@njit(cache=True, nogil=True)
def _evaluate(
    offsets: np.ndarray,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    policy: np.ndarray,
    constant: np.ndarray,
    gamma: float,
    shift: float,
    values: np.ndarray,
    following: np.ndarray,
    threads: bool,
) -> tuple[float, float]:
    """Write ``following = constant - shift + gamma P values`` for the chain of one policy, whose rows are
    those of the states (fixed width) or of its choices (ragged); return the range of change."""
    if threads:
        return _evaluate_parallel(
            offsets, width, successors, probabilities, policy, constant, gamma, shift, values, following
        )
    return _evaluate_range(
        FIRST, len(values), offsets, width, successors, probabilities, policy, constant, gamma, shift, values,
        following,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _solve_chain(
    rows: Any, policy: np.ndarray, chain: Any, gamma: float, work: Any, wanted: float, threads: bool
) -> tuple[float, int]:
    """Sweep ``e <- constant + gamma P e`` until the span of the change is at most `wanted`; the result is
    ``work[1]``. Rows of fixed width are brought together first, ragged ones are read where they stand.

    Every sweep subtracts what the level drifted in the last one, so that single precision is not spent on the
    level.

    Returns
    -------
    tuple
        The level to be added to ``e``, times ``1 - gamma``, and the number of sweeps.
    """
    _, offsets, width, successors, probabilities = rows
    _, together, weights = chain
    if width > 0 and threads:
        _gather_parallel(rows, policy, chain)
    elif width > 0:
        _gather_range(FIRST, len(policy), rows, policy, chain)
    constant, error, following = work
    low, high, shift, sweeps = -0.5, 0.5, 0.0, 0
    while high - low > wanted and sweeps < MOST_SWEEPS:
        shift += 0.5 * (low + high)
        if width > 0:
            low, high = _evaluate(
                offsets, width, together, weights, policy, constant, gamma, shift, error, following, threads
            )
        else:
            low, high = _evaluate(
                offsets, width, successors, probabilities, policy, constant, gamma, shift, error, following,
                threads,
            )  # fmt: skip
        sweeps += 1
        error, following = following, error
    if sweeps % 2 == 1:
        work[1][:] = error
    return shift + gamma * 0.5 * (low + high), sweeps


@njit(cache=True, nogil=True)
def _new_chain(states: int, width: int, successors: np.ndarray, precision: np.ndarray) -> Any:
    """Room for the rows of a policy, probabilities in the type of `precision`: see `_gather_range`."""
    return (
        np.full(states, -1, dtype=np.int64),
        np.empty(states * width, dtype=successors.dtype),
        np.empty(states * width, dtype=precision.dtype),
    )


@njit(cache=True, nogil=True)
def _correct(
    rows: Any,
    gamma: float,
    values: np.ndarray,
    residual: np.ndarray,
    least: float,
    greatest: float,
    policy: np.ndarray,
    chain: Any,
    work: Any,
    wanted: float,
    threads: bool,
) -> tuple[float, int]:
    """Solve ``(I - gamma P_policy) e = residual`` by sweeps, down to the share `wanted` of the span (none
    where that is 1), and add ``e`` to `values`.

    A constant part of the residual is solved in closed form, so the sweeps only work on what the chain mixes
    (the span of ``e`` contracts, its level would move by ``gamma`` only).

    Returns
    -------
    tuple
        ``max(1, |values|)``, and the number of sweeps.
    """
    constant, error, _ = work
    span, middle, drift, sweeps = greatest - least, 0.5 * (least + greatest), 0.0, 0
    # Scale to unit span, so that single precision keeps its relative accuracy however small the residual is.
    for state in range(len(values)):
        constant[state] = (residual[state] - middle) / span
        error[state] = constant[state]
    if wanted < 1.0:
        drift, sweeps = _solve_chain(rows, policy, chain, gamma, work, wanted, threads)
    level = (drift * span + middle) / (1.0 - gamma)
    magnitude = 1.0
    for state in range(len(values)):
        value = values[state] + span * error[state] + level
        values[state] = value
        magnitude = max(magnitude, abs(value))
    return magnitude, sweeps


@njit(cache=True, nogil=True)
def _share(changed: float, needed: float) -> float:
    """Return the share of the residual that a correction should leave; `needed` would reach the goal.

    While many decisions still change, an accurate evaluation of this policy would be wasted.
    """
    if needed >= LEAST_SHARE and changed <= 10.0 * USUAL_SHARE:
        return needed
    return max(min(0.1, 10.0 * changed), USUAL_SHARE, needed)


@njit(cache=True, nogil=True)
def _iterate(
    rows: tuple[Any, Any, Any, Any, Any],
    rewards: np.ndarray,
    gamma: float,
    values: np.ndarray,
    residual: np.ndarray,
    policy: np.ndarray,
    chain: Any,
    fresh: bool,
    certify: bool,
    unit_goal: float,
    max_sweeps: int,
    patience: int,
    threads: bool,
) -> tuple[float, float, int, int]:
    """Modified policy iteration as iterative refinement; `values`, `residual` and `policy` are overwritten.

    Each round computes the Bellman residual ``d = T V - V`` with a greedy policy, then solves ``(I - gamma
    P_policy) e = d`` approximately by sweeps in the precision of `chain` (single precision halves their
    memory traffic), and adds ``e``. It stops when the span of the residual is at most ``unit_goal * max(1,
    |V|)``.

    Parameters
    ----------
    chain : tuple
        Room for the rows of a policy, from `_new_chain`.
    fresh : bool
        Whether `values` are zero: the first backup then only compares rewards, and the first rounds are
        backups alone.
    certify : bool
        Whether the last backup must be at the returned `values`; if not, it stops when a correction has
        promised the goal.
    patience : int
        Stop when so many rounds in a row did not halve the span (slow mixing or the limit of rounding).

    Returns
    -------
    tuple
        Least and greatest residual, numbers of backups and of sweeps.
    """
    count, kind = len(values), chain[2].dtype
    work = (np.empty(count, dtype=kind), np.empty(count, dtype=kind), np.empty(count, dtype=kind))
    backups, sweeps, slow, alone = 0, 0, 0, False
    best_span, magnitude = np.inf, 1.0
    while True:
        if fresh and backups == 0:
            least, greatest, changed = reduce_choices(rows[0], rewards, values, residual, policy)
        else:
            least, greatest, changed = backup(
                *rows, rewards, gamma, values, values, residual, policy, threads
            )
        backups += 1
        span, goal = greatest - least, unit_goal * magnitude
        slow = 0 if alone or span <= 0.5 * best_span else slow + 1
        best_span = min(best_span, span)
        if not span > goal or backups + sweeps >= max_sweeps or slow >= patience:
            return least, greatest, backups, sweeps
        alone = fresh and backups <= FIRST_BACKUPS and changed > UNSETTLED * count
        wanted = 1.0 if alone else _share(changed / count, 0.25 * goal / span)
        magnitude, used = _correct(
            rows, gamma, values, residual, least, greatest, policy, chain, work, wanted, threads
        )
        sweeps += used
        if not certify and span * wanted <= goal:
            return least, greatest, backups, sweeps


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
    unit_goal: float,
    max_sweeps: int,
    patience: int,
    threads: bool,
) -> tuple[float, float, int, int]:
    """Modified policy iteration from zero and the bounds of its last backup, in one call: small models take
    less time than the calls around them.

    `lower`, `upper` and `policy` are written; see `_iterate` and
    `metaregret.tabular.engine.bound_kernels.macqueen` for the parameters.

    Returns
    -------
    tuple
        The largest gap, the scale of the tolerance, and the numbers of backups and sweeps.
    """
    lower[:] = 0.0
    policy[:] = -1
    chain = _new_chain(len(lower), width, successors, probabilities)
    rows = (choice_offsets, offsets, width, successors, probabilities)
    least, greatest, backups, sweeps = _iterate(
        rows,
        rewards,
        gamma,
        lower,
        upper,
        policy,
        chain,
        True,
        True,
        unit_goal,
        max_sweeps,
        patience,
        threads,
    )
    gap, scale = macqueen(lower, upper, least, greatest, low, high, roundoff, reward_scale)
    return gap, scale, backups, sweeps


@njit(cache=True, nogil=True)
def plan_roughly_first(
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
    unit_goal: float,
    max_sweeps: int,
    patience: int,
    threads: bool,
) -> tuple[float, float, int, int]:
    """As `plan`, but in single precision until that is exhausted, and with sweeps in single precision after
    that: where the model does not fit the cache, this halves the memory traffic."""
    policy[:] = -1
    rough, residual = np.zeros(len(lower), dtype=np.float32), np.empty(len(lower), dtype=np.float32)
    chain = _new_chain(len(lower), width, successors, rough)
    rough_backups, rough_sweeps = 0, 0
    if max_sweeps > 1 and reward_scale <= LARGEST_SINGLE * (1.0 - gamma):
        _, _, rough_backups, rough_sweeps = _iterate(
            (choice_offsets, offsets, width, successors, probabilities.astype(np.float32)),
            rewards.astype(np.float32),
            gamma,
            rough,
            residual,
            policy,
            chain,
            True,
            False,
            max(unit_goal, SINGLE_GOAL),
            max_sweeps - 1,
            patience,
            threads,
        )
    lower[:] = rough
    rows = (choice_offsets, offsets, width, successors, probabilities)
    left = max_sweeps - rough_backups - rough_sweeps
    least, greatest, backups, sweeps = _iterate(
        rows, rewards, gamma, lower, upper, policy, chain, False, True, unit_goal, left, patience, threads
    )
    gap, scale = macqueen(lower, upper, least, greatest, low, high, roundoff, reward_scale)
    return gap, scale, rough_backups + backups, rough_sweeps + sweeps
