from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli


def proposed(cli: Cli, *arguments: str) -> dict[str, Any]:
    outcome = cli("propose", *arguments, "--json", "-")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["format"] == "metaregret-proposal/1"
    assert sum(document["goal_distribution"].values()) == pytest.approx(1.0, abs=1e-9)
    return document


def test_capacity_is_uniform_and_minimax_without_noise(cli: Cli) -> None:
    document = proposed(cli, "grid:3x3", "--horizon", "4")
    assert document["matches_uniform"] is True
    assert document["matches_minimax"] is True
    assert document["worst_case_regret"] == pytest.approx(8, abs=1e-6)


# The capacity at slip 1/10 is certified from both sides (branch and bound): 1.79087269 nats, regret 9.5310.
def test_capacity_is_not_minimax_with_noise(cli: Cli) -> None:
    document = proposed(cli, "grid:3x3,slip=1/10", "--horizon", "4")
    information = document["mutual_information"]
    assert information["lower"] <= information["upper"] <= information["lower"] + 1e-8
    assert information["lower"] == pytest.approx(1.79087269, abs=1e-7)
    assert document["worst_case_regret"] == pytest.approx(9.5310, abs=1e-3)
    assert document["minimax_regret"] == pytest.approx(7.1238, abs=1e-4)
    assert document["matches_minimax"] is False


@pytest.mark.parametrize(
    "method", ["diayn", "vic", "valor", "smm", "dads", "carml", "random", "uniform", "hand-made", "scratch"]
)
def test_every_method_runs_and_draws(cli: Cli, method: str, tmp_path: Path) -> None:
    picture = tmp_path / "proposal.png"
    document = proposed(cli, "line:3", "--horizon", "2", "--method", method, "--figure", str(picture))
    assert set(document["goal_distribution"]) == {"0", "1", "2"}
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_table_and_picture(cli: Cli, tmp_path: Path) -> None:
    picture = tmp_path / "proposal.png"
    outcome = cli("propose", "line:4", "--figure", str(picture))
    assert outcome.status == 0
    assert "mutual information" in outcome.out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_learners_trained_on_the_proposal(cli: Cli) -> None:
    """T5 and T12 on a line: uniform goals train learners of regret K - 1 and, with memory, (K - 1) / 2."""
    without = proposed(cli, "line:5", "--method", "vic", "--learner", "memoryless")["trained"]
    assert without["episodes"] == "inf"
    assert without["worst_case_regret"]["upper"] == pytest.approx(4, abs=1e-3)
    with_memory = proposed(cli, "line:5", "--method", "vic", "--learner", "memory")["trained"]
    assert with_memory["episodes"] == 5
    assert with_memory["worst_case_regret"]["lower"] <= 2 <= with_memory["worst_case_regret"]["upper"]
    assert with_memory["minimax_regret"]["upper"] == pytest.approx(2, abs=1e-6)
    assert with_memory["worst_case_regret_as_planned"] == pytest.approx(4)
    fewer = proposed(cli, "line:5", "--method", "vic", "--learner", "memory", "--episodes", "2")["trained"]
    # T12 for N <= K: N - N (N + 1) / (2 K).
    assert fewer["worst_case_regret"]["upper"] == pytest.approx(2 - 6 / 10, abs=1e-3)
    assert "trained on them, memory, N = 5" in cli("propose", "line:5", "--learner", "memory").out


def test_hand_made_takes_a_test_distribution(cli: Cli) -> None:
    document = proposed(
        cli, "line:3", "--method", "hand-made", "--test", "0=1", "--test", "2=3", "--learner", "memoryless"
    )
    assert document["goal_distribution"] == {"0": 0.25, "1": 0.0, "2": 0.75}
    assert document["worst_case_regret"] == "inf"
    # T3: rho ~ sqrt(p), loss (sum sqrt p)^2 - 1.
    assert document["trained"]["expected_regret"]["upper"] == pytest.approx((0.5 + 0.75**0.5) ** 2 - 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("line:3", "--test", "0=1"), "--method hand-made"),
        (("line:3", "--method", "hand-made", "--test", "0"), "GOAL=WEIGHT"),
        (("line:3", "--method", "hand-made", "--test", "0=0"), "positive weight"),
        (("line:3", "--method", "hand-made", "--test", "0=1", "--test", "0=2"), "given twice"),
        (("line:9", "--horizon", "2", "--method", "hand-made", "--test", "8=1"), "out of reach"),
        (("line:3", "--method", "hand-made", "--test", "0=1", "--test", "2=1e-400"), "too small"),
        (("line:3", "--episodes", "3"), "--learner memory"),
        (("line:3", "--learner", "memory", "--episodes", "inf"), "finite"),
        (("line:3", "--ways", "3"), "digits"),
        (("line:3", "--gamma", "1/2", "--learner", "memory"), "horizon"),
        (("grid:9x9", "--learner", "memory"), "fewer episodes"),
        (("digits", "--skills", "3"), "digits"),
        (("digits", "--method", "capacity"), "cactus"),
        (("line:3", "--method", "cactus"), "digits"),
        (("line:3", "--method", "divination", "--figure", "goals.xyz"), ".pdf"),  # before any work
    ],
)
def test_bad_options_are_explained(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    outcome = cli("propose", *arguments)
    assert outcome.status == 2
    assert words in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("method", ["cactus", "umtra"])
def test_classification_tasks_on_digits(cli: Cli, method: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is an optional dependency")
    picture = tmp_path / "classes.svg"
    outcome = cli(
        "propose", "digits", "--method", method, "--ways", "2", "--figure", str(picture), "--json", "-"
    )
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["format"] == "metaregret-supervised-proposal/1"
    assert 0 < document["worst_case_regret"] < 1
    assert len(document["hardest"]) == 2
    assert "<svg" in picture.read_text()


def test_digits_without_scikit_learn_name_the_extra(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    outcome = cli("propose", "digits", "--method", "cactus")
    assert outcome.status == 2
    assert "metaregret[supervised]" in outcome.err


def test_unknown_method_is_named(cli: Cli) -> None:
    outcome = cli("propose", "line:3", "--method", "divination")
    assert outcome.status == 2
    assert "divination" in outcome.err
    assert "capacity" in outcome.err


@pytest.mark.parametrize("options", [("--figure", "--json"), ("--certificate", "--json")])
def test_no_output_overwrites_another(cli: Cli, options: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "out.png"
    again = tmp_path / "folder" / ".." / "out.png"
    (tmp_path / "folder").mkdir()
    outcome = cli("propose", "line:3", options[0], str(file), options[1], str(again))
    assert outcome.status == 2
    assert "same file" in outcome.err
    assert not file.exists()


@pytest.mark.parametrize("place", ["missing/out.json", "", "file/out.json"])
def test_places_that_cannot_be_written_are_refused_before_the_work(
    cli: Cli, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr("metaregret.theory.proposals.propose", lambda *_, **__: pytest.fail("worked first"))
    picture = tmp_path / "picture.png"
    outcome = cli("propose", "line:3", "--figure", str(picture), "--json", str(tmp_path / place))
    assert outcome.status == 2
    assert "Cannot write --json" in outcome.err
    assert not picture.exists()


def test_weights_of_the_test_distribution_may_have_any_size(cli: Cli) -> None:
    """Only their ratios count, in rational arithmetic: these overflow every floating-point number."""
    huge = ("--test", "0=1e400", "--test", "2=3e400")
    tiny = ("--test", "0=1e-400", "--test", "2=3e-400")
    for weights in (huge, tiny):
        document = proposed(cli, "line:3", "--method", "hand-made", *weights)
        assert document["goal_distribution"] == {"0": 0.25, "1": 0.0, "2": 0.75}


# C_2 of F(4, 1/2) is log(64/15): by symmetry q = (x, (1 - x)/4, ..) makes both kinds of action equally far.
@pytest.mark.parametrize(
    ("options", "lower", "upper"),
    [
        (("--method", "capacity"), 1.4017985476, 1.4017985477),
        (("--method", "order", "--alpha", "2"), 4.26666, 64 / 15),
    ],
)
def test_certificates_of_information(
    cli: Cli, tmp_path: Path, options: tuple[str, ...], lower: float, upper: float
) -> None:
    file, about = str(tmp_path / "c.json"), ("--certify", "information")
    outcome = cli("propose", "noisy-goal:K=4,v=1/2", *options, "--certificate", file, *about, "--json", "-")
    assert outcome.status == 0, outcome.err
    proved = json.loads(cli("check", file, "--json", "-").out)["proved"]
    assert lower <= float(Fraction(proved["lower"])) <= float(Fraction(proved["upper"])) <= upper


@pytest.mark.parametrize("method", [("uniform",), ("order", "--alpha", "inf"), ("order", "--alpha", "3/2")])
def test_information_without_a_certificate(cli: Cli, tmp_path: Path, method: tuple[str, ...]) -> None:
    file = tmp_path / "c.json"
    outcome = cli(
        "propose", "line:3", "--method", *method, "--certificate", str(file), "--certify", "information"
    )
    assert (outcome.status, file.exists()) == (2, False)
    assert outcome.err.startswith("metaregret: ")
