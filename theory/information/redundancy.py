r"""Redundancy of order a of a finite set of distributions: the mixture that is nowhere far from any of them.

    C_a = min over mixtures q of the rows of max over rows of D_a(row || q)                     in nats

At order 1 this is the capacity of the channel with these rows, at order infinity the logarithm of
``min_q max_s v_s / q_s``, ``v_s`` the largest entry of column ``s``: the minimax problem of T4 (T19).

One convex program in cvxpy, in the weights of the mixture and one variable ``u_s`` a column:

    minimise t   subject to   sum_s c_is u_s + d_i <= t for every row i,   (q_s, u_s) in a cone,

with the power cone ``u_s >= q_s^(1-a)`` and ``c_is = row_is^a`` at finite orders, ``u_s >= rel_entr(1, q_s)``
and ``c_is = row_is`` at order 1, and the linear program ``q_s >= v_s / t`` at infinity. Order 1 has a faster
and sharper method of its own (`metaregret.theory.information.channel_capacity`), which ``auto`` takes.

At the other finite orders ``auto`` has a method of its own, too (`nearest_mixture`), and takes the program
where that leaves the bracket open.

Bounds are recomputed from what comes back. Above: ``max_i D_a(row_i || q)`` at the mixture. Below: for
weights ``w`` on the rows let ``c = sum_i w_i row_i^a``. ``F(q) = sum_s c_s q_s^(1-a)`` is convex and
homogeneous, so its tangents at ``r q'``, ``r`` any number, give for every mixture ``q``, the best ``r``
chosen,

    F(q) >= F(q')^a / U^(a-1),    U = max over rows of sum_s c_s q'_s^(-a) row_s.

At order 1 the lower bound is the mutual information of ``w``; at infinity ``F`` is ``sum_s w_s v_s / U`` with
``U = max over rows of sum_s w_s row_s`` for weights on columns. Each bound is true whatever the solver did.

References
----------
R. Sibson, "Information radius" (1969); S. Yagli, Y. Altug, S. Verdu, "Minimax Renyi redundancy", *IEEE Trans.
Inform. Theory* 64 (2018). The lower bound is ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from metaregret.tabular.bounds import Bracket, relative_error
from metaregret.tabular.choices import check_tolerance, one_of
from metaregret.tabular.errors import ContradictionError, SolverError
from metaregret.tabular.groups import distinct
from metaregret.theory.information.capacity import channel_capacity
from metaregret.theory.information.channel import ChannelLike, as_channel
from metaregret.theory.information.measures import row_divergences
from metaregret.theory.information.nearest_mixture import nearest_mixture
from metaregret.theory.information.orders import Order, as_order, divergences
from metaregret.theory.information.separable import Separable
from metaregret.theory.optimise import CONVEX_SOLVERS, LINEAR_SOLVERS, solve_certified

if TYPE_CHECKING:
    import cvxpy as cp

__all__ = ["ChannelRedundancy", "Tangent", "channel_redundancy", "sibson", "tangent"]

RedundancyMethod = Literal["auto", "program"]

PASSES = 3
"""Solutions of the program, each in units of the mixture before: powers of ``q`` are then near 1."""

NEGLIGIBLE = 1e-13
"""Share of the weights below which an interior-point method meant zero."""


@dataclass(frozen=True, eq=False)
class Tangent:
    """The lower bound of a finite order, short of the largest value of a linear function over mixtures.

    Attributes
    ----------
    order : Order
    reward : ndarray, shape (S,)
        ``c_s q'_s^(-a)``, divided by `scale`.
    level : float
        ``F(q')``, divided by `scale`.
    scale : float
    """

    order: Order
    reward: np.ndarray
    level: float
    log_scale: float

    def bound(self, best: float) -> float:
        """Return the lower bound in nats, given an upper bound on ``U`` in units of the scale."""
        if not (self.level > 0 and best > 0):
            return 0.0
        a, power = self.order.alpha, self.order.power
        log_level, log_best = math.log(self.level), math.log(best)
        value = (a * log_level - power * log_best + self.log_scale) / power
        size = (a * (1 + abs(log_level)) + power * (1 + abs(log_best)) + abs(self.log_scale)) / power
        return max(0.0, value - relative_error(len(self.reward) + 64) * (2 + a) * size)


def tangent(order: Order, rows: np.ndarray, weights: np.ndarray, reference: np.ndarray) -> Tangent:
    """Return the lower bound that weights on rows and a reference prove; see the module.

    Parameters
    ----------
    order : Order
        Finite, above 1.
    rows : ndarray, shape (n, S)
        Distributions, or lower bounds on their entries.
    weights : ndarray, shape (n,)
        Non-negative; divided by their sum.
    reference : ndarray, shape (S,)
        ``q'``, positive where a row of positive weight is.
    """
    a = order.alpha
    chosen = weights > 0
    share = weights[chosen] / weights[chosen].sum()
    used = (reference > 0) & np.any(rows[chosen] > 0, axis=0)
    logarithm = np.full(rows.shape[1], -np.inf)
    with np.errstate(divide="ignore"):
        powers = np.log(share)[:, None] + a * np.log(rows[chosen][:, used])
    top = powers.max(axis=0)
    logarithm[used] = top + np.log(np.exp(powers - top).sum(axis=0)) - a * np.log(reference[used])
    log_scale = float(logarithm.max())
    reward = np.exp(logarithm - log_scale)
    return Tangent(order, reward, float(reward[used] @ reference[used]), log_scale)


@dataclass(frozen=True, eq=False)
class ChannelRedundancy:
    """The redundancy of a set of distributions.

    Attributes
    ----------
    order : Order
    value : Bracket
        In nats, recomputed from what follows.
    mixture : ndarray, shape (n,)
        Weights on the rows; `reference` is their mixture and proves ``value.upper``.
    reference : ndarray, shape (S,)
        ``q_a``.
    weights : ndarray, shape (n,), or (S,) at order infinity
        Multipliers of the rows (of the columns at order infinity); they prove ``value.lower``.
    """

    order: Order
    value: Bracket
    mixture: np.ndarray
    reference: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class _Candidate:
    lower: float
    upper: float
    mixture: np.ndarray
    weights: np.ndarray


def channel_redundancy(
    channel: ChannelLike, order: object = 1, *, tolerance: float = 1e-7, method: RedundancyMethod = "auto"
) -> ChannelRedundancy:
    """Bracket the redundancy of order a of the rows of a matrix.

    Parameters
    ----------
    channel : array_like, shape (n, S)
        Every row a distribution.
    order : number or str
        From 1 to 64, or ``"inf"``.
    tolerance : float
        Wanted relative gap, ``max(1, C)`` its unit; read ``value.gap``.
    method : {"auto", "program"}
        Whether order 1 may be solved by the methods for channel capacity, and other finite orders by an
        interior-point method of their own.

    Raises
    ------
    InvalidArgumentError
        If the channel, the order or an option is malformed.
    SolverError
        If no solver returned anything that could be certified.
    """
    known = as_order(order, "order")
    one_of(("auto", "program"), method, "method")
    check_tolerance(tolerance, below=math.inf)
    valid = as_channel(channel)
    if known.is_one and method == "auto":
        capacity = channel_capacity(valid, tolerance=tolerance)
        inputs = capacity.input_distribution
        return ChannelRedundancy(known, capacity.capacity, inputs, capacity.output_distribution, inputs)
    dense = valid.matrix if isinstance(valid.matrix, np.ndarray) else valid.matrix.toarray()
    rows = dense * valid.inverse_sums[:, None]
    found = None if known.is_infinite or method == "program" else _direct(known, rows)
    low, high = _solved(known, rows, tolerance, found)
    upper = max(low.upper, high.lower)
    value = Bracket(
        min(high.lower, upper),
        upper,
        lower_from="tangent at the multipliers of the rows",
        upper_from="largest divergence of a row from the returned mixture",
    )
    reference = valid.expand_output(low.mixture @ rows)
    weights = valid.expand_output(high.weights) if known.is_infinite else high.weights
    return ChannelRedundancy(known, value, low.mixture, reference, weights)


def sibson(order: Order, units: np.ndarray | float = 1.0) -> Separable:
    """Return ``-sum_s x_s^(1/a)``, ``x`` in the powers of `units`, shape (S,): its minimum over mixtures of
    powers is ``-exp(C (a - 1) / a)`` with ``C`` Sibson's information in nats."""
    share = 1.0 / order.alpha

    def power(x: np.ndarray, exponent: float) -> np.ndarray:
        return np.asarray(units * np.maximum(x, 1e-300 if exponent > -1 else 1e-145) ** exponent)

    return Separable(
        lambda x: -power(x, share),
        lambda x: -share * power(x, share - 1.0),
        lambda x: share * (1.0 - share) * power(x, share - 2.0),
    )


Pair = tuple[_Candidate, _Candidate]
"""The candidates of the least upper and of the largest lower bound."""


def _best(candidates: Iterable[_Candidate]) -> Pair:
    found = tuple(candidates)
    return min(found, key=lambda each: each.upper), max(found, key=lambda each: each.lower)


def _spread(found: np.ndarray, first: np.ndarray, count: int) -> np.ndarray:
    """Return weights on rows at these positions as weights on all, along the last axis."""
    spread = np.zeros((*found.shape[:-1], count))
    spread[..., first] = found
    return spread


def _direct(order: Order, rows: np.ndarray) -> Pair | None:
    """Return what the interior-point method found, if it found anything."""
    first = distinct(rows)  # copies of a row make the steps degenerate
    mixture, multipliers = (_spread(found, first, len(rows)) for found in nearest_mixture(order, rows[first]))
    usable = [one for one in multipliers if np.all(np.isfinite(one) & np.isfinite(mixture))]
    return _best(_evaluated(order, rows, mixture, one) for one in usable) if usable else None


def _solved(order: Order, rows: np.ndarray, tolerance: float, best: Pair | None) -> Pair:
    """Return the best candidates, from the program where what is known does not suffice."""
    if best is not None and best[0].upper - best[1].lower <= tolerance * max(1.0, best[0].upper):
        return best
    unit = np.maximum(rows.mean(axis=0), 1e-300)  # a mean may underflow
    for _ in range(1 if order.is_one or order.is_infinite else PASSES):
        problem, read = _program(order, rows, unit)
        solvers = LINEAR_SOLVERS if order.is_infinite else CONVEX_SOLVERS[:2]
        try:
            found = solve_certified(problem, read, tolerance=tolerance, attempts=solvers)
        except ContradictionError:
            raise
        except SolverError:
            if best is None:
                raise
            break
        best = low, high = _best((found.lowest, found.highest, *(best or ())))
        if low.upper - high.lower <= tolerance * max(1.0, low.upper):
            break
        unit = np.maximum(low.mixture @ rows, 1e-12)
    assert best is not None
    return best


def _program(
    order: Order, rows: np.ndarray, unit: np.ndarray
) -> tuple[cp.Problem, Callable[[], _Candidate | None]]:
    """Pose the program in units of a mixture, shape (S,); return it and the function that reads it."""
    from metaregret.tabular.modelling import cvxpy as cp

    count, size = rows.shape
    ones, mixture, level, u = np.ones(size), cp.Variable(count, nonneg=True), cp.Variable(), cp.Variable(size)
    q = mixture @ (rows / unit)
    everything = np.ones(count) @ mixture == 1
    best = rows.max(axis=0)
    if order.is_infinite:
        far = q >= level * (best / unit)
        problem = cp.Problem(cp.Maximize(level), [far, everything])
    elif order.is_one:
        offsets = row_divergences(rows, unit / unit.sum()) - math.log(unit.sum())
        far = rows @ u + offsets <= level
        problem = cp.Problem(cp.Minimize(level), [far, everything, cp.rel_entr(1.0, q) <= u])
    else:
        coefficients = np.exp(order.alpha * np.log(np.maximum(rows, 1e-300)) - order.power * np.log(unit))
        far = (coefficients / coefficients.sum(axis=1).max()) @ u <= level
        x, y, one = (u, q, ones) if size > 1 else (u[0], q[0], 1.0)  # cvxpy 1.6 refuses the shape (1,)
        cone = cp.PowCone3D(x, y, one, 1.0 / order.alpha)
        problem = cp.Problem(cp.Minimize(level), [far, everything, cone])

    def read() -> _Candidate | None:
        if mixture.value is None or far.dual_value is None:
            return None
        weights, duals = (np.maximum(np.asarray(x), 0.0) for x in (mixture.value, far.dual_value))
        if not (weights.sum() > 0 and duals.sum() > 0):
            return None
        weights = np.where(weights > NEGLIGIBLE * weights.sum(), weights, 0.0)
        return _evaluated(order, rows, weights / weights.sum(), duals / unit if order.is_infinite else duals)

    return problem, read


def _evaluated(order: Order, rows: np.ndarray, mixture: np.ndarray, weights: np.ndarray) -> _Candidate:
    """Recompute both bounds; see the module."""
    reference = mixture @ rows
    rounded = reference * (1 - relative_error(2 * len(rows) + 8))  # the sum of the weights rounds, too
    error = rows * relative_error(rows.shape[1] + 4)
    if order.is_one:
        from metaregret.theory.information.certificate import capacity_bracket

        inputs = weights / weights.sum()
        both = capacity_bracket(rows, inputs), capacity_bracket(rows, mixture)
        return _Candidate(max(x.lower for x in both), min(x.upper for x in both), mixture, inputs)
    upper = float(divergences(order, rows, rounded, error=error).max())
    if order.is_infinite:
        best = float((rows @ weights).max()) * (1 + relative_error(2 * rows.shape[1] + 8))
        least = float(rows.max(axis=0) @ weights) * (1 - relative_error(2 * rows.shape[1] + 8))
        lower = max(0.0, math.log(least / best) * (1 - relative_error(5)))
        return _Candidate(min(lower, upper), upper, mixture, weights)
    weights = np.where(weights > NEGLIGIBLE * weights.sum(), weights, 0.0)
    line = tangent(order, rows - error, weights, reference)
    best = float((rows @ line.reward).max()) * (1 + relative_error(2 * rows.shape[1] + 8))
    return _Candidate(min(line.bound(best), upper), upper, mixture, weights)
