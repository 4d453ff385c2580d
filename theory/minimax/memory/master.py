"""The master problem: the matrix game between the adversary and the learners found so far.

    max { theta : p in U, theta <= p . loss_j for every learner j }

posed directly to HiGHS and kept warm: a new learner is a new row, after which the dual simplex goes on from
the last basis. The optimal ``p`` is the next prior, the rows' duals are the mixture of learners. Nothing
that the solver says is trusted: the mixture is clipped, normalised and re-evaluated, and the prior brought
inside the set.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from tabular.errors import SolverError
from theory.minimax.memory.adversary import Adversary

__all__ = ["MatrixGame"]

INFINITY = 1e30
CUTS_PER_ROUND = 3
"""Cuts of a curved set for each new learner; more do not save rounds (measured: 22 with 3 and with 200)."""


class MatrixGame:
    """A growing matrix game, rows are learners.

    Parameters
    ----------
    tasks : int
        Number of tasks ``K``.
    adversary : Adversary

    Attributes
    ----------
    settled : bool
        Whether the last solution needed no more cuts: without a new learner the next one will be the same.
    """

    def __init__(self, tasks: int, adversary: Adversary) -> None:
        import highspy

        self.settled = False
        self._tasks = tasks
        self._adversary = adversary
        self._losses: list[np.ndarray] = []
        self._learner_rows: list[int] = []
        self._solver: Any = cast(Any, highspy.Highs)()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("primal_feasibility_tolerance", 1e-10),
            ("dual_feasibility_tolerance", 1e-10),
        ):
            self._solver.setOptionValue(option, value)
        matrix, limits = adversary.rows(tasks)
        for _ in range(matrix.shape[1]):
            self._solver.addCol(0.0, 0.0, INFINITY, 0, [], [])
        self._theta = matrix.shape[1]
        self._solver.addCol(-1.0, -INFINITY, INFINITY, 0, [], [])
        self._add_row(np.ones(tasks), 1.0, 1.0)
        for row, limit in zip(matrix, limits, strict=True):
            self._add_row(row, -INFINITY, float(limit))

    @property
    def losses(self) -> np.ndarray:
        """The losses of all learners so far, shape (learners, K)."""
        return np.array(self._losses)

    def add(self, loss: np.ndarray) -> None:
        """Enter a learner by its losses."""
        row = np.zeros(self._theta + 1)
        row[: self._tasks] = -loss
        row[self._theta] = 1.0
        self._learner_rows.append(self._add_row(row, -INFINITY, 0.0))
        self._losses.append(loss)

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the adversary's ``p``, shape (K,), and the mixture of learners, shape (learners,).

        Raises
        ------
        SolverError
            If HiGHS returns no solution, with presolve or without.
        """
        self.settled = False
        for _ in range(CUTS_PER_ROUND):
            self._run()
            solution = self._solver.getSolution()
            p = np.maximum(np.array(solution.col_value)[: self._tasks], 0.0)
            p /= p.sum()
            cut = self._adversary.cut(p)
            if cut is None:
                self.settled = True
                break
            self._add_row(cut[0], -INFINITY, cut[1])
        mixture = np.maximum(-np.array(solution.row_dual)[self._learner_rows], 0.0)
        if not mixture.sum() > 0:
            raise SolverError("HiGHS returned no mixture of learners (all duals are zero).")
        return self._adversary.inside(p), mixture / mixture.sum()

    def _add_row(self, row: np.ndarray, lower: float, upper: float) -> int:
        places = np.flatnonzero(row).astype(np.int32)
        self._solver.addRow(lower, upper, len(places), places, np.asarray(row, dtype=float)[places])
        return int(self._solver.getNumRow()) - 1

    def _run(self) -> None:
        import highspy

        for attempt in ("warm", "cold", "without presolve"):
            if attempt != "warm":
                self._solver.clearSolver()
            if attempt == "without presolve":
                self._solver.setOptionValue("presolve", "off")
            self._solver.run()
            if self._solver.getModelStatus() == highspy.HighsModelStatus.kOptimal:
                return
        raise SolverError(
            f"HiGHS could not solve a {self._solver.getNumRow()} x {self._theta + 1} matrix game: "
            f"{self._solver.modelStatusToString(self._solver.getModelStatus())}."
        )
