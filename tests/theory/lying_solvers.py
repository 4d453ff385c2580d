"""Test doubles of solvers that lie: they say "optimal" and return something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import cvxpy as cp
import highspy
import numpy as np
import scipy.optimize

Lie = Callable[[np.ndarray, np.random.Generator], Any]


def _one(entry: float) -> Lie:
    def lie(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        changed = np.array(value, dtype=float)
        if changed.size:
            changed.flat[rng.integers(changed.size)] = entry
        return changed

    return lie


LIES: dict[str, Lie] = {
    "slightly off": lambda v, rng: v + 1e-6 * rng.normal(size=np.shape(v)),
    "off by one per cent": lambda v, rng: v * (1 + 0.01 * rng.normal(size=np.shape(v))),
    "far off": lambda v, rng: v + rng.normal(size=np.shape(v)),
    "scaled": lambda v, rng: 3.0 * v,
    "negated": lambda v, rng: -v,
    "reversed": lambda v, rng: np.flip(v),
    "zeros": lambda v, rng: np.zeros_like(v),
    "rubbish": lambda v, rng: rng.uniform(-5, 5, size=np.shape(v)),
    "huge": lambda v, rng: 1e300 * rng.choice([-1.0, 1.0], size=np.shape(v)),
    "one huge entry": _one(1e308),
    "not a number": lambda v, rng: np.full(np.shape(v), np.nan),
    "one entry not a number": _one(np.nan),
    "one infinite entry": _one(np.inf),
    "too long": lambda v, rng: np.append(v, 1.0),
    "too short": lambda v, rng: np.ravel(v)[:-1],
    "another shape": lambda v, rng: np.ravel(v)[None, :, None],
    "nothing": lambda v, rng: None,
    "text": lambda v, rng: "optimal",
}
WHOM = ("variables", "multipliers", "both")


@contextmanager
def lying(lie: Lie, whom: str, seed: int, *, honest_every: int = 0) -> Iterator[dict[str, int]]:
    """Every solver lies about its variables, its multipliers or both, and claims to be optimal.

    Every `honest_every`-th answer is left as it is, so that a fallback has something to find.
    """
    rng, calls = np.random.default_rng(seed), {"answers": 0, "lies": 0}
    true = {
        "solve": cp.Problem.solve,
        "solution": highspy.Highs.getSolution,
        "nnls": scipy.optimize.nnls,
    }

    def lies() -> bool:
        calls["answers"] += 1
        if honest_every and calls["answers"] % honest_every == 0:
            return False
        calls["lies"] += 1
        return True

    def changed(value: Any) -> Any:
        return None if value is None else lie(np.asarray(value, dtype=float), rng)

    def solve(self: cp.Problem, *args: Any, **options: Any) -> Any:
        with mock.patch.object(highspy.Highs, "getSolution", true["solution"]):
            result = true["solve"](self, *args, **options)
        if lies():
            if whom != "multipliers":
                for variable in self.variables():
                    variable.save_value(changed(variable.value))
            if whom != "variables":
                for constraint in self.constraints:
                    for dual in constraint.dual_variables:
                        dual.save_value(changed(dual.value))
            self._status = "optimal"
        return result

    def solution(self: highspy.Highs) -> Any:
        found = true["solution"](self)
        x, y = np.array(found.col_value), np.array(found.row_dual)
        if lies():
            x = x if whom == "multipliers" else changed(x)
            y = y if whom == "variables" else changed(y)
        return SimpleNamespace(col_value=x, row_dual=y, row_value=found.row_value, col_dual=found.col_dual)

    def nnls(*args: Any, **options: Any) -> Any:
        x, residual = true["nnls"](*args, **options)
        return (changed(x), 0.0) if lies() else (x, residual)

    with (
        mock.patch.object(cp.Problem, "solve", solve),
        mock.patch.object(highspy.Highs, "getSolution", solution),
        mock.patch.object(highspy.Highs, "getModelStatus", return_value=highspy.HighsModelStatus.kOptimal),
        mock.patch.object(scipy.optimize, "nnls", nnls),
    ):
        yield calls
