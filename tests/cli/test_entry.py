from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from conftest import Cli, full_device

from metaregret.experiments.cli import metaregret

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


def options(command: click.Command) -> Iterator[click.Option]:
    yield from (option for option in command.params if isinstance(option, click.Option))
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from options(found)


def test_every_option_says_what_it_does() -> None:
    found = list(options(metaregret))
    assert len(found) > 50
    assert [option.opts for option in found if not option.help] == []


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
    assert {path.name for path in cache.glob("*")} <= {"metaregret"}  # what Hypothesis keeps, if anything


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


def ended(command: str, folder: Path) -> tuple[int, str]:
    """Run a shell command with the program as ``$M``; its status, and standard error."""
    shell = f"M='{sys.executable} -m metaregret'; {command}"
    done = subprocess.run(["bash", "-c", shell], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@full_device
@pytest.mark.parametrize(
    "command",
    [
        "$M solve line:3 > /dev/full",
        "$M solve line:3 --json - > /dev/full",
        "$M solve line:3 --json /dev/full",
        "$M env list > /dev/full",
    ],
)
def test_a_full_device_is_one_message(command: str, tmp_path: Path) -> None:
    status, told = ended(command, tmp_path)
    assert status == 2
    assert "No space left on device" in told
    assert told.count("\n") == 1


def test_closed_streams_lose_words_and_nothing_else(tmp_path: Path) -> None:
    assert ended("$M solve line:3 --json a.json 2>&-", tmp_path)[0] == 0
    assert ended("$M solve line:3 --json b.json >&-", tmp_path)[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "b.json"}
    assert ended("$M solve nonsense 2>&-", tmp_path)[0] == 2
    if Path("/dev/full").exists():
        assert ended("$M solve nonsense 2>/dev/full", tmp_path)[0] == 2
        assert ended("$M frobnicate 2>/dev/full", tmp_path)[0] == 2


def test_a_loop_of_links_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    status, told = ended("$M solve line:3 --json loop", tmp_path)
    assert status == 2
    assert "not the name of a file" in told
    assert told.count("\n") == 1


def test_an_error_of_the_program_is_not_a_failed_claim(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    for error, status, words in (
        (ZeroDivisionError("division by zero"), 4, "ZeroDivisionError: division by zero; please report it"),
        (MemoryError(), 3, "no certified result: the memory of this machine"),
    ):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("metaregret.theory.minimax.solve", fail)
        done = cli("solve", "line:3")
        assert done.status == status
        assert words in done.err
