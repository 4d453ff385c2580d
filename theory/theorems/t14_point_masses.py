r"""T14, worst case at point masses: against the worst task distribution both regrets are the same.

Statement
---------
For every learner ``f``: ``max_p Reg_B(f, p) = max_p Reg_O(f, p) = max_z (R*_z - R(f, r_z))``. Over a
polytope of task distributions the maximum of ``Reg_B`` is at a vertex.

``Reg_B`` (the baseline knows the task distribution) is convex in ``p``; ``Reg_O`` (the baseline knows the
task) is linear. Assumed: the class of learners contains an optimal one for each single task, so that ``R*_z
= max_f' R(f', r_z)``. Dropped: away from point masses the two differ, and only ``Reg_O`` has a saddle point
(C05).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import distributions, processes
from metaregret.theory.adversaries import Polytope
from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.regret import bayes_regret, oracle_regret

Table = list[list[Fraction]]


@dataclass(frozen=True)
class Claim:
    """``worst(losses)`` from ``R*_z - R(f, z)``; ``bayes`` and ``oracle`` regret; ``polytope(values at the
    vertices)``."""

    worst: Any = max
    bayes: Any = bayes_regret
    oracle: Any = oracle_regret
    polytope: Any = max


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """``Reg_O - Reg_B`` is a sum of non-negative terms, zero at point masses; ``Reg_O`` averages the losses.

    With ``f'`` the Bayes-optimal learner, the summand is ``p_z (R*_z - R(f', z))``. Both claims are then
    convexity: an average is at most the largest, and it is reached at a vertex.
    """
    p, best, rival, mine = (np.array(sympy.symbols(f"{name}_1:3")) for name in ("p", "R", "S", "r"))
    oracle = claim.oracle(p, mine, best)
    responses = np.array([rival], dtype=object)  # the one learner that is best for p
    bayes = claim.bayes(p, mine, responses)
    yield vanishes("difference, termwise", oracle - bayes - sum(p * (best - rival)))
    for z in range(2):
        mass = np.array([sympy.Integer(int(z == y)) for y in range(2)])
        yield vanishes(f"oracle regret at task {z}", claim.oracle(mass, mine, best) - (best - mine)[z])
        informed = np.array([best], dtype=object)  # at a point mass the best response attains R*_z
        yield vanishes(f"Bayes regret at task {z}", claim.bayes(mass, mine, informed) - (best - mine)[z])
    mixed = claim.oracle(p, mine, best) - sum(p * (best - mine))
    yield vanishes("oracle regret is the average loss", mixed)


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[Table, list[Fraction], Table]:
    tasks, learners = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    entries = st.integers(0, 6).map(Fraction)
    table = draw(
        st.lists(st.lists(entries, min_size=tasks, max_size=tasks), min_size=learners, max_size=learners)
    )
    corners = draw(st.lists(distributions(tasks), min_size=1, max_size=4))
    return table, draw(distributions(len(corners))), corners


def _check(claim: Claim, what: str, table: Table, mixing: Sequence[Fraction], corners: Table) -> Trial:
    """Compare the regrets of every learner of `table` at a mixture of `corners`, at the corners and at the
    tasks."""
    learners = np.array(table, dtype=object)
    oracle = learners.max(axis=0)
    prior = np.array(mixing, dtype=object) @ np.array(corners, dtype=object)
    masses = [
        np.array([Fraction(int(z == y)) for y in range(learners.shape[1])]) for z in range(learners.shape[1])
    ]
    holds = dict.fromkeys(("worst_case", "bayes_below_oracle", "polytope", "bayes_is_convex"), True)
    for returns in learners:
        worst = claim.worst(list(oracle - returns))
        bayes, linear = claim.bayes(prior, returns, learners), claim.oracle(prior, returns, oracle)
        at_tasks = (
            [claim.bayes(m, returns, learners) for m in masses],
            [claim.oracle(m, returns, oracle) for m in masses],
        )
        at_corners = [claim.bayes(np.array(c, dtype=object), returns, learners) for c in corners]
        holds["worst_case"] &= max(at_tasks[0]) == max(at_tasks[1]) == worst >= linear
        holds["bayes_below_oracle"] &= 0 <= bayes <= linear
        holds["polytope"] &= bayes <= claim.polytope(at_corners)
        holds["bayes_is_convex"] &= bayes <= sum(w * r for w, r in zip(mixing, at_corners, strict=True))
    return all_hold(what, f"returns {[[str(x) for x in row] for row in table]}", **holds)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational tables of returns, task distributions and polytopes; tolerance zero."""
    return context.examples(
        _situations(),
        lambda drawn: _check(claim, f"table of {len(drawn[0])} learners", *drawn),
        name="T14 exact",
        share=5,
        most=5000,
    )


@once
@st.composite
def _processes(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, list[Fraction], Table]:
    process = draw(processes(max_states=3, max_actions=2, max_steps=2, geometric=False))
    goals = int(goal_support(process).sum())
    corners = draw(st.lists(distributions(goals), min_size=1, max_size=3))
    return process, draw(distributions(len(corners))), corners


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All deterministic policies of generated processes as the class of learners, goals as tasks."""

    def check(drawn: tuple[ControlledMarkovProcess, list[Fraction], Table]) -> Trial:
        process, mixing, corners = drawn
        goals = np.flatnonzero(goal_support(process))
        table = [[rho[g] for g in goals] for rho in deterministic_outcomes(process)]
        return _check(
            claim, f"process with {len(goals)} goals, {len(table)} policies", table, mixing, corners
        )

    return context.examples(_processes(), check, name="T14 enumeration")


def optimisation(claim: Claim, context: Context) -> Iterable[Trial]:
    """``Reg_B`` over ``{p <= q / alpha}``: one linear program for each response, against the vertices
    filled greedily."""
    for tasks, alpha in ((2, 0.8), (3, 0.5), (4, 0.6), (5, 0.4)):
        random = context.generator(f"T14 {tasks}")
        learners, limit = random.uniform(0, 1, (6, tasks)), random.dirichlet(np.full(tasks, 3.0)) / alpha
        vertices = []
        for order in permutations(range(tasks)):
            filled = np.diff(np.minimum(np.cumsum(limit[list(order)]), 1.0), prepend=0.0)
            vertices.append(filled[np.argsort(order)])
        returns = learners[0]
        polytope = Polytope(np.eye(tasks), limit)
        highest = max(polytope.worst(rival - returns) for rival in learners)
        claimed = float(claim.polytope([claim.bayes(vertex, returns, learners) for vertex in vertices]))
        inner = float(claim.bayes(limit / limit.sum(), returns, learners))
        margin = min(1e-9 - abs(claimed - highest), claimed - inner + 1e-9)
        yield Trial(f"{tasks} tasks, alpha = {alpha}", margin, f"vertices {claimed}, programs {highest}")


THEOREM = theorem(
    uid="T14",
    title="The worst case is at point masses",
    statement=(
        r"\max_p \mathrm{Reg}_B(f,p)=\max_p \mathrm{Reg}_O(f,p)=\max_z\bigl(R^*_z-R(f,r_z)\bigr),\qquad "
        r"\max_{p\in\mathcal P}\mathrm{Reg}_B(f,p)=\max_{p\in\mathrm{vert}\,\mathcal P}\mathrm{Reg}_B(f,p)"
    ),
    kind="extension",
    source="extension by this project, on the two regrets around arXiv 1806.04640",
    claim=Claim(),
    methods=(
        method(
            "termwise difference",
            "symbolic",
            symbolic,
            general="any learner, any number of tasks",
            prose="the sum over tasks; that a largest value of linear functions is convex, hence largest at "
            "a vertex",
        ),
        method("rational tables of returns", "exact", exact),
        method("all policies of generated processes", "enumeration", enumeration),
        method("linear programs over polytopes", "optimisation", optimisation, "HiGHS"),
    ),
    planted={
        "min over tasks": Claim(worst=min),
        "sum over tasks": Claim(worst=sum),
        "oracle as Bayes baseline": Claim(bayes=lambda p, r, table: p @ (table.max(axis=0) - r)),
        "sign of the Bayes regret": Claim(bayes=lambda p, r, table: p @ r - (table @ p).max()),
        "least vertex of the polytope": Claim(polytope=min),
    },
    expected="proved",
)
