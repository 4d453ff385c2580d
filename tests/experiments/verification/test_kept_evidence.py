"""Evidence that is kept: the same when read again, never used for anything else, and a killed run goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.experiments.runs import Store, provenance
from metaregret.experiments.verification import default_store, jobs, verify_all
from metaregret.tabular.errors import FileFormatError
from metaregret.theory.claims import Context, Evidence, Group, Trial, claim

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False)
WITNESSES = st.none() | st.dictionaries(TEXT, st.lists(st.integers() | TEXT, max_size=3), max_size=3)
TRIALS = st.builds(Trial, TEXT, NUMBERS, TEXT, WITNESSES)
EVIDENCE = st.builds(
    Evidence, TEXT, st.sampled_from(Group), st.frozensets(TEXT, max_size=3), st.integers(0, 10**9), NUMBERS,
    st.floats(0, 1e6), st.none() | TRIALS, st.none() | TEXT,
)  # fmt: skip


@given(EVIDENCE)
def test_evidence_is_read_as_it_was_written(evidence: Evidence):
    assert jobs._evidence(json.loads(json.dumps(jobs.evidence_document(evidence)))) == evidence


def test_the_identifier_holds_all_that_evidence_depends_on(monkeypatch: pytest.MonkeyPatch):
    context = Context(instances=7)

    def identifiers(uid: str, setting: Context, own_code: str = "") -> list[str]:
        return [job.id for job in jobs.jobs_of(claim(uid), setting, own_code=own_code)]

    known = identifiers("T01", context)
    assert known == identifiers("T01", context)
    everything = [
        *known,
        *identifiers("T02", context),
        *identifiers("T01", replace(context, seed=1)),
        *identifiers("T01", replace(context, instances=8)),
        *identifiers("T01", replace(context, exact=True)),
        *identifiers("T01", replace(context, zoo=context.zoo[:1])),
        *identifiers("T01", replace(context, seconds=1.0)),
        *identifiers("T01", context, "THEOREM = 1"),
    ]
    monkeypatch.setattr(jobs, "digest", lambda *packages: "edited")
    everything += identifiers("T01", context)
    assert len(set(everything)) == len(everything) > 8 * len(known) - 8


def test_the_digest_changes_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for package in ("one", "two"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    hashed = provenance.digest.__wrapped__
    before, half = hashed("one", "two"), hashed("one")
    assert hashed("one", "two") == before
    (tmp_path / "two" / "witness.json").write_text("{}")
    after = hashed("one", "two")
    (tmp_path / "two" / "__init__.py").write_text("x = 1")
    assert len({before, after, hashed("one", "two")}) == 3
    assert hashed("one") == half


class _KilledError(Exception):
    pass


@contextmanager
def killed(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress that stops the run when five results have come in."""

    def show(done: int) -> None:
        if done == 5:
            raise _KilledError

    yield show


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path):
    items = [claim("T01"), claim("T02"), claim("C01")]
    context, store = Context(instances=3), tmp_path / "evidence.sqlite"
    with pytest.raises(_KilledError):
        verify_all(items, [], context, store=store, progress=killed)
    with Store(store) as opened:
        assert len(opened.records()) == 5
    rows, resumed = verify_all(items, [], context, store=store)
    assert resumed == 5
    fresh, none = verify_all(items, [], context)
    assert none == 0
    assert list(rows) == list(fresh) == ["T01", "T02", "C01"]
    for uid in rows:
        for method, again in zip(rows[uid].get("methods", ()), fresh[uid].get("methods", ()), strict=True):
            assert {**method, "seconds": 0} == {**again, "seconds": 0}


def test_in_parallel_the_rows_are_the_same(tmp_path: Path):
    items = [claim(uid) for uid in ("T02", "C05", "C06", "C08")]
    context, store = Context(instances=3), tmp_path / "evidence.sqlite"
    together, _ = verify_all(items, [], context, workers=2, store=store)
    alone, resumed = verify_all(items, [], context, store=store)
    assert resumed == 7
    assert together == alone
    assert list(together) == list(alone)
    _, resumed = verify_all(items, [], replace(context, instances=4), store=store)
    assert resumed == 0


def test_evidence_that_was_changed_is_refused(tmp_path: Path):
    store = tmp_path / "evidence.sqlite"
    verify_all([claim("T02")], [], Context(instances=3), store=store)
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("UPDATE results SET rows = replace(rows, 'margin', 'Margin') WHERE study = 'T02'")
    with pytest.raises(FileFormatError, match="of T02 is not what was measured"):
        verify_all([claim("T02")], [], Context(instances=3), store=store)


def test_a_claim_without_a_file_is_not_kept(tmp_path: Path):
    """Two objects of the same name may be different claims."""
    store = tmp_path / "evidence.sqlite"
    for own_code, resumed in (("", 0), ("", 0), ("text", 0), ("text", 4)):
        own = replace(claim("T02"), uid="M02")
        assert verify_all([], [], Context(instances=2), store=store, own=own, own_code=own_code)[1] == resumed


def test_the_default_file_is_in_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_store() == tmp_path / "metaregret" / "verification.sqlite"
