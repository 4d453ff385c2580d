"""The page on adding theorems: its code runs, its links lead somewhere, its verdicts are those of the
code."""

from __future__ import annotations

import re
from pathlib import Path

from metaregret.theory.claims import Context, Theorem, Verdict, from_file, verify_theorem

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "add-a-theorem.md"


def test_the_claim_on_the_page_is_refuted(tmp_path: Path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    path = tmp_path / "my_claim.py"
    path.write_text(code)
    mine = from_file(path)
    assert isinstance(mine, Theorem)
    assert verify_theorem(mine, Context()).verdict is Verdict.REFUTED


def test_what_the_page_names_exists():
    text = PAGE.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (PAGE.parent / target).exists(), target
    for path in re.findall(r"`((?:theory|tests)/[\w/]+\.py)`", text):
        assert (PAGE.parents[2] / path).exists(), path
    import metaregret.theory.claims

    for name in (
        "property_claim",
        "on_instances",
        "vanishes",
        "all_hold",
        "exact_agreement",
        "find_witness",
        "store_witness",
    ):
        assert name in text
        assert hasattr(metaregret.theory.claims, name)


def test_the_page_explains_every_verdict():
    named = set(re.findall(r"^\| `([A-Z]+)` \|", PAGE.read_text(), flags=re.MULTILINE))
    assert {verdict.name for verdict in Verdict} <= named
