r"""A17, skills that can be told apart: the objective does not say how the states are shared out.

Statement
---------
With n equally likely skills the expected log-probability with which a discriminator names the skill, plus
``log n``, is at most ``log n``. Every way to give the skills final states that no two share attains it,
however unevenly the states are shared out and however many are left out.

Dropped: a bonus. The claim that skills of the best objective share the states out evenly is refuted by three
states and two skills. With a bonus for the entropy of states all states are used equally where the number of
skills divides that of states, for then some skills of the best objective do so; where it does not, none do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
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
    """``exp`` of the largest objective of n skills; whether some skills that attain it use so many states
    equally."""

    most: Any = lambda skills: skills
    even: Any = lambda skills, states: states % skills == 0


def objective(skills: list[replay.Outcome]) -> list[tuple[Fraction, Fraction]]:
    """Return ``log n + E log q(z | s)`` for the best discriminator ``q``, as a sum of logarithms."""
    count = len(skills)
    total = [sum(column) for column in zip(*skills, strict=True)]
    return [(p / count, count * p / t) for row in skills for p, t in zip(row, total, strict=True) if p]


SKILLS = st.tuples(st.integers(2, 3), st.integers(2, 4)).flatmap(
    lambda sizes: st.lists(distributions(sizes[1]), min_size=sizes[0], max_size=sizes[0])
)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated skills: at most the claimed value, and equal exactly if no two share a state."""

    def check(drawn: list[list[Fraction]]) -> Trial:
        skills = [tuple(row) for row in drawn]
        sign = sign_of_log_sum([*objective(skills), (Fraction(-1), Fraction(claim.most(len(skills))))])
        shared = any(sum(x > 0 for x in column) > 1 for column in zip(*skills, strict=True))
        return all_hold(f"{drawn}", at_most=sign <= 0, equal_if_apart=(sign == 0) == (not shared))

    return context.examples(SKILLS, check, name="A17 exact", share=3, most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All ways to give up to three skills one final state each of four; all ways to share up to six states
    out among skills, each of which uses its own equally, as it must if all states are used equally."""
    for count in (2, 3):
        for chosen in product(range(4), repeat=count):
            skills = [tuple(Fraction(int(s == g)) for s in range(4)) for g in chosen]
            sign = sign_of_log_sum([*objective(skills), (Fraction(-1), Fraction(claim.most(count)))])
            apart = len(set(chosen)) == count
            yield all_hold(f"final states {chosen}", largest=(sign == 0) == apart and sign <= 0)
        for states in range(count, 7):
            shares = (Counter(owners) for owners in product(range(count), repeat=states))
            even = any(len(share) == count and len(set(share.values())) == 1 for share in shares)
            yield all_hold(f"{states} states", even=even == claim.even(count, states))


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Each log-probability of a skill is at most zero, so the objective is at most ``log n``; with skills
    that share no state it is."""
    share, count = sympy.symbols("q n", positive=True)
    yield vanishes("bound", sympy.log(claim.most(count)) - sympy.log(count))
    slope = sympy.diff(
        share - 1 - sympy.log(share), share
    )  # log q <= q - 1: the least difference is at q = 1
    yield vanishes("stationary at one", slope.subs(share, 1))
    yield vanishes("convex", sympy.diff(share - 1 - sympy.log(share), share, 2) - 1 / share**2)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: skills that the process allows reach the bound, and use the states unevenly."""
    points = set(replay.outcomes(replay.read(witness["process"])))
    skills = [replay.distribution(row) for row in witness["skills"]]
    if not set(skills) <= points:
        return None
    bound = [(Fraction(-1), Fraction(len(skills)))]
    used = replay.mixed(skills, [Fraction(1, len(skills))] * len(skills))
    if sign_of_log_sum([*objective(skills), *bound]) != 0 or len(set(used)) == 1:
        return None
    return {
        "skills": [[str(p) for p in row] for row in skills],
        "exponential of the objective": f"{len(skills)}, the most",
        "states under all skills": [str(p) for p in used],
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Three states, each reached by an action, and two skills."""
    rows = [[Fraction(int(s == g)) for s in range(3)] for g in range(3)]
    for first in range(3):
        for second in range(3):
            yield {
                "process": one_step(rows),
                "skills": [[str(p) for p in rows[first]], [str(p) for p in rows[second]]],
            }


PUBLISHED = published(
    uid="A17",
    title="Skills that are told apart best share the states out evenly",
    statement=r"\max_{\pi,q}\mathbb E\log q(z|s)\Rightarrow\text{the states are shared out evenly}",
    source="in the spirit of B. Eysenbach, A. Gupta, J. Ibarz & S. Levine, Diversity is all you need: "
    "learning skills without a reward function, ICLR 2019, arXiv:1802.06070",
    finite="The final state, equally likely skills, the best discriminator, without the bonus for the "
    "entropy of actions.",
    needs="as many skills as states; or a bonus for the entropy of states, and a number of skills that "
    "divides that of states",
    refuted=True,
    verdict="proved",
    holds=(
        "The objective is largest exactly where no two skills share a state; all can be used equally if n "
        "divides their number",
        r"\log n+\mathbb E\log q(z|s)\le\log n,\ \text{equal iff no two skills share a state};\ "
        r"\text{some use all }S\text{ equally iff }n\mid S",
    ),
    claim=Claim(),
    methods=(
        method(
            "logarithm of a probability",
            "symbolic",
            symbolic,
            general="all n",
            prose="an average of numbers that are at most zero is zero only if all are",
        ),
        method("rational skills", "exact", exact),
        method("one state per skill", "enumeration", enumeration),
    ),
    planted={
        "one skill less": Claim(lambda skills: skills - Fraction(1, 2)),
        "one skill more": Claim(lambda skills: skills + 1),
        "squared": Claim(lambda skills: skills**2),
        "a bonus always shares out evenly": Claim(even=lambda skills, states: True),
        "only with a state a skill": Claim(even=lambda skills, states: states == skills),
    },
    fails=(
        "The best skills share the states out evenly",
        r"\log n+\mathbb E\log q(z|s)=\log n\Rightarrow\text{all states are used equally}",
    ),
    drops="the bonus",
    refute=refute,
    search=search,
)
