"""Errors raised in the library speak Python, of no command-line flag, and know which name was meant."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import metaregret as mr
from metaregret.experiments.cli import main
from metaregret.tabular.errors import InvalidArgumentError

ROOT = Path(__file__).resolve().parents[2]
FLAG = re.compile(r"(?<![\w-])--[a-z]")
COMMAND_LINES = ("experiments/cli", "theory/certificates/check.py")
"""The command line may speak of its options; the stand-alone checker is one, too."""


def flags(source: str) -> list[str]:
    """Texts within ``raise`` statements, and of calls that make errors, that mention a flag."""
    texts = [
        node.value
        for statement in ast.walk(ast.parse(source if FLAG.search(source) else ""))
        if isinstance(statement, ast.Raise)
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return [text for text in texts if FLAG.search(text)]


def test_no_error_of_the_library_mentions_a_flag() -> None:
    paths = [p for layer in ("tabular", "theory", "experiments") for p in (ROOT / layer).rglob("*.py")]
    chosen = [p for p in paths if not str(p.relative_to(ROOT)).startswith(COMMAND_LINES)]
    assert len(chosen) > 200
    found = {str(path.relative_to(ROOT)): flags(path.read_text()) for path in chosen}
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "planted",
    [
        'raise ValueError("give --horizon T")',
        'raise ValueError(f"{x}: use --goals A,B")',
        'def f():\n    raise ValueError("a " "--exact")',
    ],
)
def test_a_planted_flag_is_seen(planted: str) -> None:
    assert flags(planted)


@pytest.mark.parametrize("harmless", ['raise ValueError("a -- b")', 'print("--json")', 'raise E("x--y")'])
def test_other_texts_are_not(harmless: str) -> None:
    assert flags(harmless) == []


LINE = {
    "format": "metaregret-cmp/1",
    "states": ["home", "shop"],
    "actions": ["go"],
    "initial": {"home": 1},
    "horizon": 1,
    "transitions": [["home", "go", "shop", 1], ["shop", "go", "shop", 1]],
}


def line() -> mr.ControlledMarkovProcess:
    return mr.make(LINE)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        (lambda: mr.make("griid:3x3"), "grid"),
        (lambda: mr.make("grid:3x3,slpi=1/10"), "slip"),
        (lambda: mr.make("gym:FrozenLake-v1,is_slipery=false"), "is_slippery"),
        (lambda: mr.make(line(), start="hmoe"), "home"),
        (lambda: mr.plan(line(), goal="Shop"), "shop"),
        (lambda: mr.propose(line(), "capactiy"), "capacity"),
        (lambda: mr.solve(mr.goals(line()), learner="memry"), "memory"),
        (lambda: mr.verify("T044"), "T04"),
    ],
)
def test_a_misspelt_name_is_recognised(misspelt: Callable[[], object], meant: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"Did you mean '{meant}'\?$"):
        misspelt()


def test_another_name_is_not() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        mr.make("zebra:3x3")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(("word", "meant"), [("slove", "solve"), ("figures summry", "summary")])
def test_so_it_is_on_the_command_line(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(word.split())
    assert stop.value.code == 2
    assert f"Did you mean '{meant}'?" in capsys.readouterr().err
