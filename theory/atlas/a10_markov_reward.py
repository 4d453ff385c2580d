r"""A10, expressivity: some sets of acceptable policies are optimal for no Markov reward.

Statement
---------
In two states with two actions each, that do not move, the policies "the same action in both" cannot be
exactly the optimal ones: with a Markov reward the values of the two policies that agree and of the two that
differ have the same sum, from every start.

Dropped: Markov rewards. A reward that sees the first action expresses the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.tabular.strategies import distributions
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST
from metaregret.theory.claims import Context, Trial, exact_agreement, method, published, vanishes

POLICIES = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Claim:
    """Coefficients, by policy, with which the values sum to zero whatever the reward."""

    coefficients: tuple[int, int, int, int] = (1, -1, -1, 1)


def _value(start: Any, rewards: Any, policy: tuple[int, int]) -> Any:
    return sum(start[s] * rewards[s][policy[s]] for s in (0, 1))


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """For symbolic rewards, start and discount the coefficients cancel every reward."""
    mass, gamma = sympy.symbols("mu gamma", positive=True)
    rewards = [sympy.symbols("r00 r01"), sympy.symbols("r10 r11")]
    stays = 1 / (1 - gamma)
    total = sum(
        c * stays * _value((mass, 1 - mass), rewards, policy)
        for c, policy in zip(claim.coefficients, POLICIES, strict=True)
    )
    yield vanishes("all starts, rewards and discounts", total)


REWARDS = st.tuples(distributions(2), st.lists(st.integers(-3, 3), min_size=4, max_size=4))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational starts and rewards."""

    def check(drawn: tuple[list[Fraction], list[int]]) -> Trial:
        start, r = drawn
        total = sum(
            c * _value(start, (r[:2], r[2:]), policy)
            for c, policy in zip(claim.coefficients, POLICIES, strict=True)
        )
        return exact_agreement(f"start {start}, rewards {r}", total, 0)

    return context.examples(REWARDS, check, name="A10 exact", share=2, most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All rewards of -1, 0 and 1: none makes both policies of positive coefficient better than both
    others."""
    good = [p for p, c in zip(POLICIES, claim.coefficients, strict=True) if c > 0]
    bad = [p for p in POLICIES if p not in good]
    start = (Fraction(1, 2), Fraction(1, 2))
    best = max(
        min(_value(start, (r[:2], r[2:]), p) for p in good)
        - max(_value(start, (r[:2], r[2:]), p) for p in bad)
        for r in product((-1, 0, 1), repeat=4)
    )
    yield exact_agreement(f"acceptable {good}", best, 0)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: occupancies of acceptable and other policies have the same weighted sum, so no reward separates
    them; a reward that sees the first action does."""
    acceptable: list[Any] = [tuple(map(int, p)) for p in witness["acceptable"]]
    weights = [replay.fraction(w) for w in witness["weights"]]
    start = replay.distribution(witness["start"])
    if len(start) != 2 or not set(acceptable) < set(POLICIES) or len(weights) != 4:
        return None
    signs = [1 if p in acceptable else -1 for p in POLICIES]
    if sum(w for w in weights) == 0 or min(weights) < 0:
        return None
    occupancy: Any = lambda p: [start[s] * (p[s] == a) for s in (0, 1) for a in (0, 1)]
    for k in range(4):
        if sum(c * w * occupancy(p)[k] for c, w, p in zip(signs, weights, POLICIES, strict=True)) != 0:
            return None
    positive = [sum(w for w, s in zip(weights, signs, strict=True) if s == side) for side in (1, -1)]
    if positive[0] != positive[1]:
        return None
    remembered = {p: Fraction(int(p[0] == p[1])) for p in POLICIES}
    if min(remembered[p] for p in acceptable) <= max(remembered[p] for p in POLICIES if p not in acceptable):
        return None
    return {
        "acceptable": ["same action in both states: " + str(p) for p in acceptable],
        "weights by which the occupancies agree": [str(w) for w in weights],
        "expressed by": "a reward of 1 for repeating the first action",
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """All pairs of acceptable policies, equal weights."""
    for first in range(4):
        for second in range(first):
            yield {
                "acceptable": [list(POLICIES[second]), list(POLICIES[first])],
                "weights": ["1/2"] * 4,
                "start": ["1/2", "1/2"],
            }


PUBLISHED = published(
    uid="A10",
    title="Some sets of acceptable policies are expressed by no Markov reward",
    statement=r"\exists\,\Pi:\ \nexists r(s,a):\ \Pi=\arg\max_\pi V^\pi_r",
    source="D. Abel, W. Dabney, A. Harutyunyan, M. K. Ho, M. L. Littman, D. Precup & S. Singh, On the "
    "expressivity of Markov reward, NeurIPS 2021, arXiv:2111.00876",
    finite="Two states that are not left, two actions, any discount.",
    needs="rewards of state and action; one that sees the first action expresses the set",
    verdict="proved",
    holds=("Values of agreeing and of differing policies have the same sum", "V^{00}-V^{01}-V^{10}+V^{11}=0"),
    kind="source",
    claim=Claim(),
    methods=(
        method(
            "cancellation",
            "symbolic",
            symbolic,
            general="all starts, rewards and discounts",
            prose="if both acceptable policies were strictly better than both others, the sum would be "
            "positive",
        ),
        method("rational rewards", "exact", exact),
        method("all small rewards", "enumeration", enumeration),
    ),
    planted={
        "first action decides": Claim((1, 1, -1, -1)),
        "second action decides": Claim((1, -1, 1, -1)),
        "all alike": Claim((1, -1, -1, 2)),
    },
    fails=(
        "Every set of policies is optimal for some Markov reward",
        r"\forall\,\Pi\ \exists r(s,a):\ \Pi=\arg\max_\pi V^\pi_r",
    ),
    drops="rewards that see more than state and action",
    refute=refute,
    search=search,
)
