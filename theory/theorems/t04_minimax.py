r"""T04, minimax: the worst task distribution and the exploration that withstands it.

Statement
---------
If every goal can be reached with certainty, ``min_rho max_p Reg_O = K - 1``, attained only by the uniform
``rho``, and the uniform ``p`` is least favourable. In general the value is ``1 / t* - 1`` with the linear
program ``t* = max { t : rho in M, rho_g >= t v*_g }``, whose dual weights give the least-favourable task
distribution.

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

from metaregret.tabular.goals import goal_support, goal_values, optimal_terminal_values
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import controllable_processes, policies, processes
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import (
    CONTROLLABLE,
    Context,
    Group,
    Kind,
    Method,
    Planted,
    Theorem,
    Trial,
    Verdict,
)
from metaregret.theory.claims.smt import no_model, positive_reals, smt_method
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks


@dataclass(frozen=True)
class Claim:
    """The claimed saddle point where every one of ``K`` goals can be reached with certainty.

    ``value(K)``, ``exploration(K)`` and ``prior(K)`` (lists), and ``general(t)``, the value in terms of
    ``t*``.
    """

    value: Any
    exploration: Any
    prior: Any
    general: Any


def _uniform(count: Any) -> list[Any]:
    return [Fraction(1, count)] * count


CLAIM = Claim(lambda count: count - 1, _uniform, _uniform, lambda t: 1 / t - 1)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Two identities, each a sum over goals of a term that is checked for one symbolic goal.

    Weighting the regrets ``1 / rho_g - 1`` by ``rho_g`` gives ``sum_g (1 - rho_g) = K - 1``: some regret
    is at least that, and all are equal only at uniform ``rho``. Against the uniform prior,
    ``1 / rho_g >= 2 K - K**2 rho_g`` (tangent at ``1 / K``; the difference is a square) sums to
    ``E_p Reg_O >= K - 1`` for every ``rho``: a saddle point.
    """
    rho, count = sympy.symbols("rho K", positive=True)
    weighted = sympy.simplify(rho * (1 / rho - 1) - (1 - rho))
    yield Trial("weighted regret of one goal", 0.0 if weighted == 0 else -1.0, f"difference {weighted}")
    value = sympy.simplify(claim.value(count) - (count - 1))
    yield Trial("sum of the weighted regrets", 0.0 if value == 0 else -1.0, f"difference {value}")
    square = sympy.simplify(1 / rho - (2 * count - count**2 * rho) - (1 - count * rho) ** 2 / rho)
    yield Trial("tangent at 1 / K is below by a square", 0.0 if square == 0 else -1.0, f"difference {square}")
    tangents = sympy.simplify((2 * count * count - count**2 * 1) / count - 1 - claim.value(count))
    yield Trial("uniform prior", 0.0 if tangents == 0 else -1.0, f"difference {tangents}")


def _goal_mixture(
    process: ControlledMarkovProcess, goals: np.ndarray, weights: list[Fraction]
) -> list[Fraction]:
    """Exact terminal probabilities of the goals when goal-conditioned policies are mixed with `weights`."""
    chosen = goal_values(process, goals, representation="rational", policies=True).policies
    assert chosen is not None
    total = np.full(len(goals), Fraction(0), dtype=object)
    for position, weight in enumerate(weights):
        policy = np.full((chosen.shape[0], process.n_choices), Fraction(0), dtype=object)
        policy[np.arange(len(policy))[:, None], chosen[:, :, position]] = Fraction(1)
        exact = terminal_distribution(process, policy, representation="rational").exact
        assert exact is not None
        total = total + weight * exact[goals]
    return list(total)


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
        column = np.full((process.n_states, 1), Fraction(0), dtype=object)
        column[goals, 0] = prior
        most = optimal_terminal_values(process, column, representation="rational").exact
        assert most is not None
        proved = 2 * count * sum(prior) - count**2 * most[0] - 1
        right = attained == claim.value(count) == proved
        return Trial(
            f"controllable process with {count} goals",
            0.0 if right else -1.0,
            f"claimed {claim.value(count)}, attained {attained}, proved from the prior {proved}",
        )

    return context.examples(controllable_processes(min_states=2), check, name="T04 exact")


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
        weights = [Fraction(float(w)).limit_denominator(10**9) for w in solution.details["weights"]]
        optimum = goal_values(process, goals, representation="rational").exact
        assert optimum is not None
        column = np.full((process.n_states, 1), Fraction(0), dtype=object)
        column[goals, 0] = weights
        most = optimal_terminal_values(process, column, representation="rational").exact
        assert most is not None
        t_upper = most[0] / sum(w * v for w, v in zip(weights, optimum, strict=True))
        proved = claim.general(t_upper)
        rho = terminal_distribution(process, policy, representation="rational").exact
        assert rho is not None
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


def smt(claim: Claim, context: Context) -> Iterable[Trial]:
    """No exploration of 2 to 5 goals has all regrets ``1 / rho_g - 1`` below the claimed value."""
    for count in range(2, 6):
        rho = positive_reals("rho", count)
        below = [r * (claim.value(count) + 1) > 1 for r in rho]
        yield from no_model(f"{count} goals", rho, [sum(rho) == 1, *below])


THEOREM = Theorem(
    uid="T04",
    title="Minimax regret of memoryless learners",
    statement=(
        r"\min_{\rho\in M}\max_p \mathrm{Reg}_O = \frac{1}{t^*}-1,\quad "
        r"t^*=\max\{t:\rho\in M,\ \rho_g\ge t\,v^*_g\}; \qquad "
        r"v^*\equiv 1,\ \text{deterministic} \Rightarrow \text{value } K-1,\ \rho^*=p^*=\text{uniform}"
    ),
    kind=Kind.SOURCE,
    source=(
        "arXiv 1806.04640, goal-reaching case (deterministic, controllable); in general an extension by "
        "this project"
    ),
    claim=CLAIM,
    methods=(
        Method(
            "weighted regrets and tangents",
            Group.SYMBOLIC,
            symbolic,
            general="all K, every goal reachable surely",
        ),
        Method("saddle point on rational processes", Group.EXACT, exact),
        Method("linear program, bracketed", Group.OPTIMISATION, program, frozenset({"HiGHS"})),
        Method("dual bound in rationals against policies", Group.PROPERTY, sandwich, frozenset({"HiGHS"})),
        *smt_method("no counterexample for K <= 5", smt),
    ),
    planted=(
        Planted("K for K - 1", Claim(lambda k: k, _uniform, _uniform, CLAIM.general)),
        Planted("dropped constant", Claim(CLAIM.value, _uniform, _uniform, lambda t: 1 / t)),
        Planted(
            "skewed exploration",
            Claim(
                CLAIM.value,
                lambda k: [Fraction(2 * (i + 1), k * (k + 1)) for i in range(k)],
                _uniform,
                CLAIM.general,
            ),
        ),
        Planted(
            "skewed prior",
            Claim(
                CLAIM.value,
                _uniform,
                lambda k: [Fraction(2 * (i + 1), k * (k + 1)) for i in range(k)],
                CLAIM.general,
            ),
        ),
    ),
    uses=("T01", "T02"),
    expected=Verdict.PROVED,
    certificate=lambda: solved("grid:3x3,slip=1/10", 4),
)
