"""The one door to solvers: what they return is a guess, judged by what is recomputed from it.

Nothing else in the project calls a solver of cvxpy, HiGHS or SciPy (a test reads the sources). The door

* runs one solver after another (HiGHS simplex, HiGHS interior point, Clarabel, ...), whatever it raises;
* deletes answers with missing, misshapen, infinite or undefined entries, of variables and of multipliers;
* recomputes residuals and objective at what is left, and says both beside the status that the solver gave;
* raises `SolverError` with all that was tried where nothing usable came back.

A certificate needs more: the caller repairs the answer to exact feasibility (a flow into a policy,
multipliers into a distribution) and evaluates it afresh, see `metaregret.theory.optimise.solve_certified`.
"""

from __future__ import annotations

import ctypes
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from metaregret.tabular.errors import SolverError

if TYPE_CHECKING:
    import cvxpy as cp

__all__ = [
    "CONVEX_SOLVERS",
    "LINEAR_SOLVERS",
    "Attempt",
    "GrowingProgram",
    "Outcome",
    "few_positive",
    "run",
    "solve_to",
]


INFINITE = 1e30
"""What solvers take for infinity; larger entries of an answer are no numbers."""


@dataclass(frozen=True)
class Attempt:
    """One solver with its options."""

    name: str
    solver: str
    options: dict[str, Any]


_TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
LINEAR_SOLVERS = (
    Attempt("HiGHS simplex", "HIGHS", {"highs_options": {"solver": "simplex", **_TIGHT}}),
    Attempt("HiGHS interior point", "HIGHS", {"highs_options": {"solver": "ipm", **_TIGHT}}),
    Attempt("HiGHS without presolve", "HIGHS", {"highs_options": {"presolve": "off"}}),
    Attempt("Clarabel", "CLARABEL", {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}),
)
CONVEX_SOLVERS = (
    Attempt("Clarabel", "CLARABEL", {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}),
    Attempt("Clarabel at default tolerances", "CLARABEL", {}),
    Attempt("SCS", "SCS", {"eps": 1e-9, "max_iters": 50_000}),
)


@dataclass(frozen=True)
class Outcome:
    """What one solver made of a problem; the answer itself is in the problem's variables.

    Attributes
    ----------
    status : str
        What the solver said, or the error that it raised. Never believed.
    residual : float
        Largest violation of a constraint at the returned variables, recomputed; infinite without variables.
    objective : float
        The objective at the returned variables, recomputed; NaN without variables.
    """

    status: str
    residual: float = math.inf
    objective: float = math.nan

    def __str__(self) -> str:
        if math.isinf(self.residual):
            return f"{self.status}, no usable variables"
        return f"{self.status}, residual {self.residual:.1e}, objective {self.objective:.9g}"


@cache
def _let_highs_greet() -> None:
    """Make the first HiGHS solver of this process with standard output closed off.

    Versions from 1.16 on print a banner then, which no option can prevent; standard output is for results.
    """
    import highspy

    library = ctypes.CDLL("msvcrt" if os.name == "nt" else None)
    try:
        kept = os.dup(1)
    except OSError:  # there is no standard output
        return
    try:
        library.fflush(None)
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            cast(Any, highspy.Highs)()
            library.fflush(None)
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def run(problem: cp.Problem, attempt: Attempt) -> Outcome:
    """Run one solver; leave in the problem's variables and multipliers what is usable of its answer.

    All variables are cleared if one is missing, has another shape or an entry that is no moderate number;
    so are a constraint's multipliers. Nothing of an earlier attempt is left.
    """
    if attempt.solver == "HIGHS":
        _let_highs_greet()
    _clear(problem)
    with warnings.catch_warnings():
        # An inaccurate solution warns; here it is judged by its recomputed bracket instead.
        warnings.simplefilter("ignore")
        try:
            problem.solve(solver=attempt.solver, **attempt.options)
        except Exception as error:
            _clear(problem)
            return Outcome(f"failed ({error})")
        if not all(_usable(variable.value, variable.shape) for variable in problem.variables()):
            _clear(problem)
            return Outcome(str(problem.status))
        for constraint in problem.constraints:
            for dual in constraint.dual_variables:
                if not _usable(dual.value, dual.shape):
                    dual.save_value(None)
        residual = max((_largest(c.violation()) for c in problem.constraints), default=0.0)
        objective = _largest(problem.objective.value, absolute=False)
    return Outcome(str(problem.status), residual, objective)


def solve_to(
    problem: cp.Problem, *, residual: float, attempts: Sequence[Attempt] = LINEAR_SOLVERS
) -> Outcome:
    """Try solvers until the variables violate no constraint by more than `residual`.

    Raises
    ------
    SolverError
        If no solver gets there; the message lists what was tried.
    """
    tried = []
    for attempt in attempts:
        outcome = run(problem, attempt)
        if outcome.residual <= residual:
            return outcome
        tried.append(f"{attempt.name}: {outcome}")
    raise SolverError("No solver returned usable variables; tried " + "; ".join(tried) + ".")


def few_positive(matrix: np.ndarray, right: np.ndarray, *, residual: float) -> np.ndarray | None:
    """Return ``x >= 0`` with ``matrix @ x = right`` and few positive entries, or None where none is found.

    A basic solution, by non-negative least squares (Lawson & Hanson 1974).

    Parameters
    ----------
    matrix : ndarray, shape (m, n)
    right : ndarray, shape (m,)
    residual : float
        Largest violation of an equation, recomputed here.
    """
    import scipy.optimize

    try:
        found, _ = scipy.optimize.nnls(matrix, right)
        x = np.maximum(np.asarray(found, dtype=float), 0.0)
    except (TypeError, ValueError, RuntimeError):
        return None
    if x.shape != (matrix.shape[1],) or not _is_moderate(x):
        return None
    return x if float(np.abs(matrix @ x - right).max(initial=0.0)) <= residual else None


def _clear(problem: cp.Problem) -> None:
    for variable in problem.variables():
        variable.save_value(None)
    for constraint in problem.constraints:
        for dual in constraint.dual_variables:
            dual.save_value(None)


def _usable(value: Any, shape: tuple[int, ...]) -> bool:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return False
    return array.shape == tuple(shape) and _is_moderate(array)


def _is_moderate(array: np.ndarray) -> bool:
    """Whether all entries are numbers that solvers do not take for infinite."""
    return bool((np.abs(array) < INFINITE).all())


def _largest(value: Any, *, absolute: bool = True) -> float:
    """Return the largest entry (of the absolute values), infinite where it is not a number."""
    array = np.asarray(value, dtype=float)
    largest = float((np.abs(array) if absolute else array).max(initial=0.0 if absolute else -math.inf))
    return largest if not math.isnan(largest) else math.inf


class GrowingProgram:
    """A linear program that gains rows: ``min cost . x``, ``lower <= x <= upper``, ``least <= A x <= most``.

    It is kept warm in HiGHS: after a new row the dual simplex goes on from the last basis.

    Parameters
    ----------
    cost, lower, upper : ndarray, shape (n,)
        Infinite limits are allowed.
    """

    TOLERANCE = 1e-7
    """Largest residual, relative to the size of the terms, of an answer that is handed on."""

    def __init__(self, cost: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> None:
        import highspy

        _let_highs_greet()
        self._cost, self._lower, self._upper = (np.asarray(x, dtype=float) for x in (cost, lower, upper))
        self._rows, self._count = np.zeros((16, len(self._cost))), 0
        self._least, self._most = np.zeros(16), np.zeros(16)
        self._solver: Any = cast(Any, highspy.Highs)()
        # No number of threads: it would have to be that of every solver made in this process before.
        for option, value in {"output_flag": False, "parallel": "off", **_TIGHT}.items():
            self._solver.setOptionValue(option, value)
        bounds = (np.clip(x, -INFINITE, INFINITE).tolist() for x in (self._lower, self._upper))
        for price, low, high in zip(self._cost.tolist(), *bounds, strict=True):
            self._solver.addCol(price, low, high, 0, [], [])

    def add_row(self, row: np.ndarray, least: float, most: float) -> int:
        """Add ``least <= row . x <= most``; return its index."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            self._least, self._most = (np.concatenate([x, x]) for x in (self._least, self._most))
        index, self._count = self._count, self._count + 1
        self._rows[index], self._least[index], self._most[index] = row, least, most
        places = np.flatnonzero(row).astype(np.int32)
        limits = (max(least, -INFINITE), min(most, INFINITE))
        self._solver.addRow(*limits, len(places), places, self._rows[index][places])
        return index

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return ``x``, shape (n,), and the rows' multipliers ``y``, shape (rows,).

        ``y_i >= 0`` where the lower limit binds, ``<= 0`` where the upper one does. Both are optimal up to
        `TOLERANCE`: what they violate, and the gap between their objectives, are recomputed here.

        Raises
        ------
        SolverError
            If no solver returns such an answer; the message lists what was tried.
        """
        tried = []
        for name, options in (
            ("HiGHS simplex, warm", None),
            ("HiGHS simplex", {}),
            ("HiGHS without presolve", {"presolve": "off"}),
            ("HiGHS interior point", {"solver": "ipm"}),
        ):
            answer, status = self._highs(options)
            residual = self._residual(*answer)
            if residual <= self.TOLERANCE:
                return answer
            tried.append(f"{name}: {status}, residual {residual:.1e}")
        answer, status = self._clarabel()
        residual = self._residual(*answer)
        if residual <= self.TOLERANCE:
            return answer
        tried.append(f"Clarabel: {status}, residual {residual:.1e}")
        raise SolverError(
            f"No solver returned a solution of a program of {self._count} rows and {len(self._cost)} "
            f"columns; tried {'; '.join(tried)}."
        )

    def _highs(self, options: dict[str, str] | None) -> tuple[tuple[np.ndarray, np.ndarray], str]:
        if options is not None:
            self._solver.clearSolver()
        for name, value in (options or {}).items():
            self._solver.setOptionValue(name, value)
        try:
            self._solver.run()
            found = self._solver.getSolution()
            answer = tuple(np.array(x, dtype=float) for x in (found.col_value, found.row_dual))
            status = str(self._solver.modelStatusToString(self._solver.getModelStatus()))
        except Exception as error:
            answer, status = (np.empty(0), np.empty(0)), f"failed ({error})"
        for name, usual in (("presolve", "choose"), ("solver", "choose")):
            if name in (options or {}):
                self._solver.setOptionValue(name, usual)
        return (answer[0], answer[1]), status

    def _clarabel(self) -> tuple[tuple[np.ndarray, np.ndarray], str]:
        """The same program through cvxpy."""
        from metaregret.tabular.modelling import cvxpy as cp

        rows, least, most = (part[: self._count] for part in (self._rows, self._least, self._most))
        x, equal = cp.Variable(len(self._cost)), least == most
        low, high = np.isfinite(self._lower), np.isfinite(self._upper)
        same, over, under = (
            np.flatnonzero(where)
            for where in (equal, ~equal & np.isfinite(least), ~equal & np.isfinite(most))
        )
        posed = [  # rows, constraint, and the sign of its multipliers as cvxpy has them
            (same, rows[same] @ x == least[same], -1.0),
            (over, rows[over] @ x >= least[over], 1.0),
            (under, rows[under] @ x <= most[under], -1.0),
        ]
        posed = [each for each in posed if len(each[0])]
        columns = [x[low] >= self._lower[low]] if low.any() else []
        columns += [x[high] <= self._upper[high]] if high.any() else []
        constraints = [constraint for _, constraint, _ in posed]
        problem = cp.Problem(cp.Minimize(self._cost @ x), [*constraints, *columns])
        outcome = run(problem, LINEAR_SOLVERS[-1])
        y = np.zeros(self._count)
        for index, constraint, sign in posed:
            y[index] += np.nan if constraint.dual_value is None else sign * np.asarray(constraint.dual_value)
        found = np.full(len(self._cost), np.nan) if x.value is None else np.asarray(x.value)
        return (found, y), outcome.status

    def _residual(self, x: np.ndarray, y: np.ndarray) -> float:
        """Return the largest violation by a primal-dual pair, each relative to the size of its terms."""
        rows, least, most = (part[: self._count] for part in (self._rows, self._least, self._most))
        fits = x.shape == self._cost.shape and y.shape == least.shape
        if not (fits and _is_moderate(x) and _is_moderate(y)):
            return math.inf
        activity, reduced = rows @ x, self._cost - rows.T @ y
        size_x = 1.0 + np.abs(rows) @ np.abs(x)
        size_y = 1.0 + np.abs(self._cost) + np.abs(rows).T @ np.abs(y)
        wrong = [(least - activity) / size_x, (activity - most) / size_x]
        wrong += [(self._lower - x) / (1.0 + np.abs(x)), (x - self._upper) / (1.0 + np.abs(x))]
        objective, terms = 0.0, 1.0 + float(np.abs(self._cost) @ np.abs(x))
        for dual, low, high, size in ((y, least, most, 1.0), (reduced, self._lower, self._upper, size_y)):
            limit = np.where(dual > 0, low, high)
            bounded = np.isfinite(limit)
            wrong.append(np.where(bounded, 0.0, np.abs(dual) / size))  # no limit, so no multiplier
            objective += float(dual[bounded] @ limit[bounded])
            terms += float(np.abs(dual[bounded]) @ np.abs(limit[bounded]))
        gap = abs(float(self._cost @ x) - objective) / terms
        return max(gap, *(float(part.max(initial=0.0)) for part in wrong))
