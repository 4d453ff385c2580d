"""A published claim: what it says, what holds of it, where it stops, and which assumption makes the
difference.

An atlas file defines ``PUBLISHED``, made by `published`. It carries two records: `holds`, a theorem (the
claim itself where it is true, its repair where it is not) with independent methods and planted errors; and
`fails`, a control refuted by a stored witness (the claim itself where it is false, the claim with its
assumption dropped where it is true).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.claims.context import Context
from metaregret.theory.claims.theorem import Control, Kind, Method, Theorem, theorem
from metaregret.theory.claims.verdict import Verdict

__all__ = ["Published", "published"]

OWN = (Kind.EXTENSION, "extension")


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
                f"and {self.fails.uid!r}; give the theorem and the control that of the claim."
            )

    @property
    def uses(self) -> tuple[str, ...]:
        """Identifiers of the claims that it rests on."""
        return tuple(dict.fromkeys((*self.holds.uses, *self.fails.uses)))

    certificate = None


def published(
    *,
    uid: str,
    title: str,
    statement: str,
    source: str,
    finite: str,
    needs: str,
    refuted: bool = False,
    verdict: Verdict | str = Verdict.CERTIFIED,
    holds: tuple[str, str] | None = None,
    kind: Kind | str = Kind.EXTENSION,
    holds_source: str | None = None,
    claim: Any,
    methods: tuple[Method, ...],
    planted: Mapping[str, Any],
    fails: tuple[str, str] | None = None,
    fails_source: str | None = None,
    drops: str,
    refute: Callable[[Mapping[str, Any]], Mapping[str, Any] | None],
    search: Callable[[Context], Iterable[Mapping[str, Any]]],
    uses: tuple[str, ...] = (),
) -> Published:
    """Return a published claim with both its records.

    Parameters
    ----------
    uid, title, statement, source, finite, needs
        As in `Published`.
    refuted : bool
        Whether the claim as stated is false; otherwise it has the verdict of what holds.
    verdict : Verdict or str
        Expected of what holds.
    holds : (str, str), optional
        Title and statement of what holds; by default those of the claim.
    kind, holds_source
        Where what holds comes from; by default an extension from this project, all else from the source.
    claim, methods
        As in `metaregret.theory.claims.Theorem`.
    planted : mapping
        Wrong variants of `claim` by name.
    fails : (str, str), optional
        Title and statement of what is refuted; by default those of the claim.
    fails_source : str, optional
        Where that comes from; by default the source of the claim.
    drops, refute
        As in `metaregret.theory.claims.Control`.
    search : callable
        ``search(context)`` yields what may be a witness, from scratch; the first that refutes is taken.
    """
    kind, verdict = choice(Kind, kind, "kind"), choice(Verdict, verdict, "verdict")
    kept, denied = holds or (title, statement), fails or (title, statement)
    proved = theorem(
        uid=uid,
        title=kept[0],
        statement=kept[1],
        kind=kind,
        source=holds_source or ("extension by this project" if kind in OWN else source),
        claim=claim,
        methods=methods,
        planted=planted,
        uses=uses,
        expected=verdict,
    )
    control = Control(
        uid=uid,
        title=denied[0],
        statement=denied[1],
        drops=drops,
        source=fails_source or source,
        refute=refute,
        search=lambda context: next(filter(refute, search(context)), None),
    )
    expected = Verdict.REFUTED if refuted else proved.expected
    return Published(uid, title, statement, source, finite, expected, needs, proved, control)
