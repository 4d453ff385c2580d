from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from conftest import Cli


# T13's line: 1/2 with memory; 31/32 without (two goals, five episodes: sum of 2**-i); 5/2 blind (5 times 1
# - 1/2).
def test_ladder_on_the_line_is_exact(cli: Cli, tmp_path: Path) -> None:
    picture = tmp_path / "ladder.svg"
    line = ("line:5,start=2", "--horizon", "4", "--detect", "visit", "--episodes", "5")
    outcome = cli("ladder", *line, "--exact", "--json", "-", "--figure", str(picture))
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    values = {name: Fraction(rung["value"]["exact"]) for name, rung in document["learners"].items()}
    assert values == {"blind": Fraction(5, 2), "memoryless": Fraction(31, 32), "memory": Fraction(1, 2)}
    assert Fraction(document["value_of_memory"]["exact"]) == Fraction(15, 32)
    assert document["in_order"] is True
    assert "<svg" in picture.read_text()


def test_infinitely_many_episodes_are_refused(cli: Cli) -> None:
    outcome = cli("ladder", "line:3", "--episodes", "inf")
    assert outcome.status == 2
    assert "--episodes N" in outcome.err
