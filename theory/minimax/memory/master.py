"""The master problem: the matrix game between the adversary and the learners found so far.

    max { theta : p in U, theta <= p . loss_j for every learner j }

kept warm: a new learner is a new row. The optimal ``p`` is the next prior, the rows' duals are the mixture
of learners. Nothing that the solver says is trusted: the mixture is clipped, normalised and re-evaluated,
and the prior brought inside the set.
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.errors import SolverError
from metaregret.tabular.optimise import GrowingProgram
from metaregret.theory.adversaries import Adversary

__all__ = ["MatrixGame"]

CUTS_PER_ROUND = 3
"""Cuts of a curved set for each new learner; more do not save rounds (measured: 22 with 3 and with 200)."""


class MatrixGame:
    """A growing matrix game, rows are learners.

    Parameters
    ----------
    tasks : int
        Number of tasks ``K``.
    adversary : Adversary
    unit : float
        In what losses are measured inside, so that solvers see no numbers that they take for infinite.

    Attributes
    ----------
    settled : bool
        Whether the last solution needed no more cuts: without a new learner the next one will be the same.
    """

    def __init__(self, tasks: int, adversary: Adversary, unit: float = 1.0) -> None:
        self.settled = False
        self._tasks, self._unit = tasks, unit
        self._adversary = adversary
        self._losses: list[np.ndarray] = []
        self._learner_rows: list[int] = []
        matrix, limits = adversary.rows(tasks)
        self._theta = matrix.shape[1]  # columns: p, the adversary's helper variables, theta
        cost, least = np.zeros(self._theta + 1), np.zeros(self._theta + 1)
        cost[-1], least[-1] = -1.0, -np.inf
        self._program = GrowingProgram(cost, least, np.full(self._theta + 1, np.inf))
        self._add_row(np.ones(tasks), 1.0, 1.0)
        for row, limit in zip(matrix, limits, strict=True):
            self._add_row(row, -np.inf, float(limit))

    @property
    def losses(self) -> np.ndarray:
        """The losses of all learners so far, shape (learners, K)."""
        return np.array(self._losses)

    def add(self, loss: np.ndarray) -> None:
        """Enter a learner by its losses."""
        row = np.zeros(self._theta + 1)
        row[: self._tasks] = -loss / self._unit
        row[self._theta] = 1.0
        self._learner_rows.append(self._add_row(row, -np.inf, 0.0))
        self._losses.append(loss)

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the adversary's ``p``, shape (K,), and the mixture of learners, shape (learners,).

        Raises
        ------
        SolverError
            If no solver returns an optimal solution with a mixture.
        """
        self.settled = False
        for _ in range(CUTS_PER_ROUND):
            x, duals = self._program.solve()
            p = np.maximum(x[: self._tasks], 0.0)
            p /= p.sum()
            cut = self._adversary.cut(p)
            if cut is None:
                self.settled = True
                break
            self._add_row(cut[0], -np.inf, cut[1])
        mixture = np.maximum(-duals[self._learner_rows], 0.0)
        if not mixture.sum() > 0:
            raise SolverError("The solver returned no mixture of learners (all duals are zero).")
        return self._adversary.inside(p), mixture / mixture.sum()

    def _add_row(self, row: np.ndarray, lower: float, upper: float) -> int:
        wide = np.zeros(self._theta + 1)
        wide[: len(row)] = row
        return self._program.add_row(wide, lower, upper)
