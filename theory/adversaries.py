"""Which task distributions an adversary may choose: the simplex, or a part of it around a nominal one.

A restricted adversary models a user who half trusts a task distribution ``q``. Every set here is convex and
contains what it is built around, so ``min_f max_{p in U} E_p[loss]`` is a matrix game with a saddle point
(Sion 1958). For the decomposition a set must do three things: describe itself by linear rows (with cuts
where it is curved), bring any ``p`` inside, and bound ``max_{p in U} p . loss`` from both sides: from above
by duality, from below by a ``p`` of the set.

Sources: total variation and Kullback-Leibler balls, Ben-Tal et al. 2013 (Management Science 59(2)); the
conditional-value-at-risk set ``{p <= q / alpha}``, Rockafellar and Uryasev 2000.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metaregret.tabular.bounds import UNIT_ROUNDOFF, relative_error
from metaregret.tabular.errors import InvalidArgumentError, SolverError
from metaregret.tabular.rationals import parse_fraction
from metaregret.theory.optimise import Best, solve_certified

if TYPE_CHECKING:
    import cvxpy as cp

__all__ = [
    "Adversary",
    "ConditionalValueAtRisk",
    "KullbackLeiblerBall",
    "Polytope",
    "Simplex",
    "TotalVariationBall",
    "check_distribution",
    "parse_adversary",
    "two_sided",
]


ROW_TOLERANCE = 1e-9
"""Room at a row of a polytope below which the row is an equation."""
LARGEST_SCALE = 1e6
"""Inverse of the room that is sought at least at every row of a polytope without interior."""


def check_distribution(p: np.ndarray, tasks: int, what: str) -> np.ndarray:
    """Return `p` as a float array that sums to one.

    Raises
    ------
    InvalidArgumentError
        If it has the wrong length, a negative or non-finite entry, or another sum (by more than 1e-9).
    """
    array = np.asarray(p, dtype=np.float64)
    if array.shape != (tasks,):
        raise InvalidArgumentError(
            f"Expected {what} of shape ({tasks},), one entry per task, but got {array.shape}."
        )
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if len(bad):
        raise InvalidArgumentError(f"Expected {what} >= 0, but entry {bad[0]} is {array[bad[0]]!r}.")
    if abs(array.sum() - 1.0) > 1e-9:
        raise InvalidArgumentError(
            f"Expected {what} to sum to one, but it sums to {array.sum()!r}; normalise it."
        )
    return array / array.sum()


def two_sided(step: float, farthest: float) -> np.ndarray:
    """Return increasing distances on both sides of zero: six of `step` each, then growing by half."""
    steps = list(step * np.arange(7))
    while steps[-1] < farthest:
        steps.append(max(1.5 * steps[-1], steps[-1] + step))
    return np.unique(np.concatenate([steps, -np.array(steps)]))


class Adversary(ABC):
    """A closed convex set of task distributions.

    A set of your own is a subclass, passed as an object; see ``docs/how-to/adversaries.md``. It must give
    `start`, `worst` and `response`; where it is smaller than the simplex also `inside`, and `rows` (or
    `model` and `cut`, where it is curved).

    Attributes
    ----------
    polyhedral : bool
        Whether `rows` describes all of it.

    Examples
    --------
    >>> import metaregret as mr
    >>> [isinstance(one, mr.Adversary) for one in (mr.Simplex(), mr.TotalVariationBall([0.5, 0.5], 0.1))]
    [True, True]
    """

    polyhedral = True

    def __str__(self) -> str:
        """A short name of the set, for titles and documents."""
        return type(self).__name__

    @abstractmethod
    def start(self, tasks: int) -> np.ndarray:
        """Return a distribution of the set to begin with, shape (K,)."""

    @abstractmethod
    def worst(self, loss: np.ndarray) -> float:
        """Return an upper bound on ``max_{p in U} p . loss``, tight up to rounding."""

    @abstractmethod
    def response(self, loss: np.ndarray) -> np.ndarray:
        """Return a distribution of the set at which ``p . loss`` is (nearly) largest."""

    def charged(self, tasks: int) -> np.ndarray:
        """Return which tasks some distribution of the set poses, shape (K,)."""
        return np.array([self.worst(row) > 0 for row in np.eye(tasks)])

    def model(
        self, loss: cp.Expression, near: np.ndarray, distance: float
    ) -> tuple[cp.Expression, list[cp.Constraint]]:
        """Pose ``max_{p in U} p . loss`` in cvxpy, convex in the losses: a bound and its constraints.

        By linear duality it is ``min { mu + b . y : mu + A_p' y >= loss, A_u' y >= 0, y >= 0 }``. A curved
        set gives a linear model from below, as good as the square of `distance` (relative) at `near`, a
        distribution of the set.
        """
        from metaregret.tabular.modelling import cvxpy as cp

        matrix, limits = self.rows(loss.size)
        level = cp.Variable()
        if not len(limits):
            return level, [level >= loss]
        y = cp.Variable(len(limits), nonneg=True)
        constraints = [level + matrix[:, : loss.size].T @ y >= loss]
        if matrix.shape[1] > loss.size:
            constraints.append(matrix[:, loss.size :].T @ y >= 0)
        return level + limits @ y, constraints

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(A, b)`` with ``A [p, u] <= b`` on the set; ``u >= 0`` are helper variables, if any."""
        return np.zeros((0, tasks)), np.zeros(0)

    def inside(self, p: np.ndarray) -> np.ndarray:
        """Return a distribution of the set, close to the distribution `p` where that is almost feasible."""
        return p

    def cut(self, p: np.ndarray) -> tuple[np.ndarray, float] | None:
        """Return ``(a, b)`` with ``a . p <= b`` on the set, violated by `p`; None where `p` is close."""
        return None


class Simplex(Adversary):
    """All task distributions: the unrestricted adversary.

    Examples
    --------
    >>> import metaregret as mr
    >>> mr.Simplex().worst(np.array([0, 1, 3]))
    3.0
    """

    def __str__(self) -> str:
        return "simplex"

    def start(self, tasks: int) -> np.ndarray:
        """The uniform distribution."""
        return np.full(tasks, 1.0 / tasks)

    def worst(self, loss: np.ndarray) -> float:
        """The largest loss."""
        return float(loss.max())

    def response(self, loss: np.ndarray) -> np.ndarray:
        """All mass on a largest loss."""
        return np.eye(len(loss))[int(loss.argmax())]


@dataclass(frozen=True, eq=False)
class _Ball(Adversary):
    """A set that is star-shaped around a nominal distribution ``q``."""

    nominal: np.ndarray

    def __post_init__(self) -> None:
        nominal = check_distribution(self.nominal, len(np.atleast_1d(self.nominal)), "nominal")
        object.__setattr__(self, "nominal", nominal)

    def start(self, tasks: int) -> np.ndarray:
        """The nominal distribution."""
        return check_distribution(self.nominal, tasks, "nominal")

    @abstractmethod
    def excess(self, p: np.ndarray) -> float:
        """How far `p` is outside: a convex function, at most zero exactly on the set."""

    def inside(self, p: np.ndarray) -> np.ndarray:
        """Move towards the nominal distribution just far enough (bisection on the segment).

        What a solver leaves on tasks that are never posed is taken off first.
        """
        posed = self.charged(len(p))
        if (p[~posed] > 0).any() and p[posed].sum() > 0:
            p = np.where(posed, p, 0.0) / p[posed].sum()
        if self.excess(p) <= 0:
            return p
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.excess(self._between(p, middle)) > 0 else (middle, high)
        return self._between(p, low)

    def charged(self, tasks: int) -> np.ndarray:
        """The tasks of positive nominal mass: said without roundings, for any mass would charge a task."""
        return self.nominal > 0

    def _between(self, p: np.ndarray, share: float) -> np.ndarray:
        return self.nominal + share * (p - self.nominal)


@dataclass(frozen=True, eq=False)
class TotalVariationBall(_Ball):
    """``{p : sum |p - q| / 2 <= radius}``: at most a share `radius` of the tasks is not what ``q`` says.

    Examples
    --------
    >>> import metaregret as mr
    >>> round(mr.TotalVariationBall([0.5, 0.5], 0.1).worst(np.array([0, 1])), 6)
    0.6
    """

    radius: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_radius(self.radius)

    def __str__(self) -> str:
        return f"tv:{self.radius:.12g}"

    def charged(self, tasks: int) -> np.ndarray:
        """All tasks, unless the set is the nominal distribution alone."""
        return (self.nominal > 0) | (self.radius > 0)

    def excess(self, p: np.ndarray) -> float:
        """Distance minus radius."""
        return float(0.5 * np.abs(p - self.nominal).sum()) - self.radius

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """``p - q <= u`` and ``sum u <= radius``, with one helper per task."""
        identity = np.eye(tasks)
        ones = np.concatenate([np.zeros(tasks), np.ones(tasks)])
        return (
            np.vstack([np.hstack([identity, -identity]), ones]),
            np.append(self.nominal, self.radius),
        )

    def worst(self, loss: np.ndarray) -> float:
        """Move the mass `radius` from the smallest losses to the largest."""
        order, moved = self._moved(loss)
        return _rounded_up(float(self.nominal @ loss + (moved * (loss.max() - loss[order])).sum()), loss)

    def response(self, loss: np.ndarray) -> np.ndarray:
        """The same distribution."""
        order, moved = self._moved(loss)
        p = self.nominal.copy()
        p[order] -= moved
        p[order[-1]] += moved.sum()
        clean = np.maximum(p, 0.0)
        return self.inside(clean / clean.sum())

    def _moved(self, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(loss)
        return order, np.diff(np.minimum(np.cumsum(self.nominal[order]), self.radius), prepend=0.0)


@dataclass(frozen=True, eq=False)
class ConditionalValueAtRisk(_Ball):
    """``{p : p <= q / alpha}``: the loss averaged over the worst share `alpha` of the tasks under ``q``.

    Examples
    --------
    >>> import metaregret as mr
    >>> worst_half = mr.ConditionalValueAtRisk([0.25, 0.25, 0.25, 0.25], 0.5)
    >>> round(worst_half.worst(np.array([0, 0, 1, 3])), 6)
    2.0
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.alpha <= 1.0:
            raise InvalidArgumentError(f"Expected 0 < alpha <= 1, but got alpha={self.alpha!r}.")

    def __str__(self) -> str:
        return f"cvar:{self.alpha:.12g}"

    def excess(self, p: np.ndarray) -> float:
        """The largest violation of an upper limit."""
        return float((p - self.nominal / self.alpha).max())

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """``p <= q / alpha``."""
        return np.eye(tasks), self.nominal / self.alpha

    def worst(self, loss: np.ndarray) -> float:
        """Fill the limits from the largest loss down."""
        return _rounded_up(float(self._filled(loss) @ loss), loss)

    def response(self, loss: np.ndarray) -> np.ndarray:
        """The same distribution."""
        return self.inside(self._filled(loss))

    def _filled(self, loss: np.ndarray) -> np.ndarray:
        order = np.argsort(-loss)
        p = np.empty(len(loss))
        p[order] = np.diff(np.minimum(np.cumsum(self.nominal[order] / self.alpha), 1.0), prepend=0.0)
        return p / p.sum()


@dataclass(frozen=True, eq=False)
class KullbackLeiblerBall(_Ball):
    """``{p : sum p log(p / q) <= radius}`` (nats).

    Examples
    --------
    >>> import metaregret as mr
    >>> ball = mr.KullbackLeiblerBall([0.5, 0.5], 0.1)
    >>> 0.5 < ball.worst(np.array([0, 1])) < 1
    True
    """

    radius: float = 0.0
    polyhedral = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_radius(self.radius)

    def __str__(self) -> str:
        return f"kl:{self.radius:.12g}"

    def excess(self, p: np.ndarray) -> float:
        """Divergence minus radius, rounded up; infinite where ``p`` has mass and ``q`` has none.

        ``sum q phi(p / q - 1)`` with ``phi(t) = (1 + t) log(1 + t) - t >= 0``: small deviations keep their
        digits, and a sum of ``p`` that is off by a rounding does not count. The allowance makes what is
        found inside truly inside, so that lower bounds hold.
        """
        if (p[self.nominal == 0] > 0).any():
            return math.inf
        q = self.nominal[self.nominal > 0]
        t = (p[self.nominal > 0] - q) / q
        logarithm = np.log1p(np.maximum(t, -1.0 + UNIT_ROUNDOFF))  # phi(-1) = 1, up to the allowance
        terms = q * ((1.0 + t) * logarithm - t)
        sizes = q * (np.abs((1.0 + t) * logarithm) + np.abs(t))
        return float(terms.sum() + relative_error(len(q) + 16) * sizes.sum()) - self.radius

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """No mass where ``q`` has none; the ball itself comes by cuts."""
        return np.eye(tasks)[self.nominal == 0], np.zeros(int((self.nominal == 0).sum()))

    def cut(self, p: np.ndarray) -> tuple[np.ndarray, float] | None:
        """Linearise the divergence where the segment from ``q`` to `p` leaves the ball; as an inequality
        between numbers near one, because a solver's tolerance is absolute."""
        if self.excess(p) <= 1e-12 * min(1.0, self.radius):
            return None
        edge = self.inside(np.where(self.nominal > 0, p, 0.0))
        held, slope = edge > 0, np.zeros(len(p))
        slope[held] = np.log1p((edge[held] - self.nominal[held]) / self.nominal[held])
        # sum p log(edge / q) <= KL(p, q) <= radius for every p of the ball (KL(p, edge) >= 0)
        scale = float(np.abs(slope).max())
        return None if scale == 0.0 else (slope / scale, self.radius / scale)

    def model(
        self, loss: cp.Expression, near: np.ndarray, distance: float
    ) -> tuple[cp.Expression, list[cp.Constraint]]:
        """Tangents of the dual function, which is separable: see `Adversary.model`.

        ``max p . loss = min { mu + tau (radius - 1) + sum_g E_g : E_g >= q_g tau exp((loss_g - mu) / tau) }``
        over ``mu`` and ``tau >= 0``. The right-hand side is homogeneous in ``(loss - mu, tau)``: its tangents
        are ``q e^u (loss - mu + (1 - u) tau)``, one for each ``u = log p_g / q_g``; that of ``u = 0`` is
        taken off on both sides, and ``tau`` is measured in units of ``1 / sqrt(2 radius)``, for the sake of
        small balls. The multipliers make a ``p`` of the ball itself, since ``x log x`` is convex.
        """
        from metaregret.tabular.modelling import cvxpy as cp

        if self.radius == 0.0:
            return self.nominal @ loss, []
        held = np.flatnonzero(self.nominal > 0)
        q, most = self.nominal[held], -np.log(self.nominal[held])
        unit = min(1.0, math.sqrt(2.0 * self.radius))
        with np.errstate(divide="ignore"):
            centre = np.clip(np.log(near[held] / q), -30.0, most)
        u = np.minimum(centre + two_sided(unit * distance, 30.0)[:, None], most)
        which, task = np.nonzero(np.vstack([np.full((1, len(held)), True), np.diff(u, axis=0) > 0]))
        u, weight = u[which, task], q[task]
        level, tau, terms = cp.Variable(), cp.Variable(nonneg=True), cp.Variable(len(held), nonneg=True)
        above = loss[held[task]] - level
        lines = cp.multiply(weight * np.expm1(u) / unit, above)
        lines += (weight * (np.expm1(u) - u * np.exp(u)) / unit**2) * tau
        least = -cp.multiply(q / unit, loss[held] - level) - (q / unit**2) * tau  # u = -inf
        bound = self.nominal @ loss + (self.radius / unit) * tau + unit * cp.sum(terms)
        return bound, [terms[task] >= lines, terms >= least]

    def worst(self, loss: np.ndarray) -> float:
        """Minimise ``tau radius + tau log sum q exp(loss / tau)`` over ``tau > 0``; any value is a bound."""
        support = self.nominal > 0
        top = float(loss[support].max())
        if self.radius == 0.0 or top == loss[support].min():
            return _rounded_up(float(self.nominal @ loss), loss) if self.radius == 0.0 else top
        bound, slack = self._dual(loss, self._temperature(loss))
        return min(top, bound + slack)

    def response(self, loss: np.ndarray) -> np.ndarray:
        """The nominal distribution tilted towards the losses, ``p`` proportional to ``q exp(loss / tau)``."""
        support = self.nominal > 0
        top = float(loss[support].max())
        if self.radius == 0.0 or top == loss[support].min():
            return self.nominal
        return self.inside(self._tilted(loss, self._temperature(loss)))

    def _tilted(self, loss: np.ndarray, tau: float) -> np.ndarray:
        support = self.nominal > 0
        tilted = self.nominal.copy()
        tilted[support] *= np.exp((loss[support] - loss[support].max()) / tau)
        return tilted / tilted.sum()

    def _dual(self, loss: np.ndarray, tau: float) -> tuple[float, float]:
        """The dual function of `worst`, and an allowance for its rounding.

        ``anchor + tau (radius + log sum q exp((loss - anchor) / tau))`` for any anchor. Around the mean the
        exponents of a large ``tau`` are small of both signs and nothing is lost; otherwise the top keeps them
        from overflowing. The logarithm is taken of one and a sum of ``K + 5`` roundings or, where little
        mass is on the top so that one would nearly cancel, of a sum of positive numbers: there rounded
        exponents count with their mean under the tilted distribution, which is below the logarithm in size.
        """
        q, values = self.nominal[self.nominal > 0], loss[self.nominal > 0]
        top = float(values.max())
        anchor = float(q @ values) if top - values.min() <= 0.5 * tau else top
        exponents = (values - anchor) / tau
        terms = q * np.expm1(exponents)
        small = float(terms.sum())
        if small > -0.5:
            logarithm = math.log1p(small)
            slack = relative_error(len(q) + 4) * float(np.abs(terms).sum()) / (1.0 + min(small, 0.0))
        else:
            logarithm = math.log(float(q @ np.exp(exponents)))
            slack = relative_error(3 * len(q) // 2 + 10) * abs(logarithm)
        rounding = relative_error(0) * (abs(anchor) + tau * (self.radius + abs(logarithm)))
        return anchor + tau * (self.radius + logarithm), tau * slack + rounding

    def _temperature(self, loss: np.ndarray) -> float:
        """The minimiser of the dual function: where the tilted distribution leaves the ball, by bisection.

        The dual function itself is flat there, and known to a rounding only.
        """
        support = self.nominal > 0
        centre = float(np.log(loss[support].max() - loss[support].min()))
        low, high = centre - 12.0, centre + 25.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            outside = self.excess(self._tilted(loss, math.exp(middle))) > 0
            low, high = (middle, high) if outside else (low, middle)
        return math.exp(high)


@dataclass(frozen=True, eq=False)
class Polytope(Adversary):
    """``{p in the simplex : A p <= b}``; equalities are pairs of inequalities.

    Attributes
    ----------
    matrix, limits : ndarray, shapes (R, K) and (R,)

    Notes
    -----
    A row that all distributions of the set fulfil with equality (up to 1e-9), such as half of a pair that
    stands for an equation, is read as the equation. Rows that contradict each other by at most 1e-9, as
    decimals do, are read as larger by what is needed, in both bounds.

    Examples
    --------
    >>> import numpy as np
    >>> import metaregret as mr
    >>> at_most_half = mr.Polytope(np.eye(3), np.full(3, 0.5))
    >>> round(at_most_half.worst(np.array([0, 1, 3])), 6)
    2.0
    """

    matrix: np.ndarray
    limits: np.ndarray

    def __post_init__(self) -> None:
        matrix, limits = (
            np.atleast_2d(np.asarray(self.matrix, float)),
            np.atleast_1d(np.asarray(self.limits, float)),
        )
        if matrix.shape[0] != len(limits):
            raise InvalidArgumentError(
                f"Expected one limit per row, but got matrix.shape={matrix.shape} and {len(limits)} limits."
            )
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "limits", limits)

    def __str__(self) -> str:
        return f"polytope of {len(self.limits)} rows"

    def start(self, tasks: int) -> np.ndarray:
        """The point that keeps the largest distance from all limits.

        Raises
        ------
        InvalidArgumentError
            If the matrix has another number of columns, or no distribution satisfies the rows.
        """
        if self.matrix.shape[1] != tasks:
            raise InvalidArgumentError(
                f"Expected a matrix with one column per task ({tasks}), but got shape {self.matrix.shape}."
            )
        return self._centre

    @cached_property
    def _centre(self) -> np.ndarray:
        """Maximise the smallest distance to a limit, of the rows and of the simplex.

        For any ``y >= 0`` with sum one the distance is at most ``y . b - min_z (A' y)_z``: below zero it
        proves that the polytope is empty.
        """
        from metaregret.tabular.modelling import cvxpy as cp

        tasks = self.matrix.shape[1]
        rows, limits = np.vstack([self.matrix, -np.eye(tasks)]), np.append(self.limits, np.zeros(tasks))
        p, margin = cp.Variable(tasks), cp.Variable()
        within = rows @ p + margin <= limits
        problem = cp.Problem(cp.Maximize(margin), [within, np.ones(tasks) @ p == 1, margin <= 1])

        def certify() -> _Point | None:
            if p.value is None or within.dual_value is None:
                return None
            clean, y = np.maximum(p.value, 0.0), np.maximum(within.dual_value, 0.0)
            if not (clean.sum() > 0 and y.sum() > 0):
                return None
            clean, y = clean / clean.sum(), y / y.sum()
            return _Point(float((limits - rows @ clean).min()), float(y @ limits - (y @ rows).min()), clean)

        best = solve_certified(problem, certify, tolerance=1e-10)
        if best.upper < -ROW_TOLERANCE:
            raise InvalidArgumentError(
                "No task distribution satisfies all rows of the polytope; relax its limits."
            )
        if best.lower < -ROW_TOLERANCE:
            raise SolverError(
                f"No solver found a distribution in the polytope: the best violates a limit by "
                f"{-best.lower:.1e}, and at least {max(0.0, -best.upper):.1e} is necessary; scale the rows."
            )
        return best.highest.p if best.lower > ROW_TOLERANCE else self._flat(best.highest.p)

    def _flat(self, p: np.ndarray) -> np.ndarray:
        """Return a point with room at every row that leaves any, for a set without interior.

        ``max { sum t : A p + t <= b s, p >= t, sum p = s, 0 <= t <= 1 }``: with the scale ``s`` left free
        every row that can hold strictly does so (Freund, Roundy and Todd 1985).
        """
        from metaregret.tabular.modelling import cvxpy as cp

        tasks = len(p)
        rows, limits = np.vstack([self.matrix, -np.eye(tasks)]), np.append(self.limits, np.zeros(tasks))
        z, room, scale = cp.Variable(tasks), cp.Variable(len(limits), nonneg=True), cp.Variable()
        within = [rows @ z + room <= limits * scale, np.ones(tasks) @ z == scale]
        problem = cp.Problem(
            cp.Maximize(cp.sum(room)), [*within, room <= 1, scale >= 1, scale <= LARGEST_SCALE]
        )

        def certify() -> _Point | None:
            if z.value is None or room.value is None or scale.value is None:
                return None
            gain = float(np.maximum(room.value, 0.0).sum())
            return _Point(gain, gain, z.value / max(1.0, float(scale.value)))

        inner = solve_certified(problem, certify, tolerance=1e-10).highest.p
        object.__setattr__(self, "_tight", limits - rows @ inner <= ROW_TOLERANCE)
        return self._on_hull(inner)

    def _on_hull(self, p: np.ndarray) -> np.ndarray:
        """Return the nearest point that fulfils the equations of the set, without tasks never posed."""
        tight = self.__dict__.get("_tight")
        if tight is None:
            return p
        never = tight[len(self.limits) :]
        equal = np.vstack([self.matrix[tight[: len(self.limits)]], np.ones(len(p))])[:, ~never]
        right = np.append(self.limits[tight[: len(self.limits)]], 1.0)
        moved = np.zeros(len(p))
        moved[~never] = p[~never] + np.linalg.lstsq(equal, right - equal @ p[~never], rcond=1e-12)[0]
        return moved

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows themselves."""
        return self.matrix, self.limits

    def inside(self, p: np.ndarray) -> np.ndarray:
        """Move towards the centre until no limit is passed (bisection on the segment)."""
        centre, allowed = self.start(len(p)), self._allowed
        if not self._outside(p, allowed):
            return p
        p = self._on_hull(p)
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            outside = self._outside(p + middle * (centre - p), allowed)
            low, high = (middle, high) if outside else (low, middle)
        return p + high * (centre - p)

    def charged(self, tasks: int) -> np.ndarray:
        """All tasks, but those for which the rows say that their mass is zero."""
        self.start(tasks)
        tight = self.__dict__.get("_tight")
        return np.full(tasks, True) if tight is None else ~tight[len(self.limits) :]

    @cached_property
    def _allowed(self) -> np.ndarray:
        """How much may be above the limits: nothing, unless the polytope has no interior; roundings there."""
        excess = self._excess(self._centre)
        roundings = relative_error(self.matrix.shape[1] + 8) * (
            np.abs(self.matrix) @ self._centre + np.abs(self.limits)
        )
        return np.where(excess < 0, 0.0, np.maximum(2.0 * excess, 0.0) + roundings)

    def _excess(self, p: np.ndarray) -> np.ndarray:
        return self.matrix @ p - self.limits

    def _outside(self, p: np.ndarray, allowed: np.ndarray) -> bool:
        posed = self.charged(len(p))
        return bool((self._excess(p) > allowed).any() or p.min() < 0 or (p[~posed] > 0).any())

    def worst(self, loss: np.ndarray) -> float:
        """Any ``y >= 0`` gives the bound ``b . y + max(loss - A' y)``; take it from the program's duals."""
        return self._extreme(loss).upper

    def response(self, loss: np.ndarray) -> np.ndarray:
        """The program's solution, brought inside."""
        return self._extreme(loss).highest.p

    @cached_property
    def _program(self) -> tuple[cp.Problem, cp.Variable, cp.Constraint, cp.Parameter]:
        """Maximise ``p . price`` over the set, posed once: cvxpy compiles it for all prices."""
        from metaregret.tabular.modelling import cvxpy as cp

        tasks = self.matrix.shape[1]
        p, price = cp.Variable(tasks, nonneg=True), cp.Parameter(tasks)
        within = self.matrix @ p <= self.limits
        problem = cp.Problem(cp.Maximize(price @ p), [within, np.ones(tasks) @ p == 1])
        return problem, p, within, price

    def _extreme(self, loss: np.ndarray) -> Best[_Point]:
        """Maximise ``p . loss``.

        Raises
        ------
        SolverError
            If no solver returns anything usable.
        """
        problem, p, within, price = self._program
        price.value = loss

        def certify() -> _Point | None:
            if p.value is None or within.dual_value is None:
                return None
            clean, y = np.maximum(p.value, 0.0), np.maximum(within.dual_value, 0.0)
            inside = self.inside(clean / clean.sum() if clean.sum() > 0 else self._centre)
            limits, roundoff = np.abs(self.limits) + self._allowed, relative_error(len(y) + len(loss) + 8)
            slack = roundoff * float(limits @ y + (np.abs(loss) + np.abs(self.matrix).T @ y).max())
            upper = float((self.limits + self._allowed) @ y + (loss - self.matrix.T @ y).max()) + slack
            return _Point(min(float(inside @ loss), upper), upper, inside)

        return solve_certified(problem, certify, tolerance=1e-10)


@dataclass(frozen=True, eq=False)
class _Point:
    """A distribution with a lower bound on the largest objective, its own, and an upper one."""

    lower: float
    upper: float
    p: np.ndarray


FORMS = "simplex, tv:E, kl:E, cvar:A or polytope:FILE"


def parse_adversary(
    text: str, names: Sequence[str], nominal: np.ndarray | None = None, *, what: str = "adversary"
) -> Adversary:
    """Return the set that a word stands for: ``tv:1/10``, ``kl:0.1``, ``cvar:1/2``, ``polytope:FILE``, ...

    Parameters
    ----------
    text : str
    names : sequence of str
        The ``K`` tasks.
    nominal : ndarray, shape (K,), optional
        The distribution around which a ball lies; uniform if None.
    what : str
        Where the word was given, for messages.

    Raises
    ------
    InvalidArgumentError
        If the word, a number or the file is malformed.
    """
    kind, _, rest = text.partition(":")
    if text == "simplex":
        return Simplex()
    if kind == "polytope" and rest:
        from metaregret.theory.distributions import read_polytope

        return read_polytope(Path(rest), names)
    if kind not in ("tv", "kl", "cvar") or not rest:
        raise InvalidArgumentError(
            f"Expected {what} to be {FORMS}, but got {text!r:.60}; for example 'tv:1/10'."
        )
    amount = float(parse_fraction(rest, f"{what} {kind}"))
    centre = np.full(len(names), 1.0 / len(names)) if nominal is None else nominal
    if kind == "cvar":
        return ConditionalValueAtRisk(centre, alpha=amount)
    return (TotalVariationBall if kind == "tv" else KullbackLeiblerBall)(centre, radius=amount)


def _rounded_up(value: float, loss: np.ndarray) -> float:
    """Add the rounding of sums of masses, and of masses times losses."""
    return value + relative_error(4 * len(loss) + 16) * float(np.abs(loss).max())


def _check_radius(radius: float) -> None:
    if not radius >= 0.0:
        raise InvalidArgumentError(f"Expected radius >= 0, but got radius={radius!r}.")
