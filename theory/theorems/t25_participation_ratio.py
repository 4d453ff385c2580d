r"""T25, memory under noise: a participation ratio.

Statement
---------
Attempt processes: an episode is one attempt at a goal of one's choice, which ends there with probability
``v_g`` and else at no goal; ``c_g = 1/v_g`` attempts are needed on average. Infinitely many episodes.
With memory the minimax regret is

    max over sets A of goals of ((sum_A c)**2 / sum_A c**2 - 1) / 2,

half of the participation ratio of the costs less one; the prior proportional to ``c**2`` on the best
``A`` is least favourable. Without memory it is ``K - 1`` at the uniform prior, whatever the ``v``. The
minimax hitting time with memory is ``((sum c)**2 + sum c**2) / (2 sum c)`` episodes at the prior
proportional to ``c``.

Why: for the expected discovery times ``D`` of any learner ``sum_A c_g D_g >= ((sum_A c)**2 + sum_A
c**2)/2``, with equality where goals are attempted one after the other until found (a polymatroid); the
prior turns this into the lower bound, and mixtures of orders reach every point of the base. With all ``v
= 1`` it is T12. With ``K = 2`` and ``v = (1, 1/n)`` memory is worth a factor of ``n + 1/n``: no bound
holds without one on ``v`` (T24).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise, permutations
from typing import Any

import sympy

from metaregret.tabular.environments.attempts import attempts
from metaregret.tabular.strategies import attempt_chances
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes
from metaregret.theory.claims.oracles import mixed_value
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks

Chances = Sequence[Fraction]
KNOWN = {
    (Fraction(1), Fraction(1, 2)): Fraction(2, 5),
    (Fraction(1), Fraction(1, 5)): Fraction(5, 26),
    (Fraction(1), Fraction(1, 2), Fraction(1, 4)): Fraction(2, 3),
}


def _ratio(total: Any, squares: Any) -> Any:
    return (total**2 / squares - 1) * Fraction(1, 2)


def _hitting(total: Any, squares: Any) -> Any:
    return (total**2 + squares) / (2 * total)


@dataclass(frozen=True)
class Claim:
    """Values as functions of ``sum c`` and ``sum c**2``, the weight of a goal in the priors, and the sets
    ``A``."""

    regret: Any = _ratio
    weight: Any = lambda c: c**2
    hitting: Any = _hitting
    hitting_weight: Any = lambda c: c
    memoryless: Any = lambda count: count - 1
    best: Any = max

    def solved(self, chances: Chances) -> tuple[Fraction, list[Fraction]]:
        """The claimed regret with memory, and the prior."""
        costs = [1 / v for v in chances]
        sets = [a for k in range(1, len(costs) + 1) for a in combinations(range(len(costs)), k)]
        values = [
            Fraction(self.regret(sum(costs[g] for g in a), sum(costs[g] ** 2 for g in a))) for a in sets
        ]
        value = self.best(values)
        chosen = sets[values.index(value)]
        return value, _normalised(
            [Fraction(self.weight(c)) if g in chosen else Fraction(0) for g, c in enumerate(costs)]
        )

    def hit(self, chances: Chances) -> tuple[Fraction, list[Fraction]]:
        """The claimed hitting time with memory, and the prior."""
        costs = [1 / v for v in chances]
        value = Fraction(self.hitting(sum(costs), sum(c**2 for c in costs)))
        return value, _normalised([Fraction(self.hitting_weight(c)) for c in costs])


def _normalised(weights: list[Fraction]) -> list[Fraction]:
    return [w / sum(weights) for w in weights]


def _base(total: Any, squares: Any) -> Any:
    """The right side of the identity: what ``sum c D`` is for orders."""
    return (total**2 + squares) / 2


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """One more goal in an order adds ``c D`` to both sides; the priors turn the identity into the values."""
    before, squares, c, total = sympy.symbols("S Q c T", positive=True)
    step = _base(before + c, squares + c**2) - _base(before, squares)
    yield vanishes("one more goal in an order", step - c * (before + c))
    # p_g = c_g^2 / Q and v_g = 1 / c_g: sum p v D - 1 = base / Q - 1
    yield vanishes(
        "regret at the prior",
        sympy.nsimplify(claim.regret(total, squares)) - (_base(total, squares) / squares - 1),
    )
    yield vanishes(
        "hitting time at the prior",
        sympy.nsimplify(claim.hitting(total, squares)) - _base(total, squares) / total,
    )
    yield vanishes("weights of the regret", sympy.nsimplify(claim.weight(c)) / c - c)
    yield vanishes("weights of the hitting time", sympy.nsimplify(claim.hitting_weight(c)) - c)
    count = sympy.symbols("K", positive=True)
    yield vanishes("without memory, rho proportional to v", claim.memoryless(count) - (1 / (1 / count) - 1))


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """The game over all orders of attempts, goal by goal until found; the prior forces its value on every
    order."""

    def check(chances: list[Fraction]) -> Trial:
        orders = [_discovery(chances, order) for order in permutations(range(len(chances)))]
        (value, prior), (time, hitting_prior) = claim.solved(chances), claim.hit(chances)
        losses = [[v * d - 1 for v, d in zip(chances, times, strict=True)] for times in orders]
        known = KNOWN.get(tuple(chances))
        return all_hold(
            f"v = {[str(v) for v in chances]}",
            f"claimed {value} and {time}, orders {mixed_value(losses)} and {mixed_value(orders)}",
            regret=mixed_value(losses) == value,
            forced_by_the_prior=all(_mean(prior, loss) >= value for loss in losses),
            hitting_time=mixed_value(orders) == time,
            hitting_time_forced=all(_mean(hitting_prior, times) >= time for times in orders),
            as_known=known is None or value == known,
        )

    yield from context.examples(attempt_chances(), check, name="T25 orders", most=3000)
    for chances in (*KNOWN, (Fraction(1), Fraction(1), Fraction(1, 10))):
        yield check(list(chances))


def _discovery(chances: Chances, order: Sequence[int]) -> list[Fraction]:
    """Expected episodes until each goal is found, attempting one after the other."""
    times, passed = [Fraction(0)] * len(chances), Fraction(0)
    for goal in order:
        passed += 1 / chances[goal]
        times[goal] = passed
    return times


def _mean(prior: Sequence[Fraction], losses: Sequence[Fraction]) -> Fraction:
    return sum((p * x for p, x in zip(prior, losses, strict=True)), Fraction(0))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """All learners with memory: policy iteration over the sets of goals not ruled out, as a process; no
    tolerance."""

    def check(chances: list[Fraction]) -> Trial:
        tasks = GoalTasks.reachable(attempts(chances))
        regret = solve_memory(tasks, None, exact=True).value.exact
        time = solve_memory(tasks, None, criterion=Criterion.HITTING_TIME, exact=True).value.exact
        value, hitting = claim.solved(chances)[0], claim.hit(chances)[0]
        return all_hold(
            f"v = {[str(v) for v in chances]}",
            f"claimed {value} and {hitting}, learners with memory {regret} and {time}",
            regret=regret == value or len(chances) < 2,
            hitting_time=time == hitting,
        )

    yield from context.examples(attempt_chances(max_goals=3), check, name="T25 exact", most=2000)
    yield check([Fraction(1), Fraction(1, 2), Fraction(1, 3), Fraction(1, 4)])


def finite(claim: Claim, context: Context) -> Iterable[Trial]:
    """The memory solver over finitely many episodes: values rise towards the claimed one and do not pass
    it."""
    for chances in KNOWN:
        tasks = GoalTasks.reachable(attempts(chances))
        limit = float(claim.solved(chances)[0])
        values = [solve_memory(tasks, episodes).value for episodes in (4, 12, 36)]
        rising = min(b.upper - a.lower for a, b in pairwise(values))
        close = 1e-3 - abs(limit - values[-1].midpoint)
        note = f"claimed {limit}, N = 4, 12, 36: {[v.midpoint for v in values]}"
        yield Trial(
            f"v = {[str(v) for v in chances]}", min(rising, limit - values[-1].lower, close) + 1e-9, note
        )


def without(claim: Claim, context: Context) -> Iterable[Trial]:
    """The memoryless solver, exact: ``K - 1`` whatever the chances."""
    for chances in KNOWN:
        value = solve_without_memory(GoalTasks.reachable(attempts(chances)), exact=True).value.exact
        claimed = claim.memoryless(len(chances))
        yield all_hold(
            f"v = {[str(v) for v in chances]}", f"claimed {claimed}, {value}", same=value == claimed
        )


THEOREM = theorem(
    uid="T25",
    title="Memory under noise: a participation ratio",
    statement=(
        r"c_g=1/v_g:\quad V_{\text{memory}}=\max_A\tfrac12\Bigl(\frac{(\sum_A c)^2}{\sum_A c^2}-1\Bigr),\ "
        r"p^*\propto c^2"
        r"\text{ on }A;\qquad V_{\text{memoryless}}=K-1;\qquad \text{hitting time }"
        r"\frac{(\sum c)^2+\sum c^2}{2\sum c},\ p^*\propto c"
    ),
    kind="extension",
    source="extension by this project; the hitting time is classical (searching boxes: Stone 1975)",
    claim=Claim(),
    methods=(
        method(
            "telescoping sums",
            "symbolic",
            symbolic,
            general="all c",
            prose="that every learner meets the inequality (a polymatroid) and mixtures of orders reach "
            "every point of its base",
        ),
        method("all orders of attempts", "enumeration", enumeration),
        method("all learners with memory, rational", "exact", exact),
        method("finitely many episodes, bracketed", "optimisation", finite, "HiGHS"),
        method("memoryless solver, exact", "exact", without, "HiGHS"),
    ),
    planted={
        "all goals for the best A": Claim(best=lambda values: values[-1]),
        "sum of squares for the square of the sum": Claim(regret=lambda s, q: (s / q - 1) * Fraction(1, 2)),
        "dropped factor 1/2": Claim(regret=lambda s, q: s**2 / q - 1),
        "prior proportional to c": Claim(weight=lambda c: c),
        "hitting time of the mean order": Claim(hitting=lambda s, q: s * Fraction(1, 2)),
        "prior of the regret for the hitting time": Claim(hitting_weight=lambda c: c**2),
        "K without memory": Claim(memoryless=lambda count: count),
    },
    uses=("T12", "T24"),
    expected="proved",
    certificate=lambda: solved("attempts:1,1/2", learner="memory", episodes=3),
)
