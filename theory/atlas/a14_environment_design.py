r"""A14, environment design: an equilibrium on regret is minimax regret; one on return is not.

Statement
---------
Where the adversary proposes tasks to maximise the regret of the protagonist against the best policy of the
task, the protagonist's policy at any equilibrium has the least worst-case regret.

Dropped: the regret. An adversary that minimises the return proposes the hardest task, and its equilibrium
gives up what could be had on the others: in the witness twice the least worst-case regret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, SMALL, game, goals_of, one_step, outcomes_of
from metaregret.theory.claims import Context, Trial, all_hold, exact_agreement, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """What the adversary minimises: from the best value of a task and the protagonist's."""

    payoff: Any = lambda best, got: got - best


def _equilibrium(claim: Claim, points: list[replay.Outcome]) -> tuple[Fraction, Fraction]:
    """The worst regret of the protagonist's mixture at an equilibrium, and the least worst regret."""
    goals = goals_of(points)
    best = [max(point[g] for point in points) for g in goals]
    _, mixture, _ = game(
        [[Fraction(claim.payoff(v, point[g])) for point in points] for g, v in zip(goals, best, strict=True)]
    )
    got = replay.mixed(points, mixture)
    value, _, _ = game([[point[g] - v for point in points] for g, v in zip(goals, best, strict=True)])
    return max(v - got[g] for g, v in zip(goals, best, strict=True)), -value


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated processes, one task per goal: exact equilibria."""

    def check(process: ControlledMarkovProcess) -> Trial:
        reached, least = _equilibrium(claim, outcomes_of(process))
        return exact_agreement(str(process.name), reached, least)

    return context.examples(SMALL, check, name="A14 exact", share=2, most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """A sure goal and a coin of every denominator up to 6: the best of a grid of mixtures that contains the
    equilibrium."""
    for n in range(2, 7):
        points = replay.outcomes(
            replay.read(one_step([[1 - Fraction(1, n), Fraction(1, n)], [Fraction(1), Fraction(0)]]))
        )
        best = replay.best(points)
        mixtures = [replay.mixed(points, [Fraction(k, 12), Fraction(12 - k, 12)]) for k in range(13)]
        least = min(max(v - p for v, p in zip(best, point, strict=True)) for point in mixtures)
        reached, _ = _equilibrium(claim, points)
        yield exact_agreement(f"coin of 1/{n}", reached, least)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The payoff is minus the regret, up to what the protagonist cannot change."""
    best, got = sympy.symbols("v rho", positive=True)
    yield vanishes("minus the regret", claim.payoff(best, got) + (best - got))
    yield all_hold("strictly zero-sum in the regret", slope=sympy.diff(claim.payoff(best, got), got) == 1)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the protagonist has the largest worst return (a prior certifies it), and more worst-case regret
    than another mixture."""
    points, _ = replay.achieved(witness)
    prior, first, second = (
        replay.distribution(witness[key]) for key in ("adversary", "protagonist", "other")
    )
    trained, other = replay.mixed(points, first), replay.mixed(points, second)
    best = replay.best(points)
    answer = max(sum(p * x for p, x in zip(prior, point, strict=True)) for point in points)
    regret: Any = lambda point: max(v - p for v, p in zip(best, point, strict=True))
    if answer != min(trained) or not regret(other) < regret(trained):
        return None
    return {
        "return in the worst task": str(min(trained)),
        "its worst-case regret": str(regret(trained)),
        "another mixture": [str(p) for p in other],
        "regret of the other": str(regret(other)),
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """A sure goal and a coin: solve both games exactly."""
    for n in range(2, 6):
        document = one_step([[1 - Fraction(1, n), Fraction(1, n)], [Fraction(1), Fraction(0)]])
        points, best = replay.achieved({"process": document})
        _, trained, prior = game([[point[g] for point in points] for g in (0, 1)])
        _, other, _ = game([[point[g] - best[g] for point in points] for g in (0, 1)])
        names = ("adversary", "protagonist", "other")
        found = {
            name: [str(x) for x in part] for name, part in zip(names, (prior, trained, other), strict=True)
        }
        yield {"process": document, **found}


PUBLISHED = published(
    uid="A14",
    title="At an equilibrium on regret the protagonist's policy is minimax regret",
    statement=r"(\pi,\Lambda)\ \text{an equilibrium on}\ "
    r"V^{*}_g-V^\pi_g\Rightarrow\pi\in\arg\min_\pi\max_g(V^*_g-V^\pi_g)",
    source="M. Dennis, N. Jaques, E. Vinitsky, A. Bayen, S. Russell, A. Critch & S. Levine, Emergent "
    "complexity and zero-shot transfer via unsupervised environment design, NeurIPS 2020, arXiv:2012.02096",
    finite="Tasks are goals of one process; the antagonist plays best, as it does at an equilibrium.",
    needs="an antagonist that is best in each task; an adversary that minimises the return is not enough",
    holds=(
        "Equilibria on regret are minimax regret",
        r"\min_\pi\max_\Lambda\mathbb E_\Lambda(V^*_g-V^\pi_g)=\max_g(V^*_g-V^{\pi}_g)\ \text{at an "
        r"equilibrium}",
    ),
    kind="source",
    claim=Claim(),
    methods=(
        method("payoff of the game", "symbolic", symbolic),
        method("exact equilibria", "exact", exact),
        method("grids of mixtures", "enumeration", enumeration),
    ),
    planted={
        "return": Claim(lambda best, got: got),
        "sum of both": Claim(lambda best, got: got + best),
        "twice the best": Claim(lambda best, got: got - 2 * best),
    },
    fails=(
        "An adversary that minimises the return leads to minimax regret",
        r"\arg\max_\pi\min_gV^\pi_g\subseteq\arg\min_\pi\max_g(V^*_g-V^\pi_g)",
    ),
    drops="the antagonist",
    refute=refute,
    search=search,
)
