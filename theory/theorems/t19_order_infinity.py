r"""T19, order infinity is regret: the redundancy of order infinity is the logarithm of the minimax regret
plus one.

Statement
---------
``max_{rho in M} D_inf(rho || q) = log max_g v_g / q_g``, so ``exp(C_inf) = 1 + Reg*`` (T04) and ``q_inf``
is the minimax exploration. ``Reg* >= sum_g v_g - 1``, with equality iff some ``rho in M`` has ``rho_g >=
v_g / sum v`` for every goal: ``log sum_g v_g`` is the value without the constraint ``q in M``, the maximal
leakage of the channel from policies to goals.

Dropped: at order 1 in place of infinity the exploration is that of mutual information, and its regret
another (C09).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from metaregret.tabular.goals import exact_goal_values, exact_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.claims.oracles.power_moments import Rows, best, mixtures, table
from metaregret.theory.information import channel_redundancy
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks


@dataclass(frozen=True)
class Claim:
    """What is claimed of order infinity.

    ``farthest(v, q)``: ``exp`` of the largest divergence from ``q``; ``regret(x)``: the minimax regret where
    ``exp(C_inf) = x``; ``least(v)``: a lower bound on the minimax regret, from the list of all ``v_g``.
    """

    farthest: Any = lambda values, q: max(v / s for v, s in zip(values, q, strict=True))
    regret: Any = lambda redundancy: redundancy - 1
    least: Any = lambda values: sum(values) - 1


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Weighted by ``q_g``, the ratios ``v_g / q_g`` add up to ``sum v``; one goal at a time."""
    v, q, one, other = sympy.symbols("v q v_1 v_2", positive=True)
    yield vanishes("ratio of one goal", claim.farthest([v], [q]) - v / q)
    yield vanishes("weighted ratio of one goal", q * claim.farthest([v], [q]) - v)
    yield vanishes(
        "sum over goals, less the known task", claim.least([one, other]) - claim.regret(one + other)
    )
    yield vanishes("regret of hitting in v / q episodes", claim.regret(v / q) - (v / q - 1))


def farthest(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational sets of distributions: the farthest row by trying all of them, and the lower bound at any
    mixture."""

    def check(drawn: tuple[Rows, list[Fraction]]) -> Trial:
        rows, q = drawn
        most = max(r / s for row in rows for r, s in zip(row, q, strict=True))
        values = best(rows)
        return all_hold(
            f"{len(rows)} rows, {len(q)} goals",
            f"farthest {most}, v {[str(v) for v in values]}",
            farthest=claim.farthest(values, q) == most,
            at_least=claim.regret(most) >= claim.least(values),
        )

    return context.examples(mixtures(), check, name="T19 farthest")


def equality(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational processes: the exact minimax regret against ``sum v - 1``, and what decides equality.

    Equal: the exploration that comes back has ``rho_g >= v_g / sum v`` exactly. Not equal: the dual weights
    ``w`` prove that no ``rho`` has, since ``max_M w . rho < w . v / sum v`` by exact dynamic programming.
    """

    def check(process: ControlledMarkovProcess) -> Trial | None:
        tasks = GoalTasks.reachable(process)
        solution = solve_without_memory(tasks, exact=True)
        if solution.value.exact is None:
            return None
        values = exact_goal_values(process, tasks.goals)
        least, regret = claim.least(values), solution.value.exact
        if regret == least:
            success = solution.exact_proof.success
            assert success is not None
            reached = all(r * (least + 1) >= v for r, v in zip(success, values, strict=True))
            return all_hold(f"{len(values)} goals", f"regret {regret} = sum v - 1", reached=reached)
        weights = solution.exact_proof.weights
        wanted = sum(w * v for w, v in zip(weights, values, strict=True)) / (least + 1)
        return all_hold(
            f"{len(values)} goals",
            f"regret {regret}, bound {least}",
            above=regret > least,
            out_of_reach=exact_support(process, tasks.goals, weights) < wanted,
        )

    small = processes(min_states=2, max_states=3, max_steps=2, geometric=False)
    return context.examples(small, check, name="T19 equality", share=0.3, most=500)


def program(claim: Claim, context: Context) -> Iterable[Trial]:
    """The linear program on the rows, bracketed: its logarithm against the formula at the mixture it
    returns."""

    def check(drawn: tuple[Rows, list[Fraction]]) -> Trial:
        rows, _ = drawn
        found = channel_redundancy(table(rows), "inf")
        values = [float(v) for v in best(rows)]
        regret = float(np.exp(found.value.midpoint)) - 1
        attained = claim.regret(claim.farthest(values, found.reference.tolist()))
        margin = 1e-8 * (1 + regret) - abs(regret - attained)
        margin = min(margin, regret + 1e-9 - claim.least(values), 1e-9 - found.value.gap)
        return Trial(f"{len(rows)} rows", margin, f"regret {regret}, attained {attained}, {found.value}")

    return context.examples(mixtures(), check, name="T19 program", share=0.3, most=1000)


THEOREM = theorem(
    uid="T19",
    title="Order infinity is regret",
    statement=(
        r"\min_{q\in M}\max_{\rho\in M} e^{D_\infty(\rho\|q)}=\min_{q\in M}\max_g\frac{v^*_g}{q_g}"
        r"=1+\mathrm{Reg}^*\ \ge\ \sum_g v^*_g,\quad\text{equal iff}\ \exists\rho\in M:\ "
        r"\rho_g\ge v^*_g/\textstyle\sum v^*"
    ),
    kind="extension",
    source="extension by this project; Shtarkov 1987 (order infinity as normalised maximum likelihood); "
    "Issa, Wagner & Kamath 2020 (maximal leakage)",
    claim=Claim(),
    methods=(
        method(
            "weighted ratios",
            "symbolic",
            symbolic,
            general="all finite sets of goals",
            prose="the largest of the ratios is at least their mean weighted by q, and equals it only if all "
            "are equal",
        ),
        method("farthest row of rational sets", "exact", farthest),
        method("equality decided in rationals", "property", equality, "HiGHS"),
        method("linear program, bracketed", "optimisation", program, "HiGHS"),
    ),
    planted={
        "sum v without - 1": Claim(least=sum),
        "regret without - 1": Claim(regret=lambda redundancy: redundancy),
        "largest v over smallest q": Claim(farthest=lambda values, q: max(values) / min(q)),
        "number of goals for sum v": Claim(least=lambda values: len(values) - Fraction(1)),
    },
    uses=("T04",),
    expected="proved",
)
