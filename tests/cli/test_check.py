"""``metaregret check`` and the option ``--certificate`` of solve, plan and propose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli

COMMANDS = {
    "solve": (("solve", "grid:2x2", "--horizon", "2", "--exact"), "3 <= value <= 3"),
    "memory": (
        (
            "solve",
            "line:5,start=2",
            "--horizon",
            "4",
            "--learner",
            "memory",
            "--detect",
            "visit",
            "--episodes",
            "5",
        ),
        "1/2 <= value <= 1/2",
    ),
    "plan": (("plan", "grid:3x3,slip=1/10", "--goal", "8", "--horizon", "4"), "1014429/1280000 <= value"),
    "gamma": (("solve", "line:3", "--gamma", "1/2"), "3/4 <= value <= 3/4"),
    "propose": (("propose", "grid:2x2", "--horizon", "2", "--method", "uniform"), "3 <= value <= 3"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_written_certificates_are_proved_and_stronger_claims_are_not(
    cli: Cli, tmp_path: Path, name: str
) -> None:
    arguments, claim = COMMANDS[name]
    file = tmp_path / "certificate.json"
    written = cli(*arguments, "--certificate", str(file))
    assert written.status == 0, written.err
    assert "which proves" in written.err
    outcome = cli("check", str(file))
    assert outcome.status == 0
    assert outcome.out.startswith("proved: ")
    assert claim in outcome.out
    assert outcome.out.count("\n") == 1, "a proof is one line, however long, where a script reads it"
    document = json.loads(file.read_text())
    document["claim"]["lower"] = "1000"
    file.write_text(json.dumps(document))
    refused = cli("check", str(file))
    assert refused.status == 1
    assert refused.out == "rejected: the lower bound is not proved\n"
    reason = json.loads(cli("check", str(file), "--json", "-").out)
    assert reason == {
        "format": "metaregret-check/1",
        "accepted": False,
        "reason": "the lower bound is not proved",
    }


def test_files_that_cannot_be_read_are_bad_input(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("check", str(tmp_path / "missing.json"))
    assert outcome.status == 2
    assert "No such file" in outcome.err
    (tmp_path / "text.json").write_text("{")
    assert cli("check", str(tmp_path / "text.json")).status == 1


def test_unsupported_certificates_are_refused_by_name(cli: Cli, tmp_path: Path) -> None:
    file = str(tmp_path / "certificate.json")
    arguments = ("--horizon", "3", "--method", "diayn", "--states", "all", "--certificate", file)
    outcome = cli("propose", "line:3", *arguments)
    assert outcome.status == 2
    assert "does not explore by playing the proposed skills" in outcome.err
    assert not Path(file).exists()
