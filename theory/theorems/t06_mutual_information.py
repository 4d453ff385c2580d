r"""T06, mutual information: the most informative skills reach the goals uniformly, which is the minimax
solution.

Statement
---------
For skills ``z ~ p(z)`` with policies ``pi_z``, ``I(s_T; z) = H(s_T) - H(s_T | z) <= log |reachable|``,
with equality if and only if every skill ends in one state with certainty and the mixture is uniform. Hence,
where every goal can be reached with certainty, the maximiser's goal marginal is uniform and equals the
minimax solution of T04: the main claim of the source, which states it for deterministic dynamics. Noise
elsewhere in the process does no harm.

Dropped: where a goal cannot be reached surely the two differ (C01, with a witness of two states); with the
states of the whole
episode in place of the terminal state they differ even without noise (C02).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.goals import exact_support, goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import controllable_processes, deterministic_processes, distributions
from metaregret.theory.certificates.worked import capacity
from metaregret.theory.claims import (
    CONTROLLABLE,
    Context,
    Trial,
    all_hold,
    method,
    simplified,
    theorem,
    vanishes,
)
from metaregret.theory.main_claim import UNIFORM_TOLERANCE, check_main_claim


@dataclass(frozen=True)
class Claim:
    """``odds(K)``: the claimed maximum of ``exp(I)``; ``marginal(K)``: the claimed maximiser's goal
    marginal; ``equality(sure, uniform)``: whether skills that end surely in one state, and whose mixture is
    as claimed, attain it."""

    odds: Any = lambda count: count
    marginal: Any = lambda count: [Fraction(1, count)] * count
    equality: Any = lambda sure, uniform: sure and uniform


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Gibbs' inequality, termwise: ``log x <= x - 1`` gives
    ``H(q) - log K <= sum_y q_y (1 / (K q_y) - 1) = 0``.

    Each term ``q (1 / (K q) - 1) = 1 / K - q`` sums to zero over the K goals, for every K;
    ``x - 1 - log x`` has its only zero at ``x = 1``, so equality forces ``q_y = 1 / K``. And
    ``H(s_T | z) >= 0`` vanishes only for point masses.
    """
    q, count, x = sympy.symbols("q K x", positive=True)
    yield vanishes("term of Gibbs' inequality", q * (1 / (count * q) - 1) - (1 / count - q))
    yield vanishes("sum over the goals", count * (1 / count) - 1)
    slope = sympy.diff(x - 1 - sympy.log(x), x)
    zeros = sympy.solve(slope, x)
    curvature = simplified(sympy.diff(slope, x) * x**2)
    yield all_hold("x - 1 - log x", minimal_at_1=zeros == [1], convex=curvature == 1)
    yield vanishes("the claimed maximum", claim.odds(count) - count)


_SURE = st.one_of(controllable_processes(noisy=True), deterministic_processes())


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Controllable processes, rationally: the claimed marginal certifies the claimed capacity from both
    sides.

    Skills that reach their goals surely, mixed with the claimed ``q``, have ``I = H(q)``: if all ``1 / q_g``
    are the claimed odds, that is their logarithm. And ``KL(rho || q) <= log sum_g rho_g / q_g`` (Jensen),
    whose largest value over ``M`` is a planning problem: no skills do better (T07).
    """

    def check(process: ControlledMarkovProcess) -> Trial:
        goals = np.flatnonzero(goal_support(process))
        marginal = claim.marginal(len(goals))
        most, odds = exact_support(process, goals, [1 / q for q in marginal]), claim.odds(len(goals))
        right = sum(marginal) == 1 and all(1 / q == odds for q in marginal) and most == odds
        return Trial(
            f"controllable process with {len(goals)} goals",
            0.0 if right else -1.0,
            f"claimed exp(I) = {odds}, 1 / q = {[str(1 / q) for q in marginal]}, bound over M {most}",
        )

    return context.examples(_SURE, check, name="T06 exact", share=2)


@once
@st.composite
def _skills(draw: st.DrawFn) -> tuple[list[Fraction], list[list[Fraction]]]:
    inputs, outputs = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rows = [draw(distributions(outputs, largest=4)) for _ in range(inputs)]
    return draw(distributions(inputs, positive=True)), rows


def bound(claim: Claim, context: Context) -> Iterable[Trial]:
    """Any rational skills: ``I <= log K``; equality where it is claimed, and a gap of 1e-9 everywhere else.

    The gap of skills that are not optimal is a multiple of a small denominator, far above rounding.
    """

    def check(skills: tuple[Sequence[Fraction], Sequence[Sequence[Fraction]]]) -> Trial:
        weights, rows = skills
        count = len(rows[0])
        marginal = [sum(w * row[y] for w, row in zip(weights, rows, strict=True)) for y in range(count)]
        information = sum(
            float(w * row[y]) * float(np.log(float(row[y] / marginal[y])))
            for w, row in zip(weights, rows, strict=True)
            for y in range(count)
            if w * row[y] > 0
        )
        slack = float(np.log(float(claim.odds(count)))) - information
        sure = all(max(row) == 1 for row in rows)
        extremal = claim.equality(sure, marginal == claim.marginal(count)) or count == 1
        margin = 1e-12 - abs(slack) if extremal else slack - 1e-9
        return Trial(
            f"{len(rows)} skills on {count} states", margin, f"log K - I = {slack}, extremal {extremal}"
        )

    for count in range(2, 5):  # the extremal case, which is rarely drawn
        masses = [[Fraction(int(x == y)) for y in range(count)] for x in range(count)]
        yield check(([Fraction(1, count)] * count, masses))
    yield from context.examples(_skills(), check, name="T06 bound", share=3)


def processes(claim: Claim, context: Context) -> Iterable[Trial]:
    """The named processes: capacity bracket, its marginal, the minimax exploration and prior, all four as
    claimed."""
    for name, process in context.processes(CONTROLLABLE):
        main = check_main_claim(process)
        count = len(main.goals)
        claimed = float(np.log(float(claim.odds(count))))
        expected = np.array([float(q) for q in claim.marginal(count)])
        three = (main.exploration, main.minimax.least_favourable, main.marginal)
        farthest = max(float(np.abs(each - expected).max()) for each in three)
        margin = min(
            claimed - main.mutual_information.lower + 1e-9,
            main.mutual_information.upper - claimed + 1e-9,
            1e-6 - main.mutual_information.gap,
            UNIFORM_TOLERANCE - farthest,
        )
        yield Trial(
            name, margin, f"capacity {main.mutual_information}, log K = {claimed}, farthest {farthest}"
        )


THEOREM = theorem(
    uid="T06",
    title="Mutual information finds the minimax task distribution",
    statement=(
        r"I(s_T;z)\le\log|\mathrm{reachable}|, \quad \text{equality} \iff \text{every skill ends surely "
        r"in one state "
        r"and } q \text{ is uniform}; \qquad v^*\equiv 1 \Rightarrow "
        r"q^*_{\mathrm{MI}}=\rho^*="
        r"p^*=\bigl(\tfrac1K,\dots,\tfrac1K\bigr)"
    ),
    kind="source",
    source="arXiv 1806.04640, mutual-information case; Cover & Thomas, Elements of Information Theory, "
    "thm 2.6.4",
    claim=Claim(),
    methods=(
        method(
            "Gibbs' inequality",
            "symbolic",
            symbolic,
            general="all K, all skills",
            prose="the sum over the goals; H(s_T | z) is not negative, and zero only for point masses; "
            "that skills which reach their goals surely attain the bound",
        ),
        method("point masses on rational processes", "exact", exact),
        method("any rational skills", "property", bound),
        method("capacity against the minimax program", "optimisation", processes, "HiGHS", "interior point"),
    ),
    planted={
        "K - 1 for K": Claim(odds=lambda count: count - 1),
        "squared": Claim(odds=lambda count: count**2),
        "skewed marginal": Claim(
            marginal=lambda count: [Fraction(2 * (i + 1), count * (count + 1)) for i in range(count)]
        ),
        "a uniform mixture is enough for equality": Claim(equality=lambda sure, uniform: uniform),
        "sure skills are enough for equality": Claim(equality=lambda sure, uniform: sure),
        "equality never": Claim(equality=lambda sure, uniform: False),
    },
    assumptions=(CONTROLLABLE,),
    uses=("T04", "T07"),
    expected="proved",
    certificate=lambda: capacity("grid:3x3", 4),
)
