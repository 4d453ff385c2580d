r"""A03, the landscape of entropy: concave in distributions over states, not in policies.

Statement
---------
The entropy of the final state is a concave function of the distribution, so of the occupancy measure; it is
not a concave function of the policy, which is why the maximisation is posed over occupancies or by
conditional gradients.

Dropped: occupancies. In the witness two policies differ in two choices, one after the other, and the policy
halfway between them has less entropy than their average.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, POINTS, document
from metaregret.theory.claims import Context, Trial, all_hold, method, published, vanishes
from metaregret.theory.claims.oracles import sign_of_log_sum


@dataclass(frozen=True)
class Claim:
    """``H(mixture) >= c_0 H(a) + c_1 H(b)`` with these weights, for a mixture with share ``s`` of ``a``."""

    weights: Any = lambda share: (share, 1 - share)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """A summand of the entropy has second derivative ``-(a - b)**2 / mixture`` along a segment; the bound is
    its chord."""
    share, a, b = sympy.symbols("lambda a b", positive=True)
    mixture = share * a + (1 - share) * b
    yield vanishes(
        "second derivative", sympy.diff(-mixture * sympy.log(mixture), share, 2) + (a - b) ** 2 / mixture
    )
    first, second = (sympy.sympify(w) for w in claim.weights(share))
    yield vanishes("chord, first", first - share)
    yield vanishes("chord, second", second - (1 - share))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational distributions, three mixtures each; signs decided with tolerance zero."""

    def check(points: list[list[Fraction]]) -> Trial:
        a, b = tuple(points[0]), tuple(points[1])
        fine = []
        for share in (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)):
            w = claim.weights(share)
            below = [
                *replay.weighted(-Fraction(w[0]), replay.entropy(a)),
                *replay.weighted(-Fraction(w[1]), replay.entropy(b)),
            ]
            fine.append(
                sign_of_log_sum([*replay.entropy(replay.mixed([a, b], [share, 1 - share])), *below]) >= 0
            )
        return all_hold(f"a = {a}, b = {b}", above_the_chord=all(fine))

    return context.examples(POINTS, check, name="A03 exact", share=3, most=MOST)


def _end(model: replay.Model, policy: list[replay.Outcome]) -> replay.Outcome:
    """The final distribution of a stationary policy, one row of action probabilities per state."""
    count = len(model.rows)
    mass = tuple(model.start.get(s, Fraction(0)) for s in range(count))
    for _ in range(model.steps):
        after = [Fraction(0)] * count
        for s in range(count):
            for share, row in zip(policy[s], model.rows[s], strict=True):
                for t, p in row.items():
                    after[t] += mass[s] * share * p
        mass = tuple(after)
    return mass


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the entropies of two policies and of the policy halfway between them."""
    model = replay.read(witness["process"])
    first, second = ([replay.distribution(row) for row in witness[key]] for key in ("first", "second"))
    if any(list(map(len, policy)) != list(map(len, model.rows)) for policy in (first, second)):
        return None
    half = [Fraction(1, 2)] * 2
    halfway = [replay.mixed(rows, half) for rows in zip(first, second, strict=True)]
    ends = [_end(model, policy) for policy in (first, second, halfway)]
    average = [term for end in ends[:2] for term in replay.weighted(Fraction(1, 2), replay.entropy(end))]
    if sign_of_log_sum([*average, *replay.weighted(-1, replay.entropy(ends[2]))]) <= 0:
        return None
    names = ("ends of the first policy", "ends of the second", "ends halfway")
    return {name: [str(p) for p in end] for name, end in zip(names, ends, strict=True)}


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Two choices, one after the other: try all pairs of policies with quarters."""
    first = ["start on middle 1", "start off aside 1", "middle on far 1", "middle off aside 1"]
    moves = [*first, "far on far 1", "aside on aside 1"]
    process = document([move.split() for move in moves], 2, ["start", "middle", "far", "aside"])
    policy: Any = lambda x, y: [[str(x), str(1 - x)], [str(y), str(1 - y)], ["1"], ["1"]]
    for k in range(1, 5):
        share, one = Fraction(k, 4), Fraction(1)
        yield {"process": process, "first": policy(one, share), "second": policy(share, one)}


PUBLISHED = published(
    uid="A03",
    title="The entropy of states is not concave in the policy, but is in occupancies",
    statement=r"H\ \text{concave in the state distribution, not in}\ \pi",
    source="E. Hazan, S. Kakade, K. Singh & A. Van Soest, Provably efficient maximum entropy exploration, "
    "ICML 2019, arXiv:1812.02690",
    finite="Entropy of the final state of a finite horizon; for the rate of the method see A22.",
    needs="occupancies (or distributions) as variables",
    verdict="proved",
    holds=(
        "Entropy is concave in distributions",
        r"H(\lambda a+(1-\lambda)b)\ge\lambda H(a)+(1-\lambda)H(b)",
    ),
    kind="classical",
    holds_source="T. M. Cover & J. A. Thomas, Elements of Information Theory",
    claim=Claim(),
    methods=(
        method(
            "second derivative",
            "symbolic",
            symbolic,
            general="all sizes",
            prose="the entropy is a sum over states; final distributions are linear in occupancies",
        ),
        method("rational distributions", "exact", exact),
    ),
    planted={
        "weights swapped": Claim(lambda share: (1 - share, share)),
        "both in full": Claim(lambda share: (1, 1)),
        "twice the weights": Claim(lambda share: (share * 2, (1 - share) * 2)),
    },
    fails=(
        "Entropy is concave in the policy",
        r"H(d^{(\pi+\pi')/2})\ge\tfrac12H(d^{\pi})+\tfrac12H(d^{\pi'})",
    ),
    drops="occupancies as variables",
    refute=refute,
    search=search,
)
