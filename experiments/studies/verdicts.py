"""Every theorem and control, verified: the verdicts that figures show.

The version of the sources is part of each point, so a verdict is never older than the code it speaks of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

INSTANCES = {Scale.FULL: 10, Scale.SHORT: 2}


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point per claim."""
    from metaregret.experiments.sweeps.provenance import code_version
    from metaregret.theory.claims import controls, theorems

    shared = {"instances": INSTANCES[scale], "seed": seed, "code": code_version()}
    return [{"uid": uid, **shared} for uid in (*theorems(), *controls())]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Verify the claim."""
    from metaregret.theory.claims import Context, Theorem, controls, theorems, verify_control, verify_theorem

    uid = point["uid"]
    item = theorems().get(uid) or controls()[uid]
    context = Context(seed=point["seed"], instances=point["instances"])
    shared = {"title": item.title, "uses": " ".join(item.uses)}
    if isinstance(item, Theorem):
        found = verify_theorem(item, context)
        return {
            **shared,
            "kind": item.kind.value,
            "verdict": found.verdict.name,
            "as_expected": found.as_expected,
            "methods": len(found.evidence),
            "trials": found.instances,
        }
    replayed = verify_control(item, context)
    return {
        **shared,
        "kind": "negative control",
        "verdict": replayed.verdict.name,
        "as_expected": replayed.as_expected,
        "methods": 1,
        "trials": 1,
    }


STUDY = Study("verdicts", "verdicts of all theorems and controls", points, measure)
