r"""T99, short name: the claim in one sentence.

Copy this file to ``tNN_<slug>.py`` (files whose names begin with an underscore are not collected), replace
everything, and run ``metaregret verify TNN``. ``docs/how-to/add-a-theorem.md`` walks through it;
``metaregret verify
--new FILE`` runs a claim that is not part of the project.

Statement
---------
For every ``rho`` with positive entries that sum to one, ``sum_g 1 / rho_g >= K**2``, with equality exactly at
uniform ``rho``.

Dropped: say which assumption matters, and which control shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from hypothesis import strategies as st

from metaregret.tabular.strategies import distributions
from metaregret.theory.claims import Context, Trial, all_hold, method, theorem, vanishes


@dataclass(frozen=True)
class Claim:
    """The formulas under test. Every method receives them as an argument; every planted error replaces
    one."""

    bound: Any = lambda count: count**2


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """A derivation for general K: the tangent of ``1 / rho`` at ``1 / K`` lies below it by a square; the sum
    is the bound."""
    rho, count = sympy.symbols("rho K", positive=True)
    tangent = 2 * count - count**2 * rho
    yield vanishes("tangent below by a square", 1 / rho - tangent - (1 - count * rho) ** 2 / rho)
    yield vanishes("sum of the tangents", count * 2 * count - count**2 * 1 - claim.bound(count))


# Made once: a claim and its planted errors are then tried on the same instances.
POINTS = st.integers(1, 4).flatmap(lambda size: distributions(size, positive=True))


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Rational instances, tolerance zero; a failing instance is shrunk."""

    def check(rho: list[Fraction]) -> Trial:
        total, count = sum(1 / r for r in rho), len(rho)
        return all_hold(
            f"rho = {[str(r) for r in rho]}",
            f"sum {total}, bound {claim.bound(count)}",
            bound_holds=total >= claim.bound(count),
            equality_at_uniform_only=(total == claim.bound(count)) == (len(set(rho)) == 1),
        )

    return context.examples(POINTS, check, name="T99 exact")


THEOREM = theorem(
    uid="T99",
    title="Template",
    statement=r"\sum_g \frac1{\rho_g}\ge K^2",
    kind="classical",
    source="the harmonic and the arithmetic mean",
    claim=Claim(),
    methods=(
        method("tangents", "symbolic", symbolic, general="all K"),
        method("rational distributions", "exact", exact),
    ),
    planted={
        "exponent one": Claim(bound=lambda count: count),
        "off by one": Claim(bound=lambda count: count**2 - 1),
        "factor 2": Claim(bound=lambda count: 2 * count**2),
    },
    expected="proved",
)
