"""The report of a verification run as plain data (``metaregret-report/1``); every renderer is a function
of it."""

from __future__ import annotations

import inspect
import json
import math
import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

from metaregret.theory.claims import (
    ControlResult,
    PlantedScore,
    Published,
    TheoremResult,
    Verdict,
    explanation,
)
from metaregret.theory.claims.evidence import Evidence
from metaregret.theory.main_claim import MainClaim

__all__ = [
    "REPORT_FORMAT",
    "Row",
    "atlas_row",
    "control_row",
    "made",
    "plain",
    "planted_rows",
    "process_row",
    "report_document",
    "theorem_row",
]

REPORT_FORMAT = "metaregret-report/1"

LIBRARIES = ("numpy", "scipy", "cvxpy", "highspy", "sympy", "python-flint")
"""Whose versions a report names: what its numbers rest on."""

REPOSITORY = ("repository", "source", "source code")
"""Labels of a project's addresses that lead to its source text."""

Row = dict[str, Any]
"""One line of the report as plain data, so that it can be made in another process."""


def report_document(
    theorems: Sequence[Row],
    controls: Sequence[Row],
    processes: Sequence[Row],
    *,
    atlas: Sequence[Row] = (),
    version: str,
    settings: Mapping[str, Any],
    seconds: float,
    files: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the report document.

    Parameters
    ----------
    theorems, controls, processes : sequence of rows
        From `theorem_row`, `control_row` and `process_row`.
    atlas : sequence of rows
        From `atlas_row`.
    version : str
    settings : mapping
        ``seed``, ``instances`` and ``exact``: what reproduces the run.
    seconds : float
    files : mapping, optional
        The file that defines a claim, by identifier, for claims from outside the project.
    """
    for row in (*theorems, *controls, *atlas):
        row["command"] = _command(row["uid"], settings, (files or {}).get(row["uid"]))
    planted = [error for row in (*theorems, *atlas) for error in row["planted"]]
    return {
        "format": REPORT_FORMAT,
        "version": version,
        "seed": settings["seed"],
        "settings": dict(settings),
        "theorems": list(theorems),
        "controls": list(controls),
        "atlas": list(atlas),
        "processes": list(processes),
        "summary": {
            "theorems": len(theorems),
            "controls": len(controls),
            "published_claims": len(atlas),
            "processes": len(processes),
            "planted_errors": len(planted),
            "planted_errors_caught": sum(error["caught"] for error in planted),
            "as_expected": all(row["as_expected"] for row in (*theorems, *controls, *atlas, *processes)),
            "seconds": round(seconds, 3),
        },
    }


def made() -> dict[str, Any]:
    """Return when and with what a report is made; ``SOURCE_DATE_EPOCH`` fixes the date."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return {
        "date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "versions": {"Python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }


def where_defined(function: Any) -> dict[str, Any] | None:
    """Return file (from the package on), line and, where the project names a repository, link of the source
    of a function; None for what is not written in Python."""
    while isinstance(function, partial):
        function = function.func
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return None
    file, root = Path(code.co_filename).resolve(), Path(__file__).resolve().parents[2]
    inside = file.is_relative_to(root)
    name = file.relative_to(root).as_posix() if inside else file.name
    pages = _repository() if inside else None
    link = None if pages is None else f"{pages}/blob/v{version('metaregret')}/{name}#L{code.co_firstlineno}"
    return {"file": name, "line": code.co_firstlineno, "link": link}


def _repository() -> str | None:
    """The project's pages of source text, where its metadata names any."""
    named = (entry.partition(", ") for entry in metadata("metaregret").get_all("Project-URL") or ())
    return next((url.rstrip("/") for label, _, url in named if label.lower() in REPOSITORY), None)


def _margin(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _command(uid: str, settings: Mapping[str, Any], file: str | None) -> str:
    """The command that reproduces a row, as typed into a shell."""
    words = ["metaregret", "verify", *(["--new", file] if file is not None else [uid])]
    words += ["--instances", str(settings["instances"]), "--seed", str(settings["seed"])]
    return shlex.join([*words, *(["--exact"] if settings["exact"] else [])])


def planted_rows(score: PlantedScore) -> list[Row]:
    """Return one entry per planted error, in the theorem's order: whether it was caught, by which method, and
    where."""
    evidence = {planted.name: found for planted, found in score.caught}
    return [_planted_row(planted.name, evidence.get(planted.name)) for planted in score.theorem.planted]


def _planted_row(name: str, found: Evidence | None) -> Row:
    if found is None or found.failure is None:
        return {"name": name, "caught": False, "method": None, "group": None, "instance": None, "note": None}
    return {
        "name": name,
        "caught": True,
        "method": found.name,
        "group": found.group.value,
        "instance": found.failure.instance,
        "note": found.failure.note,
    }


def theorem_row(result: TheoremResult, planted: Sequence[Row]) -> Row:
    """Return the row of a theorem; it is as expected if its verdict is, and every planted error was
    caught."""
    theorem = result.theorem
    how = {method.name: inspect.getdoc(method.run) or "" for method in theorem.methods}
    prose = {method.name: method.prose for method in theorem.methods}
    where = {method.name: where_defined(method.run) for method in theorem.methods}
    return {
        "uid": theorem.uid,
        "title": theorem.title,
        "statement": theorem.statement,
        "kind": theorem.kind.value,
        "source": theorem.source,
        "verdict": result.verdict.name,
        "expected": theorem.expected.name,
        "as_expected": result.as_expected and all(error["caught"] for error in planted),
        "explanation": explanation(theorem),
        "margin": _margin(result.margin),
        "instances": result.instances,
        "seconds": round(result.seconds, 3),
        "assumptions": [
            {"name": assumption.name, "sentence": assumption.sentence} for assumption in theorem.assumptions
        ],
        "uses": list(theorem.uses),
        "planted": list(planted),
        "methods": [
            {
                **_evidence(item),
                "how": how.get(item.name, ""),
                "prose": prose.get(item.name, ""),
                "where": where.get(item.name),
            }
            for item in result.evidence
        ],
    }


def _evidence(item: Evidence) -> dict[str, Any]:
    failure = item.failure
    return {
        "name": item.name,
        "group": item.group.value,
        "solvers": sorted(item.solvers),
        "general": item.general,
        "instances": item.instances,
        "margin": _margin(item.margin),
        "seconds": round(item.seconds, 3),
        "failure": None
        if failure is None
        else {
            "instance": failure.instance,
            "margin": _margin(failure.margin),
            "note": failure.note,
            "witness": failure.witness,
        },
    }


def control_row(result: ControlResult) -> Row:
    """Return the row of a negative control."""
    control = result.control
    return {
        "uid": control.uid,
        "title": control.title,
        "statement": control.statement,
        "drops": control.drops,
        "source": control.source,
        "explanation": explanation(control),
        "verdict": result.verdict.name,
        "expected": "REFUTED",
        "as_expected": result.as_expected,
        "witness": None if result.witness is None else plain(result.witness),
        "facts": None if result.facts is None else plain(result.facts),
        "note": result.note,
        "where": where_defined(control.refute),
        "seconds": round(result.seconds, 3),
        "uses": list(control.uses),
    }


def atlas_row(item: Published, holds: Row, fails: Row) -> Row:
    """Return the row of a published claim: the evidence of what holds, the witness of what fails.

    The verdict is that of the claim as stated. A refuted claim is as expected if its witness refutes it and
    its repair holds; a true one if it holds and fails without its assumption.
    """
    refuted = item.expected is Verdict.REFUTED
    return {
        **holds,
        "title": item.title,
        "statement": item.statement,
        "kind": "published claim",
        "source": item.source,
        "explanation": explanation(item),
        "finite": item.finite,
        "needs": item.needs,
        "verdict": fails["verdict"] if refuted else holds["verdict"],
        "expected": item.expected.name,
        "as_expected": bool(holds["as_expected"] and fails["as_expected"]),
        "holds": {key: holds[key] for key in ("title", "statement", "verdict", "expected")},
        "fails": {key: fails[key] for key in ("title", "statement", "verdict")},
        "witness": fails["witness"],
        "facts": fails["facts"],
        "note": fails["note"],
        "seconds": round(holds["seconds"] + fails["seconds"], 3),
        "uses": list(item.uses),
    }


def plain(document: Any) -> Any:
    """Return a document as JSON types; rationals become "p/q" strings."""
    return json.loads(json.dumps(document, default=str))


def process_row(main: MainClaim) -> Row:
    """Return the row of the main claim on one process; as expected where uniform is promised and found."""
    return {
        "process": main.process.name,
        "horizon": getattr(main.process.horizon, "steps", None),
        "states": main.process.n_states,
        "goals": len(main.goals),
        "deterministic": main.process.is_deterministic,
        "controllable": main.controllable,
        "expected_uniform": main.expected_uniform,
        "uniform": main.all_uniform,
        "as_expected": main.all_uniform or not main.expected_uniform,
        "minimax_regret": main.minimax.value.to_json(),
        "mutual_information": {
            "lower": main.mutual_information.lower,
            "upper": main.mutual_information.upper,
            "known": main.capacity_known,
        },
        "skills": "all policies" if main.all_skills else "one per goal",
        "proposal_regret": main.proposal_regret,
        "gap": main.gap,
        "distance_to_uniform": {
            "exploration": main.distance_to_uniform(main.exploration),
            "least_favourable": main.distance_to_uniform(main.minimax.least_favourable.array),
            "mutual_information": main.distance_to_uniform(main.marginal),
        },
    }
