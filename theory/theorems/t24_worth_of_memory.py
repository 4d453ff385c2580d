r"""T24, what memory is worth: a factor of two, and with noise at most ``(1 + v_max) / v_min``.

Statement
---------
Deterministic dynamics, one first state, covering numbers ``tau*`` (fractional) and ``tau`` (integral) as
in T23, ``m = floor(tau*)``, ``N >= tau`` episodes. The minimax regret ``V`` of learners with memory
satisfies

    (tau* - 1)/2  <=  m - m (m + 1)/(2 tau*)  <=  V  <=  min(tau* - 1, (tau - 1)/2),

so that memory is worth at most a factor of two over T23; without randomisation the value is ``tau - 1``.

Any dynamics, ``N = inf``: let ``R`` be the minimax regret of memoryless learners and ``w`` dual weights
of T4's linear program, ``max_{rho in M} w . rho = 1`` and ``w . v* = 1 + R``. Then

    V  >=  sum_{i >= 0} max(0, R - i v_max) / sum_g w_g   >=   R v_min / (1 + v_max),

so that memory is worth at most ``(1 + v_max) / v_min``; where all ``v*`` are equal the middle term is the
bound above with ``v*`` for one, and the factor ``1 + 1/v*`` is attained (C11).

Why: with ``p`` proportional to ``w`` an episode finds at most ``1 / sum w`` of the mass. On the way to
finding the goal, task ``g`` loses ``v_g P(not found) - P(found now)`` an episode; summed over ``w`` the
first part starts at ``1 + R`` and falls by at most ``v_max`` an episode, the second is at most one. Upper
bounds: covers drawn anew in every episode, or a smallest cover in random order.

Equality with the middle term: wherever ``tau* = tau``, and on every set system of at most four goals; not in
general (C10). Dropped: sure reachability, C11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from math import floor
from typing import Any

import numpy as np
import sympy

from metaregret.tabular.environments.attempts import attempts
from metaregret.tabular.environments.cover import cover
from metaregret.tabular.environments.spread import spread
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes, set_systems
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import Context, Trial, all_hold, method, summed, theorem, vanishes
from metaregret.theory.claims.oracles import order_game
from metaregret.theory.covers import SetSystem, fractional_numbers, search_value, smallest_cover
from metaregret.theory.minimax.exact.successes import AchievableSuccess
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks

HALF = Fraction(1, 2)
FANO = ((0, 1, 2), (0, 3, 4), (0, 5, 6), (1, 3, 5), (1, 4, 6), (2, 3, 6), (2, 4, 5))
PLANES = tuple(tuple(x - 1 for x in range(1, 8) if (x & h).bit_count() % 2) for h in range(1, 8))
"""Complements of the hyperplanes of F_2^3, on its seven points other than zero."""
KNOWN = {
    FANO: Fraction(6, 7),
    PLANES: Fraction(4, 7),
    ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0)): Fraction(4, 5),
}


def _middle(tau: Any, m: Any) -> Any:
    return m - m * (m + 1) * HALF / tau


def _noisy(regret: Fraction, weight: Fraction, largest: Fraction) -> Fraction:
    steps = range(floor(regret / largest) + 1)
    return sum((regret - i * largest for i in steps), Fraction(0)) / weight


@dataclass(frozen=True)
class Claim:
    """The bounds: of ``tau*`` and ``m``, of ``tau*`` and ``tau``; the value without randomisation; with
    noise the
    bound from ``R``, ``sum w`` and ``v_max``, and the factor."""

    middle: Any = _middle
    crude: Any = lambda tau: (tau - 1) * HALF
    upper: Any = lambda tau, whole: min(tau - 1, (whole - 1) * HALF)
    certain: Any = lambda whole: whole - 1
    noisy: Any = _noisy
    factor: Any = lambda smallest, largest: (1 + largest) / smallest


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The sums behind the bounds, for symbolic sizes; with sure goals the noisy bound is the middle term."""
    tau, m, f, j = sympy.symbols("tau m f j", positive=True)
    found = summed(1 - j / tau, (j, 1, m))
    yield vanishes("i episodes find at most i/tau*", sympy.nsimplify(claim.middle(tau, m)) - found)
    whole = m + f
    above = sympy.nsimplify(claim.middle(whole, m)) - sympy.nsimplify(claim.crude(whole))
    yield vanishes("middle term over half of T23", above - f * (1 - f) / (2 * whole))
    places = summed(j - 1, (j, 1, m)) / m
    yield vanishes("smallest cover in random order", places - (m - 1) / 2)
    ratio = m + f  # R / v_max, with m = floor
    falling = summed(ratio - j, (j, 0, m))
    yield vanishes("falling terms over a triangle", falling - ratio * (ratio + 1) / 2 - f * (1 - f) / 2)
    for count in range(1, 5):
        for part in (Fraction(0), Fraction(1, 3), Fraction(5, 7)):
            star = count + part
            both = claim.noisy(star - 1, star, Fraction(1)), claim.middle(star, Fraction(count))
            yield all_hold(f"sure goals, tau* = {star}", f"{both}", same=both[0] == both[1])


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Random set systems, searched exactly by subsets of the goals covered; tolerance zero."""

    def check(sets: list[list[int]]) -> Trial:
        return _between(claim, SetSystem.of(sets))

    yield from context.examples(set_systems(max_goals=6), check, name="T24 exact", most=3000)
    for sets, value in KNOWN.items():
        yield _between(claim, SetSystem.of(sets), value)


def _between(claim: Claim, system: SetSystem, known: Fraction | None = None) -> Trial:
    tau, _, _ = fractional_numbers(system)
    whole = len(smallest_cover(system))
    values = [search_value(system, episodes).value for episodes in (whole, None)]
    low, high = claim.middle(tau, floor(tau)), claim.upper(tau, whole)
    return all_hold(
        f"sets {system.sets}",
        f"tau* {tau}, tau {whole}, claimed {low} to {high}, values {[str(v) for v in values]}",
        half_below_the_middle=claim.crude(tau) <= low,
        between=all(low <= value <= high for value in values),
        equal_where_the_numbers_are=tau != whole or low == high == values[0],
        as_known=known is None or values[1] == known,
    )


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """Every set system of up to four goals, up to renaming, against the game over all sequences of its
    sets."""
    for count in (2, 3, 4):
        for masks in _families(count):
            system = SetSystem(count, masks)
            tau, whole = fractional_numbers(system)[0], len(smallest_cover(system))
            value, certain = order_game(system.sets, count)
            yield all_hold(
                f"sets {system.sets}",
                f"tau* {tau}, tau {whole}, all sequences {value}, one sequence {certain}",
                middle_term=value == claim.middle(tau, floor(tau)),
                below=value <= claim.upper(tau, whole),
                without_randomisation=certain == claim.certain(whole),
            )


def _families(count: int) -> Iterator[tuple[int, ...]]:
    """All families of sets that cover the goals, none inside another, one of each shape."""
    full, seen = (1 << count) - 1, set()
    names = [
        [sum(1 << order[g] for g in range(count) if mask >> g & 1) for mask in range(full + 1)]
        for order in permutations(range(count))
    ]

    def grow(first: int, chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        union = 0
        for mask in chosen:
            union |= mask
        shape = min(tuple(sorted(name[mask] for mask in chosen)) for name in names)
        if union == full and shape not in seen:
            seen.add(shape)
            yield shape
        for mask in range(first, full + 1):
            if not any(mask & other in (mask, other) for other in chosen):
                yield from grow(mask + 1, (*chosen, mask))

    return grow(1, ())


def decomposition(claim: Claim, context: Context) -> Iterable[Trial]:
    """The memory solver on set systems as processes: its bracket meets the bounds, and holds the known
    values."""
    for sets, known in KNOWN.items():
        system = SetSystem.of(sets)
        tau, whole = fractional_numbers(system)[0], len(smallest_cover(system))
        value = solve_memory(GoalTasks.reachable(cover(sets), Detection.VISIT), None).value
        low, high = float(claim.middle(tau, floor(tau))), float(claim.upper(tau, whole))
        margin = min(value.upper - low, high - value.lower, value.upper - known, known - value.lower)
        note = f"claimed {low} to {high}, known {known}, bracket [{value.lower}, {value.upper}]"
        yield Trial(f"sets {sets}", float(min(margin, 1e-8 - value.gap)) + 1e-9, note)


def noise(claim: Claim, context: Context) -> Iterable[Trial]:
    """Random dynamics: memory over infinitely many episodes against memoryless learners, both exact."""

    def check(process: ControlledMarkovProcess) -> Trial | None:
        for detect in Detection:
            tasks = GoalTasks.reachable(process, detect)
            kept = [int(g) for g in tasks.goals if not (detect is Detection.VISIT and process.initial[g])]
            if len(kept) < 2:
                return None
            trial = _noise(claim, GoalTasks(process, np.array(kept), detect))
            if trial.margin < 0:
                return trial
        return trial

    random = processes(min_states=3, max_states=4, max_steps=2, geometric=False, random_start=False)
    yield from context.examples(random, check, name="T24 noise", most=1500)
    for process in (
        *(spread(count) for count in (3, 4)),
        attempts((1, Fraction(1, 5))),
        attempts((1, HALF, HALF / 2)),
    ):
        trial = check(process)
        if trial is not None:
            yield trial


def _noise(claim: Claim, tasks: GoalTasks) -> Trial:
    without = solve_without_memory(tasks, exact=True)
    regret, memory = without.value.exact, solve_memory(tasks, None, exact=True).value.exact
    assert regret is not None
    assert memory is not None
    optimum, prior = AchievableSuccess(success_tasks(tasks)).optimum()[0], without.exact_proof.prior
    weight = sum((1 + regret) * p / v for p, v in zip(prior, optimum, strict=True))
    low, factor = claim.noisy(regret, weight, max(optimum)), claim.factor(min(optimum), max(optimum))
    return all_hold(
        f"{tasks.process.name}, goals {list(tasks.names)} noticed at {tasks.detect.value}",
        f"memoryless {regret}, memory {memory}, claimed at least {low}, factor {factor}",
        bound_holds=low <= memory <= regret,
        factor_holds=regret <= factor * memory,
        spread_attains_both=not tasks.process.name.startswith("spread") or memory == low == regret / factor,
    )


THEOREM = theorem(
    uid="T24",
    title="Memory is worth at most a factor of two",
    statement=(
        r"\tfrac{\tau^*-1}2\le m-\tfrac{m(m+1)}{2\tau^*}\le V_{\text{memory}}\le\min\bigl(\tau^*-1,"
        r"\tfrac{\tau-1}2\bigr),\ m=\lfloor\tau^*\rfloor;\qquad\text{any dynamics: }"
        r"V_{\text{memory}}\ge\tfrac{v_{\min}}{1+v_{\max}}\,V_{\text{memoryless}}"
    ),
    kind="extension",
    source="extension by this project; min-sum set cover: Feige, Lovász and Tetali (2004); search value of a "
    "set: Fokkink, Kikuta and Ramsey (2017)",
    claim=Claim(),
    methods=(
        method(
            "sums",
            "symbolic",
            symbolic,
            general="all tau* and tau",
            prose="that i episodes find at most i/tau* of a packing; that a cover drawn anew, or in random "
            "order, is a learner; "
            "with random dynamics, the sum over goals of what an episode can lose",
        ),
        method("random set systems, rational", "exact", exact),
        method("all small set systems, all sequences", "enumeration", enumeration),
        method("memory solver, bracketed", "optimisation", decomposition, "HiGHS"),
        method("noisy processes, infinitely many episodes", "exact", noise, "HiGHS"),
    ),
    planted={
        "one episode more": Claim(middle=lambda tau, m: m - m * (m - 1) * HALF / tau),
        "tau* for m": Claim(middle=lambda tau, m: tau - (tau + 1) * HALF),
        "half of the fractional cover": Claim(upper=lambda tau, whole: (tau - 1) * HALF),
        "tau without randomisation": Claim(certain=lambda whole: whole),
        "no division by the weights": Claim(noisy=lambda regret, weight, v: _noisy(regret, Fraction(1), v)),
        "a factor of two with noise": Claim(factor=lambda smallest, largest: Fraction(2)),
        "v_max for v_min": Claim(factor=lambda smallest, largest: (1 + largest) / largest),
    },
    uses=("T12", "T23"),
    expected="proved",
    certificate=lambda: solved("line:5,start=2", 4, learner="memory", detect="visit", episodes=5),
)
