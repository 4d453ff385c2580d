r"""A19, coverage by policies: as good as that of the best distribution on average, not in the worst state.

Statement
---------
Some mixture of policies visits the states so that every policy meets, on average over its own visits, a ratio
of densities of at most the cumulative reachability: what the best distribution of states guarantees (A06),
whether a policy visits like that or not. For weights on the policies their own mixture does it.

Dropped: the average. In the worst state the least ratio is the linear program of T04, ``1 + Reg*``; it lies
between the cumulative reachability and the number of states, and no factor bounds it by the former: n actions
that each lead to a state of their own, with a probability that tends to zero, pay n times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import distributions
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, POINTS, SMALL, one_step, reach
from metaregret.theory.claims import Context, Trial, agreement, all_hold, method, published, vanishes
from metaregret.theory.information import channel_redundancy


@dataclass(frozen=True)
class Claim:
    """The average ratio that suffices, and is needed by `rare`, from the best probabilities of the states."""

    average: Any = sum


def rare(count: int, share: Fraction) -> list[list[Fraction]]:
    """Return one outcome per action: a state of its own with probability `share`, else the common one."""
    return [[1 - share, *(share * int(s == a) for s in range(count))] for a in range(count)]


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Ratios to the mixture of the policies themselves average to ``sum_s v_s`` less a non-negative rest."""
    for count in (2, 3):
        w, d = (sympy.symbols(f"{name}1:{count + 1}", positive=True) for name in "wd")  # of one state
        v, mixed = sympy.Symbol("v", positive=True), sum(a * b for a, b in zip(w, d, strict=True))
        average = sum(a * b * b for a, b in zip(w, d, strict=True)) / mixed
        rest = sum(a * b * (v - b) for a, b in zip(w, d, strict=True)) / mixed
        yield vanishes(f"{count} policies, one state", claim.average([v]) - rest - average)
        values = sympy.symbols(f"v1:{count + 1}", positive=True)
        yield vanishes(f"{count} states", claim.average(values) - sum(values))


WEIGHTED = POINTS.flatmap(
    lambda points: distributions(len(points), positive=True).map(lambda weights: (points, weights))
)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Outcome sets with weights: the average ratio to their own mixture; and the rare states, which need
    it."""
    for count, share in ((2, Fraction(1, 3)), (3, Fraction(1, 5)), (5, Fraction(1, 2))):
        found = _average(rare(count, share), [Fraction(1, count)] * count)
        claimed = claim.average([1 - share] + [share] * count)
        yield all_hold(f"{count} rare states", f"{found} and {claimed}", needed=found == claimed)

    def check(drawn: Any) -> Trial:
        points, weights = drawn
        best = [max(column) for column in zip(*points, strict=True) if max(column)]
        found, claimed = _average(points, weights), claim.average(best)
        return all_hold(f"{points}, weights {weights}", f"{found} and {claimed}", suffices=found <= claimed)

    yield from context.examples(WEIGHTED, check, name="A19 exact", share=3, most=MOST)


def _average(points: list[list[Fraction]], weights: list[Fraction]) -> Fraction:
    mixture = replay.mixed([tuple(point) for point in points], weights)
    return sum(
        (
            w * p * p / m
            for w, x in zip(weights, points, strict=True)
            for p, m in zip(x, mixture, strict=True)
            if p
        ),
        Fraction(0),
    )


def optimisation(claim: Claim, context: Context) -> Iterable[Trial]:
    """The least worst average ratio is ``exp`` of the redundancy of order two, bracketed on processes."""
    rows = np.array(rare(3, Fraction(1, 5)), dtype=float)
    value = channel_redundancy(rows, 2).value
    claimed = float(claim.average([Fraction(4, 5)] + [Fraction(1, 5)] * 3))
    yield agreement("three rare states", float(np.exp(value.midpoint)), claimed, 1e-5)

    def check(process: ControlledMarkovProcess) -> Trial:
        points, _, values = reach(process)
        found = channel_redundancy(np.array(points, dtype=float), 2).value
        within = found.lower <= np.log(float(claim.average(values))) + 1e-9
        return all_hold(f"{process.name}, {values}", f"{found}", suffices=bool(within))

    yield from context.examples(SMALL, check, name="A19 optimisation", most=20)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: weights of the states show that every mixture of policies has some ratio above twice the
    sum."""
    points, optimum = replay.achieved(witness)
    if min(optimum) <= 0:
        return None
    least, total = replay.least_ratio(points, replay.distribution(witness["weights"])), sum(optimum)
    if not least > 2 * total:
        return None
    return {
        "largest visit probabilities": [str(v) for v in optimum],
        "their sum": str(total),
        "least worst ratio of a mixture of policies, at least": str(least),
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Rare states: few, and not rarer than need be."""
    for count in (2, 3, 4):
        for n in range(2, 8):
            yield {
                "process": one_step(rare(count, Fraction(1, n))),
                "weights": ["0", *[str(Fraction(1, count))] * count],
            }


PUBLISHED = published(
    uid="A19",
    title="A mixture of policies covers as well as the best distribution of states, on average",
    statement=r"\min_{\mu\in M}\max_\pi\sum_s\frac{d^\pi(s)^2}{\mu(s)}\le\sum_s\max_\pi d^\pi(s)",
    source="in the spirit of P. Amortila, D. J. Foster & A. Krishnamurthy, Scalable online exploration via "
    "coverability, ICML 2024, arXiv:2403.06571",
    finite="The final state of a finite horizon, a known model, ratios of densities as they are; the paper's "
    "objective has a floor under the denominator, and its sample complexity is not judged.",
    needs="the average over the visits of the policy; the worst state has the price of T04",
    verdict="proved",
    claim=Claim(),
    methods=(
        method(
            "own mixture",
            "symbolic",
            symbolic,
            general="all numbers of policies and states",
            prose="the average is linear in weights of policies and convex in the mixture, so the order of "
            "minimum and maximum does not matter; for given weights their own mixture is a candidate",
        ),
        method("rational weights", "exact", exact),
        method("redundancy of order two", "optimisation", optimisation, "Clarabel", "SCS"),
    ),
    planted={
        "number of states": Claim(len),
        "squares": Claim(lambda values: sum(v**2 for v in values)),
        "reachability of the first state": Claim(lambda values: values[0]),
    },
    fails=(
        "In the worst state a mixture of policies is within a factor of two",
        r"\min_{\mu\in M}\max_{\pi,s}\frac{d^\pi(s)}{\mu(s)}\le2\sum_s\max_\pi d^\pi(s)",
    ),
    drops="the average",
    fails_source="extension by this project",
    refute=refute,
    search=search,
)
