"""Which task distributions an adversary may choose: the simplex, or a part of it around a nominal one.

A restricted adversary models a user who half trusts a task distribution ``q``. Every set here is convex and
contains what it is built around, so ``min_f max_{p in U} E_p[loss]`` is a matrix game with a saddle point
(Sion 1958). For the decomposition a set must do three things: describe itself by linear rows (with cuts
where it is curved), bring an almost feasible ``p`` inside, and bound ``max_{p in U} p . loss`` from above.

Sources: total variation and Kullback-Leibler balls, Ben-Tal et al. 2013 (Management Science 59(2)); the
conditional-value-at-risk set ``{p <= q / alpha}``, Rockafellar and Uryasev 2000.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize as so

from tabular.errors import InvalidArgumentError, SolverError

__all__ = [
    "Adversary",
    "ConditionalValueAtRisk",
    "KullbackLeiblerBall",
    "Polytope",
    "Simplex",
    "TotalVariationBall",
    "check_distribution",
]


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


class Adversary(ABC):
    """A closed convex set of task distributions."""

    @abstractmethod
    def start(self, tasks: int) -> np.ndarray:
        """Return a distribution of the set to begin with, shape (K,)."""

    @abstractmethod
    def worst(self, loss: np.ndarray) -> float:
        """Return an upper bound on ``max_{p in U} p . loss``, exact up to rounding."""

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(A, b)`` with ``A [p, u] <= b`` on the set; ``u >= 0`` are helper variables, if any."""
        return np.zeros((0, tasks)), np.zeros(0)

    def inside(self, p: np.ndarray) -> np.ndarray:
        """Return a distribution of the set close to the almost feasible `p`."""
        return p

    def cut(self, p: np.ndarray) -> tuple[np.ndarray, float] | None:
        """Return ``(a, b)`` with ``a . p <= b`` on the set, violated by `p`; None where `p` is close."""
        return None


class Simplex(Adversary):
    """All task distributions: the unrestricted adversary."""

    def start(self, tasks: int) -> np.ndarray:
        """The uniform distribution."""
        return np.full(tasks, 1.0 / tasks)

    def worst(self, loss: np.ndarray) -> float:
        """The largest loss."""
        return float(loss.max())


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
        """Move towards the nominal distribution just far enough (bisection on the segment)."""
        if self.excess(p) <= 0:
            return p
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.excess(self._between(p, middle)) > 0 else (middle, high)
        return self._between(p, low)

    def _between(self, p: np.ndarray, share: float) -> np.ndarray:
        return self.nominal + share * (p - self.nominal)


@dataclass(frozen=True, eq=False)
class TotalVariationBall(_Ball):
    """``{p : sum |p - q| / 2 <= radius}``: at most a share `radius` of the tasks is not what ``q`` says."""

    radius: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_radius(self.radius)

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
        order = np.argsort(loss)
        moved = np.diff(np.minimum(np.cumsum(self.nominal[order]), self.radius), prepend=0.0)
        return float(self.nominal @ loss + (moved * (loss.max() - loss[order])).sum())


@dataclass(frozen=True, eq=False)
class ConditionalValueAtRisk(_Ball):
    """``{p : p <= q / alpha}``: the loss averaged over the worst share `alpha` of the tasks under ``q``."""

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.alpha <= 1.0:
            raise InvalidArgumentError(f"Expected 0 < alpha <= 1, but got alpha={self.alpha!r}.")

    def excess(self, p: np.ndarray) -> float:
        """The largest violation of an upper limit."""
        return float((p - self.nominal / self.alpha).max())

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """``p <= q / alpha``."""
        return np.eye(tasks), self.nominal / self.alpha

    def worst(self, loss: np.ndarray) -> float:
        """Fill the limits from the largest loss down."""
        order = np.argsort(-loss)
        filled = np.diff(np.minimum(np.cumsum(self.nominal[order] / self.alpha), 1.0), prepend=0.0)
        return float(filled @ loss[order] / filled.sum())


@dataclass(frozen=True, eq=False)
class KullbackLeiblerBall(_Ball):
    """``{p : sum p log(p / q) <= radius}`` (nats)."""

    radius: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_radius(self.radius)

    def excess(self, p: np.ndarray) -> float:
        """Divergence minus radius; infinite where ``p`` has mass and ``q`` has none."""
        positive = p > 0
        if (self.nominal[positive] == 0).any():
            return float("inf")
        return float((p[positive] * np.log(p[positive] / self.nominal[positive])).sum()) - self.radius

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """No mass where ``q`` has none; the ball itself comes by cuts."""
        return np.eye(tasks)[self.nominal == 0], np.zeros(int((self.nominal == 0).sum()))

    def cut(self, p: np.ndarray) -> tuple[np.ndarray, float] | None:
        """Linearise the divergence where the segment from ``q`` to `p` leaves the ball."""
        if self.excess(p) <= 1e-12:
            return None
        edge = self.inside(np.where(self.nominal > 0, p, 0.0))
        slope = np.where(
            edge > 0, np.log(np.where(edge > 0, edge, 1.0) / np.where(edge > 0, self.nominal, 1.0)), 0.0
        )
        # sum p log(edge / q) <= KL(p, q) <= radius for every p of the ball (KL(p, edge) >= 0)
        return slope, self.radius

    def worst(self, loss: np.ndarray) -> float:
        """Minimise ``tau radius + tau log sum q exp(loss / tau)`` over ``tau > 0``; any value is a bound."""
        support = self.nominal > 0
        top = float(loss[support].max())
        spread = top - float(loss[support].min())
        if self.radius == 0.0 or spread == 0.0:
            return float(self.nominal @ loss) if self.radius == 0.0 else top

        def dual(log_tau: float) -> float:
            tau = float(np.exp(log_tau))
            mean = float((self.nominal[support] * np.exp((loss[support] - top) / tau)).sum())
            return top + tau * (self.radius + float(np.log(mean)))

        centre = np.log(spread)
        found = so.minimize_scalar(
            dual, bounds=(centre - 12.0, centre + 25.0), method="bounded", options={"xatol": 1e-12}
        )
        return min(top, dual(float(found.x)), float(found.fun))


@dataclass(frozen=True, eq=False)
class Polytope(Adversary):
    """``{p in the simplex : A p <= b}``; equalities are pairs of inequalities.

    Attributes
    ----------
    matrix, limits : ndarray, shapes (R, K) and (R,)

    Notes
    -----
    Where the polytope has no interior relative to the simplex, its rows are read with a tolerance of 1e-9.
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
        rows = np.hstack([self.matrix, np.ones((len(self.limits), 1))])
        simplex = np.hstack([-np.eye(tasks), np.ones((tasks, 1))])
        found: Any = so.linprog(
            np.append(np.zeros(tasks), -1.0),
            A_ub=np.vstack([rows, simplex]),
            b_ub=np.append(self.limits, np.zeros(tasks)),
            A_eq=np.append(np.ones(tasks), 0.0)[None],
            b_eq=[1.0],
            bounds=[(0, 1)] * tasks + [(0, 1)],
        )
        if found.status != 0:
            raise InvalidArgumentError(
                "No task distribution satisfies all rows of the polytope; relax its limits."
            )
        return np.asarray(found.x[:tasks] / found.x[:tasks].sum())

    def rows(self, tasks: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows themselves."""
        return self.matrix, self.limits

    def inside(self, p: np.ndarray) -> np.ndarray:
        """Move towards the centre until no limit is passed, where the polytope has an interior."""
        centre = self.start(len(p))
        for share in (0.0, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8):
            moved = p + share * (centre - p)
            if (self.matrix @ moved <= self.limits).all():
                return moved
        return p

    def worst(self, loss: np.ndarray) -> float:
        """Any ``y >= 0`` gives the bound ``b . y + max(loss - A' y)``; take it from the program's duals.

        Raises
        ------
        SolverError
            If the linear program is not solved.
        """
        tasks = len(loss)
        found: Any = so.linprog(
            -loss, A_ub=self.matrix, b_ub=self.limits, A_eq=np.ones((1, tasks)), b_eq=[1.0], bounds=(0, None)
        )
        if found.status != 0:
            raise SolverError(f"The adversary's linear program was not solved: {found.message}")
        y = np.maximum(-np.asarray(found.ineqlin.marginals), 0.0)
        return float(self.limits @ y + (loss - self.matrix.T @ y).max())


def _check_radius(radius: float) -> None:
    if not radius >= 0.0:
        raise InvalidArgumentError(f"Expected radius >= 0, but got radius={radius!r}.")
