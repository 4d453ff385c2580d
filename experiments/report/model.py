"""The report of a verification run as plain data (``metaregret-report/1``); every renderer is a function
of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from theory.claims import ControlResult, TheoremResult
from theory.claims.evidence import Evidence
from theory.main_claim import MainClaim

__all__ = ["REPORT_FORMAT", "Row", "control_row", "process_row", "report_document", "theorem_row"]

REPORT_FORMAT = "metaregret-report/1"

Row = dict[str, Any]
"""One line of the report as plain data, so that it can be made in another process."""


def report_document(
    theorems: Sequence[Row],
    controls: Sequence[Row],
    processes: Sequence[Row],
    *,
    version: str,
    seed: int,
    seconds: float,
) -> dict[str, Any]:
    """Return the report document.

    Parameters
    ----------
    theorems, controls, processes : sequence of rows
        From `theorem_row`, `control_row` and `process_row`.
    version : str
    seed : int
    seconds : float
    """
    return {
        "format": REPORT_FORMAT,
        "version": version,
        "seed": seed,
        "theorems": list(theorems),
        "controls": list(controls),
        "processes": list(processes),
        "summary": {
            "theorems": len(theorems),
            "controls": len(controls),
            "processes": len(processes),
            "as_expected": all(row["as_expected"] for row in (*theorems, *controls, *processes)),
            "seconds": round(seconds, 3),
        },
    }


def _margin(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def theorem_row(result: TheoremResult) -> Row:
    """Return the row of a theorem."""
    theorem = result.theorem
    return {
        "uid": theorem.uid,
        "title": theorem.title,
        "statement": theorem.statement,
        "kind": theorem.kind.value,
        "source": theorem.source,
        "verdict": result.verdict.name,
        "expected": theorem.expected.name,
        "as_expected": result.as_expected,
        "margin": _margin(result.margin),
        "instances": result.instances,
        "seconds": round(result.seconds, 3),
        "assumptions": [
            {"name": assumption.name, "sentence": assumption.sentence} for assumption in theorem.assumptions
        ],
        "uses": list(theorem.uses),
        "planted": [planted.name for planted in theorem.planted],
        "methods": [_evidence(item) for item in result.evidence],
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
        "verdict": result.verdict.name,
        "expected": "REFUTED",
        "as_expected": result.as_expected,
        "witness": None if result.witness is None else _plain(result.witness),
        "facts": None if result.facts is None else _plain(result.facts),
        "note": result.note,
        "seconds": round(result.seconds, 3),
        "uses": list(control.uses),
    }


def _plain(document: Any) -> Any:
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
            "upper": main.mutual_information.upper if main.capacity_known else None,
        },
        "skills": "all policies" if main.all_skills else "one per goal",
        "proposal_regret": main.proposal_regret,
        "gap": main.gap,
        "distance_to_uniform": {
            "exploration": main.distance_to_uniform(main.exploration),
            "least_favourable": main.distance_to_uniform(main.minimax.least_favourable),
            "mutual_information": main.distance_to_uniform(main.marginal),
        },
    }
