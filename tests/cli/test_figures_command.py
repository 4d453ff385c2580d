from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli

from metaregret.experiments.figures.registry import figures


def test_list(cli: Cli) -> None:
    document = json.loads(cli("figures", "--list", "--json", "-").out)
    assert [each["name"] for each in document["figures"]] == list(figures())
    assert "regret_density" in cli("figures", "--list").out


def test_a_figure_and_its_rerun(cli: Cli, tmp_path: Path) -> None:
    arguments = ("figures", "adversary_budget", "--short", "--out", str(tmp_path), "--workers", "1")
    first = cli(*arguments, "--format", "svg,pdf", "--style", "neurips", "--json", "-")
    assert first.status == 0, first.err
    manifest = json.loads(first.out)["figures"][0]
    assert manifest["style"] == "neurips"
    assert manifest["command"] == "metaregret figures adversary_budget --short --style neurips"
    assert f"made by: {manifest['command']}\n" in (tmp_path / "adversary_budget.tex").read_text()
    names = [f"adversary_budget.{kind}" for kind in ("csv", "json", "pdf", "svg", "tex")]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, "results.sqlite"]
    before = {name: (tmp_path / name).read_bytes() for name in names}
    again = cli(*arguments, "--format", "svg,pdf", "--style", "neurips")
    assert again.status == 0
    assert {name: (tmp_path / name).read_bytes() for name in names} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "regret_density"),
        (("regret_density", "--style", "nature"), "icml"),
        (("regret_density", "--format", "jpeg"), "pdf"),
        (("regret_density", "--scheduler", "tcp://x:1"), "--backend dask"),
        (("regret_density", "--out", "file"), "not a folder"),
    ],
)
def test_refused(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    outcome = cli("figures", *arguments)
    assert outcome.status == 2
    assert words in outcome.err or "is a file" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
