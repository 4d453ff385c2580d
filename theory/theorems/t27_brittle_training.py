r"""T27, training with memory is brittle: the proposal must be random.

Statement
---------
Deterministic dynamics, ``K`` goals that can be reached with certainty, noticed at the end of the episode,
``N >= K`` episodes. A learner with memory that is Bayes-optimal for a proposal ``q`` without ties,
however near to uniform, has worst-case regret ``K - 1``: twice the minimax value ``(K - 1)/2`` (T12). If
the least likely ``b`` goals are tied, the best of its Bayes-optimal learners has worst-case regret ``K -
(b + 1)/2``. The mixture of the learners trained on proposals that are drawn from an exchangeable law
without ties attains ``(K - 1)/2``.

Why: Bayes-optimal search tries goals from the likeliest down; it goes on without repeating itself, and
the goal tried last costs ``K - 1`` episodes, whatever the margin by which it is last. Under an
exchangeable law every goal is in every place equally often.

So with memory the worst case jumps at uniform; without memory it is continuous in ``q`` (T05, T26).
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
from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import controllable_processes, distributions
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import (
    CONTROLLABLE,
    DETERMINISTIC,
    SINGLE_START,
    Context,
    Trial,
    all_hold,
    method,
    summed,
    theorem,
    vanishes,
)
from metaregret.theory.claims.oracles import bayes_learner, mixed_value
from metaregret.theory.proposals import with_memory

Prior = Sequence[Fraction]
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Claim:
    """The worst case of training on one proposal whose least likely ``b`` goals are tied, and on random
    ones."""

    trained: Any = lambda count, tied: count - (tied + 1) * HALF
    mixed: Any = lambda count: (count - 1) * HALF


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The tied goals take the last places in random order; under an exchangeable law all goals take all
    places."""
    count, tied, place = sympy.symbols("K b j", integer=True, positive=True)
    last = summed(place - 1, (place, count - tied + 1, count)) / tied
    yield vanishes("ties of the last goals", sympy.nsimplify(claim.trained(count, tied)) - last)
    yield vanishes("no ties", sympy.nsimplify(claim.trained(count, 1)) - (count - 1))
    every = summed(place - 1, (place, 1, count)) / count
    yield vanishes("exchangeable proposals", sympy.nsimplify(claim.mixed(count)) - every)
    yield vanishes(
        "all tied is exchangeable", sympy.nsimplify(claim.trained(count, count) - claim.mixed(count))
    )


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, list[Fraction]]:
    """A process and a proposal without ties, at a distance from uniform that may be tiny."""
    process = draw(controllable_processes(min_states=2, max_states=4, extra_steps=0))
    count = int(goal_support(process).sum())
    order = draw(st.permutations(range(count)))
    small = Fraction(1, 10 ** draw(st.integers(1, 12)) * count**2)
    weights = [1 + small * rank for rank in order]
    return process, [w / sum(weights) for w in weights]


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Controllable processes: the Bayes-optimal learner by recursion over hyperstates; tolerance zero.

    The mixture trains on all rotations of the proposal, an exchangeable law as far as single goals can tell.
    """

    def check(situation: tuple[ControlledMarkovProcess, list[Fraction]]) -> Trial:
        process, proposal = situation
        goals = np.flatnonzero(goal_support(process)).tolist()
        count = len(goals)
        ordered = sorted(proposal)
        ranks = [ordered.index(p) for p in proposal]
        losses = []
        for shift in range(count):
            turned = [ordered[(rank + shift) % count] for rank in ranks]
            best, returns = bayes_learner(process, goals, turned, count)
            losses.append([count * v - r for v, r in zip(best, returns, strict=True)])
        mixed = [sum(column, Fraction(0)) / count for column in zip(*losses, strict=True)]
        return all_hold(
            f"controllable process with {count} goals, proposal {[str(p) for p in proposal]}",
            f"claimed {claim.trained(count, 1)} and {claim.mixed(count)}, {[str(x) for x in losses[0]]}, "
            f"{mixed}",
            one_proposal=max(losses[0]) == claim.trained(count, 1),
            random_proposals=max(mixed) == claim.mixed(count),
        )

    return context.examples(_situations(), check, name="T27 exact", most=1000)


_PROPOSALS = st.integers(2, 4).flatmap(lambda size: distributions(size, largest=4))


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All orders of search: those of smallest expected loss under q, and the best mixture of them, with
    ties."""

    def check(proposal: list[Fraction]) -> Trial:
        count, tied = len(proposal), proposal.count(min(proposal))
        orders = [list(order) for order in permutations(range(count))]  # the place of each goal
        expected = [sum(p * x for p, x in zip(proposal, order, strict=True)) for order in orders]
        optimal = [order for order, loss in zip(orders, expected, strict=True) if loss == min(expected)]
        laws = [[order[g] for g in turned] for order in optimal[:1] for turned in permutations(range(count))]
        return all_hold(
            f"proposal {[str(p) for p in proposal]}",
            f"claimed {claim.trained(count, tied)}, best of {len(optimal)} orders {mixed_value(optimal)}",
            best_of_the_optimal=mixed_value(optimal) == claim.trained(count, tied),
            exchangeable=all(sum(c) == claim.mixed(count) * len(laws) for c in zip(*laws, strict=True)),
        )

    return context.examples(_PROPOSALS, check, name="T27 orders", most=3000)


def optimisation(claim: Claim, context: Context) -> Iterable[Trial]:
    """Named processes: the learner trained on a proposal with and without ties.

    What the best Bayes-optimal learner loses lies between ``worst_case.lower`` and ``as_planned`` (see
    `metaregret.theory.proposals.with_memory`, which counts learners as optimal to a millionth).
    """
    for specification, steps, ties in (
        ("line:5", 4, 1),
        ("line:5", 4, 3),
        ("tree:0,0,1,1", 2, 5),
        ("grid:2x2", 2, 1),
    ):
        process = make(specification).replaced(horizon=steps)
        goals = np.flatnonzero(goal_support(process))
        count = len(goals)
        proposal = np.zeros(process.n_states)
        proposal[goals] = [1.0 + 0.1 * max(0, g - ties + 1) for g in range(count)]
        found = with_memory(process, proposal / proposal.sum(), count)
        claimed = float(claim.trained(count, ties))
        worst = found.worst_case
        margin = min(claimed - worst.lower, found.as_planned - claimed, worst.upper - claimed + 1e-3) + 1e-9
        margin = min(margin, found.minimax.value.upper + 1e-9 - claim.mixed(count))
        note = f"claimed {claimed}, bracket [{worst.lower}, {worst.upper}], as planned {found.as_planned}"
        yield Trial(f"{specification} T={steps}, {ties} tied", float(margin), note)


THEOREM = theorem(
    uid="T27",
    title="Training with memory is brittle",
    statement=(
        r"q\text{ without ties}:\ \max_g\mathrm{Reg}(f_q,g)=K-1=2\min_f\max_g\mathrm{Reg}(f,g);\qquad "
        r"q\text{ exchangeable, random}:\ \max_g\mathbb E_q\mathrm{Reg}(f_q,g)=\tfrac{K-1}2"
    ),
    kind="extension",
    source="extension by this project",
    claim=Claim(),
    methods=(
        method(
            "sums over places",
            "symbolic",
            symbolic,
            general="all K and b",
            prose="that Bayes-optimal search goes from the likeliest goal down without repeating itself; "
            "that under an exchangeable law every goal is in every place equally often",
        ),
        method("recursion over hyperstates, rational", "exact", exact),
        method("all orders of search", "enumeration", enumeration),
        method("learners trained by decomposition", "optimisation", optimisation, "HiGHS"),
    ),
    planted={
        "minimax although trained on one": Claim(trained=lambda count, tied: (count - 1) * HALF),
        "K for K - 1": Claim(trained=lambda count, tied: count - tied * HALF),
        "ties of all sizes alike": Claim(trained=lambda count, tied: count - 1),
        "mixing does not help": Claim(mixed=lambda count: count - 1),
        "K for K - 1 in the mixture": Claim(mixed=lambda count: count * HALF),
    },
    assumptions=(DETERMINISTIC, SINGLE_START, CONTROLLABLE),
    uses=("T12",),
    expected="proved",
    certificate=lambda: solved("line:5,start=2", 4, learner="memory", episodes=5),
)
