"""``metaregret verify atlas`` as a user runs it, its pages, and the page in the handbook."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest
from conftest import Cli

import metaregret as mr
from metaregret.theory.claims import atlas, controls, theorems

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("options", [(), ("--exact",)], ids=["all methods", "exact"])
def test_all_published_claims_are_as_expected(cli: Cli, options: tuple[str, ...]):
    outcome = cli("verify", "atlas", "--instances", "2", "--workers", "1", *options, "--json", "-")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert [row["uid"] for row in document["atlas"]] == list(atlas())
    assert document["theorems"] == document["controls"] == document["processes"] == []
    assert document["summary"]["published_claims"] == len(atlas())
    for row in document["atlas"]:
        assert row["verdict"] == row["expected"], row["uid"]
        assert row["facts"]
        assert row["witness"]
        assert row["command"].startswith(f"metaregret verify {row['uid']} ")


def test_one_published_claim_has_its_section_and_its_page(cli: Cli, tmp_path: Path):
    outcome = cli("verify", "A4", "a12", "T02", "--instances", "3", "--report", str(tmp_path))
    assert outcome.status == 0, outcome.err
    assert "Published claims: what holds, and where it stops" in outcome.out
    assert "177/14" in outcome.out
    assert "1 theorem, 2 published claims, " in " ".join(outcome.out.split())
    assert "[green]" not in outcome.out
    index, claim = ((tmp_path / name).read_text() for name in ("index.html", "A12.html"))
    assert 'href="A04.html"' in index
    anchors = set(re.findall(r'href="index\.html#(\w+)"', index))
    assert anchors == {"theorems", "atlas"}
    assert all(f'id="{anchor}"' in index for anchor in anchors)
    lead = " ".join(index.partition('<p class="lead">')[2].partition("</p>")[0].split())
    assert "1 theorem by independent methods, 2 published claims decided, " in lead
    assert "Published claim" in claim
    assert "Fiedler" in claim
    assert "Made finite" in claim


def test_a_published_claim_of_ones_own(cli: Cli):
    outcome = cli("verify", "--new", str(ROOT / "theory" / "atlas" / "_template.py"))
    assert outcome.status == 0, outcome.err
    assert "A99" in outcome.out


def test_from_python():
    report = mr.verify("A04", instances=2)
    assert report.as_expected
    assert report["A4"]["verdict"] == "REFUTED"
    assert report.to_frame().index.tolist() == ["A04"]
    assert "1 published claim: every" in repr(report)


def test_published_claims_are_apart_from_theorems_and_controls():
    assert not set(atlas()) & {*theorems(), *controls()}


def test_the_page_of_the_handbook_is_current():
    script = ROOT / "docs" / "_extensions" / "atlas_page.py"
    found = runpy.run_path(str(script))
    written = {found["PAGE"]: found["page"](), **found["pictures"]()}
    assert len(written) > len(atlas()) - 2  # all but claims without a process or a distribution
    for path, text in written.items():
        assert path.read_text(encoding="utf-8") == text, f"run {script.name}"
