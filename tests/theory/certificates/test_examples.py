"""The example certificates, and the example in the documentation, are accepted."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from metaregret.theory.certificates.check import check

HERE = Path(__file__).parent
EXAMPLES = sorted(path for path in (HERE / "examples").glob("*.json") if not path.name.endswith(".cmp.json"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_accepted(path):
    lower, upper = check(path)[1:]
    assert lower <= upper
    assert "comment" in json.loads(path.read_text())


def test_the_documented_example_is_accepted(tmp_path):
    text = (HERE.parents[2] / "docs" / "reference" / "certificates.md").read_text()
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (document,) = [block for block in blocks if "metaregret-cmp" in block]
    (tmp_path / "example.json").write_text(document)
    assert check(tmp_path / "example.json")[1:] == (Fraction(1, 2), Fraction(1, 2))
