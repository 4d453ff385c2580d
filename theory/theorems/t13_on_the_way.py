r"""T13, goals noticed on the way: uniform is in general not least favourable.

Statement
---------
On a line of 5 states, started in the middle, with visits noticed (``T = 4``, ``N = 5``), the minimax regret
of learners with memory is 1/2 and the only least-favourable task distribution is ``(1/2, 0, -, 0, 1/2)``
(the start itself is always visited and is no task). In general, if every path to ``g`` visits ``h`` first
and both can be reached with certainty, moving the mass of ``h`` to ``g`` does not lower the regret that a
prior forces: some least-favourable distribution puts no mass on ``h``.

Memory is not what moves the mass: learners without it, too, find in passing what lies on the way (C03).
Dropped: if ``g`` is reached with probability 1/4 only, a goal on its way can be the harder one to leave out.

Why: a learner for the moved prior can pretend, on task ``h``, not to have noticed ``h`` until it reaches
``g``; so on ``h`` it does no worse than on ``g``. This answers an open question of the source for learners
with memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.environments.line import line
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import controllable_processes, distributions
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import FINITE_HORIZON, Context, Trial, all_hold, method, theorem
from metaregret.theory.claims.oracles import bayes_learner, bayes_regret_at
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.tasks import Detection, GoalTasks

GOALS = (0, 1, 3, 4)
STEPS, EPISODES = 4, 5
Prior = list[Fraction]


def _moved(prior: Prior, passed: int, reached: int) -> Prior:
    result = list(prior)
    result[reached] += result[passed]
    result[passed] = Fraction(0)
    return result


@dataclass(frozen=True)
class Claim:
    """``value`` and ``prior`` on the line; ``move(prior, h, g)`` gives a prior that forces at least as
    much."""

    value: Fraction = Fraction(1, 2)
    prior: tuple[Fraction, ...] = (Fraction(1, 2), Fraction(0), Fraction(0), Fraction(1, 2))
    move: Any = _moved


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """The line: the prior forces the value, and half of a left-first and of a right-first learner attains
    it."""
    process = line(5, start=2, horizon=STEPS)
    forced = bayes_regret_at(process, GOALS, claim.prior, EPISODES, Detection.VISIT)
    losses = []
    for left in (Fraction(2, 3), Fraction(1, 3)):  # best responses to priors that lean to one side
        prior = [left, Fraction(0), Fraction(0), 1 - left]
        optimum, returns = bayes_learner(process, GOALS, prior, EPISODES, Detection.VISIT)
        losses.append([EPISODES * v - r for v, r in zip(optimum, returns, strict=True)])
    mixed = [(a + b) / 2 for a, b in zip(*losses, strict=True)]
    yield all_hold(
        f"line of 5, T = {STEPS}, N = {EPISODES}",
        f"claimed {claim.value}, forced by the prior {forced}, mixture {[str(x) for x in mixed]}",
        forced_by_the_prior=forced == claim.value,
        attained_by_a_mixture=max(mixed) == claim.value,
    )


def _visited_sets() -> list[frozenset[int]]:
    """The sets of goals that one episode on the line can visit; those inside another are dropped."""
    found = set()
    for moves in product((-1, 0, 1), repeat=STEPS):
        place, seen = 2, set()
        for move in moves:
            place = min(4, max(0, place + move))
            seen.add(place)
        found.add(frozenset(GOALS.index(s) for s in seen if s != 2))
    return [one for one in found if not any(one < other for other in found)]


def _priors(denominator: int) -> Iterator[Prior]:
    for a, b, c in product(range(denominator + 1), repeat=3):
        if a + b + c <= denominator:
            yield [Fraction(x, denominator) for x in (a, b, c, denominator - a - b - c)]


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """Every learner against every prior with denominator 8: no other prior forces as much as the claimed one.

    Until the goal is noticed a learner on a deterministic process sees nothing new, so it is a sequence of
    paths; a goal costs the number of episodes before the first that visits it.
    Two of the visited sets contain all others, so no plan beats all of those below.
    """
    sets = _visited_sets()
    losses = set()
    for plan in product(sets, repeat=3):
        first = [next((i for i, seen in enumerate(plan) if g in seen), None) for g in range(4)]
        if None not in first:
            losses.add(tuple(x for x in first if x is not None))
    assert losses
    for prior in _priors(8):
        forced = min(sum((p * x for p, x in zip(prior, loss, strict=True)), Fraction(0)) for loss in losses)
        least_favourable = tuple(prior) == claim.prior
        yield all_hold(
            f"prior {[str(p) for p in prior]}",
            f"forces {forced}, claimed value {claim.value}, claimed least favourable: {least_favourable}",
            forces_the_value_if_claimed=(forced == claim.value) == least_favourable,
            never_more=forced <= claim.value,
        )


def decomposition(claim: Claim, context: Context) -> Iterable[Trial]:
    """The memory solver finds the value and the claimed prior on the line."""
    process = line(5, start=2, horizon=STEPS)
    solution = solve_memory(GoalTasks(process, np.array(GOALS), Detection.VISIT), EPISODES)
    value, prior = float(claim.value), np.array([float(p) for p in claim.prior])
    off = float(np.abs(solution.least_favourable - prior).max())
    margin = min(value - solution.value.lower, solution.value.upper - value) + 1e-9
    margin = min(margin, 1e-9 - solution.value.gap, 1e-6 - off)
    note = f"bracket [{solution.value.lower}, {solution.value.upper}], prior {solution.least_favourable}"
    yield Trial("line of 5", margin, note)


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, Prior, int]:
    process = draw(controllable_processes(min_states=3, max_states=4, extra_steps=0))
    return process, draw(distributions(process.n_states - 1, largest=3)), draw(st.integers(1, 3))


def _passed_on_the_way(process: ControlledMarkovProcess) -> list[tuple[int, int]]:
    """Pairs of goal positions ``(h, g)`` such that every path from the start to ``g`` visits ``h``."""
    pairs = []
    for gate in range(1, process.n_states):
        reached, frontier = {0}, [0]
        while frontier:
            state = frontier.pop()
            following = {int(process.successors[int(process.offsets[c])]) for c in process.choices(state)}
            frontier += sorted(following - reached - {gate})
            reached |= following - {gate}
        pairs += [(gate - 1, goal - 1) for goal in range(1, process.n_states) if goal not in {*reached, gate}]
    return pairs


def dominance(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated controllable processes: moving mass from ``h`` to ``g`` never lowers the forced regret;
    tolerance zero."""

    def check(situation: tuple[ControlledMarkovProcess, Prior, int]) -> Trial | None:
        process, prior, episodes = situation
        pairs = [pair for pair in _passed_on_the_way(process) if prior[pair[0]]]
        goals = list(range(1, process.n_states))
        return _gains(claim, process, goals, prior, pairs, episodes) if pairs else None

    inner_then_outer = [(1, 0), (2, 3)]  # positions in GOALS
    uniform = [Fraction(1, 4)] * 4
    yield _gains(claim, line(5, start=2, horizon=STEPS), list(GOALS), uniform, inner_then_outer, 2)
    yield from context.examples(_situations(), check, name="T13 dominance", share=2, most=3000)


def _gains(
    claim: Claim,
    process: ControlledMarkovProcess,
    goals: list[int],
    prior: Prior,
    pairs: list[tuple[int, int]],
    episodes: int,
) -> Trial:
    """How much more regret is forced after moving mass along each of the pairs ``(h, g)``, exactly."""
    before = bayes_regret_at(process, goals, prior, episodes, Detection.VISIT)
    gains = [
        bayes_regret_at(process, goals, claim.move(prior, *pair), episodes, Detection.VISIT) - before
        for pair in pairs
    ]
    note = f"prior {[str(p) for p in prior]} forces {before}, moved {[str(x) for x in gains]} more"
    return Trial(f"{process.name} with {len(goals)} goals, N = {episodes}", float(min(gains)), note)


THEOREM = theorem(
    uid="T13",
    title="Goals noticed on the way",
    statement=(
        r"\text{line of 5, }T=4,\ N=5:\ \min_f\max_p\mathrm{Reg}_O=\tfrac12,\ "
        r"p^*=(\tfrac12,0,-,0,\tfrac12)\text{ only (the start is no task)};\qquad "
        r"h\text{ on every path to }g,\ v^*_h=v^*_g=1\Rightarrow p^*_h=0\text{ for some } p^*"
    ),
    kind="extension",
    source="extension by this project; an open question of arXiv 1806.04640",
    claim=Claim(),
    methods=(
        method("prior and mixture on the line, rational", "exact", exact),
        method("all learners and priors on the line", "enumeration", enumeration),
        method("memory solver, bracketed", "optimisation", decomposition, "HiGHS"),
        method("moving mass on generated processes", "exact", dominance),
    ),
    planted={
        "value of T12": Claim(value=Fraction(3, 2)),
        "value at the uniform prior": Claim(value=Fraction(1, 4)),
        "uniform prior": Claim(prior=(Fraction(1, 4),) * 4),
        "mass on the inner goals": Claim(prior=(Fraction(0), Fraction(1, 2), Fraction(1, 2), Fraction(0))),
        "mass moved to the goal in passing": Claim(move=lambda prior, h, g: _moved(prior, g, h)),
    },
    assumptions=(FINITE_HORIZON,),
    uses=("T12",),
    certificate=lambda: solved("line:5,start=2", 4, learner="memory", detect="visit", episodes=5),
)
