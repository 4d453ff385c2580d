r"""A22, the conditional gradient method: its error falls like one over the number of policies, not faster.

Statement
---------
Add, again and again, the policy that is best for the gradient of the entropy at the present mixture, with
weight ``2 / (k + 2)`` in round ``k``. For an entropy that is smooth, here that of order two, ``1 - |rho|^2``,
the error after k rounds is at most ``4 D^2 / (k + 2)``, D the diameter of the achievable distributions.

Dropped: the rate. The logarithm of the accuracy is not enough rounds, whatever the weights are: after k
rounds the mixture has k policies, and where each of n policies ends in a state of its own the error of every
mixture of k of them is at least ``1/k - 1/n``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import sympy

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, POINTS, one_step
from metaregret.theory.claims import Context, Trial, all_hold, method, published, vanishes

ROUNDS = 8


@dataclass(frozen=True)
class Claim:
    """The error after k rounds, from the squared diameter."""

    error: Any = lambda diameter, k: 4 * diameter / (k + 2)


def product(a: replay.Outcome, b: replay.Outcome) -> Fraction:
    """Return the inner product."""
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def iterates(points: Sequence[replay.Outcome], rounds: int) -> list[replay.Outcome]:
    """Return the mixtures after each round, from the first: the best policy for the gradient is that of the
    least inner product."""
    mixture, found = points[0], []
    for k in range(rounds):
        step = Fraction(2, k + 2)
        best = min(points, key=lambda point: product(point, mixture))
        mixture = replay.mixed([best, mixture], [step, 1 - step])
        found.append(mixture)
    return found


def diameter(points: Sequence[replay.Outcome]) -> Fraction:
    """Return the largest squared distance of two points."""
    apart = (tuple(x - y for x, y in zip(a, b, strict=True)) for a, b in combinations(points, 2))
    return max((product(d, d) for d in apart), default=Fraction(0))


def least_norm(points: Sequence[replay.Outcome]) -> Fraction:
    """Return the least squared norm in the convex hull: on some face it is that of the affine hull."""
    least = min(product(point, point) for point in points)
    for size in range(2, len(points) + 1):
        for face in combinations(points, size):
            matrix = [[product(a, b) for b in face] + [Fraction(1)] for a in face]
            matrix.append([Fraction(1)] * size + [Fraction(0)])
            try:
                *weights, _ = replay.solve(matrix, [Fraction(0)] * size + [Fraction(1)])
            except InvalidArgumentError:  # dependent points: a smaller face has the optimum
                continue
            if min(weights) >= 0:
                mixture = replay.mixed(face, weights)
                least = min(least, product(mixture, mixture))
    return least


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The induction: one round leaves ``(1 - step)`` of the error and adds ``step^2 D^2``."""
    k, d = sympy.symbols("k D", positive=True)
    step = 2 / (k + 2)
    after = (1 - step) * claim.error(d, k) + step**2 * d
    yield vanishes("round", claim.error(d, k + 1) - after - 4 * d / ((k + 3) * (k + 2) ** 2))
    first = sympy.Integer(1)
    yield vanishes("first round, a step of one", claim.error(d, first) - d - d / 3)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated outcomes: the error after each round, from the exact optimum."""

    def check(drawn: list[list[Fraction]]) -> Trial:
        points = [tuple(point) for point in drawn]
        least, size = least_norm(points), diameter(points)
        errors = [product(x, x) - least for x in iterates(points, ROUNDS)]
        fine = [error <= claim.error(size, k) for k, error in enumerate(errors, start=1)]
        return all_hold(f"{drawn}", f"errors {[str(e) for e in errors]}", within=all(fine))

    return context.examples(POINTS, check, name="A22 exact", share=2, most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """A state for each policy: the error lies between what any mixture of k policies has and the bound."""
    for n in (2, 3, 5, 10, 40):
        points = [tuple(Fraction(int(s == t)) for s in range(n)) for t in range(n)]
        for k, x in enumerate(iterates(points, 2 * ROUNDS), start=1):
            error = product(x, x) - Fraction(1, n)
            claimed = claim.error(Fraction(2), k)
            yield all_hold(
                f"{n} policies, round {k}",
                f"{error}, claimed {claimed}",
                within=error <= claimed,
                no_less_than_any_mixture=error >= Fraction(1, k) - Fraction(1, n),
            )


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: policies that end apart; the error after the witness's rounds is above ``D^2 / 2^k``, and so is
    that of every mixture of as many policies."""
    points, _ = replay.achieved(witness)
    rounds, count = int(witness["rounds"]), len(points)
    if max(map(max, points)) != 1 or any(max(point) != 1 for point in points) or not 0 < rounds < count:
        return None
    last = iterates(points, rounds)[-1]
    error, least = product(last, last) - Fraction(1, count), Fraction(1, rounds) - Fraction(1, count)
    halved = diameter(points) / 2**rounds
    if not min(error, least) > halved:
        return None
    return {
        "policies": str(count),
        "rounds": str(rounds),
        "error": str(error),
        "of any mixture of as many policies, at least": str(least),
        "squared diameter, halved in every round": str(halved),
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """More policies that end apart, and more rounds, until halving is refuted."""
    for count in range(2, 12):
        process = one_step([[Fraction(int(s == t)) for s in range(count)] for t in range(count)])
        for rounds in range(1, count):
            yield {"process": process, "rounds": rounds}


PUBLISHED = published(
    uid="A22",
    title="The conditional gradient method finds the exploration of largest entropy",
    statement=r"\max_{\rho\in M}H(\rho)-H(\rho_k)\le\frac{4D^2}{k+2}",
    source="in the spirit of E. Hazan, S. Kakade, K. Singh & A. Van Soest, Provably efficient maximum "
    "entropy exploration, ICML 2019, arXiv:1812.02690",
    finite="The entropy of order two, which is smooth, in the place of a smoothed Shannon entropy; the final "
    "state; exact planning and weights 2 / (k + 2). The paper allows errors of planning and estimation.",
    needs="a number of rounds in proportion to one over the accuracy: its logarithm is not enough",
    verdict="proved",
    kind="classical",
    holds_source="M. Frank & P. Wolfe, An algorithm for quadratic programming, 1956; the proof is the "
    "induction shown",
    claim=Claim(),
    methods=(
        method(
            "induction",
            "symbolic",
            symbolic,
            general="all k",
            prose="by concavity the best policy for the gradient gains at least the error; the square is "
            "that of the step, whose length is at most the diameter",
        ),
        method("rational mixtures", "exact", exact),
        method("policies that end apart", "enumeration", enumeration),
    ),
    planted={
        "squared rate": Claim(lambda diameter, k: 4 * diameter / (k + 2) ** 2),
        "a twentieth": Claim(lambda diameter, k: diameter / (5 * (k + 2))),
        "halved in every round": Claim(lambda diameter, k: diameter / 2**k),
    },
    fails=("The error is halved in every round", r"\max_{\rho\in M}H(\rho)-H(\rho_k)\le D^22^{-k}"),
    drops="the rate 1 / k",
    fails_source="extension by this project",
    refute=refute,
    search=search,
)
