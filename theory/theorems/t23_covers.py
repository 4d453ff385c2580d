r"""T23, covers: without memory the price of not knowing the goal is a fractional covering number.

Statement
---------
Let the dynamics be deterministic with one first state. An episode's path finds a set of goals; ``tau*`` is
the fractional covering number of the goals by these sets, which is also their fractional packing number. The
minimax regret of memoryless learners over ``N`` episodes is ``(1 - (1 - 1/tau*)**N) (tau* - 1)``, at ``N =
inf`` it is ``tau* - 1``. An optimal fractional cover, divided by ``tau*``, is a minimax exploration; the
least-favourable task distributions are exactly the optimal fractional packings divided by ``tau*``, the same
for every ``N``.

Why: against a packing ``w`` an episode finds the goal with probability at most ``1/tau*``, and the loss
is convex and decreasing in that probability. A distribution on which some path collects more than
``1/tau*`` forces less, since mixing a little of that path into the cover lowers its loss.

Noticed at the end, the sets are single goals, ``tau* = K`` and the only packing is uniform (T04). Dropped:
with random dynamics the linear program of T04 takes the place of the covering number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.environments import make
from metaregret.tabular.environments.cover import cover
from metaregret.tabular.strategies import deterministic_processes, distributions, set_systems
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import (
    DETERMINISTIC,
    SINGLE_START,
    Context,
    Trial,
    all_hold,
    method,
    simplified,
    summed,
    theorem,
    vanishes,
)
from metaregret.theory.claims.oracles import path_sets
from metaregret.theory.covers import SetSystem, fractional_cover, fractional_numbers, smallest_cover
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import Detection, GoalTasks

EPISODES = (1, 2, 5)


def _fractional(system: SetSystem) -> Fraction:
    return fractional_numbers(system)[0]


@dataclass(frozen=True)
class Claim:
    """The covering number that counts, the value that it gives (``N = None``: infinitely many), and the
    prior."""

    number: Any = _fractional
    value: Any = lambda tau, n: (tau - 1) * (1 if n is None else 1 - (1 - 1 / tau) ** n)
    prior: Any = lambda packing, tau: [w / tau for w in packing]


def _loss(found: Fraction, episodes: int | None) -> Fraction | float:
    """The regret of exploring with probability `found` of success (T01, ``v = 1``)."""
    if episodes is None:
        return 1 / found - 1 if found else float("inf")
    return sum(((1 - found) ** i for i in range(1, episodes + 1)), Fraction(0))


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The loss at success probability ``1/tau``, and the tangents that make it convex, for symbolic tau and
    N."""
    tau, x = sympy.symbols("tau x", positive=True)
    n, i = sympy.symbols("N i", integer=True, positive=True)
    geometric = summed((1 - 1 / tau) ** i, (i, 1, n))
    yield vanishes("loss of a cover, N episodes", simplified(geometric) - claim.value(tau, n))
    yield vanishes("loss of a cover, N = inf", tau - 1 - claim.value(tau, None))
    yield vanishes(
        "1/x above its tangent by a square", 1 / x - (2 * tau - tau**2 * x) - (1 - tau * x) ** 2 / x
    )
    power = (1 - x) ** i
    yield vanishes("powers are convex", sympy.diff(power, x, 2) - i * (i - 1) * power / (1 - x) ** 2)


@once
@st.composite
def _situations(draw: st.DrawFn) -> tuple[list[list[int]], list[Fraction]]:
    sets = draw(set_systems())
    return sets, draw(distributions(1 + max(map(max, sets)), largest=3))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Random set systems: the cover has the claimed loss on its worst goal, every set collects 1/tau of
    the prior.

    A random prior is least favourable if and only if it is a packing: otherwise an exploration with a smaller
    loss is exhibited.
    """

    def check(situation: tuple[list[list[int]], list[Fraction]]) -> Trial:
        sets, other = situation
        system = SetSystem.of(sets)
        tau = Fraction(claim.number(system))
        value, packing, weights = fractional_numbers(system)
        explored = [
            sum((x for x, mask in zip(weights, system.masks, strict=True) if mask >> g & 1), Fraction(0))
            / value
            for g in range(system.count)
        ]
        prior = claim.prior(packing, tau)
        return all_hold(
            f"sets {system.sets}",
            f"tau* {value}, claimed {tau}, explored {[str(x) for x in explored]}, prior "
            f"{[str(p) for p in prior]}",
            value_attained=all(
                max(_loss(x, n) for x in explored) == claim.value(tau, n) for n in (*EPISODES, None)
            ),
            prior_is_a_distribution=sum(prior) == 1 and min(prior) >= 0,
            prior_forces_it=_most_collected(system, prior) <= 1 / tau,
            only_packings=_is_packing(system, other, tau)
            or _forces_less(claim, system, explored, other, tau),
        )

    return context.examples(_situations(), check, name="T23 exact", most=4000)


def _most_collected(system: SetSystem, prior: list[Fraction]) -> Fraction:
    return max(sum((p for g, p in enumerate(prior) if mask >> g & 1), Fraction(0)) for mask in system.masks)


def _is_packing(system: SetSystem, prior: list[Fraction], tau: Fraction) -> bool:
    return _most_collected(system, prior) <= 1 / tau


def _forces_less(
    claim: Claim, system: SetSystem, explored: list[Fraction], prior: list[Fraction], tau: Fraction
) -> bool:
    """Whether some exploration, a little of one path mixed into a cover, loses less on average than the
    value."""
    for episodes in (1, 3):
        better = False
        for exponent in range(1, 30):
            step = Fraction(1, 2**exponent)
            for mask in system.masks:
                mixed = [(1 - step) * x + step * (mask >> g & 1) for g, x in enumerate(explored)]
                loss = sum(p * _loss(x, episodes) for p, x in zip(prior, mixed, strict=True))
                better |= loss < claim.value(tau, episodes)
            if better:
                break
        if not better:
            return False
    return True


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """Deterministic processes: the planner's cover against all paths listed; tolerance zero."""

    def check(process: Any) -> Trial | None:
        tasks = GoalTasks.reachable(process, Detection.VISIT)
        listed = path_sets(process, tasks.goals.tolist())
        tau, found = Fraction(claim.number(SetSystem.of(listed))), fractional_cover(tasks)
        most = max(sum((found.packing[g] for g in one), Fraction(0)) for one in listed)
        return all_hold(
            f"process with {len(tasks.goals)} goals, T = {process.horizon.steps}",
            f"planner {found.value}, all paths {tau}",
            same_number=found.value == tau,
            packing_holds_on_every_path=most <= 1,
            paths_exist=all(any(set(path.goals) <= set(one) for one in listed) for path in found.paths),
        )

    yield from context.examples(deterministic_processes(max_states=4), check, name="T23 paths", most=600)
    for specification, steps in (
        ("line:5,start=2", 4),
        ("tree:0,0,1,1,2,2", 4),
        ("grid:3x3", 4),
        ("ring:5", 2),
    ):
        trial = check(make(specification).replaced(horizon=steps))
        if trial is not None:
            yield trial


def optimisation(claim: Claim, context: Context) -> Iterable[Trial]:
    """The memoryless solver on set systems as processes: its bracket holds the claimed value."""
    fano = [[0, 1, 2], [0, 3, 4], [0, 5, 6], [1, 3, 5], [1, 4, 6], [2, 3, 6], [2, 4, 5]]
    for sets in (fano, [[0, 1], [1, 2], [2, 3], [3, 4], [4, 0]], [[0, 1, 2], [2, 3], [0, 3]]):
        tasks = GoalTasks.reachable(cover(sets), Detection.VISIT)
        tau = Fraction(claim.number(SetSystem.of(sets)))
        for episodes in (None, 1, 4):
            solution = solve_without_memory(tasks, episodes=episodes)
            claimed = float(claim.value(tau, episodes))
            margin = min(claimed - solution.value.lower, solution.value.upper - claimed) + 1e-9
            note = f"claimed {claimed}, bracket [{solution.value.lower}, {solution.value.upper}]"
            yield Trial(f"sets {sets}, N = {episodes}", min(margin, 1e-8 - solution.value.gap), note)


def _uniform(packing: Any, tau: Any) -> list[Fraction]:
    return [Fraction(1, len(packing))] * len(packing)


THEOREM = theorem(
    uid="T23",
    title="Without memory: a fractional covering number",
    statement=(
        r"\min_{f\ \text{memoryless}}\max_p\mathrm{Reg}_O=\bigl(1-(1-1/\tau^*)^N\bigr)(\tau^*-1),\qquad "
        r"p^*\text{ least favourable}\iff p^*=w/\tau^*,\ w\text{ an optimal fractional packing}"
    ),
    kind="extension",
    source="extension by this project; covers and packings: Lovász, On the ratio of optimal integral and "
    "fractional covers (1975)",
    claim=Claim(),
    methods=(
        method(
            "sums and tangents",
            "symbolic",
            symbolic,
            general="all tau* and N",
            prose="that an episode finds at most 1/tau* of a packing, and a cover every goal that often "
            "(linear-programming "
            "duality); that the loss is convex and decreasing (T02); which distributions force less",
        ),
        method("random set systems, rational", "exact", exact),
        method("planner against all paths", "enumeration", enumeration),
        method("memoryless solver, bracketed", "optimisation", optimisation, "HiGHS"),
    ),
    planted={
        "integral for fractional covers": Claim(number=lambda system: Fraction(len(smallest_cover(system)))),
        "one episode short": Claim(
            value=lambda tau, n: (tau - 1) * (1 if n is None else 1 - (1 - 1 / tau) ** (n - 1))
        ),
        "tau* for tau* - 1": Claim(value=lambda tau, n: tau * (1 if n is None else 1 - (1 - 1 / tau) ** n)),
        "the value of T12": Claim(value=lambda tau, n: (tau - 1) / 2 if n is None else 1 - 1 / tau),
        "uniform prior": Claim(prior=_uniform),
        "number of goals": Claim(number=lambda system: Fraction(system.count)),
    },
    assumptions=(DETERMINISTIC, SINGLE_START),
    uses=("T01", "T04"),
    expected="proved",
    certificate=lambda: solved("line:5,start=2", 4, detect="visit"),
)
