r"""T08, skill reward: what skills are paid for is reaching their goal, and learning them never loses
information.

Statement
---------
With ``r_z(s) = log p(z | s) - log p(z)``, at an optimum of T06 (deterministic, controllable; one goal a
skill, uniform ``p(z)``) the optimal policies for ``r_z`` are exactly the goal-reaching policies of skill
``z``'s state, and they earn ``log K``. On any process the alternation "update the discriminator ``p(z |
s)`` by Bayes' rule, re-plan each skill for its reward" never decreases ``I(s_T; z)``.

Why: ``I = E[log p(z | s) - log p(z)] >= E[log q(z | s) - log p(z)]`` for every discriminator ``q``, with
equality at Bayes' rule; re-planning raises the right side. The alternation may stop below the capacity (T07).
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
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import best_responses
from metaregret.tabular.strategies import controllable_processes, distributions, stochastic_processes
from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.claims.oracles import deterministic_outcomes, sign_of_log_sum
from metaregret.theory.information import mutual_information

Rows = list[tuple[Fraction, ...]]


def _bayes(weights: Sequence[Any], rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """``p(z | s)`` as ``posterior[z][s]``; zero where no skill ends."""
    totals = [sum(w * row[s] for w, row in zip(weights, rows, strict=True)) for s in range(len(rows[0]))]
    return [
        [w * x / total if total else 0 * total for x, total in zip(row, totals, strict=True)]
        for w, row in zip(weights, rows, strict=True)
    ]


@dataclass(frozen=True)
class Claim:
    """``ratio(p(z | s), p(z))``, the exponential of the reward, and ``update(weights, rows)``, the
    discriminator."""

    ratio: Any = lambda posterior, prior: posterior / prior
    update: Any = _bayes


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The gap between the information and any discriminator's value is a divergence, term by term.

    With joint probability ``j = p(z) rho_z(s)``, the term is ``j log(ratio at Bayes) - j log(ratio at q) =
    j log(p(z | s) / q(z | s))``, and ``sum_z p(z | s) log(p(z | s) / q(z | s)) >= 0`` is Gibbs' inequality.
    """
    joint, prior, posterior, other = sympy.symbols("j p b q", positive=True)
    terms = [sympy.log(claim.ratio(x, prior)) for x in (posterior, other)]
    gap = joint * (terms[0] - terms[1]) - joint * sympy.log(posterior / other)
    yield vanishes("gap of one term", sympy.expand_log(gap, force=True))
    weights = sympy.symbols("p_1 p_2", positive=True)
    first, second = sympy.symbols("a b", positive=True)
    discriminator = claim.update(weights, [[first, 1 - first], [second, 1 - second]])
    yield vanishes(
        "the discriminator is a distribution over skills", sum(row[0] for row in discriminator) - 1
    )
    value = sympy.log(claim.ratio(discriminator[0][0], weights[0]))
    information = sympy.log(first / (weights[0] * first + weights[1] * second))
    yield vanishes(
        "its reward is the pointwise information", sympy.expand_log(value - information, force=True)
    )


def optimum(claim: Claim, context: Context) -> Iterable[Trial]:
    """Controllable processes: at the optimum of T06 the best-paid policies of a skill are those that reach
    its state."""

    def check(process: ControlledMarkovProcess) -> Trial:
        goals = [int(g) for g in np.flatnonzero(goal_support(process))]
        outcomes = deterministic_outcomes(process)
        weights = [Fraction(1, len(goals))] * len(goals)
        rows = [tuple(Fraction(int(s == goal)) for s in range(process.n_states)) for goal in goals]
        posterior = claim.update(weights, rows)
        pays, agrees = [], True
        for z, goal in enumerate(goals):
            ratios = [claim.ratio(x, weights[z]) for x in posterior[z]]
            # A policy earns minus infinity if it may end where the ratio is zero; outcomes here are point
            # masses.
            earned = [min(r for r, mass in zip(ratios, rho, strict=True) if mass) for rho in outcomes]
            best = max(earned)
            pays.append(best)
            agrees &= all((e == best) == (rho[goal] == 1) for e, rho in zip(earned, outcomes, strict=True))
        return all_hold(
            f"controllable process with {len(goals)} goals",
            f"exp of the best rewards {[str(x) for x in pays]}",
            best_paid_policies_reach_the_goal=agrees,
            they_earn_log_K=set(pays) == {Fraction(len(goals))},
        )

    return context.examples(controllable_processes(max_states=4, extra_steps=1), check, name="T08 optimum")


def _log_terms(weights: Sequence[Fraction], rows: Rows, sign: int) -> list[tuple[Fraction, Fraction]]:
    """``sign * I`` as coefficients and arguments of logarithms."""
    posterior = _bayes(weights, rows)
    return [
        (sign * w * x, b / w)
        for w, row, beliefs in zip(weights, rows, posterior, strict=True)
        for x, b in zip(row, beliefs, strict=True)
        if x
    ]


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, list[Fraction], list[int]]:
    process = draw(stochastic_processes(max_states=3, max_actions=2, max_steps=2))
    weights = draw(distributions(draw(st.integers(2, 3)), positive=True, largest=3))
    return process, weights, draw(st.lists(st.integers(0, 11), min_size=3, max_size=3))


def _replanned(claim: Claim, outcomes: Rows, weights: Sequence[Fraction], rows: Rows) -> Rows:
    """Every skill moves to the outcome with the best reward under the discriminator, if that is strictly
    better."""
    posterior, result = claim.update(weights, rows), []
    for w, beliefs, row in zip(weights, posterior, rows, strict=True):
        ratios = [claim.ratio(b, w) for b in beliefs]
        best = row
        for rho in outcomes:
            if any(mass and not r for mass, r in zip(rho, ratios, strict=True)):
                continue
            change = [(a - b, r) for a, b, r in zip(rho, best, ratios, strict=True) if a != b]
            if len({r for _, r in change}) > 1 and sign_of_log_sum(change) > 0:
                best = rho
        result.append(best)
    return result


def alternation(claim: Claim, context: Context) -> Iterable[Trial]:
    """Stochastic processes, skills among the deterministic policies: one round never loses, decided without
    rounding."""

    def check(situation: tuple[ControlledMarkovProcess, list[Fraction], list[int]]) -> Trial | None:
        process, weights, picks = situation
        try:
            outcomes = deterministic_outcomes(process, limit=20)
        except InstanceTooLargeError:
            return None
        before = [outcomes[pick % len(outcomes)] for pick, _ in zip(picks, weights, strict=False)]
        after = _replanned(claim, outcomes, weights, before)
        changed = sorted(_log_terms(weights, after, 1)) != sorted(_log_terms(weights, before, 1))
        gain = (
            sign_of_log_sum(_log_terms(weights, after, 1) + _log_terms(weights, before, -1)) if changed else 0
        )
        return all_hold(
            f"{len(weights)} skills, {len(outcomes)} outcomes",
            f"weights {[str(w) for w in weights]}, sign of the gain {gain}",
            never_loses=gain >= 0,
        )

    return context.examples(_situations(), check, name="T08 alternation", share=2, most=3000)


FLOOR = -40.0
"""Log-posterior of a state where a skill never ends; lowers the alternation's objective by less than ``K
exp(-40)``."""


def planning(claim: Claim, context: Context) -> Iterable[Trial]:
    """The alternation with value iteration on named processes, from random policies: ``I`` after every
    round."""
    for name, process in context.processes(largest=30):
        random = context.generator(f"T08 {name}")
        weights = np.full(4, 0.25)
        rows = _random_rows(process, random, len(weights))
        before = mutual_information(weights, rows)
        lost = 0.0
        for _ in range(6):
            posterior = np.array(claim.update(list(weights), rows.tolist()), dtype=float)
            with np.errstate(divide="ignore"):
                reward = np.log(np.asarray(claim.ratio(posterior, weights[:, None]), dtype=float))
                reward = np.maximum(reward, FLOOR)
            rows = best_responses(process, (reward - reward.min()).T).terminal
            after = mutual_information(weights, rows)
            before, lost = after, max(lost, before - after)
        yield Trial(name, 1e-12 - lost, f"largest loss of a round {lost}, information {before}")


def _random_rows(process: ControlledMarkovProcess, random: np.random.Generator, count: int) -> np.ndarray:
    return best_responses(process, random.random((process.n_states, count))).terminal


THEOREM = theorem(
    uid="T08",
    title="The reward of a skill",
    statement=(
        r"r_z(s)=\log p(z\mid s)-\log p(z):\qquad \arg\max_\pi\mathbb{E}_\pi[r_z]=\{\pi:\rho_\pi(g_z)=1\}"
        r"\ \text{ at an optimum of T06};\qquad I_{k+1}(s_T;z)\ge I_k(s_T;z)"
    ),
    kind="source",
    source=(
        "arXiv 1806.04640, mutual-information proposal; "
        "the alternation: Barber and Agakov 2003, Eysenbach et al. 2018"
    ),
    claim=Claim(),
    methods=(
        method("divergence, term by term", "symbolic", symbolic),
        method("all policies at the optimum", "enumeration", optimum),
        method("one round of the alternation, no rounding", "exact", alternation),
        method("alternation with value iteration", "property", planning),
    ),
    planted={
        "sign": Claim(ratio=lambda posterior, prior: prior / (posterior + Fraction(1, 10**9))),
        "dropped prior": Claim(ratio=lambda posterior, prior: posterior),
        "factor 2": Claim(ratio=lambda posterior, prior: (posterior / prior) ** 2),
        "prior added for subtracted": Claim(ratio=lambda posterior, prior: posterior * prior),
        "discriminator transposed: normalised over states": Claim(update=lambda weights, rows: list(rows)),
    },
    uses=("T06", "T07"),
)
