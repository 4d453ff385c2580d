"""What other distributions bring: the examples of ``docs/how-to/plug-ins.md``, both ways."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

import metaregret as mr
from metaregret.experiments.cli import metaregret as command
from metaregret.experiments.figures.registry import figures
from metaregret.experiments.figures.render import draw
from metaregret.experiments.sweeps import Store, frame, run
from metaregret.experiments.sweeps.registry import studies
from metaregret.tabular.discovery import discover, look_up
from metaregret.tabular.environments import environments
from metaregret.theory.claims import claim, controls, theorems
from metaregret.theory.plotting import style
from metaregret.theory.proposals import Method, methods

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "plug-ins.md"
REGISTRIES = (methods, environments, studies, figures, theorems, controls)


def forget() -> None:
    for registry in REGISTRIES:
        registry.cache_clear()


def distribution(folder: Path, entry_points: str) -> None:
    """What installing the page's module leaves: the module, and what its distribution announces."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(blocks) == 4
    (folder / "mine.py").write_text("\n".join(blocks))
    about = folder / "mine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(entry_points)


def announced() -> str:
    """The page's entry points, as an installer writes them."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    return str(re.sub(r'\[project\.entry-points\."(.*?)"\]', r"[\1]", block).replace('"', ""))


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    distribution(tmp_path, announced())
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield importlib.import_module("mine")
    monkeypatch.delitem(sys.modules, "mine")
    forget()


@pytest.mark.usefixtures("mine")
def test_entry_points_have_names_everywhere(mine: ModuleType) -> None:
    assert methods()["corners"] is mine.METHOD
    assert environments()["cycle"] is mine.ENVIRONMENT
    assert studies()["line_regret"] is mine.STUDY
    assert figures()["line_regret"] is mine.FIGURE
    assert claim("M01") is mine.THEOREM
    process = mr.make("cycle:4,slip=1/10")
    assert mr.propose(mr.make("line:3"), "corners").goal_distribution["2"] == pytest.approx(0.25)
    assert process.n_states == 4
    assert mr.verify("M01", instances=3)["M01"]["verdict"] == "SUPPORTED"
    solved = CliRunner().invoke(command, ["solve", "cycle:3", "--horizon", "2"])
    assert "cycle:3" in solved.stdout
    listed = CliRunner().invoke(command, ["propose", "--help"])
    assert "corners" in listed.stdout


def test_objects_need_no_entry_point(mine: ModuleType, tmp_path: Path) -> None:
    line = mr.make("line:3", horizon=2)
    assert mr.propose(line, mine.METHOD).method is mine.METHOD
    compared = mr.compare(line, ["uniform", mine.METHOD], memory=False).to_frame()
    assert compared["method"].tolist() == ["uniform", "corners"]
    assert mr.verify(new=mine.THEOREM, instances=3).as_expected
    sweep = mine.STUDY.sweep("short")
    with Store(tmp_path / "results.sqlite") as store:
        run(sweep.jobs, store, workers=1)
        results = frame(store, sweep)
    assert results["regret"].tolist() == pytest.approx([1.0, 2.0])
    drawing = draw(mine.FIGURE, {"line_regret": results}, style("icml"))
    assert drawing.numbers == {"largest": pytest.approx(2.0)}


@pytest.mark.parametrize(
    ("entry_points", "words"),
    [
        ("[metaregret.proposals]\na = mine:METHOD\nb = mine:METHOD\n", "both define 'corners'"),
        ("[metaregret.proposals]\na = mine:STUDY\n", "is a Study, not a Method"),
        ("[metaregret.proposals]\na = nowhere_to_be_found:X\n", "cannot be loaded: ModuleNotFoundError"),
        ("[metaregret.proposals]\na = mine:ABSENT\n", "uninstall mine"),
    ],
)
def test_broken_entry_points_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry_points: str, words: str
) -> None:
    distribution(tmp_path, entry_points)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(mr.errors.InvalidArgumentError, match=re.escape(words)):
        discover("metaregret.theory.proposals", "METHOD", Method, group="metaregret.proposals")


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(mr.errors.InvalidArgumentError, match="Unknown letter 'c'; there are a, b"):
        look_up({"a": 1, "b": 2}, "c", "letter")
    with pytest.raises(mr.errors.InvalidArgumentError, match="Unknown letter 3"):
        look_up({"a": 1}, 3, "letter")
