"""Every command finds out before the work whether what it is to write can be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli

COMMANDS = {
    "solve": ("solve", "line:3", "--horizon", "2"),
    "plan": ("plan", "line:3", "--goal", "2", "--horizon", "2"),
    "bayes": ("bayes", "line:3", "--horizon", "2", "--episodes", "2"),
    "ladder": ("ladder", "line:3", "--horizon", "2", "--episodes", "2"),
    "propose": ("propose", "line:3", "--horizon", "2"),
    "compare": ("compare", "line:3", "--horizon", "2"),
    "verify": ("verify", "T01"),
    "sweep": ("sweep", "regret_density", "--short", "--store", "results.sqlite"),
    "figures": ("figures", "regret_density", "--short", "--out", "out"),
}
WITH_PICTURES = ("solve", "ladder", "propose", "compare")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_folder_that_is_not_there_is_named_before_the_work(
    cli: Cli, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli(*command, "--json", "absent/x.json")
    assert result.status == 2
    assert result.out == ""
    assert "--json 'absent/x.json': there is no folder" in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WITH_PICTURES)
def test_a_picture_of_unknown_format_is_refused_before_the_work(
    cli: Cli, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli(*COMMANDS[name], "--figure", "map.gif", "--json", "x.json")
    assert result.status == 2
    assert ".pdf, .png or .svg" in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WITH_PICTURES)
def test_two_outputs_of_one_name_are_refused(
    cli: Cli, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli(*COMMANDS[name], "--figure", "one.png", "--json", "./one.png")
    assert result.status == 2
    assert "is the same file; name two" in result.err
    assert list(tmp_path.iterdir()) == []
