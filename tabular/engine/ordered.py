"""Discounted problems by Gauss-Seidel sweeps in the order of distance to the best rewards.

For models that mix slowly (grids, chains) a sweep in the wrong order carries information one step. Here
states are ordered by a breadth-first search against the transitions, from the states that can earn the
largest reward; values start at a lower bound, so that improvements travel outward from there, and self-loops
are resolved exactly. On a deterministic goal-reaching model the first sweep is the answer and the second one
proves it. The certificate is the usual MacQueen bound of one plain backup.

Sources: Puterman (1994), sec. 6.3.3; McMahan & Gordon, *Fast exact planning in Markov decision processes*
(2005).
"""

from __future__ import annotations

import numpy as np

from tabular.engine.certificate import Certified
from tabular.engine.discounted import certified, new_operator, span_goal
from tabular.engine.graph import ChoiceGraph
from tabular.engine.layout import Rows
from tabular.engine.problem import Problem

__all__ = ["gauss_seidel", "mixes_slowly"]

PROBE_STATES = 4000
"""States that the structure probe collects before it counts its levels."""

PROBE_LEVELS = 12
"""More levels than this to collect them: information travels slowly through the model."""


def mixes_slowly(problem: Problem) -> bool:
    """Probe the structure: does a breadth-first search from some state need many levels to see many states?

    A random graph shows thousands of states within a handful of steps; a grid needs their square root.
    """
    from tabular.engine.graph_kernels import levels_to_see

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


def sweep_order(problem: Problem) -> np.ndarray:
    """Return all states, nearest to the largest rewards first; states that cannot reach them come last."""
    process, rows = problem.process, problem.rows
    best = np.maximum.reduceat(problem.rewards, process.choice_offsets[:-1])
    graph = ChoiceGraph(process.choice_offsets, process.offsets, process.successors)
    found, through = graph.search_back(best >= best.max())
    return found if len(found) == rows.n_states else np.concatenate([found, np.flatnonzero(through == -2)])


def gauss_seidel(problem: Problem, sweeps: int | None = None) -> Certified:
    """Sweep forth and back in `sweep_order`, each improvement followed by sweeps of the policy alone.

    Parameters
    ----------
    sweeps : int, optional
        Limit of improvement sweeps; ``problem.max_iterations`` by default.
    """
    from tabular.engine.sweep_kernels import improve_in_order

    operator, rows = new_operator(problem, dense=False), problem.rows
    order = sweep_order(problem)
    backward = order[::-1].copy()
    limit = problem.max_iterations if sweeps is None else min(sweeps, problem.max_iterations)
    floor = float(problem.rewards.min())
    values = np.full(rows.n_states, floor / (1.0 - operator.gamma))
    policy = np.full(rows.n_states, -1, dtype=np.int64)
    goal, count = span_goal(problem), 0
    while True:
        _, changed = improve_in_order(
            order if count % 2 == 0 else backward,
            rows.choice_offsets,
            rows.offsets,
            rows.width,
            rows.successors,
            rows.probabilities,
            problem.rewards,
            operator.gamma,
            0.0,
            values,
            policy,
        )
        if not problem.process.is_deterministic:
            _evaluate(policy, problem, rows, order, values, 0.1 * goal)
        # A plain backup in memory order costs a fraction of an ordered sweep, so every sweep is checked.
        least, greatest, _ = operator.backup(values)
        count += 1
        magnitude = max(1.0, float(values.max()), -float(values.min()))
        if greatest - least <= goal * magnitude or count >= limit or (changed == 0 and greatest == least):
            return certified(problem, operator, values, least, greatest, "gauss-seidel", count)


POLICY_SWEEPS = 6
"""Evaluation sweeps between two improvements: they cost one over the number of actions each."""


def _evaluate(
    policy: np.ndarray, problem: Problem, rows: Rows, order: np.ndarray, values: np.ndarray, goal: float
) -> None:
    from tabular.engine.sweep_kernels import evaluate_in_order

    assert problem.discount is not None
    evaluate_in_order(
        order,
        rows.offsets,
        rows.width,
        rows.successors,
        rows.probabilities,
        problem.rewards[policy],
        problem.discount.nearest,
        policy,
        values,
        goal,
        POLICY_SWEEPS,
    )
