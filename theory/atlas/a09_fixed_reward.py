r"""A09, convex objectives: no fixed reward makes exactly the policies of largest entropy optimal.

Statement
---------
Where the distribution of largest entropy is a mixture of the ends of deterministic policies, and of no single
one, every reward that is fixed in advance has an optimal policy that is not of largest entropy: no reward
prefers a mixture to all of its parts.

Dropped: the change of the reward during learning (a game against a player of rewards), which the source
proposes. With a fixed one, two actions that end in two states refute the claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, POINTS, game, one_step
from metaregret.theory.claims import Context, Trial, exact_agreement, method, published


@dataclass(frozen=True)
class Claim:
    """By how much, at best, a reward prefers a mixture to each of its parts; from their number."""

    margin: Any = lambda count: Fraction(0)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """The exact game: a reward in the unit ball of the 1-norm against the parts of the mixture."""

    def check(points: list[list[Fraction]]) -> Trial:
        middle = replay.mixed([tuple(x) for x in points], [Fraction(1, len(points))] * len(points))
        rows = [
            [sign * (m - x[k]) for k, m in enumerate(middle) for sign in (1, -1)] for x in points
        ]  # minimiser: a part; maximiser: a signed coordinate, hence a reward
        return exact_agreement(f"{len(points)} parts {points}", game(rows)[0], claim.margin(len(points)))

    return context.examples(POINTS, check, name="A09 exact", most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All rewards with entries of -1, 0 and 1."""

    def check(points: list[list[Fraction]]) -> Trial:
        middle = replay.mixed([tuple(x) for x in points], [Fraction(1, len(points))] * len(points))
        best = max(
            min(sum(r * (m - p) for r, m, p in zip(reward, middle, x, strict=True)) for x in points)
            for reward in product((-1, 0, 1), repeat=len(middle))
        )
        return exact_agreement(f"{len(points)} parts {points}", best, claim.margin(len(points)))

    return context.examples(POINTS, check, name="A09 enumeration", most=MOST)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the uniform distribution is a mixture, with positive weights, of ends of other policies. The
    mixture's value is the average of theirs whatever the reward, so one of them is at least as good."""
    points, _ = replay.achieved(witness)
    weights = replay.distribution(witness["weights"])
    if len(weights) != len(points) or min(weights) <= 0:
        return None
    middle = replay.mixed(points, weights)
    if len(set(middle)) != 1 or middle in points:
        return None
    return {
        "distribution of largest entropy": [str(p) for p in middle],
        "average of the ends": [[str(p) for p in point] for point in points],
        "with weights": [str(w) for w in weights],
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Two actions over two states."""
    for n in range(1, 4):
        for k in range(n + 1):
            yield {
                "process": one_step(
                    [[Fraction(k, n), 1 - Fraction(k, n)], [1 - Fraction(k, n), Fraction(k, n)]]
                ),
                "weights": ["1/2", "1/2"],
            }


PUBLISHED = published(
    uid="A09",
    title="Convex objectives cannot be formulated with a stationary reward",
    statement=r"\nexists r:\ \arg\max_\pi r\cdot d^\pi=\arg\max_\pi H(d^\pi)\quad\text{in general}",
    source="T. Zahavy, B. O'Donoghue, G. Desjardins & S. Singh, Reward is enough for convex MDPs, NeurIPS "
    "2021, arXiv:2106.00661",
    finite="The entropy of the final state; rewards of the final state.",
    needs="an optimum that no deterministic policy attains; a reward that changes during learning is enough",
    holds=(
        "No reward prefers a mixture to all of its parts",
        r"\max_{\|r\|_1\le1}\min_i r\cdot\Big(\sum_jw_jx_j-x_i\Big)=0,\quad w>0",
    ),
    kind="source",
    claim=Claim(),
    methods=(method("exact games", "exact", exact), method("all small rewards", "enumeration", enumeration)),
    planted={
        "one part in the mixture": Claim(lambda count: Fraction(1, count)),
        "parts win": Claim(lambda count: Fraction(-1, count)),
        "a fixed margin": Claim(lambda count: Fraction(1, 100)),
    },
    fails=(
        "Some fixed reward is maximised by the policies of largest entropy alone",
        r"\exists r:\ \arg\max_\pi r\cdot d^\pi=\arg\max_\pi H(d^\pi)",
    ),
    drops="the change of the reward",
    refute=refute,
    search=search,
)
