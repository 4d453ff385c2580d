from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Cli

ROOT = Path(__file__).parents[2]
TRUE_CLAIM = ROOT / "docs" / "examples" / "true_claim.py"


def test_help_teaches_and_lists_commands(cli: Cli) -> None:
    outcome = cli("--help")
    assert outcome.status == 0
    for word in ("env", "plan", "propose", "solve", "verify", "grid:5x5"):
        assert word in outcome.out


@pytest.mark.parametrize("command", ["plan", "propose", "solve", "verify", "env show"])
def test_every_help_has_an_example(cli: Cli, command: str) -> None:
    outcome = cli(*command.split(), "--help")
    assert outcome.status == 0
    assert f"metaregret {command}" in outcome.out


def test_unknown_command_and_option(cli: Cli) -> None:
    assert cli("frobnicate").status == 2
    assert cli("solve", "grid:3x3", "--colour").status == 2


def test_as_a_user_runs_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "metaregret", "solve", "line:3", "--json", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert '"format": "metaregret-solution/1"' in done.stdout
    assert done.stderr == ""


def test_nothing_is_left_in_the_current_folder(tmp_path: Path) -> None:
    here, cache = tmp_path / "here", tmp_path / "cache"
    here.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HYPOTHESIS_")}
    done = subprocess.run(
        [sys.executable, "-m", "metaregret", "verify", "--new", str(TRUE_CLAIM), "--instances", "2"],
        cwd=here,
        env={**kept, "PYTHONPATH": str(ROOT / "src"), "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert list(here.iterdir()) == []
    assert (cache / "metaregret" / "hypothesis").is_dir()


@pytest.mark.parametrize("more", [[], ["--json", "-"]], ids=["table", "json"])
def test_a_reader_that_has_seen_enough_is_no_failure(more: list[str]) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "metaregret", "solve", "line:3", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    assert running.stderr.read() == ""
    running.stderr.close()
    assert running.wait() == 0
