"""Discounted problems by Gauss-Seidel sweeps in the order of distance to the best rewards.

For models that mix slowly (grids, chains) a sweep in the wrong order carries information one step. Here
states are ordered by a breadth-first search against the transitions, from the states that can earn the
largest reward; values start at a lower bound, so that improvements travel outward from there, and self-loops
are resolved exactly. On a deterministic goal-reaching model one such sweep is the answer; in an open grid one
or two sweeps in the order of memory are too, and are tried first. The certificate is the usual MacQueen bound
of one plain backup.

Sources: Puterman (1994), sec. 6.3.3; McMahan & Gordon, *Fast exact planning in Markov decision processes*
(2005).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from metaregret.tabular.engine.certificate import Certified
from metaregret.tabular.engine.discounted import certified, new_operator, span_goal
from metaregret.tabular.engine.problem import Problem

__all__ = ["gauss_seidel", "mixes_slowly"]

PROBE_STATES = 4000
"""States that the structure probe collects before it counts its levels."""

PROBE_LEVELS = 12
"""More levels than this to collect them: information travels slowly through the model."""


def mixes_slowly(problem: Problem) -> bool:
    """Probe the structure: does a breadth-first search from some state need many levels to see many states?

    A random graph shows thousands of states within a handful of steps; a grid needs their square root.
    """
    from metaregret.tabular.engine.graph_kernels import levels_to_see

    process = problem.process
    start = int(np.argmax(process.initial))
    seen, levels = levels_to_see(
        process.choice_offsets,
        process.offsets,
        process.successors,
        start,
        min(PROBE_STATES, process.n_states // 2),
    )
    return bool(levels > PROBE_LEVELS or seen < min(PROBE_STATES, process.n_states // 2))


def gauss_seidel(problem: Problem, sweeps: int | None = None) -> Certified:
    """Sweep forth and back, nearest to the largest rewards first, each improvement followed by sweeps of the
    policy alone.

    Parameters
    ----------
    sweeps : int, optional
        Limit of improvement sweeps; ``problem.max_iterations`` by default.
    """
    from metaregret.tabular.engine.sweep_kernels import evaluate_in_order, improve_in_order

    operator, rows = new_operator(problem, dense=False), problem.rows
    limit = problem.max_iterations if sweeps is None else min(sweeps, problem.max_iterations)
    floor = float(problem.rewards.min())
    values = np.full(rows.n_states, floor / (1.0 - operator.gamma))
    policy = np.full(rows.n_states, -1, dtype=np.int64)
    goal, orders = span_goal(problem), _orders(problem)
    for count in itertools.count(1):
        order = next(orders)
        _, changed = improve_in_order(
            order, *rows.arrays, problem.rewards, operator.gamma, 0.0, values, policy
        )
        if not problem.process.is_deterministic:
            evaluate_in_order(
                order,
                *rows.arrays,
                problem.rewards[policy],
                operator.gamma,
                policy,
                values,
                0.1 * goal,
                POLICY_SWEEPS,
            )
        # A plain backup in memory order costs a fraction of an ordered sweep, so every sweep is checked.
        least, greatest, _ = operator.backup(values)
        magnitude = max(1.0, float(values.max()), -float(values.min()))
        if greatest - least <= goal * magnitude or count >= limit or (changed == 0 and greatest == least):
            break
    return certified(problem, operator, values, least, greatest, "gauss-seidel", count)


def _orders(problem: Problem) -> Iterator[np.ndarray]:
    """Yield the order of the states for each sweep, without end.

    A deterministic model is first swept down and up in the order of memory: that takes a fifth of the time of
    a sweep that jumps, and settles open grids.
    """
    from metaregret.tabular.engine.graph_kernels import nearest_first

    process = problem.process
    if process.is_deterministic:
        upward = np.arange(process.n_states)
        yield upward[::-1].copy()
        yield upward
    outward = nearest_first(process.choice_offsets, process.offsets, process.successors, problem.rewards)
    inward = outward[::-1].copy()
    while True:
        yield outward
        yield inward


POLICY_SWEEPS = 6
"""Evaluation sweeps between two improvements: they cost one over the number of actions each."""
