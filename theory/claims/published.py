"""A published claim: what it says, what holds of it, where it stops, and which assumption makes the
difference.

An atlas file defines ``PUBLISHED``. It carries two records: `holds`, a theorem (the claim itself where it is
true, its repair where it is not) with independent methods and planted errors; and `fails`, a control refuted
by a stored witness (the claim itself where it is false, the claim with its assumption dropped where it is
true).
"""

from __future__ import annotations

from dataclasses import dataclass

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.claims.theorem import Control, Theorem
from metaregret.theory.claims.verdict import Verdict

__all__ = ["Published"]


@dataclass(frozen=True)
class Published:
    """A claim of the literature.

    Attributes
    ----------
    uid : str
        ``"A01"`` and so on; permanent. The records below carry the same identifier.
    title : str
    statement : str
        What is claimed, in LaTeX and in our own words.
    source : str
        Authors, title, year, place.
    finite : str
        What was made finite or exact to decide it, and what is therefore not judged.
    expected : Verdict
        Of the claim as stated: REFUTED, or the verdict of `holds`.
    needs : str
        The assumption that repairs a refuted claim, or without which a true one fails.
    holds : Theorem
    fails : Control
    """

    uid: str
    title: str
    statement: str
    source: str
    finite: str
    expected: Verdict
    needs: str
    holds: Theorem
    fails: Control

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected", choice(Verdict, self.expected, "expected"))
        if not self.uid == self.holds.uid == self.fails.uid:
            raise InvalidArgumentError(
                f"Expected one identifier for a published claim, but got {self.uid!r}, {self.holds.uid!r} "
                f"and "
                f"{self.fails.uid!r}; give the theorem and the control that of the claim."
            )

    @property
    def uses(self) -> tuple[str, ...]:
        """Identifiers of the claims that it rests on."""
        return tuple(dict.fromkeys((*self.holds.uses, *self.fails.uses)))

    certificate = None
