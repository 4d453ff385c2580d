"""Better skills by value iteration: ascent on ``D_a(rho || q)`` over the terminal polytope.

``F(rho) = sum_s rho(s) b_a(rho(s) / q(s))`` is convex, so for every ``y > 0`` with sum one

    F(rho) >= F(y) + F'(y) . (rho - y)      for all rho in M,   with equality at rho = y,

and the slope ``F'(y)`` is ``a b_a(y / q)`` and a constant: an expected terminal reward, which value iteration
maximises exactly. From ``y = rho_z`` this never loses (T8: at order 1 the reward ``log rho_z(s) - log
q(s)`` is ``log p(z|s) - log p(z)``; at order a its Box-Cox transform takes the logarithm's place); it stops
at a vertex that is its own best response, which may be only a local maximum. Many starting points ``y`` are
tried: the current skills, the same smoothed towards ``q``, and random distributions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.groups import distinct
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import best_responses
from metaregret.theory.information import Order, divergences, row_divergences
from metaregret.theory.skills.dual_bound import ONE

__all__ = ["Candidates", "ascend", "starting_points"]

SMOOTHINGS = (0.0, 1e-6, 1e-3, 0.03, 0.1, 0.3, 0.5)
MAX_SWEEPS = 12


@dataclass(frozen=True, eq=False)
class Candidates:
    """Deterministic policies found by the ascent.

    Attributes
    ----------
    rows : ndarray, shape (n, S)
        Their terminal distributions.
    choices : ndarray of int, shape (T, S, n) or (S, n)
    divergences : ndarray, shape (n,)
        ``D_a(row || q)`` in nats, rounded up at orders above 1.
    """

    rows: np.ndarray
    choices: np.ndarray
    divergences: np.ndarray

    def only(self, index: np.ndarray) -> Candidates:
        """Return the candidates at `index`."""
        return Candidates(self.rows[index], self.choices[..., index], self.divergences[index])


def starting_points(
    rows: np.ndarray, marginal: np.ndarray, support: np.ndarray, rng: np.random.Generator, count: int
) -> np.ndarray:
    """Return the distributions from which the ascent starts, shape (n, S): see the module.

    Parameters
    ----------
    rows : ndarray, shape (k, S)
        Terminal distributions of the current skills.
    marginal : ndarray, shape (S,)
        ``q``.
    support : ndarray of int
        The states where an episode can end.
    count : int
        Number of random distributions.
    """
    smoothed = [(1 - share) * rows + share * marginal for share in SMOOTHINGS]
    random = np.zeros((count, len(marginal)))
    random[:, support] = rng.dirichlet(np.full(len(support), 0.3), size=count)
    return np.concatenate([*smoothed, random])


def ascend(
    process: ControlledMarkovProcess,
    points: np.ndarray,
    marginal: np.ndarray,
    support: np.ndarray,
    order: Order = ONE,
) -> Candidates:
    """Return the fixed points of best response on the linearised divergence, one per start, without repeats.

    Parameters
    ----------
    points : ndarray, shape (n, S)
        Starting points ``y``.
    marginal : ndarray, shape (S,)
        ``q``, positive on `support`.
    support : ndarray of int
        The states where an episode can end.
    order : Order
        Finite.
    """
    moving = _respond(process, points, marginal, support, order)
    settled: list[Candidates] = []
    for _ in range(MAX_SWEEPS):
        moving = moving.only(distinct(moving.rows))
        following = _respond(process, moving.rows, marginal, support, order)
        better = following.divergences > moving.divergences + 1e-13
        settled.append(moving.only(np.flatnonzero(~better)))
        if not better.any():
            break
        moving = following.only(np.flatnonzero(better))
    else:
        settled.append(moving)
    found = Candidates(
        np.concatenate([part.rows for part in settled]),
        np.concatenate([part.choices for part in settled], axis=-1),
        np.concatenate([part.divergences for part in settled]),
    )
    return found.only(distinct(found.rows))


def _respond(
    process: ControlledMarkovProcess,
    points: np.ndarray,
    marginal: np.ndarray,
    support: np.ndarray,
    order: Order,
) -> Candidates:
    """Return the best response to the linearisation at every point."""
    reward = order.reward(points[:, support], marginal[support])
    terminal = np.zeros((process.n_states, len(points)))
    terminal[support] = (reward - reward.min(axis=1, keepdims=True)).T
    best = best_responses(process, terminal, keep=True)
    far = (
        row_divergences(best.terminal, marginal)
        if order.is_one
        else divergences(order, best.terminal, marginal)
    )
    return Candidates(best.terminal, best.choices, far)
