r"""T15, symmetric channels: with enough symmetry the main claim survives noise.

Statement
---------
Let the goal-conditioned terminal distributions form a weakly symmetric channel (its rows are permutations
of each other and its columns have equal sums) whose capacity is that of all of ``M``, and let all goals be
equally reachable, ``v*_g = v``. Then the MI-optimal marginal, the minimax marginal and uniform coincide;
the capacity is ``log K - H(row)`` and the minimax regret ``K v - 1``. A channel whose columns, too, are
permutations of each other has equal ``v*``.

Equal reachability is needed. Dropped: with rows (3, 4, 1, 2), (3, 1, 2, 4), (3, 1, 4, 2), (1, 4, 3, 2),
over 10, the channel is weakly symmetric and the MI-optimal marginal uniform, with worst-case regret 3/5,
but ``v* = (3, 4, 4, 4) / 10`` and the minimax marginal is ``∝ v*``, with regret 1/2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import log
from typing import Any

import numpy as np
import sympy

from metaregret.tabular.goals import exact_goal_values, goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims import Assumption, Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.information import channel_capacity
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.strategies import symmetric_processes
from metaregret.theory.tasks import GoalTasks

Row = list[Fraction]


def _equally_reachable(process: ControlledMarkovProcess) -> bool:
    return len(set(exact_goal_values(process, np.flatnonzero(goal_support(process))))) == 1


@lru_cache(maxsize=4)
def _outcomes(process: ControlledMarkovProcess) -> list[tuple[Fraction, ...]]:
    """The outcomes of all deterministic policies on the reachable goals; every check asks several times."""
    goals = np.flatnonzero(goal_support(process))
    return [tuple(rho[g] for g in goals) for rho in deterministic_outcomes(process)]


def _channel(process: ControlledMarkovProcess) -> list[tuple[Fraction, ...]]:
    """The rows on the goals that are permutations of the purest outcome of a deterministic policy."""
    purest = max(sorted(rho, reverse=True) for rho in _outcomes(process))
    return [rho for rho in _outcomes(process) if sorted(rho, reverse=True) == purest]


def _weakly_symmetric(process: ControlledMarkovProcess) -> bool:
    rows = _channel(process)
    pure = all(_majorised(rho, rows[0]) for rho in _outcomes(process))
    return pure and len({sum(column) for column in zip(*rows, strict=True)}) == 1


EQUALLY_REACHABLE = Assumption(
    "equally reachable", "all reachable goals have the same best probability", _equally_reachable
)
WEAKLY_SYMMETRIC = Assumption(
    "weakly symmetric",
    "the purest outcomes are permutations of each other and average to uniform, and every other outcome is "
    "a smoothing of them, so the capacity of their channel is that of all of M",
    _weakly_symmetric,
)


@dataclass(frozen=True)
class Claim:
    """Marginals for ``K`` goals, the minimax regret, and the capacity of a row as a sum of ``term(w, K)``."""

    marginal: Any = lambda count: [Fraction(1, count)] * count
    exploration: Any = lambda count: [Fraction(1, count)] * count
    value: Any = lambda count, v: count * v - 1
    term: Any = lambda w, count, logarithm: w * logarithm(w * count)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Weighting the regrets ``v / rho_g - 1`` by ``rho_g`` gives ``K v - 1`` for every ``rho``; uniform
    ``rho`` attains it.

    A row's divergence from the uniform output is a sum over entries, so it is the same for all permutations
    of the row, which is the optimality condition of T07.
    """
    rho, v, w, count = sympy.symbols("rho v w K", positive=True)
    yield vanishes("weighted regret of one goal", rho * (v / rho - 1) - (v - rho))
    yield vanishes("sum over the goals, shares sum to one", claim.value(count, v) - (count * v - 1))
    yield vanishes("attained by 1 / K", v / (1 / count) - 1 - claim.value(count, v))
    entry = claim.term(w, count, sympy.log) - w * sympy.log(w / (1 / count))
    yield vanishes("divergence of one entry", sympy.expand_log(entry, force=True))


def _majorised(row: Sequence[Fraction], by: Sequence[Fraction]) -> bool:
    """Whether `row` is a smoothing of `by`, so that its entropy is at least as large (Schur concavity)."""
    sums = [list(accumulate(sorted(values, reverse=True))) for values in (row, by)]
    return all(a <= b for a, b in zip(*sums, strict=True))


def _entries(row: Sequence[Fraction], output: Sequence[Fraction]) -> tuple[tuple[Fraction, Fraction], ...]:
    """The terms ``(w, w / q)`` of ``KL(row || output)`` in a fixed order: equal terms, equal divergence."""
    return tuple(sorted((w, w / q) for w, q in zip(row, output, strict=True) if w))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational symmetric processes: optimality of the claimed output by majorisation, of the exploration by
    duality."""

    def check(process: ControlledMarkovProcess) -> Trial | None:
        if not (WEAKLY_SYMMETRIC.holds(process) and EQUALLY_REACHABLE.holds(process)):
            return None
        channel = _channel(process)
        count = len(channel[0])
        mean = [sum(column) / len(channel) for column in zip(*channel, strict=True)]
        optimum = exact_goal_values(process, np.flatnonzero(goal_support(process)))
        explored = claim.exploration(count)
        regret = max(v / r - 1 for v, r in zip(optimum, explored, strict=True))
        forced = sum(optimum) - 1  # weights rho_g on the regrets of any rho
        return all_hold(
            f"{count} goals, purest row {[str(w) for w in channel[0]]}",
            f"mean of the rows {[str(q) for q in mean]}, regret {regret}, forced {forced}",
            output_is_the_claimed_marginal=mean == claim.marginal(count),
            same_divergence_from_it=len({_entries(row, mean) for row in channel}) == 1,
            exploration_is_achievable=mean == explored,
            value_attained_and_forced=regret == forced == claim.value(count, optimum[0]),
        )

    return context.examples(symmetric_processes(), check, name="T15 exact", share=2, most=2000)


def programs(claim: Claim, context: Context) -> Iterable[Trial]:
    """The capacity solver on all outcomes and the minimax program on the process find the claimed numbers.

    The output is unique and ``KL(q* || q)`` is at most the gap of 1e-10, so ``q`` is within 2e-5 of it
    (Pinsker).
    """

    def check(process: ControlledMarkovProcess) -> Trial | None:
        if not (WEAKLY_SYMMETRIC.holds(process) and EQUALLY_REACHABLE.holds(process)):
            return None
        goals = np.flatnonzero(goal_support(process))
        row = _channel(process)[0]
        outcomes = np.array(_outcomes(process), dtype=float)
        found = channel_capacity(outcomes, tolerance=1e-10)
        capacity = sum(float(claim.term(float(w), len(goals), log)) for w in row if w)
        solution = solve_without_memory(GoalTasks(process, goals))
        value = float(claim.value(len(goals), outcomes.max()))
        assert solution.exploration is not None
        marginal, explored = (
            np.array([float(q) for q in shares])
            for shares in (claim.marginal(len(goals)), claim.exploration(len(goals)))
        )
        margin = min(
            1e-9 - abs(found.capacity.midpoint - capacity),
            1e-9 * max(1.0, value) - abs(solution.value.midpoint - value),
            2e-5 - float(np.abs(found.output_distribution - marginal).max()),
            1e-6 - float(np.abs(solution.exploration[goals] - explored).max()),
        )
        note = f"capacity {found.capacity.midpoint}, claimed {capacity}; regret {solution.value.midpoint}"
        return Trial(
            f"{len(goals)} goals", margin, f"{note}, claimed {value}; output {found.output_distribution}"
        )

    return context.examples(symmetric_processes(), check, name="T15 programs", share=0.5, most=1000)


def _skewed(count: int) -> Row:
    return [Fraction(2 * (i + 1), count * (count + 1)) for i in range(count)]


THEOREM = theorem(
    uid="T15",
    title="Symmetric channels",
    statement=(
        r"\text{goal-conditioned channel weakly symmetric with the capacity of } M,\ v^*_g\equiv v"
        r"\ \Rightarrow\ q^*_{\mathrm{MI}}=\rho^*=\bigl(\tfrac1K,\dots,\tfrac1K\bigr),\quad "
        r"C=\log K-H(\text{row}),\quad \min_\rho\max_g\mathrm{Reg}=Kv-1"
    ),
    kind="classical",
    source="R. G. Gallager, Information Theory and Reliable Communication, 1968, sec. 4.5",
    claim=Claim(),
    methods=(
        method(
            "weighted regrets and entries",
            "symbolic",
            symbolic,
            general="all K and v; the capacity given T07",
            prose="the sums over goals and entries; that equal divergences from the output make it optimal "
            "(T07)",
        ),
        method("majorisation and duality, rational", "exact", exact),
        method("capacity and minimax solvers", "optimisation", programs, "HiGHS", "interior point"),
    ),
    planted={
        "skewed marginal": Claim(marginal=_skewed),
        "skewed exploration": Claim(exploration=_skewed),
        "dropped constant": Claim(value=lambda count, v: count * v),
        "as if reached with certainty": Claim(value=lambda count, v: count - 1),
        "number of goals dropped": Claim(term=lambda w, count, logarithm: w * logarithm(w)),
    },
    assumptions=(WEAKLY_SYMMETRIC, EQUALLY_REACHABLE),
    uses=("T04", "T06", "T07"),
    expected="proved",
)
