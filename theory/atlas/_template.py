r"""A99, short name: what a paper claims, in one sentence.

Copy this file to ``aNN_<slug>.py`` (files whose names begin with an underscore are not collected), replace
everything, store the witness, and run ``metaregret verify ANN``; ``metaregret verify --new FILE`` runs a
claim
that is not part of the project.

Statement
---------
The claim in our own words, and what holds of it. Attribute to a paper only what you read there; else write
"in the spirit of".

Dropped: the assumption that makes the difference, and the witness that shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from metaregret.tabular.strategies import distributions
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.claims import Context, Trial, all_hold, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """The formula under test: every method receives it, and every planted error replaces it."""

    bound: Any = lambda a, b: a * b


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The mean of two numbers exceeds their geometric mean by a square."""
    a, b = sympy.symbols("a b", positive=True)
    yield vanishes("square", ((a + b) / 2) ** 2 - claim.bound(a, b) - ((a - b) / 2) ** 2)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational instances, tolerance zero."""

    def check(p: list[Fraction]) -> Trial:
        claimed = claim.bound(p[0], p[1])
        at_most, equal = claimed <= Fraction(1, 4), (claimed == Fraction(1, 4)) == (p[0] == p[1])
        return all_hold(f"{p}", at_most=at_most, equal_at_the_middle_only=equal)

    return context.examples(distributions(2), check, name="A99 exact", share=2)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay the witness with the standard library; None if it does not refute the claim."""
    point = replay.distribution(witness["point"])
    return {"product": str(point[0] * point[1])} if point[0] * point[1] < Fraction(1, 4) else None


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Yield what may be a witness; the first that refutes is taken."""
    yield {"point": ["1/3", "2/3"]}


PUBLISHED = published(
    uid="A99",
    title="Template",
    statement=r"p(1-p)=\tfrac14",
    source="nobody claims this",
    finite="Two outcomes.",
    needs="both equally likely",
    refuted=True,
    verdict="proved",
    holds=("At most one quarter", r"p(1-p)\le\tfrac14"),
    kind="classical",
    holds_source="the geometric and the arithmetic mean",
    claim=Claim(),
    methods=(
        method("a square", "symbolic", symbolic, general="all p", prose="none beyond the identity"),
        method("rational distributions", "exact", exact),
    ),
    planted={
        "the sum": Claim(lambda a, b: a + b),
        "twice the product": Claim(lambda a, b: 2 * a * b),
        "half the product": Claim(lambda a, b: a * b / 2),
    },
    fails=("Always one quarter", r"p(1-p)=\tfrac14"),
    drops="equal probabilities",
    refute=refute,
    search=search,
)
