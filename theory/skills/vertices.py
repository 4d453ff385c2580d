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
from collections.abc import Iterator

import numpy as np

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.groups import groups
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import deterministic_policy, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["MAX_ENTRIES", "MAX_POINTS", "Merging", "terminal_vertices"]

MAX_POINTS = 5_000
MAX_ENTRIES = 2**21
"""Largest table of points of one layer, over all states: the sets of many states are refused together."""

DIGITS = 13
"""Points that agree to so many decimals are one point; how far they are apart is measured and counted."""


def terminal_vertices(
    process: ControlledMarkovProcess, *, max_points: int = MAX_POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Return points whose convex hull is ``M``; every vertex of ``M`` is among them.

    Parameters
    ----------
    max_points : int
        Largest number of points in any set of the recursion; all sets of one step together hold at most
        ``2**21`` numbers.

    Returns
    -------
    rows : ndarray, shape (n, S)
    error : ndarray, shape (n, S)
        Bound on the error of every entry: rounding, and points merged because they agree to 13 decimals.

    Raises
    ------
    InstanceTooLargeError
        As soon as a set would have too many points.
    """
    merging = Merging(process, max_points)
    if isinstance(process.horizon, FiniteHorizon):
        widest = max(int(np.diff(process.offsets).max()), int(np.count_nonzero(process.initial)))
        rows = merging.vertices(process.horizon.steps)
        rounding = relative_error((process.horizon.steps + 1) * (widest + 3))
        return rows, rows * rounding + merging.distance * (1 + rounding)
    return _geometric(process, merging)


def _refuse(process: ControlledMarkovProcess, points: int, limit: int) -> None:
    raise InstanceTooLargeError(
        f"The terminal polytope of {process.name!r} needs about {points} points, over the limit of "
        f"{limit}; reduce the horizon or the number of states, or raise max_points."
    )


class Merging:
    """The backward recursion; `distance` adds up how far merged points were apart, step by step.

    A merged point stands for one at most so far away in every entry, and a weighted Minkowski sum is no
    farther from that of the original sets than the weighted mean of these distances.
    """

    def __init__(self, process: ControlledMarkovProcess, limit: int) -> None:
        self.process, self.limit = process, limit
        self.distance = 0.0
        self.farthest = 0.0

    def vertices(self, steps: int) -> np.ndarray:
        """Return the points of all policies of so many steps."""
        *_, sets = self.backwards(steps)
        starts = np.flatnonzero(self.process.initial > 0)
        rows = self._minkowski(self.process.initial[starts], [sets[int(s)] for s in starts])
        self._count()
        return rows

    def backwards(self, steps: int) -> Iterator[dict[int, np.ndarray]]:
        """Yield the points of 0, 1, .. `steps` last steps, from every state where the others can end."""
        process = self.process
        layers = [process.initial > 0]
        for _ in range(steps):
            reached = np.zeros(process.n_states, dtype=bool)
            reached[process.successors[layers[-1][process.choice_state[process.transition_choice]]]] = True
            layers.append(reached)
        last = np.flatnonzero(layers[-1])
        if len(last) * process.n_states > MAX_ENTRIES:
            _refuse(process, len(last), MAX_ENTRIES // process.n_states)
        points = np.zeros((len(last), process.n_states))
        points[np.arange(len(last)), last] = 1.0
        sets = {int(state): points[[i]] for i, state in enumerate(last)}
        yield sets
        for layer in reversed(layers[:-1]):
            sets = self._layer(np.flatnonzero(layer).tolist(), sets)
            self._count()
            yield sets

    def _layer(self, states: list[int], following: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        sets: dict[int, np.ndarray] = {}
        points, most = 0, MAX_ENTRIES // self.process.n_states
        for state in states:
            sets[state] = self._union(state, following)
            points += len(sets[state])
            if points > most:
                _refuse(self.process, points, most)
        return sets

    def _count(self) -> None:
        self.distance, self.farthest = self.distance + self.farthest, 0.0

    def _union(self, state: int, sets: dict[int, np.ndarray]) -> np.ndarray:
        parts = []
        for choice in self.process.choices(state):
            row = slice(int(self.process.offsets[choice]), int(self.process.offsets[choice + 1]))
            following = [sets[int(s)] for s in self.process.successors[row]]
            parts.append(self._minkowski(self.process.probabilities[row], following))
        return self.merged(np.concatenate(parts))

    def _minkowski(self, weights: np.ndarray, sets: list[np.ndarray]) -> np.ndarray:
        """Return the distinct points of the weighted Minkowski sum."""
        total: np.ndarray = np.zeros((1, self.process.n_states))
        for weight, points in zip(weights, sets, strict=True):
            if len(total) * len(points) > self.limit:
                _refuse(self.process, len(total) * len(points), self.limit)
            total = (total[:, None, :] + weight * points[None, :, :]).reshape(-1, self.process.n_states)
            total = self.merged(total)
        return total

    def merged(self, points: np.ndarray) -> np.ndarray:
        """Drop points that agree with an earlier one; several merges of one step may add up."""
        first, group = groups(points, DIGITS)
        if len(first) == len(points):
            return points
        apart = float(np.abs(points - points[first][group]).max())
        self.farthest += apart
        return np.asarray(points[np.sort(first)])


def _geometric(process: ControlledMarkovProcess, merging: Merging) -> tuple[np.ndarray, np.ndarray]:
    used = goal_support(process)
    options = [process.choices(s) if used[s] else process.choices(s)[:1] for s in range(process.n_states)]
    count = math.prod(len(o) for o in options)
    if count > merging.limit:
        _refuse(process, count, merging.limit)
    choices = np.array(list(itertools.product(*options)))
    results = [terminal_distribution(process, deterministic_policy(process, policy)) for policy in choices]
    rows = np.stack([result.probabilities for result in results])
    error = max(float((result.upper - result.lower).max()) for result in results)
    rows = merging.merged(rows)
    return rows, np.broadcast_to(used * (error + merging.farthest), rows.shape)
