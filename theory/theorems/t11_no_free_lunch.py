r"""T11, no free lunch: without structure in the tasks no way of searching is better than another.

Statement
---------
A learner tries ``k`` of ``m`` trajectories, never one twice, choosing each by what it has seen. Under the
uniform distribution on a set of tasks that is closed under permutations of the trajectories all such
learners have the same expected reward: ``k`` times the mean reward in total, and, where ``j`` trajectories
pay 1 and the others 0, at least one success with probability ``1 - C(m - j, k) / C(m, k)``.

Dynamics rule tasks out: if two trajectories end in the same state, no task "end in g" pays on one of them
only, the set of tasks is not closed under permutations, and learners differ. The dynamics pay for the lunch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations, product
from math import comb
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes

Task = tuple[int, ...]
Score = Callable[[Sequence[int]], int]


def _success(m: Any, j: Any, k: Any) -> Any:
    if isinstance(m, int):
        return 1 - Fraction(comb(m - j, k), comb(m, k))
    return 1 - sympy.binomial(m - j, k) / sympy.binomial(m, k)


@dataclass(frozen=True)
class Claim:
    """The claimed performance of every learner.

    ``success(m, j, k)``: chance of a success in ``k`` tries; ``total(m, rewards, k)``: expected sum;
    ``free(merged)``: is there a better learner when ``merged`` pairs of trajectories end in the same state?
    """

    success: Any = _success
    total: Any = lambda m, rewards, k: Fraction(k * sum(rewards), m)
    free: Any = lambda merged: merged > 0


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """One try: by symmetry any untried trajectory pays with chance ``j / m``, whatever has been seen.

    A miss leaves ``m - 1`` trajectories of which ``j`` pay: the claimed chance of ``k`` misses must satisfy
    ``miss(m, j, k) = (m - j) / m * miss(m - 1, j, k - 1)``, with ``miss(m, j, 0) = 1``.
    """
    m, j, k = sympy.symbols("m j k", integer=True, positive=True)
    misses = 1 - claim.success(m, j, k)
    fewer = misses.subs({m: m - 1, k: k - 1}, simultaneous=True)
    ratio = sympy.combsimp(sympy.gammasimp((misses / fewer).rewrite(sympy.gamma)))
    yield vanishes("one more miss", ratio - (m - j) / m)
    yield vanishes("no tries", 1 - claim.success(m, j, sympy.Integer(0)) - 1)


def learners(tasks: Sequence[Task], tries: int, score: Score) -> Iterator[Fraction]:
    """Yield the mean score of every deterministic learner that adapts and never repeats a trajectory."""

    def plans(possible: tuple[Task, ...], seen: tuple[int, ...], rewards: tuple[int, ...]) -> Iterator[int]:
        if len(seen) == tries:
            yield score(rewards) * len(possible)
            return
        for choice in set(range(len(possible[0]))) - set(seen):
            levels = sorted({task[choice] for task in possible})
            branches = [
                list(plans(tuple(t for t in possible if t[choice] == y), (*seen, choice), (*rewards, y)))
                for y in levels
            ]
            for combination in product(*branches):
                yield sum(combination)

    for total in plans(tuple(tasks), (), ()):
        yield Fraction(total, len(tasks))


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """Every adaptive learner on every small permutation-closed set: all have the claimed performance."""
    for rewards in ((0, 1), (0, 0, 1), (0, 1, 1), (0, 1, 2), (0, 0, 0, 1), (0, 0, 1, 1)):
        tasks = sorted(set(permutations(rewards)))
        for k in range(1, len(rewards) + 1):
            totals, hits = set(learners(tasks, k, sum)), set(learners(tasks, k, max))
            binary = max(rewards) == 1
            yield all_hold(
                f"all learners, tasks = orders of {rewards}, k = {k}",
                f"totals {totals}, claimed {claim.total(len(rewards), rewards, k)}; hits {hits}",
                same_total=totals == {claim.total(len(rewards), rewards, k)},
                same_success=len(hits) == 1
                and (not binary or hits == {claim.success(len(rewards), sum(rewards), k)}),
            )


def extremes(tasks: Sequence[Task], tries: int, score: Score) -> tuple[Fraction, Fraction]:
    """The mean scores of the best and of the worst learner, by backward induction over what has been seen."""

    def value(possible: tuple[Task, ...], seen: frozenset[int], rewards: tuple[int, ...], best: bool) -> int:
        if len(rewards) == tries:
            return score(rewards) * len(possible)
        options = []
        for choice in set(range(len(possible[0]))) - seen:
            parts = {task[choice] for task in possible}
            options.append(
                sum(
                    value(tuple(t for t in possible if t[choice] == y), seen | {choice}, (*rewards, y), best)
                    for y in parts
                )
            )
        return max(options) if best else min(options)

    best, worst = (value(tuple(tasks), frozenset(), (), best) for best in (True, False))
    return Fraction(best, len(tasks)), Fraction(worst, len(tasks))


_ORBITS = st.tuples(
    st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=2), st.integers(1, 4)
)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Unions of up to two orbits: the best and the worst learner agree with the claim, tolerance zero.

    The claim is made for each orbit by itself; over the union it is the mean, weighted by the orbits' sizes.
    """

    def check(drawn: tuple[list[list[int]], int]) -> Trial:
        orbits, k = drawn
        sizes = {tuple(sorted(rewards)): len(set(permutations(rewards))) for rewards in orbits}
        tasks = sorted({order for rewards in sizes for order in permutations(rewards)})

        def mean(claimed: Callable[[Task], Fraction]) -> Fraction:
            return sum((size * claimed(rewards) for rewards, size in sizes.items()), Fraction(0)) / len(tasks)

        best, worst = extremes(tasks, k, sum)
        hits = extremes(tasks, k, max)
        claimed = mean(lambda rewards: claim.total(4, rewards, k))
        binary = all(set(rewards) <= {0, 1} for rewards in sizes)
        hit = mean(lambda rewards: claim.success(4, sum(rewards), k)) if binary else hits[0]
        return all_hold(
            f"orders of {orbits}, k = {k}",
            f"best {best}, worst {worst}, claimed {claimed}; best of k {hits[0]} and {hits[1]}, claimed "
            f"{hit}",
            no_learner_is_better=best == worst == claimed,
            nor_at_the_best_of_k=hits[0] == hits[1] == hit,
        )

    return context.examples(_ORBITS, check, name="T11 exact", most=5000)


_ENDS = st.lists(st.integers(0, 3), min_size=3, max_size=4).filter(lambda e: len(set(e)) > 1)


def dynamics(claim: Claim, context: Context) -> Iterable[Trial]:
    """Tasks "end in g": trajectories that share their end make some learners better than others, otherwise
    none is."""

    def check(ends: list[int]) -> Trial:
        tasks = [tuple(int(end == goal) for end in ends) for goal in sorted(set(ends))]
        merged = len(ends) - len(set(ends))
        k = min(2, len(ends) - 1)
        best, worst = extremes(tasks, k, max)
        return all_hold(
            f"trajectories end in {ends}, {k} tries",
            f"best learner {best}, worst {worst}, claimed better ones: {claim.free(merged)}",
            lunch_as_claimed=(best > worst) == claim.free(merged),
        )

    return context.examples(_ENDS, check, name="T11 dynamics")


THEOREM = theorem(
    uid="T11",
    title="No free lunch, and what the dynamics pay for",
    statement=(
        r"\text{uniform tasks on a permutation-closed set} \Rightarrow "
        r"\mathbb{E}\sum_{i\le k}R(\tau_i)=k\,\bar R,\quad "
        r"\Pr(\text{success in }k\text{ tries})=1-\binom{m-j}{k}\Big/\binom{m}{k}"
        r"\ \text{ for every non-repeating learner}"
    ),
    kind="classical",
    source="Wolpert and Macready, IEEE Trans. Evol. Comput. 1(1), 1997; the remark on dynamics is ours",
    claim=Claim(),
    methods=(
        method(
            "recursion for one more miss",
            "symbolic",
            symbolic,
            general="all m, j and k (0-1 rewards)",
            prose="that by symmetry every untried trajectory is as good as any other, whatever has been "
            "seen; the total k times the mean is checked on instances only",
        ),
        method("every adaptive learner", "enumeration", enumeration),
        method("best and worst learner by induction", "exact", exact),
        method("trajectories that share their end", "exact", dynamics),
    ),
    planted={
        "with replacement": Claim(success=lambda m, j, k: 1 - (1 - j * Fraction(1) / m) ** k),
        "one try too many": Claim(success=lambda m, j, k: _success(m, j, k + 1)),
        "paying and not paying exchanged": Claim(success=lambda m, j, k: _success(m, m - j, k)),
        "max for mean": Claim(total=lambda m, rewards, k: k * max(rewards)),
        "no lunch with dynamics either": Claim(free=lambda merged: False),
    },
    expected="proved",
)
