"""``import metaregret as mr``: one obvious way, the same names and numbers as the command line."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import metaregret as mr
from metaregret.experiments.cli import metaregret as command

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "examples" / "one_way.py"

PROMISED = """make goals trajectories rewards solve plan propose compare check verify search errors strategies
plotting Learner Criterion Detection Adversary Simplex TotalVariationBall KullbackLeiblerBall
ConditionalValueAtRisk Polytope MinimaxSolution Plan Proposal Comparison CheckResult VerificationReport
SearchResult Bracket Status"""


def printed(*arguments: str) -> str:
    """What the command line prints, without times."""
    outcome = CliRunner().invoke(command, arguments)
    assert outcome.exit_code == 0, outcome.output
    return timeless(outcome.stdout)


def timeless(text: str) -> str:
    """The text without times and the line breaks that depend on their length."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)? (s\b|│$)", "-", text, flags=re.MULTILINE)).strip()


def document(*arguments: str) -> dict[str, Any]:
    outcome = CliRunner().invoke(command, [*arguments, "--json", "-"])
    assert outcome.exit_code == 0, outcome.output
    return without_seconds(json.loads(outcome.stdout))


def without_seconds(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: without_seconds(value) for key, value in found.items() if key != "seconds"}
    return [without_seconds(item) for item in found] if isinstance(found, list) else found


def test_the_names_that_are_promised() -> None:
    assert set(PROMISED.split()) <= set(mr.__all__)
    for name in mr.__all__:
        assert getattr(mr, name) is not None


def test_the_script_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(SCRIPT))
    out = capsys.readouterr().out
    assert "value   2279601/320000 = 7.123753125" in out
    assert "7.123753125 7.1238 1176801/10398404" in out
    assert {path.name for path in tmp_path.iterdir()} == {"s.json", "c.json"}


@pytest.fixture(scope="module")
def process() -> mr.ControlledMarkovProcess:
    return mr.make("line:4", horizon=3)


def test_print_shows_what_the_command_line_prints(process: mr.ControlledMarkovProcess) -> None:
    same = ("line:4", "--horizon", "3")
    assert printed("solve", *same, "--exact") == timeless(str(mr.solve(mr.goals(process), exact=True)))
    assert printed("plan", *same, "--goal", "2") == timeless(str(mr.plan(process, goal="2")))
    assert printed("propose", *same, "--method", "uniform") == timeless(str(mr.propose(process, "uniform")))
    assert printed("compare", *same, "--methods", "uniform", "--no-memory") == timeless(
        str(mr.compare(process, ["uniform"], memory=False))
    )
    assert printed("verify", "T02", "--workers", "1") == timeless(str(mr.verify("T02")))


def test_documents_are_those_of_the_command_line(process: mr.ControlledMarkovProcess) -> None:
    def plain(result: mr.Result) -> Any:
        return without_seconds(json.loads(json.dumps(result.to_json())))

    same = ("line:4", "--horizon", "3")
    assert document("solve", *same, "--exact") == plain(mr.solve(mr.goals(process), exact=True))
    assert document("plan", *same, "--goal", "2") == plain(mr.plan(process, goal="2"))
    assert document("propose", *same, "--method", "uniform") == plain(mr.propose(process, "uniform"))
    assert document("compare", *same, "--methods", "uniform") == plain(mr.compare(process, ["uniform"]))


def test_a_report_can_be_asked() -> None:
    report = mr.verify("T02", "C03", instances=3)
    assert report.as_expected
    assert report["T2"]["verdict"] == report.to_frame().loc["T02", "verdict"]
    assert report.to_frame().index.tolist() == ["T02", "C03"]
    assert "T02" in report.to_latex()
    assert "every verdict is as expected" in repr(report)
    assert "<table" in report._repr_html_()
    with pytest.raises(mr.errors.InvalidArgumentError, match="T99"):
        report["T99"]


@pytest.mark.parametrize(
    ("uids", "options", "words"),
    [
        (("T99",), {}, "T99"),
        ((3,), {}, "uid"),
        (("T02",), {"instances": 0}, "instances"),
        (("T02",), {"instances": "3"}, "instances"),
        (("T02",), {"seed": -1}, "seed"),
        (("T02",), {"workers": 0}, "workers"),
        ((), {"new": 3}, "new"),
        ((), {"new": "absent.py"}, "absent.py"),
    ],
)
def test_verify_refuses_by_name(uids: tuple[Any, ...], options: dict[str, Any], words: str) -> None:
    with pytest.raises(mr.errors.InvalidArgumentError, match=words):
        mr.verify(*uids, **options)


def test_a_claim_can_be_given_as_an_object() -> None:
    from hypothesis import strategies as st

    from metaregret.theory.claims import property_claim

    holds = property_claim("X01", "squares", "$x^2 \\ge 0$", st.integers(), lambda x: Fraction(x * x))
    assert mr.verify(new=holds, instances=3).as_expected
    fails = property_claim("X02", "positive", "$x > 0$", st.integers(), lambda x: x > 0)
    report = mr.verify(new=fails, instances=3)
    assert not report.as_expected
    assert report["X02"]["verdict"] == "REFUTED"
    assert report.witness("X02") == next(m["failure"]["witness"] for m in report["X02"]["methods"])


def test_importing_the_facade_adds_little_to_numpy_and_scipy() -> None:
    """In fresh interpreters, best of three: using make and solve loads nothing that plans, draws or prints
    before it is needed."""
    code = (
        "import numpy, scipy.sparse, scipy.sparse.linalg, time; began = time.process_time();"
        "import metaregret as mr; mr.make, mr.goals, mr.solve, mr.errors;"
        "print(time.process_time() - began)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    took = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, check=True
            ).stdout
        )
        for _ in range(3)
    ]
    assert min(took) < 0.3


@pytest.mark.parametrize("uid", ["T04", "t4", " c1", "A01"])
def test_a_claim_of_ones_own_takes_no_identifier_that_is_taken(uid: str) -> None:
    from hypothesis import strategies as st

    from metaregret.theory.claims import claim, property_claim

    own = property_claim(uid, "squares", "$x^2 \\ge 0$", st.integers(), lambda x: Fraction(x * x))
    with pytest.raises(mr.errors.InvalidArgumentError, match=r"there already.*identifier of its own"):
        mr.verify(new=own, instances=3)
    assert claim("T02") is claim("T02")
    assert mr.verify(new=claim("T02"), instances=3).as_expected


def test_a_report_on_a_claim_of_ones_own_shows_what_its_author_wrote() -> None:
    from hypothesis import strategies as st

    from metaregret.theory.claims import property_claim

    def margin(x: int) -> Fraction:
        """A square is not negative."""
        return Fraction(x * x)

    row = mr.verify(new=property_claim("X7", "squares", "", st.integers(), margin), instances=3)["X7"]
    (method,) = row["methods"]
    assert (row["kind"], method["how"]) == ("a claim of one's own", "A square is not negative.")
    where = method["where"]
    assert where["file"].endswith("test_facade.py")
    assert where["line"] == margin.__code__.co_firstlineno


def test_rewards_follow_a_process_to_another_horizon_and_to_no_other(
    process: mr.ControlledMarkovProcess,
) -> None:
    tables = mr.rewards(process, {"right": [("2", "*", "3", 1)]}).tables
    assert float(mr.plan(mr.make(process, horizon=9), rewards=tables).value) == pytest.approx(7 - 3)
    with pytest.raises(mr.errors.InvalidArgumentError, match="transitions of 'line:4'"):
        mr.plan(mr.make("line:4,slip=1/2"), rewards=tables)


def test_importers_need_no_import_of_their_own() -> None:
    code = "import metaregret as mr; mr.tabular.importers.read('line:3')"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}
    )
