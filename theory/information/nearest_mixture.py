r"""The mixture that is nowhere far from any of the given distributions, by an interior-point method.

    min over mixtures q of the rows of max over rows i of psi_i(q),   psi_i(q) = D_a(row_i || q),  a finite

Every ``psi_i`` is convex: the logarithm of a sum of exponentials of ``-log q_s``, which is. With ``P_is``
proportional to ``row_is^a q_s^(1-a)``, a distribution over ``s``, its derivatives are ``-P_is / q_s`` and

    a P_is / q_s^2 [s = s'] - (a - 1) P_is P_is' / (q_s q_s'),

so that a step of the primal-dual method takes three products of matrices and one linear solve in as many
unknowns as there are rows. A thousand rows on a thousand states take thirty steps of a sixth of a second,
where a general solver of the program over power cones has no answer after a quarter of an hour. Logarithms
keep orders up to 64 within what floating point can tell apart.

Source: S. J. Wright, *Primal-Dual Interior-Point Methods*, 1997.
"""

from __future__ import annotations

import numpy as np

from metaregret.theory.information.orders import Order

__all__ = ["nearest_mixture"]

MAX_STEPS = 100
CENTRED = 0.1
"""Share of the complementarity that a step leaves."""
INTERIOR = 0.99
"""Share of the way to the boundary that a step goes at most."""
NARROW = 1e-11
"""Nats of complementarity, and of residuals, at which it ends."""


def nearest_mixture(order: Order, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of the mixture, shape (n,), and multipliers of the rows, shape (2, n).

    Without a certificate: callers evaluate what comes back, which is NaN where the method fails.

    Parameters
    ----------
    order : Order
        Finite.
    rows : ndarray, shape (n, S)
        Distributions; every column has a positive entry.

    Returns
    -------
    tuple of ndarray
        The multipliers belong to the powers ``sum_s row_is^a q_s^(1-a)``, at order 1 to the divergences: all
        of them, and only those that outweigh their slack, which is nearer where the others are roundings.
    """
    with np.errstate(all="ignore"):
        point = _Point(order, rows)
        for _ in range(MAX_STEPS):
            if point.settled() or not point.step():
                break
        return point.mixture, point.multipliers()


class _Point:
    """Weights ``m`` of the mixture, level ``t``, slacks ``s`` and multipliers ``w`` of ``psi + s = t``, those
    of ``m >= 0``, ``z``, and ``nu`` of ``sum(m) = 1``."""

    def __init__(self, order: Order, rows: np.ndarray) -> None:
        self._order, self._rows, count = order, rows, len(rows)
        self._positive = rows > 0
        self._logs = np.log(np.where(self._positive, rows, 1.0))
        self.mixture = np.full(count, 1.0 / count)
        self._evaluate()
        far = self._far
        self._level = float(far.max()) + 0.1 * max(1e-3, float(np.ptp(far)))
        self._slack = self._level - far
        self._w = 1.0 / self._slack
        self._w /= self._w.sum()
        gradient = self._w @ self._slope
        self._nu = 1e-3 * float(np.abs(gradient).max()) + float(self._w @ self._slack) - float(gradient.min())
        self._z = gradient + self._nu

    def _evaluate(self) -> None:
        a, power = self._order.alpha, self._order.power
        self._q = self.mixture @ self._rows
        logs = np.where(self._positive, a * self._logs - power * np.log(self._q), -np.inf)
        top = logs.max(axis=1, keepdims=True)
        parts = np.exp(logs - top)
        total = parts.sum(axis=1, keepdims=True)
        self._share = parts / total
        if self._order.is_one:
            self._far = (self._rows * np.where(self._positive, self._logs - np.log(self._q), 0.0)).sum(axis=1)
        else:
            self._far = (top + np.log(total))[:, 0] / power
        self._ratio = self._rows / self._q  # no q^2, which may underflow
        self._slope = -self._share @ self._ratio.T

    def multipliers(self) -> np.ndarray:
        """Return ``w``, and ``w`` where it outweighs the slack, in units of the powers, with a sum of one."""
        both = np.array([self._w, np.where(self._w > self._slack, self._w, 0.0)])
        both *= np.exp(self._order.power * (self._far.max() - self._far))
        return both / both.sum(axis=1, keepdims=True)

    def settled(self) -> bool:
        """Whether the conditions of optimality hold but for roundings."""
        gap = float(self._w @ self._slack + self.mixture @ self._z)
        off = np.abs(self._slack + self._far - self._level).max()
        return gap <= NARROW and float(off) <= NARROW

    def step(self) -> bool:
        """Take one step; return whether there was one."""
        m, s, w, z, slope, count = self.mixture, self._slack, self._w, self._z, self._slope, len(self._rows)
        towards = CENTRED * float(w @ s + m @ z) / (2 * count)
        a, stiff = self._order.alpha, w / s
        hessian = (self._ratio * (a * (w @ self._share))) @ self._ratio.T
        hessian += (slope.T * (stiff - self._order.power * w)) @ slope
        hessian[np.diag_indices(count)] += z / m
        # Eliminated: dw = lag - stiff (dt - slope dm), dz = towards / m - z - z / m dm.
        lag = towards / s - w + stiff * (s + self._far - self._level)
        stiffness = stiff @ slope
        right = np.column_stack([towards / m - self._nu - (w + lag) @ slope, stiffness, np.ones(count)])
        try:
            free, level, sum_ = np.linalg.solve(hessian, right).T
            dt, dnu = np.linalg.solve(
                [[stiffness @ level - stiff.sum(), -stiffness @ sum_], [level.sum(), -sum_.sum()]],
                [1.0 - w.sum() - lag.sum() - stiffness @ free, 1.0 - m.sum() - free.sum()],
            )
        except np.linalg.LinAlgError:
            return False
        dm = free + dt * level - dnu * sum_
        ds = dt - slope @ dm - (s + self._far - self._level)
        dw, dz = lag - stiff * (dt - slope @ dm), towards / m - z - z / m * dm
        pairs = (m, dm), (s, ds), (w, dw), (z, dz)
        size = 1.0 / max(1.0, *(float((-dx / x).max()) / INTERIOR for x, dx in pairs))
        if not 0.0 < size <= 1.0:
            return False
        mixture = np.maximum(m + size * dm, 1e-300)
        self.mixture, self._slack, self._w, self._z = (
            mixture / mixture.sum(),
            s + size * ds,
            w + size * dw,
            z + size * dz,
        )
        self._level, self._nu = self._level + size * float(dt), self._nu + size * float(dnu)
        self._evaluate()
        return True
