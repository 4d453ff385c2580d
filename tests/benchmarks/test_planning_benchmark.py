"""The benchmark of the planner in its short version, and the rules of its table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import planning
from benchmarks.planning_measure import OURS, Comparison, timed
from benchmarks.planning_peers import Prepared
from benchmarks.planning_results import COLUMNS, merge, rows_of, save, table


def comparison(errors: dict[str, float], **times: float) -> Comparison:
    return Comparison(
        "garnet", "garnet-9", 9, 90, {name: [value] for name, value in times.items()}, errors, 1e-8, 2.0
    )


def test_a_wrong_peer_is_reported_and_not_counted() -> None:
    found = comparison({OURS: 1e-11, "fast": 0.3, "slow": 1e-9}, metaregret=1.0, fast=0.5, slow=3.0)
    assert found.fastest_peer() == "slow"
    assert "fast is off by 3.0e-01" in table([found])
    assert [row["right"] for row in rows_of(found)] == [True, False, True]
    assert [row["ratio"] for row in rows_of(found)] == [1.0, 0.5, 3.0]


def test_the_median_counts() -> None:
    found = Comparison("t", "m", 1, 1, {OURS: [1.0, 9.0, 2.0]}, {OURS: 0.0}, 1e-8, None)
    assert found.seconds(OURS) == 2.0


def test_what_goes_before_a_call_runs_every_time() -> None:
    built: list[int] = []
    used: list[int] = []

    def solve() -> np.ndarray:
        used.append(len(built))
        return np.zeros(1)

    timed(Prepared(solve, lambda: built.append(0)))
    assert used == list(range(1, len(used) + 1))


def test_rows_of_models_that_were_not_run_are_kept() -> None:
    old = [{"model": "a", "seconds": 1}, {"model": "b", "seconds": 2}]
    new = [{"model": "a", "seconds": 3}, {"model": "c", "seconds": 4}]
    assert merge(old, new) == [new[0], old[1], new[1]]


def test_another_machine_starts_afresh(tmp_path: Path) -> None:
    machine = {"processor": "x", "cores": 2, "bandwidth_gb_per_second": 30.0}
    row = {"task": "t", "model": "a", "contestant": OURS, "seconds": 1.0}
    save(tmp_path, machine, [row], {})
    save(tmp_path, {**machine, "bandwidth_gb_per_second": 29.0}, [{**row, "model": "b"}], {})
    assert [kept["model"] for kept in read(tmp_path)] == ["a", "b"]
    save(tmp_path, {**machine, "cores": 4}, [{**row, "model": "c"}], {})
    assert [kept["model"] for kept in read(tmp_path)] == ["c"]


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / "planning.csv").open() as file:
        return list(csv.DictReader(file))


def test_short_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Small models against the peers that come with the package's own dependencies."""
    arguments = ["--short", "--only", "garnet-1e3,finite-1e4", "--peers", "scipy-vi,scipy-finite"]
    assert planning.main([*arguments, "--results", str(tmp_path)]) == 0
    rows = read(tmp_path)
    assert tuple(rows[0]) == COLUMNS
    assert [row["contestant"] for row in rows] == [OURS, "scipy-vi", OURS, "scipy-finite"]
    assert all(row["right"] == "True" and float(row["seconds"]) > 0 for row in rows)
    machine = json.loads((tmp_path / "planning.json").read_text())["machine"]
    assert machine["cores"] >= 1
    assert str(Path.home()) not in (tmp_path / "planning.json").read_text()
    assert "finite-1e4" in capsys.readouterr().out


def test_a_wrong_answer_of_ours_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = comparison({OURS: 1e-3}, metaregret=1.0)
    monkeypatch.setattr(planning, "_compare", lambda *_: [wrong])
    monkeypatch.setattr(planning, "measure_bandwidth", lambda: 1e10)
    assert planning.main(["--short", "--only", "nothing"]) == 1


def test_saved_results_agree_with_their_json_and_hold_no_wrong_answer_of_ours() -> None:
    rows = read(planning.RESULTS)
    compared = [row for row in rows if row["contestant"] == OURS and row["error"]]
    assert len(compared) >= 10
    assert all(row["right"] == "True" and float(row["error"]) <= 1e-8 for row in compared)
    stored = json.loads((planning.RESULTS / "planning.json").read_text())
    assert [row["model"] for row in stored["rows"]] == [row["model"] for row in rows]
    assert str(Path.home()) not in json.dumps(stored)
