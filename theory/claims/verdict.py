"""Verdicts: what a set of evidence allows one to say about a claim.

The word says how far the evidence reaches. Only a symbolic derivation for general sizes is called a proof;
evidence on instances certifies those instances; a failed check refutes; a check whose assumptions were
never met is vacuous, and that counts as a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from metaregret.theory.claims.evidence import Evidence, Group

__all__ = ["Verdict", "capped", "verdict_of"]


class Verdict(Enum):
    """The value is the sentence that explains the word."""

    PROVED = "derived symbolically in general, and confirmed on instances by an independent method"
    CERTIFIED = "exact, or certified with bounds, on the stated instances by two methods that share no solver"
    SUPPORTED = (
        "no counterexample among the stated instances, but fewer than two independent certified methods"
    )
    REFUTED = "a check failed: the witness says where"
    INCONCLUSIVE = "no method came to a result"
    VACUOUS = "the assumptions were met by no instance, so nothing was tested; this counts as a failure"

    @property
    def colour(self) -> str:
        """A terminal colour name."""
        return {"PROVED": "green", "CERTIFIED": "green", "SUPPORTED": "yellow"}.get(self.name, "red")


_CERTIFYING = {Group.SYMBOLIC, Group.EXACT, Group.OPTIMISATION, Group.ENUMERATION}


def verdict_of(evidence: Sequence[Evidence]) -> Verdict:
    """Return the verdict that `evidence` supports.

    Parameters
    ----------
    evidence : sequence of Evidence
        One entry per method that was run.
    """
    if not evidence:
        return Verdict.INCONCLUSIVE
    if any(item.failure is not None for item in evidence):
        return Verdict.REFUTED
    if any(item.instances == 0 for item in evidence):
        return Verdict.VACUOUS
    certifying = [item for item in evidence if item.group in _CERTIFYING]
    independent = any(
        first.group is not second.group and not (first.solvers & second.solvers)
        for first in certifying
        for second in certifying
    )
    if independent and any(item.general for item in certifying):
        return Verdict.PROVED
    return Verdict.CERTIFIED if independent else Verdict.SUPPORTED


_ORDER = (Verdict.PROVED, Verdict.CERTIFIED, Verdict.SUPPORTED, Verdict.INCONCLUSIVE)


def capped(verdict: Verdict, below: Iterable[Verdict]) -> Verdict:
    """Return what is left of a verdict that rests on claims with the verdicts `below`.

    A claim is known no better than what it uses: PROVED on top of CERTIFIED is CERTIFIED, and what rests on a
    claim that is refuted, vacuous or undecided is INCONCLUSIVE. A verdict that says something of its own
    instances alone (REFUTED, VACUOUS) stays.
    """
    if verdict not in _ORDER:
        return verdict
    ranks = [_ORDER.index(one) if one in _ORDER else len(_ORDER) - 1 for one in (verdict, *below)]
    return _ORDER[max(ranks)]
