"""Errors raised in the library speak Python: no command-line flag is mentioned in them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAG = re.compile(r"(?<![\w-])--[a-z]")
COMMAND_LINES = ("experiments/cli", "theory/certificates/check.py")
"""The command line may speak of its options; the stand-alone checker is one, too."""


def flags(source: str) -> list[str]:
    """Texts within ``raise`` statements, and of calls that make errors, that mention a flag."""
    texts = [
        node.value
        for statement in ast.walk(ast.parse(source))
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
