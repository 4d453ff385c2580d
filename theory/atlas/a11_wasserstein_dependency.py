r"""A11, distance as information: the Wasserstein dependency of skills and states does not cover the goals.

Statement
---------
Replace the divergence in the mutual information of skills and states by a transport distance, the number of
steps between states. With one skill per goal, reached for sure, the measure of a distribution ``q`` of goals
is ``sum_{g,h} q_g q_h d(g, h)``. On a line of K states all of its maximisers put half on each end: the inner
goals are never proposed, and their regret is infinite. With mutual information every goal is proposed (T06).

Dropped: equal distances. Where all goals are equally far from each other the uniform distribution is the only
maximiser.
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
from metaregret.theory.atlas._instances import MOST, document
from metaregret.theory.claims import Context, Trial, all_hold, exact_agreement, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """The largest dependency on a line of `count` states, and with all distances one."""

    line: Any = lambda count: Fraction(1, 2) * (count - 1)
    equal: Any = lambda count: 1 - Fraction(1) / count


def dependency(q: Any, distance: Any) -> Any:
    """Return ``sum q_g q_h d(g, h)``: the average transport distance from a skill's goal to ``q``."""
    return sum(a * b * distance(i, j) for i, a in enumerate(q) for j, b in enumerate(q))


def _steps(i: int, j: int) -> int:
    return abs(i - j)


def _equal(i: int, j: int) -> int:
    return int(i != j)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """On a line the measure is ``2 sum_t F_t (1 - F_t)`` with the distribution function F, each summand at
    most 1/4 by a square; with equal distances it is ``1 - sum q**2``."""
    count, share = sympy.symbols("K F", positive=True)
    yield vanishes(
        "summand below 1/2 by a square",
        2 * share * (1 - share) - (sympy.Rational(1, 2) - 2 * (share - sympy.Rational(1, 2)) ** 2),
    )
    yield vanishes("K - 1 summands", sympy.nsimplify(claim.line(count)) - (count - 1) / 2)
    for size in (2, 3, 4):
        q = sympy.symbols(f"q1:{size}")
        full = [*q, 1 - sum(q)]
        sums = [sum(full[: t + 1]) for t in range(size - 1)]
        yield vanishes(f"line of {size}", dependency(full, _steps) - sum(2 * f * (1 - f) for f in sums))
        yield vanishes(f"{size} equal distances", dependency(full, _equal) - (1 - sum(x**2 for x in full)))
    excess = share - 1 / count
    yield vanishes("one square", share**2 - (2 * share / count - 1 / count**2) - excess**2)
    yield vanishes(
        "sum of the tangents", sympy.sympify(claim.equal(count)) - (1 - (2 / count - count / count**2))
    )


POINTS = st.integers(2, 5).flatmap(distributions)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational distributions: no more than claimed, attained by halves at the ends, or by uniform."""

    def check(q: list[Fraction]) -> Trial:
        count = len(q)
        ends = [Fraction(int(k in (0, count - 1)), 2) for k in range(count)]
        flat = [Fraction(1, count)] * count
        at_top = dependency(q, _steps) == claim.line(count)
        return all_hold(
            f"q = {[str(x) for x in q]}",
            line=dependency(q, _steps) <= claim.line(count) == dependency(ends, _steps),
            ends_only=at_top == (q == ends),
            equal=dependency(q, _equal) <= claim.equal(count) == dependency(flat, _equal),
        )

    return context.examples(POINTS, check, name="A11 exact", share=3, most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All distributions with twelfths on lines of 2 to 4 states."""
    for count in (2, 3, 4):
        grid = [[Fraction(x, 12) for x in point] for point in _compositions(12, count)]
        yield exact_agreement(f"line of {count}", max(dependency(q, _steps) for q in grid), claim.line(count))
        yield exact_agreement(f"{count} equal", max(dependency(q, _equal) for q in grid), claim.equal(count))


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(total,)]
    return [(x, *rest) for x in range(total + 1) for rest in _compositions(total - x, parts - 1)]


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the proposal has the largest dependency that the distribution functions allow, and leaves out a
    goal that is reached for sure."""
    proposal = replay.distribution(witness["proposal"])
    model = replay.read(witness["process"])
    points = replay.outcomes(model)
    if any(len(set(point)) > 2 or max(point) != 1 for point in points) or min(replay.best(points)) != 1:
        return None
    count = len(proposal)
    distance = _distances(model)
    if distance != [[abs(i - j) for j in range(count)] for i in range(count)]:
        return None
    value = dependency(proposal, _steps)
    if value != Fraction(count - 1, 2) or min(proposal) > 0:
        return None
    return {
        "proposal of largest dependency": [str(q) for q in proposal],
        "its dependency": str(value),
        "dependency of the uniform proposal": str(dependency([Fraction(1, count)] * count, _steps)),
        "goals left out": [str(g) for g, q in enumerate(proposal) if not q],
        "worst-case regret": "inf",
    }


def _distances(model: replay.Model) -> list[list[int]]:
    count = len(model.rows)
    table = [[0 if i == j else count for j in range(count)] for i in range(count)]
    for s, rows in enumerate(model.rows):
        for row in rows:
            for t in row:
                table[s][t] = min(table[s][t], int(s != t))
    for k in range(count):
        for i in range(count):
            for j in range(count):
                table[i][j] = min(table[i][j], table[i][k] + table[k][j])
    return table


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Lines from the middle."""
    for count in (3, 5):
        names = [f"s{k}" for k in range(count)]
        moves = [
            [names[k], action, names[min(max(k + step, 0), count - 1)], "1"]
            for k in range(count)
            for action, step in (("left", -1), ("stay", 0), ("right", 1))
        ]
        process = document(moves, count // 2, names) | {"initial": {names[count // 2]: 1}}
        yield {"process": process, "proposal": ["1/2", *["0"] * (count - 2), "1/2"]}


PUBLISHED = published(
    uid="A11",
    title="Skills of the largest Wasserstein dependency cover the goals",
    statement=r"q\in\arg\max\sum_{g,h}q_gq_hd(g,h)\Rightarrow q_g>0\ \text{for every goal}",
    source="in the spirit of S. Park, O. Rybkin & S. Levine, METRA: scalable unsupervised RL with "
    "metric-aware abstraction, ICLR 2024, arXiv:2310.08887",
    finite="The dependency itself with one skill per goal and a free distribution of skills; the paper "
    "maximises a lower bound in a learned latent space, and says that it covers that space rather "
    "than all states.",
    needs="equal distances between goals; then the proposal is uniform",
    refuted=True,
    verdict="proved",
    holds=(
        "On a line all of the dependency is at the ends; with equal distances it is uniform",
        r"\max_q\sum q_gq_h|g-h|=\tfrac{K-1}2\ \text{at}\ q=(\tfrac12,0,\dots,0,\tfrac12)",
    ),
    claim=Claim(),
    methods=(
        method(
            "distribution functions",
            "symbolic",
            symbolic,
            general="all K",
            prose="|g - h| counts the cuts between g and h, so the sum over pairs is one over cuts; "
            "shown for two to four states in symbols",
        ),
        method("rational distributions", "exact", exact),
        method("twelfths", "enumeration", enumeration),
    ),
    planted={
        "diameter": Claim(line=lambda count: count - 1),
        "uniform on the line": Claim(line=lambda count: (count**2 - 1) / (3 * count)),
        "equal distances give one": Claim(equal=lambda count: count / count),
    },
    fails=(
        "Skills of the largest Wasserstein dependency cover the goals",
        r"q\in\arg\max\sum_{g,h}q_gq_hd(g,h)\Rightarrow q_g>0",
    ),
    drops="equal distances",
    refute=refute,
    search=search,
)
