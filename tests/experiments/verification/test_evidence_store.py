"""Evidence that is kept: the same when read again, never used for anything else, and a killed run goes on."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.experiments.verification import EvidenceStore, default_store, fingerprint, verify_all
from metaregret.experiments.verification.store import evidence_key
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError
from metaregret.theory.claims import Context, Evidence, Group, Trial, claim

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False)
WITNESSES = st.none() | st.dictionaries(TEXT, st.lists(st.integers() | TEXT, max_size=3), max_size=3)
TRIALS = st.builds(Trial, TEXT, NUMBERS, TEXT, WITNESSES)
EVIDENCE = st.builds(
    Evidence, TEXT, st.sampled_from(Group), st.frozensets(TEXT, max_size=3), st.integers(0, 10**9), NUMBERS,
    st.floats(0, 1e6), st.none() | TRIALS, st.none() | TEXT,
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> EvidenceStore:
    return EvidenceStore(tmp_path_factory.mktemp("store") / "evidence.sqlite")


@given(EVIDENCE)
def test_evidence_is_read_as_it_was_written(shared: EvidenceStore, evidence: Evidence):
    shared.put("key", evidence)
    assert shared.get("key") == evidence
    assert shared.get("other") is None


def test_the_key_holds_all_that_evidence_depends_on(monkeypatch: pytest.MonkeyPatch):
    context = Context(instances=7)
    keys = {
        evidence_key("T01", "m", context),
        evidence_key("T02", "m", context),
        evidence_key("T01", "n", context),
        evidence_key("T01", "m", replace(context, seed=1)),
        evidence_key("T01", "m", replace(context, instances=8)),
        evidence_key("T01", "m", replace(context, exact=True)),
        evidence_key("T01", "m", replace(context, zoo=context.zoo[:1])),
        evidence_key("T01", "m", context, code="THEOREM = 1"),
    }
    assert len(keys) == 8
    assert evidence_key("T01", "m", context) in keys
    monkeypatch.setattr("metaregret.experiments.verification.store.code_fingerprint", lambda: "edited")
    assert evidence_key("T01", "m", context) not in keys


def test_the_fingerprint_changes_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for package in ("one", "two"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(fingerprint, "_PACKAGES", ("one", "two"))
    hashed = fingerprint.code_fingerprint.__wrapped__
    before = hashed()
    assert hashed() == before
    (tmp_path / "two" / "witness.json").write_text("{}")
    after = hashed()
    (tmp_path / "two" / "__init__.py").write_text("x = 1")
    assert len({before, after, hashed()}) == 3


class _KilledError(Exception):
    pass


def killed_after(count: int) -> Any:
    """Progress that stops the run when so many results have come in and the next is asked for."""

    def progress(results: Iterable[Any], total: int) -> Iterator[Any]:
        for position, result in enumerate(results):
            if position == count:
                raise _KilledError
            yield result

    return progress


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path):
    items = [claim("T01"), claim("T02"), claim("C01")]
    context = Context(instances=3)
    store = EvidenceStore(tmp_path / "evidence.sqlite")
    with pytest.raises(_KilledError):
        verify_all(items, [], context, store=store, progress=killed_after(5))
    kept = len(store)
    assert 0 < kept < 7
    ran: list[Any] = []

    def watched(results: Iterable[Any], total: int) -> Iterator[Any]:
        for job, result in results:
            ran.append(job)
            yield job, result

    rows, resumed = verify_all(items, [], context, store=EvidenceStore(store.path), progress=watched)
    assert resumed == kept
    assert sum(job.kind == "method" for job in ran) == 7 - kept
    fresh, none = verify_all(items, [], context)
    assert none == 0
    assert list(rows) == list(fresh) == ["T01", "T02", "C01"]
    for uid in rows:
        for method, again in zip(rows[uid].get("methods", ()), fresh[uid].get("methods", ()), strict=True):
            assert {**method, "seconds": 0} == {**again, "seconds": 0}


def test_in_parallel_the_rows_are_the_same(tmp_path: Path):
    items = [claim(uid) for uid in ("T02", "C05", "C06", "C08")]
    context = Context(instances=3)
    store = EvidenceStore(tmp_path / "evidence.sqlite")
    together, _ = verify_all(items, [], context, workers=2, store=store)
    alone, resumed = verify_all(items, [], context, store=store)
    assert resumed == len(store) == 3
    for rows in (together, alone):
        for row in rows.values():
            row["seconds"] = 0
    assert together == alone
    assert list(together) == list(alone)


def test_other_settings_are_not_mixed_up(tmp_path: Path):
    store = EvidenceStore(tmp_path / "evidence.sqlite")
    verify_all([claim("T02")], [], Context(instances=3), store=store)
    _, resumed = verify_all([claim("T02")], [], Context(instances=4), store=store)
    assert resumed == 0
    _, resumed = verify_all([claim("T02")], [], Context(instances=3), store=store)
    assert resumed == 3


def test_two_runs_may_use_one_file(tmp_path: Path):
    first, second = (EvidenceStore(tmp_path / "evidence.sqlite") for _ in range(2))
    evidence = Evidence("m", Group.EXACT, frozenset(), 3, math.inf, 0.5)
    first.put("a", evidence)
    second.put("a", evidence)
    second.put("b", evidence)
    assert len(first) == 2


def test_what_is_no_store_is_refused(tmp_path: Path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to have a header" * 10)
    with pytest.raises(FileFormatError, match="not a store of evidence"):
        EvidenceStore(text)
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    with pytest.raises(FileFormatError, match="but not of evidence"):
        EvidenceStore(other)
    with pytest.raises(InvalidArgumentError, match="another file"):
        EvidenceStore(text / "below" / "file.sqlite")


@pytest.mark.parametrize("damage", ["{", "[]", '{"name": "m"}', '{"name": "m", "group": "nonsense"}'])
def test_a_damaged_entry_is_refused(damage: str, tmp_path: Path):
    store = EvidenceStore(tmp_path / "evidence.sqlite")
    connection = sqlite3.connect(store.path)
    connection.execute("INSERT INTO evidence VALUES ('key', ?)", (damage,))
    connection.commit()
    connection.close()
    with pytest.raises(FileFormatError, match="damaged entry"):
        store.get("key")


def test_the_default_file_is_in_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_store() == tmp_path / "metaregret" / "evidence.sqlite"
