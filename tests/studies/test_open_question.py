"""The text on the open question against what the study measures, and the study's roles by hand."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaregret.experiments.sweeps import Scale
from metaregret.experiments.topics.open_question import STUDY, measure, roles
from metaregret.tabular import goal_values, make

TEXT = Path(__file__).parents[2] / "docs" / "explanation" / "open-question.md"
ROW = re.compile(
    r"^\| `metaregret solve (?P<process>\S+?)(,slip=(?P<slip>\S+))? --horizon (?P<horizon>\d+) "
    r"--episodes (?P<episodes>\d+) --detect (?P<detect>\w+) --learner (?P<learner>\w+) "
    r"--mass (?P<goals>\S+)` "
    r"\| (?P<value>\S+) \| (?P<lower>[\d.]+)( to (?P<upper>[\d.]+))? \| (?P<uniform>\S+) \|$",
    re.MULTILINE,
)
POINTS = [dict(point) for point in STUDY.points(Scale.SHORT, 0)]


def numbers(point: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(point[key]) for key in ("process", "slip", "horizon", "episodes", "detect", "learner"))


@cache
def measured(key: tuple[str, ...]) -> list[dict[str, Any]]:
    (point,) = [p for p in POINTS if numbers(p) == key and p["sets"] == "roles"]
    return [dict(row) for row in measure(point, np.random.default_rng(0))]


def mistakes(text: str) -> list[str]:
    """The rows of the text that differ from the study's short results."""
    found = []
    for row in ROW.finditer(text):
        point = {**row.groupdict(), "slip": row["slip"] or "0"}
        _, role = roles(make(row["process"]).replaced(horizon=int(row["horizon"])))
        (kind,) = {role[int(goal)] for goal in row["goals"].split(",")}
        (result,) = [r for r in measured(numbers(point)) if r["role"] == kind]
        lower, upper = float(row["lower"]), float(row["upper"] or row["lower"])
        shown = (float(row["value"]), float(row["value"]), lower, upper, float(row["uniform"]))
        exact = ("value_lower", "value_upper", "mass_lower", "mass_upper", "uniform_share")
        named = len(row["goals"].split(",")) == role.count(kind)
        right = all(abs(x - result[name]) <= 6e-5 for x, name in zip(shown, exact, strict=True))
        reached = abs(result["least"] - lower) <= 6e-5 and abs(result["most"] - upper) <= 6e-5
        if not (named and right and reached and result["shortfall"] <= 1e-7):
            found.append(row.group())
    return found


def test_every_number_of_the_text_is_measured() -> None:
    text = TEXT.read_text()
    assert (
        len(list(ROW.finditer(text)))
        == sum(line.startswith("| `metaregret solve") for line in text.splitlines())
        == 42
    )
    assert mistakes(text) == []


def test_every_wrong_number_is_found() -> None:
    """Planted errors: a value, an end of a range, a set of goals, a learner."""
    text = TEXT.read_text()
    for right, wrong in (
        ("| 1.8154 |", "| 1.8155 |"),
        ("| 0 to 0.3333 |", "| 0 to 0.25 |"),
        ("| 0.5 to 1 |", "| 0.6667 to 1 |"),
        ("--mass 3,4,5,6`", "--mass 3,4,5`"),
        ("slip=1/10 --horizon 4 --episodes 3 --detect end --learner memory ",
         "slip=1/10 --horizon 4 --episodes 3 --detect end --learner memoryless "),
    ):  # fmt: skip
        assert right in text
        assert mistakes(text.replace(right, wrong)), wrong


def test_the_statements_of_the_text() -> None:
    """What the sentences say about the rows, checked on the rows."""
    rows = [row.groupdict() for row in ROW.finditer(TEXT.read_text())]
    still = [row for row in rows if row["slip"] is None]
    for row in rows:
        low, high = float(row["lower"]), float(row["upper"] or row["lower"])
        if row["detect"] == "end" and row["slip"] is None:
            assert low == high == pytest.approx(float(row["uniform"]), abs=1e-4)
        elif row["detect"] == "end":  # tips: away from them without memory, towards them with it
            uniform = float(row["uniform"])
            away = row["learner"] == "memoryless" or row["slip"] == "2/5"
            assert high < uniform if away else low > uniform
            assert (high == 0) == (row["slip"] == "2/5")
    assert {row["process"].partition(":")[0] for row in rows if row["slip"]} == {
        "line",
        "tree",
        "grid",
        "four-rooms",
    }
    for row in rows:
        if row["slip"] == "2/5":  # missing the far corner every time costs less than the value
            process = make(f"{row['process']},slip=2/5").replaced(horizon=int(row["horizon"]))
            best = float(goal_values(process, np.array([int(row["goals"])])).upper[0])
            assert int(row["episodes"]) * best < float(row["value"]) - 0.1
    key = ("process", "horizon", "episodes", "detect", "slip")
    pairs = {tuple(row[k] for k in key): {} for row in rows}
    for row in rows:
        pairs[tuple(row[k] for k in key)][row["learner"]] = float(row["value"])
    assert all(pair["memory"] <= pair["memoryless"] for pair in pairs.values())
    visits = [measured(numbers({**row, "slip": "0"})) for row in still if row["detect"] == "visit"]
    starts = [r["mass_upper"] for result in visits for r in result if r["role"] == "start"]
    assert max(starts) <= 1e-6
    assert len(starts) == len(visits)


def test_roles_by_hand() -> None:
    tree = make("tree:0,0,2,0,4,5")  # legs of one, two and three steps
    distances, role = roles(tree.replaced(horizon=3))
    assert distances.tolist() == [0, 1, 1, 2, 1, 2, 3]
    assert role == ["start", "tip", "gateway", "tip", "gateway", "gateway", "tip"]
    _, role = roles(tree.replaced(horizon=2))  # the third step is out of reach: its door is a tip now
    assert role[5] == "tip"
    ring = make("four-rooms:1")
    assert roles(ring.replaced(horizon=4))[1] == [
        "start", "gateway", "gateway", "gateway", "between", "gateway", "between", "tip"
    ]  # fmt: skip
    assert "gateway" not in roles(ring.replaced(horizon=6))[1]  # there is time for the other way round


def test_points_are_distinct_and_cover_the_question() -> None:
    for scale in Scale:
        sweep = STUDY.sweep(scale)
        assert len(set(sweep.ids)) == len(sweep.points)
        for key, least in (
            ("family", 4),
            ("learner", 2),
            ("detect", 2),
            ("horizon", 3),
            ("episodes", 3),
            ("slip", 2),
        ):
            assert len({point[key] for point in sweep.points}) >= least
    for point in measured(numbers({"process": "line:5,start=2", "slip": "0", "horizon": 4, "episodes": 1,
                                   "detect": "visit", "learner": "memory"})):  # fmt: skip
        assert math.isfinite(point["mass_upper"])
