from __future__ import annotations

import json
from pathlib import Path

from conftest import Cli


def test_list_names_every_environment(cli: Cli) -> None:
    names = {item["name"] for item in json.loads(cli("env", "list", "--json", "-").out)["environments"]}
    assert {"grid", "line", "tree", "garnet", "gym"} <= names


def test_show(cli: Cli) -> None:
    facts = json.loads(
        cli("env", "show", "gym:FrozenLake-v1,map_name=8x8,is_slippery=false", "--json", "-").out
    )
    assert facts["states"] == 64
    assert facts["deterministic"] is True
    outcome = cli("env", "show", "grid:3x3,slip=1/10", "--horizon", "4")
    assert outcome.status == 0
    assert "0.793" in outcome.out  # the far corner's best probability


def test_export_round_trip(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "grid.json"
    assert cli("env", "export", "grid:2x2,slip=1/10", str(file)).status == 0
    again = tmp_path / "again.json"
    assert cli("env", "export", str(file), str(again)).status == 0
    first, second = json.loads(file.read_text()), json.loads(again.read_text())
    assert first == second
    assert ["0", "right", "1", "37/40"] in first["transitions"]


def test_export_into_a_missing_folder(cli: Cli) -> None:
    outcome = cli("env", "export", "grid:2x2", "/nowhere/grid.json")
    assert outcome.status == 2
    assert "/nowhere" in outcome.err


def test_export_to_an_ending_that_no_format_has(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "grid.prism"
    outcome = cli("env", "export", "grid:2x2", str(file))
    assert outcome.status == 2
    assert "grid.prism" in outcome.err
    assert not file.exists()


def test_messages_name_the_option_of_a_specification(cli: Cli) -> None:
    outcome = cli("env", "show", "grid:2x2,slip=2")
    assert outcome.status == 2
    assert outcome.err == "metaregret: Expected grid: slip between 0 and 1, but got 2.\n"


def test_export_says_what_it_wrote(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "my.json"
    outcome = cli("env", "export", "line:3", str(file), "--horizon", "2", "--json", "-")
    assert outcome.status == 0
    summary = json.loads(outcome.out)
    assert summary == {
        "format": "metaregret-export/1",
        "name": "line:3",
        "file": str(file),
        "states": 3,
        "transitions": len(json.loads(file.read_text())["transitions"]),
        "exact": True,
        "notes": [],
    }
    same = cli("env", "export", "line:3", str(file), "--json", str(file))
    assert same.status == 2
    assert "is the same file" in same.err
