"""The report of a verification run as plain data (``metaregret-report/1``); every renderer is a function
of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from theory.claims import ControlResult, TheoremResult
from theory.claims.evidence import Evidence
from theory.main_claim import MainClaim

__all__ = ["REPORT_FORMAT", "report_document", "report_ok"]

REPORT_FORMAT = "metaregret-report/1"


def report_document(
    theorems: Sequence[TheoremResult],
    controls: Sequence[ControlResult],
    processes: Sequence[MainClaim],
    *,
    version: str,
    seed: int,
    seconds: float,
) -> dict[str, Any]:
    """Return the report document.

    Parameters
    ----------
    theorems, controls : sequence
        Results of this run.
    processes : sequence of MainClaim
        The main claim, process by process.
    version : str
    seed : int
    seconds : float
    """
    return {
        "format": REPORT_FORMAT,
        "version": version,
        "seed": seed,
        "theorems": [_theorem(result) for result in theorems],
        "controls": [_control(result) for result in controls],
        "processes": [_process(main) for main in processes],
        "summary": {
            "theorems": len(theorems),
            "controls": len(controls),
            "processes": len(processes),
            "as_expected": report_ok(theorems, controls, processes),
            "seconds": round(seconds, 3),
        },
    }


def report_ok(
    theorems: Iterable[TheoremResult], controls: Iterable[ControlResult], processes: Iterable[MainClaim]
) -> bool:
    """Whether every verdict is the expected one, and the main claim holds wherever the theory promises it."""
    return (
        all(result.as_expected for result in theorems)
        and all(result.as_expected for result in controls)
        and all(main.all_uniform for main in processes if main.expected_uniform)
    )


def _margin(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _theorem(result: TheoremResult) -> dict[str, Any]:
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


def _control(result: ControlResult) -> dict[str, Any]:
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


def _process(main: MainClaim) -> dict[str, Any]:
    return {
        "process": main.process.name,
        "horizon": getattr(main.process.horizon, "steps", None),
        "states": main.process.n_states,
        "goals": len(main.goals),
        "deterministic": main.process.is_deterministic,
        "controllable": main.controllable,
        "expected_uniform": main.expected_uniform,
        "uniform": main.all_uniform,
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
