r"""Divergence of order a (Renyi), from relative entropy to the largest ratio, in nats.

    D_a(rho || q) = 1/(a-1) log sum_s rho_s (rho_s / q_s)^(a-1),
    D_1 = KL,    D_inf = log max_s rho_s / q_s.

All orders are written with the Box-Cox transform ``b_a(x) = (x^(a-1) - 1) / (a-1)``, ``b_1 = log``: with
``E = sum_s rho_s b_a(rho_s / q_s)`` a finite order is ``D_a = log(1 + (a-1) E) / (a-1)``, which passes into
``E`` itself as ``a`` tends to 1. So one set of formulas serves order 1 and those above it, without
cancellation near 1. ``x b_a(x / q)`` is convex in ``x``, and ``D_a`` is convex in ``q``.

References
----------
A. Renyi, "On measures of entropy and information" (1961).
T. van Erven and P. Harremoes, "Renyi divergence and Kullback-Leibler divergence", *IEEE Trans. Inform.
Theory* 60 (2014).
G. E. P. Box and D. R. Cox, "An analysis of transformations" (1964).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.rationals import parse_fraction

__all__ = ["LARGEST_ORDER", "Order", "as_order", "divergences"]

LARGEST_ORDER = 64
"""Largest finite order: powers of ratios above it overflow, and infinity is near (T20)."""

SMALLEST_STEP = Fraction(1, 1000)
"""Orders nearer to 1 than this cannot be told from it in floating point; ask for 1."""

FLOOR = 1e-15
"""Smallest probability inside a logarithm: a state that a skill never ends in is penalised, not forbidden."""


@dataclass(frozen=True)
class Order:
    """The order ``a`` of a divergence, from 1 to infinity.

    Attributes
    ----------
    exact : Fraction or None
        None stands for infinity.
    """

    exact: Fraction | None

    @property
    def alpha(self) -> float:
        """The order as a number, possibly infinite."""
        return math.inf if self.exact is None else float(self.exact)

    @property
    def is_infinite(self) -> bool:
        """Whether the order is infinite."""
        return self.exact is None

    @property
    def is_one(self) -> bool:
        """Whether the order is that of relative entropy and mutual information."""
        return self.exact == 1

    @property
    def power(self) -> float:
        """``a - 1``, rounded once."""
        return math.inf if self.exact is None else float(self.exact - 1)

    def __str__(self) -> str:
        return "inf" if self.exact is None else str(self.exact)

    def transform(self, ratio: np.ndarray) -> np.ndarray:
        """Return ``b_a(ratio)``, the Box-Cox transform of positive ratios, elementwise; finite orders
        only."""
        logarithm = np.log(ratio)
        return logarithm if self.is_one else np.asarray(np.expm1(self.power * logarithm) / self.power)

    def terms(self, rho: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Return ``rho_s b_a(rho_s / q_s)``, elementwise; zero where ``rho`` is."""
        return np.asarray(rho * self.transform(np.maximum(rho / q, 1e-300)))

    def divergence(self, total: np.ndarray) -> np.ndarray:
        """Return the divergence in nats from the sum ``E`` of its terms, elementwise."""
        if self.is_one:
            return total
        return np.asarray(np.log1p(self.power * total) / self.power)

    def reward(self, rho: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Return the skill reward ``b_a(rho / q)``, elementwise.

        Up to a positive factor and a constant this is the slope of ``sum_s rho_s b_a(rho_s / q_s)`` in
        ``rho``, by which a better skill is planned; with ``rho = p(s|z)`` and ``q = p(s)`` it is
        ``log p(z|s) - log p(z)`` at order 1.
        """
        return self.transform(np.maximum(rho, FLOOR) / q)


def as_order(value: object, name: str = "alpha") -> Order:
    """Return the order that a number or a text such as ``2``, ``"3/2"`` or ``"inf"`` names.

    Raises
    ------
    InvalidArgumentError
        If it is no number, or not 1, infinity, or from 1.001 to 64.
    """
    if isinstance(value, Order):
        return value
    if value == math.inf or (isinstance(value, str) and value.strip().lower() in ("inf", "infinity")):
        return Order(None)
    try:
        exact = parse_fraction(value)
    except InvalidArgumentError:
        exact = None
    if exact is None or not (exact == 1 or 1 + SMALLEST_STEP <= exact <= LARGEST_ORDER):
        raise InvalidArgumentError(
            f"Expected {name} to be 1, a number from 1.001 to {LARGEST_ORDER}, or 'inf', but got "
            f"{value!r:.60}."
        )
    return Order(exact)


def divergences(
    order: Order, rows: ArrayLike, reference: ArrayLike, *, error: float | np.ndarray = 0.0
) -> np.ndarray:
    """Return upper bounds on ``D_a(rho || q)`` of every row, shape (n,), in nats, rounding included.

    Parameters
    ----------
    order : Order
        Above 1, or infinite; at order 1 see `metaregret.theory.information.row_divergences`.
    rows : array_like, shape (n, S)
        Sub-distributions ``rho``.
    reference : array_like, shape (S,)
        ``q``, or a lower bound on it: the divergence falls as ``q`` grows. Infinite results where it is not
        positive and a row is.
    error : float or ndarray
        Bound on the error of the entries of `rows`, of any shape that broadcasts to theirs.
    """
    high = np.asarray(rows, dtype=float) + error
    q = np.asarray(reference, dtype=float)
    used = high > 0
    both = used & (q > 0)
    # A ratio rounds once; a difference of two logarithms as often as either is large.
    with np.errstate(over="ignore"):
        logarithm = np.log(np.divide(high, q, out=np.ones_like(high), where=both))
    size = np.abs(logarithm).max(axis=1)
    relative = np.where(used, logarithm, -np.inf)
    largest = relative.max(axis=1)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    value, slack = largest, 2.0 + size
    if not order.is_infinite:
        # sum rho (rho/q)^(a-1), in units of its largest ratio: at most 1, at least the probability of that.
        sums = np.sum(high * np.exp(order.power * (relative - largest[:, None])), axis=1)
        logarithm = np.log(np.maximum(sums, 1e-300))
        value, slack = largest + logarithm / order.power, slack + size + (1 + np.abs(logarithm)) / order.power
    lost = np.any(used != both, axis=1)
    return np.where(lost, np.inf, value + relative_error(high.shape[1] + 64) * slack)
