"""A finite set whose convex hull is the terminal polytope ``M``, by backward set recursion.

With ``t`` steps left, the terminal distributions achievable from ``s`` are the convex hull of

    V_0(s) = {e_s},     V_t(s) = union over a of  sum_{s'} P(s' | s, a) V_{t-1}(s')        (Minkowski sum),

and those from the initial distribution are the hull of ``sum_s mu0(s) V_T(s)``. At a geometric horizon the
vertices are among the stationary deterministic policies. The number of points can explode; a limit refuses
in time.

Source: K. White (1982) and Puterman (1994), ch. 5: deterministic policies span all achievable distributions.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import deterministic_policy, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.skills.evaluation import distinct

__all__ = ["terminal_vertices"]

MAX_POINTS = 5_000
DIGITS = 13
MERGED = 1.1e-13
"""Largest distance of an entry from that of the point it is merged into, with room for the roundings of a
step."""


def terminal_vertices(
    process: ControlledMarkovProcess, *, max_points: int = MAX_POINTS
) -> tuple[np.ndarray, float]:
    """Return points whose convex hull is ``M``; every vertex of ``M`` is among them.

    Parameters
    ----------
    max_points : int
        Largest number of points in any set of the recursion.

    Returns
    -------
    rows : ndarray, shape (n, S)
    error : float
        Bound on the error of every entry: rounding, and points merged because they agree to 13 decimals.

    Raises
    ------
    InstanceTooLargeError
        As soon as a set would have more than `max_points` points.
    """
    if isinstance(process.horizon, FiniteHorizon):
        widest = max(int(np.diff(process.offsets).max()), int(np.count_nonzero(process.initial)))
        error = (process.horizon.steps + 1) * (widest + 1) * MERGED
        return _finite(process, process.horizon.steps, max_points), error
    return _geometric(process, max_points)


def _refuse(process: ControlledMarkovProcess, points: int, limit: int) -> None:
    raise InstanceTooLargeError(
        f"The terminal polytope of {process.name!r} needs about {points} points, over the limit of "
        f"{limit}; reduce the horizon or the number of states, or raise max_points."
    )


def _finite(process: ControlledMarkovProcess, steps: int, limit: int) -> np.ndarray:
    layers = [process.initial > 0]
    for _ in range(steps):
        reached = np.zeros(process.n_states, dtype=bool)
        reached[process.successors[layers[-1][process.choice_state[process.transition_choice]]]] = True
        layers.append(reached)
    sets = {int(s): np.eye(process.n_states)[[s]] for s in np.flatnonzero(layers[-1])}
    for layer in reversed(layers[:-1]):
        sets = {int(s): _union(process, int(s), sets, limit) for s in np.flatnonzero(layer)}
    starts = np.flatnonzero(process.initial > 0)
    return _minkowski(process, process.initial[starts], [sets[int(s)] for s in starts], limit)


def _union(
    process: ControlledMarkovProcess, state: int, sets: dict[int, np.ndarray], limit: int
) -> np.ndarray:
    parts = []
    for choice in process.choices(state):
        row = slice(int(process.offsets[choice]), int(process.offsets[choice + 1]))
        following = [sets[int(s)] for s in process.successors[row]]
        parts.append(_minkowski(process, process.probabilities[row], following, limit))
    points = np.concatenate(parts)
    return np.asarray(points[distinct(points, DIGITS)])


def _minkowski(
    process: ControlledMarkovProcess, weights: np.ndarray, sets: list[np.ndarray], limit: int
) -> np.ndarray:
    """Return the distinct points of the weighted Minkowski sum."""
    total: np.ndarray = np.zeros((1, process.n_states))
    for weight, points in zip(weights, sets, strict=True):
        if len(total) * len(points) > limit:
            _refuse(process, len(total) * len(points), limit)
        total = (total[:, None, :] + weight * points[None, :, :]).reshape(-1, process.n_states)
        total = total[distinct(total, DIGITS)]
    return total


def _geometric(process: ControlledMarkovProcess, limit: int) -> tuple[np.ndarray, float]:
    used = goal_support(process)
    options = [process.choices(s) if used[s] else process.choices(s)[:1] for s in range(process.n_states)]
    count = math.prod(len(o) for o in options)
    if count > limit:
        _refuse(process, count, limit)
    choices = np.array(list(itertools.product(*options)), dtype=np.int64)
    results = [terminal_distribution(process, deterministic_policy(process, policy)) for policy in choices]
    error = max(float((result.upper - result.lower).max()) for result in results) + MERGED
    rows = np.stack([result.probabilities for result in results])
    return rows[distinct(rows, DIGITS)], error
