"""Claims as data: theorems, controls, assumptions, evidence, verdicts, witnesses."""

from __future__ import annotations

from theory.claims.assumption import CONTROLLABLE, DETERMINISTIC, FINITE_HORIZON, SINGLE_START, Assumption
from theory.claims.context import Context
from theory.claims.evidence import Evidence, Group, Trial, agreement, all_hold, exact_agreement, vanishes
from theory.claims.outside import as_document, on_instances, property_claim
from theory.claims.registry import claim, controls, explanation, from_file, theorems
from theory.claims.search import find_witness
from theory.claims.theorem import Control, Kind, Method, Planted, Theorem
from theory.claims.verdict import Verdict
from theory.claims.verify import (
    ControlResult,
    PlantedScore,
    TheoremResult,
    methods_of,
    plant,
    planted_score,
    run_method,
    theorem_result,
    verify_control,
    verify_theorem,
)
from theory.claims.witness import load_witness, store_witness

__all__ = [
    "CONTROLLABLE",
    "DETERMINISTIC",
    "FINITE_HORIZON",
    "SINGLE_START",
    "Assumption",
    "Context",
    "Control",
    "ControlResult",
    "Evidence",
    "Group",
    "Kind",
    "Method",
    "Planted",
    "PlantedScore",
    "Theorem",
    "TheoremResult",
    "Trial",
    "Verdict",
    "agreement",
    "all_hold",
    "as_document",
    "claim",
    "controls",
    "exact_agreement",
    "explanation",
    "find_witness",
    "from_file",
    "load_witness",
    "methods_of",
    "on_instances",
    "plant",
    "planted_score",
    "property_claim",
    "run_method",
    "store_witness",
    "theorem_result",
    "theorems",
    "vanishes",
    "verify_control",
    "verify_theorem",
]
