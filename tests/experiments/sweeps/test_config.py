"""Configurations that must be refused, with words of the message, and those that are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metaregret.experiments.sweeps.config import read_sweep
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError

GOOD: dict[str, Any] = {"format": "metaregret-sweep/1", "study": "adversary_budget"}
GRID = {"ball": ["tail", "total variation"], "budget": [0.1, 1]}


def write(folder: Path, document: Any, name: str = "c.json") -> str:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def test_a_grid_spans_all_combinations(tmp_path: Path) -> None:
    sweep = read_sweep(write(tmp_path, {**GOOD, "seed": 3, "grid": GRID}))
    assert sweep.seed == 3
    assert [tuple(point.values()) for point in sweep.points] == [
        ("tail", 0.1),
        ("tail", 1),
        ("total variation", 0.1),
        ("total variation", 1),
    ]


def test_toml_says_the_same(tmp_path: Path) -> None:
    toml = (
        'format = "metaregret-sweep/1"\nstudy = "adversary_budget"\nseed = 3\n'
        '[grid]\nball = ["tail", "total variation"]\nbudget = [0.1, 1]\n'
    )
    first = read_sweep(write(tmp_path, {**GOOD, "seed": 3, "grid": GRID}))
    assert read_sweep(write(tmp_path, toml, "c.toml")).ids == first.ids


def test_a_name_and_its_scale(tmp_path: Path) -> None:
    short = read_sweep(write(tmp_path, {**GOOD, "scale": "short"}))
    full = read_sweep("adversary_budget")
    assert set(short.ids) <= set(full.ids)
    assert len(short.ids) < len(full.ids)
    assert read_sweep("adversary_budget", seed=1).ids != full.ids


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({**GOOD, "study": "nonsense"}, ("'nonsense'", "noise_gap")),
        ({**GOOD, "study": 3}, ('"study"', "a string", "3")),
        ({"format": "metaregret-sweep/1"}, ('"study" is missing',)),
        ({**GOOD, "format": "x/1"}, ("metaregret-sweep/1", "'x/1'")),
        ({**GOOD, "sed": 1}, ("unknown field 'sed'", "seed")),
        ({**GOOD, "seed": -1}, ('"seed"', "-1")),
        ({**GOOD, "seed": True}, ('"seed"', "true")),
        ({**GOOD, "scale": "huge"}, ('"scale"', "'huge'")),
        ({**GOOD, "scale": []}, ('"scale"', "a list of length 0")),
        ({**GOOD, "scale": {"a": 1}}, ('"scale"', "a JSON object")),
        ({**GOOD, "points": [], "grid": {}}, ("both given",)),
        ({**GOOD, "points": []}, ('"points" is empty',)),
        ({**GOOD, "points": [3]}, ("points[0]", "an object", "3")),
        ({**GOOD, "points": [{"ball": "tail"}]}, ("points[0]", "'ball'", "'budget'")),
        ({**GOOD, "points": [{"ball": 1, "budget": 1}]}, ("points[0]", "'ball'", "a number", "text")),
        ({**GOOD, "points": [{"ball": "tail", "budget": [1]}]}, ("points[0]", "'budget'", "a list")),
        ({**GOOD, "points": [{"ball": "tail", "budget": 1}] * 2}, ("points 0 and 1 are the same",)),
        ({**GOOD, "grid": {"ball": "tail"}}, ("grid['ball']", "a list", "'tail'")),
        ({**GOOD, "grid": {}}, ('"grid" spans 0 points',)),
        ({**GOOD, "grid": {k: list(range(200)) for k in "abc"}}, ('"grid" spans 8000000 points',)),
        ('{"format": "metaregret-sweep/1", "study": "adversary_budget", "seed": NaN}', ("NaN",)),
        ("{", ("not valid JSON", "line 1")),
    ],
)
def test_refused(tmp_path: Path, document: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        read_sweep(write(tmp_path, document))
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("c.toml", ("not valid TOML",)),
        ("absent.json", ("no such file",)),
        ("c.yaml", ("neither a study", "noise_gap", ".toml")),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    path = tmp_path / name
    if name != "absent.json":
        path.write_text("a = = b")
    with pytest.raises(FileFormatError) as refused:
        read_sweep(str(path))
    for word in words:
        assert word in str(refused.value)
