r"""A04, entropy as preparation: the distribution of largest entropy is not the safest for an unknown goal.

Statement
---------
Exploring with as much entropy over final states as possible, Shannon's or Rényi's of any positive order, is
taken to prepare for any goal. Where every goal can be reached for sure it does: the uniform distribution
alone has the largest entropy of every such order, and the least worst-case regret, ``K - 1``.

Dropped: sure goals. In the witness one action stays and the other tosses a coin. The uniform distribution is
achievable, so it has the largest entropy of every order; its worst-case regret is 1, and 1/2 is possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import controllable_processes
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, game, one_step, outcomes_of
from metaregret.theory.claims import Context, Trial, exact_agreement, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """The least worst-case regret ``max_g v_g / rho_g - 1`` with ``K`` sure goals."""

    regret: Any = lambda count: count - 1


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """The tangent of ``1 / rho`` at ``1 / K`` lies below it by a square: the average of the ratios is at
    least ``K``, and uniform attains it."""
    count, rho = sympy.symbols("K rho", positive=True)
    yield vanishes("tangent", 1 / rho - (2 * count - count**2 * rho) - (1 - count * rho) ** 2 / rho)
    average = (count * 2 * count - count**2) / count  # of the tangents, over goals
    yield vanishes("regret of the average goal", claim.regret(count) - (average - 1))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Sure goals: the exact value of the game between policies and goals."""

    def check(process: ControlledMarkovProcess) -> Trial:
        points = outcomes_of(process)
        value, _, _ = game([[point[g] for point in points] for g in range(process.n_states)])
        return exact_agreement(str(process.name), 1 / value - 1, claim.regret(process.n_states))

    return context.examples(
        controllable_processes(max_states=3, extra_steps=1, noisy=True), check, name="A04 exact", most=MOST
    )


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All distributions over K sure goals on a grid that contains the uniform one."""
    for count in range(1, 5):
        total = 2 * count
        grid = [()] if count == 1 else _compositions(total, count)
        least = min((max(Fraction(total, x) for x in point) for point in grid if point), default=Fraction(1))
        yield exact_agreement(f"{count} goals", least - 1, claim.regret(count))


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(total,)]
    return [(x, *rest) for x in range(1, total - parts + 2) for rest in _compositions(total - x, parts - 1)]


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the uniform distribution, which every entropy prefers, is achieved, and another has less
    regret."""
    points, optimum = replay.achieved(witness)
    spread = replay.mixed(points, replay.distribution(witness["mixture_of_largest_entropy"]))
    other = replay.mixed(points, replay.distribution(witness["other_mixture"]))
    if (
        len(set(spread)) != 1
        or min(other) <= 0
        or not replay.worst(optimum, other) < replay.worst(optimum, spread)
    ):
        return None
    return {
        "best probabilities": [str(v) for v in optimum],
        "distribution of largest entropy of every order": [str(p) for p in spread],
        "its worst-case regret": str(replay.worst(optimum, spread)),
        "another distribution": [str(p) for p in other],
        "its regret": str(replay.worst(optimum, other)),
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Two actions over two states with small fractions, the uniform distribution among their mixtures."""
    for n in range(2, 5):
        for k in range(1, n):
            half, p = Fraction(1, 2), Fraction(k, n)
            found: dict[str, Any] = {"process": one_step([[1 - p, p], [Fraction(1), Fraction(0)]])}
            points = replay.outcomes(replay.read(found["process"]))
            low, high = points[0][0], points[1][0]
            if not low <= half <= high:
                continue
            share = (high - half) / (high - low)
            found["mixture_of_largest_entropy"] = [str(share), str(1 - share)]
            _, columns, _ = game([[x[g] / replay.best(points)[g] for x in points] for g in (0, 1)])
            found["other_mixture"] = [str(c) for c in columns]
            yield found


PUBLISHED = published(
    uid="A04",
    title="Exploring with the largest entropy prepares best for an unknown goal",
    statement=r"\arg\max_{\rho\in M}H_\alpha(\rho)\subseteq\arg\min_{\rho\in M}\max_g\frac{v^*_g}{\rho_g}",
    source="in the spirit of E. Hazan et al., Provably efficient maximum entropy exploration, ICML 2019, "
    "arXiv:1812.02690, and C. Zhang, Y. Cai, L. Huang & J. Li, Exploration by maximizing Rényi "
    "entropy for reward-free RL framework, AAAI 2021, arXiv:2006.06193",
    finite="Entropy of the final state, and the regret of a learner without memory; the sample complexity "
    "that the papers bound is not judged.",
    needs="every goal can be reached for sure (v* = 1)",
    refuted=True,
    verdict="proved",
    holds=(
        "With sure goals the uniform distribution is minimax",
        r"v^*=1\Rightarrow\min_\rho\max_g\frac1{\rho_g}-1=K-1",
    ),
    holds_source="T04 of this project",
    claim=Claim(),
    methods=(
        method(
            "tangents",
            "symbolic",
            symbolic,
            general="all K",
            prose="the largest ratio is at least the average one; every entropy is largest at uniform",
        ),
        method("exact games", "exact", exact),
        method("grids of distributions", "enumeration", enumeration),
    ),
    planted={
        "K": Claim(lambda count: count),
        "half of it": Claim(lambda count: Fraction(1, 2) * (count - 1)),
        "K squared less one": Claim(lambda count: count**2 - 1),
    },
    fails=(
        "The distribution of largest entropy is minimax for goals",
        r"\arg\max_{\rho\in M}H_\alpha(\rho)\subseteq\arg\min_{\rho\in M}\max_g\frac{v^*_g}{\rho_g}",
    ),
    drops="sure goals",
    refute=refute,
    search=search,
)
