r"""A21, clustering behaviour: a reward that also likes what is rare for the task can lose all information.

Statement
---------
Equally likely skills are planned for ``(lambda - 1) log q(s|z) + log q(z|s)``, ``q`` the mixture that fits
what they do. At ``lambda = 1`` fitting and planning maximise one objective, and no round loses information
about the skill (T08).

Dropped: ``lambda = 1``. For every smaller value a process of two actions and two outcomes loses all: the
reward for rare states gains in proportion to how far the actions are apart, information only in proportion to
the square, so where they are near enough both skills choose the action that spreads more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
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
    """The reward of a skill, ``own log q(s|z) - others log q(s)`` up to a constant."""

    own: Any = 1
    others: Any = 1


def information(rows: Sequence[replay.Outcome]) -> replay.LogSum:
    """Return ``I(s; z)`` of equally likely skills."""
    share = Fraction(1, len(rows))
    mean = replay.mixed(rows, [share] * len(rows))
    return [term for row in rows for term in replay.weighted(share, replay.divergence(row, mean))]


def answer(points: Sequence[replay.Outcome], own: replay.Outcome, mean: replay.Outcome, claim: Claim) -> int:
    """Return the place of the best outcome for a skill's reward, the first of equals."""
    score: Any = lambda x: [
        *((p * claim.own, q) for p, q in zip(x, own, strict=True)),
        *((-p * claim.others, m) for p, m in zip(x, mean, strict=True)),
    ]
    best = 0
    for k in range(1, len(points)):
        if sign_of_log_sum([*score(points[k]), *replay.weighted(-1, score(points[best]))]) > 0:
            best = k
    return best


def next_round(points: Sequence[replay.Outcome], skills: Sequence[int], claim: Claim) -> list[int]:
    """Fit the mixture to the skills, then plan every skill again."""
    rows = [points[k] for k in skills]
    mean = replay.mixed(rows, [Fraction(1, len(rows))] * len(rows))
    return [answer(points, row, mean, claim) for row in rows]


def gain(points: Sequence[replay.Outcome], skills: Sequence[int], after: Sequence[int]) -> int:
    """Return the sign of the change of information from a round."""
    now, before = (information([points[k] for k in each]) for each in (after, skills))
    return sign_of_log_sum([*now, *replay.weighted(-1, before)])


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The reward is the logarithm of the posterior less that of the prior; of all posteriors Bayes' scores
    best."""
    q, m, p = sympy.symbols("q m p", positive=True)
    yield vanishes("reward", claim.own * sympy.log(q) - claim.others * sympy.log(m) - sympy.log(q / m))
    excess = p * sympy.log(p / q) - p + q  # of the posterior p over any q; both sum to one
    yield vanishes("no excess at the posterior", excess.subs(q, p))
    yield vanishes("least there", sympy.diff(excess, q).subs(q, p))
    yield vanishes("convex", sympy.diff(excess, q, 2) - p / q**2)


POSITIVE = st.integers(2, 3).flatmap(
    lambda size: st.lists(distributions(size, positive=True), min_size=2, max_size=4, unique_by=tuple)
)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated outcomes, two skills, two rounds; signs with tolerance zero."""

    def check(drawn: list[list[Fraction]]) -> Trial:
        points = [tuple(point) for point in drawn]
        first = next_round(points, [0, 1], claim)
        second = next_round(points, first, claim)
        return all_hold(
            f"{drawn}",
            f"skills [0, 1], {first}, {second}",
            first_round=gain(points, [0, 1], first) >= 0,
            second_round=gain(points, first, second) >= 0,
        )

    return context.examples(POSITIVE, check, name="A21 exact", share=3, most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All sets of three outcomes over two states with sixths, and all pairs of skills among them."""
    grid = [(Fraction(k, 6), Fraction(6 - k, 6)) for k in range(1, 6)]
    for points in combinations(grid, 3):
        for skills in combinations(range(3), 2):
            after = next_round(points, skills, claim)
            yield all_hold(f"{points}, {skills}", f"then {after}", no_loss=gain(points, skills, after) >= 0)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: a round of exact fitting and planning for the witness's reward loses information."""
    points, _ = replay.achieved(witness)
    skills, weight = [int(k) for k in witness["skills"]], replay.fraction(witness["lambda"])
    if not 0 < weight < 1 or len(skills) < 2 or not all(0 <= k < len(points) for k in skills):
        return None
    if any(min(points[k]) <= 0 for k in skills):
        return None
    after = next_round(points, skills, Claim(own=weight))
    if gain(points, skills, after) >= 0:
        return None
    lost = sign_of_log_sum(information([points[k] for k in after])) == 0
    return {
        "lambda": str(weight),
        "skills end in": [[str(p) for p in points[k]] for k in skills],
        "after the round": [[str(p) for p in points[k]] for k in after],
        "information": "none left" if lost else "less",
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Two outcomes over two states that come nearer to each other, for a value of ``lambda`` near one."""
    first = Fraction(1, 3)
    for n in (6, 50, 100, 200, 400, 800):
        rows = [[first, 1 - first], [first - Fraction(1, n), 1 - first + Fraction(1, n)]]
        yield {"process": one_step(rows), "skills": [0, 1], "lambda": "99/100"}


PUBLISHED = published(
    uid="A21",
    title="A round of clustering behaviour and practising the clusters never loses information",
    statement=r"I(s;z')\ge I(s;z),\quad r_z(s)=(\lambda-1)\log q(s|z)+\log q(z|s)",
    source="in the spirit of A. Jabri, K. Hsu, B. Eysenbach, A. Gupta, S. Levine & C. Finn, Unsupervised "
    "curricula for visual meta-reinforcement learning, NeurIPS 2019, arXiv:1912.04226",
    finite="The final state, equally likely skills, the mixture fitted exactly to the present skills, exact "
    "planning; the paper learns features, keeps old trajectories, and claims no monotone rounds.",
    needs="lambda = 1; for every smaller value some process loses all information",
    refuted=True,
    verdict="proved",
    holds=("At lambda = 1 no round loses information", r"r_z(s)=\log q(z|s)\Rightarrow I(s;z')\ge I(s;z)"),
    holds_source="T08 of this project",
    claim=Claim(),
    methods=(
        method(
            "Bayes' posterior",
            "symbolic",
            symbolic,
            general="all sizes",
            prose="the expected logarithm of a posterior is at most that of Bayes' posterior, where it is "
            "the information; planning does not lower it, nor does fitting",
        ),
        method("rational rounds", "exact", exact),
        method("sixths", "enumeration", enumeration),
    ),
    planted={
        "lambda one half": Claim(own=Fraction(1, 2)),
        "the posterior alone is not rewarded": Claim(own=-1),
        "common states are rewarded": Claim(others=-1),
    },
    drops="lambda = 1",
    refute=refute,
    search=search,
)
