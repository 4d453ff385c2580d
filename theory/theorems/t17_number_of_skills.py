r"""T17, number of skills: too few skills leave a goal uncovered.

Statement
---------
On a deterministic process with one start, ``K' < K`` deterministic skills end in at most ``K'`` of the
``K`` goals. Whatever the distribution over the skills, exploring with them has worst-case memoryless regret
``N v`` (infinite at ``N = inf``), on a goal that is not covered, and ``I(s_T; z) <= log K'``, with equality
exactly for distinct ends and uniform ``p(z)``.

Dropped: with noise one skill can end in many states and cover them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from math import log
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.environments import make
from metaregret.tabular.goals import exact_goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import deterministic_processes, distributions
from metaregret.theory.certificates.worked import proposed
from metaregret.theory.claims import (
    DETERMINISTIC,
    SINGLE_START,
    Context,
    Trial,
    all_hold,
    method,
    theorem,
    vanishes,
)
from metaregret.theory.claims.oracles import deterministic_outcomes, sign_of_log_sum
from metaregret.theory.information import channel_capacity


@dataclass(frozen=True)
class Claim:
    """``covered(K')`` goals at most, ``regret(N, v)`` on an uncovered one, ``odds(K')`` bounds ``exp(I)``."""

    covered: Any = lambda skills: skills
    regret: Any = lambda episodes, v: episodes * v
    odds: Any = lambda skills: skills


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The limit of T01 at ``rho = 0`` for symbolic N and v; it has no bound; Gibbs' inequality for the
    information."""
    rho, v, share, skills = sympy.symbols("rho v w K", positive=True)
    episodes = sympy.symbols("N", integer=True, positive=True)
    regret = (1 - (1 - rho) ** episodes) * (v / rho - 1)
    yield vanishes("limit of T01", sympy.limit(regret, rho, 0, "+") - claim.regret(episodes, v))
    unbounded = sympy.limit(claim.regret(episodes, v), episodes, sympy.oo)
    yield all_hold("no bound at N = inf", f"limit {unbounded}", infinite=unbounded == sympy.oo)
    # H(w) - log K' <= sum of w (1 / (K' w) - 1) over the K' skills, by log x <= x - 1; the sum is zero.
    yield vanishes("term of Gibbs' inequality", share * (1 / (skills * share) - 1) - (1 / skills - share))
    yield vanishes("bound of the information", claim.odds(skills) - skills)


Ends = Sequence[Sequence[Fraction]]


def _check(
    claim: Claim,
    process: ControlledMarkovProcess,
    ends: Ends,
    weights: Sequence[Fraction],
    goals: Sequence[int],
) -> Trial:
    """Cover, regret and information of skills that end as in `ends`, drawn with `weights`; tolerance zero."""
    rho = [sum((w * end[s] for w, end in zip(weights, ends, strict=True)), Fraction(0)) for s in goals]
    optimum = exact_goal_values(process, goals)
    skills, covered = len(ends), sum(r > 0 for r in rho)
    uniform = set(rho) <= {Fraction(0), Fraction(1, skills)}
    entropy = [(r, 1 / r) for r in rho if r] + [(Fraction(-1), Fraction(claim.odds(skills)))]
    regrets = [
        max(sum((1 - r) ** i for i in range(n)) * (v - r) for r, v in zip(rho, optimum, strict=True))
        for n in (1, 2, 5)
    ]
    claimed = [claim.regret(n, 1) for n in (1, 2, 5)]
    return all_hold(
        f"{skills} skills, {len(goals)} goals",
        f"covered {covered}, claimed at most {claim.covered(skills)}; regrets {regrets}, claimed {claimed}",
        cover=covered <= claim.covered(skills),
        cover_attained=claim.covered(skills) <= covered or len({tuple(end) for end in ends}) < skills,
        uncovered_goal_costs_N_v=skills >= len(goals) or regrets == claimed,
        information=(claim.odds(skills) == skills) if uniform else sign_of_log_sum(entropy) < 0,
    )


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, list[int], list[Fraction]]:
    process = draw(deterministic_processes(max_states=4, max_steps=3))
    skills = draw(st.integers(1, 3))
    picks = draw(st.lists(st.integers(0, 11), min_size=skills, max_size=skills))
    return process, picks, draw(distributions(skills, positive=True))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated deterministic processes, skills among their policies, rational weights."""

    def check(situation: tuple[ControlledMarkovProcess, list[int], list[Fraction]]) -> Trial:
        process, picks, weights = situation
        outcomes = deterministic_outcomes(process)
        goals = [outcome.index(Fraction(1)) for outcome in outcomes]
        return _check(claim, process, [outcomes[pick % len(outcomes)] for pick in picks], weights, goals)

    return context.examples(_situations(), check, name="T17 exact", share=2)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All choices of up to three skills on two named processes, with uniform and with skewed weights."""
    for specification, steps in (("line:4", 3), ("tree:0,0,1,1", 2)):
        process = make(specification).replaced(horizon=steps)
        outcomes = deterministic_outcomes(process)
        goals = [outcome.index(Fraction(1)) for outcome in outcomes]
        for skills in (1, 2, 3):
            for ends in combinations_with_replacement(outcomes, skills):
                for weights in ([1] * skills, list(range(1, skills + 1))):
                    shares = [Fraction(w, sum(weights)) for w in weights]
                    yield _check(claim, process, ends, shares, goals)


def capacity(claim: Claim, context: Context) -> Iterable[Trial]:
    """The capacity solver on the channels of two to four deterministic skills: never above the bound,
    attained if distinct."""
    process = make("line:5")
    outcomes = deterministic_outcomes(process.replaced(horizon=4))
    for skills in (2, 3, 4):
        for ends in combinations_with_replacement(outcomes[:4], skills):
            found = channel_capacity(np.array(ends, dtype=float)).capacity
            bound = log(claim.odds(skills))
            distinct = len(set(ends)) == skills
            margin = 1e-9 - abs(found.midpoint - bound) if distinct else bound - found.upper
            yield Trial(f"{skills} skills, distinct: {distinct}", margin, f"capacity {found}, bound {bound}")


THEOREM = theorem(
    uid="T17",
    title="Number of skills",
    statement=(
        r"K'<K\ \text{deterministic skills} \Rightarrow |\{g:\rho_g>0\}|\le K',\quad "
        r"\max_g\mathrm{Reg}_N=N v,\quad I(s_T;z)\le\log K'"
    ),
    kind="extension",
    source="extension by this project, on arXiv 1806.04640",
    claim=Claim(),
    methods=(
        method("limit of the hitting time", "symbolic", symbolic),
        method("rational skills on generated processes", "exact", exact),
        method("all choices of skills", "enumeration", enumeration),
        method("capacity solver", "optimisation", capacity, "interior point"),
    ),
    planted={
        "one goal more than skills": Claim(covered=lambda skills: skills + 1),
        "off by one in N": Claim(regret=lambda episodes, v: (episodes - 1) * v),
        "bounded regret": Claim(regret=lambda episodes, v: v),
        "information of K' + 1": Claim(odds=lambda skills: skills + 1),
        "factor 2 in the information": Claim(odds=lambda skills: skills**2),
    },
    assumptions=(DETERMINISTIC, SINGLE_START),
    uses=("T01", "T06"),
    certificate=lambda: proposed("grid:2x2", 2, "capacity", skills=3),
)
