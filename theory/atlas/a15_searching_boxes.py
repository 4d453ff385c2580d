r"""A15, searching boxes: hide in proportion to the cost, if boxes can be opened in any order.

Statement
---------
An object is hidden in one of n boxes; opening box i costs ``c_i`` and reveals it. Hidden with probability in
proportion to the cost, every order of opening costs the same on average: ``(sum c_i**2 + (sum c_i)**2) / (2
sum c_i)``, the value of the game.

Dropped: any order. If the second box can be opened only after the first, the object is hidden in the second.
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
from metaregret.theory.atlas._instances import MOST, game
from metaregret.theory.claims import Context, Trial, all_hold, exact_agreement, method, published, vanishes


@dataclass(frozen=True)
class Claim:
    """Where to hide, from the costs."""

    hide: Any = lambda costs: [c / Fraction(1) / sum(costs) for c in costs]


def value(costs: Sequence[Any]) -> Any:
    """Return the value of the game."""
    return (sum(c**2 for c in costs) + sum(costs) ** 2) / (2 * sum(costs))


def expected_cost(costs: Sequence[Any], hidden: Sequence[Any], order: Sequence[int]) -> Any:
    """Return the expected cost of opening in this order."""
    total, spent = 0, 0
    for box in order:
        spent += costs[box]
        total += hidden[box] * spent
    return total


COSTS = st.lists(st.integers(1, 6).map(Fraction), min_size=2, max_size=4)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """For symbolic costs every order of two and of three boxes costs the claimed value."""
    for count in (2, 3):
        costs = sympy.symbols(f"c1:{count + 1}", positive=True)
        hidden = [sympy.sympify(p) for p in claim.hide(costs)]
        for order in permutations(range(count)):
            yield vanishes(f"order {order}", expected_cost(costs, hidden, order) - value(costs))


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All orders of up to four boxes cost the same."""

    def check(costs: list[Fraction]) -> Trial:
        hidden = claim.hide(costs)
        found = {expected_cost(costs, hidden, order) for order in permutations(range(len(costs)))}
        return all_hold(f"costs {[str(c) for c in costs]}", f"{found}", all_orders=found == {value(costs)})

    return context.examples(COSTS, check, name="A15 enumeration", most=MOST)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """The exact game between hider and searcher has the value that the hider's distribution forces."""

    def check(costs: list[Fraction]) -> Trial:
        orders = list(permutations(range(len(costs))))
        point: Any = lambda box: [Fraction(int(k == box)) for k in range(len(costs))]
        rows = [[-expected_cost(costs, point(box), order) for order in orders] for box in range(len(costs))]
        forced = min(expected_cost(costs, claim.hide(costs), order) for order in orders)
        return exact_agreement(f"costs {[str(c) for c in costs]}", -game(rows)[0], forced)

    return context.examples(COSTS, check, name="A15 exact", most=MOST)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: among the allowed orders, the best answer to another distribution costs more than that to the
    proportional one."""
    costs = [replay.fraction(c) for c in witness["costs"]]
    if min(costs) <= 0:
        return None
    before = [tuple(map(int, pair)) for pair in witness["opened_before"]]
    other = replay.distribution(witness["other"])
    if len(other) != len(costs):
        return None
    allowed = [
        order
        for order in permutations(range(len(costs)))
        if all(order.index(a) < order.index(b) for a, b in before)
    ]
    if not allowed:
        return None
    proportional = [c / sum(costs) for c in costs]
    forced = [min(expected_cost(costs, p, order) for order in allowed) for p in (proportional, other)]
    if not forced[1] > forced[0]:
        return None
    return {
        "costs": [str(c) for c in costs],
        "opened before": [f"{a} before {b}" for a, b in before],
        "cost forced in proportion": str(forced[0]),
        "another distribution": [str(p) for p in other],
        "cost it forces": str(forced[1]),
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Two boxes, one before the other."""
    for k in range(5):
        yield {
            "costs": ["1", "1"],
            "opened_before": [[0, 1]],
            "other": [str(Fraction(k, 4)), str(1 - Fraction(k, 4))],
        }


PUBLISHED = published(
    uid="A15",
    title="Hide in boxes in proportion to the cost of opening them",
    statement=r"p_i\propto c_i\ \text{is optimal for the hider, of value}\ \frac{\sum c_i^2+(\sum "
    r"c_i)^2}{2\sum c_i}",
    source="in the spirit of T. Lidbetter, A review of minimum cost box searching games, 2025, "
    "arXiv:2502.10551",
    finite="One object, perfect detection.",
    needs="boxes can be opened in any order",
    holds=(
        "In proportion to the cost every order costs the same",
        r"p_i=\frac{c_i}{\sum c}\Rightarrow\sum_ip_i\sum_{j\preceq i}c_j=\frac{\sum c_i^2+(\sum "
        r"c_i)^2}{2\sum c_i}",
    ),
    kind="classical",
    claim=Claim(),
    methods=(
        method("symbolic costs", "symbolic", symbolic),
        method("all orders", "enumeration", enumeration),
        method("exact games", "exact", exact),
    ),
    planted={
        "uniform": Claim(lambda costs: [Fraction(1, len(costs))] * len(costs)),
        "in proportion to the square": Claim(lambda costs: [c**2 / sum(x**2 for x in costs) for c in costs]),
        "in inverse proportion": Claim(lambda costs: [1 / c / sum(1 / x for x in costs) for c in costs]),
    },
    fails=(
        "In proportion to the cost, whatever the order of opening",
        r"p_i\propto c_i\ \text{is optimal for the hider with precedence}",
    ),
    fails_source="extension by this project",
    drops="any order",
    refute=refute,
    search=search,
)
