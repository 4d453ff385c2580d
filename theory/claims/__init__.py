"""Claims as data: theorems, controls, assumptions, evidence, verdicts, witnesses."""

from __future__ import annotations

from metaregret.theory.claims.assumption import (
    CONTROLLABLE,
    DETERMINISTIC,
    FINITE_HORIZON,
    SINGLE_START,
    Assumption,
)
from metaregret.theory.claims.context import Context
from metaregret.theory.claims.evidence import (
    Evidence,
    Group,
    Trial,
    agreement,
    all_hold,
    exact_agreement,
    simplified,
    summed,
    vanishes,
)
from metaregret.theory.claims.outside import as_document, on_instances, property_claim
from metaregret.theory.claims.published import Published, published
from metaregret.theory.claims.registry import atlas, claim, controls, explanation, from_file, theorems
from metaregret.theory.claims.search import find_witness
from metaregret.theory.claims.theorem import Control, Kind, Method, Planted, Theorem, method, theorem
from metaregret.theory.claims.verdict import Verdict
from metaregret.theory.claims.verify import (
    ControlResult,
    PlantedScore,
    TheoremResult,
    methods_of,
    plant,
    planted_score,
    run_method,
    theorem_result,
    theorem_results,
    verify_control,
    verify_theorem,
)
from metaregret.theory.claims.witness import load_witness, store_witness

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
    "Published",
    "Theorem",
    "TheoremResult",
    "Trial",
    "Verdict",
    "agreement",
    "all_hold",
    "as_document",
    "atlas",
    "claim",
    "controls",
    "exact_agreement",
    "explanation",
    "find_witness",
    "from_file",
    "load_witness",
    "method",
    "methods_of",
    "on_instances",
    "plant",
    "planted_score",
    "property_claim",
    "published",
    "run_method",
    "simplified",
    "store_witness",
    "summed",
    "theorem",
    "theorem_result",
    "theorem_results",
    "theorems",
    "vanishes",
    "verify_control",
    "verify_theorem",
]
