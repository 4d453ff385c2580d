"""A report with everything in it: true claims, a control with a map, one with a graph, and a failing claim
whose every name is hostile."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from metaregret.experiments.report import planted_rows, process_row, report_document, theorem_row
from metaregret.experiments.report.html import write_site
from metaregret.experiments.report.latex import write_latex
from metaregret.experiments.verification import verify_all
from metaregret.tabular.files import process_document
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims import (
    Context,
    Evidence,
    Group,
    Kind,
    Method,
    Planted,
    PlantedScore,
    Theorem,
    Trial,
    claim,
    theorem_result,
)
from metaregret.theory.main_claim import check_main_claim

HOSTILE = '<script>window.broken = true</script>" onload="x'
CLAIMS = ("T01", "T02", "T03", "T04", "T05", "T09", "C01", "C02", "C03", "C06", "C07", "C08")


def hostile_process() -> ControlledMarkovProcess:
    return ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, Fraction(1, 2)), (0, 0, 1, Fraction(1, 2)), (0, 1, 0, 1), (1, 0, 1, 1)],
        states=[HOSTILE, "b"],
        actions=[HOSTILE, "y"],
        initial=0,
        horizon=1,
        name=HOSTILE,
    )


def hostile_row() -> dict[str, Any]:
    """A refuted claim with markup in its identifier, title, statement, methods, errors and witness."""
    witness = {"instance": process_document(hostile_process())}
    failure = Trial(HOSTILE, -0.25, HOSTILE, witness)
    evidence = Evidence(HOSTILE, Group.EXACT, frozenset({HOSTILE}), 3, -0.25, 0.1, failure, HOSTILE)
    method = Method(HOSTILE, Group.EXACT, lambda claim, context: [failure], general=HOSTILE)
    missed = Planted(HOSTILE, None)
    statement = rf"x<1 \text{{{HOSTILE}}}"
    theorem = Theorem(f"X1{HOSTILE}", HOSTILE, statement, Kind.EXTENSION, HOSTILE, None, (method,), (missed,))
    score = planted_rows(PlantedScore(theorem, (), (missed,)))
    row = theorem_row(theorem_result(theorem, [evidence]), score)
    return {**row, "uses": ["T01", HOSTILE], "certificates": ["certificates/T04.json", "../secret.json"]}


def make_document() -> dict[str, Any]:
    context = Context(instances=2)
    rows, _ = verify_all([claim(uid) for uid in CLAIMS], [], context)
    rows["T04"]["certificates"] = ["certificates/T04.json", "certificates/absent.json"]
    theorems = [*(row for row in rows.values() if "methods" in row), hostile_row()]
    controls = [row for row in rows.values() if "drops" in row]
    processes = [process_row(check_main_claim(hostile_process()))]
    settings = {"seed": 0, "instances": 2, "exact": False}
    document = report_document(
        theorems, controls, processes, version="0.1", settings=settings, seconds=1.0,
        files={f"X1{HOSTILE}": f"{HOSTILE}.py"},
    )  # fmt: skip
    return document


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The report, made once: workers of one run share the folder above their own."""
    folder = tmp_path_factory.getbasetemp()
    path = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "report_pages.json"
    claimed = path.with_suffix(".claimed")
    for _ in range(1200):  # at most two minutes for another worker, which may have failed
        if path.exists():
            break
        try:
            claimed.touch(exist_ok=False)
        except FileExistsError:
            time.sleep(0.1)
        else:
            fresh = path.with_suffix(".fresh")
            fresh.write_text(json.dumps(make_document()))
            fresh.replace(path)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `metaregret figures` writes it."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "law.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="900" height="90"/>')
    (folder / "law.csv").write_text("p,rho\n0.25,0.5\n")
    manifest = {
        "format": "metaregret-figure/1",
        "name": "law",
        "title": f"Square roots {HOSTILE}",
        "caption": rf"It is $\sqrt{{p_g v_g}}$, not {HOSTILE}.",
        "theorems": ["T03", "C06"],
        "command": "metaregret figures law",
    }
    (folder / "law.json").write_text(json.dumps(manifest))
    (folder / "unfinished.json").write_text("{")  # no picture beside it: not looked at
    return folder


@pytest.fixture(scope="session")
def site(document: Mapping[str, Any], gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of the report, beside its other files."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "certificates").mkdir()
    (folder / "certificates" / "T04.json").write_text("{}")
    (folder / "report.json").write_text(json.dumps(document))
    write_latex(document, folder)
    write_site(document, folder, gallery)
    return folder
