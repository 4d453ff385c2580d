from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from metaregret.experiments.runs import Job, Measurement
from metaregret.experiments.sweeps import Scale, Store, Study, frame, run
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError, SolverError


def draw(point: Mapping[str, int], generator: np.random.Generator) -> Mapping[str, float]:
    if point["i"] < 0:
        raise ArithmeticError("negative")
    return {"x": generator.random(), "square": point["i"] ** 2}


def grid(scale: Scale, seed: int) -> list[Mapping[str, int]]:
    return [{"i": i} for i in range(6)]


STUDY = Study("draws", "random draws", grid, draw)


def test_only_what_is_missing_is_measured(tmp_path: Path) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        assert run(STUDY.sweep(points=[{"i": 4}]).jobs, store).measured == 1
        assert run(STUDY.sweep().jobs, store).measured == 5
        assert run(STUDY.sweep().jobs, store).measured == 0
        found = frame(store, STUDY.sweep())
        assert found["i"].tolist() == [0, 1, 2, 3, 4, 5]
        assert found["square"].tolist() == [0, 1, 4, 9, 16, 25]
        assert all(record.starts == 1 for record in store.records())
        assert store.sound()


def test_seed_version_and_point_decide_the_identifier() -> None:
    base = STUDY.sweep(points=[{"i": 1, "j": 2}])
    same = STUDY.sweep(points=[{"j": 2, "i": 1}])
    assert base.ids == same.ids
    newer = Study("draws", "random draws", grid, draw, version=2)
    others = [
        STUDY.sweep(seed=1, points=base.points),
        newer.sweep(points=base.points),
        STUDY.sweep(points=[{"i": 1, "j": 3}]),
    ]
    assert len({base.ids, *(other.ids for other in others)}) == 4


def test_failures_are_named_and_tried_again(tmp_path: Path) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        with pytest.raises(SolverError, match=r"1 of 2 points failed.*'i': -1.*ArithmeticError: negative"):
            run(STUDY.sweep(points=[{"i": -1}, {"i": 3}]).jobs, store)
        assert [record.status for record in store.records()].count("done") == 1
        with pytest.raises(InvalidArgumentError, match="run the sweep first"):
            frame(store, STUDY.sweep(points=[{"i": -1}]))


@pytest.mark.parametrize(
    ("column", "content", "words"),
    [
        ("rows", "{", "is not JSON"),
        ("rows", "[" * 100_000, "is not JSON"),
        ("rows", "[1, 2]", "rows of values"),
        ("rows", "[NaN]", "rows of values"),
        ("rows", "{}", "rows of values"),
        ("rows", "[]", "rows of values"),
        ("point", "zzz", "is not JSON"),
        ("point", "3", "is not a point"),
        ("point", '{"i": 2}', "is not what was measured"),
        ("rows", '[{"square": 5}]', "is not what was measured"),
        ("seed", 7, "is not what was measured"),
        ("version", 9, "is not what was measured"),
    ],
)
def test_results_that_were_tampered_with_are_refused_by_name(
    tmp_path: Path, column: str, content: object, words: str
) -> None:
    sweep = STUDY.sweep(points=[{"i": 1}])
    with Store(tmp_path / "s.sqlite") as store:
        run(sweep.jobs, store)
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as database, database:
        database.execute(f"UPDATE results SET {column} = ?", (content,))
    with (
        Store(tmp_path / "s.sqlite") as store,
        pytest.raises(FileFormatError, match=rf"s\.sqlite: result '{sweep.ids[0]}' .*{words}"),
    ):
        frame(store, sweep)


def test_a_result_that_was_renamed_does_not_vanish(tmp_path: Path) -> None:
    sweep = STUDY.sweep(points=[{"i": 1}, {"i": 2}])
    with Store(tmp_path / "s.sqlite") as store:
        run(sweep.jobs, store)
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as database, database:
        database.execute("UPDATE results SET id = ? WHERE id = ?", ("f" * 32, sweep.ids[0]))
    with Store(tmp_path / "s.sqlite") as store:
        run(sweep.jobs, store)  # it is measured again, and the stray row is named
        with pytest.raises(FileFormatError, match=r"result 'f{32}' .*is not what was measured"):
            frame(store, sweep)


def test_a_result_releases_its_claim(tmp_path: Path) -> None:
    """Without waiting for the end of the process: a result that is dropped can be claimed at once."""
    sweep = STUDY.sweep(points=[{"i": 1}])
    (job,) = sweep.jobs
    with Store(tmp_path / "s.sqlite") as store, Store(tmp_path / "s.sqlite") as other:
        assert store.claim(job)
        assert not store.claim(job), "it is being measured already"
        assert not other.claim(job)
        store.insert(Measurement(job, [], "failed", 0.1, 1))
        with closing(sqlite3.connect(tmp_path / "s.sqlite")) as database:
            assert database.execute("SELECT count(*) FROM claims").fetchone() == (0,)
        assert other.claim(job), "a failed result may be tried again by anyone"


def test_closing_releases_what_was_claimed(tmp_path: Path) -> None:
    sweep = STUDY.sweep(points=[{"i": 1}])
    (job,) = sweep.jobs
    with Store(tmp_path / "s.sqlite") as other:
        with Store(tmp_path / "s.sqlite") as store:
            assert store.claim(job)
        assert other.claim(job)


def test_a_point_given_twice_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="points 0 and 2 are the same"):
        STUDY.sweep(points=[{"i": 1}, {"i": 2}, {"i": 1}])


def test_workers_that_die_at_start_up_are_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")

    def fail(**_: object) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", fail)
    with Store(tmp_path / "s.sqlite") as store:
        with pytest.raises(SolverError, match=r"The Dask cluster failed: .*Nanny failed .*run again"):
            run(STUDY.sweep(points=[{"i": 1}]).jobs, store, backend="dask", workers=1)
        assert store.missing(STUDY.sweep(points=[{"i": 1}]).ids), "nothing looks measured"


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("not a database, but long enough to have a header" * 10)
    with pytest.raises(FileFormatError, match="not a store of results"):
        Store(text)
    with closing(sqlite3.connect(other)) as database, database:
        database.execute("CREATE TABLE mine (x)")
    with pytest.raises(FileFormatError, match="but not a store of results"):
        Store(other)
    with pytest.raises(InvalidArgumentError, match="cannot be opened"):
        Store(text / "below" / "file.sqlite")


def _process(point: Mapping[str, int], generator: np.random.Generator) -> list[Mapping[str, int]]:
    return [{"pid": os.getpid()}]


def test_jobs_of_a_group_are_done_by_one_worker() -> None:
    """Jobs without a group go wherever there is room; this process is one of the workers."""
    jobs = [Job("pid", 1, {"i": i}, 0, _process, group="ab"[i // 3] if i < 6 else "") for i in range(8)]
    with Store(Path(":memory:")) as store:
        assert run(jobs, store, workers=2).measured == 8
        found = {record.point["i"]: record.rows[0]["pid"] for record in store.records()}
    assert len(found) == 8
    assert os.getpid() in found.values()
    assert all(len({found[i] for i in group}) == 1 for group in (range(3), range(3, 6)))


def _fails_on_odd_places(point: Mapping[str, int], generator: np.random.Generator) -> list[Mapping[str, int]]:
    if point["i"] % 2:
        raise ZeroDivisionError(f"place {point['i']}")
    return _process(point, generator)


@pytest.mark.parametrize("first", [0, 1])
def test_a_fatal_failure_ends_the_run_whichever_process_meets_it(first: int) -> None:
    """The first job is this process's, the next ones go to another; the run after it is whole again."""
    jobs = [Job("odd", 1, {"i": first + i}, 0, _fails_on_odd_places, fatal=True) for i in range(2)]
    with Store(Path(":memory:")) as store, pytest.raises(ZeroDivisionError, match="place 1"):
        run(jobs, store, workers=2)
    with Store(Path(":memory:")) as store:
        assert run([job for job in jobs if job.point["i"] % 2 == 0], store, workers=2).measured == 1


def _fails_beside_a_sleeper(
    point: Mapping[str, str], generator: np.random.Generator
) -> list[Mapping[str, int]]:
    said = Path(point["said"])
    if point["who"] == "sleeper":
        said.with_suffix(".part").write_text(str(os.getpid()))
        said.with_suffix(".part").rename(said)
        time.sleep(60)
    while not said.exists():
        time.sleep(0.01)
    raise ZeroDivisionError("not the sleeper")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_failure_ends_what_the_other_processes_are_doing(tmp_path: Path) -> None:
    said = tmp_path / "sleeper"
    jobs = [
        Job("both", 1, {"who": who, "said": str(said)}, 0, _fails_beside_a_sleeper, fatal=True)
        for who in ("failing", "sleeper")
    ]
    with Store(Path(":memory:")) as store, pytest.raises(ZeroDivisionError, match="not the sleeper"):
        run(jobs, store, workers=2)
    sleeper, ends = int(said.read_text()), time.monotonic() + 20
    while _lives(sleeper) and time.monotonic() < ends:
        time.sleep(0.01)
    assert not _lives(sleeper)
