r"""A06, coverability: equal to cumulative reachability for a free distribution, not for that of a policy.

Statement
---------
The least concentrability ``inf_mu max_pi max_s d^pi(s) / mu(s)`` over all distributions ``mu`` is the
cumulative reachability ``sum_s max_pi d^pi(s)``, attained by ``mu`` in proportion to ``max_pi d^pi``.

Dropped: the free distribution. If ``mu`` must be what some policy visits, the least is the price ``1 + Reg*``
of T04, and can be larger: in the witness, by a third.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import distributions
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, SMALL, game, one_step, reach
from metaregret.theory.claims import Context, Trial, all_hold, exact_agreement, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """Coverability from the largest visit probabilities of the states."""

    coverability: Any = sum


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """For symbolic reachabilities: at ``mu`` in proportion to ``v`` every ratio is the claimed value."""
    for count in (1, 2, 3, 4):
        values = sympy.symbols(f"v1:{count + 1}", positive=True)
        mu = [v / sum(values) for v in values]
        yield vanishes(f"{count} states", values[0] / mu[0] - claim.coverability(values))
        weighted = sum(m * v / x for m, v, x in zip(mu, values, mu, strict=True))
        yield vanishes(f"{count} states, averaged", weighted - claim.coverability(values))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated processes: the exact game between a free distribution and the states."""

    def check(process: ControlledMarkovProcess) -> Trial:
        _, goals, values = reach(process)
        value, _, _ = game(
            [[Fraction(int(a == b)) / v for b in goals] for a, v in zip(goals, values, strict=True)]
        )
        return exact_agreement(f"{process.name}, {values}", 1 / value, claim.coverability(values))

    return context.examples(SMALL, check, name="A06 exact", share=2, most=MOST)


WITH_REFERENCE = SMALL.flatmap(
    lambda process: distributions(process.n_states, positive=True).map(lambda mu: (process, mu))
)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """Every policy against distributions drawn freely: the worst ratio is never below the claimed value."""

    def check(drawn: Any) -> Trial:
        process, mu = drawn
        points, goals, values = reach(process)
        total = sum(mu[g] for g in goals)
        ratio = max(point[g] * total / mu[g] for point in points for g in goals)
        best = [v / sum(values) for v in values]
        attained = max(point[g] / b for point in points for g, b in zip(goals, best, strict=True))
        claimed = claim.coverability(values)
        return all_hold(
            f"{process.name}, mu = {mu}",
            f"{ratio} and {attained}",
            below=ratio >= claimed,
            attained=attained == claimed,
        )

    return context.examples(WITH_REFERENCE, check, name="A06 enumeration", most=MOST)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: weights of the states show that every policy's distribution has a larger worst ratio than the
    sum."""
    points, optimum = replay.achieved(witness)
    if min(optimum) <= 0:
        return None
    least, total = replay.least_ratio(points, replay.distribution(witness["weights"])), sum(optimum)
    if not least > total:
        return None
    return {
        "largest visit probabilities": [str(v) for v in optimum],
        "coverability": str(total),
        "with the distribution of a policy at least": str(least),
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Two actions over three states with small fractions."""
    for n in (2, 3):
        rows = [
            [Fraction(x, n), Fraction(y, n), Fraction(n - x - y, n)]
            for x in range(n + 1)
            for y in range(n + 1 - x)
        ]
        for i, a in enumerate(rows):
            for b in rows[:i]:
                document = one_step([a, b])
                points, optimum = replay.achieved({"process": document})
                if min(optimum) <= 0:
                    continue
                _, _, weights = game([[p[s] / optimum[s] for p in points] for s in range(3)])
                yield {"process": document, "weights": [str(w) for w in weights]}


PUBLISHED = published(
    uid="A06",
    title="Coverability is cumulative reachability",
    statement=r"\inf_\mu\max_{\pi,s}\frac{d^\pi(s)}{\mu(s)}=\sum_s\max_\pi d^\pi(s)",
    source="T. Xie, D. J. Foster, Y. Bai, N. Jiang & S. M. Kakade, The role of coverage in online "
    "reinforcement learning, ICLR 2023, arXiv:2210.04157",
    finite="One step of the horizon (the final one), states instead of state-action pairs; the paper "
    "takes the worst step.",
    needs="a free distribution: that of a policy can be worse (A06, its control; T04 gives its exact price)",
    kind="source",
    claim=Claim(),
    methods=(
        method("symbolic reachabilities", "symbolic", symbolic),
        method("exact games", "exact", exact),
        method("all policies", "enumeration", enumeration),
    ),
    planted={
        "number of states": Claim(len),
        "reachability of the first state": Claim(lambda values: values[0]),
        "squares": Claim(lambda values: sum(v**2 for v in values)),
    },
    fails=(
        "Some policy attains coverability",
        r"\min_{\mu\in M}\max_{\pi,s}\frac{d^\pi(s)}{\mu(s)}=\sum_s\max_\pi d^\pi(s)",
    ),
    fails_source="extension by this project",
    drops="the free distribution",
    refute=refute,
    search=search,
)
