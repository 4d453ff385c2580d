r"""T04, minimax: the worst task distribution and the exploration that withstands it.

Statement
---------
If every goal can be reached with certainty, ``min_rho max_p Reg_O = K - 1``, attained only by the uniform
``rho``, and the uniform ``p`` is least favourable. In general the value is ``1 / t* - 1`` with the linear
program ``t* = max { t : rho in M, rho_g >= t v*_g }``, whose dual weights give the least-favourable task
distribution. For finite ``N`` it is the smallest ``theta`` for which some ``rho in M`` has ``Reg_N(rho_g;
v*_g) <= theta`` for every goal: a convex program with a saddle point.

Dropped: where reachability is unequal, uniform exploration is not optimal (C07); a learner with memory has
another value (T12) and another least-favourable distribution (T13).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.goals import (
    exact_goal_values,
    exact_support,
    goal_support,
)
from metaregret.tabular.policy import exact_terminal
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import exact_goal_ends
from metaregret.tabular.strategies import controllable_processes, deterministic_processes, policies, processes
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import CONTROLLABLE, Context, Trial, method, theorem, vanishes
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks
from metaregret.theory.theorems.t01_hitting_time import regret


@dataclass(frozen=True)
class Claim:
    """The claimed saddle point where every one of ``K`` goals can be reached with certainty, and in general.

    ``value(K)``, ``exploration(K)`` and ``prior(K)`` (lists); ``general(t)``, the value in terms of ``t*``;
    ``demand(v)``, what ``t*`` multiplies in the program; ``finite(rho, v, N)``, the regret of ``N`` episodes.
    """

    value: Any = lambda count: count - 1
    exploration: Any = lambda count: [Fraction(1, count)] * count
    prior: Any = lambda count: [Fraction(1, count)] * count
    general: Any = lambda t: 1 / t - 1
    demand: Any = lambda v: v
    finite: Any = regret


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Two identities, each a sum over goals of a term that is checked for one symbolic goal.

    Weighting the regrets ``1 / rho_g - 1`` by ``rho_g`` gives ``sum_g (1 - rho_g) = K - 1``: some regret
    is at least that, and all are equal only at uniform ``rho``. Against the uniform prior,
    ``1 / rho_g >= 2 K - K**2 rho_g`` (tangent at ``1 / K``; the difference is a square) sums to
    ``E_p Reg_O >= K - 1`` for every ``rho``: a saddle point.
    """
    rho, count = sympy.symbols("rho K", positive=True)
    yield vanishes("weighted regret of one goal", rho * (1 / rho - 1) - (1 - rho))
    yield vanishes("sum of the weighted regrets", claim.value(count) - (count - 1))
    below = 1 / rho - (2 * count - count**2 * rho)
    yield vanishes("tangent at 1 / K is below by a square", below - (1 - count * rho) ** 2 / rho)
    tangents = (2 * count * count - count**2 * 1) / count - 1
    yield vanishes("uniform prior", tangents - claim.value(count))


def _goal_mixture(
    process: ControlledMarkovProcess, goals: np.ndarray, weights: list[Fraction]
) -> list[Fraction]:
    """Exact terminal probabilities of the goals when goal-conditioned policies are mixed with `weights`."""
    return list(np.array(weights) @ exact_goal_ends(process, goals)[:, goals])


_SURE = st.one_of(controllable_processes(min_states=2, noisy=True), deterministic_processes(min_states=2))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Controllable processes, rationally: the claimed exploration attains the claimed value, the claimed
    prior proves it.

    The lower bound is the tangent ``1 / rho_g >= 2 K - K**2 rho_g``, averaged over the prior, for the worst
    ``rho`` of M by exact dynamic programming.
    """

    def check(process: ControlledMarkovProcess) -> Trial:
        goals = np.flatnonzero(goal_support(process))
        count = len(goals)
        rho = _goal_mixture(process, goals, claim.exploration(count))
        attained = max(1 / r - 1 for r in rho) if all(r > 0 for r in rho) else None
        prior = claim.prior(count)
        # E_p[1 / rho - 1] >= sum_g p_g (2 K - K^2 rho_g) - 1, whose least value over M is a planning problem.
        proved = 2 * count * sum(prior) - count**2 * exact_support(process, goals, prior) - 1
        right = attained == claim.value(count) == proved
        return Trial(
            f"controllable process with {count} goals",
            0.0 if right else -1.0,
            f"claimed {claim.value(count)}, attained {attained}, proved from the prior {proved}",
        )

    return context.examples(_SURE, check, name="T04 exact")


def program(claim: Claim, context: Context) -> Iterable[Trial]:
    """The linear program on the named processes: the certified bracket is tight and holds the claimed
    saddle point."""
    for name, process in context.processes():
        solution = solve_without_memory(GoalTasks.reachable(process))
        slack = 1e-9 * max(1.0, solution.value.lower)
        margin = slack - solution.value.gap
        note = f"bracket [{solution.value.lower}, {solution.value.upper}]"
        if CONTROLLABLE.holds(process):
            count = len(solution.tasks)
            claimed = float(claim.value(count))
            margin = min(
                margin, claimed - solution.value.lower + slack, solution.value.upper - claimed + slack
            )
            prior = np.array([float(p) for p in claim.prior(count)])
            margin = min(margin, 1e-6 - float(np.abs(solution.least_favourable - prior).max()))
            assert solution.exploration is not None
            rho = solution.exploration[goal_support(process)]
            explored = np.array([float(r) for r in claim.exploration(count)])
            margin = min(margin, 1e-6 - float(np.abs(rho - explored).max()))
            note += f", claimed {claimed}"
        yield Trial(name, margin, note)


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, np.ndarray]:
    process = draw(processes(min_states=2, max_states=3, max_steps=3, geometric=False))
    return process, draw(policies(process))


def sandwich(claim: Claim, context: Context) -> Iterable[Trial]:
    """Any process: no rational policy does better than ``1 / t* - 1``, and ``t*`` from the dual weights,
    by exact planning.

    The program supplies the dual weights only; the bound they prove is recomputed in rational arithmetic.
    """

    def check(situation: tuple[ControlledMarkovProcess, np.ndarray]) -> Trial | None:
        process, policy = situation
        goals = np.flatnonzero(goal_support(process))
        solution = solve_without_memory(GoalTasks(process, goals))
        weights = [Fraction(float(w)).limit_denominator(10**9) for w in solution.policy_proof.weights]
        optimum, rho = exact_goal_values(process, goals), exact_terminal(process, policy)
        asked = sum(w * claim.demand(v) for w, v in zip(weights, optimum, strict=True))
        proved = claim.general(exact_support(process, goals, weights) / asked)
        worst = max(
            (v / rho[g] - 1 if rho[g] else Fraction(10**9)) for g, v in zip(goals, optimum, strict=True)
        )
        below = float(worst - proved)
        tight = 1e-6 * max(1.0, abs(float(proved))) - abs(float(proved) - solution.value.midpoint)
        return Trial(
            f"generated process with {len(goals)} goals",
            min(below, tight),
            f"proved {float(proved)}, a policy has {float(worst)}, program {solution.value.midpoint}",
        )

    return context.examples(_situations(), check, name="T04 sandwich", most=3000)


def _slope(rho: Fraction, v: Fraction, episodes: int) -> Fraction:
    """The derivative of ``sum_{i < N} (1 - rho)**i (v - rho)`` by `rho` (T02)."""
    terms = (-((1 - rho) ** i) - (i * (1 - rho) ** (i - 1) * (v - rho) if i else 0) for i in range(episodes))
    return sum(terms, Fraction(0))


_WITH_EPISODES = st.tuples(_situations(), st.integers(1, 4))


def finitely_many(claim: Claim, context: Context) -> Iterable[Trial]:
    """Any process, ``N`` from 1 to 4: no rational policy does better than what the prior proves, and that is
    the program's value.

    The regret is convex in ``rho`` (T02), so its tangents at any point, averaged over any prior, are a lower
    bound; their least value over ``M`` is found by exact planning. The program supplies point and prior.
    """

    def check(drawn: tuple[tuple[ControlledMarkovProcess, np.ndarray], int]) -> Trial:
        (process, policy), episodes = drawn
        goals = np.flatnonzero(goal_support(process))
        solution = solve_without_memory(GoalTasks(process, goals), episodes=episodes)
        assert solution.exploration is not None
        optimum, rho = exact_goal_values(process, goals), exact_terminal(process, policy)
        prior = [Fraction(float(p)).limit_denominator(10**9) for p in solution.least_favourable.array]
        slopes, constant = [], Fraction(0)
        for goal, p, v in zip(goals, prior, optimum, strict=True):
            at = min(Fraction(float(solution.exploration[goal])).limit_denominator(10**9), v)
            slopes.append(-p * _slope(at, v, episodes))
            constant += p * claim.finite(at, v, episodes) + slopes[-1] * at
        proved = (constant - exact_support(process, goals, slopes)) / sum(prior)
        worst = max(claim.finite(rho[g], v, episodes) for g, v in zip(goals, optimum, strict=True))
        tight = 1e-6 * max(1.0, abs(float(proved))) - abs(float(proved) - solution.value.midpoint)
        return Trial(
            f"generated process with {len(goals)} goals, N = {episodes}",
            min(float(worst - proved), tight),
            f"proved {float(proved)}, a policy has {float(worst)}, program {solution.value.midpoint}",
        )

    return context.examples(_WITH_EPISODES, check, name="T04 finitely many", most=2000)


def _skewed(count: int) -> list[Fraction]:
    return [Fraction(2 * (i + 1), count * (count + 1)) for i in range(count)]


THEOREM = theorem(
    uid="T04",
    title="Minimax regret of memoryless learners",
    statement=(
        r"\min_{\rho\in M}\max_p \mathrm{Reg}_O = \frac{1}{t^*}-1,\quad "
        r"t^*=\max\{t:\rho\in M,\ \rho_g\ge t\,v^*_g\}; \qquad "
        r"v^*\equiv 1 \Rightarrow \text{value } K-1,\ \rho^*=p^*=\text{uniform}"
    ),
    kind="source",
    source=(
        "arXiv 1806.04640, goal-reaching case (every goal reached surely); in general an extension by "
        "this project"
    ),
    claim=Claim(),
    methods=(
        method(
            "weighted regrets and tangents",
            "symbolic",
            symbolic,
            general="all K, every goal reachable surely",
            prose="the sums over the goals; that the mixture of goal-reaching policies has the uniform "
            "rho; the general linear program and finite N are certified on instances",
        ),
        method("saddle point on rational processes", "exact", exact),
        method("linear program, bracketed", "optimisation", program, "HiGHS"),
        method("dual bound in rationals against policies", "property", sandwich, "HiGHS"),
        method("finitely many episodes, in rationals", "property", finitely_many, "HiGHS"),
    ),
    planted={
        "K for K - 1": Claim(value=lambda k: k),
        "dropped constant": Claim(general=lambda t: 1 / t),
        "skewed exploration": Claim(exploration=_skewed),
        "skewed prior": Claim(prior=_skewed),
        "t for t v in the program": Claim(demand=lambda v: Fraction(1)),
        "one episode fewer": Claim(finite=lambda rho, v, n: regret(rho, v, n - 1)),
    },
    uses=("T01", "T02"),
    expected="proved",
    certificate=lambda: solved("grid:3x3,slip=1/10", 4),
)
