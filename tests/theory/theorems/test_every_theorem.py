"""Every theorem: its verdict, the independence of its methods, and that its checks can fail."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import partial

import pytest

import metaregret.theory.theorems
from metaregret.theory.claims import (
    Context,
    Theorem,
    Verdict,
    controls,
    planted_score,
    run_method,
    theorem_results,
    theorems,
    verify_theorem,
)
from metaregret.theory.claims.evidence import Group, gather
from metaregret.theory.claims.verdict import capped
from metaregret.theory.claims.zoo import ZOO

CONTEXT = Context(instances=10)
THEOREMS = list(theorems().values())


@pytest.fixture(params=THEOREMS, ids=lambda theorem: theorem.uid)
def theorem(request: pytest.FixtureRequest) -> Theorem:
    return request.param


def test_identifiers_are_those_of_the_specification():
    assert list(theorems()) == [f"T{n:02}" for n in range(1, 28)]


def test_verdict_is_as_expected(theorem: Theorem):
    result = verify_theorem(theorem, CONTEXT)
    assert result.as_expected, [item for item in result.evidence if item.failure or not item.instances]
    assert result.margin >= 0


def test_at_least_two_independent_methods(theorem: Theorem):
    groups = {method.group for method in theorem.methods}
    certifying = groups & {Group.SYMBOLIC, Group.EXACT, Group.OPTIMISATION, Group.ENUMERATION}
    assert len(certifying) >= 2, groups
    assert len({method.name for method in theorem.methods}) == len(theorem.methods)


def test_every_planted_error_is_caught(theorem: Theorem, record_property: pytest.RecordProperty):
    assert len(theorem.planted) >= 3
    score = planted_score(theorem, CONTEXT)
    record_property("planted errors", str(score))
    print(score)
    assert not score.missed, str(score)


def test_every_method_catches_a_planted_error_by_itself(theorem: Theorem):
    """Or says why none can be: a method that passes every wrong formula tests nothing."""
    unshrunk = replace(CONTEXT, shrink=False, zoo=ZOO[:-1])  # the last is large
    for method in theorem.methods:
        tried = (partial(method.run, planted.claim, unshrunk) for planted in theorem.planted)
        caught = any(gather(method.name, method.group, run).failure is not None for run in tried)
        assert caught, f"{method.name} catches no planted error"


def test_a_general_derivation_says_what_is_prose(theorem: Theorem):
    for method in theorem.methods:
        assert bool(method.general) <= (method.group is Group.SYMBOLIC)
        assert bool(method.prose) == bool(method.general), method.name


def test_no_verdict_is_expected_above_what_it_rests_on(theorem: Theorem):
    below = [theorems()[uid].expected for uid in theorem.uses if uid in theorems()]
    assert capped(theorem.expected, below) is theorem.expected


def test_a_verdict_falls_with_what_it_rests_on():
    t06, t07 = theorems()["T06"], theorems()["T07"]
    good = [run_method(t06, method, CONTEXT) for method in t06.methods[:2]]
    weak = [run_method(t07, method, CONTEXT) for method in t07.methods[1:]]
    both = theorem_results([(t06, good), (t07, weak)])
    assert theorem_results([(t06, good)])["T06"].verdict is Verdict.PROVED
    assert both["T07"].verdict is Verdict.CERTIFIED
    assert both["T06"].verdict is Verdict.CERTIFIED
    assert theorem_results([(t06, good), (t07, [])])["T06"].verdict is Verdict.INCONCLUSIVE
    assert capped(Verdict.REFUTED, [Verdict.PROVED]) is Verdict.REFUTED


def test_exact_mode_needs_no_solver(theorem: Theorem):
    rational = [m for m in theorem.methods if m.group in {Group.SYMBOLIC, Group.EXACT, Group.ENUMERATION}]
    assert any(not method.solvers for method in rational), "nothing is left with --exact and without solvers"


def test_dependencies_exist_and_have_no_cycle():
    known = {**theorems(), **controls()}
    for item in known.values():
        assert set(item.uses) <= set(known), item.uid

    def depth(uid: str, above: tuple[str, ...] = ()) -> int:
        assert uid not in above, f"{uid} rests on itself: {above}"
        return 1 + max((depth(used, (*above, uid)) for used in known[uid].uses), default=0)

    for uid in known:
        depth(uid)


@pytest.mark.parametrize(
    "module", [info.name for info in pkgutil.iter_modules(metaregret.theory.theorems.__path__)]
)
def test_a_file_states_its_theorem(module: str):
    text = importlib.import_module(f"metaregret.theory.theorems.{module}").__doc__ or ""
    assert "Statement\n---------\n" in text, "the docstring has a section Statement"
