"""Results of one's own on the pages of a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import metaregret as mr
from metaregret.experiments.cli import main
from metaregret.experiments.report.html.added import read_added
from metaregret.tabular.errors import FileFormatError


def test_results_are_shown_and_linked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    process = mr.make("line:3", horizon=2)
    mr.solve(mr.goals(process), exact=True).to_json(tmp_path / "mine.json")
    mr.plan(process, goal="2").to_json(tmp_path / "plan.json")
    mr.propose(process, "uniform").to_json(tmp_path / "proposal.json")
    pages = tmp_path / "pages"
    add = [
        word for name in ("mine", "plan", "proposal") for word in ("--add", str(tmp_path / f"{name}.json"))
    ]
    with pytest.raises(SystemExit) as stop:
        main(["verify", "C05", "--report", str(pages), "--workers", "1", *add])
    assert stop.value.code == 0
    index = (pages / "index.html").read_text()
    assert "<td>line:3, memoryless, regret</td><td>2</td>" in index
    assert "worst-case regret 2, minimax 2" in index
    for name in ("results/1_mine.json", "results/2_plan.json", "results/3_proposal.json"):
        assert f'href="{name}"' in index
        json.loads((pages / name).read_text())
    made = json.loads((pages / "report.json").read_text())["made"]
    assert made["date"][:10] in index
    assert f"numpy {made['versions']['numpy']}" in " ".join(index.split())


def test_ladders_checks_and_games_are_spelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = {
        "ladder line:3 --horizon 2 --episodes 2 --exact": "blind 4/3; memoryless 10/9; memory 1",
        "bayes line:3 --horizon 2 --episodes 2": "1 to 1",
    }
    for command, words in said.items():
        file = tmp_path / f"{command.split()[0]}.json"
        with pytest.raises(SystemExit):
            main([*command.split(), "--json", str(file)])
        (added,) = read_added([file])
        assert added.value == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": "metaregret-cmp/1"}', "a report shows"),
        ("no document", "a report shows"),
        ('{"format": "metaregret-solution/1"}', "no complete"),
        ('{"format": "metaregret-solution/1", "value": 3}', "no complete"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_name(tmp_path: Path, text: str, words: str):
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(FileFormatError, match=words):
        read_added([file])


def test_a_result_without_a_report_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(["verify", "C05", "--add", "x.json"])
    assert stop.value.code == 2
    assert "--report" in capsys.readouterr().err
