r"""A01, the geometry of skills: skills of maximal mutual information are vertices, and some vertices are
missed.

Statement
---------
A skill that carries probability in a maximiser of the mutual information between skill and final state ends
in a vertex of the set ``M`` of achievable distributions, for the divergence from the average ``q`` is largest
on the support and strictly convex. So each such skill is the best policy of some reward; but not every policy
that is best for some reward is among them.

Dropped: "every vertex is found". In the witness three actions end in three vertices, and the third lies
strictly inside the ball of divergence: no optimal set of skills has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.tabular.strategies import distributions
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, one_step
from metaregret.theory.claims import Context, Trial, all_hold, method, published, vanishes
from metaregret.theory.claims.oracles import sign_of_log_sum


@dataclass(frozen=True)
class Claim:
    """Weights ``w`` with ``KL(share a + (1 - share) b || q) < w_0 KL(a || q) + w_1 KL(b || q)`` for ``a !=
    b``."""

    weights: Any = lambda share: (share, 1 - share)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Along a segment the divergence has second derivative ``(a - b)**2 / mixture > 0`` a coordinate, and the
    bound is the chord."""
    share, a, b, q = sympy.symbols("lambda a b q", positive=True)
    mixture = share * a + (1 - share) * b
    term = mixture * sympy.log(mixture / q)
    yield vanishes("second derivative", sympy.diff(term, share, 2) - (a - b) ** 2 / mixture)
    first, second = (sympy.sympify(w) for w in claim.weights(share))
    for end, expected in ((0, (0, 1)), (1, (1, 0))):
        yield vanishes(f"chord at {end}, first", first.subs(share, end) - expected[0])
        yield vanishes(f"chord at {end}, second", second.subs(share, end) - expected[1])
    yield vanishes("chord is straight", sympy.diff(first, share, 2) + sympy.diff(second, share, 2))


TRIPLES = st.integers(2, 3).flatmap(
    lambda n: st.tuples(
        distributions(n), distributions(n), distributions(n, positive=True), st.integers(1, 3)
    )
)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational points and outputs; signs of sums of logarithms, decided with tolerance zero."""

    def check(drawn: tuple[list[Fraction], list[Fraction], list[Fraction], int]) -> Trial | None:
        a, b, q = map(tuple, drawn[:3])
        share = Fraction(drawn[3], 4)
        if a == b:
            return None
        w = claim.weights(share)
        middle = replay.mixed([a, b], [share, 1 - share])
        above = [
            *replay.weighted(Fraction(w[0]), replay.divergence(a, q)),
            *replay.weighted(Fraction(w[1]), replay.divergence(b, q)),
            *replay.weighted(-1, replay.divergence(middle, q)),
        ]
        return all_hold(f"a = {a}, b = {b}, q = {q}", below_the_chord=sign_of_log_sum(above) > 0)

    return context.examples(TRIPLES, check, name="A01 exact", share=3, most=MOST)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: `output` is the average of an optimal pair of skills, and a vertex, the only best end for the
    stated reward, is nearer to it."""
    points, _ = replay.achieved(witness)
    skills = [replay.distribution(row) for row in witness["skills"]]
    weights = replay.distribution(witness["weights"])
    missed = replay.distribution(witness["missed"])
    reward = [replay.fraction(r) for r in witness["reward"]]
    output = replay.mixed(skills, weights)
    if not {*skills, missed} <= set(points) or min(output) <= 0 or len(skills) != len(weights):
        return None
    capacity = replay.divergence(skills[0], output)
    less: Any = lambda row: sign_of_log_sum([*capacity, *replay.weighted(-1, replay.divergence(row, output))])
    optimal = all(less(row) == 0 for row in skills) and all(less(row) >= 0 for row in points)
    value: Any = lambda row: sum(r * p for r, p in zip(reward, row, strict=True))
    vertex = all(value(row) < value(missed) for row in points if row != missed)
    if not (optimal and vertex and less(missed) > 0):
        return None
    return {
        "skills of maximal information": [[str(p) for p in row] for row in skills],
        "their average": [str(p) for p in output],
        "missed": [str(p) for p in missed],
        "best for the reward": [str(r) for r in reward],
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Two mirrored skills and a symmetric third: the smallest denominators first."""
    for n in range(3, 12):
        for x in range(n // 2 + 1, n):
            for y in range(1, n - x):
                a = [Fraction(x, n), Fraction(y, n), Fraction(n - x - y, n)]
                b = [a[1], a[0], a[2]]
                for z in range(1, n // 2 + 1):
                    c = [Fraction(z, n), Fraction(z, n), Fraction(n - 2 * z, n)]
                    if c[2] <= a[2]:
                        continue
                    yield {
                        "process": one_step([a, b, c]),
                        "skills": [[str(p) for p in a], [str(p) for p in b]],
                        "weights": ["1/2", "1/2"],
                        "missed": [str(p) for p in c],
                        "reward": ["0", "0", "1"],
                    }


PUBLISHED = published(
    uid="A01",
    title="Skills of maximal mutual information are vertices, but not all vertices",
    statement=r"p^*(z)>0\Rightarrow \rho_z\ \text{is a vertex of}\ M;\quad \text{not every vertex is some}\ "
    r"\rho_z",
    source="B. Eysenbach, R. Salakhutdinov & S. Levine, The information geometry of unsupervised "
    "reinforcement learning, ICLR 2022, arXiv:2110.02719",
    finite="The divergence argument for rational points and outputs; the set of skills at a finite horizon.",
    needs="nothing; at most |S| skills suffice, which says that such a set exists, not that it is unique",
    verdict="proved",
    holds=(
        "The divergence from an output is largest at vertices only",
        r"D(\lambda a+(1-\lambda)b\,\|\,q)<\lambda D(a\|q)+(1-\lambda)D(b\|q),\quad a\ne b",
    ),
    kind="source",
    claim=Claim(),
    methods=(
        method(
            "strict convexity",
            "symbolic",
            symbolic,
            general="all sizes",
            prose="the divergence is a sum over coordinates; a strictly convex function on a polytope is "
            "largest at vertices only; skills of positive weight have the largest divergence (Kuhn-Tucker)",
        ),
        method("rational points", "exact", exact),
    ),
    planted={
        "weights swapped": Claim(lambda share: (1 - share, share)),
        "weights squared": Claim(lambda share: (share**2, (1 - share) ** 2)),
        "half the chord": Claim(lambda share: (share / 2, (1 - share) / 2)),
    },
    fails=(
        "Every policy that is best for some reward is a skill of maximal information",
        r"\rho\ \text{a vertex of}\ M\Rightarrow p^*(\rho)>0",
    ),
    drops='"some", from the statement',
    refute=refute,
    search=search,
)
