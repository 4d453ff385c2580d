"""What the writers of certificates share: rational witnesses, the instance, and claims that are known to
hold.

A writer drafts a certificate with a witness (priors, learners, values) and no claim. `proved` hands the draft
to the checker and writes what it proves into the claim: no certificate leaves this package that the checker
does not accept, and none claims more than it proves.
"""

from __future__ import annotations

import itertools
import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.documents import write_text
from metaregret.tabular.errors import InstanceTooLargeError, SolverError, UnsupportedError
from metaregret.tabular.files import process_document
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import fraction_text
from metaregret.theory.certificates import check as checker

__all__ = [
    "Document",
    "certificate",
    "fractions",
    "named",
    "policy_rows",
    "proved",
    "rounded",
    "write_certificate",
]

Document = dict[str, Any]
GRID_BITS = 40
"""Probabilities in floating point become multiples of two to the minus this: the sum is then exactly one."""

SMALL_DENOMINATORS = (24, 720)
SAME = 1e-9
"""Denominators that are tried first, and how near a floating-point number must be."""

MAX_CHARACTERS = 24
DIGITS = 18
"""Bounds that are longer in full are rounded outward to this many decimals, unless they are equal."""


def rounded(values: np.ndarray | Sequence[float], bits: int = GRID_BITS) -> list[Fraction]:
    """Return a rational distribution near `values`: multiples of ``2**-bits`` that sum to one.

    Entries that are zero stay zero; the largest takes what rounding leaves.
    """
    unit = 1 << bits
    floats = np.maximum(np.nan_to_num(np.asarray(values, dtype=float)), 0.0)
    scaled = [Fraction(x) for x in floats.tolist()]
    total = sum(scaled)
    if not total:
        raise SolverError("A distribution of a certificate has no mass.")
    counts = [round(x / total * unit) for x in scaled]
    counts[int(np.argmax(floats))] += unit - sum(counts)
    return [Fraction(count, unit) for count in counts]


def fractions(values: np.ndarray | Sequence[Any], bits: int = GRID_BITS) -> list[Fraction]:
    """Return a distribution as rationals: as it is where it is rational already, else small denominators
    if it is that up to rounding, else `rounded`."""
    items = list(values)
    if all(isinstance(x, Fraction) for x in items):
        return items
    return simple(items) or rounded(np.array(items, dtype=float), bits)


def simple(values: Sequence[float]) -> list[Fraction] | None:
    """Return the distribution with small denominators that `values` is, up to rounding, if there is one."""
    for denominator in SMALL_DENOMINATORS:
        found = [Fraction(float(x)).limit_denominator(denominator) for x in values]
        if sum(found) == 1 and all(
            abs(float(x) - y) < SAME and (x > 0) == (y > 0) for x, y in zip(found, values, strict=True)
        ):
            return found
    return None


def named(names: Iterable[str], values: Iterable[Fraction]) -> dict[str, str]:
    """Return the non-zero entries by name, as text."""
    return {name: fraction_text(value) for name, value in zip(names, values, strict=True) if value}


def policy_rows(
    process: ControlledMarkovProcess,
    policy: np.ndarray,
    *,
    state: Sequence[str],
    block: Sequence[int],
) -> list[list[Any]]:
    """Return rows ``[0, t, state, B, {action: probability}]`` of a policy, where it can get.

    At a geometric horizon a policy is stationary and ``t`` is 0 in every row.

    Parameters
    ----------
    process : ControlledMarkovProcess
        It may be an augmented process.
    policy : ndarray, shape (T, C) or (C,)
    state : sequence of str, length S
        How the certificate names each state.
    block : sequence of int, length S
        The bit set ``B`` of the tasks still possible in each state.
    """
    rows: list[list[Any]] = []
    here = np.flatnonzero(process.initial > 0).tolist()
    stationary, seen = policy.ndim == 1, set[int]()
    for t, weights in enumerate(itertools.repeat(policy) if stationary else policy):
        if not here:
            break
        seen.update(here)
        following: set[int] = set()
        for s in here:
            choices = list(process.choices(s))
            shares = fractions([weights[c] for c in choices])
            actions = [process.actions[int(process.choice_action[c])] for c in choices]
            rows.append([0, 0 if stationary else t, state[s], block[s], named(actions, shares)])
            for c, share in zip(choices, shares, strict=True):
                if share:
                    following.update(process.successors[process.offsets[c] : process.offsets[c + 1]].tolist())
        here = sorted(following - seen if stationary else following)
    return rows


def certificate(
    process: ControlledMarkovProcess | None, claim: Mapping[str, Any], witness: Mapping[str, Any]
) -> Document:
    """Return a draft: a claim without bounds, and the witness.

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    UnsupportedError
        If several states count as one goal, which the checker does not know.
    """
    document: Document = {"format": "metaregret-certificate/1"}
    if process is not None:
        process.require_exact()
        if process.has_copies:
            raise UnsupportedError(
                f"Certificates name goals by one state each, but {process.name!r} has goals of several "
                "states; state its tasks as reward tables."
            )
        instance = process_document(process)
        for unknown in ("picture", "counts_as"):
            instance.pop(unknown, None)
        document["process"] = instance
    return {**document, "claim": dict(claim), "witness": dict(witness)}


def proved(draft: Document, *, budget: int = checker.BUDGET, exact: Fraction | None = None) -> Document:
    """Return the draft with the bounds that the checker proves from its witness.

    Parameters
    ----------
    budget : int
        Units of work for the checker.
    exact : Fraction, optional
        The value that is claimed to be exact.

    Raises
    ------
    InstanceTooLargeError
        If the checker gives up for its limits on work or on the size of numbers.
    SolverError
        If it rejects the witness, or does not prove the exact value: a defect in what was to be certified.
    """
    draft["claim"] |= {"lower": "-inf", "upper": "inf"}
    lower, upper = _checked(draft, budget)
    if exact is not None and not lower == upper == exact:
        found = ", ".join(checker.text(bound)[:100] for bound in (lower, upper))
        raise SolverError(f"The certificate proves [{found}] and not the exact value {Bracket.of(exact)}.")
    draft["claim"] |= {"lower": _text(lower, -1), "upper": _text(upper, 1)}
    whole = checker.text(lower)
    # A finite value may be too long for a certificate.
    if lower == upper and (whole in ("inf", "-inf") or checker.REAL.fullmatch(whole)):
        draft["claim"] |= {"lower": whole, "upper": whole, "exact": True}
    return draft


def _checked(draft: Document, budget: int) -> tuple[Any, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draft.json"
        path.write_text(json.dumps(draft), encoding="utf-8")
        try:
            _, lower, upper = checker.check(path, budget)
        except checker.CertificateError as reason:
            limits = ("budget", "fine fractions", "larger than", "too many", "at most")
            text = str(reason).partition(" (--")[0]
            if any(word in text for word in limits):
                raise InstanceTooLargeError(
                    f"The certificate is beyond the checker's limits, so none is written: {text}. "
                    "The bounds stand; a smaller instance has a certificate."
                ) from reason
            raise SolverError(f"The checker does not accept the certificate: {text}.") from reason
    return lower, upper


def _text(bound: Any, side: int) -> str:
    """Spell a bound, rounded outward where it is long."""
    if isinstance(bound, float) or len(checker.text(bound)) <= MAX_CHARACTERS:
        return str(bound)
    scaled = math.ceil(bound * 10**DIGITS) if side > 0 else math.floor(bound * 10**DIGITS)
    whole, part = divmod(abs(scaled), 10**DIGITS)
    return f"{'-' * (scaled < 0)}{whole}.{part:0{DIGITS}d}"


def write_certificate(document: Document, path: Path) -> None:
    """Write a certificate to a file, one row per line, atomically."""
    write_text(path, _spell(document) + "\n")


def _spell(value: Any, depth: int = 0) -> str:
    """Return JSON in which arrays of plain values and short objects stay on a line."""
    flat = json.dumps(value)
    if len(flat) <= 100 or not isinstance(value, (dict, list)):
        return flat
    if isinstance(value, list) and not any(isinstance(item, list) or len(str(item)) > 100 for item in value):
        return flat
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_spell(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + inner + f",\n{inner}".join(parts) + f"\n{outer}}}"
    parts = [_spell(item, depth + 1) for item in value]
    return "[\n" + inner + f",\n{inner}".join(parts) + f"\n{outer}]"
