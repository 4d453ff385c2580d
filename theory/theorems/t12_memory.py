r"""T12, memory: search without replacement halves the price.

Statement
---------
Where every one of ``K`` goals can be reached with certainty and is noticed at the end of the episode, the
minimax regret of learners with memory over ``N`` episodes is ``(K - 1) / 2`` for ``N >= K`` and ``N - N (N +
1) / (2 K)`` for ``N <= K``. The uniform task distribution is least favourable and trying the goals in a
uniformly random order is minimax.

Dropped: where a goal cannot be reached surely, memory can be worth more than a factor of two (C11). Without
memory the price is ``K - 1`` (T04); with goals noticed on the way it is lower, and uniform is in general not
least favourable (T13, C03).
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
from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import exact_goal_ends
from metaregret.tabular.strategies import controllable_processes
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import CONTROLLABLE, Context, Trial, all_hold, method, summed, theorem, vanishes
from metaregret.theory.claims.oracles import bayes_regret_at
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.tasks import GoalTasks


@dataclass(frozen=True)
class Claim:
    """The claimed value for few episodes (``N <= K``) and for many (``N >= K``), and the least-favourable
    prior."""

    few: Any = lambda count, episodes: episodes - episodes * (episodes + 1) * Fraction(1, 2) / count
    many: Any = lambda count, episodes: (count - 1) * Fraction(1, 2)
    prior: Any = lambda count: [Fraction(1, count)] * count

    def value(self, count: int, episodes: int) -> Fraction:
        """Return the claimed minimax regret."""
        return Fraction((self.few if episodes < count else self.many)(count, episodes))


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Both players' values as sums, for symbolic K and N.

    A goal in place j of a random order costs ``min(j - 1, N)`` episodes; the places are equally likely.
    Against the uniform prior i episodes test at most i goals, so the task is still unknown after them with
    probability at least ``1 - i / K``; an episode that does not end in the goal costs 1.
    """
    count, episodes, place = sympy.symbols("K N j", integer=True, positive=True)
    early = summed(place - 1, (place, 1, episodes))
    order = (early + (count - episodes) * episodes) / count
    unknown = summed(1 - place / count, (place, 1, episodes))
    few = sympy.nsimplify(claim.few(count, episodes))
    yield vanishes("random order, N <= K", few - order)
    yield vanishes("uniform prior, N <= K", few - unknown)
    many = sympy.nsimplify(claim.many(count, episodes))
    yield vanishes("random order, N >= K", many - summed(place - 1, (place, 1, count)) / count)
    yield vanishes("uniform prior, N >= K", many - unknown.subs(episodes, count))


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, int]:
    process = draw(controllable_processes(max_states=4, extra_steps=1, noisy=True))
    return process, draw(st.integers(1, process.n_states + 1))


def _in_random_order(process: ControlledMarkovProcess, goals: np.ndarray, episodes: int) -> list[Fraction]:
    """Follow the learner that tries the goals in one of the K rotations of their order, drawn uniformly.

    In a uniformly random order, too, every goal is in every place equally often, which is all that matters.
    The episodes' terminal distributions are those of the goal-conditioned policies, evaluated exactly.
    """
    ends, count = exact_goal_ends(process, goals)[:, goals], len(goals)
    regrets = []
    for goal in range(count):
        total = Fraction(0)
        for shift in range(count):
            searching = Fraction(1)
            for episode in range(episodes):
                hit = ends[(shift + episode) % count][goal]
                total += searching * (1 - hit)
                searching *= 1 - hit
        regrets.append(total / count)
    return regrets


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Controllable processes: the prior forces the claimed regret, the random order has no more; tolerance
    zero."""

    def check(situation: tuple[ControlledMarkovProcess, int]) -> Trial:
        process, episodes = situation
        goals = np.flatnonzero(goal_support(process))
        value = claim.value(len(goals), episodes)
        proved = bayes_regret_at(process, goals.tolist(), claim.prior(len(goals)), episodes)
        attained = _in_random_order(process, goals, episodes)
        return all_hold(
            f"controllable process with {len(goals)} goals, N = {episodes}",
            f"claimed {value}, forced by the prior {proved}, random order {[str(r) for r in attained]}",
            forced_by_the_prior=proved == value,
            attained_by_random_order=max(attained) == value,
        )

    return context.examples(_situations(), check, name="T12 exact", most=2000)


def decomposition(claim: Claim, context: Context) -> Iterable[Trial]:
    """The memory solver on named processes: its bracket holds the claimed value, the claimed prior proves
    it."""
    named = ("line:5", 4), ("tree:0,0,1,1,2,2", 3), ("grid:3x3", 4)
    for specification, steps in named:
        process = make(specification).replaced(horizon=steps)
        tasks = GoalTasks.reachable(process)
        count = len(tasks.goals)
        for episodes in (1, count - 1, count, count + 3):
            solution = solve_memory(tasks, episodes)
            claimed = float(claim.value(count, episodes))
            prior = np.array([float(p) for p in claim.prior(count)])
            forced = solution.mixture_proof.game.respond(prior).lower
            slack = 1e-9 * max(1.0, claimed)
            margin = (
                min(claimed - solution.value.lower, solution.value.upper - claimed, forced - claimed) + slack
            )
            bracket = f"[{solution.value.lower}, {solution.value.upper}]"
            note = f"claimed {claimed}, bracket {bracket}, forced {forced}"
            yield Trial(
                f"{specification} T={steps}, N={episodes}", min(margin, slack - solution.value.gap), note
            )


def simulation(claim: Claim, context: Context) -> Iterable[Trial]:
    """The learner is run with random orders; its mean regret lies within a Hoeffding interval of level 1 -
    1e-6."""
    runs = 20_000
    for count, episodes in ((6, 4), (5, 9)):
        random = context.generator(f"T12 {count} {episodes}")
        goal = random.integers(0, count, runs)
        orders = random.permuted(np.tile(np.arange(count), (runs, 1)), axis=1)
        place = np.argmax(orders == goal[:, None], axis=1)
        mean = float(np.minimum(place, episodes).mean())
        half = min(count - 1, episodes) * float(np.sqrt(np.log(2 / 1e-6) / (2 * runs)))
        expected = float(claim.value(count, episodes))
        note = f"mean {mean:.4f} against {expected:.4f}, half-width {half:.4f}"
        yield Trial(f"{runs} runs, K = {count}, N = {episodes}", half - abs(mean - expected), note)


THEOREM = theorem(
    uid="T12",
    title="Memory: search without replacement",
    statement=(
        r"\min_{f\ \text{with memory}}\max_p\mathrm{Reg}_O=\begin{cases}N-\dfrac{N(N+1)}{2K}&N\le K\\[1ex]"
        r"\dfrac{K-1}{2}&N\ge K\end{cases}\qquad p^*=\bigl(\tfrac1K,\dots,\tfrac1K\bigr)"
    ),
    kind="extension",
    source="extension by this project",
    claim=Claim(),
    methods=(
        method(
            "two sums",
            "symbolic",
            symbolic,
            general="all K and N",
            prose="that i episodes end in the goal with probability at most i / K against the uniform "
            "prior, because "
            "an episode ends in one state; that in a random order every goal is in every place equally often",
        ),
        method("recursion and random order, rational", "exact", exact),
        method("memory solver, bracketed", "optimisation", decomposition, "HiGHS"),
        method("random orders, simulated", "simulation", simulation),
    ),
    planted={
        "with replacement": Claim(many=lambda count, episodes: count - 1),
        "off by one in N": Claim(few=lambda count, n: n - n * (n - 1) * Fraction(1, 2) / count),
        "K + 1 for K - 1": Claim(many=lambda count, episodes: (count + 1) * Fraction(1, 2)),
        "dropped factor 1/2": Claim(few=lambda count, n: n - n * (n + 1) * Fraction(1) / count),
        "skewed prior": Claim(
            prior=lambda count: [Fraction(2 * (i + 1), count * (count + 1)) for i in range(count)]
        ),
    },
    assumptions=(CONTROLLABLE,),
    uses=("T04", "T14"),
    expected="proved",
    certificate=lambda: solved("line:5,start=2", 4, learner="memory", episodes=5),
)
