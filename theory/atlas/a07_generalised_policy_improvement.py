r"""A07, generalised policy improvement: the transfer bound holds, and its sharp constant is smaller.

Statement
---------
Acting greedily on the best of the action values of old policies, evaluated for a new reward, loses at most
``2 delta / (1 - gamma)`` in any action value, where ``delta`` is the distance from the new reward to the
nearest old one. The old policies satisfy it before any improvement, with ``2 gamma delta / (1 - gamma)``: the
first reward of an action value is the same for all. A choice between two endless rewards, tied in the old
task, attains that.

Dropped: one of the two errors, of the old task's best value and of the old policy's. Half the bound fails for
the old policy itself; improvement repairs the witness.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.tabular.domains import once
from metaregret.tabular.strategies import distributions
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST
from metaregret.theory.claims import Context, Trial, all_hold, exact_agreement, method, published, vanishes

Dynamics = list[list[list[Fraction]]]
"""``dynamics[s][a][t]``"""
Rewards = list[list[Fraction]]
"""``rewards[s][a]``"""


@dataclass(frozen=True)
class Claim:
    """The sharp constant: what is lost is at most this times the distance of the rewards."""

    constant: Any = lambda gamma: 2 * gamma / (1 - gamma)


def action_values(dynamics: Dynamics, rewards: Rewards, policy: Sequence[int], gamma: Fraction) -> Rewards:
    """Return the action values of a stationary policy, by a linear system."""
    count = len(dynamics)
    matrix = [[int(s == t) - gamma * dynamics[s][policy[s]][t] for t in range(count)] for s in range(count)]
    values = replay.solve(matrix, [rewards[s][policy[s]] for s in range(count)])
    return [
        [
            r + gamma * sum((p * v for p, v in zip(row, values, strict=True)), Fraction(0))
            for r, row in zip(rewards[s], dynamics[s], strict=True)
        ]
        for s in range(count)
    ]


def _greedy(values: Rewards) -> list[int]:
    return [row.index(max(row)) for row in values]


def best_policy(dynamics: Dynamics, rewards: Rewards, gamma: Fraction) -> list[int]:
    """Return an optimal stationary policy, by policy iteration; of tied actions the one it has."""
    policy = [0] * len(dynamics)
    while True:
        values = action_values(dynamics, rewards, policy, gamma)
        better = [
            a if max(row) == row[a] else row.index(max(row)) for a, row in zip(policy, values, strict=True)
        ]
        if better == policy:
            return policy
        policy = better


def losses(
    dynamics: Dynamics, new: Rewards, policies: Sequence[Sequence[int]], gamma: Fraction
) -> tuple[Fraction, Fraction]:
    """Return the largest loss in an action value of the best of the policies, and of generalised policy
    improvement on them."""
    known = [action_values(dynamics, new, policy, gamma) for policy in policies]
    merged = [[max(entries) for entries in zip(*rows, strict=True)] for rows in zip(*known, strict=True)]
    got = action_values(dynamics, new, _greedy(merged), gamma)
    top = action_values(dynamics, new, best_policy(dynamics, new, gamma), gamma)
    most: Any = lambda values: max(
        x - y for row, other in zip(top, values, strict=True) for x, y in zip(row, other, strict=True)
    )
    return most(merged), most(got)


def distance(first: Rewards, second: Rewards) -> Fraction:
    """Return the largest difference of two rewards."""
    return max(
        abs(x - y) for row, other in zip(first, second, strict=True) for x, y in zip(row, other, strict=True)
    )


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Two discounted streams of errors of at most ``delta`` a step, from the second step on."""
    gamma = sympy.symbols("gamma", positive=True)
    error = gamma / (1 - gamma)  # sum of gamma**t over t >= 1
    yield vanishes("geometric sum", error - (sum(gamma**k for k in range(1, 6)) + gamma**6 / (1 - gamma)))
    yield vanishes("two errors", claim.constant(gamma) - 2 * error)


@once
@st.composite
def _tasks(draw: st.DrawFn) -> tuple[Dynamics, Rewards, list[Rewards], Fraction]:
    count = draw(st.integers(1, 3))
    rewards = st.lists(
        st.lists(st.integers(-2, 2).map(Fraction), min_size=2, max_size=2), min_size=count, max_size=count
    )
    dynamics = [[draw(distributions(count)) for _ in range(2)] for _ in range(count)]
    gamma = draw(st.sampled_from([Fraction(1, 2), Fraction(9, 10)]))
    return dynamics, draw(rewards), draw(st.lists(rewards, min_size=1, max_size=2)), gamma


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated rational tasks, values by linear systems: the bound is never exceeded."""

    def check(drawn: tuple[Dynamics, Rewards, list[Rewards], Fraction]) -> Trial:
        dynamics, new, old, gamma = drawn
        bound = claim.constant(gamma) * min(distance(new, task) for task in old)
        policies = [best_policy(dynamics, task, gamma) for task in old]
        before, after = losses(dynamics, new, policies, gamma)
        return all_hold(
            f"{len(dynamics)} states, gamma = {gamma}",
            f"loses {before}, improved {after}, bound {bound}",
            old_policies=before <= bound,
            improvement=after <= before,
        )

    return context.examples(_tasks(), check, name="A07 exact", share=2, most=MOST)


LOOP: Dynamics = [[[Fraction(1)], [Fraction(1)]]]
"""One state and two actions that stay."""


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """The choice between two endless rewards: of all policies optimal in the old task, one loses exactly the
    bound, and improvement mends it."""
    for gamma in (Fraction(1, 3), Fraction(1, 2), Fraction(9, 10)):
        new = [[Fraction(1), Fraction(-1)]]  # the old rewards are zero, so both actions are optimal
        lost = [losses(LOOP, new, [policy], gamma) for policy in ([0], [1])]
        yield exact_agreement(f"gamma = {gamma}, old policy", max(lost)[0], claim.constant(gamma))
        yield exact_agreement(f"gamma = {gamma}, improved", max(after for _, after in lost), Fraction(0))


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated old policy is optimal for the old reward, and it loses more than ``delta / (1 -
    gamma)`` for the new one."""
    numbers: Any = lambda rows: [[replay.fraction(x) for x in row] for row in rows]
    dynamics = [[list(replay.distribution(row)) for row in rows] for rows in witness["dynamics"]]
    new, old, gamma = numbers(witness["new"]), numbers(witness["old"]), replay.fraction(witness["gamma"])
    policy = [int(a) for a in witness["old_policy"]]
    if not 0 <= gamma < 1:
        return None
    values = action_values(dynamics, old, policy, gamma)
    if any(row[a] != max(row) for row, a in zip(values, policy, strict=True)):
        return None
    delta, (lost, improved) = distance(new, old), losses(dynamics, new, [policy], gamma)
    if not lost > delta / (1 - gamma):
        return None
    return {
        "discount": str(gamma),
        "distance of the rewards": str(delta),
        "loss of the old policy": str(lost),
        "loss after improvement": str(improved),
        "half the bound": str(delta / (1 - gamma)),
        "bound": str(2 * delta / (1 - gamma)),
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """One state and two actions that stay: rewards of -1, 0 and 1."""
    for a, b, c, d in product((-1, 0, 1), repeat=4):
        for action in (0, 1):
            yield {
                "dynamics": [[["1"], ["1"]]],
                "new": [[a, b]],
                "old": [[c, d]],
                "old_policy": [action],
                "gamma": "9/10",
            }


PUBLISHED = published(
    uid="A07",
    title="The transfer bound of generalised policy improvement holds",
    statement=r"Q^*-Q^{\mathrm{GPI}}\le\frac{2}{1-\gamma}\min_j\max_{s,a}|r(s,a)-r_j(s,a)|",
    source="A. Barreto, W. Dabney, R. Munos, J. J. Hunt, T. Schaul, H. van Hasselt & D. Silver, Successor "
    "features for transfer in reinforcement learning, NeurIPS 2017, arXiv:1606.05312",
    finite="Exact action values; the distance of rewards itself instead of its bound by features and "
    "weights.",
    needs="both errors: half the bound fails for an old policy; 2 gamma / (1 - gamma) is sharp for old "
    "policies",
    verdict="proved",
    holds=(
        "The sharp transfer bound",
        r"Q^*-Q^{\mathrm{GPI}}\le "
        r"Q^*-\max_jQ^{\pi_j}\le\frac{2\gamma}{1-\gamma}\min_j\max_{s,a}|r-r_j|,\ \text{the second "
        r"attained}",
    ),
    claim=Claim(),
    methods=(
        method(
            "geometric sums",
            "symbolic",
            symbolic,
            general="all gamma",
            prose="values of a policy under two rewards differ by at most the discounted distance; the "
            "improved policy is no worse than any old one (Barreto et al., theorem 1)",
        ),
        method("rational tasks", "exact", exact),
        method("two endless rewards", "enumeration", enumeration),
    ),
    planted={
        "without the discount": Claim(lambda gamma: 2 / (1 - gamma)),
        "one error": Claim(lambda gamma: gamma / (1 - gamma)),
        "no horizon": Claim(lambda gamma: gamma / gamma),
    },
    fails=("Half the bound", r"Q^*-Q^{\pi_j}\le\frac{1}{1-\gamma}\max_{s,a}|r-r_j|"),
    fails_source="extension by this project",
    drops="one of the two errors",
    refute=refute,
    search=search,
)
