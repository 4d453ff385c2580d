"""The page on learners says what the committed tables say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd

from metaregret.experiments.figures._learning_page import NAMES, section

DOCS = Path(__file__).resolve().parents[3] / "docs"
RENEW = "python -c 'import sys, pathlib; from metaregret.experiments.figures._learning_page import section; "
RENEW += 'sys.stdout.write(section(pathlib.Path("docs/data")))\''


def page() -> str:
    return (DOCS / "explanation" / "learning.md").read_text()


def test_the_results_on_the_page_are_those_of_the_tables() -> None:
    assert section(DOCS / "data") in page(), f"to renew: {RENEW}"


def test_a_changed_table_is_noticed(tmp_path: Path) -> None:
    """In each table one number that is moved shows."""
    kept = [name for name in NAMES if (DOCS / "data" / f"learning_{name}.csv").exists()]
    assert "memoryless" in kept
    for name in kept:
        shutil.copy(DOCS / "data" / f"learning_{name}.csv", tmp_path)
    assert section(tmp_path) == section(DOCS / "data")
    moved = {"memoryless": "mean_hitting", "gains": "gain", "recurrent": "mean", "price": "price"}
    moved |= {"mixture": "one_worst", "orders": "mean"}
    for name, column in ((name, moved[name]) for name in kept):
        path = tmp_path / f"learning_{name}.csv"
        before = path.read_text()
        table = pd.read_csv(path)
        table[column] += 5
        table.to_csv(path, index=False)
        assert section(tmp_path) not in page(), name
        path.write_text(before)


def test_files_named_on_the_page_exist() -> None:
    for name in re.findall(r"`(\w+\.py)`", page()):
        assert (DOCS.parent / "theory" / "learning" / name).exists(), name
    for picture in re.findall(r"\.\./images/figures/(\w+\.png)", page()):
        assert (DOCS / "images" / "figures" / picture).exists(), picture
