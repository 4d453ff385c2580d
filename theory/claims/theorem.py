"""What a claim is made of: statement, assumptions, source, methods, planted errors.

A theorem file defines ``THEOREM``; a control file defines ``CONTROL``. Both are found by looking into their
folders (`metaregret.theory.claims.registry`). A theorem's `claim` is the formula under test: every method
receives it as an argument, and every planted error is another formula put in its place, which the same
methods must refute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from metaregret.tabular.choices import choice
from metaregret.theory.claims.assumption import Assumption
from metaregret.theory.claims.context import Context
from metaregret.theory.claims.evidence import Group, Trial
from metaregret.theory.claims.verdict import Verdict

__all__ = ["Control", "Kind", "Method", "Planted", "Theorem", "method", "theorem"]


class Kind(Enum):
    """Where a statement comes from."""

    SOURCE = "claim of the source"
    CLASSICAL = "classical result"
    EXTENSION = "extension by this project"
    OUTSIDE = "a claim of one's own"


@dataclass(frozen=True)
class Method:
    """One way to check a claim.

    Attributes
    ----------
    name : str
    group : Group
    run : callable
        ``run(claim, context)`` yields trials.
    solvers : frozenset of str
        Numerical solvers it rests on.
    general : str or None
        For a symbolic derivation: for which sizes it is general.
    prose : str
        For a general derivation: the steps that no program checks, so that a reader can.
    """

    name: str
    group: Group
    run: Callable[[Any, Context], Iterable[Trial]]
    solvers: frozenset[str] = frozenset()
    general: str | None = None
    prose: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "group", choice(Group, self.group, "group"))


@dataclass(frozen=True)
class Planted:
    """A wrong variant of the claim that the methods must refute."""

    name: str
    claim: Any


@dataclass(frozen=True)
class Theorem:
    """A statement with everything needed to check it.

    Attributes
    ----------
    uid : str
        ``"T01"`` and so on; permanent.
    title, statement : str
        The statement is LaTeX.
    kind : Kind
    source : str
        Citation.
    claim : object
        The formula (or formulas) under test.
    methods : tuple of Method
        At least two, in independent groups.
    planted : tuple of Planted
        At least three wrong variants.
    assumptions : tuple of Assumption
    uses : tuple of str
        Identifiers of the claims it rests on.
    expected : Verdict
    certificate : callable, optional
        ``certificate()`` returns the certificate of a worked instance (`metaregret.theory.certificates`),
        which a report carries beside the row.
    """

    uid: str
    title: str
    statement: str
    kind: Kind
    source: str
    claim: Any
    methods: tuple[Method, ...]
    planted: tuple[Planted, ...]
    assumptions: tuple[Assumption, ...] = ()
    uses: tuple[str, ...] = ()
    expected: Verdict = Verdict.CERTIFIED
    certificate: Callable[[], dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", choice(Kind, self.kind, "kind"))
        object.__setattr__(self, "expected", choice(Verdict, self.expected, "expected"))


def method(
    name: str,
    group: Group | str,
    run: Callable[[Any, Context], Iterable[Trial]],
    *solvers: str,
    general: str | None = None,
    prose: str = "",
) -> Method:
    """Return a `Method`: its group may be given by its word, its solvers follow one by one."""
    parsed = choice(Group, group, "group")
    return Method(name, parsed, run, frozenset(solvers), general, prose)


def theorem(
    *,
    kind: Kind | str,
    planted: Mapping[str, Any],
    expected: Verdict | str = Verdict.CERTIFIED,
    **fields: Any,
) -> Theorem:
    """Return a `Theorem` from words: its kind, its expected verdict, and wrong claims by name.

    Parameters
    ----------
    kind : Kind or str
    planted : mapping
        Wrong variants of the claim by name.
    expected : Verdict or str
    **fields
        The other fields of `Theorem`.
    """
    kind, expected = choice(Kind, kind, "kind"), choice(Verdict, expected, "expected")
    errors = tuple(Planted(name, wrong) for name, wrong in planted.items())
    return Theorem(kind=kind, planted=errors, expected=expected, **fields)


@dataclass(frozen=True)
class Control:
    """A claim with an assumption dropped, which must be refuted.

    Attributes
    ----------
    uid : str
        ``"C01"`` and so on; permanent.
    title, statement : str
        The false statement, in LaTeX.
    drops : str
        Which assumption of which theorem is dropped.
    source : str
    refute : callable
        ``refute(witness)`` replays a stored witness exactly; it returns the facts that refute the claim, or
        raises `metaregret.tabular.errors.MetaregretError` or returns None if the witness does not refute it.
    search : callable
        ``search(context)`` looks for a witness from scratch and returns its document, or None.
    uses : tuple of str
    certificate : callable, optional
        As for a theorem.
    """

    uid: str
    title: str
    statement: str
    drops: str
    source: str
    refute: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    search: Callable[[Context], Mapping[str, Any] | None]
    uses: tuple[str, ...] = field(default=())
    certificate: Callable[[], dict[str, Any]] | None = None
