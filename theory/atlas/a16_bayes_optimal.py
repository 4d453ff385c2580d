r"""A16, trained learners: optimal for the tasks they were trained on, not after what never happened.

Statement
---------
A learner with memory that minimises the expected regret over a distribution of tasks is Bayes-optimal: in
the search for one of n places, if all have different positive probabilities, it tries them from the likeliest
to the least likely, and no other order has as little expected regret.

Dropped: positive probabilities. Where a task has probability zero in training, learners of the least expected
regret differ in it as much as orders can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST
from metaregret.theory.claims import Context, Trial, all_hold, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """By which key of its probability a place is tried, the smallest first."""

    key: Any = lambda p: -p


def regret(prior: Sequence[Any], order: Sequence[int]) -> Any:
    """Return the expected number of places tried in vain."""
    return sum(prior[place] * tried for tried, place in enumerate(order))


WEIGHTS = st.lists(st.integers(1, 12), min_size=2, max_size=4, unique=True)


def _prior(weights: Sequence[int]) -> list[Fraction]:
    return [Fraction(w, sum(weights)) for w in weights]


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All orders of up to four places: the claimed one is the only best."""

    def check(weights: list[int]) -> Trial:
        prior = _prior(weights)
        claimed = tuple(sorted(range(len(prior)), key=lambda place: claim.key(prior[place])))
        scores = {order: regret(prior, order) for order in permutations(range(len(prior)))}
        best = [order for order, score in scores.items() if score == min(scores.values())]
        return all_hold(f"prior {[str(p) for p in prior]}", f"best {best}", only_best=best == [claimed])

    return context.examples(WEIGHTS, check, name="A16 enumeration", most=MOST)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """The recursion over what is left: the Bayes-optimal value by dynamic programming is that of the claimed
    order."""

    def check(weights: list[int]) -> Trial:
        prior = _prior(weights)

        def least(left: frozenset[int]) -> Fraction:
            if not left:
                return Fraction(0)
            return min(sum((prior[g] for g in left - {a}), Fraction(0)) + least(left - {a}) for a in left)

        claimed = sorted(range(len(prior)), key=lambda place: claim.key(prior[place]))
        found, best = regret(prior, claimed), least(frozenset(range(len(prior))))
        return all_hold(
            f"prior {[str(p) for p in prior]}", f"{found} and {best}", bayes_optimal=found == best
        )

    return context.examples(WEIGHTS, check, name="A16 exact", most=MOST)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Exchanging two neighbours changes the regret by the difference of their probabilities."""
    p, q, tried = sympy.symbols("p q k", positive=True)
    change = (q * tried + p * (tried + 1)) - (p * tried + q * (tried + 1))
    yield vanishes("exchange", change - (p - q))
    yield all_hold("likelier first", first=claim.key(sympy.Rational(2, 3)) < claim.key(sympy.Rational(1, 3)))


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: two orders of least expected regret, of different regret in a task of probability zero."""
    prior = replay.distribution(witness["prior"])
    first, second = ([int(place) for place in witness[key]] for key in ("first", "second"))
    places = list(range(len(prior)))
    if sorted(first) != places or sorted(second) != places:
        return None
    best = min(regret(prior, order) for order in permutations(places))
    task = int(witness["task"])
    tried = [order.index(task) for order in (first, second)]
    if not (
        regret(prior, first) == regret(prior, second) == best and prior[task] == 0 and tried[0] != tried[1]
    ):
        return None
    return {
        "training distribution": [str(p) for p in prior],
        "two learners of least expected regret": [first, second],
        "their regrets in a task of probability zero": [str(t) for t in tried],
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Three places, one or two of them never used in training."""
    for prior in (["1/2", "1/2", "0"], ["1", "0", "0"]):
        for first in permutations(range(3)):
            for second in permutations(range(3)):
                for task in range(3):
                    yield {"prior": prior, "first": list(first), "second": list(second), "task": task}


PUBLISHED = published(
    uid="A16",
    title="A learner trained to the least expected regret is Bayes-optimal",
    statement=r"\mathcal A\in\arg\min\mathbb E_p[\text{regret}]\Rightarrow\mathcal A\ \text{is Bayes-optimal "
    r"after every history}",
    source="in the spirit of P. A. Ortega et al., Meta-learning of sequential strategies, 2019, "
    "arXiv:1905.03030",
    finite="The search for one of n places that are reached for sure; the exact minimiser instead of a "
    "trained one.",
    needs="every task of positive probability in training (the report speaks of tasks of its class), and "
    "no ties",
    refuted=True,
    verdict="proved",
    holds=(
        "With different positive probabilities the minimiser is the Bayes-optimal order, and the only one",
        r"p_1>\dots>p_n>0\Rightarrow\arg\min_\sigma\sum_gp_g\,(\sigma(g)-1)=\mathrm{id}",
    ),
    kind="classical",
    claim=Claim(),
    methods=(
        method(
            "exchange of neighbours",
            "symbolic",
            symbolic,
            general="all n",
            prose="every order becomes the sorted one by exchanges of neighbours that are in the wrong order",
        ),
        method("all orders", "enumeration", enumeration),
        method("dynamic programming", "exact", exact),
    ),
    planted={
        "least likely first": Claim(lambda p: p),
        "nearest to one half first": Claim(lambda p: abs(p - Fraction(5, 11))),
        "in order of names": Claim(lambda p: 0),
    },
    fails=(
        "The least expected regret settles what is done after every history",
        r"\mathcal A,\mathcal A'\in\arg\min\mathbb E_p[\text{regret}]\Rightarrow\text{equal regret in "
        r"every task}",
    ),
    drops="positive probability of every task",
    refute=refute,
    search=search,
)
