"""Every negative control: its stored witness is replayed exactly, found again from scratch, and cannot be
forged."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from metaregret.tabular.documents import read_document
from metaregret.tabular.environments.attempts import attempts
from metaregret.tabular.errors import FileFormatError
from metaregret.tabular.files import process_document
from metaregret.theory.claims import (
    Context,
    Control,
    Verdict,
    controls,
    load_witness,
    store_witness,
    verify_control,
)
from metaregret.theory.claims.witness import WITNESS_FORMAT, witness_path

CONTROLS = list(controls().values())
SECONDS = 30.0
"""Limit of a search from scratch; searches take a few seconds on an idle machine."""


@pytest.fixture(params=CONTROLS, ids=lambda control: control.uid)
def control(request: pytest.FixtureRequest) -> Control:
    return request.param


def test_identifiers_are_those_of_the_specification():
    assert list(controls()) == [f"C{n:02}" for n in range(1, 13)]


def test_the_stored_witness_refutes(control: Control):
    result = verify_control(control)
    assert result.verdict is Verdict.REFUTED, result.note
    assert result.facts


def test_the_search_finds_a_witness_from_scratch(control: Control, tmp_path: Path):
    began = time.process_time()
    found = control.search(Context(seed=5))
    assert found is not None
    assert time.process_time() - began < SECONDS
    path = tmp_path / "witness.json"
    store_witness(control.uid, found, path)
    again = read_document(path, WITNESS_FORMAT)
    assert again["process"]["states"] if "process" in again else True
    if control.uid != "C01":  # a found C01 carries rounded marginals: its replay needs rational certificates
        assert control.refute(again)


def _uniform(key: str, count: int) -> dict[str, Any]:
    return {key: [f"1/{count}"] * count}


FORGERIES: dict[str, dict[str, Any]] = {
    "C01": {"minimax_exploration": ["4/5", "1/5"]},
    "C02": _uniform("output", 3),
    "C03": _uniform("prior", 4),
    "C04": _uniform("prior", 4),
    "C05": {"prior": ["1", "0"]},
    "C06": {"exploration": ["4/5", "1/5"]},
    "C07": {"better_mixture": ["1", "0"]},
    "C08": {"roots_of_the_proposal": ["1/2", "1/4", "1/4"]},
    "C09": {"most_informative": ["1/5"] * 5},
    "C10": {"prior": ["1", "0", "0", "0", "0", "0", "0"]},
    "C11": {"process": process_document(attempts([1, 1, 1]))},
    "C12": {"exploration": ["1/20", "19/20", "0"]},
}


def test_a_forged_witness_refutes_nothing(control: Control):
    witness = load_witness(control.uid)
    assert control.refute(witness)
    forged = {**witness, **FORGERIES[control.uid]}
    assert control.refute(forged) is None


NOT_DISTRIBUTIONS: list[tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = [
    ("C02", lambda witness: {**witness, "output": ["1/2", "1/2", "1/2"]}),
    ("C03", lambda witness: {**witness, "prior": ["1", "0", "0", "1"]}),
    ("C05", lambda witness: {**witness, "prior": ["2", "-1"]}),
    ("C06", lambda witness: {**witness, "exploration": ["1", "1"]}),
    ("C07", lambda witness: {**witness, "better_mixture": ["2/3", "2/3"]}),
    ("C09", lambda witness: {**witness, "other": ["1", "1", "1", "1", "1"]}),
    ("C12", lambda witness: {**witness, "exploration": ["2", "-1", "0"]}),
]


@pytest.mark.parametrize(("uid", "forge"), NOT_DISTRIBUTIONS, ids=[uid for uid, _ in NOT_DISTRIBUTIONS])
def test_what_is_no_distribution_refutes_nothing(
    uid: str, forge: Callable[[Mapping[str, Any]], dict[str, Any]]
):
    assert controls()[uid].refute(forge(load_witness(uid))) is None


def test_a_missing_witness_is_inconclusive(control: Control, monkeypatch: pytest.MonkeyPatch):
    def missing(uid: str) -> dict[str, Any]:
        raise FileFormatError(f"{uid}: no such file")

    monkeypatch.setattr("metaregret.theory.claims.verify.load_witness", missing)
    result = verify_control(control)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert not result.as_expected


def test_every_witness_in_the_folder_belongs_to_a_control():
    stored = {path.stem.upper() for path in witness_path("C01").parent.glob("*.json")}
    assert stored == set(controls())


def test_a_control_from_outside_is_searched_for():
    outside = dataclasses.replace(controls()["C06"], uid="C99")
    assert verify_control(outside).verdict is Verdict.INCONCLUSIVE
    result = verify_control(outside, Context())
    assert result.verdict is Verdict.REFUTED
    assert result.witness
    hopeless = dataclasses.replace(outside, search=lambda context: None)
    assert "found none" in verify_control(hopeless, Context()).note
