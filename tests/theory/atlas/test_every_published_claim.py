"""Every published claim: its verdict, the independence of its methods, that its checks can fail, and that its
witness refutes what it must, is found again from scratch, and cannot be forged."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import sys
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import metaregret.theory.atlas
from metaregret.tabular.documents import read_document
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.atlas import _replay
from metaregret.theory.claims import (
    Context,
    Published,
    Verdict,
    atlas,
    load_witness,
    planted_score,
    store_witness,
    verify_control,
    verify_theorem,
)
from metaregret.theory.claims.evidence import Group, gather
from metaregret.theory.claims.registry import explanation
from metaregret.theory.claims.witness import WITNESS_FORMAT, witness_path
from metaregret.theory.proposals import propose

CONTEXT = Context(instances=10)


@pytest.fixture(params=list(atlas().values()), ids=lambda item: item.uid)
def item(request: pytest.FixtureRequest) -> Published:
    return request.param


def test_there_are_at_least_sixteen_and_identifiers_have_no_gap():
    assert len(atlas()) >= 16
    assert list(atlas()) == [f"A{n:02}" for n in range(1, len(atlas()) + 1)]


def test_what_holds_holds_as_expected(item: Published):
    result = verify_theorem(item.holds, CONTEXT)
    assert result.as_expected, [one for one in result.evidence if one.failure or not one.instances]
    if item.expected is not Verdict.REFUTED:
        assert item.expected is item.holds.expected


def test_two_independent_methods(item: Published):
    groups = {method.group for method in item.holds.methods}
    assert len(groups & {Group.SYMBOLIC, Group.EXACT, Group.OPTIMISATION, Group.ENUMERATION}) >= 2
    for method in item.holds.methods:
        assert bool(method.general) == bool(method.prose), method.name


def test_every_planted_error_is_caught(item: Published):
    assert len(item.holds.planted) >= 3
    score = planted_score(item.holds, CONTEXT)
    assert not score.missed, str(score)


def test_every_method_catches_a_planted_error_by_itself(item: Published):
    unshrunk = replace(CONTEXT, shrink=False)
    for method in item.holds.methods:
        tried = (partial(method.run, planted.claim, unshrunk) for planted in item.holds.planted)
        assert any(gather(method.name, method.group, run).failure is not None for run in tried), method.name


def test_the_stored_witness_refutes_and_is_found_again(item: Published, tmp_path: Path):
    result = verify_control(item.fails)
    assert result.verdict is Verdict.REFUTED, result.note
    found = item.fails.search(Context(seed=5))
    assert found is not None
    path = tmp_path / "witness.json"
    store_witness(item.uid, found, path)
    assert item.fails.refute(read_document(path, WITNESS_FORMAT))


FORGERIES: dict[str, dict[str, Any]] = {
    "A01": {"weights": ["2/3", "1/3"]},
    "A02": {"policy_with_memory": []},
    "A03": {"second": [["1", "0"], ["1", "0"], ["1"], ["1"]]},
    "A04": {"other_mixture": ["1", "0"]},
    "A05": {"other": ["1", "0"]},
    "A06": {"weights": ["1", "0", "0"]},
    "A07": {"gamma": "1/3"},
    "A08": {"worst_reward": ["1", "0", "0"]},
    "A09": {"weights": ["1", "0"]},
    "A10": {"acceptable": [[0, 0], [0, 1]]},
    "A11": {"proposal": ["1/3", "1/3", "1/3"]},
    "A12": {"fiedler_vector": ["1", "-1", "1", "-1", "1", "-1"]},
    "A13": {"exp_empowerment": "6/5"},
    "A14": {"protagonist": ["0", "1"]},
    "A15": {"opened_before": []},
    "A16": {"task": 0},
    "A17": {"skills": [["1", "0", "0"], ["1", "0", "0"]]},
    "A18": {"weights": ["1", "0", "0", "0", "0", "0"]},
    "A19": {"weights": ["1", "0", "0", "0"]},
    "A20": {"skills": [[[0, 0]] * 3] * 2},
    "A21": {"lambda": "1"},
    "A22": {"rounds": 2},
}


def test_a_forged_witness_refutes_nothing(item: Published):
    witness = load_witness(item.uid)
    assert item.fails.refute({**witness, **FORGERIES[item.uid]}) is None


def test_what_is_no_distribution_is_refused():
    for wrong in (["1/2", "1/3"], ["2", "-1"], [], ["x"]):
        with pytest.raises(InvalidArgumentError, match="in a witness"):
            _replay.distribution(wrong)


def test_every_witness_in_the_folder_belongs_to_a_claim():
    stored = {path.stem.upper() for path in witness_path("A01").parent.glob("*.json")}
    assert stored == set(atlas())


REPLAYING = ("metaregret.theory.atlas.", "metaregret.theory.claims.oracles.", "metaregret.tabular.errors")


def test_every_refutation_is_replayed_with_the_standard_library_alone(item: Published):
    """Whatever is called in the course of it is Python's own or of the project's few rational functions."""
    called: set[str] = set()

    def watch(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            called.add(frame.f_globals.get("__name__") or "")
        elif event == "c_call":
            owner = type(getattr(argument, "__self__", None))
            called.add(getattr(argument, "__module__", None) or owner.__module__)

    witness = load_witness(item.uid)
    gc.disable()  # finalisers of what other tests left are not part of the replay
    sys.setprofile(watch)
    try:
        facts = item.fails.refute(witness)
    finally:
        sys.setprofile(None)
        gc.enable()
    assert facts
    assert "fractions" in called
    known = sys.stdlib_module_names
    assert not {n for n in called if n.partition(".")[0] not in known and not n.startswith(REPLAYING)}


def test_a_file_states_its_claim_and_its_source(item: Published):
    assert explanation(item).startswith(f"{item.uid}, ")
    assert len(item.source) > 30
    assert item.needs
    assert item.finite


@pytest.mark.parametrize(
    "module",
    [info.name for info in pkgutil.iter_modules(metaregret.theory.atlas.__path__) if info.name[0] == "a"],
)
def test_docstrings_have_the_sections(module: str):
    text = importlib.import_module(f"metaregret.theory.atlas.{module}").__doc__ or ""
    assert "Statement\n---------\n" in text
    assert "\nDropped: " in text


def test_records_of_one_claim_share_an_identifier():
    first, second = list(atlas().values())[:2]
    with pytest.raises(InvalidArgumentError, match="one identifier"):
        replace(first, fails=second.fails)


def test_the_exact_numbers_of_the_sources_witnesses():
    """Numbers that were found before, by other code."""
    prism = atlas()["A12"].fails.refute(load_witness("A12"))
    assert prism is not None
    assert prism["cover time from the worst start"] == "177/14"
    assert prism["with the option"].endswith("13.317132")
    coin = atlas()["A13"].fails.refute(load_witness("A13"))
    assert coin is not None
    assert coin["exponential of the empowerment"] == "5/4"


def test_a_uniform_target_that_cannot_be_matched_is_not_minimax_for_equally_reachable_goals():
    """The process that A05 names: all v* are 1/2, and the minimax regret is 2/3 at (2/5, 3/10, 3/10),
    where the entropy still rises."""
    rows = [(0, 0, 0, "1/2"), (0, 0, 1, "1/2"), (0, 1, 0, "1/3"), (0, 1, 1, "1/6"), (0, 1, 2, "1/2")]
    process = ControlledMarkovProcess.from_transitions(
        [*rows, (1, 0, 1, 1), (2, 0, 2, 1)], states=3, actions=2, initial=0, horizon=1
    )
    assert set(goal_values(process, representation="rational").exact) == {Fraction(1, 2)}
    matched = propose(process, "smm")
    assert matched.minimax.value.contains(Fraction(2, 3))
    assert matched.regret.lower > 0.7
