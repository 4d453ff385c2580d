r"""T05, best task proposal: train on the uniform distribution.

Statement
---------
A meta-learner that trains on proposal ``q`` explores with ``rho ∝ sqrt(q)`` (T03), so its worst-case
regret is ``W(q) = (sum_h sqrt(q_h)) / min_g sqrt(q_g) - 1``, at least ``K - 1``, and equal to it exactly
at uniform ``q``. A proposal that gives one goal zero density has unbounded worst-case regret (C08).

Assumed: every goal can be reached with certainty, and every ``rho`` of the simplex is achievable.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.strategies import distributions
from metaregret.theory.certificates.worked import proposed
from metaregret.theory.claims import (
    CONTROLLABLE,
    DETERMINISTIC,
    SINGLE_START,
    Context,
    Trial,
    all_hold,
    method,
    theorem,
    vanishes,
)
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks


def worst_case(roots: Any, least: Any) -> Any:
    """Return ``W(q)`` as a function of ``roots = sqrt(q)`` and the smallest of them."""
    return sum(roots) / least - 1


def symbolic(claim: Any, context: Context) -> Iterable[Trial]:
    """Termwise: with ``m = min sqrt(q)``, ``W(q) - (K - 1) = sum_h (sqrt(q_h) - m) / m``, a sum of
    non-negative terms.

    The summand vanishes only where ``sqrt(q_h) = m``, so equality forces the uniform distribution. Written
    out for K = 2..6 with symbolic densities.
    """
    m = sympy.symbols("m", positive=True)
    for count in range(2, 7):
        excess = sympy.symbols(f"d1:{count}", nonnegative=True)
        roots = [m + d for d in excess] + [m]
        yield vanishes(f"K = {count}", claim(roots, m) - (count - 1) - sum(d / m for d in excess))
    limit = sympy.limit(claim([sympy.Integer(1), m], m), m, 0, "+")
    yield all_hold("a goal of no density", f"limit {limit}", infinite=limit == sympy.oo)


_ROOTS = st.integers(2, 6).flatmap(lambda size: distributions(size, positive=True))


def exact(claim: Any, context: Context) -> Iterable[Trial]:
    """Rational square roots: the learner of T03 is trained on q and meets the worst goal; tolerance zero."""

    def check(roots: list[Fraction]) -> Trial:
        rho = [root / sum(roots) for root in roots]
        regret = max(1 / x - 1 for x in rho)
        excess = regret - (len(roots) - 1)
        uniform = len(set(roots)) == 1
        wrong = claim(roots, min(roots)) != regret or excess < 0 or (excess == 0) != uniform
        return Trial(
            f"sqrt(q) ∝ {[str(r) for r in roots]}",
            -1.0 if wrong else float(excess),
            f"claimed {claim(roots, min(roots))}, met {regret}, uniform: {uniform}",
        )

    return context.examples(_ROOTS, check, name="T05 exact", share=5)


def processes(claim: Any, context: Context) -> Iterable[Trial]:
    """On controllable processes the uniform proposal's worst case is the minimax regret of T04, from the
    program."""
    for name, process in context.processes(DETERMINISTIC, SINGLE_START, CONTROLLABLE):
        solution = solve_without_memory(GoalTasks.reachable(process))
        uniform = np.full(len(solution.tasks), 1.0)
        claimed = float(claim(list(uniform), 1.0))
        random = context.generator(f"T05 {name}").uniform(0.5, 1.0, len(uniform))
        slack = 1e-9 * max(1.0, claimed)
        margin = min(
            claimed - solution.value.lower + slack,
            solution.value.upper - claimed + slack,
            float(claim(list(random), random.min())) - solution.value.upper,
        )
        yield Trial(
            name, margin, f"W(uniform) = {claimed}, minimax [{solution.value.lower}, {solution.value.upper}]"
        )


THEOREM = theorem(
    uid="T05",
    title="Best task proposal: uniform",
    statement=(
        r"W(q)=\frac{\sum_h\sqrt{q_h}}{\min_g\sqrt{q_g}}-1\;\ge\;K-1,\qquad "
        r"W(q)=K-1 \iff q=\bigl(\tfrac1K,\dots,\tfrac1K\bigr)"
    ),
    kind="source",
    source="arXiv 1806.04640, goal-reaching case",
    claim=worst_case,
    methods=(
        method("termwise excess", "symbolic", symbolic),
        method("trained learner, rational", "exact", exact),
        method("against the minimax program", "optimisation", processes, "HiGHS"),
    ),
    planted={
        "mean for min": lambda roots, least: len(roots) - 1 + least - least,
        "exponent one": lambda roots, least: sum(x * x for x in roots) / least**2 - 1,
        "dropped constant": lambda roots, least: sum(roots) / least,
        "number of goals off by one": lambda roots, least: sum(roots) / least - 2,
    },
    assumptions=(DETERMINISTIC, SINGLE_START, CONTROLLABLE),
    uses=("T03", "T04"),
    certificate=lambda: proposed("grid:3x3", 4, "uniform"),
)
