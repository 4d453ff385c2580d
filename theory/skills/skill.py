"""A skill: a policy with its probability and its terminal distribution; and what a set of skills certifies.

The mutual information ``I(s_T; z)`` of skills ``z ~ p`` is recomputed from the policies themselves: their
terminal distributions come with certified bounds, and the entropy function ``h(x) = -x log x`` moves by at
most ``h(e)`` when its argument moves by ``e <= 1/2`` (concavity, with ``h(0) = h(1) = 0``). Since ``I = H(p
W) - sum_z p_z H(W_z)``, entrywise errors ``e_zs`` of the rows cost at most ``sum_s h(sum_z p_z e_zs) +
sum_z p_z sum_s h(e_zs)`` nats.

Source: T. M. Cover and J. A. Thomas, *Elements of Information Theory*, 2nd ed., 2006, thm 17.3.3
(continuity).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import capacity_bracket

__all__ = ["Skill", "entropy_change", "entropy_modulus", "information_lower_bound", "make_skills", "mixture"]


@dataclass(frozen=True, eq=False)
class Skill:
    """One skill ``z``.

    Attributes
    ----------
    probability : float
        ``p(z)``.
    policy : ndarray, shape (T, C) or (C,)
        Choice probabilities.
    terminal : ndarray, shape (S,)
        The terminal-state distribution of `policy`.
    error : ndarray, shape (S,)
        Certified bound on the error of each entry of `terminal`.
    """

    probability: float
    policy: np.ndarray
    terminal: np.ndarray
    error: np.ndarray


def make_skills(
    process: ControlledMarkovProcess,
    probabilities: Sequence[float] | np.ndarray,
    policies: Sequence[np.ndarray],
) -> tuple[Skill, ...]:
    """Return skills with their terminal distributions evaluated afresh.

    Parameters
    ----------
    probabilities : sequence of float, length n
        ``p(z)``; divided by their sum.
    policies : sequence of ndarray, each of shape (T, C) or (C,)

    Returns
    -------
    tuple of Skill, length n
    """
    weights = np.asarray(probabilities) / np.sum(probabilities)
    skills = []
    for probability, policy in zip(weights, policies, strict=True):
        result = terminal_distribution(process, policy)
        rho = result.probabilities
        error = np.maximum(result.upper - rho, rho - result.lower)
        skills.append(Skill(float(probability), policy, rho, error))
    return tuple(skills)


def mixture(skills: Sequence[Skill]) -> np.ndarray:
    """Return the terminal marginal ``sum_z p(z) rho_z``, shape (S,)."""
    return np.asarray(sum(s.probability * s.terminal for s in skills))


def entropy_modulus(error: np.ndarray) -> np.ndarray:
    """Return ``h(e) = -e log e``, the most that ``-x log x`` changes when ``x`` moves by ``e``; same shape.

    Beyond ``e = 1/e`` the bound is the constant ``1/e``.
    """
    return np.asarray(entr(np.minimum(error, np.exp(-1.0))))


def entropy_change(x: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return the most that ``-x log x`` changes when ``x`` in [0, 1] moves by at most `error`; same shape.

    The smaller of ``h(e)`` and ``e`` times the slope at ``x / 2``: less only where ``e`` is below ``x / 2``.
    """
    slope = 1.0 + np.abs(np.log(np.maximum(x, 1e-300) / 2))
    return np.minimum(error * slope, entropy_modulus(error))


def information_lower_bound(skills: Sequence[Skill]) -> float:
    """Return a certified lower bound on ``I(s_T; z)`` of the skills, in nats, at least 0."""
    p = np.array([s.probability for s in skills])
    return least_information(p, np.stack([s.terminal for s in skills]), np.stack([s.error for s in skills]))


def least_information(p: np.ndarray, rows: np.ndarray, error: np.ndarray) -> float:
    """Return a certified lower bound on ``I(p, W)`` in nats, for rows known up to `error`, at least 0.

    Parameters
    ----------
    p : ndarray, shape (n,)
    rows, error : ndarray, shape (n, S)
    """
    # Normalising a row moves each entry by the error of the row's sum, relatively.
    sums = rows.sum(axis=1, keepdims=True)
    error = error + rows * (np.abs(sums - 1.0) + relative_error(rows.shape[1] + 4))
    allowance = entropy_change(p @ rows, p @ error).sum() + p @ entropy_change(rows, error).sum(axis=1)
    return max(0.0, capacity_bracket(rows, p).lower - float(allowance) * (1 + 1e-10))
