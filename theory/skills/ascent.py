"""Better skills by value iteration: ascent on ``KL(rho || q)`` over the terminal polytope.

``KL(. || q)`` is convex, so for every ``y > 0`` with sum one

    KL(rho || q) >= sum_s rho(s) log(y(s) / q(s))      for all rho in M,   with equality at rho = y,

and the right side is an expected terminal reward, which value iteration maximises exactly. From ``y =
rho_z`` this never loses (T8: the reward ``log rho_z(s) - log q(s)`` is ``log p(z|s) - log p(z)``); it stops
at a vertex that is its own best response, which may be only a local maximum. Many starting points ``y`` are
tried: the current skills, the same smoothed towards ``q``, and random distributions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.goals import optimal_terminal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import row_divergences
from metaregret.theory.skills.evaluation import distinct, terminal_rows

__all__ = ["Candidates", "ascend", "starting_points"]

FLOOR = 1e-15
"""Smallest probability inside a logarithm: a state that a skill never ends in is penalised, not forbidden."""

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
        ``KL(row || q)`` in nats.
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
    process: ControlledMarkovProcess, points: np.ndarray, marginal: np.ndarray, support: np.ndarray
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
    """
    logarithm = np.log(marginal[support])
    moving = _respond(process, points, logarithm, marginal, support)
    settled: list[Candidates] = []
    for _ in range(MAX_SWEEPS):
        moving = moving.only(distinct(moving.rows))
        following = _respond(process, moving.rows, logarithm, marginal, support)
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
    logarithm: np.ndarray,
    marginal: np.ndarray,
    support: np.ndarray,
) -> Candidates:
    """Return the best response to the linearisation at every point."""
    reward = np.log(np.maximum(points[:, support], FLOOR)) - logarithm
    terminal = np.zeros((process.n_states, len(points)))
    terminal[support] = (reward - reward.min(axis=1, keepdims=True)).T
    choices = optimal_terminal_values(process, terminal, policies=True).policies
    assert choices is not None
    rows = terminal_rows(process, choices)
    return Candidates(rows, choices, row_divergences(rows, marginal))
