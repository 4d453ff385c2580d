from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from conftest import Cli

from metaregret.experiments import sweeps


def test_list_and_run_and_export(cli: Cli, tmp_path: Path) -> None:
    listed = json.loads(cli("sweep", "--list", "--json", "-").out)
    assert {"name", "title", "points"} <= set(listed["studies"][0])
    store, out = tmp_path / "s.sqlite", tmp_path / "r.parquet"
    arguments = ("sweep", "adversary_budget", "--short", "--store", str(store), "--workers", "1")
    first = json.loads(cli(*arguments, "--json", "-").out)
    assert (first["points"], first["measured"]) == (9, 9)
    second = cli(*arguments, "--export", str(out), "--provenance")
    assert "9 points" in second.out
    assert "0 measured now" in second.out
    data = pd.read_parquet(out)
    assert len(data) == 9
    assert {"ball", "budget", "value_lower", "seconds", "peak_bytes", "code", "seed", "starts"} <= set(data)
    assert (data["peak_bytes"] > 10**6).all()


def test_the_same_seed_gives_the_same_bytes(cli: Cli, tmp_path: Path) -> None:
    contents = []
    for index, workers in enumerate(("1", "2")):
        out = tmp_path / f"{index}.csv"
        store = tmp_path / f"{index}.sqlite"
        config = tmp_path / "c.toml"
        config.write_text('format = "metaregret-sweep/1"\nstudy = "noise_gap"\nscale = "short"\n')
        done = cli("sweep", str(config), "--store", str(store), "--workers", workers, "--export", str(out))
        assert done.status == 0, done.err
        contents.append(out.read_bytes())
    assert contents[0] == contents[1]
    other = tmp_path / "other.csv"
    cli(
        "sweep",
        "noise_gap",
        "--short",
        "--seed",
        "1",
        "--store",
        str(tmp_path / "0.sqlite"),
        "--export",
        str(other),
    )
    assert other.read_bytes() != contents[0]


def test_the_study_and_the_file_have_a_scale_of_their_own(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        'format = "metaregret-sweep/1"\nstudy = "adversary_budget"\n[grid]\nball = ["tail"]\nbudget = [0.1]\n'
    )
    done = cli("sweep", str(config), "--store", str(tmp_path / "s.sqlite"), "--workers", "1", "--json", "-")
    assert json.loads(done.out)["measured"] == 1, done.err


def test_an_address_that_is_none(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    where = ("--backend", "dask", "--scheduler", "nonsense")
    refused = cli("sweep", "adversary_budget", "--short", "--store", str(tmp_path / "s.sqlite"), *where)
    assert refused.status == 2
    assert "Cannot reach the Dask scheduler at nonsense" in refused.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sweep",), "Name a study"),
        (("sweep", "noise_gap"), "--store FILE"),
        (("sweep", "nonsense", "--store", "s"), "neither a study"),
        (("sweep", "noise_gap", "--store", "s", "--export", "r.xls"), ".parquet"),
        (("sweep", "noise_gap", "--store", "s", "--scheduler", "tcp://x:1"), "--backend dask"),
        (("sweep", "noise_gap", "--store", "no/such/folder/s"), "there is no folder"),
        (("sweep", "noise_gap", "--store", "text"), "not a store of results"),
        (("sweep", "noise_gap", "--store", "other.sqlite"), "not a store of results"),
    ],
)
def test_refused(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("this is not a database, but long enough to be looked at" * 20)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    outcome = cli(*arguments)
    assert outcome.status == 2
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_workers_that_were_lost_are_named(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = sweeps.Outcome(
        points=9, measured=9, seconds=1.0, lost=("tcp://10.0.0.7:41", "tcp://10.0.0.8:42")
    )
    monkeypatch.setattr(sweeps, "run", lambda *_, **__: outcome)
    found = cli("sweep", "adversary_budget", "--short", "--store", str(tmp_path / "s.sqlite"), "--json", "-")
    assert json.loads(found.out)["workers_lost"] == 2
    assert found.err == "".join(
        f"The worker {w} was lost; others measured its points.\n" for w in outcome.lost
    )
    assert found.status == 0
