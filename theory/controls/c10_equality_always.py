r"""C10, equality always: the lower bound of T24 is not the value of every set system.

The false statement: with memory the minimax regret on deterministic dynamics is ``m - m (m + 1)/(2
tau*)``, ``m = floor(tau*)``, the smallest that T24 allows. It holds for goals noticed at the end, lines,
trees, odd cycles of pairs and every set system of at most four goals. On the Fano plane, seven goals on
seven lines of three, any two lines meet, so that the second episode finds only two new goals: the value is
6/7, not 5/7. Two triangles side by side, six goals and six pairs, are another case: 7/6, not 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor
from typing import Any

from hypothesis import strategies as st

from metaregret.tabular.environments.cover import cover
from metaregret.tabular.rationals import parse_fraction
from metaregret.theory.claims import Context, Control, find_witness
from metaregret.theory.claims.oracles import bayes_regret_at
from metaregret.theory.covers import SetSystem, fractional_numbers, search_value
from metaregret.theory.tasks import Detection


def _claimed(system: SetSystem) -> Fraction:
    tau = fractional_numbers(system)[0]
    whole = floor(tau)
    return whole - Fraction(whole * (whole + 1)) / (2 * tau)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated prior forces more than the claimed value, by recursion over hyperstates."""
    sets = [[int(goal) for goal in one] for one in witness["sets"]]
    process = cover(sets)
    system = SetSystem.of(sets)
    prior = [parse_fraction(p, "prior") for p in witness["prior"]]
    if len(prior) != system.count or sum(prior) != 1 or min(prior) < 0:
        return None
    forced = bayes_regret_at(process, range(system.count), prior, system.count, Detection.VISIT)
    if not forced > _claimed(system):
        return None
    return {
        "tau*": str(fractional_numbers(system)[0]),
        "claimed regret": str(_claimed(system)),
        "regret forced by the prior": str(forced),
    }


_ROTATIONS = st.integers(3, 8).flatmap(
    lambda count: st.sets(st.integers(0, count - 1), min_size=1, max_size=4).map(
        lambda one: [sorted((goal + shift) % count for goal in one) for shift in range(count)]
    )
)
"""Every set once turned round: all goals are alike, and any two sets meet if the set's differences are
all."""


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among the rotations of one set, from scratch."""

    def excess(sets: list[list[int]]) -> Fraction:
        system = SetSystem.of(sets)
        return search_value(system).value - _claimed(system)

    found = find_witness(_ROTATIONS, excess, context, name="C10")
    if found is None:
        return None
    return {"sets": found, "prior": [str(p) for p in search_value(SetSystem.of(found)).prior]}


CONTROL = Control(
    uid="C10",
    title="The value of memory is always its lower bound",
    statement=r"V_{\text{memory}}=m-\frac{m(m+1)}{2\tau^*},\quad m=\lfloor\tau^*\rfloor",
    drops='the inequality sign, from T24: "equality always"',
    source="extension by this project",
    refute=refute,
    search=search,
    uses=("T23", "T24"),
)
