r"""A18, covering for any reward: one mixture of policies visits every state at every step often enough.

Statement
---------
The mixture of one best policy for every pair of a step and a state that can be reached at it visits each pair
with at least the best probability over the number of pairs, at most ``S H``. That is the covering condition
of reward-free exploration, without actions and with a known model.

Dropped: the factor of the horizon. S alone does not suffice, not even with deterministic dynamics: in the
witness three states and two steps need a factor of 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy

from metaregret.tabular.files import process_document
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, document, game
from metaregret.theory.claims import Context, Trial, all_hold, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """The factor that suffices, and is needed in some process of one step, from the numbers of pairs and of
    states."""

    factor: Any = lambda pairs, states: pairs


SMALL = processes(max_states=3, max_actions=2, max_steps=2, geometric=False, random_start=False)


def _pairs(points: list[replay.Outcome]) -> tuple[list[int], list[Fraction]]:
    best = replay.best(points)
    pairs = [k for k, v in enumerate(best) if v]
    return pairs, [best[k] for k in pairs]


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated processes: the exact game between mixtures of policies and pairs needs no larger factor."""

    def check(process: ControlledMarkovProcess) -> Trial:
        points = replay.visits(replay.read(process_document(process)))
        pairs, best = _pairs(points)
        value, _, _ = game([[x[k] / v for x in points] for k, v in zip(pairs, best, strict=True)])
        needed, factor = 1 / value, claim.factor(len(pairs), process.n_states)
        return all_hold(
            str(process.name),
            f"needs {needed}, claimed {factor}",
            suffices=needed <= factor,
            within_the_horizon=len(pairs) <= len(points[0]),
        )

    return context.examples(SMALL, check, name="A18 exact", share=2, most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """Stars: from the start one step leads to any of n states, and the factor is needed in full."""
    for n in range(2, 6):
        points = [tuple(Fraction(int(s == t)) for s in range(n)) for t in range(n)]
        spread = replay.mixed(points, [Fraction(1, n)] * n)
        needed = max(1 / p for p in spread)
        yield all_hold(f"star of {n}", f"{needed}", needed_in_full=needed == claim.factor(n, n + 1))


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """A pair is visited by its own policy, which has one share of as many as there are pairs."""
    pairs, states, best = sympy.symbols("K S v", positive=True)
    yield vanishes("ratio", best / (best / pairs) - claim.factor(pairs, states))


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: weights of pairs show that no mixture of policies has a factor of S."""
    model = replay.read(witness["process"])
    points = replay.visits(model)
    pairs, _ = _pairs(points)
    weights = replay.distribution(witness["weights"])
    states = len(model.rows)
    if len(weights) != len(pairs) or not replay.least_ratio(points, weights) > states:
        return None
    factor = replay.least_ratio(points, weights)
    return {"states": str(states), "pairs": str(len(pairs)), "factor needed, at least": str(factor)}


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Three states, two steps, deterministic: all ways to move."""
    names = ["s0", "s1", "s2"]
    first = [["s0", action, name, "1"] for action, name in zip("abc", names, strict=True)]
    for last in product(names, repeat=2):
        process = document([*first, ["s1", "a", last[0], "1"], ["s2", "a", last[1], "1"]], 2, names)
        points = replay.visits(replay.read(process))
        pairs, best = _pairs(points)
        _, _, prior = game([[x[k] / v for x in points] for k, v in zip(pairs, best, strict=True)])
        yield {"process": process, "weights": [str(w) for w in prior]}


PUBLISHED = published(
    uid="A18",
    title="One mixture of policies covers every state at every step",
    statement=r"\exists\mu\in M:\ \max_{\pi,h,s}\frac{d_h^\pi(s)}{\mu_h(s)}\le SH",
    source="in the spirit of C. Jin, A. Krishnamurthy, M. Simchowitz & T. Yu, Reward-free exploration for "
    "reinforcement learning, ICML 2020",
    finite="A known model, states without actions, and every pair instead of the significant ones; the "
    "number of episodes of exploration is not judged.",
    needs="the factor of the horizon: S alone does not suffice",
    verdict="proved",
    holds=(
        "The number of pairs suffices, and is needed",
        r"\min_{\mu\in M}\max_{\pi,h,s}\frac{d_h^\pi(s)}{\mu_h(s)}\le\#\{(h,s)\ \text{in reach}\}\le SH",
    ),
    kind="source",
    claim=Claim(),
    methods=(
        method(
            "own share",
            "symbolic",
            symbolic,
            general="all sizes",
            prose="the other policies only add to the visits of a pair",
        ),
        method("exact games", "exact", exact),
        method("stars", "enumeration", enumeration),
    ),
    planted={
        "one pair less": Claim(lambda pairs, states: pairs - 1),
        "half the pairs": Claim(lambda pairs, states: pairs * Fraction(1, 2)),
        "number of states": Claim(lambda pairs, states: states),
    },
    fails=("A factor of S suffices", r"\exists\mu\in M:\ \max_{\pi,h,s}\frac{d_h^\pi(s)}{\mu_h(s)}\le S"),
    fails_source="extension by this project",
    drops="the factor of the horizon",
    refute=refute,
    search=search,
)
