"""The LaTeX files: structure always, compilation where LaTeX is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.experiments.report.latex import escaped, number_macros, theorem_table

pytest_plugins = ["report_pages"]

MACRO = re.compile(r"\\newcommand\{\\([^}]*)\}\{(.*)\}")


def macros(text: str) -> dict[str, str]:
    found = [MACRO.fullmatch(line) for line in text.splitlines() if not line.startswith("%")]
    assert all(found)
    pairs = [(match[1], match[2]) for match in found if match]
    assert len({name for name, _ in pairs}) == len(pairs), "two macros have one name"
    return dict(pairs)


def balanced(text: str) -> bool:
    depth = 0
    for token in re.findall(r"\\.|[{}]", text):
        depth += (token == "{") - (token == "}")
        if depth < 0:
            return False
    return depth == 0


def test_macros_are_letters_only_and_unique(document: Mapping[str, Any]):
    named = macros(number_macros(document))
    assert all(re.fullmatch("[A-Za-z]+", name) for name in named)
    assert all(balanced(value) for value in named.values())


def test_every_number_is_there(document: Mapping[str, Any]):
    named = macros(number_macros(document))
    assert named["metaregretTFourPlantedCaught"] == "6"
    assert named["metaregretCOneMinimaxRegret"] == r"\ensuremath{1/2}"
    assert named["metaregretCOneItsWorstCaseRegret"] == r"\ensuremath{3/2}"
    assert named["metaregretCEightWorstCaseRegretSix"] == "1024"
    assert named["metaregretTheorems"] == str(len(document["theorems"]))
    rows = {row["uid"]: row for row in document["theorems"]}
    assert named["metaregretTOneInstances"] == str(rows["T01"]["instances"])
    for position, method in enumerate(rows["T04"]["methods"]):
        word = ("One", "Two", "Three", "Four", "Five")[position]
        assert named[f"metaregretTFourMethod{word}Instances"] == str(method["instances"])


def test_names_that_differ_in_punctuation_get_two_macros(document: Mapping[str, Any]):
    twice = {**document, "processes": [*document["processes"], *document["processes"]]}
    assert len(macros(number_macros(twice))) > len(macros(number_macros(document)))


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (1e-9, r"\ensuremath{1\times 10^{-9}}"),
        (float("inf"), r"\ensuremath{\infty}"),
        ("-inf", r"\ensuremath{-\infty}"),
        (-0.5, r"\ensuremath{-0.5}"),
        (None, "--"),
    ],
)
def test_spelling_of_numbers(value: object, spelled: str, document: Mapping[str, Any]):
    row = {**document["theorems"][0], "margin": value}
    named = macros(number_macros({**document, "theorems": [row]}))
    assert named["metaregretTOneMargin"] == spelled


@given(st.text(max_size=60))
def test_any_text_is_escaped(text: str):
    shown = escaped(text)
    assert shown.isascii()
    assert balanced(shown)
    assert not re.search(r"(?<!\\)[&#%$_]", shown)


def test_the_table_has_a_line_a_claim(document: Mapping[str, Any]):
    table = theorem_table(document)
    assert balanced(table)
    assert table.count(r"\begin{longtable}") == table.count(r"\end{longtable}") == 2
    for word in ("toprule", "midrule", "bottomrule"):
        assert table.count(f"\\{word}") >= 2
    lines = [line for line in table.splitlines() if re.match(r"[TC]\d\d &", line)]
    assert len(lines) == len(document["theorems"]) - 1 + len(document["controls"])
    assert all(line.endswith(r"\\") and len(re.findall(r"(?<!\\)&", line)) in (3, 5) for line in lines)


def test_latex_compiles_the_files(site: Path, tmp_path: Path):
    compiler = shutil.which("pdflatex")
    if compiler is None:  # a TeX system is no Python package, and too large to install for one test
        pytest.skip(
            "pdflatex, which pip cannot install, is not on the path (apt-get install "
            "texlive-latex-recommended): LaTeX is not run; escapes, braces, rows and columns are tested"
        )
    paper = (
        r"\documentclass{article}\usepackage{booktabs,longtable,array}\begin{document}"
        rf"\input{{{site}/numbers}}\input{{{site}/theorems}}\metaregretTFourInstances\end{{document}}"
    )
    (tmp_path / "paper.tex").write_text(paper)
    done = subprocess.run(
        [compiler, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
