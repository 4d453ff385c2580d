r"""C09, mutual information on the noisy goal: what it proposes is not minimax, by far.

The false statement: on the family ``F(K, v)`` (T21) the exploration of the most informative skills is
minimax, as on processes where every goal can be reached surely (T06). On ``F(4, 1/2)`` its worst-case
regret is 63/2 against 7/2.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from metaregret.tabular.rationals import parse_fraction
from metaregret.theory.claims import Context, Control, find_witness
from metaregret.theory.claims.oracles import sign_of_log_sum
from metaregret.theory.claims.oracles.power_moments import best, family, mixed

__all__ = ["equally_far", "informed"]


def informed(count: int, parts: int) -> list[Fraction]:
    """The weights of the actions of ``F(K, 1/m)`` that maximise mutual information, the noisy one first
    (T21)."""
    luck = Fraction(1, parts)
    inner = count**parts * parts * (1 / (1 - luck)) ** (parts - 1)
    noisy = 1 / (1 + inner) / luck
    return [noisy, *[(1 - noisy) / count] * count]


def equally_far(rows: list[list[Fraction]], q: list[Fraction]) -> bool:
    """Whether all rows have one relative entropy to ``q``: then ``q``, a mixture of all, is the unique
    optimum (T07)."""
    terms = [[(r, r / s) for r, s in zip(row, q, strict=True) if r] for row in rows]
    first = [(-weight, ratio) for weight, ratio in terms[0]]
    return all(sign_of_log_sum(first + other) == 0 for other in terms[1:])


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated weights maximise mutual information, and another exploration has less regret."""
    count, luck = int(witness["sure_goals"]), parse_fraction(witness["luck"], "luck")
    if not (count >= 1 and 0 < luck < 1):
        return None
    rows = family(count, luck)
    explored = {}
    for name in ("most_informative", "other"):
        weights = [parse_fraction(w, name) for w in witness[name]]
        if len(weights) != len(rows) or min(weights) <= 0 or sum(weights) != 1:
            return None
        explored[name] = mixed(rows, weights)
    if not equally_far(rows, explored["most_informative"]):
        return None
    regrets = {
        name: max(v / s for v, s in zip(best(rows), q, strict=True)) - 1 for name, q in explored.items()
    }
    if not regrets["other"] < regrets["most_informative"]:
        return None
    return {
        "worst-case regret of the most informative exploration": str(regrets["most_informative"]),
        "worst-case regret of the other": str(regrets["other"]),
    }


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among members of the family, from scratch: the smallest on which mutual information pays
    twofold."""

    def excess(drawn: tuple[int, int]) -> float:
        count, parts = drawn
        luck = Fraction(1, parts)
        return float(luck / (informed(count, parts)[0] * luck) / (count + luck)) - 2

    found = find_witness(st.tuples(st.integers(1, 4), st.integers(2, 4)), excess, context, name="C09")
    if found is None:
        return None
    count, parts = found
    return {
        "sure_goals": count,
        "luck": f"1/{parts}",
        "most_informative": [str(w) for w in informed(count, parts)],
        "other": [str(w) for w in _minimax(count, Fraction(1, parts))],
    }


def _minimax(count: int, luck: Fraction) -> list[Fraction]:
    """The weights of the actions whose mixture is proportional to ``v``."""
    noisy = 1 / (count + luck)
    return [noisy, *[(1 - noisy) / count] * count]


CONTROL = Control(
    uid="C09",
    title="Mutual information on a noisy goal",
    statement=(
        r"\text{on } F(4,\tfrac12):\ \max_g\frac{v^*_g}{q_1(g)}-1="
        r"\min_{\rho\in M}\max_g\frac{v^*_g}{\rho_g}-1"
    ),
    drops="sure reachability, from T06",
    source="extension by this project (T21)",
    refute=refute,
    search=search,
    uses=("T06", "T07", "T21"),
)
