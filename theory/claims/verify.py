"""Verify claims: run their methods, replay witnesses, try the planted errors; results as frozen records."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from metaregret.tabular.errors import InvalidArgumentError, MetaregretError
from metaregret.theory.claims.context import Context
from metaregret.theory.claims.evidence import Evidence, Group, gather
from metaregret.theory.claims.registry import theorems
from metaregret.theory.claims.theorem import Control, Method, Planted, Theorem
from metaregret.theory.claims.verdict import Verdict, capped, verdict_of
from metaregret.theory.claims.witness import load_witness, witness_path

__all__ = [
    "ControlResult",
    "PlantedScore",
    "TheoremResult",
    "methods_of",
    "plant",
    "planted_score",
    "run_method",
    "theorem_result",
    "theorem_results",
    "verify_control",
    "verify_theorem",
]


@dataclass(frozen=True)
class TheoremResult:
    """What verifying a theorem gave.

    Attributes
    ----------
    theorem : Theorem
    verdict : Verdict
    evidence : tuple of Evidence
    seconds : float
        Sum over the methods, which may have run side by side.
    """

    theorem: Theorem
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    seconds: float

    @property
    def margin(self) -> float:
        """Smallest margin over all methods."""
        return min((item.margin for item in self.evidence), default=float("inf"))

    @property
    def instances(self) -> int:
        """Number of trials over all methods."""
        return sum(item.instances for item in self.evidence)

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one, or better (proved where certified was expected)."""
        return self.verdict is self.theorem.expected or (
            self.verdict is Verdict.PROVED and self.theorem.expected is Verdict.CERTIFIED
        )


@dataclass(frozen=True)
class ControlResult:
    """What verifying a negative control gave: the facts of the replayed witness, if it refutes the claim."""

    control: Control
    verdict: Verdict
    witness: Mapping[str, Any] | None
    facts: Mapping[str, Any] | None
    seconds: float
    note: str = ""

    @property
    def as_expected(self) -> bool:
        """Whether the control was refuted, as it must be."""
        return self.verdict is Verdict.REFUTED


def methods_of(theorem: Theorem, context: Context) -> tuple[Method, ...]:
    """Return the methods that a run uses: in exact mode, only symbolic and rational ones."""
    rational = {Group.SYMBOLIC, Group.EXACT, Group.ENUMERATION}
    return tuple(method for method in theorem.methods if not context.exact or method.group in rational)


def run_method(theorem: Theorem, method: Method, context: Context) -> Evidence:
    """Run one method of a theorem on the formula under test."""
    run = partial(method.run, theorem.claim, context)
    with _blamed(f"{theorem.uid}: the method {method.name!r}"):
        return gather(method.name, method.group, run, solvers=method.solvers, general=method.general)


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Say which part of which claim raised an exception of its own: that is an error, and no evidence."""
    try:
        yield
    except MetaregretError:
        raise
    except (Exception, SystemExit) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise InvalidArgumentError(
            f"{what} raised {type(error).__name__}: {error} ({Path(place.filename).name}, line "
            f"{place.lineno}); mend the claim."
        ) from error


def theorem_results(found: Iterable[tuple[Theorem, Sequence[Evidence]]]) -> dict[str, TheoremResult]:
    """Return what the evidence, one entry per method, says about each theorem.

    No verdict exceeds those of the theorems it uses: their verdicts in this run, or, for those that were not
    run, the expected ones (`capped`).
    """
    given = {theorem.uid: (theorem, evidence) for theorem, evidence in found}
    known: dict[str, Verdict] = {}

    def verdict(uid: str) -> Verdict | None:
        if uid not in given:
            return theorems()[uid].expected if uid in theorems() else None
        if uid not in known:
            theorem, evidence = given[uid]
            below = [verdict(used) for used in theorem.uses]
            known[uid] = capped(verdict_of(evidence), [one for one in below if one is not None])
        return known[uid]

    results = {}
    for uid, (theorem, evidence) in given.items():
        final = verdict(uid)
        assert final is not None
        seconds = sum(item.seconds for item in evidence)
        results[uid] = TheoremResult(theorem, final, tuple(evidence), seconds)
    return results


def theorem_result(theorem: Theorem, evidence: Sequence[Evidence]) -> TheoremResult:
    """Return what `evidence`, one entry per method, says about one theorem, the others being as expected."""
    return theorem_results([(theorem, evidence)])[theorem.uid]


def verify_theorem(theorem: Theorem, context: Context) -> TheoremResult:
    """Run every method of a theorem (in exact mode, only symbolic and rational ones)."""
    return theorem_result(
        theorem, [run_method(theorem, method, context) for method in methods_of(theorem, context)]
    )


def plant(theorem: Theorem, planted: Planted, context: Context) -> Evidence | None:
    """Run a theorem's methods on a wrong variant; return the evidence that refutes it, or None if all
    missed it."""
    unshrunk = replace(context, shrink=False)
    for method in sorted(
        theorem.methods, key=lambda method: method.group is Group.OPTIMISATION
    ):  # cheap first
        run = partial(method.run, planted.claim, unshrunk)
        with _blamed(f"{theorem.uid}: the method {method.name!r} on the planted error {planted.name!r}"):
            evidence = gather(method.name, method.group, run, solvers=method.solvers)
        if evidence.failure is not None:
            return evidence
    return None


@dataclass(frozen=True)
class PlantedScore:
    """How many of a theorem's planted errors its own methods catch.

    Attributes
    ----------
    theorem : Theorem
    caught : tuple of (Planted, Evidence)
        With the evidence that refutes each.
    missed : tuple of Planted
        Empty for a theorem whose checks can fail.
    """

    theorem: Theorem
    caught: tuple[tuple[Planted, Evidence], ...]
    missed: tuple[Planted, ...]

    def __str__(self) -> str:
        total = len(self.caught) + len(self.missed)
        names = ", ".join(planted.name for planted in self.missed)
        return f"{self.theorem.uid}: {len(self.caught)} of {total} planted errors caught" + (
            f"; missed: {names}" if names else ""
        )


def planted_score(theorem: Theorem, context: Context) -> PlantedScore:
    """Try every planted error of a theorem."""
    tried = [(planted, plant(theorem, planted, context)) for planted in theorem.planted]
    return PlantedScore(
        theorem,
        tuple((planted, evidence) for planted, evidence in tried if evidence is not None),
        tuple(planted for planted, evidence in tried if evidence is None),
    )


def verify_control(control: Control, context: Context | None = None) -> ControlResult:
    """Replay a control's stored witness exactly.

    Parameters
    ----------
    control : Control
    context : Context, optional
        Where no witness is stored (a control from outside the project), search for one in this setting.
    """
    began = time.perf_counter()
    try:
        with _blamed(f"{control.uid}: the control"):
            witness = _witness(control, context)
            facts = control.refute(witness)
    except MetaregretError as error:
        return ControlResult(
            control, Verdict.INCONCLUSIVE, None, None, time.perf_counter() - began, str(error)
        )
    verdict = Verdict.INCONCLUSIVE if facts is None else Verdict.REFUTED
    return ControlResult(control, verdict, witness, facts, time.perf_counter() - began)


def _witness(control: Control, context: Context | None) -> Mapping[str, Any]:
    if context is None or witness_path(control.uid).exists():
        return load_witness(control.uid)
    found = control.search(context)
    if found is None:
        raise InvalidArgumentError(f"No witness is stored for {control.uid}, and the search found none.")
    return found
