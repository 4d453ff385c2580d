r"""An upper bound on the redundancy of order a from the vertices of the last steps and the best chances.

With ``k`` steps left everything is known: the vertices of what can be achieved from each state
(`metaregret.theory.skills.vertices`; those of one step are the rows of the process). A policy is a
distribution over the states it is in by then, and what it achieves is the average ``rho`` of points ``v``.
The divergence is an increasing function of ``sum_s f_s(rho_s)``, with ``f_s(x) = x log x - x log q_s`` at
order 1 and ``x^a q_s^(1-a)`` above. For convex ``h_s`` that are at least ``f_s`` on ``[0, u_s]``, where
``u_s`` is the largest probability with which any policy ends in ``s``, Jensen's inequality says

    sum_s f_s(rho_s) <= sum_s h_s(rho_s) <= E[max_v sum_s h_s(v_s)],

a terminal reward for value iteration. Up to a share of ``u_s`` we take ``h_s = f_s``, and from there the line
through ``f_s(u_s)``: states where episodes end by accident keep their convexity, and a goal that is reached
now and then counts as one that is never sure. (Lines alone give the maximal leakage, ``log sum u``.) Of a
long horizon only the last of these steps are planned for, from the best state that can be reached: what came
before is no better than that.

The bound is convex in ``q``, and its best ``q`` is found by columns: policies that are best for some ``q``,
each goal in turn favoured a little; the best ``q`` for these; and so on. It holds at whatever ``q`` they
stop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.special import xlogy

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.engine.problem import row_mass
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import goal_support, goal_values, optimal_terminal_values
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import best_responses
from metaregret.theory.information import Order
from metaregret.theory.information.redundancy import sibson
from metaregret.theory.information.separable import Separable, minimise_over_hull
from metaregret.theory.skills.dual_bound import ONE
from metaregret.theory.skills.skill import entropy_change, entropy_modulus
from metaregret.theory.skills.vertices import MAX_POINTS, Merging

__all__ = ["LastSteps"]

ROUNDS = 10
NARROW = 1e-4
"""Nats between the bound and the best that its columns allow, below which no better reference is sought."""

SHARES = (1.0, 0.3, 0.1, 0.03, 0.0)
"""Shares of the largest probability up to which the function itself is taken, not a line above it."""

FAVOURS = (3.0, 0.5)
"""By how much each goal counts more in its column, in nats or as a share: at first, and later."""

MOST_ENTRIES = 2**24
"""Largest table of points and goals; above it no goals are favoured."""

PLANNED = 200
"""Steps that are planned for before those whose vertices are listed."""


@dataclass(frozen=True, eq=False)
class _Terms:
    """``h_s`` of the points, no less than it is, without ``q``: what it multiplies, and what is added to it
    at order 1; and ``h_s`` of zeros that points near them were merged with."""

    factors: sp.csr_array
    fixed: np.ndarray
    merged: np.ndarray


class LastSteps:
    """The vertices of as many last steps as are few enough, at a finite horizon.

    Parameters
    ----------
    process : ControlledMarkovProcess
    order : Order
        Finite.
    max_points : int
        Limit on the enumeration of vertices.

    Attributes
    ----------
    steps : int
        ``k``.
    how : str
        Where a bound comes from, as a phrase.
    """

    def __init__(
        self, process: ControlledMarkovProcess, order: Order = ONE, *, max_points: int = MAX_POINTS
    ) -> None:
        assert isinstance(process.horizon, FiniteHorizon)
        total = process.horizon.steps
        self.order, self.support = order, np.flatnonzero(goal_support(process))
        self._initial, self._astray = process.initial, _astray(process)
        most = np.minimum(goal_values(process, self.support).upper, 1.0)
        self._most = most * (1 + 3 * self._astray)
        # Above order 1 points and prices are in these units: neither overflows.
        self._unit = np.ones_like(most) if order.is_one else self._most
        self.steps, self._states, points, self._apart = _last(process, max_points)
        self._error = relative_error((total + 1) * (int(np.diff(process.offsets).max()) + 3))
        self._points = sp.csr_array(sp.csr_array(points)[:, self.support])
        self._starts = np.flatnonzero(np.diff(self._states, prepend=-1))
        self.how = f"vertices of the last {self.steps} steps, Jensen's inequality before"
        self._before: ControlledMarkovProcess | None = None
        self._anywhere: np.ndarray | None = None  # where the planned steps may begin, if not at the start
        self._averaged = total > self.steps or np.count_nonzero(process.initial) > 1
        self._shares = SHARES if self._averaged else SHARES[:1]  # nothing to average: no line helps
        if total > self.steps:
            self._before = process.replaced(horizon=min(total - self.steps, PLANNED))
        if total - self.steps > PLANNED:
            self._anywhere = np.flatnonzero(process.reachable)

    def bound(self, q: np.ndarray) -> float:
        """Return a certified upper bound on the largest divergence from `q` of any policy, in nats.

        Parameters
        ----------
        q : ndarray, shape (S,)
            Positive where an episode can end.
        """
        at = q[self.support]
        if not np.all(at > 0):
            return np.inf
        return min(self._respond(self._terms(share), at, 0.0)[0] for share in self._shares)

    def best(self, q: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the least bound found and its reference, shape (S,), beginning at `q`; at order 1 a bound on
        the capacity, above it on the redundancy where the reference is a mixture of policies."""
        spread, given = self._most / self._most.sum(), np.maximum(q[self.support], 1e-300)
        begun = [
            (self._respond(self._terms(s), x, 0.0)[0], s, x) for s in self._shares for x in (given, spread)
        ]
        least, share, point = min(begun, key=lambda each: each[0])
        if least == np.inf:
            return least, q
        terms, at, columns, found = self._terms(share), point, np.empty((0, 0)), -np.inf
        for round_ in range(ROUNDS):
            upper, more = self._respond(terms, at, FAVOURS[min(round_, len(FAVOURS) - 1)])
            if upper <= least:
                least, point = upper, at
            if len(columns):
                more = more[self._worth(more, at) > found + 0.02 * max(0.0, least - found)]
            columns = np.concatenate([columns, more]) if len(columns) else more
            columns, optimum, found = self._mixed(columns)
            if least - found <= NARROW:
                break
            # Away from what is known the columns promise too much: go half-way where that did not pay.
            at = optimum if upper <= least else np.sqrt(optimum * point)
            at = at / at.sum()
        reference = np.zeros(len(q))
        reference[self.support] = point
        return min(least, self.bound(reference)), reference

    def _terms(self, share: float) -> _Terms:
        """The convex functions of the points, for a share of the largest probabilities."""
        a, column = self.order.alpha, self._points.indices
        share = min(share, 1.0 - 1e-3)
        most = self._most / self._unit
        bend = share * most if self._averaged else np.full_like(most, np.inf)
        apart = 2 * self._apart / self._unit
        x = self._points.data / self._unit[column]
        off = 2 * self._error * x + apart[column]
        if not (self._averaged or self.order.is_one):  # every point is what a policy achieves: no more
            off = np.minimum(off, np.maximum(most[column] - x, 0.0) + 2 * self._error * x)
            apart = np.minimum(apart, most)

        def f(z: np.ndarray) -> np.ndarray:
            with np.errstate(over="ignore"):  # infinite then: see `_respond`
                return np.asarray(xlogy(z, z) if self.order.is_one else z**a)

        def h(x: np.ndarray, most: np.ndarray, bend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            """Of values; with what its rounding is relative to."""
            end, before = np.minimum(x, bend), np.where(np.isinf(bend), 0.0, bend)
            run = most - before
            value = f(end) + (f(most) - f(before)) / run * (x - end)
            steep = np.where(x > bend, (np.abs(f(most)) + np.abs(f(before))) / run, 0.0)
            return value, np.abs(f(end)) + steep * (x + end)

        if not self.order.is_one:
            value, size = h(x + off, most[column], bend[column])
            none, size_of_none = h(apart, most, bend)
            unit = relative_error(32)
            return _Terms(
                self._with(value + unit * size), np.zeros(len(self._states)), none + unit * size_of_none
            )
        value, size = h(x, most[column], bend[column])
        # From one end of what a point may be to the other: along the function, and then along the line,
        # which is no steeper than this: its slope is between log u and 1 + log u.
        steep = 1.0 + np.abs(np.log(most))
        error = relative_error(32) * size + steep[column] * off + entropy_change(x, off)
        none = entropy_modulus(apart) + steep * apart
        fixed = self._with(value + error).sum(axis=1) + none.sum()
        fixed += relative_error(len(self.support) + 8) * (
            self._with(np.abs(value) + error).sum(axis=1) + none.sum()
        )
        return _Terms(self._with(x + off), fixed, apart)

    def _with(self, data: np.ndarray) -> sp.csr_array:
        return sp.csr_array((data, self._points.indices, self._points.indptr), shape=self._points.shape)

    def _prices(self, q: np.ndarray) -> tuple[np.ndarray, float, float]:
        """What the factors count, above order 1 relative to the dearest; its logarithm; and a bound on the
        error of the logarithms."""
        if self.order.is_one:
            return np.maximum(-np.log(q), 0.0), 0.0, 0.0
        parts = self.order.alpha * np.log(self._unit), -self.order.power * np.log(q)
        size = float(np.max(np.abs(parts[0]) + np.abs(parts[1])))
        logs = parts[0] + parts[1]
        return np.exp(logs - logs.max()), float(logs.max()), relative_error(8) * (1.0 + 2.0 * size)

    def _respond(self, terms: _Terms, q: np.ndarray, favour: float) -> tuple[float, np.ndarray]:
        """The bound at ``q``, shape (K,), and columns: the policy that attains it and, with a favour, one for
        each goal; as factors of the prices, with what is added to them at order 1."""
        prices, dearest, rounded = self._prices(q)
        paid, unit = terms.factors @ prices + float(terms.merged @ prices), relative_error(2 * len(q) + 64)
        # The last term is more than what underflows, in units of the dearest goal.
        value = paid + terms.fixed + unit * (paid + np.abs(terms.fixed)) + 1e-200
        if not np.all(np.isfinite(value)):  # powers overflowed
            return np.inf, np.empty((0, 0))
        options = value[:, None]
        if favour and options.size * (len(q) + 1) <= MOST_ENTRIES:
            more = terms.factors.toarray() * (favour if self.order.is_one else favour * prices)
            options = np.concatenate([options, options + more], axis=1)
        worth = np.zeros((len(self._initial), options.shape[1]))
        states = self._states[self._starts]
        worth[states] = np.maximum.reduceat(options, self._starts, axis=0)
        floor = np.minimum(worth[states].min(axis=0), 0.0)
        total, met = self._planned(worth - floor)
        total = total * (1 + relative_error(len(self._initial) + 8)) + float(floor[0])
        here = np.repeat(worth[states], np.diff(np.append(self._starts, len(options))), axis=0)
        place = np.where(options == here, np.arange(len(options))[:, None], len(options))
        chosen = np.minimum.reduceat(place, self._starts, axis=0)
        flow = sp.csr_array(
            (met[:, states].ravel(), chosen.T.ravel(), np.arange(0, chosen.size + 1, len(states))),
            shape=(options.shape[1], len(options)),
        )
        columns = (flow @ terms.factors).toarray()
        if self.order.is_one:
            columns = np.column_stack([columns, flow @ terms.fixed])
        one = self.order.is_one
        upper = total if one else (dearest + float(np.log(total)) + rounded) / self.order.power
        unit = relative_error(2 * len(self._initial) + 64)
        unit *= 1.0 if one else 1.0 + (1.0 + abs(dearest)) / self.order.power
        # With g for how far masses are from one: a mean of h is one of a distribution times 1 + g, which
        # moves D by 2 g (1 + |D|) at order 1, and by 4 g a / (a - 1) above.
        astray = 2.0 * self._astray if one else 4.0 * self._astray * self.order.alpha / self.order.power
        return upper + (unit + astray) * (1.0 + abs(upper) + abs(float(floor[0]))), columns

    def _planned(self, worth: np.ndarray) -> tuple[float, np.ndarray]:
        """The best expectation of the first column before the listed steps, and where policies are then."""
        before, least = self._before, 0.0
        if before is None:
            return float(self._initial @ worth[:, 0]), np.repeat(self._initial[None], worth.shape[1], axis=0)
        if self._anywhere is not None:
            value = optimal_terminal_values(before, worth[:, :1], everywhere=True).everywhere
            assert value is not None
            most = value[1, self._anywhere, 0]
            before, least = before.replaced(initial=int(self._anywhere[most.argmax()])), float(most.max())
        found = best_responses(before, worth)
        return max(least, float(found.optimum.upper[0])), found.terminal

    def _worth(self, columns: np.ndarray, q: np.ndarray) -> np.ndarray:
        """The bounds at ``q`` if there were one column each, without roundings."""
        prices, dearest, _ = self._prices(q)
        if self.order.is_one:
            return np.asarray(columns[:, :-1] @ prices + columns[:, -1])
        return np.asarray((dearest + np.log(np.maximum(columns @ prices, 1e-300))) / self.order.power)

    def _mixed(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """The columns that matter, the best ``q`` for them, and its bound."""
        scale = 1.0 if self.order.is_one else float(columns.max())
        objective = _entropy_and_more() if self.order.is_one else sibson(self.order, self._unit)
        weights = minimise_over_hull(columns / scale, objective, np.full(len(columns), 1 / len(columns)))
        kept = weights > 1e-4 / len(weights)
        point = weights[kept] @ columns[kept] / weights[kept].sum()
        if self.order.is_one:
            q = np.maximum(point[:-1], 1e-300)
            return columns[kept], q / q.sum(), -float(objective.value(point).sum())
        q = self._unit * np.maximum(point, 1e-300) ** (1 / self.order.alpha)
        found = self.order.alpha / self.order.power * float(np.log(q.sum()))
        return columns[kept], q / q.sum(), found


def _astray(process: ControlledMarkovProcess) -> float:
    """Return how far the ratio of the masses of any two distributions of an episode is from one: not at all
    for an exact process; rows of stored floats are taken literally."""
    if process.is_exact:
        return 0.0
    assert isinstance(process.horizon, FiniteHorizon)
    (low, high), start = row_mass(process), float(process.initial.sum())
    most = (max(high, 1.0) / min(low, 1.0)) ** process.horizon.steps * max(start, 1.0 / start)
    return (most - 1.0) * (1 + 1e-6) + relative_error(process.n_states + 4 * process.horizon.steps + 8)


def _last(process: ControlledMarkovProcess, max_points: int) -> tuple[int, np.ndarray, sp.csr_array, float]:
    """Return the number of steps listed, the states before them, each as often as it has points, the points,
    and how far merged points are apart."""
    assert isinstance(process.horizon, FiniteHorizon)
    steps, merging, found = -1, Merging(process, max_points), dict[int, np.ndarray]()
    try:
        for sets in merging.backwards(process.horizon.steps):
            found, steps = sets, steps + 1
    except InstanceTooLargeError:
        pass
    if steps < 1 <= process.horizon.steps:  # one step is never too many: its points are the rows
        return 1, process.choice_state, process.matrix, 0.0
    states = np.repeat(list(found), [len(rows) for rows in found.values()])
    return steps, states, sp.csr_array(np.concatenate(list(found.values()))), merging.distance


def _entropy_and_more() -> Separable:
    """``sum_s x_s log x_s`` less the last entry."""

    def with_last(first: np.ndarray, last: float) -> np.ndarray:
        return np.append(first, last)

    def positive(x: np.ndarray) -> np.ndarray:
        return np.maximum(x[:-1], 1e-300)

    return Separable(
        lambda x: with_last(xlogy(positive(x), positive(x)), -x[-1]),
        lambda x: with_last(np.log(positive(x)) + 1.0, -1.0),
        lambda x: with_last(1.0 / positive(x), 0.0),
    )
