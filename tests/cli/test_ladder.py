from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from conftest import Cli

from metaregret.tabular import make
from metaregret.theory.plotting import layout


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


def test_trees_are_drawn_by_their_moves_side_by_side(cli: Cli, tmp_path: Path) -> None:
    picture = tmp_path / "tree.svg"
    outcome = cli("ladder", "tree:0,0,1", "--episodes", "2", "--detect", "visit", "--figure", str(picture))
    assert outcome.status == 0, outcome.err
    drawn = picture.read_text()
    places, links = layout.places(make("tree:0,0,1"))
    assert places == {0: (0.5, 0.0), 1: (0.0, -1.0), 2: (1.0, -1.0), 3: (0.0, -2.0)}
    assert {frozenset(link) for link in links} == {frozenset(pair) for pair in ((0, 1), (0, 2), (1, 3))}
    assert sum(f"axes_{number}" in drawn for number in range(1, 7)) == 6  # three panels, a colour bar each


def test_other_processes_are_drawn_by_their_moves_or_as_bars(cli: Cli, tmp_path: Path) -> None:
    for size in (5, 60):
        picture = tmp_path / f"garnet{size}.png"
        garnet = f"garnet:S={size},A=2,b=2,seed=1"
        outcome = cli("solve", garnet, "--horizon", "4", "--figure", str(picture))
        assert outcome.status == 0, outcome.err
        assert picture.read_bytes().startswith(b"\x89PNG")
