r"""T10, general rewards: trajectory matching is minimax for all bounded rewards at once.

Statement
---------
Deterministic dynamics, rewards ``R: trajectories -> [0, 1]``, a learner that explores with ``pi`` and
recognises an optimal trajectory when it has found one. Then ``Reg_inf(f_pi, R) = E_pi[R* - R(tau)] /
pi(argmax R) <= max_tau (1 / pi(tau) - 1)``, and the bound is attained by the reward that pays on the least
likely trajectory only. So the policy of T09 is minimax for all bounded rewards. For a learner that cannot
recognise the optimum, the regret of the best of ``k`` explored trajectories is at most ``(1 -
pi(tau*))**k``, attained by the same reward.

Dropped: with stochastic dynamics a trajectory, once found, cannot be repeated at will, and the formula fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product, takewhile
from math import prod
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import deterministic_processes
from metaregret.theory.certificates.worked import solved
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
from metaregret.theory.claims.oracles import TrajectoryTree, trajectory_tree


@dataclass(frozen=True)
class Claim:
    """``regret(loss, hit)`` from ``E_pi[R* - R]`` and ``pi(argmax R)``; ``bound(pi)``; ``simple(x, k)`` for
    the best of k."""

    regret: Any = lambda loss, hit: loss / hit
    bound: Any = lambda pi: 1 / min(pi) - 1
    simple: Any = lambda x, k: (1 - x) ** k


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Wald's identity as a geometric series, and the bound as a sum over trajectories of terms of one sign.

    Episode ``i + 1`` is explored with probability ``(1 - x)**i`` and loses ``L`` on average. With ``x =
    pi(argmax R)``, ``(1 - x) - L = sum over other trajectories of pi(tau) (1 - R* + R(tau)) >= 0``, since
    ``R* - R <= 1``.
    """
    failing, x, loss, pi, gap = sympy.symbols("q x L pi_tau d", positive=True)  # q = 1 - x
    i, k = sympy.symbols("i k", integer=True, positive=True)
    partial = loss * (1 - failing**i) / (1 - failing)  # regret after i episodes
    yield vanishes("one episode more", partial.subs(i, i + 1) - partial - loss * failing**i)
    yield vanishes(
        "limit of the series", partial.subs(failing**i, 0).subs(failing, 1 - x) - claim.regret(loss, x)
    )
    yield vanishes("termwise slack of the bound", pi - pi * gap - pi * (1 - gap))
    yield vanishes("the bound from the slack", claim.regret(1 - x, x) - claim.bound([x]))
    yield vanishes(
        "k failures in a row", sympy.powsimp(claim.simple(x, k + 1) - (1 - x) * claim.simple(x, k))
    )
    yield vanishes("one failure", claim.simple(x, sympy.Integer(1)) - (1 - x))


def _followed(pi: Sequence[Fraction], rewards: Sequence[Fraction], episodes: int) -> Fraction:
    """The learner's regret over some episodes, added up over every sequence of trajectories it may explore.

    It goes on exploring until it has met an optimal trajectory; from then on it loses nothing.
    """
    best, total = max(rewards), Fraction(0)
    for explored in product(range(len(pi)), repeat=episodes):
        chance = prod((pi[i] for i in explored), start=Fraction(1))
        searching = takewhile(lambda i: rewards[i] < best, explored)
        total += chance * sum((best - rewards[i] for i in searching), Fraction(0))
    return total


def _claimed(
    claim: Claim, pi: Sequence[Fraction], rewards: Sequence[Fraction], episodes: int | None = None
) -> Fraction:
    """The claimed regret; of finitely many episodes what is left of it after so many, as the learner is then
    where it began, if it still searches."""
    best = max(rewards)
    loss = sum((p * (best - r) for p, r in zip(pi, rewards, strict=True)), Fraction(0))
    hit = sum((p for p, r in zip(pi, rewards, strict=True) if r == best), Fraction(0))
    regret = Fraction(claim.regret(loss, hit))
    return regret if episodes is None else regret - (1 - hit) ** episodes * regret


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, list[int], list[Fraction]]:
    process = draw(deterministic_processes(max_states=3, max_actions=2, max_steps=3))
    weights = draw(st.lists(st.integers(1, 4), min_size=2, max_size=2))
    return (
        process,
        weights,
        [Fraction(x, 4) for x in draw(st.lists(st.integers(0, 4), min_size=8, max_size=8))],
    )


def _leaves(tree: TrajectoryTree, weights: Sequence[int]) -> list[Fraction]:
    def policy(node: TrajectoryTree) -> list[Fraction]:
        chosen = weights[: len(node.actions)]
        return [Fraction(w, sum(chosen)) for w in chosen]

    return list(tree.leaves(policy))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational policies and rewards: the formula is the learner's regret, below the bound, which the last
    one attains."""

    def check(situation: tuple[ControlledMarkovProcess, list[int], list[Fraction]]) -> Trial:
        process, weights, levels = situation
        (tree,) = trajectory_tree(process)
        pi = _leaves(tree, weights)
        rewards = levels[: len(pi)]
        hardest = [Fraction(int(i == pi.index(min(pi)))) for i in range(len(pi))]
        bound = claim.bound(pi)
        episodes = 3 if len(pi) <= 4 else 2
        met = [_followed(pi, rewards, n) for n in range(1, episodes + 1)]
        claimed = [_claimed(claim, pi, rewards, n) for n in range(1, episodes + 1)]
        return all_hold(
            f"{len(pi)} trajectories with rewards {[str(r) for r in rewards]}",
            f"followed {list(map(str, met))}, claimed {list(map(str, claimed))}, bound {bound}",
            formula=claimed == met,
            below_the_bound=_claimed(claim, pi, rewards) <= bound,
            bound_attained=_claimed(claim, pi, hardest) == bound,
            hardest_followed=_claimed(claim, pi, hardest, episodes) == _followed(pi, hardest, episodes),
            not_below_matching=bound >= len(pi) - 1,
        )

    return context.examples(_situations(), check, name="T10 exact", share=2)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All rewards with levels 0, 1/2, 1 on up to five trajectories: the largest regret is the bound."""
    for weights in ((1, 1), (1, 2), (2, 1, 1), (1, 1, 1, 1), (1, 2, 2, 1), (3, 1, 2, 1, 1)):
        pi = [Fraction(w, sum(weights)) for w in weights]
        levels = (Fraction(0), Fraction(1, 2), Fraction(1))
        largest = max(_claimed(claim, pi, rewards) for rewards in product(levels, repeat=len(pi)))
        bound = claim.bound(pi)
        for rewards in product(levels, repeat=len(pi)):
            if _claimed(claim, pi, rewards, 2) != _followed(pi, rewards, 2):
                yield all_hold(f"rewards {rewards}", "the formula is not the learner's regret", formula=False)
        yield all_hold(
            f"3**{len(pi)} rewards, pi ∝ {weights}",
            f"largest regret {largest}, bound {bound}",
            largest_is_the_bound=largest == bound,
        )


def simulation(claim: Claim, context: Context) -> Iterable[Trial]:
    """The best of k explored trajectories, run; the mean regret lies within a Hoeffding interval of level 1
    - 1e-6."""
    runs = 20_000
    half = float(np.sqrt(np.log(2 / 1e-6) / (2 * runs)))
    for pi, k in (((0.5, 0.3, 0.2), 3), ((0.25,) * 4, 5), ((0.6, 0.4), 1)):
        random = context.generator(f"T10 {pi} {k}")
        drawn = random.choice(len(pi), size=(runs, k), p=pi)
        hardest = np.zeros(len(pi))
        hardest[int(np.argmin(pi))] = 1.0
        mean = float((1.0 - hardest[drawn].max(axis=1)).mean())
        expected = float(claim.simple(min(pi), k))
        graded = np.linspace(0.0, 1.0, len(pi))
        other = float((1.0 - graded[drawn].max(axis=1)).mean())
        within = min(half - abs(mean - expected), float(claim.simple(pi[-1], k)) + half - other)
        note = f"mean {mean:.4f}, claimed {expected:.4f}, half-width {half:.4f}; graded rewards {other:.4f}"
        yield Trial(f"{runs} runs, pi = {pi}, best of {k}", within, note)


THEOREM = theorem(
    uid="T10",
    title="Trajectory matching is minimax for all bounded rewards",
    statement=(
        r"\mathrm{Reg}_\infty(f_\pi,R)=\frac{\mathbb{E}_\pi[R^*-R(\tau)]}{\pi(\arg\max R)}\;\le\;"
        r"\max_\tau\Bigl(\frac1{\pi(\tau)}-1\Bigr),\qquad "
        r"\mathbb{E}\bigl[R^*-\max_{i\le k}R(\tau_i)\bigr]\le\bigl(1-\pi(\tau^*)\bigr)^k"
    ),
    kind="extension",
    source="in the spirit of arXiv 1806.04640, general rewards; in this form an extension by this project",
    claim=Claim(),
    methods=(
        method(
            "geometric series and termwise slack",
            "symbolic",
            symbolic,
            general="any pi and R, all k",
            prose="that the learner explores episode i + 1 exactly if i episodes have failed; the sum over "
            "trajectories; the largest bound is that of the least likely trajectory",
        ),
        method("learners followed on rational trees", "exact", exact),
        method("all three-level rewards", "enumeration", enumeration),
        method("best of k, simulated", "simulation", simulation),
    ),
    planted={
        "max for min in the bound": Claim(bound=lambda pi: 1 / max(pi) - 1),
        "dropped constant in the bound": Claim(bound=lambda pi: 1 / min(pi)),
        "miss for hit": Claim(regret=lambda loss, hit: loss / (1 - hit) if hit != 1 else loss),
        "exponent k - 1": Claim(simple=lambda x, k: (1 - x) ** (k - 1)),
        "factor for exponent": Claim(simple=lambda x, k: 1 - k * x),
    },
    assumptions=(DETERMINISTIC, SINGLE_START),
    uses=("T01", "T09"),
    expected="proved",
    certificate=lambda: solved("line:3", 3, trajectories=True),
)
