"""Work is charged by what it costs: a fortieth of the usual budget allows a fortieth of the time.

`hostile_sizes.py` runs the same attacks at the usual budget and at full size.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from certificate_builder import certificate, cmp_document, line, write
from hostile_sizes import ATTACKS, SEED, fault, measured
from test_hostile import valid

import metaregret.theory.certificates.check as checker

BUDGET = checker.BUDGET // 40


@pytest.mark.parametrize("name", [x for x in ATTACKS if not x.startswith(("goals that", "weights that"))])
def test_attacks_of_hostile_sizes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.json"
    path.write_bytes(ATTACKS[name](0.02, random.Random(SEED)))
    assert fault(measured(path, BUDGET), BUDGET) == ""


LONG = (
    "9" * 4000 + "e999",
    "1" * 4000 + "." + "3" * 400 + "e999",
    "-" + "8" * 4000 + "e-999",
    "1e999",
    "1e-999",
)


@pytest.mark.parametrize("number", LONG)
@pytest.mark.parametrize("literal", [True, False])
def test_bounds_of_any_length_that_the_format_allows(number: str, literal: bool, tmp_path: Path) -> None:
    """Above, if not negative, and below otherwise: the claim is true, and is proved."""
    document = valid()
    side = "lower" if Fraction(number) < 1 else "upper"
    document["claim"] |= {side: "HERE", "exact": False}
    path = tmp_path / "long.json"
    path.write_text(json.dumps(document).replace('"HERE"', number if literal else f'"{number}"'))
    found = measured(path, checker.BUDGET)
    assert (found.status, found.errors) == (0, "")
    assert checker.check(path)[1:] == (1, 1)


@pytest.mark.parametrize("number", [x for x in LONG if x[0] != "-"])
def test_values_of_any_length_are_proved(number: str, tmp_path: Path) -> None:
    """A reward of so many digits is the value, and is written in full."""
    process = cmp_document(1, ["go"], [(0, "go", 0, 1)], 0, horizon=1)
    claim: dict[str, Any] = {"problem": "planning", "objective": "reward", "lower": number, "upper": number}
    claim |= {"rewards": [["0", "go", "0", number]], "exact": True}
    path = write(tmp_path / "long.json", certificate(process, claim, {}))
    assert checker.check(path)[1:] == (Fraction(number),) * 2
    command = [sys.executable, "-m", "metaregret", "check", str(path), "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)["proved"]["upper"]
    numerator, _, denominator = shown.partition("/")
    assert _whole(numerator) == Fraction(number).numerator
    assert _whole(denominator or "1") == Fraction(number).denominator


def _whole(digits: str) -> int:
    """Read an integer that may be too long for Python."""
    value = 0
    for i in range(0, len(digits), 1000):
        part = digits[i : i + 1000]
        value = value * 10 ** len(part) + int(part)
    return value


def test_numbers_are_written_in_full() -> None:
    numbers = [0, 7, -7, 10**600 - 1, 10**600, -(10**5000) - 3, Fraction(-1, 3), math.inf]
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        assert [checker.text(x) for x in numbers] == [str(x) for x in numbers]
    finally:
        sys.set_int_max_str_digits(limit)


def test_a_python_that_reads_fewer_digits_refuses_by_name(tmp_path: Path) -> None:
    document = valid()
    document["claim"] |= {"upper": "9" * 2000, "exact": False}
    path = write(tmp_path / "long.json", document)
    command = [sys.executable, "-X", "int_max_str_digits=640", checker.__file__, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("rejected: this Python does not read numbers like '999")


@pytest.mark.parametrize("place", ["witness", "claim", "process", "rows", "choice"])
def test_nests_are_refused_by_name(place: str, tmp_path: Path) -> None:
    """Just as deep as the reader of JSON allows, and deeper."""
    for depth in (900, 980, 1500):
        document = valid()
        row = document["witness"]["learners"][0]["rows"]
        if place in ("rows", "choice"):
            row[0] = ["HERE"] if place == "rows" else [*row[0][:4], "HERE"]
        else:
            document[place] = "HERE"
        path = tmp_path / "deep.json"
        path.write_text(json.dumps(document).replace('"HERE"', "[" * depth + "]" * depth))
        found = measured(path, checker.BUDGET)
        assert (found.status, found.errors) == (1, "")
        assert found.output.startswith("rejected: ")


def test_processes_are_not_changed_by_games() -> None:
    """The start is drawn by the last of the choices, which is no state's."""
    process = checker.Process(line(3, 1, horizon=2))
    assert len(process.choices) == len(process.states) + 1
    assert process.choices[-1] == {-1: [(1, 1)]}
