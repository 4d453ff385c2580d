"""Finite horizons: backward induction with a running bound on the rounding error.

Source: Puterman, *Markov Decision Processes* (1994), sec. 4.5.
"""

from __future__ import annotations

import math
import time

import numpy as np

from metaregret.tabular.bounds import UNIT_ROUNDOFF, relative_error
from metaregret.tabular.engine.certificate import ROUNDING, Certified
from metaregret.tabular.engine.layout import dense_rows
from metaregret.tabular.engine.problem import DATA_ROUNDINGS, Problem, row_mass

__all__ = ["backward_induction"]

TRIED_WORK = 500_000
"""Padded transitions from which on sweeps are tried with threads."""
TRIED = 6
"""Sweeps that are timed, with and without in turn."""

TINY = 1e-300
"""Added to relative bounds where products may underflow: subnormal numbers carry no relative accuracy."""


def backward_induction(problem: Problem, *, keep_policy: bool) -> Certified:
    """Solve ``V_0 = terminal``, ``V_{k+1} = T V_k`` for all ``k < steps``.

    The policy, shape (T, S), is indexed by the number of steps already taken. Rounding errors add up in the
    sup-norm, ``e_{t+1} <= M e_t + allowance_t`` with row sums up to ``M``; where nothing is negative they are
    also relative, ``V (1 -+ gamma_n)`` with ``n`` all roundings on one path, and the tighter bound is taken
    state by state.
    """
    assert problem.steps is not None
    steps, n_states = problem.steps, problem.process.n_states
    terminal = np.zeros(n_states) if problem.terminal is None else problem.terminal.astype(float)
    values = problem.sign * terminal
    following = np.empty(n_states)
    policy = np.empty((steps if keep_policy else 1, n_states), dtype=np.int32)
    positive = float(values.min()) >= 0.0 and float(problem.rewards.min()) >= 0.0
    matrix = dense_rows(problem.process)
    length = n_states if matrix is not None else problem.rows.longest
    mass = row_mass(problem.process)[1]
    magnitude = float(np.abs(values).max())
    error = 2 * UNIT_ROUNDOFF * magnitude  # of the terminal values, and of the sums with it below
    sweep = _Sweep(problem, matrix)
    for step in range(steps - 1, -1, -1):
        error = mass * error + problem.allowance(magnitude, length)
        sweep(values, following, policy[step if keep_policy else 0])
        values, following = following, values
        magnitude = float(max(values.max(), -values.min()))
    # What every allowance has to spare, a millionth, covers the rounding of their sum.
    lower, upper = values - error, values + error
    if positive:
        factor = relative_error((steps + 1) * (length + DATA_ROUNDINGS))
        tiny = TINY if _may_underflow(problem) else 0.0
        np.maximum(lower, values * (1.0 - factor) - tiny, out=lower)
        np.maximum(lower, 0.0, out=lower)
        np.minimum(upper, values * (1.0 + factor) + tiny, out=upper)
    kept = policy if keep_policy else None
    return Certified.of(
        lower,
        upper,
        kept,
        "backward-induction",
        steps,
        "backward induction with a rounding allowance",
        ROUNDING,
    )


class _Sweep:
    """One backup. Threads pay where a processor is free for them: the first sweeps of a large model are timed
    with and without, and the faster way is kept."""

    def __init__(self, problem: Problem, matrix: np.ndarray | None) -> None:
        self._problem, self._matrix, self._count = problem, matrix, 0
        self._fastest = [math.inf, math.inf]

    def __call__(self, values: np.ndarray, following: np.ndarray, policy: np.ndarray) -> None:
        from metaregret.tabular.engine import kernels

        rows, rewards = self._problem.rows, self._problem.rewards
        if self._matrix is not None:
            returns = self._matrix @ values
            returns += rewards
            kernels.reduce_choices(rows.choice_offsets, returns, np.zeros(len(values)), following, policy)
            return
        threads = self._threads()
        began = time.perf_counter()
        kernels.backup(*rows.arrays, rewards, 1.0, values, None, following, policy, threads)
        self._fastest[threads] = min(self._fastest[threads], time.perf_counter() - began)
        self._count += 1

    def _threads(self) -> bool:
        if len(self._problem.rows.successors) < TRIED_WORK:
            return False
        return bool(self._count % 2) if self._count < TRIED else self._fastest[True] < self._fastest[False]


def _may_underflow(problem: Problem) -> bool:
    """Whether a product of probabilities and one reward along a path may fall below `TINY`."""
    assert problem.steps is not None
    sizes = [np.abs(paid.astype(float)) for paid in (problem.given, problem.terminal) if paid is not None]
    smallest = min(float(size[size > 0].min(initial=1.0)) for size in sizes)
    return problem.steps * math.log(float(problem.process.probabilities.min())) + math.log(
        smallest
    ) < math.log(TINY)
