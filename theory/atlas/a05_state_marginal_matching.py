r"""A05, state-marginal matching: the target that needs no knowledge of the task is not the uniform one.

Statement
---------
Matching a target distribution of states, uniform if nothing is known of the goal, is minimax for an unknown
goal where all goals are equally reachable and the target can be matched. The target that no distribution can
beat is ``v* / sum v*``: where it can be matched, its worst-case regret ``sum v* - 1`` is the least. Where a
target cannot be matched the distribution nearest to it need not be minimax, not even for equally reachable
goals: with the actions ``(1/2, 1/2, 0)`` and ``(1/3, 1/6, 1/2)`` it is not.

Dropped: equally reachable goals. With a uniform one, the coin of A04 loses twice as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, SMALL, game, one_step, reach
from metaregret.theory.claims import Context, Trial, all_hold, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """The target, from the best probabilities of the goals."""

    target: Any = lambda values: [v / sum(values) for v in values]


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """At the target all ratios are equal; averaging the ratios of any other by the target itself gives no
    less."""
    for count in (2, 3, 4):
        values = list(sympy.symbols(f"v1:{count + 1}", positive=True))
        target = claim.target(values)
        for g in range(count):
            yield vanishes(f"{count} goals, ratio {g}", values[g] / target[g] - sum(values))
    v, s, rho = sympy.symbols("v s rho", positive=True)
    tangent = 2 * s - s**2 / v * rho  # of v / rho at rho = v / s
    yield vanishes("tangent below by a square", v / rho - tangent - (v - s * rho) ** 2 / (v * rho))
    yield vanishes("tangents averaged by the target", (v / s) * tangent - (2 * v - s * rho))  # sums to 2s - s


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """On generated processes: the exact value of the game is at least that of the target, and equal if it is
    achieved."""

    def check(process: ControlledMarkovProcess) -> Trial | None:
        points, goals, values = reach(process)
        value, _, _ = game([[point[g] / v for point in points] for g, v in zip(goals, values, strict=True)])
        target = claim.target(values)
        ratio = max(v / t for v, t in zip(values, target, strict=True))
        achieved, _, _ = game(
            [[point[g] / t for point in points] for g, t in zip(goals, target, strict=True)]
        )
        return all_hold(
            f"{process.name}, v* = {[str(v) for v in values]}",
            f"game {1 / value}, target {ratio}, share of the target achieved {achieved}",
            no_less_than_the_target=1 / value >= ratio,
            minimax_where_achieved=achieved < 1 or 1 / value == ratio,
        )

    return context.examples(SMALL, check, name="A05 exact", share=2, most=MOST)


PAIRS = st.lists(st.integers(1, 6), min_size=2, max_size=2)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """Free distributions on a grid: none has a smaller worst ratio than the target."""

    def check(weights: list[int]) -> Trial:
        values = [Fraction(w, max(weights)) for w in weights]
        target = claim.target(values)
        ratio = max(v / t for v, t in zip(values, target, strict=True))
        total = sum(weights)
        grid = [(Fraction(k, total), Fraction(total - k, total)) for k in range(1, total)]
        least = min(max(v / p for v, p in zip(values, point, strict=True)) for point in grid)
        return all_hold(f"v* = {values}", f"grid {least}, target {ratio}", least=least == ratio)

    return context.examples(PAIRS, check, name="A05 enumeration", most=MOST)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: matching the uniform target exactly has more regret than matching another."""
    points, optimum = replay.achieved(witness)
    matched, other = (replay.mixed(points, replay.distribution(witness[key])) for key in ("uniform", "other"))
    if (
        len(set(matched)) != 1
        or min(other) <= 0
        or not replay.worst(optimum, other) < replay.worst(optimum, matched)
    ):
        return None
    return {
        "regret of the uniform target": str(replay.worst(optimum, matched)),
        "another target": [str(p) for p in other],
        "its regret": str(replay.worst(optimum, other)),
        "v* over its sum": [str(v / sum(optimum)) for v in optimum],
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """One sure state, one that needs a coin: match uniform, and match ``v* / sum v*``."""
    for n in range(2, 6):
        p = Fraction(1, n)
        found: dict[str, Any] = {"process": one_step([[1 - p, p], [Fraction(1), Fraction(0)]])}
        points, optimum = replay.achieved(found)
        for name, target in (("uniform", Fraction(1, 2)), ("other", optimum[1] / sum(optimum))):
            share = target / points[0][1]
            found[name] = [str(share), str(1 - share)]
        if all(replay.fraction(x) >= 0 for name in ("uniform", "other") for x in found[name]):
            yield found


PUBLISHED = published(
    uid="A05",
    title="Without prior knowledge, match the uniform distribution of states",
    statement=r"\text{goal unknown}\Rightarrow\text{the uniform target is minimax}",
    source="in the spirit of L. Lee, B. Eysenbach, E. Parisotto, E. Xing, S. Levine & R. Salakhutdinov, "
    "Efficient exploration via state marginal matching, 2019, arXiv:1906.05274",
    finite="The final state, a learner without memory, worst-case regret in episodes; the paper takes the "
    "uniform target as its default and proves no such optimality.",
    needs="equally reachable goals and a target that can be matched; for others the target v* / sum v*, if "
    "that can be matched",
    refuted=True,
    holds=(
        "The target in proportion to reachability is minimax where it can be matched",
        r"\frac{v^*}{\sum v^*}\in M\Rightarrow\min_{\rho\in M}\max_g\frac{v^*_g}{\rho_g}=\sum_g v^*_g",
    ),
    holds_source="T19 of this project",
    claim=Claim(),
    methods=(
        method("equal ratios", "symbolic", symbolic),
        method("exact games on processes", "exact", exact),
        method("grids of free distributions", "enumeration", enumeration),
    ),
    planted={
        "uniform": Claim(lambda values: [1 / Fraction(len(values)) for _ in values]),
        "in proportion to the square": Claim(
            lambda values: [v**2 / sum(w**2 for w in values) for v in values]
        ),
        "in inverse proportion": Claim(lambda values: [1 / v / sum(1 / w for w in values) for v in values]),
    },
    fails=(
        "The uniform target is minimax",
        r"\tfrac1K\in M\Rightarrow\tfrac1K\in\arg\min_{\rho\in M}\max_g\frac{v^*_g}{\rho_g}",
    ),
    drops="equally reachable goals",
    refute=refute,
    search=search,
)
