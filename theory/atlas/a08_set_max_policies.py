r"""A08, sets of policies for the worst reward: each addition improves until the set is as good as all
policies.

Statement
---------
Add, again and again, a best policy for the reward that is worst for the set so far. The worst-case value of
the best member never falls, and ends at that of all policies: minus the distance from zero to the features
that mixtures achieve. It rises strictly where the worst reward is unique, as in the Euclidean unit ball of
the
paper; in that of the 1-norm it may stall before it rises again.

Dropped: "the set then has every policy that is best for some reward". It stops earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from metaregret.tabular.strategies import distributions
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, game, one_step
from metaregret.theory.claims import Context, Trial, all_hold, method, published

Points = Sequence[Sequence[Fraction]]


@dataclass(frozen=True)
class Claim:
    """Where the worst-case value ends, from the mixture that is nearest to zero."""

    limit: Any = lambda nearest: -max(map(abs, nearest))


def worst_case(points: Points) -> tuple[Fraction, list[Fraction], list[Fraction]]:
    """Return ``min max_i w . x_i`` over rewards ``|w|_1 <= 1``, that reward, and the mixture of the
    points."""
    count = len(points[0])
    rows = [[sign * x[k] for x in points] for k in range(count) for sign in (1, -1)]
    value, mixture, prior = game(rows)
    reward = [prior[2 * k] - prior[2 * k + 1] for k in range(count)]
    return value, reward, mixture


def grow(points: Points) -> list[tuple[Fraction, list[int]]]:
    """Return the worst-case values and the sets of the successive additions."""
    chosen, history = [0], []
    while True:
        value, reward, _ = worst_case([points[i] for i in chosen])
        history.append((value, list(chosen)))
        scores = [sum(w * x for w, x in zip(reward, point, strict=True)) for point in points]
        if max(scores) <= value:
            return history
        chosen.append(scores.index(max(scores)))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Feature sets of generated policies, shifted so that rewards of both signs matter: exact games."""

    def check(drawn: tuple[list[list[Fraction]], list[int]]) -> Trial:
        points = [[x - Fraction(s, 4) for x, s in zip(row, drawn[1], strict=False)] for row in drawn[0]]
        values = [value for value, _ in grow(points)]
        _, _, mixture = worst_case(points)
        nearest = [sum(m * x[k] for m, x in zip(mixture, points, strict=True)) for k in range(len(points[0]))]
        return all_hold(
            f"{len(points)} policies, {len(points[0])} features",
            f"values {values}, nearest {nearest}",
            never_falls=all(a <= b for a, b in pairwise(values)),
            limit=values[-1] == claim.limit(nearest),
        )

    return context.examples(FEATURES, check, name="A08 exact", share=2, most=MOST)


FEATURES = st.integers(2, 3).flatmap(
    lambda n: st.tuples(
        st.lists(distributions(n), min_size=2, max_size=5, unique_by=tuple),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
    )
)


PAIRS = st.tuples(st.integers(1, 6), st.integers(1, 6))


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """Two policies: all mixtures on a grid of which the best is a member; none is nearer than the limit
    says."""

    def check(numbers: tuple[int, int]) -> Trial:
        a, b = numbers
        points = [[Fraction(a), Fraction(0)], [Fraction(0), Fraction(b)]]
        grid = [[Fraction(a * k, a + b), Fraction(b * (a + b - k), a + b)] for k in range(a + b + 1)]
        nearest = min(grid, key=lambda point: max(map(abs, point)))
        ended = grow(points)[-1][0]
        return all_hold(f"({a}, 0) and (0, {b})", f"ends at {ended}", limit=ended == claim.limit(nearest))

    return context.examples(PAIRS, check, name="A08 enumeration", most=MOST)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: a mixture of the set and a reward certify each other, so nothing is added; and a policy outside
    the set is the only best one for some reward."""
    points, _ = replay.achieved(witness)
    chosen = [replay.distribution(row) for row in witness["set"]]
    mixture = replay.mixed(chosen, replay.distribution(witness["mixture"]))
    reward = [replay.fraction(w) for w in witness["worst_reward"]]
    missed = replay.distribution(witness["missed"])
    other = [replay.fraction(r) for r in witness["reward_of_the_missed"]]
    if not {*chosen, missed} <= set(points) or missed in chosen or sum(map(abs, reward)) != 1:
        return None
    value: Any = lambda w, point: sum(a * b for a, b in zip(w, point, strict=True))
    stopped = max(value(reward, point) for point in points) == -max(map(abs, mixture))
    vertex = all(value(other, point) < value(other, missed) for point in points if point != missed)
    if not (stopped and vertex):
        return None
    return {
        "set when it stops": [[str(p) for p in row] for row in chosen],
        "worst-case value": str(-max(map(abs, mixture))),
        "missed": [str(p) for p in missed],
        "best for the reward": [str(r) for r in other],
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Three actions over three states with thirds."""
    n = 3
    rows = [
        [Fraction(x, n), Fraction(y, n), Fraction(n - x - y, n)]
        for x in range(n + 1)
        for y in range(n + 1 - x)
    ]
    for i, a in enumerate(rows):
        for j, b in enumerate(rows[:i]):
            for c in rows[:j]:
                points = [a, b, c]
                chosen = grow(points)[-1][1]
                if len(chosen) == 3:
                    continue
                _, reward, mixture = worst_case([points[k] for k in chosen])
                missed = next(points[k] for k in range(3) if k not in chosen)
                for other in ([1, 0, 0], [0, 1, 0], [0, 0, 1]):
                    yield {
                        "process": one_step(points),
                        "set": [[str(p) for p in points[k]] for k in chosen],
                        "mixture": [str(m) for m in mixture],
                        "worst_reward": [str(w) for w in reward],
                        "missed": [str(p) for p in missed],
                        "reward_of_the_missed": [str(r) for r in other],
                    }


PUBLISHED = published(
    uid="A08",
    title="Adding the best policy for the worst reward improves until nothing can",
    statement=r"v_{t+1}\ge v_t\ \text{until}\ "
    r"v_t=\min_{w}\max_{\pi}w\cdot\psi^\pi=-\min_{x\in\mathrm{conv}\,\Psi}\|x\|",
    source="T. Zahavy, A. Barreto, D. J. Mankowitz, S. Hou, B. O'Donoghue, I. Kemaev & S. Singh, "
    "Discovering a set of policies for the worst case reward, ICLR 2021, arXiv:2102.04323",
    finite="Rewards in the unit ball of the 1-norm, so that all numbers are rational (the paper has the "
    "Euclidean one); features are final distributions, shifted.",
    needs="a unique worst reward to be strict; the set is not one of all policies that are best for some "
    "reward",
    holds=(
        "The set of policies ends as good as all policies",
        r"\lim v_t=-\min_{x\in\mathrm{conv}\,\Psi}\|x\|_\infty",
    ),
    kind="source",
    claim=Claim(),
    methods=(
        method("exact games", "exact", exact),
        method("two policies, all mixtures", "enumeration", enumeration),
    ),
    planted={
        "zero": Claim(lambda nearest: Fraction(0)),
        "the other norm": Claim(lambda nearest: -sum(map(abs, nearest))),
        "the smallest entry": Claim(lambda nearest: -min(map(abs, nearest)) / 2),
    },
    fails=(
        "The set that stops has every policy that is best for some reward",
        r"\text{stopped}\Rightarrow\text{all vertices of}\ \mathrm{conv}\,\Psi\ \text{are in the set}",
    ),
    fails_source="extension by this project",
    drops='"as good as", from the statement',
    refute=refute,
    search=search,
)
