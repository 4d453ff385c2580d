"""Matrix games by an interior point method, to a low accuracy and near the central path.

    max { t : payoff @ shares >= t }  =  min { u : prior @ payoff <= u },    shares and prior distributions.

Column generation asks for responses to the master's ``prior``. A simplex method returns a vertex of the
priors that are optimal for the columns so far, which jumps from round to round; a point near the central path
stays in the middle of them, which is what makes the method converge in few rounds (Gondzio, Gonzalez-Brevis &
Munari, *New developments in the primal-dual column generation technique*, 2013). The work of a step is one
dense Cholesky factorisation, whatever is degenerate: Mehrotra's predictor and corrector (1992), with both
free variables, ``t`` and ``u``, eliminated last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

__all__ = ["CentralPoint", "central_point"]

MAX_STEPS = 100
SHORTEST = 1e-9
"""Steps shorter than this part of the way to the boundary lead nowhere any more."""
TO_THE_BOUNDARY = 0.99
"""Part of the way to the boundary that is gone at most."""
RIDGE = 1e-12
"""Relative change of the diagonal of a matrix that is singular up to rounding."""
FRESH = 0.1
"""Share of the start that is spread over all columns, new ones among them."""


@dataclass(frozen=True, eq=False)
class CentralPoint:
    """A pair of strategies with the bounds on the value of the game that they have, up to rounding.

    Attributes
    ----------
    prior : ndarray, shape (K,)
    shares : ndarray, shape (n,)
    slack : ndarray, shape (n,)
        What each column earns less than the best, about.
    lower, upper : float
        ``min(payoff @ shares)`` and ``max(prior @ payoff)``.
    """

    prior: np.ndarray
    shares: np.ndarray
    slack: np.ndarray
    lower: float
    upper: float


def central_point(
    payoff: np.ndarray, tolerance: float, prior: np.ndarray, shares: np.ndarray, width: float
) -> CentralPoint:
    """Return strategies whose bounds differ by at most `tolerance`, where rounding allows it.

    Parameters
    ----------
    payoff : ndarray, shape (K, n)
        Of the learner, who picks a column.
    tolerance : float
        Absolute.
    prior, shares : ndarray, shapes (K,) and (n,)
        Distributions to start from, the prior positive.
    width : float
        Distance from the boundary to start at, positive: about what the value is uncertain by.
    """
    state = _Iterate(payoff, prior, shares, width)
    point = state.point()
    for _ in range(MAX_STEPS):
        with np.errstate(all="ignore"):  # where rounding leaves no numbers there is no further step
            if point.upper - point.lower <= tolerance or not state.advance():
                break
        point = state.point()
    return point


class _Iterate:
    """Positive ``shares``, ``slack``, ``prior`` and ``spare`` (of tasks), free ``level`` and ``worth``."""

    def __init__(self, payoff: np.ndarray, prior: np.ndarray, shares: np.ndarray, width: float) -> None:
        self._payoff, self.prior = payoff, prior
        offered = prior @ payoff
        self._worth = float(offered.max()) + width
        self.slack = self._worth - offered
        fresh = 1.0 / self.slack  # on the central path shares and slacks have equal products
        self.shares = (1 - FRESH) * shares + FRESH / fresh.sum() * fresh
        earned = payoff @ self.shares
        self._level = float(earned.min()) - width
        self._spare = earned - self._level

    def point(self) -> CentralPoint:
        """Return the strategies with their bounds."""
        prior, shares = self.prior / self.prior.sum(), self.shares / self.shares.sum()
        lower, upper = float((self._payoff @ shares).min()), float((prior @ self._payoff).max())
        return CentralPoint(prior, shares, self.slack, lower, upper)

    def advance(self) -> bool:
        """Take one step; whether there was one to take."""
        payoff, shares, slack, prior, spare = self._payoff, self.shares, self.slack, self.prior, self._spare
        ratio = shares / slack
        # One triangle of a symmetric product: half the multiplications.
        normal = scipy.linalg.blas.dsyrk(1.0, np.asfortranarray(payoff * np.sqrt(ratio)), lower=True)
        normal[np.diag_indices_from(normal)] += spare / prior
        try:
            factor = _factorised(normal)
            border = np.column_stack([payoff @ ratio, np.ones(len(prior))])
            solved = scipy.linalg.cho_solve(factor, border, check_finite=False)
            corner = border.T @ solved - np.diag([ratio.sum(), 0.0])
            missing = self._level + spare - payoff @ shares
            excess = self._worth - prior @ payoff - slack

            def direction(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
                """Solve Newton's equations for products of complementary pairs that change by these."""
                moved = first / slack - ratio * excess
                right = missing - payoff @ moved + second / prior
                y = scipy.linalg.cho_solve(factor, right, check_finite=False)
                rest = np.array([1.0 - shares.sum() - moved.sum(), 1.0 - prior.sum()])
                free = np.linalg.solve(corner, rest - border.T @ y)
                d_prior = y + solved @ free
                d_slack = excess + free[0] - d_prior @ payoff
                d_shares, d_spare = (first - shares * d_slack) / slack, (second - spare * d_prior) / prior
                return d_shares, d_slack, d_prior, d_spare, free

            first, second = shares * slack, prior * spare
            d_shares, d_slack, d_prior, d_spare, _ = direction(-first, -second)
            primal, dual = self._room(d_shares, d_spare, d_slack, d_prior)
            now = float(first.sum() + second.sum())
            then = float((shares + primal * d_shares) @ (slack + dual * d_slack))
            then += float((prior + dual * d_prior) @ (spare + primal * d_spare))
            aim = (then / now) ** 3 * now / (len(shares) + len(prior))
            d_shares, d_slack, d_prior, d_spare, free = direction(
                aim - first - d_shares * d_slack, aim - second - d_prior * d_spare
            )
        except np.linalg.LinAlgError:
            return False
        primal, dual = (TO_THE_BOUNDARY * room for room in self._room(d_shares, d_spare, d_slack, d_prior))
        if not min(primal, dual) > SHORTEST:  # also where rounding has left no numbers
            return False
        self.shares, self._spare = shares + primal * d_shares, spare + primal * d_spare
        self.slack, self.prior = slack + dual * d_slack, prior + dual * d_prior
        self._worth, self._level = self._worth + dual * float(free[0]), self._level + primal * float(free[1])
        return True

    def _room(
        self, d_shares: np.ndarray, d_spare: np.ndarray, d_slack: np.ndarray, d_prior: np.ndarray
    ) -> tuple[float, float]:
        """Return how far one can go in both problems, at most once the step; NaN where it is no number."""
        return (
            min(_until_zero(self.shares, d_shares), _until_zero(self._spare, d_spare)),
            min(_until_zero(self.slack, d_slack), _until_zero(self.prior, d_prior)),
        )


def _factorised(normal: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the Cholesky factor of a lower triangle; it is moved from singular ones where need be."""
    try:
        return scipy.linalg.cho_factor(normal, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        normal[np.diag_indices_from(normal)] *= 1 + RIDGE
        return scipy.linalg.cho_factor(normal, lower=True, overwrite_a=True, check_finite=False)


def _until_zero(x: np.ndarray, step: np.ndarray) -> float:
    if not np.isfinite(step).all():
        return float("nan")
    falls = step < 0
    return min(1.0, float((-x[falls] / step[falls]).min(initial=1.0)))
