"""``metaregret verify`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Deep runs keep their evidence in the user's cache folder: not in that of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "metaregret" / "verification.sqlite"


def test_named_claims_as_a_table(cli: Cli):
    outcome = cli("verify", "T2", "C06", "--instances", "3")
    assert outcome.status == 0
    assert "PROVED" in outcome.out
    assert "REFUTED" in outcome.out
    assert "4/4" in outcome.out
    assert "4 of 4 planted errors caught" in outcome.out
    assert outcome.err == ""


def test_the_same_as_json(cli: Cli):
    outcome = cli("verify", "T02", "C06", "--instances", "3", "--seed", "4", "--json", "-")
    document = json.loads(outcome.out)
    assert document["format"] == "metaregret-report/1"
    assert document["seed"] == 4
    (theorem,) = document["theorems"]
    fields = "uid title statement verdict expected margin instances assumptions uses"
    assert set(fields.split()) <= set(theorem)
    assert all({"name", "group", "instances", "margin", "seconds"} <= set(m) for m in theorem["methods"])
    assert [error["caught"] for error in theorem["planted"]] == [True] * 4
    assert all(error["method"] in {m["name"] for m in theorem["methods"]} for error in theorem["planted"])
    assert document["controls"][0]["witness"]["task_distribution"] == ["4/5", "1/5"]
    assert document["summary"]["planted_errors_caught"] == document["summary"]["planted_errors"] == 4


def test_the_command_of_a_row_reproduces_it(cli: Cli):
    first = json.loads(cli("verify", "T02", "--instances", "4", "--seed", "9", "--json", "-").out)
    command = first["theorems"][0]["command"]
    assert command == "metaregret verify T02 --instances 4 --seed 9"
    again = json.loads(cli(*command.split()[1:], "--json", "-").out)
    for document in (first, again):
        for method in document["theorems"][0]["methods"]:
            del method["seconds"]
    assert first["theorems"][0]["methods"] == again["theorems"][0]["methods"]


def test_exact_mode(cli: Cli):
    outcome = cli("verify", "T04", "--exact", "--instances", "3", "--json", "-")
    (row,) = json.loads(outcome.out)["theorems"]
    assert outcome.status == 0
    assert row["margin"] == 0
    assert {method["group"] for method in row["methods"]} <= {"symbolic", "exact", "enumeration"}
    assert "--exact" in row["command"]


def test_a_report_has_the_certificate_of_every_row_that_has_one(cli: Cli, tmp_path: Path):
    outcome = cli("verify", "T01", "T02", "C08", "--instances", "3", "--report", str(tmp_path))
    assert outcome.status == 0, outcome.err
    document = json.loads((tmp_path / "report.json").read_text())
    rows = {row["uid"]: row.get("certificates", []) for row in (*document["theorems"], *document["controls"])}
    assert rows == {"T01": ["certificates/T01.json"], "T02": [], "C08": ["certificates/C08.json"]}
    assert sorted(path.name for path in (tmp_path / "certificates").iterdir()) == ["C08.json", "T01.json"]
    assert "38/27 <= value <= 38/27" in cli("check", str(tmp_path / "certificates" / "T01.json")).out
    assert "inf <= value <= inf" in cli("check", str(tmp_path / "certificates" / "C08.json")).out
    assert "certificates/T01.json" in (tmp_path / "T01.html").read_text()


def test_a_report_folder(cli: Cli, tmp_path: Path):
    folder = tmp_path / "new" / "report"
    outcome = cli("verify", "T02", "C06", "--instances", "3", "--report", str(folder))
    assert outcome.status == 0
    assert f"wrote {folder / 'index.html'}" in outcome.out.replace("\n", "")
    made = {path.name for path in folder.iterdir()}
    assert made == {
        "source_theory_controls_c06_wrong_exponent_py.html",
        "source_theory_theorems_t02_inverse_relation_py.html",
        "index.html", "T02.html", "C06.html", "style.css", "report.json", "theorems.tex", "numbers.tex",
    }  # fmt: skip
    assert json.loads((folder / "report.json").read_text())["theorems"][0]["uid"] == "T02"


def test_a_malformed_figure_is_refused_before_the_work(cli: Cli, tmp_path: Path):
    (tmp_path / "law.svg").write_text("<svg/>")
    (tmp_path / "law.json").write_text('{"format": "metaregret-figure/1"}')
    outcome = cli("verify", "T02", "--report", str(tmp_path / "pages"), "--figures", str(tmp_path))
    assert outcome.status == 2
    assert 'the field "name" is missing' in outcome.err
    assert list((tmp_path / "pages").iterdir()) == []
    nowhere = cli("verify", "T02", "--report", str(tmp_path / "pages"), "--figures", str(tmp_path / "none"))
    assert "none is not a folder" in nowhere.err


def test_a_deep_run_goes_on_where_it_was(cli: Cli, cache: Path):
    arguments = ("verify", "T02", "--examples", "30")
    assert "earlier run" not in cli(*arguments).out
    assert cache.is_file()
    again = cli(*arguments)
    assert again.status == 0
    assert "4 results are from an earlier run of the same code" in again.out


def test_the_file_of_evidence_can_be_chosen(cli: Cli, cache: Path, tmp_path: Path):
    chosen = tmp_path / "mine.sqlite"
    assert cli("verify", "T02", "--instances", "3", "--resume", str(chosen)).status == 0
    assert chosen.is_file()
    assert not cache.exists()
    wrong = tmp_path / "notes.txt"
    wrong.write_text("something else entirely" * 30)
    outcome = cli("verify", "T02", "--resume", str(wrong))
    assert outcome.status == 2
    assert "not a store of results" in outcome.err


def test_claims_from_outside(cli: Cli, tmp_path: Path):
    true = cli("verify", "--new", str(EXAMPLES / "true_claim.py"), "--instances", "2", "--json", "-")
    (row,) = json.loads(true.out)["theorems"]
    assert true.status == 0
    assert (row["verdict"], row["instances"]) == ("SUPPORTED", 23)  # with the 13 edge cases
    assert row["command"].startswith("metaregret verify --new ")
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from hypothesis import strategies as st\nfrom metaregret.theory.claims import property_claim\n"
        "THEOREM = property_claim('<b>X</b>', '<script>', 'x < 1', st.integers(0, 9), lambda n: n < 3)\n"
    )
    false = cli("verify", "--new", str(wrong), "--report", str(tmp_path / "pages"))
    assert false.status == 1
    assert "REFUTED" in false.out
    assert "<script>" not in (tmp_path / "pages" / "index.html").read_text()


def test_edited_evidence_of_an_own_claim_is_not_used(cli: Cli, tmp_path: Path):
    mine, store = tmp_path / "mine.py", tmp_path / "store.sqlite"
    text = (
        "from hypothesis import strategies as st\nfrom metaregret.theory.claims import property_claim\n"
        "THEOREM = property_claim('X1', 't', 'x', st.integers(0, 9), lambda n: n < 10)\n"
    )
    mine.write_text(text)
    assert cli("verify", "--new", str(mine), "--resume", str(store)).status == 0
    assert "1 results" in cli("verify", "--new", str(mine), "--resume", str(store)).out
    mine.write_text(text.replace("n < 10", "n < 5"))
    assert cli("verify", "--new", str(mine), "--resume", str(store)).status == 1


OWN = """
import sys
from metaregret.theory.claims.evidence import Group, Trial
from metaregret.theory.claims.theorem import Control, Kind, Method, Planted, Theorem
def trials(claim, context):
    {body}
def holds(claim, context):
    yield Trial("i", 0.0 if claim == 1 else -1.0)
METHODS = Method("mine", Group.EXACT, trials), Method("other", Group.SYMBOLIC, holds)
THEOREM = Theorem({uid!r}, "t", "x", Kind.EXTENSION, "s", 1, METHODS, (Planted("wrong", {wrong}),))
"""
FINE = "yield Trial('i', 0.0 if claim == 1 else -1.0)"


@pytest.mark.parametrize(
    ("body", "uid", "wrong", "status", "words"),
    [
        (FINE, "X1", 2, 0, "every verdict is as expected"),
        (FINE, "X1", 1, 1, "the planted error 'wrong' was not caught"),
        ("yield from ()", "X1", 2, 1, "VACUOUS"),
        ("yield Trial('i', float('nan'))", "X1", 2, 1, "REFUTED"),
        (f"{FINE}; 1 / 0", "X1", 2, 2, "X1: the method 'mine' raised ZeroDivisionError"),
        (f"claim == 1 or 1 / 0; {FINE}", "X1", 2, 2, "on the planted error 'wrong' raised ZeroDivisionError"),
        ("return None", "X1", 2, 2, "the method 'mine' raised TypeError"),
        ("return [3]", "X1", 2, 2, "the method 'mine' raised AttributeError"),
        (f"sys.exit(0); {FINE}", "X1", 2, 2, "the method 'mine' raised SystemExit"),
        (FINE, 5, 2, 2, "expected a text for uid, but got 5"),
    ],
)
def test_own_claims_that_go_wrong(
    cli: Cli, tmp_path: Path, body: str, uid: object, wrong: int, status: int, words: str
):
    """A claim whose check fails, says nothing or breaks is never taken for one that holds."""
    mine = tmp_path / "mine.py"
    mine.write_text(OWN.format(body=body, uid=uid, wrong=wrong))
    outcome = cli("verify", "--new", str(mine), "--workers", "1")
    assert outcome.status == status
    assert words in " ".join((outcome.out + outcome.err).split())
    assert "Traceback" not in outcome.err


def test_a_margin_that_is_no_number_is_the_worst(cli: Cli, tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text(OWN.format(body="yield Trial('i', float('nan'))", uid="X1", wrong=2))
    (row,) = json.loads(cli("verify", "--new", str(mine), "--json", "-").out)["theorems"]
    assert row["margin"] is None  # infinitely far on the wrong side, not the 0 of the method that holds
    assert "(exact)" not in cli("verify", "--new", str(mine)).out


def test_a_claim_named_as_a_page_of_the_report_does_not_replace_it(cli: Cli, tmp_path: Path):
    mine, pages = tmp_path / "mine.py", tmp_path / "pages"
    mine.write_text(OWN.format(body=FINE, uid="index", wrong=2))
    assert cli("verify", "--new", str(mine), "--report", str(pages)).status == 0
    assert 'href="claim_index.html"' in (pages / "index.html").read_text()
    assert (pages / "claim_index.html").exists()


def test_a_file_that_ends_the_program_is_refused(cli: Cli, tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text("import sys\nsys.exit(0)\n")
    outcome = cli("verify", "--new", str(mine))
    assert outcome.status == 2
    assert "failed to import: SystemExit" in " ".join(outcome.err.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("T99",), "Unknown claim"),
        (("--report", __file__), "is a file"),
        (("--figures", "."), "add --report"),
        (("--report", f"{__file__}/below"), "Cannot make the folder"),
        (("--new", "nothing.py"), "no such file"),
        (("--instances", "0"), "0 is not in the range"),
        (("T02", "--new", str(EXAMPLES.parent / "examples" / "x.py")), "no such file"),
    ],
)
def test_bad_usage(cli: Cli, arguments: tuple[str, ...], words: str):
    outcome = cli("verify", *arguments)
    assert outcome.status == 2
    assert words in outcome.err
    assert "Traceback" not in outcome.err
