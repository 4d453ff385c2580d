from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

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
        assert run([STUDY.sweep(points=[{"i": 4}])], store).measured == 1
        assert run([STUDY.sweep()], store).measured == 5
        assert run([STUDY.sweep()], store).measured == 0
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
            run([STUDY.sweep(points=[{"i": -1}, {"i": 3}])], store)
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
    ],
)
def test_results_that_were_tampered_with_are_refused_by_name(
    tmp_path: Path, column: str, content: str, words: str
) -> None:
    sweep = STUDY.sweep(points=[{"i": 1}])
    with Store(tmp_path / "s.sqlite") as store:
        run([sweep], store)
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as database, database:
        database.execute(f"UPDATE results SET {column} = ?", (content,))
    with (
        Store(tmp_path / "s.sqlite") as store,
        pytest.raises(FileFormatError, match=rf"s\.sqlite: result '{sweep.ids[0]}' .*{words}"),
    ):
        frame(store, sweep)


def test_a_point_given_twice_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="points 0 and 2 are the same"):
        STUDY.sweep(points=[{"i": 1}, {"i": 2}, {"i": 1}])
