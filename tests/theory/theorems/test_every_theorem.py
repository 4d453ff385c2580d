"""Every theorem: its verdict, the independence of its methods, and that its checks can fail."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import metaregret.theory.theorems
from metaregret.theory.claims import Context, Theorem, controls, planted_score, theorems, verify_theorem
from metaregret.theory.claims.evidence import Group

CONTEXT = Context(instances=10)
THEOREMS = list(theorems().values())


@pytest.fixture(params=THEOREMS, ids=lambda theorem: theorem.uid)
def theorem(request: pytest.FixtureRequest) -> Theorem:
    return request.param


def test_identifiers_are_those_of_the_specification():
    assert list(theorems()) == [f"T{n:02}" for n in (*range(1, 19), *range(23, 28))]


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
