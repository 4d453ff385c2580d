"""The optional method by satisfiability: what is impossible has no model, what is possible has one, and
without z3 the theorems lose one method and keep their verdict."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import pytest

from metaregret.theory.claims import Context, Group, claim, verify_theorem
from metaregret.theory.claims.evidence import gather
from metaregret.theory.claims.smt import no_model, positive_reals, smt_method

WITH_SMT = ("T03", "T04", "T05")


def test_models_are_counterexamples():
    pytest.importorskip("z3", reason="the optional extra smt is not installed")
    x, y = positive_reals("x", 2)
    (impossible,) = no_model("squares", [x, y], [x * x + y * y < 2 * x * y])
    (possible,) = no_model("squares", [x, y], [x * x + y * y <= 2 * x * y])
    assert impossible.margin == 0
    assert possible.margin < 0
    assert "x_1 = " in possible.note


@pytest.mark.parametrize("uid", WITH_SMT)
def test_theorems_by_satisfiability(uid: str):
    pytest.importorskip("z3", reason="the optional extra smt is not installed")
    theorem = claim(uid)
    (method,) = (method for method in theorem.methods if method.group is Group.SMT)
    found = gather(method.name, method.group, lambda: method.run(theorem.claim, Context()))
    assert found.failure is None
    assert found.instances == 4
    caught = [
        planted.name
        for planted in theorem.planted
        if gather("m", Group.SMT, lambda wrong=planted.claim: method.run(wrong, Context())).failure
    ]
    assert caught, "the method must be able to fail"


def test_without_z3_the_method_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "metaregret.theory.claims.smt.find_spec", lambda name: None if name == "z3" else find_spec(name)
    )
    assert smt_method("m", lambda claim, context: []) == ()


@pytest.mark.parametrize("uid", ["T03", "T05"])
def test_without_z3_the_verdict_stands(uid: str):
    theorem = claim(uid)
    fewer = replace(theorem, methods=tuple(m for m in theorem.methods if m.group is not Group.SMT))
    assert verify_theorem(fewer, Context(instances=5)).as_expected
